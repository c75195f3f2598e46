"""Does the cube of ``full`` show what was simulated? Stars, sky and channels against the scene.

    python -m benchmarks.reduction.agreement FOLDER [--cube FILE] [--range FIRST LAST]

Prints how evenly the twilight saw the channels, how stars agree with the scene, and which share of a
channel's drift its sky keeps.
"""

import argparse
from pathlib import Path

import numpy as np
from astropy.io import fits
from scipy import ndimage, special

from pipeline.config.settings import Settings
from pipeline.muse.geometry import N_CHANNELS, slice_address
from pipeline.simulation.raw import spectra
from pipeline.simulation.raw.campaign import exposure_scene
from pipeline.simulation.raw.exposure import RawScene, moffat_as_gaussians
from pipeline.sources import simulation_plan
from pipeline.tasks.measure import build_simulation

RADIUS_PX = 4.5
DARK_PX = 15.0  # from every star: sky alone
EDGE_PX = 8.0
FINE = 5  # samples of a spaxel along each axis, where slices meet within it


def main() -> None:
    """Read the cube of a folder and print what it agrees with."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cube", type=Path, help="default: that of muse_scipost")
    parser.add_argument("--range", type=float, nargs=2, default=(7000.0, 9000.0))
    args = parser.parse_args()
    show_twilight(args.folder)
    cube = args.cube or max(args.folder.glob("work/scipost-*/DATACUBE_FINAL*.fits"))
    plan, settings = simulation_plan(), Settings()
    scene, conditions = exposure_scene(build_simulation(plan, settings), plan.reference_index)
    show_agreement(cube, scene, conditions.mode, conditions.exptime_s, args.range)


def show_twilight(folder: Path) -> None:
    """The ratio of twilight to lamp in every channel; in the pixel tables, if they were kept."""
    ratios = []
    for path in sorted(folder.glob("work/scibasic-*/*.fits")):
        header = fits.getheader(path)
        sky, lamp = (header.get(f"ESO DRS MUSE FLAT FLUX {one}") for one in ("SKY", "LAMP"))
        if sky and lamp:
            ratios.append(sky / lamp)
    if ratios:
        low, middle, high = np.percentile(ratios, (0, 50, 100))
        print(
            f"twilight over lamp in {len(ratios)} channels: median {middle:.4f}, "
            f"{100 * (low / middle - 1):+.2f} to {100 * (high / middle - 1):+.2f} %"
        )


def show_agreement(
    path: Path, scene: RawScene, mode: str, exptime_s: float, band: tuple[float, float]
) -> None:
    """Compare the image of a band with the scene's."""
    image = band_image(path, band)
    inside = np.isfinite(image)
    standard = len(scene.x_field_px) - 1  # the brightest
    origin = find_standard_position(image) - np.array([scene.x_field_px[-1], scene.y_field_px[-1]])
    stars, sky = band_light(scene, mode, exptime_s, band)
    y, x = np.indices(image.shape, dtype=float)
    field_x, field_y = x - origin[0], y - origin[1]
    response = response_image(field_x, field_y, scene.response)
    light = starlight(field_x, field_y, scene, stars, band)
    edge = ndimage.distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1]
    distance = [
        np.hypot(field_x - sx, field_y - sy)
        for sx, sy in zip(scene.x_field_px, scene.y_field_px, strict=True)
    ]
    dark = inside & (edge > EDGE_PX) & (np.min(distance, axis=0) > DARK_PX)

    reach = inside & (distance[standard] < RADIUS_PX)
    scale = np.sum(image[reach]) / np.sum((light * response)[reach])  # of the response curve
    print(f"flux of the standard, cube over scene: {scale:.3f}")
    drift = response - np.mean(response[dark])
    by_spaxel, level = np.polyfit(drift[dark] * sky, (image / scale - light * response)[dark], 1)
    channel = slice_address(field_x, field_y).channel
    pairs = [
        (np.mean(drift[spot]) * sky, np.median((image / scale - light * response)[spot]))
        for spot in (dark & (channel == one) for one in range(1, N_CHANNELS + 1))
        if np.sum(spot) > 100
    ]
    expected, kept = np.transpose(pairs)
    share, _ = np.polyfit(expected, kept, 1)
    r = np.corrcoef(expected, kept)[0, 1]
    print(
        f"sky that a channel keeps, over its drift times the sky: {share:.3f} "
        f"from {len(pairs)} channels (r = {r:.3f}), {by_spaxel:.3f} from spaxels"
    )
    model = light * response + share * drift * sky + level
    rows = []
    for number, near in enumerate(distance):
        spot = near < RADIUS_PX
        if number == standard or not np.all(inside[spot]):
            continue
        star = np.sum((light * response)[spot])
        all_light = star + sky * np.sum(response[spot])
        off = np.sum(image[spot]) / scale - np.sum(model[spot])
        rows.append((star, off / star, off / all_light))
    star, of_star, of_all = np.transpose(sorted(rows, reverse=True))
    bright = star > np.median(star)
    print(
        f"{len(rows)} stars: cube - scene, rms {100 * rms(of_all):.2f} % of star and sky in the "
        f"aperture; of the star {100 * rms(of_star[bright]):.2f} % for the brighter half, "
        f"{100 * rms(of_star[~bright]):.2f} % for the fainter"
    )


def band_image(path: Path, band: tuple[float, float]) -> np.ndarray:
    """Mean of the layers in a band, shape (y, x); NaN where any of them is."""
    with fits.open(path, memmap=True) as hdus:
        header, data = hdus["DATA"].header, hdus["DATA"].data
        wave = header["CRVAL3"] + header["CD3_3"] * (
            np.arange(data.shape[0]) + 1 - header["CRPIX3"]
        )
        total = np.zeros(data.shape[1:])
        layers = np.flatnonzero((wave > band[0]) & (wave < band[1]))
        for layer in layers:
            total += data[layer]
    return np.asarray(total / len(layers))


def find_standard_position(image: np.ndarray) -> np.ndarray:
    """Centre (x, y) of the brightest star."""
    smooth = ndimage.gaussian_filter(np.nan_to_num(image), 2)
    row, column = np.unravel_index(np.argmax(smooth), image.shape)
    part = np.nan_to_num(image[row - 8 : row + 9, column - 8 : column + 9])
    dy, dx = ndimage.center_of_mass(part - np.median(part))
    return np.array([column - 8 + dx, row - 8 + dy])


def band_light(
    scene: RawScene, mode: str, exptime_s: float, band: tuple[float, float]
) -> tuple[np.ndarray, float]:
    """Mean flux of every star, and of the sky in a spaxel, over a band [cube unit]."""
    use = (scene.wave_aa > band[0]) & (scene.wave_aa < band[1])
    unit = exptime_s * np.interp(
        scene.wave_aa[use], spectra.GRID_AA, spectra.electrons_per_unit_aa(mode)
    )
    stars = np.mean(scene.star_electrons[:, use] / unit, axis=1)
    return stars, float(np.mean(scene.sky_electrons[use] / unit))


def response_image(x: np.ndarray, y: np.ndarray, response: np.ndarray) -> np.ndarray:
    """Mean response over every spaxel; NaN outside the field."""
    steps = (np.arange(FINE) + 0.5) / FINE - 0.5
    total = np.zeros(x.shape)
    for dx in steps:
        for dy in steps:
            address = slice_address(x + dx, y + dy)
            value = response[address.channel - 1, address.slice - 1]
            total += np.where(address.channel > 0, value, np.nan)
    return np.asarray(total / FINE**2)


def starlight(
    x: np.ndarray, y: np.ndarray, scene: RawScene, flux: np.ndarray, band: tuple[float, float]
) -> np.ndarray:
    """Light of all stars in every spaxel, Moffat profiles integrated over it."""
    use = (scene.wave_aa > band[0]) & (scene.wave_aa < band[1])
    fwhm = float(np.mean(scene.fwhm_px[use]))
    image = np.zeros(x.shape)
    for sx, sy, one in zip(scene.x_field_px, scene.y_field_px, flux, strict=True):
        for weight, sigma in moffat_as_gaussians(scene.beta):
            image += one * weight * _bin(x - sx, sigma * fwhm) * _bin(y - sy, sigma * fwhm)
    return image


def _bin(offset: np.ndarray, sigma: float) -> np.ndarray:
    """Share of a Gaussian in a bin of width 1."""
    return np.asarray(special.ndtr((offset + 0.5) / sigma) - special.ndtr((offset - 0.5) / sigma))


def rms(values: np.ndarray) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(values))))


if __name__ == "__main__":
    main()

"""Light curves of a crowded cluster: the joint PSF fit against apertures and other libraries.

    python -m benchmarks.own_fields.crowding [--seeds N] [--first SEED] [--ours-only] [--scratch DIR]

Cubes of the cluster of ``benchmarks.own_fields.cubes``, one campaign a seed. Stars are found and matched
by this project's chain; every method measures at the same places, within 4.5 px. "less neighbours" are the
apertures of method "exact" less the light of neighbours, what statistics start from. photutils fits a
Moffat profile, the true form of these stars, of the width and index that it finds on single bright
ones, in groups, with positions free; it and mpdaf's apertures work on the passband's image or its
layers. What is compared is the root mean square of ln F less the truth over the exposures, after the
median over bright single stars is taken off each.
"""

import argparse
import logging
import tempfile
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import scipy

from benchmarks.own_fields.cubes import (
    MIDDLE_PX,
    SIDE_PX,
    WAVE_AA,
    DrawnCubes,
    draw_cubes,
    write_cubes,
)
from benchmarks.targets import CLUSTER, RADIUS_PX
from pipeline.config.passbands import load_band
from pipeline.config.settings import DetectionSettings, Field, Settings
from pipeline.measure import Detection, ReferenceCatalogue, detect, make_reference, measure
from pipeline.measure.contamination import Moffat, contamination
from pipeline.measure.crowding import psf_of
from pipeline.measure.neighbour_light import (
    fitted_sources,
    neighbour_light,
    psf_among_neighbours,
)
from pipeline.muse.cube import Cube, open_cube
from pipeline.statistics.neighbours import subtracted

FIRST_SEED = 72_000_000  # nothing was tuned on these
MATCH_PX = 1.0  # between a star of the catalogue and a true one
SINGLE, CROWDED = 0.005, 0.02  # change of ln F that neighbours can make in apertures
BRIGHT_SNR = 100.0
GROUP_FWHM = 2.0  # photutils fits stars that are closer together
N_SHAPE_STARS = 12  # that tell photutils the profile
BAND = "I_Bessel"
Measure = Callable[[Path, Cube, np.ndarray, Moffat], np.ndarray]


def chain(method: str, detection: Detection, reference: ReferenceCatalogue) -> Measure:
    """This project's extraction, with the match that belongs to it."""

    def fluxes(path: Path, cube: Cube, xy: np.ndarray, psf: Moffat) -> np.ndarray:
        del path, xy, psf
        settings = _settings(method)
        found = measure(cube, detection, reference, settings)
        radius = settings.extraction.radii_px.index(RADIUS_PX)
        return np.asarray(found.photometry[0].fluxes.flux[:, radius])

    return fluxes


def photutils_psf(path: Path, cube: Cube, xy: np.ndarray, psf: Moffat) -> np.ndarray:
    """``photutils.psf.PSFPhotometry`` on the passband's image."""
    from astropy.table import QTable
    from photutils.background import LocalBackground, MedianBackground
    from photutils.psf import MoffatPSF, PSFPhotometry, SourceGrouper

    del path
    image, variance = _band_images(cube)
    model = MoffatPSF(alpha=psf.alpha_px(), beta=psf.beta)
    light = np.nansum(image) / len(xy)
    fit = PSFPhotometry(
        model,
        (9, 9),
        grouper=SourceGrouper(GROUP_FWHM * psf.fwhm_px),
        aperture_radius=RADIUS_PX,
        xy_bounds=1.0,
        local_bkg_estimator=LocalBackground(12, 20, MedianBackground()),
    )
    start = QTable({"x": xy[:, 0], "y": xy[:, 1], "flux": np.full(len(xy), light)})
    del start["flux"]  # it measures apertures itself
    bad = ~np.isfinite(image)
    table = fit(
        np.where(bad, 0.0, image),
        mask=bad,
        error=np.sqrt(np.where(bad, 1.0, variance)),
        init_params=start,
    )
    table.sort("id")
    return np.asarray(table["flux_fit"], float)


def mpdaf_aperture(path: Path, cube: Cube, xy: np.ndarray, psf: Moffat) -> np.ndarray:
    """``mpdaf.obj.Cube.aperture`` of each star, its spectrum summed in the passband."""
    from mpdaf.obj import Cube as MpdafCube

    del psf
    opened = MpdafCube(str(path))
    weight = _weight(cube)
    found = np.full(len(xy), np.nan)
    for star, (x, y) in enumerate(xy.tolist()):
        spectrum = opened.aperture(
            (y, x), RADIUS_PX, unit_center=None, unit_radius=None, is_sum=True
        )
        found[star] = float(np.ma.filled(spectrum.data, np.nan) @ weight)
    return found


def _band_images(cube: Cube) -> tuple[np.ndarray, np.ndarray]:
    weight = _weight(cube)
    return (
        np.einsum("w,wyx->yx", weight, np.asarray(cube.data[:], float)),
        np.einsum("w,wyx->yx", weight**2, np.asarray(cube.stat[:], float)),
    )


def _weight(cube: Cube) -> np.ndarray:
    band = load_band(BAND)
    return np.interp(cube.wave_aa, band.wave_aa, band.weight, left=0.0, right=0.0)


def _settings(method: str = "exact") -> Settings:
    plain = Settings()
    return replace(
        plain,
        field=Field("cluster", 150.0, -40.0, modes=("WFM-NOAO-N",), star_registry=""),
        detection=DetectionSettings(mask="saturated"),
        extraction=replace(plain.extraction, method=method),
        statistics=replace(plain.statistics, pairs=()),
    )


@dataclass(frozen=True)
class LightCurves:
    """What the methods made of one campaign."""

    log_flux: Mapping[str, np.ndarray]  # by method, (exposure, star) ln
    truth: np.ndarray  # (exposure, star) ln
    snr: np.ndarray  # (star,) of photons and sky within the aperture
    change: np.ndarray  # (star,) of ln F that true neighbours can make in apertures

    def errors(self, method: str) -> np.ndarray:
        """Root mean square over exposures of ln F less the truth, shape (star,); NaN: not measured."""
        off = self.log_flux[method] - self.truth
        off = off - np.nanmean(off, axis=0)
        anchors = (self.change < SINGLE) & (self.snr > BRIGHT_SNR) & np.isfinite(off).all(axis=0)
        off = off - np.median(off[:, anchors], axis=1, keepdims=True)
        return np.asarray(np.sqrt(np.mean((off - off.mean(axis=0)) ** 2, axis=0)))


def light_curves(drawn: DrawnCubes, paths: list[Path], *, ours_only: bool) -> LightCurves:
    """Every method on every exposure of a campaign."""
    cubes = [open_cube(path) for path in paths]
    detections = [detect(cube, _settings()) for cube in cubes]
    best = int(np.argmin(drawn.fwhm_px))
    reference = make_reference("reference", detections[best], None, _settings())
    rows: dict[str, list[np.ndarray]] = {}
    affines = []
    for path, cube, detection in zip(paths, cubes, detections, strict=True):
        match = measure(cube, detection, reference, _settings()).match
        affines.append(match.affine)
        methods: dict[str, Measure] = {
            "exact": chain("exact", detection, reference),
            "psf": chain("psf", detection, reference),
        }
        psf = psf_of(detection)
        if not ours_only:
            psf = _profile(cube, match.xy)
            methods |= {"photutils": photutils_psf, "mpdaf": mpdaf_aperture}
        for name, function in methods.items():
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                rows.setdefault(name, []).append(function(path, cube, match.xy, psf))
    fluxes = {name: np.array(one) for name, one in rows.items()}
    alone = _less_neighbours(fluxes["exact"], reference, detections, best, affines)
    fluxes = {"exact": fluxes.pop("exact"), "less neighbours": alone, **fluxes}
    true = _same_stars(drawn, reference, best)
    known = true >= 0
    log_flux = {
        name: np.log(np.where(one > 0, one, np.nan))[:, known] for name, one in fluxes.items()
    }
    return LightCurves(log_flux, *_truth(drawn, true[known]))


def _less_neighbours(
    sums: np.ndarray,
    reference: ReferenceCatalogue,
    detections: list[Detection],
    best: int,
    affines: list[np.ndarray],
) -> np.ndarray:
    """Aperture sums (exposure, star) less the light of neighbours."""
    sources = fitted_sources(reference, detections[best], _settings())
    psfs = [
        psf_among_neighbours(
            one.image - one.sources.background,
            sources.xy @ affine[:, :2].T + affine[:, 2],
            psf_of(one),
            noise=one.sources.noise,
        )
        for one, affine in zip(detections, affines, strict=True)
    ]
    light = neighbour_light(reference.xy, sources, psfs, (RADIUS_PX,))
    whole = sums / light.own[..., 0]
    return subtracted(whole, np.zeros_like(whole), light.share[..., 0], light.err[..., 0])[0]


def _same_stars(drawn: DrawnCubes, reference: ReferenceCatalogue, best: int) -> np.ndarray:
    """Number of the true star that each star of the catalogue is, -1 for none."""
    xy = drawn.xy(best)
    for _ in range(int(drawn.quarters[best]) if drawn.is_turned(best) else 0):
        xy = np.column_stack([xy[:, 1], SIDE_PX - 1 - xy[:, 0]])
    distance, star = scipy.spatial.cKDTree(xy).query(reference.xy)
    return np.where(distance < MATCH_PX, star, -1)


def _truth(drawn: DrawnCubes, stars: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What was put in: ln of the fluxes; SNR; what neighbours can do to apertures."""
    log_flux = np.zeros((len(drawn.mjd), len(drawn.photons)))
    log_flux[:, drawn.variable] += drawn.injected
    psf = Moffat(float(np.median(drawn.fwhm_px)), 2.8)
    change = contamination(drawn.offset_px + MIDDLE_PX, drawn.photons, psf, RADIUS_PX).total
    sky = 4.0 * np.pi * RADIUS_PX**2 * len(WAVE_AA)
    snr = drawn.photons / np.sqrt(drawn.photons + sky)
    return log_flux[:, stars], snr[stars], change[stars]


def _profile(cube: Cube, xy: np.ndarray) -> Moffat:
    """The Moffat profile of the brightest single stars, fitted by photutils on the passband's image."""
    from astropy.table import QTable
    from photutils.psf import MoffatPSF, PSFPhotometry

    image, _ = _band_images(cube)
    apart = scipy.spatial.cKDTree(xy).query(xy, k=2)[0][:, 1]
    bad = ~np.isfinite(image)
    peak = image[tuple(np.clip(np.rint(xy[:, ::-1]), 0, SIDE_PX - 1).astype(int).T)]
    alone = np.flatnonzero((apart > 12) & np.isfinite(peak))
    chosen = alone[np.argsort(-peak[alone])[:N_SHAPE_STARS]]
    model = MoffatPSF(alpha=4.0, beta=2.8)
    model.alpha.fixed = model.beta.fixed = False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = PSFPhotometry(model, (17, 17), aperture_radius=RADIUS_PX)(
            np.where(bad, 0.0, image),
            mask=bad,
            init_params=QTable({"x": xy[chosen, 0], "y": xy[chosen, 1]}),
        )
    alpha, beta = float(np.median(table["alpha_fit"])), float(np.median(table["beta_fit"]))
    return Moffat(2 * alpha * np.sqrt(2 ** (1 / beta) - 1), beta)


def summary(campaigns: list[LightCurves]) -> list[str]:
    """Rows of the table: medians over stars, each kind of star, each method."""
    snr, change = (
        np.concatenate([getattr(one, name) for one in campaigns]) for name in ("snr", "change")
    )
    errors = {
        name: np.concatenate([one.errors(name) for one in campaigns])
        for name in campaigns[0].log_flux
    }
    kinds = {
        f"single (below {100 * SINGLE:g} %), SNR above {BRIGHT_SNR:g}": (change < SINGLE)
        & (snr > BRIGHT_SNR),
        f"crowded (above {100 * CROWDED:g} %), SNR above {BRIGHT_SNR:g}": (change > CROWDED)
        & (snr > BRIGHT_SNR),
        f"crowded, SNR {BRIGHT_SNR / 4:g} to {BRIGHT_SNR:g}": (change > CROWDED)
        & (snr <= BRIGHT_SNR)
        & (snr > BRIGHT_SNR / 4),
    }
    lines = []
    for kind, chosen in kinds.items():
        values = [float(np.nanmedian(one[chosen])) for one in errors.values()]
        photons = float(np.median(1 / snr[chosen]))
        cells = " | ".join(f"{100 * value:.2f}" for value in values)
        lines.append(f"| {kind} | {int(chosen.sum())} | {100 * photons:.2f} | {cells} |")
    return lines


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first", type=int, default=FIRST_SEED)
    parser.add_argument("--ours-only", action="store_true", help="without the other libraries")
    parser.add_argument("--scratch", type=Path, help="where cubes of 0.5 GB a seed are written")
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)
    campaigns = []
    for seed in range(given.first, given.first + given.seeds):
        with tempfile.TemporaryDirectory(dir=given.scratch) as folder:
            drawn = replace(draw_cubes(CLUSTER, seed), preset="")  # crowding alone
            paths = write_cubes(drawn, Path(folder))
            campaigns.append(light_curves(drawn, paths, ours_only=given.ours_only))
    names = " | ".join(campaigns[0].log_flux)
    print(f"| stars | n | photons % | {names} |")
    print("|---" * (3 + len(campaigns[0].log_flux)) + "|")
    print("\n".join(summary(campaigns)))


if __name__ == "__main__":
    main()

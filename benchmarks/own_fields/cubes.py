"""Cubes of a cluster or of a quasar field, with what was put into them.

The fields are those of ``benchmarks.targets``, here as cubes: stars with Moffat profiles on a grid north
up, dithered, the field of view turned by quarters; every other grid is turned with it, as tools leave
it that do not resample. Responses of channels and slices are those of the simulator (preset "record").
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.time import Time

from benchmarks.targets import (
    ARCSEC_PER_PX,
    BETA,
    DITHER_PX,
    FIELD_PX,
    MARGIN_PX,
    RADIUS_PX,
    SEEING_ARCSEC,
    START_MJD,
    TRANSPARENCY_STD,
    FieldCase,
)
from pipeline.config.settings import SimulationSettings
from pipeline.muse.cube import cube_headers, write_cube
from pipeline.muse.geometry import slice_address
from pipeline.simulation.presets import resolve_preset
from pipeline.simulation.psf import Profile, moffat_image
from pipeline.simulation.response import ChannelResponse

SIDE_PX = 328  # holds the field in every dither
MIDDLE_PX = (SIDE_PX - 1) / 2
STAMP_PX = 60  # stars are drawn this far
WAVE_AA = np.arange(6900.0, 9351.0, 50.0)
LINE_AA = (7740.0, 7860.0)  # where the first variable has a line as bright as its continuum
CONTINUUM_AA = (8000.0, 8600.0)
SKY_VARIANCE = 4.0  # of a spaxel in a layer [electron squared]
REDDENING = 0.2  # FWHM goes as wavelength to the power of minus this
POINTING_ARCSEC = 0.3  # error of the coordinates in a header
RA_DEG, DEC_DEG = 150.0, -40.0


@dataclass(frozen=True)
class DrawnCubes:
    """One campaign of a field; stars are in the order in which they were drawn."""

    case: FieldCase
    seed: int
    mjd: np.ndarray  # (exposure,) start
    offset_px: np.ndarray  # (star, 2) from the middle of the field, north up
    photons: np.ndarray  # (star,) electrons in all layers, mean over exposures
    variable: np.ndarray  # (variable,) rows of stars
    injected: np.ndarray  # (exposure, variable) ln, of the continuum
    line: np.ndarray  # (exposure,) of the first variable: its line over its mean continuum
    transparency: np.ndarray  # (exposure,)
    fwhm_px: np.ndarray  # (exposure,) at 7000 Angstrom
    quarters: np.ndarray  # (exposure,) of a turn of the field of view
    dither_px: np.ndarray  # (exposure, 2) of the middle of the field in the grid
    preset: str = "record"  # of the responses of channels and slices; "": all are 1

    def xy(self, exposure: int) -> np.ndarray:
        """Places (star, 2) in the grid, north up."""
        return np.asarray(self.offset_px + MIDDLE_PX + self.dither_px[exposure])

    def is_turned(self, exposure: int) -> bool:
        """Whether the grid is turned with the field of view."""
        return exposure % 2 == 1 and bool(self.quarters[exposure])

    def layers(self, exposure: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Data with noise and variance (y, x), layer by layer, north up; NaN outside the field."""
        rng = np.random.default_rng([self.seed, exposure])
        response = self._response(exposure)
        for image in self._light(exposure):
            variance = response * image + SKY_VARIANCE
            noise = np.sqrt(variance) * rng.standard_normal(variance.shape)
            yield variance - SKY_VARIANCE + noise, variance

    def in_window(self, exposure: int, first_aa: float, last_aa: float) -> float:
        """True light of the first variable in a window, in units of its mean continuum."""
        inside = (first_aa <= WAVE_AA) & (last_aa >= WAVE_AA)
        in_line = inside & (LINE_AA[0] <= WAVE_AA) & (LINE_AA[1] >= WAVE_AA)
        continuum = float(np.exp(self.injected[exposure, 0]))
        return continuum * inside.sum() + float(self.line[exposure]) * in_line.sum()

    def _light(self, exposure: int) -> Iterator[np.ndarray]:
        """Light (y, x) of all stars in each layer; the PSF changes linearly along the spectrum."""
        flux = self.photons * self.transparency[exposure] / len(WAVE_AA)
        line = np.zeros(len(flux))
        line[self.variable[0]] = flux[self.variable[0]] * self.line[exposure]
        flux[self.variable] *= np.exp(self.injected[exposure])
        ends = np.array(
            [self._images(exposure, float(wave), flux, line) for wave in WAVE_AA[[0, -1]]]
        )
        for share, wave in zip(np.linspace(0, 1, len(WAVE_AA)), WAVE_AA, strict=True):
            stars, of_line = (1 - share) * ends[0] + share * ends[1]
            yield stars + of_line if LINE_AA[0] <= wave <= LINE_AA[1] else stars

    def _images(
        self, exposure: int, wave_aa: float, flux: np.ndarray, line: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Stars (y, x) in the continuum and in the line, as they would be at one wavelength."""
        fwhm = float(self.fwhm_px[exposure] * (wave_aa / 7000.0) ** -REDDENING)
        images = np.zeros((2, SIDE_PX, SIDE_PX))
        for star, (x, y) in enumerate(self.xy(exposure).tolist()):
            rows, columns = (
                np.arange(max(0, round(at) - STAMP_PX), min(SIDE_PX, round(at) + STAMP_PX + 1))
                for at in (y, x)
            )
            light = moffat_image(Profile(fwhm, BETA), x, y, columns, rows)
            where = np.ix_(rows, columns)
            images[0][where] += flux[star] * light
            if line[star]:
                images[1][where] += line[star] * light
        return images[0], images[1]

    def _response(self, exposure: int) -> np.ndarray:
        """What channels and slices make of the light (y, x); NaN outside the field."""
        chosen = SimulationSettings(preset=self.preset, seed=self.seed)
        model = ChannelResponse(self.seed)
        if self.preset:
            model = ChannelResponse.from_settings(resolve_preset(chosen))
        mjd = float(self.mjd[exposure])
        y, x = np.indices((SIDE_PX, SIDE_PX)) - MIDDLE_PX
        x, y = x - self.dither_px[exposure, 0], y - self.dither_px[exposure, 1]
        angle = np.pi / 2 * self.quarters[exposure]
        address = slice_address(
            x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
        )
        table = model.channels(mjd)[:, np.newaxis] * model.slices(mjd)
        inside = address.channel > 0
        return np.where(inside, table[address.channel - 1, address.slice - 1], np.nan)


def draw_cubes(case: FieldCase, seed: int) -> DrawnCubes:
    """One campaign of the case.

    Parameters
    ----------
    case : FieldCase
        The first variable of a case with targets has an emission line and is where the telescope points.
    seed : int
    """
    rng = np.random.default_rng(seed)
    n = case.n_exposures
    nights = np.sort(rng.choice(int(case.span_days), size=n, replace=False))
    half = FIELD_PX / 2 - MARGIN_PX
    offset = rng.uniform(-half, half, (case.n_stars, 2))
    snr = np.exp(rng.uniform(np.log(case.snr[0]), np.log(case.snr[1]), case.n_stars))
    background = SKY_VARIANCE * np.pi * RADIUS_PX**2 * len(WAVE_AA)
    variable = np.argsort(-snr)[[rank for rank, _ in case.variable]]
    std = np.array([one for _, one in case.variable])
    line = np.zeros(n)
    if case.asked:
        offset[variable[0]] = rng.uniform(-2.0, 2.0, 2)
        line = np.exp(std[0] * rng.standard_normal(n))
    return DrawnCubes(
        case,
        seed,
        START_MJD + nights + 1.2 + rng.uniform(-0.15, 0.15, n),
        offset,
        snr**2 / 2 + snr * np.sqrt(snr**2 / 4 + background),  # N / sqrt(N + background) = snr
        variable,
        std * rng.standard_normal((n, len(std))),
        line,
        np.exp(TRANSPARENCY_STD * rng.standard_normal(n)),
        rng.uniform(*SEEING_ARCSEC, n) / ARCSEC_PER_PX,
        rng.integers(4, size=n) if case.rotated else np.zeros(n, int),
        rng.uniform(-DITHER_PX, DITHER_PX, (n, 2)),
    )


def write_cubes(drawn: DrawnCubes, folder: Path) -> list[Path]:
    """The cubes of a campaign, by number of the exposure."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for exposure in range(drawn.case.n_exposures):
        turns = int(drawn.quarters[exposure]) if drawn.is_turned(exposure) else 0
        path = folder / f"DATACUBE_FINAL_{exposure:02d}.fits"
        layers = (
            (np.rot90(data, turns), np.rot90(variance, turns))
            for data, variance in drawn.layers(exposure)
        )
        headers = cube_headers(
            _primary_header(drawn, exposure),
            _spatial_header(drawn, exposure, turns),
            WAVE_AA,
            "count",
        )
        write_cube(path, headers, layers)
        paths.append(path)
    return paths


def _primary_header(drawn: DrawnCubes, exposure: int) -> fits.Header:
    start = float(drawn.mjd[exposure])
    date = Time(start, format="mjd").isot
    header = fits.Header()
    header["INSTRUME"], header["OBJECT"] = "MUSE", f"SIM-{drawn.case.name}"
    header["HIERARCH SIMULATED"] = True
    header["RA"], header["DEC"] = RA_DEG, DEC_DEG
    header["DATE-OBS"], header["MJD-OBS"], header["EXPTIME"] = date, start, 600.0
    header["ARCFILE"] = f"MUSE.{date}.fits"
    seeing = float(drawn.fwhm_px[exposure] * ARCSEC_PER_PX)
    for key, value in {
        "INS MODE": "WFM-NOAO-N",
        "INS DROT POSANG": 90.0 * int(drawn.quarters[exposure]),
        "TEL AIRM START": 1.1,
        "TEL AIRM END": 1.2,
        "TEL AMBI FWHM START": seeing,
        "TEL AMBI FWHM END": seeing,
        "PRO CATG": "DATACUBE_FINAL",
    }.items():
        header[f"HIERARCH ESO {key}"] = value
    return header


def _spatial_header(drawn: DrawnCubes, exposure: int, turns: int) -> fits.Header:
    """The celestial grid after some turns of ``rot90``, wrong by the error of the pointing."""
    step = ARCSEC_PER_PX / 3600
    matrix = np.array([[-step, 0.0], [0.0, step]])
    error = np.random.default_rng([drawn.seed, exposure, 1]).normal(0, POINTING_ARCSEC, 2)
    pixel = MIDDLE_PX + drawn.dither_px[exposure] + error / ARCSEC_PER_PX
    for _ in range(turns):  # new[y, x] = old[x, last - y]
        matrix = matrix @ np.array([[0, -1], [1, 0]])
        pixel = np.array([pixel[1], SIDE_PX - 1 - pixel[0]])
    header = fits.Header()
    header["NAXIS1"] = header["NAXIS2"] = SIDE_PX
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
    header["CUNIT1"] = header["CUNIT2"] = "deg"
    header["CRPIX1"], header["CRPIX2"] = (pixel + 1).tolist()
    header["CRVAL1"], header["CRVAL2"] = RA_DEG, DEC_DEG
    for (row, column), value in np.ndenumerate(matrix):
        header[f"CD{row + 1}_{column + 1}"] = float(value)
    return header

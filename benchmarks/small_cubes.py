"""Small cubes of a campaign of any length: 25 stars on 84 x 84 spaxels and 20 layers, 1.1 MB each.

Made up: three exposures a night on every night from the first one on, stars whose fluxes vary by
night and by exposure. Headers say ``SIMULATED = T``. One file in ``TRUNCATED_EVERY`` is cut, as a
broken transfer leaves it.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
from astropy.io import fits

from pipeline.muse.cube import cube_headers, write_cube

SHAPE = (20, 84, 84)  # (wave, y, x)
WAVE_AA = 6950.0 + 120.0 * np.arange(SHAPE[0])
SPACING_PX, MARGIN_PX, JITTER_PX = 16.0, 10.0, 2.0
N_STARS = 25
SIGMA_PX = 1.5
SKY = 20.0
NIGHT_STD, EXPOSURE_STD, SHIFT_PX = 0.01, 0.005, 1.0
FIRST_MJD = 53371.0  # 2005-01-01
PER_NIGHT = 3
MODES = ("WFM-AO-N", "WFM-NOAO-N", "WFM-NOAO-E")
RA_DEG, DEC_DEG = 30.0, -30.0
TRUNCATED_EVERY = 1000
UNIT = "10**(-20)*erg/s/cm**2/Angstrom"
CONFIGURATION = f"""\
[campaign]
name = "growth"
title = "A campaign of small cubes"

[field]
name = "small field"
ra_deg = {RA_DEG}
dec_deg = {DEC_DEG}
star_registry = ""

[reference]
prefer = ["2005-01-01 WFM-AO-N"]

[statistics]
pairs = []
"""


@cache
def star_positions() -> np.ndarray:
    """Positions (star, 2) on a grid, moved by chance, so that no map of the field is its own mirror."""
    rng = np.random.default_rng(41)
    n = round(N_STARS**0.5)
    grid = MARGIN_PX + SPACING_PX * np.indices((n, n)).reshape(2, -1).T
    moved: np.ndarray = grid + rng.uniform(-JITTER_PX, JITTER_PX, grid.shape)
    return moved


@cache
def star_fluxes() -> np.ndarray:
    """Counts (star,) of each layer, from 10^4 to 10^5."""
    return np.asarray(10 ** np.random.default_rng(42).uniform(4, 5, N_STARS))


def write_small_cubes(folder: Path, first: int, last: int) -> list[Path]:
    """The files of the exposures ``first`` to ``last`` (without it), made where they are missing."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number:06d}.fits" for number in range(first, last)]
    for number, path in enumerate(paths, start=first):
        if not path.exists():
            _write(path, number)
    return paths


def _write(path: Path, number: int) -> None:
    part = path.with_suffix(".part")
    write_cube(part, cube_headers(_primary(number), _spatial(), WAVE_AA, UNIT), _layers(number))
    if is_truncated(number):
        with part.open("r+b") as file:
            file.truncate(part.stat().st_size // 2)
    part.replace(path)


def is_truncated(number: int) -> bool:
    """Whether the file of an exposure is cut."""
    return number % TRUNCATED_EVERY == TRUNCATED_EVERY // 2


def _primary(number: int) -> fits.Header:
    night, place = divmod(number, PER_NIGHT)
    mjd = FIRST_MJD + night + (3 + 2 * place) / 24
    start = str(np.datetime64("1858-11-17") + np.timedelta64(round(mjd * 86_400_000), "ms"))
    header = fits.Header()
    header["HIERARCH SIMULATED"] = (True, "made by benchmarks.small_cubes: not an observation")
    header["INSTRUME"] = "MUSE"
    header["DATE-OBS"], header["MJD-OBS"], header["EXPTIME"] = start, mjd, 40.0
    header["ARCFILE"] = f"MUSE.{start}.fits"
    header["RA"], header["DEC"] = RA_DEG, DEC_DEG
    header["HIERARCH ESO INS MODE"] = MODES[place]
    rng = np.random.default_rng((1, number))
    for key, low, high in (("AIRM", 1.0, 1.8), ("AMBI FWHM", 0.6, 1.4)):
        for end in ("START", "END"):
            header[f"HIERARCH ESO TEL {key} {end}"] = round(rng.uniform(low, high), 3)
    return header


def _spatial() -> fits.Header:
    header = fits.Header()
    header["NAXIS1"], header["NAXIS2"] = SHAPE[2], SHAPE[1]
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
    header["CUNIT1"] = header["CUNIT2"] = "deg"
    header["CRPIX1"], header["CRPIX2"] = SHAPE[2] / 2, SHAPE[1] / 2
    header["CRVAL1"], header["CRVAL2"] = RA_DEG, DEC_DEG
    header["CD1_1"], header["CD2_2"] = -0.2 / 3600, 0.2 / 3600
    header["CD1_2"] = header["CD2_1"] = 0.0
    return header


def _layers(number: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng((2, number))
    of_night = np.random.default_rng((3, number // PER_NIGHT))
    drift = NIGHT_STD * of_night.standard_normal(N_STARS)
    drift = drift + EXPOSURE_STD * rng.standard_normal(N_STARS)
    image = _image(star_positions() + rng.normal(0, SHIFT_PX, 2), star_fluxes() * np.exp(drift))
    stat = image + SKY
    err = np.sqrt(stat)
    for _ in WAVE_AA:
        yield image + err * rng.standard_normal(SHAPE[1:]), stat


def _image(xy: np.ndarray, fluxes: np.ndarray) -> np.ndarray:
    """Gaussian stars (y, x); one is a product of a row and a column."""
    y, x = (
        np.exp(-((np.arange(size) - at[:, None]) ** 2) / (2 * SIGMA_PX**2))
        for size, at in ((SHAPE[1], xy[:, 1]), (SHAPE[2], xy[:, 0]))
    )
    return np.asarray(np.einsum("s,sy,sx->yx", fluxes / (2 * np.pi * SIGMA_PX**2), y, x))

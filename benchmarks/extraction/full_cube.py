"""A cube of full size for the benchmark: 3681 x 313 x 319, DATA and STAT, 2.9 GB.

Stars on a noisy sky under a sinusoidal spectrum, a bright standard, a slightly turned footprint
with NaN outside, and 30 bad voxels in every layer: what the time of an extraction depends on.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from astropy.io import fits

from pipeline.muse.cube import cube_headers, write_cube

SHAPE = (3681, 313, 319)
WAVE_AA = 4750.0 + 1.25 * np.arange(SHAPE[0])
N_STARS = 25
SIGMA_PX = 4.2 / 2.3548  # 0.84 arcsec
SKY = 20.0
BAD_VOXELS = 30
STANDARD_XY = (187.0, 151.0)


def star_positions() -> np.ndarray:
    """Positions (star, 2), at least 10 px apart, the last one at the edge of the footprint."""
    rng = np.random.default_rng(3218)
    xy = [np.array(STANDARD_XY)]
    while len(xy) < N_STARS:
        new = rng.uniform(12, [SHAPE[2] - 12, SHAPE[1] - 12])
        if all(np.hypot(*(new - old)) > (10 if k else 60) for k, old in enumerate(xy)):
            xy.append(new)
    return np.array([*xy[1:], (5.3, 160.7)])


def _template() -> np.ndarray:
    """Counts per layer (y, x) of all stars, NaN outside the footprint (some 2 %)."""
    rng = np.random.default_rng(1)
    row, column = np.indices(SHAPE[1:])
    image = np.zeros(SHAPE[1:])
    fluxes = [2e5, *10 ** rng.uniform(2.3, 4.3, N_STARS)]
    for (x, y), flux in zip([STANDARD_XY, *star_positions()], fluxes, strict=True):
        square = (column - x) ** 2 + (row - y) ** 2
        image += flux / (2 * np.pi * SIGMA_PX**2) * np.exp(-square / (2 * SIGMA_PX**2))
    angle = np.deg2rad(0.25)
    dx, dy = column - SHAPE[2] / 2, row - SHAPE[1] / 2
    outside = np.abs(dx * np.cos(angle) + dy * np.sin(angle)) > SHAPE[2] / 2 - 1.6
    outside |= np.abs(dy * np.cos(angle) - dx * np.sin(angle)) > SHAPE[1] / 2 - 1.6
    image[outside] = np.nan
    return image.astype("f4")


def _layers() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(2)
    template = _template()
    for response in (1 + 0.3 * np.sin(np.linspace(0, 9, SHAPE[0]))).astype("f4"):
        stat = template * response + np.float32(SKY)
        data = stat - np.float32(SKY)
        data += np.sqrt(stat) * rng.standard_normal(SHAPE[1:], dtype="f4")
        bad = rng.integers(0, SHAPE[1], BAD_VOXELS), rng.integers(0, SHAPE[2], BAD_VOXELS)
        data[bad] = stat[bad] = np.nan
        yield data, stat


def make_full_cube(path: Path) -> None:
    """Write the cube, layer by layer."""
    primary, spatial = fits.Header(), fits.Header()
    primary["INSTRUME"] = "MUSE"
    primary["HIERARCH ESO INS MODE"] = "WFM-NOAO-N"
    primary["DATE-OBS"] = "2019-03-10T02:00:00.000"
    for key, value in (
        ("NAXIS1", SHAPE[2]), ("NAXIS2", SHAPE[1]),
        ("CTYPE1", "RA---TAN"), ("CTYPE2", "DEC--TAN"), ("CUNIT1", "deg"), ("CUNIT2", "deg"),
        ("CRPIX1", 160.0), ("CRPIX2", 157.0), ("CRVAL1", 130.3854), ("CRVAL2", -32.9428),
        ("CD1_1", -0.2 / 3600), ("CD1_2", 0.0), ("CD2_1", 0.0), ("CD2_2", 0.2 / 3600),
    ):  # fmt: skip
        spatial[key] = value
    unit = "10**(-20)*erg/s/cm**2/Angstrom"
    write_cube(path, cube_headers(primary, spatial, WAVE_AA, unit), _layers())

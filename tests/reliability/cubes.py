"""A campaign of small cubes: 16 stars beside a standard on 120 x 120 spaxels in 25 layers, 3 MB each.

Large enough for the whole chain, small enough for hundreds of runs.
"""

import json
from pathlib import Path

import numpy as np

from pipeline.muse.cube import cube_headers, write_cube
from tests.muse.cubes import UNIT, primary_header, spatial_header

SIDE_PX, N_WAVE = 120, 25
WAVE_AA = 6900.0 + 100.0 * np.arange(N_WAVE)  # the I band and a little more
FWHM_PX, NOISE = 3.5, 1.0
STANDARD = (60.0, 60.0, 4e4)  # x, y, flux a layer
STARS = tuple(
    (float(x), float(y), flux)
    for (x, y), flux in zip(
        [
            (14, 12), (37, 17), (62, 11), (88, 15), (107, 20), (15, 41), (106, 47), (20, 66),
            (103, 73), (13, 90), (39, 97), (58, 104), (84, 99), (106, 104), (27, 29), (91, 88),
        ],
        np.linspace(900.0, 4000.0, 16).tolist(),
        strict=True,
    )
)  # fmt: skip
CONFIG = """
[field]
star_registry = ""
[reference]
prefer = []
candidates = 2
[statistics]
pairs = [[1, 2], [3, 7]]
"""


def write_config(folder: Path, more: str = "") -> Path:
    """A report.toml for these cubes."""
    path = folder / "report.toml"
    path.write_text(CONFIG + more)
    return path


def night_header(number: int):
    """Header of exposure ``number``, one every five nights."""
    mjd = 58553.1 + 5 * number
    date = str(
        np.datetime64("1858-11-17T00:00:00.000") + np.timedelta64(round(mjd * 86400e3), "ms")
    )
    return primary_header(
        **{
            "MJD-OBS": mjd,
            "DATE-OBS": date,
            "ARCFILE": f"MUSE.{date}.fits",
            "HIERARCH ESO TEL AMBI FWHM START": 0.6 + 0.01 * number,
        }
    )


def write_exposure(
    path: Path, number: int, *, stars=STARS, side_px: int = SIDE_PX, n_wave: int = N_WAVE
) -> Path:
    """One cube of the campaign: the same stars, other noise, a shift of some 0.1 px."""
    rng = np.random.default_rng(number)
    shift = rng.uniform(-0.5, 0.5, 2)
    y, x = np.mgrid[:side_px, :side_px]
    image = np.full((side_px, side_px), 10.0)
    sigma = FWHM_PX / 2.3548
    for star_x, star_y, flux in (STANDARD, *stars):
        squared = (x - star_x - shift[0]) ** 2 + (y - star_y - shift[1]) ** 2
        image += flux / (2 * np.pi * sigma**2) * np.exp(-squared / (2 * sigma**2))
    headers = cube_headers(
        night_header(number), spatial_header((side_px, side_px)), WAVE_AA[:n_wave], UNIT
    )
    layers = (
        (image + rng.normal(0, NOISE, image.shape), np.full(image.shape, NOISE**2))
        for _ in range(n_wave)
    )
    write_cube(path, headers, layers)
    return path


def write_campaign(folder: Path, n_exposures: int) -> list[Path]:
    """The first cubes of the campaign, by number."""
    folder.mkdir(parents=True, exist_ok=True)
    return [write_exposure(folder / f"cube-{n:03d}.fits", n) for n in range(n_exposures)]


def tables_of(work: Path) -> dict[str, bytes]:
    """Every measurement and table below a work folder, by name."""
    return {
        path.relative_to(work).as_posix(): path.read_bytes()
        for path in sorted(work.rglob("*"))
        if path.suffix in (".fits", ".ecsv", ".npz") and not path.name.startswith(".")
    }


def summary_of(work: Path) -> dict:
    """The summary of the one campaign of a work folder."""
    (path,) = work.rglob("summary.json")
    return json.loads(path.read_text())

"""Where a campaign's exposures come from, each as a job that a worker can carry out alone."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from astropy.io import fits

from pipeline.campaign import Exposure, check_pointing, identify
from pipeline.cube import read_header
from pipeline.errors import DuplicateExposure, ExposureError, SourceUnavailable
from pipeline.settings import Settings

CUBE_SUFFIXES = (".fits", ".fit")


@dataclass(frozen=True)
class Entry:
    """One input: an exposure that can be measured, or the reason why it cannot."""

    exposure_id: str
    exposure: Exposure | None
    error: ExposureError | None = None
    cube_path: Path | None = None  # a file of the reader's, never written, never purged
    simulation_index: int | None = None  # else: number in the simulated campaign
    cube_key: str = ""  # identity of a cube that a recipe made; else its content tells


def cubes_in(folder: Path, settings: Settings) -> list[Entry]:
    """The cubes of a folder, one entry for every file, sorted by time, then by name.

    Raises
    ------
    SourceUnavailable
        If the folder does not exist or holds no FITS file.
    """
    if not folder.is_dir():
        raise SourceUnavailable(f"--cubes {folder}: no such folder")
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in CUBE_SUFFIXES)
    if not paths:
        raise SourceUnavailable(
            f"--cubes {folder}: holds no .fits file; give the folder of the DATACUBE_FINAL files"
        )
    entries: list[Entry] = []
    seen: dict[str, Path] = {}
    for path in paths:
        entry = _entry_of(path, settings)
        first = seen.setdefault(entry.exposure_id, path)
        if first != path:
            error = DuplicateExposure(
                f"{path.name}: the same exposure as {first.name} ({entry.exposure_id}); remove one"
            )
            entry = Entry(path.name, None, error, path)
        entries.append(entry)
    return sorted(entries, key=by_time)


def _entry_of(path: Path, settings: Settings) -> Entry:
    exposure = None
    try:
        header = read_header(path)
        exposure = identify(header, path.name)
        check_pointing(header, settings.field)
    except ExposureError as error:
        return Entry(exposure.exposure_id if exposure else path.name, exposure, error, path)
    return Entry(exposure.exposure_id, exposure, None, path)


def simulated_entries(n_exposures: int, header_of: Callable[[int], fits.Header]) -> list[Entry]:
    """One entry per exposure of a simulated campaign, in its order.

    Parameters
    ----------
    header_of : callable
        Primary header of an exposure, given its number.
    """
    entries = []
    for index in range(n_exposures):
        exposure = identify(header_of(index), f"simulated-{index}")
        entries.append(Entry(exposure.exposure_id, exposure, simulation_index=index))
    return entries


def by_time(entry: Entry) -> tuple[float, str]:
    """Sorting key: by time; what has no time comes last."""
    return (entry.exposure.mjd_mid if entry.exposure else float("inf"), entry.exposure_id)

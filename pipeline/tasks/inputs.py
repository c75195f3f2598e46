"""Where a campaign's exposures come from, each as a job that a worker can carry out alone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from astropy.io import fits

from pipeline.config.settings import Field, Settings
from pipeline.errors import DuplicateExposure, ExposureError, SourceUnavailable, printable
from pipeline.muse.cube import open_cube, read_header
from pipeline.muse.exposure import Exposure, check_mode, field_of, identify

SECONDS_PER_DAY = 86400
CUBE_SUFFIXES = (".fits", ".fit")
# values of the column ``origin``: reduced here, reduced by the observatory, a reader's file, simulated
RAW, PRODUCT, CUBE, SIMULATED = "raw", "product", "cube", "simulated"


@dataclass(frozen=True)
class InputExposure:
    """One input: an exposure that can be measured, or the reason why it cannot."""

    exposure_id: str
    exposure: Exposure | None
    error: ExposureError | None = None
    cube_path: Path | None = None  # a file of the reader's, never written, never purged
    simulation_index: int | None = None  # else: number in the simulated campaign
    cube_key: str = ""  # identity of a cube that a recipe made; else its content tells
    origin: str = CUBE  # who made the cube: see RAW, PRODUCT, CUBE, SIMULATED
    excluded: str = ""  # why it is measured but not used, if a rule says so


def cubes_in(folder: Path, settings: Settings) -> list[InputExposure]:
    """The cubes of a folder, one entry for every file, sorted by time, then by name.

    Raises
    ------
    SourceUnavailable
        If the folder does not exist or holds no FITS file.
    """
    return cubes_by_field(folder, [settings.field])[0]


def cubes_by_field(folder: Path, fields: Sequence[Field]) -> list[list[InputExposure]]:
    """For each field the cubes of a folder that point at it, sorted by time, then by name.

    Every file is an entry of one field. What points at none, or cannot be read, is an entry with its
    reason of the first field that has a usable cube.

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
    entries: list[list[InputExposure]] = [[] for _ in fields]
    of_no_field: list[InputExposure] = []
    found = {path: cube_entry(path, fields) for path in paths}
    kept = _kept_files({path: entry.exposure_id for path, (entry, _) in found.items()})
    for path, (entry, number) in found.items():
        if kept[entry.exposure_id] != path:
            error = DuplicateExposure(
                f"{path.name}: the same exposure as {kept[entry.exposure_id].name} "
                f"({entry.exposure_id}); remove one"
            )
            entry = InputExposure(printable(path.name), None, error, path)
        (of_no_field if number is None else entries[number]).append(entry)
    usable = (n for n, group in enumerate(entries) if any(one.error is None for one in group))
    entries[next(usable, 0)] += of_no_field
    return [sorted(group, key=by_time) for group in entries]


def _kept_files(identities: Mapping[Path, str]) -> dict[str, Path]:
    """For each identity its file; of several the first whose cube can be read, else the first."""
    files: dict[str, list[Path]] = {}
    for path, identity in identities.items():
        files.setdefault(identity, []).append(path)
    return {
        identity: next((path for path in group if len(group) == 1 or _readable(path)), group[0])
        for identity, group in files.items()
    }


def _readable(path: Path) -> bool:
    try:
        open_cube(path)
    except ExposureError:
        return False
    return True


def cube_entry(path: Path, fields: Sequence[Field]) -> tuple[InputExposure, int | None]:
    """The entry of a file and the number of its field, None if that cannot be told."""
    exposure, number = None, None
    try:
        header = read_header(path)
        exposure = identify(header, printable(path.name))
        number = field_of(header, fields)
        check_mode(exposure, fields[number])
    except ExposureError as error:
        return InputExposure(
            exposure.exposure_id if exposure else printable(path.name), exposure, error, path
        ), number
    return InputExposure(exposure.exposure_id, exposure, None, path), number


def simulated_entries(
    n_exposures: int, header_of: Callable[[int], fits.Header]
) -> list[InputExposure]:
    """One entry per exposure of a simulated campaign, in its order.

    Parameters
    ----------
    header_of : callable
        Primary header of an exposure, given its number.
    """
    entries = []
    for index in range(n_exposures):
        exposure = identify(header_of(index), f"simulated-{index}")
        entries.append(
            InputExposure(exposure.exposure_id, exposure, simulation_index=index, origin=SIMULATED)
        )
    return entries


def without_doubles(entries: Sequence[InputExposure]) -> list[InputExposure]:
    """The entries; of two cubes of one exposure that which was made here is measured, but not used.

    Both are of the same light: counted twice they would make the instrument look too stable.
    """
    products = {
        (one.exposure.mode, round(one.exposure.mjd_mid * SECONDS_PER_DAY)): one.exposure_id
        for one in entries
        if one.origin == PRODUCT and one.exposure is not None
    }

    def twin(one: InputExposure) -> str:
        if one.origin != RAW or one.exposure is None:
            return ""
        second = round(one.exposure.mjd_mid * SECONDS_PER_DAY)
        found = (products.get((one.exposure.mode, second + shift), "") for shift in (0, -1, 1))
        return next((name for name in found if name), "")

    return [
        replace(one, excluded=f"the observatory's reduction {name} of it is used") if name else one
        for one, name in ((one, twin(one)) for one in entries)
    ]


def by_time(entry: InputExposure) -> tuple[float, str]:
    """Sorting key: by time; what has no time comes last."""
    return (entry.exposure.mjd_mid if entry.exposure else float("inf"), entry.exposure_id)

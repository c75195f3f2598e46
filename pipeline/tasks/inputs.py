"""Where a campaign's exposures come from, each as a job that a worker can carry out alone."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from astropy.io import fits

from pipeline.config.cubes import CubeSettings
from pipeline.config.exposure_table import NAMES, Declared, find_row, read_exposure_table
from pipeline.config.settings import Field, Settings
from pipeline.errors import (
    CombinedCube,
    ConfigError,
    ExposureCrashed,
    ExposureError,
    NotACube,
    RequestError,
    printable,
)
from pipeline.muse.combined import why_combined
from pipeline.muse.exposure import check_mode, field_of, identify
from pipeline.muse.file_kind import cube_header
from pipeline.tasks.boundary import reason_of
from pipeline.tasks.cube_cache import CubeCache
from pipeline.tasks.cube_files import cube_files
from pipeline.tasks.entry import CUBE, PRODUCT, RAW, SIMULATED, InputExposure, by_time, declare
from pipeline.tasks.same_light import SECONDS_PER_DAY, without_copies

__all__ = [
    "CUBE",
    "PRODUCT",
    "RAW",
    "SIMULATED",
    "InputExposure",
    "by_time",
    "cube_entry",
    "cubes_by_field",
    "cubes_in",
    "simulated_entries",
    "without_doubles",
]

ANY_CUBES = CubeSettings()


def cubes_in(
    folder: Path, settings: Settings, root: Path | None = None, cache: CubeCache | None = None
) -> list[InputExposure]:
    """The cubes of a folder, one entry for every file, sorted by time, then by name.

    Parameters
    ----------
    folder : Path
        Looked through with all folders in it.
    settings : Settings
    root : Path, optional
        Folder that ``cubes.table`` starts from; left out, the folder itself.
    cache : CubeCache, optional
        What an earlier run read from the headers.

    Raises
    ------
    SourceUnavailable
        If the folder does not exist or holds no FITS file.
    ConfigError
        If the table of exposures is not one.
    """
    return cubes_by_field(folder, [settings.field], settings.cubes, root, cache)[0]


def cubes_by_field(
    folder: Path,
    fields: Sequence[Field],
    how: CubeSettings = ANY_CUBES,
    root: Path | None = None,
    cache: CubeCache | None = None,
) -> list[list[InputExposure]]:
    """For each field the cubes of a folder that point at it, sorted by time, then by name.

    Every file is an entry of one field. What points at none, or cannot be read, is an entry with its
    reason of the first field that has a usable cube.

    Raises
    ------
    SourceUnavailable
        If the folder does not exist or holds no FITS file.
    ConfigError
        If the table of exposures is not one.
    """
    labels = cube_files(folder)
    table = _exposure_table(folder, how, root)
    found = {
        path: _cached_entry(path, fields, label, find_row(table, label), how, cache)
        for path, label in labels.items()
    }
    settled = without_copies(
        {path: entry for path, (entry, _) in found.items()},
        labels,
        {path: number for path, (_, number) in found.items()},
    )
    entries: list[list[InputExposure]] = [[] for _ in fields]
    of_no_field: list[InputExposure] = []
    for path, (_, number) in found.items():
        (of_no_field if number is None else entries[number]).append(settled[path])
    usable = (n for n, group in enumerate(entries) if any(one.error is None for one in group))
    entries[next(usable, 0)] += of_no_field
    return [sorted(group, key=by_time) for group in entries]


def _exposure_table(folder: Path, how: CubeSettings, root: Path | None) -> dict[str, Declared]:
    """What the user declares for the cubes, by file."""
    if how.table:
        path = (root or folder) / how.table
        if not path.is_file():
            raise ConfigError(f"cubes.table = {how.table!r}: no such file ({path})")
        return read_exposure_table(path)
    beside = next((folder / name for name in NAMES if (folder / name).is_file()), None)
    return read_exposure_table(beside) if beside else {}


def _cached_entry(
    path: Path,
    fields: Sequence[Field],
    label: str,
    declared: Declared,
    how: CubeSettings,
    cache: CubeCache | None,
) -> tuple[InputExposure, int | None]:
    """As ``cube_entry``, from the cache if the file did not change."""
    if cache is None:
        return _entry(path, fields, label, declared, how)
    found = cache.find(path, label, declared)
    if found is None:
        found = _entry(path, fields, label, declared, how)
        cache.keep(path, label, declared, found)
    return found


def _entry(
    path: Path, fields: Sequence[Field], label: str, declared: Declared, how: CubeSettings
) -> tuple[InputExposure, int | None]:
    """As ``cube_entry``; whatever else the look at one file raises is its row."""
    try:
        return cube_entry(path, fields, label, declared, how)
    except RequestError:
        raise
    except Exception as error:  # the one boundary of this look
        _, said = reason_of(error, path)
        return InputExposure(label, None, ExposureCrashed(said), path), None


def cube_entry(
    path: Path,
    fields: Sequence[Field],
    label: str = "",
    declared: Declared = (),
    how: CubeSettings = ANY_CUBES,
) -> tuple[InputExposure, int | None]:
    """The entry of a file and the number of its field, None if unknown.

    Parameters
    ----------
    path : Path
    fields : sequence of Field
        It may point at any of them.
    label : str
        What the file is called where it has no identity; left out, its name.
    declared : Declared
        What the reader says in place of its header.
    how : CubeSettings
    """
    label = label or printable(path.name)
    exposure, number = None, None
    try:
        header = cube_header(path)
        if how.mode and header.get("ESO INS MODE") is None:
            declared = (("ESO INS MODE", how.mode), *declared)  # the table comes last and wins
        header = declare(header, declared)
        exposure = identify(header, label)
        number = field_of(header, fields)
        check_mode(exposure, fields[number])
        if (why := why_combined(header)) and not how.allow_combined:
            raise CombinedCube(
                f"{label}: several exposures combined ({why}): no epoch of its own; "
                "cubes.allow_combined = true takes it as one"
            )
    except NotACube as error:
        return InputExposure(label, None, error, path), None
    except CombinedCube as error:
        return InputExposure(label, None, error, path), number
    except ExposureError as error:
        identity = exposure.exposure_id if exposure else label
        return InputExposure(identity, exposure, error, path), number
    note = f"several exposures combined ({why})" if why else ""
    return InputExposure(
        exposure.exposure_id, exposure, None, path, declared=declared, note=note
    ), number


def simulated_entries(headers: Sequence[fits.Header]) -> list[InputExposure]:
    """One entry per exposure of a simulated campaign, from its primary headers, in their order."""
    entries = []
    for index, header in enumerate(headers):
        exposure = identify(header, f"simulated-{index}")
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

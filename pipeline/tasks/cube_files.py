"""The FITS files of a folder and of the folders in it: one folder for each exposure is a habit."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import SourceUnavailable, printable
from pipeline.workflow.ownership import MARK

_NAME = re.compile(r"\.(fits?|fts)(\.(fz|gz|z|bz2|xz|zip|zst))?$|\.fz$", re.IGNORECASE)


def cube_files(folder: Path) -> dict[Path, str]:
    """Every FITS file below a folder, with its path from there as text; sorted by that.

    Hidden folders, and those that this program has made, are left out. A folder that is called
    like a FITS file and holds none is listed itself.

    Raises
    ------
    SourceUnavailable
        If the folder does not exist or holds no FITS file.
    """
    if not folder.is_dir():
        raise SourceUnavailable(f"--cubes {folder}: no such folder")
    found = {path: printable(path.relative_to(folder).as_posix()) for path in _walk(folder, set())}
    if not found:
        raise SourceUnavailable(
            f"--cubes {folder}: holds no .fits file (nor .fits.fz, .fits.gz), and no folder in it "
            "does; give the folder of the DATACUBE_FINAL files"
        )
    return dict(sorted(found.items(), key=lambda item: item[1]))


def _walk(folder: Path, seen: set[str]) -> Iterator[Path]:
    """Files of a folder and below; links are followed, each folder is entered once."""
    place = os.path.realpath(folder)
    if place in seen:
        return
    seen.add(place)
    try:
        entries = sorted(os.scandir(folder), key=lambda one: one.name)
    except OSError as error:
        raise SourceUnavailable(f"--cubes: {folder} cannot be read ({error.strerror})") from error
    for entry in entries:
        path, is_fits = folder / entry.name, bool(_NAME.search(entry.name))
        if entry.name.startswith("."):
            continue
        if not _is_folder(entry):
            if is_fits:
                yield path
            continue
        inside = [] if (path / MARK).exists() else list(_walk(path, seen))
        yield from inside
        if is_fits and not inside:
            yield path


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link in a circle
        return False

"""Which folders are ours to write into or to replace; every command asks here before it writes.

A folder is ours if it is absent, empty, or carries a mark: a hidden file that says what it is for.
The mark of a folder that is replaced as a whole (site, pages) lists its files, so that a file that
somebody added is never deleted with it. Folders of versions that wrote no mark are known by their
content. Links are resolved first; the target is judged, and the link stays.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.config.paths import ROOT
from pipeline.errors import WorkspaceError

MARK = ".muse-differential-photometry.json"
PROJECT = "muse-differential-photometry"
_LEFT_BY_DESKTOPS = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
_SHOWN = 3  # foreign files that a message names


@dataclass(frozen=True)
class Kind:
    """A use of a folder."""

    name: str
    remedy: str
    replaced: bool  # as a whole, by a fresh one; else files are written into it
    known_by: Callable[[Path], bool]  # content of a folder that a version without marks made


def _report_of_ours(folder: Path) -> bool:
    """Whether ``data/report.json`` is one that this project wrote."""
    try:
        record = json.loads((folder / "data" / "report.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(record, dict) and {"schema", "version", "campaigns"} <= record.keys()


def _old_site(folder: Path) -> bool:
    hidden = any(name.startswith(".") for name in _names(folder) - _LEFT_BY_DESKTOPS)
    made = (folder / "index.html").is_file() and (folder / "CITATION.cff").is_file()
    return made and not hidden and _report_of_ours(folder)


def _old_docs(folder: Path) -> bool:
    return (folder / "index.md").is_file() and _report_of_ours(folder)


_WORK_FILES = frozenset(
    {
        ".lock",
        "docs",
        "site.json",
        "site.json.stamp.json",
        "archive",
        "previous.json",
        "pipeline.log",
    }
)
_WORK_PREFIXES = ("zenodo-", "campaign", "reduction-demo", "publish-demo")  # as make names them
_CAMPAIGN_FILES = frozenset(
    {".lock", ".parsl", "exposures", "reference", "summary", "reduction", "raw", "associations"}
)


def _old_work(folder: Path) -> bool:
    """Everything in it is what a run leaves behind."""
    return all(
        name in _WORK_FILES | _CAMPAIGN_FILES
        or name.startswith(_WORK_PREFIXES)
        or bool(_CAMPAIGN_FILES & _names(folder / name))
        for name in _names(folder) - _LEFT_BY_DESKTOPS
    )


def _old_dist(folder: Path) -> bool:
    return all(
        name.startswith(f"{PROJECT}-") and name.endswith(".tgz")
        for name in _names(folder) - _LEFT_BY_DESKTOPS
    )


def _old_demo(folder: Path) -> bool:
    return (folder / "publish-demo").is_file() and (folder / "repository").is_dir()


def _never(_folder: Path) -> bool:
    return False


def _old_frames(folder: Path) -> bool:
    return all(name.startswith("MUSE.") or name.endswith(".fits") for name in _names(folder))


WORK = Kind("work", "choose another folder with --work", False, _old_work)
SITE = Kind("site", "choose another folder with --site", True, _old_site)
DOCS = Kind("docs", "move it away, or choose another folder with --work", True, _old_docs)
DIST = Kind("dist", "choose another folder with --output", False, _old_dist)
DEMO = Kind("demo", "choose another folder with --folder", True, _old_demo)
FRAMES = Kind("frames", "choose another folder", False, _old_frames)
EXPORT = Kind("export", "choose an empty folder", False, _never)
KINDS = {kind.name: kind for kind in (WORK, SITE, DOCS, DIST, DEMO, FRAMES, EXPORT)}


def check(folder: Path, kind: Kind, *, apart: Iterable[Path | None] = ()) -> Path:
    """The folder, links resolved, if it is ours to use in this way; nothing is written.

    Parameters
    ----------
    folder : Path
        It may be absent.
    kind : Kind
        What it is going to be used for.
    apart : iterable of Path
        Inputs and other folders of this run, which must not lie in a folder that is replaced.

    Raises
    ------
    WorkspaceError
        If it is a file, a mount point (where it would be replaced), holds something that is not
        ours or one of ``apart``, or cannot be read. The message names the remedy.
    """
    try:
        place = folder.resolve()
        if place.exists() and not place.is_dir():
            raise _refused(folder, kind, "is not a folder")
        if kind.replaced:
            _check_replaceable(folder, place, kind, apart)
        if not place.exists() or not _names(place) - _LEFT_BY_DESKTOPS:
            return place
        mark = _read_mark(place)
        if mark is None and not kind.known_by(place):
            raise _refused(folder, kind, f"holds something else ({_some(_names(place))})")
    except (OSError, RuntimeError) as error:  # RuntimeError: a link that leads to itself
        reason = getattr(error, "strerror", None) or str(error)
        raise _refused(folder, kind, f"cannot be used ({reason})") from error
    if mark is not None and mark.get("kind") != kind.name:
        raise _refused(folder, kind, f"is in use as {mark.get('kind')}")
    if mark is not None and kind.replaced and isinstance(mark.get("files"), list):
        added = _files(place) - set(mark["files"])
        if added:
            raise _refused(folder, kind, f"holds files that were added to it ({_some(added)})")
    return place


def claim(folder: Path, kind: Kind, *, apart: Iterable[Path | None] = ()) -> Path:
    """The folder, links resolved, made and marked as ours.

    For folders that files are written into. One that is replaced is only checked: its mark comes
    with its content (see ``put_in_place``).

    Raises
    ------
    WorkspaceError
        As ``check``; also if it cannot be written.
    """
    place = check(folder, kind, apart=apart)
    if not kind.replaced:
        try:
            place.mkdir(parents=True, exist_ok=True)
            if _read_mark(place) is None:
                _write_mark(place, {"kind": kind.name})
        except OSError as error:
            raise _refused(folder, kind, f"cannot be written ({error.strerror})") from error
    return place


def put_in_place(fresh: Path, target: Path, kind: Kind) -> Path:
    """Put a fresh folder in the place of one that is ours, or absent; returns the place.

    Two renames: interrupted between them, the old content lies beside it under a hidden name.

    Raises
    ------
    WorkspaceError
        If what is there is not ours, or cannot be replaced.
    """
    place = check(target, kind)
    _write_mark(fresh, {"kind": kind.name, "files": sorted(_files(fresh))})
    old: Path | None = None
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{place.name[:100]}.old-", dir=place.parent))
            place.rename(old)  # onto an empty folder: nobody else has that name
        fresh.rename(place)
    except OSError as error:
        if old is not None and old.exists() and not place.exists():
            old.rename(place)
        raise _refused(target, kind, f"cannot be replaced ({error.strerror})") from error
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)
    return place


def empty(folder: Path, kind: Kind, made: Iterable[str]) -> Path:
    """A folder that is ours, made anew and marked: what was in it is gone.

    Parameters
    ----------
    made : iterable of str
        Names of what a run leaves in it.

    Raises
    ------
    WorkspaceError
        If what is there is not ours, or something was added to it.
    """
    place = check(folder, kind)
    try:
        added = _names(place) - {MARK, *made, *_LEFT_BY_DESKTOPS}
        if added:
            raise _refused(folder, kind, f"holds files that were added to it ({_some(added)})")
        if place.exists():
            shutil.rmtree(place)
        place.mkdir(parents=True)
        _write_mark(place, {"kind": kind.name})
    except OSError as error:
        raise _refused(folder, kind, f"cannot be written ({error.strerror})") from error
    return place


def check_file(path: Path, is_ours: Callable[[bytes], bool], remedy: str) -> None:
    """Make sure that a file may be written: absent, empty, or one that we wrote before.

    Raises
    ------
    WorkspaceError
        If it is something else.
    """
    try:
        if path.exists() and not (path.is_file() and is_ours(path.read_bytes())):
            raise WorkspaceError(
                f"{path}: exists already and was not written by this program; {remedy}"
            )
    except OSError as error:
        raise WorkspaceError(f"{path}: cannot be used ({error.strerror}); {remedy}") from error


def within_marked(folder: Path) -> bool:
    """Whether a folder lies in a work folder of ours, whose mark covers it."""
    return any(
        (mark := _read_mark(parent)) is not None and mark.get("kind") == WORK.name
        for parent in folder.resolve().parents
    )


def _check_replaceable(folder: Path, place: Path, kind: Kind, apart: Iterable[Path | None]) -> None:
    if os.path.ismount(place):
        raise _refused(folder, kind, "is a mount point, which cannot be replaced")
    kept = [Path.cwd(), Path.home(), ROOT, *(one for one in apart if one is not None)]
    for one in kept:
        if one.resolve().is_relative_to(place):
            raise _refused(folder, kind, f"would be replaced, and {one} lies in it")


def _refused(folder: Path, kind: Kind, why: str) -> WorkspaceError:
    return WorkspaceError(f"{folder}: {why}; nothing was touched, {kind.remedy}")


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def _files(folder: Path) -> set[str]:
    """Everything below a folder that is no folder, but its mark."""
    found = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    names = {path.relative_to(folder).as_posix() for path in found}
    return {name for name in names if Path(name).name not in (MARK, *_LEFT_BY_DESKTOPS)}


def _some(names: Iterable[str]) -> str:
    ordered = sorted(names)
    more = len(ordered) - _SHOWN
    return ", ".join(ordered[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _read_mark(folder: Path) -> dict[str, Any] | None:
    try:
        mark = json.loads((folder / MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return mark if isinstance(mark, dict) and mark.get("made_by") == PROJECT else None


def _write_mark(folder: Path, content: dict[str, Any]) -> None:
    text = json.dumps({"made_by": PROJECT, **content}, indent=1, sort_keys=True)
    (folder / MARK).write_text(text + "\n", encoding="utf-8")

"""Whether a product is stale, and how it is written so that it is never half there.

A product is a file with a stamp beside it. The stamp's key is a digest of everything that shapes
the product: stage, the part of the settings that the stage reads, the keys of its inputs, the code
and the libraries that compute it. A product is stale when its key differs, or when an output is
missing or not what the stamp says. Outputs are written to ``.part`` files, flushed, renamed, and
the stamp comes last.
"""

import errno
import fcntl
import json
import os
import resource
import socket
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.errors import ExposureError, WorkspaceError
from pipeline.workflow import ownership
from pipeline.workflow.digests import (
    SHAPING_LIBRARIES,
    code_digest,
    digest,
    file_sha256,
    fingerprint,
    library_versions,
    safe_name,
)
from pipeline.workflow.interrupt import raise_if_interrupted
from pipeline.workflow.progress import say
from pipeline.workflow.stamps import (
    DONE,
    FAILED,
    LOST,
    PURGED,
    Recorded,
    Stamp,
    atomic_file,
    read_stamp,
    stamp_path,
    write_stamp,
)

__all__ = [
    "DONE",
    "FAILED",
    "LOST",
    "NOT_AS_MADE",
    "PURGED",
    "SHAPING_LIBRARIES",
    "Output",
    "Recorded",
    "Stamp",
    "atomic_file",
    "code_digest",
    "digest",
    "exclusive",
    "file_sha256",
    "fingerprint",
    "forget",
    "library_versions",
    "make",
    "purge",
    "read_stamp",
    "record_failure",
    "safe_name",
    "staleness",
    "sweep_parts",
    "tell_if_damaged",
    "write_stamp",
]

NOT_AS_MADE = "not as it was made: "
_OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)  # EFBIG: ulimit -f


def staleness(product: Path, ingredients: Mapping[str, Any], *, verify: bool = False) -> str:
    """Why the product must be made (again); "" if it need not.

    Parameters
    ----------
    verify : bool
        Hash every output; else those are trusted whose size and time are as recorded.
    """
    stamp = read_stamp(product)
    if stamp is None:
        return "its stamp cannot be read" if stamp_path(product).exists() else "not made yet"
    if stamp.key != digest(ingredients):
        return "changed: " + ", ".join(_differences(stamp.ingredients, ingredients))
    if stamp.state == LOST:
        return f"worker was lost: {stamp.error}"
    return _damage(product, stamp, verify) if stamp.state == DONE else ""


def _damage(product: Path, stamp: Stamp, verify: bool) -> str:
    """How the outputs of a product differ from its stamp, "" if they do not."""
    found = {
        name: stamp.outputs[name].difference(product.parent / name, verify=verify)
        for name in sorted(stamp.outputs)
    }
    gone = [name for name, how in found.items() if how == "missing"]
    if gone:
        return "missing: " + ", ".join(gone)
    changed = [f"{name} ({how})" for name, how in found.items() if how]
    return NOT_AS_MADE + ", ".join(changed) if changed else ""


def tell_if_damaged(product: Path, reason: str) -> None:
    """Say that a product is made again because its files are not those that were made."""
    if reason.startswith((NOT_AS_MADE, "its stamp")):
        say(f"{product.parent.name}/{product.name}: {reason}; made again")


def _differences(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Dotted names of the ingredients that differ."""
    names = []
    for key in sorted(set(old) | set(new)):
        before, after = old.get(key), new.get(key)
        if before == json.loads(json.dumps(after, default=str)):
            continue
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            names += _differences(before, after, f"{prefix}{key}.")
        else:
            names.append(f"{prefix}{key}")
    return names or ["stamp format"]


class Output:
    """The files of one product while they are being written."""

    def __init__(self, product: Path) -> None:
        self._folder = product.parent
        self.parts: dict[str, Path] = {}  # final name: temporary file

    def path(self, name: str) -> Path:
        """The temporary file to write ``name`` into."""
        part = self._folder / f".{name}.{_process()}.part"
        self.parts[name] = part
        return part


def make(
    product: Path,
    stage: str,
    ingredients: Mapping[str, Any],
    build: Callable[[Output], None],
    *,
    transient: bool = False,
) -> Stamp:
    """Make a product and its stamp; an expected failure of the exposure becomes a stamp as well.

    Files of a product that failed are removed, those of an earlier success included.

    Parameters
    ----------
    product : Path
        The main file; further outputs lie beside it.
    build : callable
        Writes every output into ``Output.path(name)``; nothing is visible before all are written.
    transient : bool
        The product is purged once it is used: spare the disk the flush and the whole digest.

    Raises
    ------
    WorkspaceError
        If the folder cannot be written or is full.
    """
    raise_if_interrupted()
    output = Output(product)
    started = time.monotonic()
    caught: list[str] = []
    outputs: dict[str, Recorded] = {}
    state, error_type, error = DONE, "", ""
    try:
        product.parent.mkdir(parents=True, exist_ok=True)
        before = read_stamp(product)
        stamp_path(product).unlink(missing_ok=True)  # nobody vouches for the old product any more
        try:
            with warnings.catch_warnings(record=True) as log:
                warnings.simplefilter("default")
                build(output)
            caught = sorted({str(entry.message) for entry in log})
            outputs = {
                name: _publish(part, product.parent / name, transient)
                for name, part in sorted(output.parts.items())
            }
        except ExposureError as failure:
            state, error_type, error = FAILED, type(failure).__name__, str(failure)
            _remove_outputs(product, before)
        finally:
            for part in output.parts.values():
                part.unlink(missing_ok=True)
        stamp = Stamp(
            stage,
            digest(ingredients),
            ingredients,
            state,
            outputs,
            round(time.monotonic() - started, 3),
            round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
            tuple(caught),
            error_type,
            error,
        )
        write_stamp(product, stamp)
    except OSError as failure:
        if not _of_workspace(failure, product):
            raise
        raise WorkspaceError(
            f"{failure.filename or product}: {failure.strerror or failure}; "
            "free space or choose another folder with --work"
        ) from failure
    return stamp


def record_failure(product: Path, stamp: Stamp) -> None:
    """Write the stamp of a product that could not be made; what an earlier run made is removed.

    Raises
    ------
    WorkspaceError
        If the folder cannot be written or is full.
    """
    try:
        product.parent.mkdir(parents=True, exist_ok=True)
        _remove_outputs(product, read_stamp(product))
        write_stamp(product, stamp)
    except OSError as failure:
        raise WorkspaceError(
            f"{failure.filename or product}: {failure.strerror or failure}; "
            "free space or choose another folder with --work"
        ) from failure


def _remove_outputs(product: Path, stamp: Stamp | None) -> None:
    """Remove what was made from an earlier state of the input, lest it be taken for new."""
    for name in stamp.outputs if stamp else (product.name,):
        (product.parent / name).unlink(missing_ok=True)


def _of_workspace(failure: OSError, product: Path) -> bool:
    """Whether a folder of ours is at fault, not an input that could not be read."""
    if failure.errno in _OF_THE_DISK or "space on disk" in str(failure):  # as astropy says it
        return True
    return bool(failure.filename) and Path(os.fsdecode(failure.filename)).is_relative_to(
        product.parent
    )


def _publish(part: Path, final: Path, transient: bool) -> Recorded:
    """Flush a finished file to disk, give it its name, return its record."""
    if not transient:
        with part.open("rb") as file:
            os.fsync(file.fileno())
    part.replace(final)
    return Recorded.of(final, whole=not transient)


def forget(product: Path) -> None:
    """Make a product stale by removing its stamp."""
    stamp_path(product).unlink(missing_ok=True)


def purge(product: Path) -> None:
    """Remove the outputs of a product on purpose: it stays done, its space is free."""
    stamp = read_stamp(product)
    if stamp is None or stamp.state not in (DONE, PURGED):
        return
    if stamp.state == DONE:  # a run killed between the stamp and the removal comes by again
        write_stamp(product, replace(stamp, state=PURGED))
    for name in stamp.outputs:
        (product.parent / name).unlink(missing_ok=True)


def sweep_parts(folder: Path) -> int:
    """Remove what killed processes left half-written; returns how many files.

    Only whoever holds the folder alone may do so: another process may be writing.
    """
    parts = [path for path in folder.rglob(".*.part") if path.is_file()]
    for path in parts:
        path.unlink(missing_ok=True)
    return len(parts)


@contextmanager
def exclusive(folder: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold a work folder for this run alone; the lock dies with the process, however it dies.

    Parameters
    ----------
    shared : bool
        Hold it together with other runs that share it: shards.

    Raises
    ------
    WorkspaceError
        If another run holds it, it holds something that is not ours, or it cannot be written.
    """
    try:
        if not ownership.within_marked(folder):
            ownership.claim(folder, ownership.WORK)
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkspaceError(
            f"{folder}: cannot be written ({error.strerror}); choose another folder"
        ) from error
    with locked(folder, shared=shared):
        yield


@contextmanager
def locked(folder: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold a folder that exists, whoever made it, by a lock that dies with the process.

    Raises
    ------
    WorkspaceError
        If another run holds it, or it cannot be written.
    """
    try:
        file = (folder / ".lock").open("a")
    except OSError as error:
        raise WorkspaceError(
            f"{folder}: cannot be written ({error.strerror}); choose another folder"
        ) from error
    with file:
        try:
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise WorkspaceError(
                f"{folder}: in use by another run; wait for it or stop it"
            ) from error
        yield


def _process() -> str:
    """A name of this process among all that may write into a shared folder."""
    return f"{socket.gethostname()[:60]}-{os.getpid()}"

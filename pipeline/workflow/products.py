"""Where a product lives, whether it is stale, and how it is written so that it is never half there.

A product is a file with a stamp beside it. The stamp's key is a digest of everything that shapes
the product: stage, version, the part of the settings that the stage reads, the keys of its inputs,
the code and the libraries that compute it. A product is stale when its key differs or an output is
missing; clocks play no part, so a laptop, a cluster and a CI checkout agree. Outputs are written
to ``.part`` files, flushed, renamed, and the stamp comes last.
"""

import fcntl
import hashlib
import json
import os
import re
import resource
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

from pipeline.errors import ExposureError, WorkspaceError

SHAPING_LIBRARIES = ("numpy", "scipy", "astropy", "photutils")  # their versions enter every key
FINGERPRINT_BLOCKS = 32  # blocks of 4 KiB that stand for a cube of gigabytes
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
_ROOT = Path(__file__).parents[2]

DONE, PURGED, FAILED, LOST = "done", "purged", "failed", "lost"


@dataclass(frozen=True)
class Stamp:
    """What is known of a product: what shaped it, what came out, what it cost."""

    stage: str
    key: str
    ingredients: Mapping[str, Any]  # what the key is a digest of; tells why a product is stale
    state: str  # done, purged (removed on purpose), failed (typed error) or lost (worker killed)
    outputs: Mapping[str, str] = field(default_factory=dict)  # file name: sha256
    wall_s: float = 0.0
    peak_rss_mb: float = 0.0  # of the process that made it
    warnings: tuple[str, ...] = ()
    error_type: str = ""
    error: str = ""


def digest(value: object) -> str:
    """sha256 of a JSON value, independent of the order of its keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def file_sha256(path: Path) -> str:
    """sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprint(path: Path) -> str:
    """A digest that stands for the content of a large file without reading all of it.

    Size, first and last bytes and evenly spaced blocks are hashed. A cube that is reduced anew
    differs in every block; an edit of a few bytes in between may go unnoticed (use ``--force``).
    """
    size = path.stat().st_size
    block = 4096
    sha = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        for number in range(FINGERPRINT_BLOCKS + 1):
            file.seek(max(0, (size - block) * number // FINGERPRINT_BLOCKS))
            sha.update(file.read(block))
    return sha.hexdigest()


@cache
def code_digest(*places: str) -> str:
    """Digest of source files; ``places`` are files or folders beside the package's folder."""
    files: list[Path] = []
    for place in places:
        path = _ROOT / place
        files += path.rglob("*") if path.is_dir() else [path]
    sources = sorted(file for file in files if file.suffix in (".py", ".c", ".h"))
    return digest([(file.relative_to(_ROOT).as_posix(), file_sha256(file)) for file in sources])


@cache
def library_versions(names: tuple[str, ...] = SHAPING_LIBRARIES) -> dict[str, str]:
    """Versions of the libraries that shape the numbers."""
    return {name: version(name) for name in names}


def safe_name(label: str) -> str:
    """A file name for a label that came from a header or a folder: no path, no surprise.

    Two labels that differ only in replaced characters keep different names.
    """
    name = _UNSAFE.sub("_", label).lstrip(".")[:120]
    return name if name and name == label else f"{name or 'x'}-{digest(label)[:8]}"


def read_stamp(product: Path) -> Stamp | None:
    """The stamp of a product, None if there is none that can be read."""
    try:
        record = json.loads(_stamp_path(product).read_text(encoding="utf-8"))
        return Stamp(**{**record, "warnings": tuple(record["warnings"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None  # missing or of another version: the product is stale


def staleness(product: Path, ingredients: Mapping[str, Any]) -> str:
    """Why the product must be made (again), in words; "" if it need not."""
    stamp = read_stamp(product)
    if stamp is None:
        return "not made yet"
    if stamp.key != digest(ingredients):
        return "changed: " + ", ".join(_differences(stamp.ingredients, ingredients))
    if stamp.state == LOST:
        return f"worker was lost: {stamp.error}"
    if stamp.state == DONE:
        gone = [name for name in sorted(stamp.outputs) if not (product.parent / name).exists()]
        if gone:
            return "missing: " + ", ".join(gone)
    return ""


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
        part = self._folder / f".{name}.{os.getpid()}.part"
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
    output = Output(product)
    started = time.monotonic()
    caught: list[str] = []
    hashes: dict[str, str] = {}
    state, error_type, error = DONE, "", ""
    try:
        product.parent.mkdir(parents=True, exist_ok=True)
        _stamp_path(product).unlink(
            missing_ok=True
        )  # from here on the old product is no longer vouched for
        try:
            with warnings.catch_warnings(record=True) as log:
                warnings.simplefilter("default")
                build(output)
            caught = sorted({str(entry.message) for entry in log})
            hashes = {
                name: _publish(part, product.parent / name, transient)
                for name, part in sorted(output.parts.items())
            }
        except ExposureError as failure:
            state, error_type, error = FAILED, type(failure).__name__, str(failure)
        finally:
            for part in output.parts.values():
                part.unlink(missing_ok=True)
        stamp = Stamp(
            stage,
            digest(ingredients),
            ingredients,
            state,
            hashes,
            round(time.monotonic() - started, 3),
            round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
            tuple(caught),
            error_type,
            error,
        )
        write_stamp(product, stamp)
    except OSError as failure:
        raise WorkspaceError(
            f"{failure.filename or product}: {failure.strerror or failure}; "
            "free space or choose another folder with --work"
        ) from failure
    return stamp


def _publish(part: Path, final: Path, transient: bool) -> str:
    """Flush a finished file to disk, give it its name, return its digest."""
    if transient:
        sha = fingerprint(part)
    else:
        sha = file_sha256(part)
        with part.open("rb") as file:
            os.fsync(file.fileno())
    part.replace(final)
    return sha


def write_stamp(product: Path, stamp: Stamp) -> None:
    """Write the stamp of a product atomically; it must be the last file of the product."""
    with atomic_file(_stamp_path(product)) as file:
        json.dump(asdict(stamp), file, sort_keys=True, default=str)


def forget(product: Path) -> None:
    """Make a product stale by removing its stamp."""
    _stamp_path(product).unlink(missing_ok=True)


def purge(product: Path) -> None:
    """Remove the outputs of a product on purpose: it stays done, its space is free."""
    stamp = read_stamp(product)
    if stamp is None or stamp.state not in (DONE, PURGED):
        return
    if stamp.state == DONE:  # a run killed between the stamp and the removal comes by again
        write_stamp(product, replace(stamp, state=PURGED))
    for name in stamp.outputs:
        (product.parent / name).unlink(missing_ok=True)


@contextmanager
def atomic_file(path: Path) -> Iterator[IO[str]]:
    """A text file that appears under its name only once it is complete and on disk."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def sweep_parts(folder: Path) -> int:
    """Remove what killed processes left half-written; returns how many files."""
    parts = [path for path in folder.rglob(".*.part") if path.is_file()]
    for path in parts:
        path.unlink(missing_ok=True)
    return len(parts)


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold a folder for this run alone; the lock dies with the process, however it dies.

    Raises
    ------
    WorkspaceError
        If another run holds it, or it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / ".lock").open("w")
    except OSError as error:
        raise WorkspaceError(
            f"{folder}: cannot be written ({error.strerror}); choose another folder"
        ) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise WorkspaceError(
                f"{folder}: in use by another run; wait for it or stop it"
            ) from error
        yield


def _stamp_path(product: Path) -> Path:
    return product.with_name(product.name + ".stamp.json")

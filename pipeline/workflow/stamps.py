"""Stamps: what is known of a product, kept in a JSON file beside it.

A stamp that cannot be read, whatever the reason, means that its product is stale.
"""

import json
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

from pipeline.workflow.digests import file_sha256, fingerprint

DONE, PURGED, FAILED, LOST = "done", "purged", "failed", "lost"
STATES = (DONE, PURGED, FAILED, LOST)
MAX_STAMP_BYTES = 10_000_000  # a stamp has some 2 kB
_ODD = (AttributeError, RecursionError)  # JSON of another shape, or nested without end
UNKNOWN = -1  # size or time of an output that an older version did not record


@dataclass(frozen=True)
class Recorded:
    """A file of a product, as it was when it was made."""

    digest: str  # sha256, or a fingerprint where the product is purged soon
    size: int = UNKNOWN  # [byte]
    mtime_ns: int = UNKNOWN
    whole: bool = True  # False: ``digest`` is a fingerprint

    @classmethod
    def of(cls, path: Path, *, whole: bool = True) -> "Recorded":
        """The record of a file as it is now."""
        status = path.stat()
        found = file_sha256(path) if whole else fingerprint(path)
        return cls(found, status.st_size, status.st_mtime_ns, whole)

    def difference(self, path: Path, *, verify: bool = False) -> str:
        """How a file differs from its record; "" if it does not.

        Size and time as recorded are trusted; else, or with ``verify``, the content is compared.
        """
        try:
            status = path.stat()
            if self.size not in (UNKNOWN, status.st_size):
                return f"{status.st_size} bytes instead of {self.size}"
            seen = (status.st_size, status.st_mtime_ns)
            if seen == (self.size, self.mtime_ns) and not verify:
                return ""
            now = file_sha256(path) if self.whole else fingerprint(path)
        except FileNotFoundError:
            return "missing"
        except OSError as error:
            return f"cannot be read ({error.strerror})"
        return "" if now == self.digest else "other content"


@dataclass(frozen=True)
class Stamp:
    """What is known of a product: what shaped it, what came out, what it cost."""

    stage: str
    key: str
    ingredients: Mapping[str, Any]  # what the key is a digest of; tells why a product is stale
    state: str  # done, purged (removed on purpose), failed (typed error) or lost (worker killed)
    outputs: Mapping[str, Recorded] = field(default_factory=dict)  # by file name
    wall_s: float = 0.0
    peak_rss_mb: float = 0.0  # of the process that made it
    warnings: tuple[str, ...] = ()
    error_type: str = ""
    error: str = ""


def stamp_path(product: Path) -> Path:
    """Where the stamp of a product lies."""
    return product.with_name(product.name + ".stamp.json")


def read_stamp(product: Path) -> Stamp | None:
    """The stamp of a product, None if there is none that can be read."""
    path = stamp_path(product)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_STAMP_BYTES:
            return None
        return _read(path, (status.st_ino, status.st_size, status.st_mtime_ns))
    except (OSError, ValueError, TypeError, LookupError, ArithmeticError, *_ODD):
        return None  # of another version, or damaged


@lru_cache(maxsize=64)  # a run asks for one several times in a row, and for the reference's always
def _read(path: Path, _state: tuple[int, int, int]) -> Stamp:
    return _stamp(json.loads(path.read_text(encoding="utf-8")))


def _stamp(record: dict[str, Any]) -> Stamp:
    """A stamp from JSON; whatever is of the wrong type raises."""
    texts = ("stage", "key", "state", "error_type", "error")
    if not all(isinstance(record[name], str) for name in texts) or record["state"] not in STATES:
        raise TypeError("not a stamp")
    return Stamp(
        **{name: record[name] for name in texts},
        ingredients=dict(record["ingredients"].items()),
        outputs={str(name): _recorded(name, one) for name, one in record["outputs"].items()},
        wall_s=float(record["wall_s"]),
        peak_rss_mb=float(record["peak_rss_mb"]),
        warnings=tuple(str(one) for one in record["warnings"]),
    )


def _recorded(name: str, record: Any) -> Recorded:
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        raise ValueError(f"{name!r} is not a file beside the product")
    if isinstance(record, str):
        return Recorded(record)  # of a version that recorded nothing else
    return Recorded(
        str(record["digest"]),
        int(record["size"]),
        int(record["mtime_ns"]),
        record["whole"] is True,
    )


def write_stamp(product: Path, stamp: Stamp) -> None:
    """Write the stamp of a product atomically; it must be the last file of the product."""
    _read.cache_clear()  # a clock is too coarse to tell two stamps of this moment
    with atomic_file(stamp_path(product)) as file:
        json.dump(asdict(stamp), file, sort_keys=True, default=str)


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

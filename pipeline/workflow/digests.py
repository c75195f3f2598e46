"""Digests: of values, files and code. Equal digests mean that a product need not be made again."""

import hashlib
import json
import re
from functools import cache
from importlib.metadata import version
from pathlib import Path

from pipeline.errors import CubeUnreadable
from pipeline.muse.fits_layout import layout
from pipeline.workflow.source_digests import file_digests

SHAPING_LIBRARIES = ("numpy", "scipy", "astropy", "photutils")  # their versions enter every key
FINGERPRINT_BLOCKS = 32  # blocks of 4 KiB that stand for a cube of gigabytes
_BLOCK = 4096
_ROOT = Path(__file__).parents[2]
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


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

    Size, all headers of a FITS file, first and last bytes and evenly spaced blocks are hashed. A
    cube that is reduced anew differs in every block. An edit of data in between goes unnoticed
    here: whoever trusts a fingerprint compares the time of change as well.
    """
    size = path.stat().st_size
    sha = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        for number in range(FINGERPRINT_BLOCKS + 1):
            file.seek(max(0, (size - _BLOCK) * number // FINGERPRINT_BLOCKS))
            sha.update(file.read(_BLOCK))
        for start, end in _headers(path):
            file.seek(start)
            sha.update(file.read(end - start))
    return sha.hexdigest()


def _headers(path: Path) -> list[tuple[int, int]]:
    """Where the headers of a FITS file lie; none of another file."""
    try:
        return [(span.start, span.data) for span in layout(path)]
    except CubeUnreadable:
        return []


@cache
def code_digest(*places: str) -> str:
    """Digest of what source files do; ``places`` are files or folders beside the package's folder.

    Python counts by its syntax tree without docstrings, C without comments: an edit of prose makes
    nothing stale.
    """
    files: list[Path] = []
    for place in places:
        path = _ROOT / place
        files += path.rglob("*") if path.is_dir() else [path]
    sources = sorted(file for file in set(files) if file.suffix in (".py", ".c", ".h"))
    names = [file.relative_to(_ROOT).as_posix() for file in sources]
    return digest(list(zip(names, file_digests(sources), strict=True)))


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

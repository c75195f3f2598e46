"""What a recipe left behind: log, quality-control keywords, products."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from astropy.io import fits

MAX_KEPT = 40  # kinds of warnings or errors that are kept of a log
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_LINE = re.compile(r"^\d\d:\d\d:\d\d \[\s*(\w+)\s*\] ([^:]*): (?:\[tid=\d+\] )?(.*)$")
# A warning that says nothing about the data: every call on Debian has it.
_NOISE = ("Unable to open directory",)


def log_lines(log: str, level: str) -> tuple[str, ...]:
    """The messages of one level in a CPL log, in order; those that differ in numbers only are one.

    Each tells how often it comes: 48 warnings, one a slice, are a warning 48 times.

    Parameters
    ----------
    level : str
        "WARNING" or "ERROR".
    """
    found: dict[str, list[str]] = {}
    for line in log.splitlines():
        match = _LINE.match(line)
        if match and match[1].upper() == level and not any(n in match[3] for n in _NOISE):
            text = f"{match[2].strip()}: {match[3].strip()}".removeprefix(": ")
            found.setdefault(_NUMBER.sub("#", text), []).append(text)
    shown = [_counted(texts) for texts in found.values()]
    if len(shown) > MAX_KEPT:
        shown = [*shown[:MAX_KEPT], f"and {len(shown) - MAX_KEPT} other messages"]
    return tuple(shown)


def _counted(texts: Sequence[str]) -> str:
    if len(texts) == 1:
        return texts[0]
    others = "" if len(set(texts)) == 1 else ", with other numbers"
    return f"{texts[0]} ({len(texts)} times{others})"


def failure_message(log: str, otherwise: str) -> str:
    """Why a recipe failed, as far as its log says."""
    errors = log_lines(log, "ERROR")
    return "; ".join(errors[-3:])[-600:] if errors else otherwise.strip()[-300:]


def products_in(folder: Path) -> dict[str, tuple[Path, ...]]:
    """The FITS files in a folder by ESO PRO CATG, sorted by name; file names are not parsed."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("*.fits")):
        category = str(fits.getheader(path).get("ESO PRO CATG", ""))
        found.setdefault(category, []).append(path)
    return {category: tuple(paths) for category, paths in found.items()}


def quality(products: Mapping[str, tuple[Path, ...]]) -> dict[str, float | int | str | bool]:
    """The ESO QC keywords of all products of a call: each has some, a trace table those of traces."""
    return {
        key: value
        for tag in sorted(products)
        for path in products[tag]
        for key, value in fits.getheader(path).items()
        if key.startswith("ESO QC ") and isinstance(value, int | float | str)
    }


def provenance(header: fits.Header) -> dict[str, str]:
    """Recipe, version of the pipeline and of CPL, as the product itself says."""
    names = {"recipe": "ID", "pipeline": "PIPE ID", "library": "DRS ID"}
    return {name: str(header.get(f"ESO PRO REC1 {key}", "")) for name, key in names.items()}

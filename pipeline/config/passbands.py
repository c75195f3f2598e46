"""Passbands, a file each: wavelengths and weights as published, with author and reference.

A new passband is a new file in the folder ``passbands``: an ECSV table with the columns
``wave_aa`` and ``weight`` whose meta names ``author`` and ``reference``. Its name is the file's.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from astropy.table import Table

from pipeline.errors import ConfigError

FOLDER = Path(__file__).with_name("passbands")


@dataclass(frozen=True)
class Band:
    """A passband: piecewise linear between its knots, zero outside; its scale cancels."""

    name: str
    wave_aa: np.ndarray  # (knot,), increasing [Angstrom, air]
    weight: np.ndarray  # (knot,), not negative
    author: str = ""  # and year, as in a caption: "Bessell 1990"
    reference: str = ""  # where the numbers were published

    @property
    def range_aa(self) -> tuple[float, float]:
        """First and last knot [Angstrom]."""
        return float(self.wave_aa[0]), float(self.wave_aa[-1])


def known_bands() -> tuple[str, ...]:
    """The names of the passbands that there are, sorted."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.ecsv")))


def load_band(name: str) -> Band:
    """The passband of that name.

    Raises
    ------
    ConfigError
        If there is none, with a list of those that there are; or if its file is not a passband.
    """
    if name not in known_bands():
        raise ConfigError(
            f"passband {name!r} is unknown; known are: {', '.join(known_bands())}; a new one is a "
            f"file in {FOLDER.parent.name}/{FOLDER.name}"
        )
    return read_band(band_path(name))


def band_path(name: str) -> Path:
    """The file of a passband: its content shapes every flux in that passband."""
    return FOLDER / f"{name}.ecsv"


@cache
def read_band(path: Path) -> Band:
    """The passband in a file.

    Raises
    ------
    ConfigError
        If the file cannot be read, does not name author and reference, or its numbers are no
        passband: wavelengths that increase, weights that are not negative and not all zero.
    """
    try:
        table = Table.read(path, format="ascii.ecsv")
        wave_aa, weight = (np.asarray(table[name], float) for name in ("wave_aa", "weight"))
        author, reference = (str(table.meta[name]) for name in ("author", "reference"))
    except (OSError, KeyError, ValueError) as error:
        raise ConfigError(
            f"{path.name}: a passband has columns wave_aa and weight, author and reference in its "
            f"meta ({error})"
        ) from error
    if not (
        len(wave_aa) > 1
        and np.isfinite(wave_aa).all()
        and (np.diff(wave_aa) > 0).all()
        and (weight >= 0).all()
        and 0 < weight.sum() < np.inf
    ):
        raise ConfigError(
            f"{path.name}: wave_aa must increase, weight must not be negative and not all zero"
        )
    return Band(path.stem, wave_aa, weight, author, reference)

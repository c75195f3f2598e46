"""The file of known stars of a field, which give the stars of any reference their numbers."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io.ascii import InconsistentTableError
from astropy.table import Table
from yaml import YAMLError

from pipeline.config.paths import ROOT
from pipeline.errors import ConfigError, printable

# what astropy and its YAML reader raise for a file that is damaged, found by damaging one
UNREADABLE = (
    OSError,
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
    IndexError,
    ArithmeticError,
    RecursionError,
    YAMLError,
    InconsistentTableError,
)


@dataclass(frozen=True)
class StarRegistry:
    """Known stars of a field: numbers that stay, whichever exposure is the reference."""

    star_id: np.ndarray  # (star,) int
    x: np.ndarray  # (star,) [pix], in the frame of any exposure of the field
    y: np.ndarray
    name: str = "field.star_registry"  # what it is called in messages


def registry_path(name: str, root: Path) -> Path | None:
    """The file next to the configuration, or else one shipped with the project; None for "".

    Parameters
    ----------
    name : str
        Setting ``field.star_registry``.
    root : Path
        Folder of the configuration.
    """
    if not name:
        return None
    beside = root / name
    return beside if beside.exists() else ROOT / name


def read_registry(path: Path) -> StarRegistry:
    """The known stars in an ECSV table with the columns id, x, y.

    Raises
    ------
    ConfigError
        If the file cannot be read, lacks a column, holds a number twice, or a position that is no
        number.
    """
    needed = f"field.star_registry = {str(path)!r}: an ECSV table with columns id, x, y is needed"
    try:
        if not path.is_file():
            raise ConfigError(f"{needed} (no such file)")
        table = Table.read(path, format="ascii.ecsv")
        star_id, x, y = (np.ma.filled(table[name]) for name in ("id", "x", "y"))
        star_id, x, y = np.asarray(star_id), np.asarray(x), np.asarray(y)
    except UNREADABLE as error:
        raise ConfigError(f"{needed} ({printable(str(error))})") from error
    numbers = star_id.dtype.kind in "iu" and x.dtype.kind in "iuf" and y.dtype.kind in "iuf"
    if not numbers or star_id.ndim != 1 or not (np.isfinite(x) & np.isfinite(y)).all():
        raise ConfigError(f"{needed}: whole numbers, and positions in pixels")
    values, counts = np.unique(star_id, return_counts=True)
    if (counts > 1).any():
        raise ConfigError(
            f"field.star_registry = {str(path)!r}: star {values[counts > 1][0]} is in it twice"
        )
    return StarRegistry(star_id, x, y)

"""The file of known stars of a field, which give the stars of any reference their numbers."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.table import Table

from pipeline.config.paths import ROOT
from pipeline.errors import ConfigError


@dataclass(frozen=True)
class StarRegistry:
    """Known stars of a field: numbers that stay, whichever exposure is the reference."""

    star_id: np.ndarray  # (star,) int
    x: np.ndarray  # (star,) [pix], in the frame of any exposure of the field
    y: np.ndarray


def registry_path(name: str, root: Path) -> Path | None:
    """The file beside the configuration, or else one that comes with the project; None for "".

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
        If the file cannot be read, lacks a column, or holds a number twice.
    """
    try:
        table = Table.read(path, format="ascii.ecsv")
        star_id, x, y = (np.asarray(table[name]) for name in ("id", "x", "y"))
    except (OSError, KeyError, ValueError) as error:
        raise ConfigError(
            f"field.star_registry = {str(path)!r}: an ECSV table with columns id, x, y is needed "
            f"({error})"
        ) from error
    values, counts = np.unique(star_id, return_counts=True)
    if (counts > 1).any():
        raise ConfigError(
            f"field.star_registry = {str(path)!r}: star {values[counts > 1][0]} is in it twice"
        )
    return StarRegistry(star_id, x, y)

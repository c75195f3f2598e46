"""The table of nights and modes in which a star was observed, whatever modes the instrument has."""

from collections.abc import Mapping, Sequence

import numpy as np
from astropy.table import QTable

from pipeline.muse.modes import WIDE_MODES
from pipeline.schema.table import make_table


def column_of(mode: str) -> str:
    """Name of a mode's column in the table ``availability``."""
    return mode.lower().replace("-", "_")


def availability_table(
    dates: Sequence[str] | np.ndarray, columns: Mapping[str, Sequence[object] | np.ndarray]
) -> QTable:
    """The table ``availability``; a mode without a column is masked in every night.

    Parameters
    ----------
    dates : sequence of str, shape (night,)
    columns : mapping
        By ``column_of`` a mode; masked where the star was not observed in it.
    """
    unknown = np.ma.MaskedArray(np.full(len(dates), "", "U5"), mask=True)
    modes = {column_of(mode): unknown for mode in WIDE_MODES}
    return make_table("availability", {"date": dates, **modes, **columns})

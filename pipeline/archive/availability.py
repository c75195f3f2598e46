"""Which nights the star was observed in which mode, and whether calibrations are to be expected."""

from collections.abc import Iterable

import numpy as np
from astropy.table import QTable

from pipeline.archive.observations import Observation
from pipeline.muse.modes import WIDE_MODES
from pipeline.schema.availability import availability_table, column_of

SCIENCE, NO_SCIENCE = "SCI", "NOSCI"  # the study's words


def availability(standards: Iterable[Observation], sciences: Iterable[Observation]) -> QTable:
    """The table ``availability``: one row per night with the star in any mode, by date.

    A cell is SCI if a science exposure was taken that night in that mode, so that the archive
    associates calibrations with the night; NOSCI if none was; masked if the star was not observed.
    """
    observed = {(one.night, one.mode) for one in standards}
    with_science = {(one.night, one.mode) for one in sciences}
    nights = sorted({night for night, _ in observed})
    columns: dict[str, np.ma.MaskedArray] = {}
    for mode in WIDE_MODES:
        keys = [(night, mode) for night in nights]
        columns[column_of(mode)] = np.ma.MaskedArray(
            [SCIENCE if key in with_science else NO_SCIENCE for key in keys],
            mask=[key not in observed for key in keys],
            dtype="U5",
        )
    return availability_table(nights, columns)

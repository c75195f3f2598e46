"""The published record, analysed again from its digitised points."""

from collections.abc import Mapping

import numpy as np
from astropy.table import QTable

from pipeline.statistics.columns import numbers
from pipeline.statistics.differences import differences
from pipeline.statistics.floor import Floor
from pipeline.statistics.subsets import (
    N_BOOTSTRAP,
    Series,
    SubsetStatistics,
    series_of,
    subset_statistics,
)


def series_of_record(tables: Mapping[str, QTable]) -> Series:
    """The record's timelines with the errors of reading them off the figure.

    Parameters
    ----------
    tables : mapping
        ``exposures``, ``timelines`` and ``timelines_digitised``, the last two row by row alike.
    """
    digitised = tables["timelines_digitised"]
    implied = numbers(digitised["value_implied_err"])
    read = numbers(digitised["value_err"])
    return series_of(
        tables["timelines"], tables["exposures"], np.where(np.isfinite(implied), implied, read)
    )


def reanalyse(
    tables: Mapping[str, QTable],
    floor: Floor,
    reference_exposure: str,
    *,
    n_bootstrap: int = N_BOOTSTRAP,
) -> tuple[SubsetStatistics, QTable]:
    """Statistics of parts of the record, and the table ``differences``.

    Parameters
    ----------
    tables : mapping
        The record's published tables.
    floor : Floor
        Of its scatter figure (``floor_of_record``).
    reference_exposure : str
        Its exposure_id.
    """
    series = series_of_record(tables)
    found = subset_statistics(series, n_bootstrap=n_bootstrap)
    rows = differences({**tables, "reanalysis": found.table}, series, floor, reference_exposure)
    return found, rows

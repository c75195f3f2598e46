"""Which exposures of a large campaign are drawn: thousands of points are slow and tell no more."""

from dataclasses import replace

import numpy as np
from astropy.table import QTable

from pipeline.report.rows import bad_rows
from pipeline.schema.results import Results

MAX_DRAWN = 500  # exposures in one figure


def stride_of(results: Results) -> int:
    """One exposure in so many is drawn."""
    return max(1, -(-len(results.tables["exposures"]) // MAX_DRAWN))


def drawn(results: Results) -> Results:
    """The campaign as figures over time draw it: one exposure in ``stride_of``, and all that are bad."""
    step = stride_of(results)
    if step == 1:
        return results
    exposures = results.tables["exposures"]
    kept = (np.arange(len(exposures)) % step == 0) | bad_rows(exposures)
    ids = set(np.asarray(exposures["exposure_id"], str)[kept].tolist())
    tables = {name: _rows_of(table, ids) for name, table in results.tables.items()}
    return replace(results, tables=tables)


def drawn_words(results: Results) -> str:
    """What a caption says of it; "" where every exposure is drawn."""
    step = stride_of(results)
    return "" if step == 1 else f" One exposure in {step} is drawn, and each that is bad."


def _rows_of(table: QTable, ids: set[str]) -> QTable:
    if "exposure_id" not in table.colnames:
        return table
    return table[np.array([str(one) in ids for one in table["exposure_id"]], bool)]

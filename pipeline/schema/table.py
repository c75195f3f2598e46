"""Tables as the schema has them."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from astropy import units as u
from astropy.table import QTable

from pipeline.schema.column import Column, radius_of
from pipeline.schema.measured import MEASURED
from pipeline.schema.record import RECORD
from pipeline.schema.statistics import STATISTICS
from pipeline.schema.truth import TRUTH

TABLES: Mapping[str, tuple[Column, ...]] = {**MEASURED, **STATISTICS, **TRUTH, **RECORD}

ROW_OF: Mapping[str, str] = {
    "exposures": "exposure",
    "catalogue": "reference star",
    "photometry": "exposure, star, band and aperture",
    "snr": "reference star",
    "pairs": "pair, band and aperture",
    "timelines": "exposure and pair",
    "availability": "night",
    "calibrations": "exposure that was reduced",
    "reductions_compared": "exposure that was reduced here and by the observatory",
    "stability": "quantity of the stability model",
    "prediction": "lag, channels of the two stars, and probability",
    "correction": "exposure and channel",
    "variability": "star",
    "targets": "target and band",
    "light_curves": "target, band and exposure",
    "channel_tests": "channel",
    "step_power": "size of a step",
    "wavelength": "band",
    "conditions": "condition",
    "scatter_comparisons": "comparison of two choices",
    "mode_offsets": "pair and comparison of modes",
    "structure_function": "range of lags",
    "recipe_calls": "call of a recipe",
    "detections": "detection in an exposure",
    "identification": "reference star",
    "spectra_drawn": "sample of a spectrum that the figures show, part of the spectra above",
    "chain_fluxes": "exposure and star of the chain of published pairs",
    "timelines_digitised": "point read off a published figure",
    "snr_scatter": "point read off a published figure",
    "coordtrafo": "point read off a published figure",
    "spectrum_levels": "star and aperture of a published figure",
    "claims": "printed number",
    "reanalysis": "pair and part of the data",
    "differences": "printed statement, with what its data say",
    "record_pairs": "pair of the record's five stars",
    "record_findings": "quantity, with its meaning",
    "channel_responses": "exposure and channel",
    "recovery": "quantity compared with the simulation's truth",
    "truth_stars": "star, as it was simulated",
    "truth_exposures": "exposure, as it was simulated",
    "truth_channels": "exposure and channel, as it was simulated",
    "truth_fluxes": "exposure and star, as it was simulated",
}  # what one row of each table is
_EMPTY = {"str": "", "bool": False, "i8": 0, "f8": np.nan}


def make_table(
    name: str, columns: Mapping[str, Sequence[object] | np.ndarray], **meta: object
) -> QTable:
    """A published table with the schema's columns, types, units and descriptions.

    Parameters
    ----------
    name : str
        A key of ``TABLES``.
    columns : mapping of column name to sequence, all of one length
        Plain numbers in the schema's units. A masked array stays masked.
    **meta
        What the table says of itself; placeholders in descriptions are filled from it.

    Raises
    ------
    KeyError
        If a column is missing or unknown, or ``meta`` lacks what a description names: a defect of
        the caller, not of the data.
    """
    table = QTable(meta={"table": name, **meta})
    for key, column in columns_of(name, columns).items():
        values = columns[key]
        kind = (
            np.str_
            if column.dtype == "str"
            else np.dtype(column.dtype if column.dtype != "bool" else "?")
        )
        array = (
            values.astype(kind)
            if isinstance(values, np.ma.MaskedArray)
            else np.asarray(values, kind)
        )
        table[key] = array * u.Unit(column.unit) if column.unit else array
        words = {"radius": radius_of(key)} if column.repeated else {}
        table[key].info.description = column.description.format(**meta, **words)
        if column.ucd:
            table[key].info.meta = {"ucd": column.ucd}
    return table


def columns_of(name: str, given: Iterable[str]) -> dict[str, Column]:
    """The schema's columns of a table by name, a repeated one under each name that is given.

    Raises
    ------
    KeyError
        If the names given are not those of the table.
    """
    present = list(given)
    expected: dict[str, Column] = {}
    for column in TABLES[name]:
        if column.repeated:
            expected |= {key: column for key in present if radius_of(key) is not None}
        else:
            expected[column.name] = column
    if set(present) != set(expected):
        missing = sorted(set(expected) - set(present))
        unknown = sorted(set(present) - set(expected))
        raise KeyError(f"table {name!r}: missing {missing}, unknown {unknown}")
    return expected


def empty_value(column: Column) -> object:
    """What stands in a cell whose value is missing: NaN, an empty string, 0 or False."""
    return _EMPTY[column.dtype]

"""Tables as the schema has them."""

from collections.abc import Mapping, Sequence

import numpy as np
from astropy import units as u
from astropy.table import QTable

from pipeline.schema.column import Column
from pipeline.schema.measured import MEASURED
from pipeline.schema.record import RECORD
from pipeline.schema.statistics import STATISTICS

TABLES: Mapping[str, tuple[Column, ...]] = {**MEASURED, **STATISTICS, **RECORD}

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

    Raises
    ------
    KeyError
        If a column is missing or unknown: a defect of the caller, not of the data.
    """
    expected = {column.name: column for column in TABLES[name]}
    if set(columns) != set(expected):
        missing, unknown = (
            sorted(set(expected) - set(columns)),
            sorted(set(columns) - set(expected)),
        )
        raise KeyError(f"table {name!r}: missing {missing}, unknown {unknown}")
    table = QTable(meta={"table": name, **meta})
    for key, column in expected.items():
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
        table[key].info.description = column.description
        if column.ucd:
            table[key].info.meta = {"ucd": column.ucd}
    return table


def empty_value(column: Column) -> object:
    """What stands in a cell whose value is missing: NaN, an empty string, 0 or False."""
    return _EMPTY[column.dtype]

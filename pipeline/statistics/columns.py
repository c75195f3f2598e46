"""Columns of tables as plain arrays, whatever they have been through."""

import numpy as np


def numbers(column: object) -> np.ndarray:
    """Plain floats, in the column's unit; masked values are NaN."""
    if isinstance(column, np.ma.MaskedArray):
        return np.ma.filled(column.astype(float), np.nan)
    return np.asarray(getattr(column, "value", column), dtype=float)


def texts(column: object) -> np.ndarray:
    """Plain strings; an empty text, which ECSV reads back as masked, is empty again."""
    if isinstance(column, np.ma.MaskedArray):
        column = np.ma.filled(column, "")
    return np.asarray(column, dtype=str)

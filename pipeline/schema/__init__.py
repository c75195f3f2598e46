"""Every published table: its columns, their types, units, meanings and UCDs, in one place.

Pages, downloads and tests take them from here. ``NaN`` in a floating-point column means that the
value is missing, never zero; an empty string in ``flags``, ``reason`` means "none".
"""

from pipeline.schema.column import APERTURE_RADII_PX, Column, radius_column, radius_of
from pipeline.schema.table import ROW_OF, TABLES, columns_of, empty_value, make_table

__all__ = [
    "APERTURE_RADII_PX",
    "ROW_OF",
    "TABLES",
    "Column",
    "columns_of",
    "empty_value",
    "make_table",
    "radius_column",
    "radius_of",
]

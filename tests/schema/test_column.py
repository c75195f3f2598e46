"""Heads of columns on pages."""

import pytest

from pipeline.schema.column import Column


@pytest.mark.parametrize(
    ("column", "head"),
    [
        (Column("lag_days", "f8", "d", "time between"), "lag"),
        (Column("seeing_arcsec", "f8", "arcsec", "seeing"), "seeing"),
        (Column("s", "f8", "s", "a time"), "s"),
        (Column("stars_px", "f8", "", "no unit beside it"), "stars px"),
        (Column("ra_deg", "f8", "deg", "right ascension", "pos.eq.ra", "RA"), "RA"),
    ],
)
def test_the_head_of_a_column_leaves_its_unit_to_the_place_beside_it(column, head):
    assert column.head == head

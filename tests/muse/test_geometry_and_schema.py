"""Small nouns: the slicer's layout and the table schema."""

import numpy as np
import pytest
from astropy import units as u

from pipeline.muse.geometry import NARROW_FIELD, WIDE_FIELD, slice_address
from pipeline.muse.modes import WIDE_MODES
from pipeline.schema import TABLES, make_table
from pipeline.schema.availability import availability_table, column_of


def test_the_corners_of_the_field_are_the_first_and_last_slices():
    x, y = WIDE_FIELD.width_px / 2 - 0.1, WIDE_FIELD.height_px / 2 - 0.1
    address = slice_address(np.array([-x, x, 0.1]), np.array([-y, y, 0.1]))
    np.testing.assert_array_equal(address.channel, [1, 24, 13])
    np.testing.assert_array_equal(address.slice, [1, 48, 25])


@pytest.mark.parametrize("layout", [WIDE_FIELD, NARROW_FIELD])
def test_every_slice_of_every_channel_is_seen_and_none_twice(layout):
    half_x, half_y = layout.width_px / 2, layout.height_px / 2
    x, y = np.meshgrid(
        np.arange(0.5 - half_x, half_x, 1), np.linspace(0.1 - half_y, half_y - 0.1, 1200)
    )
    address = slice_address(x, y, layout)
    assert len({*zip(address.channel.ravel(), address.slice.ravel(), strict=True)}) == 24 * 48


def test_outside_the_field_there_is_no_slice():
    beyond = WIDE_FIELD.width_px / 2 + 0.1, -WIDE_FIELD.height_px / 2 - 0.1
    address = slice_address(np.array([beyond[0], np.nan, 0.0]), np.array([0.0, 0.0, beyond[1]]))
    assert not address.channel.any()
    assert not address.slice.any()


def test_the_field_has_the_size_that_cubes_in_the_slicers_frame_have():
    # 315 x 307 px at airmass 1.05, 318 x 308 at 1.53: refraction adds the rest
    assert (WIDE_FIELD.width_px, WIDE_FIELD.height_px) == (313.0, 305.5)
    assert WIDE_FIELD.n_rows * WIDE_FIELD.row_height_px == pytest.approx(305.5)
    assert WIDE_FIELD.n_slices == 48


@pytest.mark.parametrize("name", TABLES)
def test_every_column_has_a_description_and_a_valid_unit(name):
    names = [column.name for column in TABLES[name]]
    assert len(names) == len(set(names))
    for column in TABLES[name]:
        assert column.description
        assert column.dtype in ("str", "bool", "i8", "f8")
        u.Unit(column.unit)


def test_a_table_carries_units_and_descriptions():
    columns = {"star_id": [1, 2], "r2.0": [1.0, np.nan], "r3.25": [2.0, 3.0]}
    table = make_table("snr", columns, band="R_Bessel", exposure="E1")
    assert table.colnames == ["star_id", "r2.0", "r3.25"]
    assert table["r3.25"].info.description == "SNR in R_Bessel, r = 3.25 px, exposure E1"
    assert np.isnan(table["r2.0"][1])


def test_a_description_whose_placeholder_has_no_word_is_a_defect():
    with pytest.raises(KeyError, match="band"):
        make_table("snr", {"star_id": [1], "r2.0": [1.0]}, exposure="E1")


def test_a_missing_or_unknown_column_is_named():
    with pytest.raises(KeyError, match=r"missing \['star_id'\], unknown \['star'\]"):
        make_table("snr", {"star": [1], "r1.5": [1.0]}, band="I_Bessel", exposure="E1")


def test_masked_values_stay_masked():
    values = np.ma.array(["SCI", "x"], mask=[False, True])
    columns = dict.fromkeys(("wfm_noao_n", "wfm_noao_e", "wfm_ao_n", "wfm_ao_e"), values)
    table = make_table("availability", {"date": ["2018-01-03", "2018-01-04"], **columns})
    assert table["wfm_ao_e"].mask.tolist() == [False, True]


def test_nights_without_a_word_on_a_mode_are_masked_in_it():
    table = availability_table(["2018-01-03"], {column_of(WIDE_MODES[0]): ["SCI"]})
    assert table["wfm_noao_n"][0] == "SCI"
    assert all(table[column_of(mode)].mask.all() for mode in WIDE_MODES[1:])
    with pytest.raises(KeyError, match=r"unknown \['no_mode'\]"):
        availability_table(["2018-01-03"], {"no_mode": ["SCI"]})

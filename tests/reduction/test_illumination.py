"""Which lamp flat of the illumination belongs to an exposure."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.muse.illumination import choose_illum, facts_of, hours_apart, mjd_of_name

NIGHT = "MUSE.2017-06-18T"
EXPOSURE = facts_of(f"{NIGHT}09:32:00.000", "WFM-AO-N", "SCI1.0", 11.4)


def illum(time, mode="WFM-NOAO-N", readout="SCI1.0", temperature_c=np.nan):
    return facts_of(f"{NIGHT}{time}.000", mode, readout, temperature_c)


def test_the_time_in_a_name_is_the_start_of_its_frame():
    assert mjd_of_name("MUSE.2017-06-18T12:00:00.000") == pytest.approx(57922.5)
    assert np.isnan(mjd_of_name("M.MUSE.2017-06-18T12:00:00.000"))
    assert np.isnan(mjd_of_name("MUSE.2017-13-18T12:00:00.000"))
    assert hours_apart(EXPOSURE, illum("08:32:00")) == pytest.approx(1.0, abs=1e-4)


def test_the_nearest_in_time_is_taken_and_not_the_first():
    """Of two at 03:10 and 08:21 for a standard at 09:32, 03:10 was taken once."""
    flats = [illum("03:10:00"), illum("08:21:00")]
    assert choose_illum(EXPOSURE, flats) == flats[1]
    assert choose_illum(EXPOSURE, flats[::-1]) == flats[1]


def test_a_flat_after_the_exposure_counts_as_one_before():
    flats = [illum("08:21:00"), illum("09:40:00")]
    assert choose_illum(EXPOSURE, flats) == flats[1]


@pytest.mark.parametrize("mode", ["WFM-NOAO-N", "WFM-NOAO-E", "WFM-AO-N", "WFM-AO-E"])
def test_a_flat_without_laser_filter_suits_every_mode_of_its_field(mode):
    exposure = facts_of(EXPOSURE.name, mode, "SCI1.0")
    assert choose_illum(exposure, [illum("09:20:00")]) is not None
    assert choose_illum(exposure, [illum("09:20:00", mode="NFM-AO-N")]) is None


def test_a_narrow_field_takes_a_narrow_flat_though_a_wide_one_is_nearer():
    exposure = facts_of(EXPOSURE.name, "NFM-AO-N", "SCI1.0")
    flats = [illum("09:30:00"), illum("08:30:00", mode="NFM-AO-N")]
    assert choose_illum(exposure, flats) == flats[1]


def test_another_readout_does_not_suit_and_an_unknown_one_does():
    assert choose_illum(EXPOSURE, [illum("09:30:00", readout="SCI2.0")]) is None
    assert choose_illum(EXPOSURE, [illum("09:30:00", readout="")]) is not None


def test_beyond_two_hours_the_temperature_decides_and_beyond_four_there_is_none():
    near, warm = illum("06:30:00", temperature_c=11.35), illum("07:20:00", temperature_c=12.5)
    assert choose_illum(EXPOSURE, [near, warm]) == near
    unknown = [replace(one, temperature_c=np.nan) for one in (near, warm)]
    assert choose_illum(EXPOSURE, unknown) == unknown[1]
    assert choose_illum(EXPOSURE, [illum("05:31:00")]) is None
    assert choose_illum(EXPOSURE, [illum("05:33:00")]) is not None


def test_within_two_hours_the_temperature_does_not_decide():
    near, alike = illum("09:00:00", temperature_c=13.0), illum("08:00:00", temperature_c=11.4)
    assert choose_illum(EXPOSURE, [near, alike]) == near


def test_a_frame_without_a_time_is_never_near():
    assert choose_illum(EXPOSURE, [facts_of("MUSE.ILLUM")]) is None
    assert choose_illum(facts_of("MUSE.STD"), [illum("09:00:00")]) is None
    assert choose_illum(EXPOSURE, []) is None

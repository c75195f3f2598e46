"""Who an exposure is, from its header alone."""

import math

import pytest

from pipeline.config.settings import Field
from pipeline.errors import CubeUnreadable, ImplausibleValue, UnknownMode, WrongField
from pipeline.muse.exposure import check_mode, check_pointing, identify, night_of_identity
from pipeline.muse.illumination import mjd_of_name
from pipeline.muse.times import night_of
from tests.muse.cubes import primary_header


def test_the_archive_file_name_is_the_identity():
    exposure = identify(primary_header(), "label.fits")
    assert exposure.exposure_id == exposure.dp_id == "MUSE.2019-03-11T02:00:00.500"
    compressed = primary_header(ARCFILE="MUSE.2019-03-11T02:00:00.500.fits.fz")
    assert identify(compressed, "x").dp_id == "MUSE.2019-03-11T02:00:00.500"


def test_without_archive_name_the_date_is_the_identity_and_without_date_the_file_name():
    by_date = identify(primary_header(ARCFILE=None), "label.fits")
    assert by_date.exposure_id == "MUSE.2019-03-11T02:00:00.500"
    by_name = identify(primary_header(**{"ARCFILE": None, "DATE-OBS": None}), "label.fits")
    assert (by_name.exposure_id, by_name.dp_id) == ("label.fits", "")


@pytest.mark.parametrize(
    "text", ["2018-12-31T23:59:60.500", "2031-12-31T23:59:60", "2131-06-01T02:00:00"]
)
def test_odd_times_are_read_without_a_warning(text):
    """A second after the end of a day, a year whose leap seconds nobody knows, and both."""
    header = primary_header(**{"MJD-OBS": None, "DATE-OBS": text})
    assert abs(identify(header, "x").mjd_start - mjd_of_name(f"MUSE.{text}")) < 1e-9
    assert night_of_identity(f"MUSE.{text}").startswith(text[:3])


def test_the_night_begins_at_noon():
    assert identify(primary_header(), "x").night == "2019-03-10"
    assert night_of(58553.4999) == "2019-03-10"
    assert night_of(58553.5001) == "2019-03-11"


def test_the_middle_of_the_exposure_is_half_its_length_after_the_start():
    header = primary_header()
    assert identify(header, "x").mjd_mid == header["MJD-OBS"] + 20 / 86400


def test_a_blind_seeing_monitor_does_not_enter_the_mean():
    assert identify(primary_header(), "x").seeing_arcsec == 0.8
    header = primary_header(**{"ESO TEL AMBI FWHM START": -1.0})
    assert math.isnan(identify(header, "x").seeing_arcsec)
    assert identify(header, "x").airmass == pytest.approx(1.15)


def test_only_a_true_keyword_means_simulated():
    assert not identify(primary_header(), "x").simulated
    assert identify(primary_header(**{"HIERARCH SIMULATED": True}), "x").simulated
    assert not identify(primary_header(**{"HIERARCH SIMULATED": "T"}), "x").simulated


def test_a_mode_that_the_instrument_does_not_have_is_refused():
    header = primary_header(**{"ESO INS MODE": "WFM-AO-X"})
    with pytest.raises(UnknownMode, match="'WFM-AO-X'; known are WFM-NOAO-N"):
        identify(header, "x")


@pytest.mark.parametrize("mode", ["WFM-NONAO-N", "wfm-noao-n", " WFM-NOAO-N "])
def test_other_spellings_of_a_mode_are_known(mode):
    assert identify(primary_header(**{"ESO INS MODE": mode}), "x").mode == "WFM-NOAO-N"


@pytest.mark.parametrize(
    ("key", "value"),
    [("EXPTIME", 0.0), ("EXPTIME", -1.0), ("MJD-OBS", 0.0), ("MJD-OBS", 2458553.5)],
)
def test_what_cannot_be_is_refused_with_what_stands_in_for_it(key, value):
    with pytest.raises(ImplausibleValue, match=rf"{key} = .* are possible; give it in a table exp"):
        identify(primary_header(**{key: value}), "x")


def test_narrow_field_mode_is_a_mode_of_the_instrument_and_of_its_own_campaigns():
    narrow = identify(primary_header(**{"ESO INS MODE": "NFM-AO-N"}), "x")
    assert narrow.mode == "NFM-AO-N"
    check_mode(narrow, Field(modes=("NFM-AO-N",)))
    with pytest.raises(UnknownMode, match=r"'NFM-AO-N' is not among field\.modes"):
        check_mode(narrow, Field())


def test_an_exposure_without_a_time_is_refused():
    header = primary_header(**{"MJD-OBS": None, "DATE-OBS": "yesterday", "ARCFILE": None})
    with pytest.raises(CubeUnreadable, match="neither MJD-OBS nor DATE-OBS"):
        identify(header, "x")


def test_a_pointing_at_another_field_is_refused_with_the_distance():
    check_pointing(primary_header(), Field())
    check_pointing(primary_header(RA=None), Field())  # the match will decide
    with pytest.raises(WrongField, match=r"3\.3 arcmin from LTT 3218; the limit is .* = 3"):
        check_pointing(primary_header(DEC=-32.9428 + 3.3 / 60), Field())

"""Numbers of others about the real instrument: whole, with sources, and consistent among themselves."""

import math

import numpy as np
import pytest

from pipeline.published.observed import channel_flats, literature, repeatability, slice_rows
from pipeline.published.observed.instrument import FILES, read_observed
from pipeline.report.rows import plain


@pytest.mark.parametrize("name", FILES)
def test_every_table_names_its_source(name):
    table = read_observed(name)
    assert "source" in table.meta or all(str(row["source"]) for row in table)


def test_lamp_flats_are_about_the_mean_channel_and_the_mean_night():
    flats = channel_flats()
    assert len(flats) == 5 * 24
    value, night, channel = plain(flats["lamp_percent"]), flats["night"], flats["channel"]
    for group in (night, channel):
        for one in set(group):
            # printed to 1e-4 %: a mean of 24 or 5 such numbers is within half of that of 0
            assert abs(value[group == one].mean()) < 0.5e-4 + 1e-12


def test_the_scatter_of_the_lamp_flats_is_the_one_that_is_quoted():
    """0.22 % with n - 1 nights: the mean of the five was taken out; two digits are quoted."""
    value = plain(channel_flats()["lamp_percent"])
    rms = math.sqrt((value**2).sum() / (24 * 4))
    quoted = {str(row["key"]): row for row in repeatability()}["lamp_between_five_nights"]
    assert float(plain(quoted["rms_percent"])) == pytest.approx(rms, abs=0.01)
    assert float(plain(quoted["largest_percent"])) == pytest.approx(abs(value).max(), abs=0.005)


def test_only_the_edges_of_a_stack_move():
    rows = slice_rows()
    edge = np.isin(np.asarray(rows["row"]), (1, 12))
    middle = np.abs(plain(rows["median_percent"]))
    assert middle[~edge].max() < 0.013
    assert middle[edge].max() > 2


def test_a_magnitude_becomes_per_cent_of_the_flux():
    """0.05 mag is 0.05 ln(10) / 2.5 of ln F."""
    known = {one.key: one for one in literature()}
    assert known["giesers"].per_cent == pytest.approx(5 * math.log(10) / 2.5)
    assert known["giesers"].as_given == "0.05 mag"
    assert known["weilbacher2015"].per_cent == pytest.approx(5.0)
    assert [key for key, one in known.items() if not one.relative] == ["weilbacher2020"]
    assert all(one.source and one.what for one in known.values())


def test_a_bound_that_was_not_given_is_no_text():
    """ECSV reads an empty text as masked, which prints as two dashes."""
    assert [one.bound for one in literature()] == ["at most", "", "about", ""]

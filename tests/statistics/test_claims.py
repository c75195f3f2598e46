"""What a campaign of few exposures, or of another field, does not claim."""

import numpy as np
import pytest

from pipeline.schema.definitions import reported
from pipeline.schema.results import Interval
from pipeline.statistics.claims import (
    is_too_small,
    numbers_without_scatter,
    of_own_convention,
    tables_without_scatter,
)
from tests.report.tables import fill


@pytest.mark.parametrize(("n_ok", "too_small"), [(4, True), (5, False)])
def test_five_exposures_that_are_ok_claim_a_scatter(n_ok, too_small):
    status = ["ok"] * n_ok + ["failed", "excluded"]
    table = fill(
        "exposures", len(status), exposure_id=list(map(str, range(len(status)))), status=status
    )
    assert is_too_small(table) is too_small


def test_scatters_of_few_exposures_are_missing_and_all_else_stays():
    pairs = fill(
        "pairs",
        1,
        star_1=[2],
        star_2=[22],
        n=[3],
        std=[0.1],
        slope_per_year=[0.2],
        snr_gmean=[90.0],
    )
    other = fill("catalogue", 1, star_id=[2])
    found = tables_without_scatter({"pairs": pairs, "catalogue": other})
    assert found["catalogue"] is other
    assert np.isnan([found["pairs"]["std"][0], found["pairs"]["slope_per_year"][0].value]).all()
    assert (found["pairs"]["n"][0], found["pairs"]["snr_gmean"][0]) == (3, 90.0)
    assert pairs["std"][0] == 0.1


def test_numbers_of_few_exposures_say_why_they_have_no_value():
    bounds = Interval(0.1, 0.2, 0.4, 0.1, 0.5)
    std = reported("std_robust", 0.3, source="pairs", subject="2/22", interval=bounds, n=4)
    count = reported("n_stars", 25.0, source="catalogue")
    missing, kept = numbers_without_scatter((std, count))
    assert kept is count
    names = ("value", "uncertainty", "low68", "high68", "low95", "high95")
    assert np.isnan([getattr(missing, name) for name in names]).all()
    assert (missing.key, missing.note) == (std.key, "fewer than 5 exposures")


def test_a_field_that_the_study_did_not_treat_has_no_value_in_its_convention():
    theirs = reported("std_published", 0.3, source="pairs", subject="2/22", n=9)
    ours = reported("std_robust", 0.3, source="pairs", subject="2/22", n=9)
    assert of_own_convention((theirs, ours)) == (ours,)

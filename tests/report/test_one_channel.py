"""One channel against several: what was measured is said, and why the model says no more."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.report.one_channel import by_channel, why_not_modelled
from pipeline.report.pages.base import PageInputs, PageNumbering
from pipeline.report.pages.plan import PAGE as PLAN
from pipeline.report.trends import flagged_stars
from pipeline.schema.results import Results
from tests.report import factory


def measured(together: float, apart: float) -> Results:
    """A campaign in which one unflagged pair in three shares a channel; flagged pairs scatter by 1."""
    results = factory.campaign()
    pairs = results.tables["pairs"].copy()
    flagged = flagged_stars(results)
    out = np.array([bool({int(row["star_1"]), int(row["star_2"])} & flagged) for row in pairs])
    same = np.arange(len(pairs)) % 3 == 0
    pairs["same_channel"] = same
    pairs["excess_std"] = np.where(out, 1.0, np.where(same, together, apart))
    return replace(results, tables={**results.tables, "pairs": pairs})


def test_medians_are_of_unflagged_pairs_on_one_channel_and_on_different_ones() -> None:
    found = by_channel(measured(0.02, 0.05))
    assert found is not None
    assert (found.together, found.apart) == (pytest.approx(2.0), pytest.approx(5.0))
    assert 0 < found.n_together < found.n_apart
    assert "by 2.0 % beyond photon noise (median)" in found.sentence
    assert "on different channels by 5.0 %" in found.sentence


def test_without_a_pair_on_one_channel_nothing_is_compared() -> None:
    results = measured(0.02, 0.05)
    results.tables["pairs"]["same_channel"] = False
    assert by_channel(results) is None
    assert "No two unflagged stars share a channel" in why_not_modelled(results)


def test_the_record_says_of_how_many_stars_it_knows_the_channel() -> None:
    assert by_channel(factory.published()) is None
    said = why_not_modelled(factory.published())
    assert said.startswith("The channels of 2 of 5 stars are known and no two of them share one")


def test_the_planner_says_why_only_where_the_model_is_silent() -> None:
    silent = factory.published()
    prediction = silent.tables["prediction"]
    same = np.asarray(prediction["same_channel"], bool)
    for rows, spoken in ((prediction[~same], False), (prediction, bool(same.any()))):
        results = replace(silent, tables={**silent.tables, "prediction": rows})
        context = PLAN.context(PageInputs((results,), factory.build_info(), {}), PageNumbering({}))
        assert context is not None
        assert bool(context["shown"][0].why_not) is not spoken

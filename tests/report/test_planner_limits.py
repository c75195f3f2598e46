"""Where pairs of a campaign scatter by more than is predicted for them, the planner says so."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.report.pages.base import PageInputs, PageNumbering
from pipeline.report.pages.plan import PAGE as PLAN
from pipeline.report.pages.questions import questions_of
from pipeline.report.pages.summary import PAGE as SUMMARY
from pipeline.report.planner_limits import faint_pairs, within_night_words
from pipeline.report.trends import flagged_stars
from pipeline.schema.definitions import reported
from pipeline.schema.results import Interval, Results
from tests.report import factory


def with_scatter(factor_below: float, limit: float) -> Results:
    """Pairs on the prediction, above it by a factor below an SNR of the ratio; flagged ones at 1."""
    results = factory.campaign()
    pairs = results.tables["pairs"].copy()
    bounds = Interval(0.003, 0.037, 0.043, 0.034, 0.047)
    floor = reported(
        "stability_floor", 0.04, source="a test", interval=bounds, n=63, n_stars=5, n_channels=5
    )
    results = replace(results, numbers=(*results.numbers, floor))
    snr = np.geomspace(60.0, 3000.0, len(pairs))
    predicted = np.sqrt(floor.value**2 + 1 / snr**2)
    flagged = flagged_stars(results)
    out = [bool({int(row["star_1"]), int(row["star_2"])} & flagged) for row in pairs]
    pairs["snr_ratio"] = snr
    pairs["std"] = np.where(out, 1.0, np.where(snr < limit, factor_below, 1.0) * predicted)
    return replace(results, tables={**results.tables, "pairs": pairs})


def test_pairs_on_the_prediction_need_no_limit() -> None:
    assert faint_pairs(with_scatter(1.2, 500.0)) is None


def test_the_limit_is_the_range_below_which_pairs_scatter_by_more() -> None:
    found = faint_pairs(with_scatter(3.0, 500.0))
    assert found is not None
    assert found.snr_below == 500.0
    assert found.measured / found.predicted == pytest.approx(3.0, rel=1e-6)
    assert f"SNR below 500 scatter by {100 * found.measured:.1f} % (median)" in found.sentence


def test_plan_and_first_page_say_it_of_the_campaign_that_has_such_pairs() -> None:
    build = factory.build_info()
    for results in (with_scatter(3.0, 500.0), with_scatter(1.0, 500.0)):
        faint = faint_pairs(results)
        inputs = PageInputs((results,), build, {})
        plan = PLAN.context(inputs, PageNumbering({}))
        first = SUMMARY.context(inputs, PageNumbering({}))
        assert plan is not None
        assert first is not None
        assert (faint.sentence if faint else "") == first["shown"][0].limit
        assert (faint is not None) == any("Faint" in one for one in plan["shown"][0].limits)


def test_a_night_in_which_ratios_change_by_more_than_the_model_s_is_told() -> None:
    results = factory.campaign()
    table = results.tables["structure_function"].copy()
    table["lag_days"][0] = 0.01 * table["lag_days"].unit
    table["model_std"][0], table["std_err"][0] = 0.003, 0.004
    for std, told in ((0.022, True), (0.0109, False), (np.nan, False)):
        table["std"][0] = std
        words = within_night_words(
            replace(results, tables={**results.tables, "structure_function": table})
        )
        assert ("changed by 2.2 ± 0.4 %, the model’s by 0.3 %" in words) is told
        assert bool(words) is told


def test_the_question_of_wavelength_is_answered_from_the_bands() -> None:
    results = factory.campaign()
    floor = 100 * np.asarray(results.tables["wavelength"]["floor"], float)
    found = [one for one in questions_of(results) if "wavelength" in one.text]
    low, high = np.nanmin(floor), np.nanmax(floor)
    assert f"lies between {low:.1f} and {high:.1f} %" in found[0].answer
    assert found[0].href == "dependence.html"
    tables = {name: one for name, one in results.tables.items() if name != "wavelength"}
    without = [
        one for one in questions_of(replace(results, tables=tables)) if "wavelength" in one.text
    ]
    assert "lies between" not in without[0].answer

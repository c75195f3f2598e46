"""The first sentence of the report agrees with the numbers beside it."""

from dataclasses import replace

import pytest

from pipeline.report.pages.answer import answer_of, answer_sentence, expected_scatter, headline_of
from pipeline.schema.definitions import reported
from pipeline.schema.results import Interval
from tests.report import factory


def with_numbers(*numbers):
    return replace(factory.published(), numbers=numbers)


def floor(value):
    bounds = Interval(0.003, value - 0.003, value + 0.003, value - 0.006, value + 0.007)
    return reported(
        "stability_floor", value, source="a test", interval=bounds, n=63, n_stars=5, n_channels=5
    )


def with_p(p):
    """The record with that p-value of a trend in every pair, from nightly means."""
    results = with_numbers(floor(0.045))
    table = results.tables["reanalysis"].copy()
    table["spearman_p_nights"] = p
    return replace(results, tables={**results.tables, "reanalysis": table})


def scatter(pair, value):
    return reported("std_without_outliers", value, source="a test", subject=pair, n=64)


def test_the_sentence_holds_floor_interval_and_the_scatter_of_the_pairs_without_outliers():
    results = with_numbers(floor(0.045), scatter("2/22", 0.051), scatter("22/4", 0.0299))
    assert headline_of(results).endswith("repeats to 4.5 % (95 %: 3.9 to 5.2)")
    text = answer_sentence(results)
    assert "2 pairs of bright stars scatter by 3.0 to 5.1 % without outliers" in text
    assert "63 exposures" in text


def test_without_a_floor_there_is_no_sentence():
    bare = with_numbers(scatter("2/22", 0.05))
    assert headline_of(bare) == answer_sentence(bare) == ""
    assert answer_of(bare) is None


def test_a_simulation_is_called_one():
    simulated = replace(with_numbers(floor(0.045)), simulated=True)
    assert "in this simulation" in headline_of(simulated)
    assert "63 exposures, simulated." in answer_sentence(simulated)


def test_the_planner_adds_the_photon_noise_of_both_stars_to_the_floor():
    assert expected_scatter(0.03, 25.0, float("inf")) == pytest.approx(0.05)
    answer = answer_of(with_numbers(floor(0.045)))
    assert answer.planner.example == "4.6 % (95 %: 4.0 to 5.2)"  # sqrt(4.5**2 + 2 * 0.5**2)


def test_photons_are_ruled_out_only_where_the_floor_is_above_them():
    facts = {
        one.title.partition(" ")[0]: one for one in answer_of(with_numbers(floor(0.045))).facts
    }
    assert facts["Photons"].status == "good"
    low = answer_of(with_numbers(floor(0.0061)))  # from 0.01 % on
    facts = {one.title.partition(" ")[0]: one for one in low.facts}
    assert facts["Photons"].status == "warn"


def test_a_trend_that_many_looks_explain_is_not_called_one():
    """Four pairs with p = 0.02 each: one of them would do so by chance in 8 % of cases."""
    fact = next(one for one in answer_of(with_p(0.02)).facts if "drift" in one.title)
    assert fact.word == "not shown"
    assert "p = 0.020, 0.080 after 4 pairs" in fact.text
    fact = next(one for one in answer_of(with_p(0.001)).facts if "drift" in one.title)
    assert fact.word == "seen"
    assert "p = 0.0040 after 4 pairs" in fact.text

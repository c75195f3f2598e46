"""The first sentence of the report agrees with the numbers beside it."""

from dataclasses import replace

import pytest

from pipeline.report.pages.answer import (
    answer_of,
    answer_sentence,
    bad_exposures,
    expected_scatter,
    headline_of,
)
from pipeline.report.pages.questions import questions_of
from pipeline.report.pages.star import star_pages
from pipeline.schema.definitions import BAD_PROBABILITY, reported
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
    """The record with this p-value of a trend in its fourth pair, 2/22; star 15 is flagged in it."""
    results = with_numbers(floor(0.045))
    table = results.tables["record_pairs"].copy()
    table["trend_p"], table["trend_p_adjusted"] = 0.5, 1.0
    table["trend_p"][3], table["trend_p_adjusted"][3] = p, 10 * p
    return replace(results, tables={**results.tables, "record_pairs": table})


def scatter(pair, value):
    return reported("std_without_outliers", value, source="a test", subject=pair, n=64)


def test_the_sentence_holds_floor_interval_and_the_scatter_of_the_pairs_without_outliers():
    results = with_numbers(floor(0.045), scatter("2/22", 0.051), scatter("22/4", 0.0299))
    assert headline_of(results).endswith("repeats to 4.5 % (95 %: 3.9 to 5.2)")
    text = answer_sentence(results)
    assert "The 2 headline pairs scatter by 3.0 to 5.1 % without outliers" in text
    assert "63 exposures" in text


def test_without_a_floor_there_is_no_sentence():
    bare = with_numbers(scatter("2/22", 0.05))
    assert headline_of(bare) == answer_sentence(bare) == ""
    assert answer_of(bare) is None


def test_a_simulation_is_called_one():
    simulated = replace(with_numbers(floor(0.045)), simulated=True)
    assert "in this simulation" in headline_of(simulated)
    assert "63 exposures of LTT 3218 (simulated)." in answer_sentence(simulated)


def test_the_planner_adds_the_photon_noise_of_both_stars_to_the_floor():
    assert expected_scatter(0.03, 25.0, float("inf")) == pytest.approx(0.05)
    answer = answer_of(with_numbers(floor(0.045)))
    assert answer.planner.example == "4.6 % (95 %: 4.0 to 5.2)"  # sqrt(4.5**2 + 2 * 0.5**2)


def test_photons_are_ruled_out_only_where_the_floor_is_above_them():
    facts = {
        one.title.partition(" ")[0]: one for one in answer_of(with_numbers(floor(0.045))).facts
    }
    assert facts["Photon"].status == "good"
    low = answer_of(with_numbers(floor(0.0061)))  # from 0.01 % on
    facts = {one.title.partition(" ")[0]: one for one in low.facts}
    assert facts["Photon"].status == "warn"


@pytest.mark.parametrize(
    ("p", "word", "text"),
    [
        (0.004, "seen", "p = 0.024 after Holm’s correction for 6 pairs without a flagged star"),
        (0.02, "not shown", "p = 0.020, 0.12 after Holm’s correction for 6 pairs without"),
        (0.2, "none seen", "p = 0.20, 1.0 after Holm’s correction for 6 pairs without"),
    ],
)
def test_a_trend_is_one_after_slow_drift_and_all_pairs_are_allowed_for(p, word, text):
    results = with_p(p)
    row = results.tables["record_pairs"][3]
    fact = next(one for one in answer_of(results).facts if "trend" in one.title)
    assert fact.word == word
    assert text in fact.text
    assert f"{row['star_1']}/{row['star_2']}" in fact.title + fact.text


def test_pages_agree_on_whether_there_is_a_trend():
    """The first page, its questions and the pages of stars read one test."""
    for p, seen in ((0.004, True), (0.02, False)):
        results = with_p(p)
        row = results.tables["record_pairs"][3]
        (question,) = [one for one in questions_of(results) if "drift" in one.text]
        assert ("1 of 6 pairs without a flagged star has a trend" in question.answer) is seen
        (page,) = [one for one in star_pages(results) if one.title == f"Star {row['star_1']}"]
        (line,) = [one for one in page.context["facts"] if one.name == "Drift with time"]
        assert line.text.startswith("seen" if seen else "not established")


def test_an_exposure_is_called_bad_only_if_the_statistics_leave_it_out():
    results = factory.campaign()
    exposures = results.tables["exposures"]
    exposures["bad_probability"] = 0.0
    exposures["bad_probability"][1] = 0.9 * BAD_PROBABILITY
    assert bad_exposures(results) == []
    exposures["bad_probability"][1] = (1 + BAD_PROBABILITY) / 2
    row = exposures[1]
    assert bad_exposures(results) == [f"{row['night']} {row['mode']}"]

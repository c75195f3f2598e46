"""The first sentence of the report agrees with the numbers beside it."""

from dataclasses import replace

from pipeline.report.pages.summary import _answer
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


def scatter(pair, value):
    return reported("std_without_outliers", value, source="a test", subject=pair, n=64)


def test_the_sentence_holds_floor_interval_and_the_scatter_of_the_pairs_without_outliers():
    results = with_numbers(floor(0.045), scatter("2/22", 0.051), scatter("22/4", 0.0299))
    text = _answer([results])
    assert "4.5 % (95 %: 3.9 to 5.2)" in text
    assert "2 pairs of bright stars scatter by 3.0 to 5.1 % without outliers" in text
    assert "63 exposures" in text


def test_without_a_floor_there_is_no_sentence():
    assert _answer([with_numbers(scatter("2/22", 0.05))]) == ""


def test_a_simulation_is_called_one():
    simulated = replace(with_numbers(floor(0.045)), simulated=True)
    assert _answer([simulated]).startswith("In this simulation")

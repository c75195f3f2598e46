"""A reported value takes everything but its number from its definition."""

import math

import pytest

from pipeline.schema.definitions import (
    BAD_PROBABILITY,
    CLEAN,
    DEFINITIONS,
    HIGH_SNR,
    INNER_LEVEL,
    NARROW_BAND_AA,
    OUTER_LEVEL,
    OUTLIER_SIGMA,
    POSTERIOR,
    Definition,
    reported,
    sigma_only,
)
from pipeline.schema.results import Interval

BOUNDS = Interval(sigma=0.1, low68=0.4, high68=0.6, low95=0.3, high95=0.7)


def test_the_description_of_a_column_is_name_and_formula():
    one = Definition("q", "q", "q", "the quantity", "a + b")
    assert one.description == "the quantity: a + b"


def test_a_value_of_a_pair_says_so_in_key_symbol_and_name():
    known = DEFINITIONS["std_published"]
    one = reported("std_published", 0.5, source="pairs", subject="2/22", interval=BOUNDS, n=65)
    assert (one.key, one.symbol) == ("std_published.2-22", f"{known.symbol}(2/22)")
    assert one.name == f"{known.name}, stars 2/22"
    assert (one.value, one.uncertainty, one.n, one.source) == (0.5, 0.1, 65, "pairs")
    assert (one.low68, one.high68, one.low95, one.high95) == (0.4, 0.6, 0.3, 0.7)
    assert (one.unit, one.formula, one.convention, one.entered, one.note) == (
        known.unit, known.formula, known.convention, known.entered, known.interval
    )  # fmt: skip


def test_a_value_of_a_campaign_has_the_key_of_its_quantity_and_no_interval_unless_given():
    known = DEFINITIONS["std_published"]
    one = reported("std_published", 0.5, source="pairs", note="of this one")
    assert (one.key, one.symbol, one.name) == ("std_published", known.symbol, known.name)
    assert one.note == "of this one"
    assert all(map(math.isnan, (one.uncertainty, one.low68, one.high68, one.low95, one.high95)))


def test_a_quantity_without_definition_is_not_reported():
    with pytest.raises(KeyError):
        reported("of my own", 1.0, source="pairs")


def test_a_sigma_alone_gives_no_bounds():
    assert sigma_only(0.2).sigma == 0.2
    assert math.isnan(sigma_only(0.2).low95)
    assert math.isnan(sigma_only(math.nan).sigma)
    assert math.isnan(sigma_only(None).sigma)  # type: ignore[arg-type]


def test_limits_are_those_that_the_words_name():
    assert f"probability above {BAD_PROBABILITY}" in CLEAN
    assert POSTERIOR.startswith("68 %")
    assert (INNER_LEVEL, OUTER_LEVEL) == (68, 95)
    outlying = reported("std_without_outliers", 0.1, source="pairs", n=65)
    assert "farther than 10 robust" in outlying.formula
    assert OUTLIER_SIGMA == 10.0
    assert "geometric mean SNR > 1000" in DEFINITIONS["excess_std.bright"].formula
    assert round(math.sqrt(2) / HIGH_SNR, 4) == 0.0014  # photon noise of such a pair
    # bands of the light curves over wavelength are 100 Angstrom wide, passbands 1000 and more
    assert 100 < NARROW_BAND_AA < 200


def test_counts_have_no_error_and_others_say_what_their_interval_holds():
    for one in DEFINITIONS.values():
        if one.symbol == "N":
            assert one.interval == "a count has no error"

"""What AO changes is one set of numbers wherever it is said."""

from dataclasses import replace

import pytest

from pipeline.report.ao_offsets import ao_offsets
from pipeline.report.pages.questions import questions_of
from tests.report import factory
from tests.report.tables import fill

OFFSETS = fill(
    "mode_offsets", 4, star_1=[2, 4, 15, 2], star_2=[22, 6, 2, 22],
    first=["AO", "AO", "AO", "extended"], second=["no AO", "no AO", "no AO", "nominal"],
    n_nights=[19, 18, 0, 7], difference=[0.02, -0.01, float("nan"), 0.3],
    err=[0.005, 0.02, float("nan"), 0.1], p_adjusted=[0.01, 0.6, float("nan"), 0.02],
)  # fmt: skip


def test_offsets_are_per_cent_of_pairs_that_were_observed_both_ways():
    first, second = ao_offsets({"mode_offsets": OFFSETS})
    assert (first.pair, first.nights, second.pair, second.nights) == ("2/22", 19, "4/6", 18)
    assert (first.per_cent, first.err, first.p) == pytest.approx((2.0, 0.5, 0.01))
    assert (second.per_cent, second.err, second.p) == pytest.approx((-1.0, 2.0, 0.6))
    assert (first.is_seen, second.is_seen) == (True, False)


def test_the_record_has_them_with_its_ten_pairs_and_a_campaign_of_one_mode_has_none():
    results = factory.published()
    assert len(ao_offsets(results.tables)) == len(results.tables["record_pairs"])
    assert ao_offsets({}) == ()


def test_the_question_names_what_changes_and_how_many_were_looked_at():
    measured = factory.campaign()
    results = replace(measured, tables={**measured.tables, "mode_offsets": OFFSETS})
    (question,) = [one for one in questions_of(results) if "adaptive optics" in one.text]
    assert "it changes 1 of 2 pairs: 2/22 by +2.0 ± 0.5 %." in question.answer

"""What pages state of trends: of pairs without a flagged star, corrected for their number alone."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.report.pages.answer import WHY_NO_TREND, answer_of, drifting_channels
from pipeline.report.pages.questions import questions_of
from pipeline.report.pages.record import words_of
from pipeline.report.pages.star import star_pages
from pipeline.report.trends import flagged_stars, trend_tests
from pipeline.schema.results import Results
from tests.report import factory


def record(p: dict[tuple[int, int], float], flagged: tuple[int, ...] = (15,)) -> Results:
    """The record with these p-values of a trend, 0.9 for all other pairs, and these stars flagged."""
    results = factory.published()
    table = results.tables["record_pairs"].copy()
    table["trend_p"] = 0.9
    for row in table:
        row["trend_p"] = p.get((int(row["star_1"]), int(row["star_2"])), 0.9)
    table["trend_p_adjusted"] = np.minimum(1.0, 10 * np.asarray(table["trend_p"], float))
    catalogue = results.tables["catalogue"].copy()
    catalogue["flags"] = [
        "blended" if int(star) in flagged else "" for star in catalogue["star_id"]
    ]
    return replace(
        results, tables={**results.tables, "record_pairs": table, "catalogue": catalogue}
    )


def test_a_pair_with_a_flagged_star_is_no_trend_of_the_field() -> None:
    """15/22 is far below the limit; without star 15 six pairs are left, and none of them is."""
    results = record({(15, 22): 1e-9, (2, 4): 0.02})
    assert flagged_stars(results) == {15}
    tests = trend_tests(results)
    assert len(tests) == 6
    assert (tests[0].pair, tests[0].p) == ("2/4", 0.02)
    assert tests[0].p_adjusted == pytest.approx(6 * 0.02)
    (question,) = [one for one in questions_of(results) if "drift" in one.text]
    assert "No trend is established in 6 pairs without a flagged star" in question.answer
    assert words_of(results)["n_tested"] == "6 pairs without a flagged star"
    assert words_of(results)["n_trends"] == "none"


def test_holms_correction_is_over_the_pairs_of_the_statement() -> None:
    """6 x 0.006 is below 0.05, 10 x 0.006 is not."""
    results = record({(2, 4): 0.006})
    assert trend_tests(results)[0].p_adjusted == pytest.approx(0.036)
    assert trend_tests(results, flagged=True)[0].p_adjusted == pytest.approx(0.06)
    fact = next(one for one in answer_of(results).facts if "trend" in one.title)
    assert (fact.word, fact.title) == ("seen", "2/4 has a trend with time")
    assert "6 pairs without a flagged star" in fact.text


def test_the_published_table_stays_as_it_is() -> None:
    results = record({(15, 22): 1e-9})
    before = np.array(results.tables["record_pairs"]["trend_p"], float)
    trend_tests(results)
    assert np.array_equal(np.array(results.tables["record_pairs"]["trend_p"], float), before)


def test_the_page_of_a_flagged_star_is_about_all_of_its_pairs() -> None:
    pages = {one.title: one for one in star_pages(record({(15, 22): 1e-9}))}

    def said(star: int) -> str:
        lines = pages[f"Star {star}"].context["facts"]
        return str(next(line.text for line in lines if line.name == "Drift with time"))

    assert said(15).startswith("seen; clearest in 15/22")
    assert said(15).endswith("10 pairs, flagged stars among them")
    assert said(22).startswith("not established")
    assert said(22).endswith("6 pairs without a flagged star")


def test_where_channels_drift_and_no_pair_has_a_trend_both_are_explained() -> None:
    results = factory.campaign()
    table = results.tables["channel_tests"].copy()
    table["drift_p_adjusted"] = 1.0
    pairs = results.tables["pairs"].copy()
    pairs["trend_p"] = 0.9
    quiet = replace(results, tables={**results.tables, "channel_tests": table, "pairs": pairs})
    assert drifting_channels(quiet) == (0, len(table))
    moved = table.copy()
    moved["drift_p_adjusted"][:2] = 0.001
    drifting = replace(quiet, tables={**quiet.tables, "channel_tests": moved})
    for results_, explained in ((quiet, False), (drifting, True)):
        (question,) = [one for one in questions_of(results_) if "drift" in one.text]
        assert (WHY_NO_TREND in question.answer) is explained
    assert f"established for 2 of {len(table)} channels" in question.answer

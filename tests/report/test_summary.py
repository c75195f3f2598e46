"""The first page: cards of what can be said, and links to pages that are there."""

import dataclasses

import numpy as np
import pytest

from pipeline.report.pages import reductions
from pipeline.report.pages.base import PageInputs, PageNumbering, make_page
from pipeline.report.pages.registry import guide_to
from pipeline.report.pages.summary import SummaryOf, context
from pipeline.report.rows import SCATTERS
from pipeline.schema.results import Results
from tests.report import factory


def shown(results: Results) -> SummaryOf:
    """What the summary says of one campaign."""
    inputs = PageInputs((results,), factory.build_info(), {})
    (one,) = context(inputs, PageNumbering({}))["shown"]
    assert isinstance(one, SummaryOf)
    return one


def without(results: Results, *quantities: str) -> Results:
    """The same, where some reported values could not be computed."""
    numbers = tuple(
        dataclasses.replace(one, value=np.nan) if one.key.partition(".")[0] in quantities else one
        for one in results.numbers
    )
    return dataclasses.replace(results, numbers=numbers)


def too_few() -> Results:
    """A campaign with so few exposures that nothing is left without the extremes."""
    return without(factory.published(), "std_published", "stability_floor")


def test_a_card_shows_what_is_known_where_sigma_as_published_is_not() -> None:
    known = {card.what: card for card in shown(factory.published()).cards}
    cards = shown(too_few()).cards
    scatter = [card for card in cards if card.what.startswith("Scatter")]
    assert scatter
    for card in scatter:
        assert card.value.endswith(" %")
        assert card.value == known[card.what].value
        assert "too few" in card.more


def test_one_exposure_has_no_scatter_to_show():
    one = without(too_few(), "std_without_outliers")
    assert shown(one).cards == ()


def test_a_floor_that_is_not_known_has_no_answer() -> None:
    assert shown(factory.published()).answer is not None
    assert shown(too_few()).answer is None


def test_a_card_shows_the_course_of_its_pair() -> None:
    cards = shown(factory.campaign()).cards
    assert [card.pair for card in cards] == list(factory.HEADLINE)
    for card in cards:
        assert sum(card.course.count(one) for one in ("<circle", "<rect", "h0")) == 48
        assert ("rp-s-out" in card.course) == (card.pair == (22, 4)), "its outlier is marked"


def test_the_guide_leads_to_the_reduction_only_if_there_was_one() -> None:
    def guide(*campaigns: Results) -> list[str]:
        page = make_page(reductions.PAGE, PageInputs(campaigns, factory.build_info(), {}))
        return [str(link.href) for link in guide_to([page] if page else [])]

    assert "reductions.html" in guide(factory.published(), factory.campaign())
    assert "reductions.html" not in guide(factory.published())


def test_a_pair_has_one_scatter_in_card_fact_and_figure() -> None:
    """The published convention is another quantity, and its name stands with it."""
    for results in (factory.published(), factory.campaign()):
        one = shown(results)
        assert one.figure is not None
        (named,) = [trace for trace in one.figure.figure.data if trace["name"] == "headline pairs"]
        drawn = dict(zip(named["text"], named["y"], strict=True))
        stated = {item.key: 100 * item.value for item in results.numbers}
        for card in one.cards:
            pair = f"{card.pair[0]}-{card.pair[1]}"
            value = stated[f"std_without_outliers.{pair}"]
            assert abs(float(card.value.split()[0]) - value) < 0.06
            assert abs(drawn[pair.replace("-", "/")] - value) < 0.001
            published = stated.get(f"std_published.{pair}")
            assert (published is None) or "in the published convention" in card.more
        circles = [trace for trace in one.figure.figure.data if trace.get("customdata")]
        labels = {str(row[0]) for trace in circles for row in trace["customdata"]}
        assert not {f"pair {a}/{b}" for a, b in factory.HEADLINE} & labels


def test_headline_scatters_are_in_per_cent_and_counts_are_not() -> None:
    results = factory.published()
    (block,) = [one for one in [shown(results).numbers] if one]
    rows = dict(zip((item.key for item in results.numbers), block.view.rows, strict=True))
    for key, row in rows.items():
        scatter = key.partition(".")[0] in SCATTERS
        assert (row[2].text == "%") is scatter, key
    floor = next(item for item in results.numbers if item.key == "stability_floor")
    assert float(str(rows["stability_floor"][1].text).split()[0]) == pytest.approx(
        100 * floor.value, rel=0.05
    )

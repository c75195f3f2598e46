"""The first page: cards of what can be said, and links to pages that are there."""

import dataclasses

import numpy as np

from pipeline.report.pages import Book
from pipeline.report.summary_page import Card, SummaryOf, summary_page
from pipeline.schema.results import Results
from tests.report import factory


def shown(results: Results) -> SummaryOf:
    """What the summary says of one campaign."""
    page = summary_page([results], Book({}), factory.build_info())
    (one,) = page.context["shown"]
    assert isinstance(one, SummaryOf)
    return one


def too_few() -> Results:
    """A campaign with so few exposures that nothing is left without the extremes."""
    results = factory.published()
    reanalysis = results.tables["reanalysis"].copy()
    reanalysis["std_published"] = np.nan
    numbers = tuple(
        dataclasses.replace(one, value=np.nan) if one.key == "floor" else one
        for one in results.numbers
    )
    tables = {**results.tables, "reanalysis": reanalysis}
    return dataclasses.replace(results, tables=tables, numbers=numbers)


def test_a_card_shows_what_is_known_where_sigma_as_published_is_not() -> None:
    known = {card.what: card for card in shown(factory.published()).cards}
    cards = shown(too_few()).cards
    scatter = [card for card in cards if card.what.startswith("Scatter")]
    assert scatter
    for card in scatter:
        assert card.value.endswith(" %")
        assert card.value in known[card.what].more
        assert "too few" in card.more


def test_one_exposure_has_no_scatter_to_show():
    results = too_few()
    reanalysis = results.tables["reanalysis"].copy()
    reanalysis["std"] = np.nan
    one = dataclasses.replace(results, tables={**results.tables, "reanalysis": reanalysis})
    assert shown(one).cards == ()


def test_a_floor_that_is_not_known_has_no_card() -> None:
    def floors(cards: tuple[Card, ...]) -> int:
        return sum(card.what == "Stability floor" for card in cards)

    assert floors(shown(factory.published()).cards) == 1
    assert floors(shown(too_few()).cards) == 0


def test_the_guide_leads_to_the_reduction_only_if_there_was_one() -> None:
    def guide(*campaigns: Results) -> list[str]:
        page = summary_page(campaigns, Book({}), factory.build_info())
        return [str(link.href) for link in page.context["guide"]]

    assert "reductions.html" in guide(factory.published(), factory.campaign())
    assert "reductions.html" not in guide(factory.published())

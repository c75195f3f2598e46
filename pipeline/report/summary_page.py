"""The first page: what the campaigns say, in numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.report.pages import Book, Page, TableBlock
from pipeline.report.rows import headline_pairs, number, pair_rows
from pipeline.report.tables import Cell, Head, TableView
from pipeline.report.text import fixed, probability, with_error
from pipeline.results import Number, Results


@dataclass(frozen=True)
class Card:
    """One headline number, large."""

    what: str
    value: str
    more: str


@dataclass(frozen=True)
class SummaryOf:
    """What the summary says of one campaign."""

    results: Results
    cards: tuple[Card, ...]
    numbers: TableBlock
    n_exposures: int
    n_failed: int


def summary_page(campaigns: Sequence[Results], book: Book) -> Page:
    """The summary: observed campaigns first."""
    ordered = sorted(campaigns, key=lambda results: results.simulated)
    return Page(
        "index",
        "Summary",
        "",
        "How stable is the flux ratio of two sources in one MUSE field, from night to night?",
        {"shown": [_summary_of(results, book) for results in ordered]},
    )


def _summary_of(results: Results, book: Book) -> SummaryOf:
    exposures = results.tables.get("exposures")
    status = [] if exposures is None else [str(value) for value in exposures["status"]]
    return SummaryOf(
        results,
        _cards(results),
        book.table(_numbers_table(results)),
        len(status),
        sum(value != "ok" for value in status),
    )


def _cards(results: Results) -> tuple[Card, ...]:
    if "pairs" not in results.tables:
        return ()
    rows = {(int(row["star_1"]), int(row["star_2"])): row for row in pair_rows(results)}
    cards = []
    for pair in headline_pairs(results):
        if pair not in rows:
            continue
        row = rows[pair]
        cards.append(
            Card(
                f"Pair {pair[0]}/{pair[1]}, scatter as published",
                fixed(100 * number(row["std_published"]), 1) + " %",
                f"robust {fixed(100 * number(row['std_robust']), 1)} %, "
                f"photon noise {fixed(100 * number(row['photon_std']), 2)} %; "
                f"trend p = {probability(number(row['spearman_p_nights']))} from nightly means",
            )
        )
    return tuple(cards)


def _numbers_table(results: Results) -> TableView:
    return TableView(
        f"numbers-{results.name}",
        "Headline numbers with their definitions. The same numbers, with sources, are in "
        "report.json.",
        (
            Head("Number", numeric=False),
            Head("Value"),
            Head("Unit", numeric=False),
            Head("What it is", numeric=False),
            Head("How it is computed", numeric=False),
        ),
        tuple(_number_cells(item) for item in results.numbers),
        anchors=number_anchors(results),
        simulated=results.simulated,
    )


def number_anchors(results: Results) -> tuple[str, ...]:
    """An anchor for every headline number."""
    from pipeline.report.text import slug

    return tuple(f"{results.name}-{slug(item.key)}" for item in results.numbers)


def _number_cells(item: Number) -> tuple[Cell, ...]:
    return (
        Cell(item.symbol),
        Cell(with_error(item.value, item.uncertainty), kind="strong", title=item.note),
        Cell(item.unit),
        Cell(item.name, kind="rp-wrap"),
        Cell(item.formula, kind="rp-wrap muted"),
    )

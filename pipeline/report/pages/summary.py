"""The first page: the answer, the figure that proves it, and how far to trust it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from pipeline.report.changes import compare
from pipeline.report.downloads.report_file import parse_report
from pipeline.report.downloads.report_json import report_json
from pipeline.report.figures.small_svg import sparkline
from pipeline.report.pages.answer import Answer, answer_of, observed_first
from pipeline.report.pages.base import FigureView, PageInputs, PageNumbering, PageType, TableBlock
from pipeline.report.pages.changes_section import changes_section
from pipeline.report.pages.findings import index_findings
from pipeline.report.pages.questions import PairForm, Question, pair_form, questions_of
from pipeline.report.pages.scatter import scatter_view
from pipeline.report.planner_limits import faint_pairs
from pipeline.report.rows import (
    Pair,
    find_number,
    headline_pairs,
    in_per_cent,
    modes_of,
    pair_stats,
    plain,
    text_of,
)
from pipeline.report.tables import Cell, Head, TableView
from pipeline.report.text import (
    counted,
    decimals,
    fixed,
    reported_value,
    significant,
    slug,
    with_error,
)
from pipeline.schema.measured import NOT_A_CUBE
from pipeline.schema.results import OURS, ReportedValue, Results


@dataclass(frozen=True)
class Card:
    """The scatter of one pair, large, with its course over the exposures."""

    what: str
    value: str
    more: str
    pair: Pair
    course: Markup


@dataclass(frozen=True)
class SummaryOf:
    """What the first page says of one campaign."""

    results: Results
    lead: str
    answer: Answer | None
    limit: str  # which pairs scatter by more than the planner says; "" if none
    figure: FigureView | None
    cards: tuple[Card, ...]
    form: PairForm | None
    questions: tuple[Question, ...]
    numbers: TableBlock | None


def context(inputs: PageInputs, numbering: PageNumbering) -> dict[str, Any]:
    """The first page: field by field, of each the observed campaigns first; then what changed."""
    ordered = observed_first(inputs.campaigns)
    shown = [_summary_of(results, numbering) for results in ordered]
    # both versions go through the same reader, so that nothing but their content can differ
    now = parse_report(report_json(ordered, inputs.build))
    changes = compare(inputs.build.previous, now) if inputs.build.previous else None
    return {
        "shown": shown,
        "findings": index_findings(inputs.campaigns),
        "changes": changes_section(changes, inputs.build, numbering),
    }


def _summary_of(results: Results, numbering: PageNumbering) -> SummaryOf:
    return SummaryOf(
        results,
        _lead(results),
        answer_of(results),
        faint.sentence if (faint := faint_pairs(results)) else "",
        scatter_view(results, numbering),
        _cards(results),
        pair_form(results),
        questions_of(results),
        numbering.table(_numbers_table(results)) if results.numbers else None,
    )


def _lead(results: Results) -> str:
    exposures = results.tables.get("exposures")
    rows = [] if exposures is None else list(exposures)
    status = [str(row["status"]) for row in rows if NOT_A_CUBE not in text_of(row["reason"])]
    unused = sum(value != "ok" for value in status)
    said = (
        f"{counted(len(status), 'exposure')} of {results.field_name} from {results.first_night} to "
        f"{results.last_night}"
    )
    said += f", {unused} of them not used." if unused else "."
    return f"{said} {results.introduction}".rstrip()


def _percent(value: float, error: float) -> str:
    """A scatter in per cent with its error; what cannot be computed has no unit."""
    return with_error(100 * value, 100 * error, 3) + (" %" if np.isfinite(value) else "")


def _cards(results: Results) -> tuple[Card, ...]:
    """The scatter of each headline pair, as it is reported, with its course."""
    stats = pair_stats(results)
    return tuple(
        card
        for pair in headline_pairs(results)
        if pair in stats and (card := _scatter_card(results, pair))
    )


def _course(results: Results, pair: Pair) -> Markup:
    """The ratio of a pair over the exposures, as a line of points."""
    if "timelines" not in results.tables:
        return Markup("")
    table = results.tables["timelines"]
    chosen = table[(table["star_1"] == pair[0]) & (table["star_2"] == pair[1])]
    nights = np.asarray(chosen["night"], str)
    order = np.argsort(nights, kind="stable")
    values = 100 * plain(chosen["deviation"])[order]
    modes = modes_of(results, chosen["exposure_id"][order])
    words = (
        f"The ratio {pair[0]}/{pair[1]} in {counted(len(values), 'exposure')}, in order of time."
    )
    return sparkline(values, words, modes)


def _scatter_card(results: Results, pair: Pair) -> Card | None:
    """One pair's card; None if one exposure is all there is: it does not scatter."""
    published, clean = (
        find_number(results, f"{name}.{pair[0]}-{pair[1]}")
        for name in ("std_published", "std_without_outliers")
    )
    value, other = _said(clean), _said(published) if results.of_standard else ""
    if not value:
        return None
    more = "Without outliers, as in the figure above."
    if other:
        more += f" {other} in the published convention, which drops both extreme points."
    elif results.of_standard:
        more = "Without outliers; too few exposures for the published convention."
    return Card(
        f"Scatter of the ratio {pair[0]}/{pair[1]}", value, more, pair, _course(results, pair)
    )


def _said(number: ReportedValue | None) -> str:
    """A reported scatter in per cent, "" where it is not known."""
    known = number is not None and np.isfinite(number.value)
    return _percent(number.value, number.uncertainty) if number and known else ""


def _numbers_table(results: Results) -> TableView:
    return TableView(
        f"numbers-{results.name}",
        "Headline numbers with their definitions, scatters in per cent; report.json gives fractions and "
        "sources.",
        (
            Head("Number", numeric=False),
            Head("Value"),
            Head("Unit", numeric=False),
            Head("95 %"),
            Head("n"),
            Head("What it is", numeric=False),
            Head("How it is computed", numeric=False),
        ),
        tuple(_number_cells(item) for item in results.numbers),
        anchors=number_anchors(results),
        simulated=results.simulated,
    )


def number_anchors(results: Results) -> tuple[str, ...]:
    """An anchor for every headline number."""
    return tuple(f"{results.name}-{slug(item.key)}" for item in results.numbers)


def _number_cells(item: ReportedValue) -> tuple[Cell, ...]:
    shown = in_per_cent(item)
    return (
        Cell(item.symbol),
        Cell(reported_value(shown), kind="strong", title=item.note),
        Cell(shown.unit),
        Cell(_bounds(shown)),
        Cell("" if item.n is None else str(item.n)),
        Cell(item.name, kind="rp-wrap"),
        Cell(_how(item), kind="rp-wrap muted"),
    )


def _how(item: ReportedValue) -> str:
    """Formula, what entered, and the convention where it is not ours."""
    entered = f"; {item.entered}" if item.entered else ""
    convention = f"; {item.convention} convention" if item.convention != OURS else ""
    return f"{item.formula}{entered}{convention}"


def _bounds(item: ReportedValue) -> str:
    """The 95 % interval with the decimals of the value, "" where it is not known."""
    low, high = item.low95, item.high95
    if not (np.isfinite(low) and np.isfinite(high)):
        return ""
    digits = decimals(item.value, item.uncertainty)
    if digits is None:
        return f"{significant(low, 2)} to {significant(high, 2)}"
    return f"{fixed(low, digits)} to {fixed(high, digits)}"


PAGE = PageType(
    name="index",
    title="Answer",
    tab="",
    position=0,
    description="How stable is the flux ratio of two sources in one MUSE field, from night to night?",
    wide=True,
    guide="",
    context=context,
)

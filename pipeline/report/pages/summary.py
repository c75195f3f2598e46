"""The first page: what the campaigns say, in numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.report.changes import compare
from pipeline.report.downloads.report_file import parse_report
from pipeline.report.downloads.report_json import report_json
from pipeline.report.figures.timelines import headline_timelines
from pipeline.report.pages.base import FigureView, PageInputs, PageNumbering, PageType, TableBlock
from pipeline.report.pages.changes_section import changes_section
from pipeline.report.rows import (
    Pair,
    PairStats,
    exposure_links,
    find_number,
    headline_choice,
    headline_pairs,
    pair_stats,
    text_of,
)
from pipeline.report.tables import Cell, Head, TableView
from pipeline.report.text import (
    counted,
    fixed,
    per_cent_with_interval,
    probability,
    significant,
    slug,
    with_error,
)
from pipeline.schema.measured import NOT_A_CUBE
from pipeline.schema.results import OURS, ReportedValue, Results

TREND_P = 0.05  # from nightly means


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
    lead: str
    cards: tuple[Card, ...]
    meaning: tuple[str, ...]
    look: FigureView | None
    numbers: TableBlock | None


def context(inputs: PageInputs, numbering: PageNumbering) -> dict[str, Any]:
    """The summary: field by field, of each the observed campaigns first; then what changed."""
    fields = [one.field_name for one in inputs.campaigns]
    ordered = sorted(
        inputs.campaigns, key=lambda one: (fields.index(one.field_name), one.simulated)
    )
    shown = [_summary_of(results, numbering) for results in ordered]
    # both versions go through the same reader, so that nothing but their content can differ
    now = parse_report(report_json(ordered, inputs.build))
    changes = compare(inputs.build.previous, now) if inputs.build.previous else None
    return {
        "answer": _answer(ordered),
        "shown": shown,
        "changes": changes_section(changes, inputs.build, numbering),
    }


def _answer(campaigns: Sequence[Results]) -> str:
    """The answer in a sentence: from the first campaign that has a floor; "" without one."""
    for results in campaigns:
        floor = find_number(results, "stability_floor")
        if floor is None or not np.isfinite(floor.value):
            continue
        scatters = [
            find_number(results, f"std_without_outliers.{a}-{b}")
            for a, b in headline_pairs(results)
        ]
        seen = [100 * one.value for one in scatters if one and np.isfinite(one.value)]
        pairs = (
            f"; {counted(len(seen), 'pair')} of bright stars scatter by {fixed(min(seen), 1)} to "
            f"{fixed(max(seen), 1)} % without outliers"
            if len(seen) > 1
            else ""
        )
        what = "In this simulation" if results.simulated else "In one MUSE field"
        return (
            f"{what}, the flux ratio of two bright stars repeats to {per_cent_with_interval(floor)} "
            f"from night to night: 1 σ, one exposure a night over a year, {results.field_name}, "
            f"{counted(floor.n or 0, 'exposure')}{pairs}."
        )
    return ""


def _summary_of(results: Results, numbering: PageNumbering) -> SummaryOf:
    return SummaryOf(
        results,
        _lead(results),
        _cards(results),
        _meaning(results),
        _first_look(results, numbering),
        numbering.table(_numbers_table(results)) if results.numbers else None,
    )


def _first_look(results: Results, numbering: PageNumbering) -> FigureView | None:
    """The timeline of the headline pair whose trend is the least likely by chance."""
    stats = pair_stats(results)
    pairs = [pair for pair in headline_pairs(results) if pair in stats]
    if not pairs or not {"timelines", "exposures"} <= set(results.tables):
        return None
    pair = min(pairs, key=lambda one: (not np.isfinite(stats[one].p_nights), stats[one].p_nights))
    p, known = probability(stats[pair].p_nights), bool(np.isfinite(stats[pair].p_nights))
    several = len(pairs) > 1
    band, radius_px = headline_choice(results)
    figure = headline_timelines(
        results.tables["timelines"],
        results.tables["exposures"],
        {pair: stats[pair].std_published},
        [pair],
        exposure_links(results),
        figure_id=f"look-{results.name}",
        title=f"The ratio of stars {pair[0]} and {pair[1]}"
        + (f", of {len(pairs)} pairs the one with the clearest trend" if several and known else ""),
        caption=f"Deviation from its mean in {band}, r = {radius_px:g} px, exposure by exposure"
        + (f"; such a trend would arise by chance with p = {p} (nightly means)" if known else "")
        + ". The band is plus and minus one σ published. "
        + (f"All {len(pairs)} pairs are" if several else "More is")
        + " on the page Timelines.",
        simulated=results.simulated,
        tables=("timelines",),
    )
    return numbering.figure(figure, results.name)


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


def _meaning(results: Results) -> tuple[str, ...]:
    """What the scatter and the trends amount to, in sentences that follow the numbers."""
    stats = pair_stats(results)
    shown = [(pair, stats[pair]) for pair in headline_pairs(results) if pair in stats]
    if not shown:
        return ()
    published = [one.std_published for _, one in shown if np.isfinite(one.std_published)]
    if not published:
        return ("Too few exposures to say how well a ratio repeats.",)
    lines = [
        f"The ratios of these pairs repeat to {fixed(100 * min(published), 1)} to "
        f"{fixed(100 * max(published), 1)} % (1 σ, without the two extreme points)."
    ]
    photon = [one.photon_std for _, one in shown if np.isfinite(one.photon_std)]
    if photon:
        lines.append(
            f"Photon noise would allow {fixed(100 * min(photon), 2)} to "
            f"{fixed(100 * max(photon), 2)} %: the rest is not photons."
        )
    drifting = [f"{a}/{b} (p = {probability(one.p_nights)})" for (a, b), one in shown
                if one.p_nights < TREND_P]  # fmt: skip
    lines.append(
        f"A trend with time, which would arise by chance in fewer than {TREND_P:.0%} of cases: "
        f"{', '.join(drifting)}."
        if drifting
        else f"No pair has a trend with time at p < {TREND_P:g}."
    )
    return tuple(lines)


def _percent(value: float, error: float) -> str:
    """A scatter in per cent with its error; what cannot be computed has no unit."""
    return with_error(100 * value, 100 * error, 3) + (" %" if np.isfinite(value) else "")


def _cards(results: Results) -> tuple[Card, ...]:
    """The scatter of each headline pair and the floor, as they are reported."""
    stats = pair_stats(results)
    cards = [
        card
        for pair in headline_pairs(results)
        if pair in stats and (card := _scatter_card(results, pair, stats[pair]))
    ]
    floor = find_number(results, "stability_floor")
    if floor and np.isfinite(floor.value):
        name, _, words = floor.name.partition(": ")
        value = f"{fixed(100 * floor.value, 1)} %"
        interval = per_cent_with_interval(floor).partition(" (")[2].rstrip(")")
        cards.insert(0, Card(name[:1].upper() + name[1:], value, f"{interval} %; {words}"))
    return tuple(cards)


def _scatter_card(results: Results, pair: Pair, stats: PairStats) -> Card | None:
    """One pair's card; None if one exposure is all there is: it does not scatter."""
    published, clean, robust = (
        find_number(results, f"{name}.{pair[0]}-{pair[1]}")
        for name in ("std_published", "std_without_outliers", "std_robust")
    )
    said = _said(clean)
    if published and np.isfinite(published.value):
        value, more = _percent(published.value, published.uncertainty), [f"without outliers {said}"]
        more = more if said else []
    elif said:
        value, more = said, ["without outliers; too few exposures for the published convention"]
    else:
        return None
    if robust and np.isfinite(robust.value):
        more.append(f"robust {_percent(robust.value, robust.uncertainty)}")
    if np.isfinite(stats.photon_std):
        more.append(f"photon noise {fixed(100 * stats.photon_std, 2)} %")
    trend = f"; trend with time: p = {probability(stats.p_nights)} from nightly means"
    return Card(
        f"Scatter of the ratio {pair[0]}/{pair[1]}",
        value,
        ", ".join(more) + (trend if np.isfinite(stats.p_nights) else ""),
    )


def _said(number: ReportedValue | None) -> str:
    """A reported scatter in per cent, "" where it is not known."""
    known = number is not None and np.isfinite(number.value)
    return _percent(number.value, number.uncertainty) if number and known else ""


def _numbers_table(results: Results) -> TableView:
    return TableView(
        f"numbers-{results.name}",
        "Headline numbers with their definitions. The same numbers, with sources, are in "
        "report.json.",
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
    return (
        Cell(item.symbol),
        Cell(with_error(item.value, item.uncertainty), kind="strong", title=item.note),
        Cell(item.unit),
        Cell(_bounds(item.low95, item.high95)),
        Cell("" if item.n is None else str(item.n)),
        Cell(item.name, kind="rp-wrap"),
        Cell(_how(item), kind="rp-wrap muted"),
    )


def _how(item: ReportedValue) -> str:
    """Formula, what entered, and the convention where it is not ours."""
    entered = f"; {item.entered}" if item.entered else ""
    convention = f"; convention {item.convention}" if item.convention != OURS else ""
    return f"{item.formula}{entered}{convention}"


def _bounds(low: float, high: float) -> str:
    """An interval, "" where it is not known."""
    known = np.isfinite(low) and np.isfinite(high)
    return f"{significant(low, 3)} to {significant(high, 3)}" if known else ""


PAGE = PageType(
    name="index",
    title="Summary",
    tab="",
    position=0,
    description="How stable is the flux ratio of two sources in one MUSE field, from night to night?",
    guide="",
    context=context,
)

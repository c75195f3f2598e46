"""The first page: what the campaigns say, in numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from pipeline.report.build import BuildInfo
from pipeline.report.changes import compare
from pipeline.report.changes_section import changes_section
from pipeline.report.downloads import report_json
from pipeline.report.figures.timelines import headline_timelines
from pipeline.report.pages import Book, FigureView, Link, Page, TableBlock
from pipeline.report.reduction_pages import was_reduced
from pipeline.report.report_file import parse_report
from pipeline.report.rows import (
    Pair,
    exposure_links,
    find_number,
    headline_pairs,
    number,
    pair_error,
    pair_stats,
)
from pipeline.report.tables import Cell, Head, TableView
from pipeline.report.text import counted, fixed, probability, slug, with_error
from pipeline.schema.results import ReportedValue, Results

TREND_P = 0.05  # from nightly means


def _to(page: str, label: str, detail: str) -> Link:
    return Link(label, Markup(f"{page}.html"), detail)


REDUCTION = _to("reductions", "Reduction", "What the recipes did, at what cost, with what result.")
GUIDE = (
    _to("data", "Data", "Every exposure with its status; a calendar of what the archive holds."),
    REDUCTION,
    _to("detection", "Detection", "The field, its numbered stars, and where they fall."),
    _to("offsets", "Offsets", "How the exposures lie relative to the reference."),
    _to("spectra", "Spectra", "Every star in five apertures."),
    _to("snr", "Signal to noise", "Which aperture measures a star best."),
    _to("timelines", "Timelines", "The ratios, night after night; any pair of stars."),
    _to("scatter", "Scatter and SNR", "All pairs, and the floor under them."),
    _to("channels", "Channels", "The responses behind the ratios."),
    _to("comparison", "Against the study", "What it printed, and what its data say."),
    _to("recovery", "Recovery of the truth", "What was simulated, and what was found."),
    _to("method", "Method", "Every step with its formula and settings."),
    _to("downloads", "Downloads", "Every number as a file."),
)


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


def summary_page(campaigns: Sequence[Results], book: Book, build: BuildInfo) -> Page:
    """The summary: field by field, of each the observed campaigns first; then what changed."""
    fields = [one.field_name for one in campaigns]
    ordered = sorted(campaigns, key=lambda one: (fields.index(one.field_name), one.simulated))
    shown = [_summary_of(results, book) for results in ordered]
    # both versions go through the same reader, so that nothing but their content can differ
    now = parse_report(report_json(ordered, build))
    changes = compare(build.previous, now) if build.previous else None
    return Page(
        "index",
        "Summary",
        "",
        "How stable is the flux ratio of two sources in one MUSE field, from night to night?",
        {
            "shown": shown,
            "guide": _guide(campaigns),
            "changes": changes_section(changes, build, book),
        },
        tuple(book.figures),
    )


def _summary_of(results: Results, book: Book) -> SummaryOf:
    return SummaryOf(
        results,
        _lead(results),
        _cards(results),
        _meaning(results),
        _first_look(results, book),
        book.table(_numbers_table(results)) if results.numbers else None,
    )


def _guide(campaigns: Sequence[Results]) -> list[Link]:
    """Where to go; the reduction has a page only if something was reduced here."""
    reduced = any(was_reduced(one) for one in campaigns)
    return [link for link in GUIDE if reduced or link is not REDUCTION]


def _first_look(results: Results, book: Book) -> FigureView | None:
    """The timeline of the headline pair whose trend is the least likely by chance."""
    stats = pair_stats(results)
    pairs = [pair for pair in headline_pairs(results) if pair in stats]
    if not pairs or not {"timelines", "exposures"} <= set(results.tables):
        return None
    pair = min(pairs, key=lambda one: (not np.isfinite(stats[one].p_nights), stats[one].p_nights))
    p, known = probability(stats[pair].p_nights), bool(np.isfinite(stats[pair].p_nights))
    several = len(pairs) > 1
    figure = headline_timelines(
        results.tables["timelines"],
        results.tables["exposures"],
        {pair: stats[pair].std_published},
        [pair],
        exposure_links(results),
        figure_id=f"look-{results.name}",
        title=f"The ratio of stars {pair[0]} and {pair[1]}"
        + (f", of {len(pairs)} pairs the one with the clearest trend" if several and known else ""),
        caption="Deviation from its mean in I_Bessel, exposure by exposure"
        + (f"; chance makes such a trend with p = {p} (nightly means)" if known else "")
        + ". The band, if there is one, is plus and minus one σ as published. "
        + (f"All {len(pairs)} pairs are" if several else "More is")
        + " on the page Timelines.",
        simulated=results.simulated,
        tables=("timelines",),
    )
    return book.figure(figure, results.name)


def _lead(results: Results) -> str:
    exposures = results.tables.get("exposures")
    status = [] if exposures is None else [str(value) for value in exposures["status"]]
    unused = sum(value != "ok" for value in status)
    said = (
        f"{counted(len(status), 'exposure')} of {results.field_name} from {results.first_night} to "
        f"{results.last_night}"
    )
    said += f", {unused} of them not used." if unused else "."
    what = {
        "published": " The numbers of the study of 2021, read off its figures and analysed again.",
        "simulated": " Made on the computer, at the dates and in the modes of the real record, and "
        "measured by the whole chain: nothing here was observed.",
    }
    return said + what.get(results.source, "")


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
        f"A trend with time that chance makes in fewer than {TREND_P:.0%} of cases: "
        f"{', '.join(drifting)}."
        if drifting
        else f"No pair has a trend with time that chance makes in fewer than {TREND_P:.0%} of cases."
    )
    return tuple(lines)


def _percent(value: float, error: float) -> str:
    """A scatter in per cent with its error; what cannot be computed has no unit."""
    return with_error(100 * value, 100 * error, 3) + (" %" if np.isfinite(value) else "")


def _cards(results: Results) -> tuple[Card, ...]:
    stats, calm = pair_stats(results), _without_outliers(results)
    cards = []
    for pair in headline_pairs(results):
        if pair not in stats:
            continue
        one, more = stats[pair], []
        value = _percent(one.std_published, pair_error(results, "std_published", pair))
        if np.isfinite(one.std_published):
            more += [f"all points but outliers {calm[pair]}"] if pair in calm else []
        elif pair in calm:
            value = calm[pair]
            more.append("all points but outliers, too few to drop the extremes as published")
        else:
            continue  # one exposure does not scatter
        more.append(f"robust {fixed(100 * one.std_robust, 1)} %")
        if np.isfinite(one.photon_std):
            more.append(f"photon noise {fixed(100 * one.photon_std, 2)} %")
        trend = f"; trend with time: p = {probability(one.p_nights)} from nightly means"
        cards.append(
            Card(
                f"Scatter of the ratio {pair[0]}/{pair[1]}",
                value,
                ", ".join(more) + (trend if np.isfinite(one.p_nights) else ""),
            )
        )
    floor = find_number(results, "floor")
    if floor and np.isfinite(floor.value):
        cards.append(
            Card(
                "Stability floor",
                _percent(floor.value, floor.uncertainty),
                "scatter that remains however bright the two stars are",
            )
        )
    return tuple(cards)


def _without_outliers(results: Results) -> dict[Pair, str]:
    """Sample standard deviation of each pair without its outliers, where that was computed."""
    if "reanalysis" not in results.tables:
        return {}
    return {
        (int(row["star_1"]), int(row["star_2"])): with_error(
            100 * number(row["std"]), 100 * number(row["std_err"])
        )
        + " %"
        for row in results.tables["reanalysis"]
        if row["subset"] == "without outliers" and np.isfinite(number(row["std"]))
    }


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
    return tuple(f"{results.name}-{slug(item.key)}" for item in results.numbers)


def _number_cells(item: ReportedValue) -> tuple[Cell, ...]:
    return (
        Cell(item.symbol),
        Cell(with_error(item.value, item.uncertainty), kind="strong", title=item.note),
        Cell(item.unit),
        Cell(item.name, kind="rp-wrap"),
        Cell(item.formula, kind="rp-wrap muted"),
    )

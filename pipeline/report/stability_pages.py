"""Pages on how stable the ratios are: timelines, scatter against SNR, comparison, recovery."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.report.figures.timelines import STUDY_RANGE, headline_timelines, pair_explorer
from pipeline.report.pages import Book, FigureView, Page, TableBlock
from pipeline.report.rows import headline_pairs, pair_rows
from pipeline.report.tables import Head, TableView
from pipeline.report.text import fixed
from pipeline.results import Results

TAB = "Stability"


@dataclass(frozen=True)
class TimelinesOf:
    """What the timelines page shows of one campaign."""

    results: Results
    anchor: str
    headline: FigureView
    pairs: TableBlock
    explorer: FigureView | None
    n_exposures: int
    n_pairs: int


def timelines_page(campaigns: Sequence[Results], book: Book) -> Page:
    """The page of timelines; a campaign without any is left out."""
    shown = [
        _timelines_of(results, book)
        for results in campaigns
        if {"timelines", "pairs", "exposures"} <= set(results.tables)
    ]
    return Page(
        "timelines",
        "Timelines",
        TAB,
        "The flux ratio of two stars in the field, night after night, relative to its mean.",
        {"shown": shown, "study_range": STUDY_RANGE},
        tuple(book.figures),
    )


def _timelines_of(results: Results, book: Book) -> TimelinesOf:
    tables = results.tables
    pairs = headline_pairs(results)
    timelines = tables["timelines"]
    n_pairs = len(
        {(int(a), int(b)) for a, b in zip(timelines["star_1"], timelines["star_2"], strict=True)}
    )
    n_exposures = len(set(np.asarray(timelines["exposure_id"], str)))
    stars = ", ".join(f"{one}/{two}" for one, two in pairs)
    headline = headline_timelines(
        timelines,
        tables["exposures"],
        pair_rows(results),
        pairs,
        figure_id=f"timelines-{results.name}",
        title=f"Relative flux ratios of the pairs {stars}",
        caption=f"Deviation (F1/F2)/⟨F1/F2⟩ − 1 in I_Bessel, r = 4.5 px, for {n_exposures} "
        f"exposures from {results.first_night} to {results.last_night}. The band is plus and "
        "minus one σ as published. A triangle stands for a point beyond the axis, with its value; "
        "an open symbol for a point that carries a flag.",
        simulated=results.simulated,
    )
    explorer = None
    if n_pairs > len(pairs):
        explorer = pair_explorer(
            timelines,
            tables["exposures"],
            pair_rows(results),
            pairs[0] if pairs else (0, 0),
            figure_id=f"pair-{results.name}",
            title="Relative flux ratio of any pair",
            caption=f"All {n_pairs} pairs; the axis is chosen so that at least 95 % of the points "
            "lie on it. Error bars hold photon and detector noise as in STAT, nothing else.",
            simulated=results.simulated,
        )
    return TimelinesOf(
        results,
        results.name,
        book.figure(headline, results.name),
        book.table(_pair_table(results), results.name),
        book.figure(explorer, results.name) if explorer else None,
        n_exposures,
        n_pairs,
    )


def _pair_table(results: Results) -> TableView:
    from pipeline.report.rows import pair_cells, PAIR_HEADS

    rows = pair_rows(results)
    chosen = headline_pairs(results)
    return TableView(
        f"pairs-{results.name}",
        "Scatter and trend of these pairs. σ published drops both extremes; robust is 1.4826 × "
        "the median absolute deviation; photon is what STAT predicts; p tests for a trend with "
        "time.",
        PAIR_HEADS,
        tuple(pair_cells(row) for row in rows if (row["star_1"], row["star_2"]) in chosen),
        source="pairs",
        simulated=results.simulated,
    )

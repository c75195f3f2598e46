"""The page of bright pairs: their ratios over the nights, with scatter and trend."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.report.figures.base import Figure
from pipeline.report.figures.timelines import headline_timelines
from pipeline.report.pages.base import FigureView, PageInputs, PageNumbering, PageType, TableBlock
from pipeline.report.rows import (
    Pair,
    exposure_links,
    headline_choice,
    headline_pairs,
    pair_cells,
    pair_heads,
    pair_stats,
    shown_stds,
    sigma_words,
)
from pipeline.report.sampling import drawn, drawn_words
from pipeline.report.tables import TableView, without_empty_columns
from pipeline.report.text import counted
from pipeline.schema.results import Results


@dataclass(frozen=True)
class PairsOf:
    """What the page shows of one campaign."""

    results: Results
    figure: FigureView | None  # None: no pairs are headlines
    pairs: TableBlock | None
    band: str
    radius_px: str


def context(inputs: PageInputs, numbering: PageNumbering) -> dict[str, Any]:
    """The bright pairs of every campaign that has timelines."""
    needed = {"timelines", "exposures"}
    shown = [_pairs_of(one, numbering) for one in inputs.campaigns if needed <= set(one.tables)]
    return {"shown": shown}


def _pairs_of(results: Results, numbering: PageNumbering) -> PairsOf:
    pairs, stats = headline_pairs(results), pair_stats(results)
    view = TableView(
        f"pairs-{results.name}",
        "Scatter and trend of these pairs. Hover over the head of a column for its meaning.",
        pair_heads(results),
        tuple(pair_cells(results, pair, stats[pair]) for pair in pairs if pair in stats),
        source=_pair_source(results),
        simulated=results.simulated,
    )
    band, radius_px = headline_choice(results)
    return PairsOf(
        results,
        numbering.figure(headline_figure(results), results.name) if pairs else None,
        numbering.table(without_empty_columns(view), results.name) if pairs else None,
        band,
        f"{radius_px:g}",
    )


def headline_figure(results: Results) -> Figure:
    """Timelines of the headline pairs."""
    pairs = headline_pairs(results)
    stds: dict[Pair, float] = shown_stds(results)
    band, radius_px = headline_choice(results)
    n_exposures = len(set(np.asarray(results.tables["timelines"]["exposure_id"], str)))
    shown = drawn(results)
    known = [100 * stds[pair] for pair in pairs if pair in stds and np.isfinite(stds[pair])]
    said = f" by {min(known):.1f} to {max(known):.1f} %" if known else ""
    how = ", in the published convention" if known and results.of_standard else ""
    return headline_timelines(
        shown.tables["timelines"],
        shown.tables["exposures"],
        stds,
        pairs,
        exposure_links(results),
        figure_id=f"timelines-{results.name}",
        title=f"The ratios of {counted(len(pairs), 'pair')} scatter{said} about their mean{how}",
        caption=f"Deviation in {band}, r = {radius_px:g} px, {counted(n_exposures, 'exposure')}, "
        f"{results.first_night} to {results.last_night}. The band is plus and minus one "
        f"{sigma_words(results)} about the median. Triangles stand for points beyond the axis; "
        f"thin crosses mark flagged points.{drawn_words(results)}",
        simulated=results.simulated,
        tables=("timelines", _pair_source(results)),
        events=_events(shown),
    )


def _pair_source(results: Results) -> str:
    """The table that holds the statistics of pairs."""
    return "pairs" if "pairs" in results.tables else "reanalysis"


def _events(results: Results) -> list[tuple[str, str]]:
    """What went wrong on purpose in a simulation, exposure by exposure."""
    if "truth_exposures" not in results.tables:
        return []
    truth = results.tables["truth_exposures"]
    return [(str(row["exposure_id"]), str(row["event"])) for row in truth if row["event"]]


PAGE = PageType(
    name="pairs",
    title="Bright pairs",
    tab="Evidence",
    position=520,
    description="The flux ratio of two bright stars, night after night, relative to its mean.",
    wide=True,
    guide="",
    context=context,
)

"""The page of timelines: the ratio of two stars, exposure by exposure."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.report.figures.base import Figure
from pipeline.report.figures.timelines import headline_timelines, pair_explorer
from pipeline.report.pages.base import FigureView, PageInputs, PageNumbering, PageType, TableBlock
from pipeline.report.rows import (
    Pair,
    exposure_links,
    headline_choice,
    headline_pairs,
    pair_cells,
    pair_stats,
)
from pipeline.report.tables import Head, TableView, heads, without_empty_columns
from pipeline.report.text import counted
from pipeline.schema.results import Results

PAIR_HEADS = (
    Head("Pair", title="stars in numerator and denominator"),
    *heads(
        "pairs",
        *("n", "std_published", "std", "std_robust", "photon_std", "excess_std"),
        *("spearman_rho", "spearman_p", "spearman_p_nights", "slope_per_year"),
    ),
)


@dataclass(frozen=True)
class TimelinesOf:
    """What the timelines page shows of one campaign."""

    results: Results
    headline: FigureView | None  # None: no pairs are headlines
    pairs: TableBlock | None
    explorer: FigureView | None
    band: str
    radius_px: str
    n_exposures: int
    n_pairs: int


def context(inputs: PageInputs, numbering: PageNumbering) -> dict[str, Any]:
    """The page of timelines; a campaign without any is left out."""
    needed = {"timelines", "exposures"}
    shown = [_timelines_of(one, numbering) for one in inputs.campaigns if needed <= set(one.tables)]
    return {"shown": shown}


def _timelines_of(results: Results, numbering: PageNumbering) -> TimelinesOf:
    timelines, exposures = results.tables["timelines"], results.tables["exposures"]
    pairs, stats, links = headline_pairs(results), pair_stats(results), exposure_links(results)
    stds = _stds(results)
    source = _pair_source(results)
    all_pairs = set(zip(timelines["star_1"].tolist(), timelines["star_2"].tolist(), strict=True))
    explorer = None
    if len(all_pairs) > len(pairs):
        explorer = pair_explorer(
            timelines,
            exposures,
            stds,
            pairs[0] if pairs else min(all_pairs),
            links,
            figure_id=f"pair-{results.name}",
            title="Relative flux ratio of any pair",
            caption=f"All {len(all_pairs)} pairs; the axis is chosen so that at least 95 % of the "
            "points lie on it. Error bars hold photon and detector noise as in STAT, nothing else.",
            simulated=results.simulated,
            tables=("timelines", source),
        )
    view = TableView(
        f"pairs-{results.name}",
        "Scatter and trend of these pairs. Each head explains itself when it is pointed at; the "
        "page Method has all definitions.",
        PAIR_HEADS,
        tuple(pair_cells(results, pair, stats[pair]) for pair in pairs if pair in stats),
        source=source,
        simulated=results.simulated,
    )
    return TimelinesOf(
        results,
        numbering.figure(headline_figure(results), results.name) if pairs else None,
        numbering.table(without_empty_columns(view), results.name) if pairs else None,
        numbering.figure(explorer, results.name) if explorer else None,
        headline_choice(results)[0],
        f"{headline_choice(results)[1]:g}",
        _n_exposures(results),
        len(all_pairs),
    )


def _stds(results: Results) -> dict[Pair, float]:
    return {pair: one.std_published for pair, one in pair_stats(results).items()}


def _n_exposures(results: Results) -> int:
    return len(set(np.asarray(results.tables["timelines"]["exposure_id"], str)))


def headline_figure(results: Results) -> Figure:
    """Timelines of the headline pairs."""
    pairs = headline_pairs(results)
    band, radius_px = headline_choice(results)
    return headline_timelines(
        results.tables["timelines"],
        results.tables["exposures"],
        _stds(results),
        pairs,
        exposure_links(results),
        figure_id=f"timelines-{results.name}",
        title="Relative flux ratios of the headline pairs",
        caption=f"Deviation (F1/F2)/⟨F1/F2⟩ − 1 in {band}, r = {radius_px:g} px, for "
        f"{counted(_n_exposures(results), 'exposure')} from {results.first_night} to {results.last_night}. "
        "The band is plus and minus one σ published. A triangle stands for a point beyond the "
        "axis, with its value; an open symbol for a point that carries a flag. Click a point for "
        "its exposure.",
        simulated=results.simulated,
        tables=("timelines", _pair_source(results)),
        events=_events(results),
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
    name="timelines",
    title="Timelines",
    tab="Stability",
    position=60,
    description="The flux ratio of two stars in the field, night after night, relative to its mean.",
    guide="The ratios, night after night; any pair of stars.",
    context=context,
)

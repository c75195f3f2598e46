"""The page on scatter against the signal-to-noise ratio: all pairs, and the floor under them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.report.figures.scatter import Floor, ScatterPoints, scatter_figure
from pipeline.report.pages.base import FigureView, PageInputs, PageNumbering, PageType
from pipeline.report.rows import (
    find_number,
    headline_choice,
    headline_pairs,
    pair_rows,
    plain,
)
from pipeline.report.text import with_error
from pipeline.schema.publications import STUDY
from pipeline.schema.results import ReportedValue, Results


@dataclass(frozen=True)
class ScatterOf:
    """What the page on scatter against SNR shows of one campaign."""

    results: Results
    figure: FigureView | None  # None: no pair has a scatter, the exposures are too few
    n_pairs: int
    n_left_out: int  # pairs with a flagged star
    n_ambiguous: int  # points of the record whose pair is not known
    floor: ReportedValue | None
    floor_text: str


def context(inputs: PageInputs, numbering: PageNumbering) -> dict[str, Any]:
    """Scatter against SNR: of the record as read off its figure, of others for all pairs."""
    shown = []
    for results in inputs.campaigns:
        if "snr_scatter" in results.tables:
            shown.append(_digitised_scatter(results, numbering))
        elif "pairs" in results.tables:
            shown.append(_measured_scatter(results, numbering))
    return {"shown": shown}


def _digitised_scatter(results: Results, numbering: PageNumbering) -> ScatterOf:
    table = results.tables["snr_scatter"]
    known = np.asarray(table["star_1"]) > 0
    snr, std, err = (plain(table[key]) for key in ("snr_gmean", "std", "std_err"))
    named = [
        f"pair {row['star_1']}/{row['star_2']}" if one else f"one of {row['candidates']}"
        for row, one in zip(table, known, strict=True)
    ]
    kinds = [
        ScatterPoints(name, snr[mask], std[mask], err[mask], _chosen(named, mask), symbol, color)
        for name, mask, symbol, color in (
            ("pair known", known, "circle", "@sky"),
            ("one of two or more pairs", ~known, "circle-open", "@muted"),
        )
    ]
    headline = [
        (f"{pair[0]}/{pair[1]}", snr[k], std[k])
        for pair in headline_pairs(results)
        for k in np.flatnonzero(known)
        if frozenset((int(table["star_1"][k]), int(table["star_2"][k]))) == frozenset(pair)
    ]
    return _scatter_of(
        results,
        numbering,
        kinds,
        headline,
        f"The {len(table)} points of the figure of {STUDY.short}, read off to the pixel. For "
        f"{int((~known).sum())} of them two or more pairs share the SNR, so that the pair is not "
        "known (open).",
        ("snr_scatter",),
        n_left_out=0,
        n_ambiguous=int((~known).sum()),
    )


def _measured_scatter(results: Results, numbering: PageNumbering) -> ScatterOf:
    rows = pair_rows(results)
    flags = {}
    if "catalogue" in results.tables:
        catalogue = results.tables["catalogue"]
        flags = {int(row["star_id"]): str(row["flags"]) for row in catalogue}
    flagged = np.array(
        [bool(flags.get(int(r["star_1"])) or flags.get(int(r["star_2"]))) for r in rows], bool
    )
    snr, std = plain(rows["snr_gmean"]), plain(rows["std_published"])
    none = np.full(len(rows), np.nan)
    named = [
        f"pair {row['star_1']}/{row['star_2']}" + (" (flagged star)" if flag else "")
        for row, flag in zip(rows, flagged, strict=True)
    ]
    kinds = [
        ScatterPoints(name, snr[mask], std[mask], none[mask], _chosen(named, mask), symbol, color)
        for name, mask, symbol, color in (
            ("with a flagged star, left out", flagged, "x-thin-open", "@orange"),
            ("pair", ~flagged, "circle", "@sky"),
        )
    ]
    where = {(int(row["star_1"]), int(row["star_2"])): k for k, row in enumerate(rows)}
    headline = [
        (f"{pair[0]}/{pair[1]}", snr[where[pair]], std[where[pair]])
        for pair in headline_pairs(results)
        if pair in where
    ]
    return _scatter_of(
        results,
        numbering,
        kinds,
        headline,
        f"All {len(rows)} pairs, σ published. {int(flagged.sum())} of them have a star that "
        "carries a flag (crosses); summaries leave them out.",
        ("pairs",),
        n_left_out=int(flagged.sum()),
        n_ambiguous=0,
    )


def _chosen(labels: Sequence[str], mask: np.ndarray) -> list[str]:
    return [labels[index] for index in np.flatnonzero(mask).tolist()]


def _scatter_of(
    results: Results,
    numbering: PageNumbering,
    kinds: Sequence[ScatterPoints],
    headline: Sequence[tuple[str, float, float]],
    caption: str,
    tables: tuple[str, ...],
    *,
    n_left_out: int,
    n_ambiguous: int,
) -> ScatterOf:
    floor, k = find_number(results, "floor"), find_number(results, "floor_k")
    text = with_error(100 * floor.value, 100 * floor.uncertainty) + " %" if floor else ""
    drawn = None
    if floor and floor.value > 0:
        drawn = Floor(
            floor.value, floor.uncertainty, k.value if k else float("nan"), f"floor {text}"
        )
        caption += " The line is the floor with its uncertainty."
    drawable = any(np.isfinite(kind.std).any() and (kind.std > 0).any() for kind in kinds)
    figure = (
        None
        if not drawable
        else scatter_figure(
            kinds,
            headline,
            drawn,
            figure_id=f"scatter-{results.name}",
            choice=headline_choice(results),
            title="Scatter of the flux ratio against signal to noise",
            caption=f"{caption} The dashed line is photon noise of two equal stars, √2 / SNR.",
            simulated=results.simulated,
            tables=tables,
        )
    )
    return ScatterOf(
        results,
        numbering.figure(figure, results.name) if figure else None,
        sum(len(kind.snr) for kind in kinds),
        n_left_out,
        n_ambiguous,
        floor,
        text,
    )


PAGE = PageType(
    name="scatter",
    title="Scatter and SNR",
    tab="Stability",
    position=70,
    description="Do bright pairs scatter less, and is there a floor that no brightness undercuts?",
    guide="All pairs, and the floor under them.",
    context=context,
)

"""The page on scatter against the signal-to-noise ratio: all pairs, and the floor under them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.report.figures.scatter import Floor, ScatterPoints, scatter_figure
from pipeline.report.pages.base import FigureView, PageInputs, PageNumbering, PageType
from pipeline.report.rows import (
    Pair,
    find_number,
    headline_choice,
    headline_pairs,
    pair_rows,
    plain,
)
from pipeline.report.text import fixed, per_cent_with_interval
from pipeline.schema import radius_column
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
    floor_text: str  # value and 95 % interval
    within_night: ReportedValue | None


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
    """The points of the record whose pair is known, against the SNR of the ratio."""
    table, snr_of = results.tables["snr_scatter"], _snr_of_stars(results)
    known = np.asarray(table["star_1"]) > 0
    rows = table[known]
    pairs = [(int(row["star_1"]), int(row["star_2"])) for row in rows]
    points = ScatterPoints(
        "pair known by name",
        np.array([_snr_of_ratio(snr_of, pair) for pair in pairs]),
        plain(rows["std"]),
        plain(rows["std_err"]),
        [f"pair {one}/{two}" for one, two in pairs],
        "circle",
        "@sky",
    )
    where = {frozenset(pair): row for row, pair in enumerate(pairs)}
    headline = [
        (
            f"{pair[0]}/{pair[1]}",
            points.snr[where[frozenset(pair)]],
            points.std[where[frozenset(pair)]],
        )
        for pair in headline_pairs(results)
        if frozenset(pair) in where
    ]
    return _scatter_of(
        results,
        numbering,
        [points],
        headline,
        f"{len(rows)} of the {len(table)} points of the figure of {STUDY.short}, read off to the "
        "pixel: those whose pair is known by name. Their scatter is in the published convention.",
        ("snr_scatter",),
        n_left_out=0,
        n_ambiguous=int((~known).sum()),
    )


def _snr_of_stars(results: Results) -> dict[int, float]:
    """SNR of each star in the headline aperture of the reference exposure."""
    table = results.tables["snr"]
    column = plain(table[radius_column(headline_choice(results)[1])])
    return dict(zip(np.asarray(table["star_id"]).tolist(), column.tolist(), strict=True))


def _snr_of_ratio(snr_of: Mapping[int, float], pair: Pair) -> float:
    one, two = (snr_of.get(star, np.nan) for star in pair)
    return float(1 / np.hypot(1 / one, 1 / two))


def _measured_scatter(results: Results, numbering: PageNumbering) -> ScatterOf:
    rows = pair_rows(results)
    flags = {}
    if "catalogue" in results.tables:
        catalogue = results.tables["catalogue"]
        flags = {int(row["star_id"]): str(row["flags"]) for row in catalogue}
    flagged = np.array(
        [bool(flags.get(int(r["star_1"])) or flags.get(int(r["star_2"]))) for r in rows], bool
    )
    snr, std = plain(rows["snr_ratio"]), plain(rows["std"])
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
    left_out = (
        f" {int(flagged.sum())} pairs with a flagged star (crosses) are left out of the floor."
    )
    return _scatter_of(
        results,
        numbering,
        kinds,
        headline,
        f"All {len(rows)} pairs, without bad exposures." + (left_out if flagged.any() else ""),
        ("pairs", "stability"),
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
    floor = find_number(results, "stability_floor")
    text = per_cent_with_interval(floor) if floor else ""
    drawn, title = None, "Scatter of the flux ratio of every pair"
    if floor and floor.value > 0:
        drawn = Floor(
            floor.value, floor.low95, floor.high95, f"floor {fixed(100 * floor.value, 1)} %"
        )
        caption += " Band: the floor with its 95 % interval, from the stability model."
        per_cent = fixed(100 * floor.value, 1)
        title = f"However bright the stars, the ratio repeats to no better than {per_cent} %"
    drawable = any(kind.drawable.any() for kind in kinds)
    figure = (
        None
        if not drawable
        else scatter_figure(
            kinds,
            headline,
            drawn,
            figure_id=f"scatter-{results.name}",
            choice=headline_choice(results),
            title=title,
            caption=f"{caption} Dashed: photon noise alone.",
            simulated=results.simulated,
            tables=tuple(name for name in tables if name in results.tables),
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
        find_number(results, "within_night"),
    )


PAGE = PageType(
    name="scatter",
    title="Scatter and SNR",
    tab="Stability",
    position=70,
    description="How much does the ratio of two stars scatter, and what remains however bright they are?",
    guide="All pairs, and the floor that remains however bright the stars are.",
    context=context,
)

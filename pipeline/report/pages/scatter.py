"""Scatter against the signal-to-noise ratio: all pairs, and the floor under them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pipeline.published.observed import literature
from pipeline.report.figures.base import Figure
from pipeline.report.figures.scatter import Level, ScatterPoints, StabilityFloor, scatter_figure
from pipeline.report.pages.answer import snr_of_stars
from pipeline.report.pages.base import FigureView, PageNumbering
from pipeline.report.rows import (
    Pair,
    find_number,
    headline_choice,
    headline_pairs,
    pair_rows,
    plain,
)
from pipeline.report.text import fixed
from pipeline.schema.publications import STUDY
from pipeline.schema.results import Results

DIAMONDS = " Diamonds: the pairs named below, without outliers."
MAX_DRAWN_PAIRS = 2000  # of each kind


def scatter_view(results: Results, numbering: PageNumbering) -> FigureView | None:
    """Scatter against SNR: of the record as read off its figure, of others for all pairs.

    None if no pair has a scatter and an SNR: the exposures are too few.
    """
    if "snr_scatter" in results.tables:
        figure = _digitised_scatter(results)
    elif "pairs" in results.tables:
        figure = _measured_scatter(results)
    else:
        return None
    return numbering.figure(figure, results.name) if figure else None


def _digitised_scatter(results: Results) -> Figure | None:
    """The points of the record whose pair is known, against the SNR of the ratio."""
    table, snr_of = results.tables["snr_scatter"], snr_of_stars(results)
    named = {frozenset(pair) for pair in _named_scatters(results)}
    # of a pair that is named in the figure the scatter without outliers, not a second value
    rows = table[[int(row["star_1"]) > 0 and _stars(row) not in named for row in table]]
    pairs = [(int(row["star_1"]), int(row["star_2"])) for row in rows]
    points = ScatterPoints(
        "pair known by name",
        np.array([_snr_of_ratio(snr_of, pair) for pair in pairs]),
        plain(rows["std"]),
        plain(rows["std_err"]),
        [f"pair {one}/{two}, read off the published figure" for one, two in pairs],
        "circle",
        "@sky",
    )
    headline = [
        (f"{a}/{b}", snr, std)
        for (a, b), std in _named_scatters(results).items()
        if np.isfinite(snr := _snr_of_ratio(snr_of, (a, b)))
    ]
    return _scatter_of(
        results,
        [points],
        headline,
        f"Circles: {len(rows)} of {len(table)} points of the figure of {STUDY.short}, those of the other "
        f"pairs that can be identified.{DIAMONDS if headline else ''}",
        ("snr_scatter", "reanalysis"),
    )


def _named_scatters(results: Results) -> dict[Pair, float]:
    """Scatter of each headline pair without outliers, as the first page states it."""
    found = {
        pair: find_number(results, f"std_without_outliers.{pair[0]}-{pair[1]}")
        for pair in headline_pairs(results)
    }
    return {pair: one.value for pair, one in found.items() if one and one.value > 0}


def _stars(row: Any) -> frozenset[int]:
    return frozenset((int(row["star_1"]), int(row["star_2"])))


def _snr_of_ratio(snr_of: Mapping[int, float], pair: Pair) -> float:
    one, two = (snr_of.get(star, np.nan) for star in pair)
    return float(1 / np.hypot(1 / one, 1 / two))


def _measured_scatter(results: Results) -> Figure | None:
    rows = pair_rows(results)
    pairs = list(zip(rows["star_1"].tolist(), rows["star_2"].tolist(), strict=True))
    flags = {}
    if "catalogue" in results.tables:
        catalogue = results.tables["catalogue"]
        flags = dict(zip(catalogue["star_id"].tolist(), catalogue["flags"].tolist(), strict=True))
    flagged = np.array([bool(flags.get(one) or flags.get(other)) for one, other in pairs], bool)
    snr, std = plain(rows["snr_ratio"]), plain(rows["std"])
    none = np.full(len(rows), np.nan)
    named = [
        f"pair {one}/{other}" + (" (flagged star)" if flag else "")
        for (one, other), flag in zip(pairs, flagged.tolist(), strict=True)
    ]
    where = {pair: k for k, pair in enumerate(pairs)}
    scatters = _named_scatters(results)
    headline = {pair: where[pair] for pair in scatters if pair in where and snr[where[pair]] > 0}
    other = np.ones(len(pairs), bool)
    other[list(headline.values())] = False  # these are drawn once, without outliers
    # each kind is thinned by itself: a field of 500 stars has 124 750 pairs
    shown = {kind: _thinned((flagged == kind) & other) for kind in (False, True)}
    kinds = [
        ScatterPoints(name, snr[mask], std[mask], none[mask], _chosen(named, mask), symbol, color)
        for name, mask, symbol, color in (
            ("with a flagged star, left out", shown[True], "x-thin-open", "@orange"),
            ("pair", shown[False], "circle", "@sky"),
        )
    ]
    left_out = (
        f" Crosses, {int(flagged.sum())} of them, have a flagged star and do not enter the floor."
    )
    n_shown = sum(int(mask.sum()) for mask in shown.values()) + len(headline)
    thinned = f" {n_shown} of them are drawn." if n_shown < len(rows) else ""
    return _scatter_of(
        results,
        kinds,
        [(f"{a}/{b}", snr[row], scatters[a, b]) for (a, b), row in headline.items()],
        f"All {len(rows)} pairs.{thinned}{DIAMONDS if headline else ''}"
        + (left_out if flagged.any() else ""),
        ("pairs", "stability"),
    )


def _thinned(mask: np.ndarray) -> np.ndarray:
    """Of many pairs one in so many."""
    step = -(-int(mask.sum()) // MAX_DRAWN_PAIRS) or 1
    kept = np.zeros(len(mask), bool)
    kept[np.flatnonzero(mask)[::step]] = True
    return kept


def _chosen(labels: Sequence[str], mask: np.ndarray) -> list[str]:
    return [labels[index] for index in np.flatnonzero(mask).tolist()]


def _scatter_of(
    results: Results,
    kinds: Sequence[ScatterPoints],
    headline: Sequence[tuple[str, float, float]],
    caption: str,
    tables: tuple[str, ...],
) -> Figure | None:
    floor = find_number(results, "stability_floor")
    drawn, title = None, "The scatter of every pair against its signal to noise"
    if floor and floor.value > 0:
        value = fixed(100 * floor.value, 1)
        drawn = StabilityFloor(floor.value, floor.low95, floor.high95, f"floor {value} %")
        caption += (
            " The band is the floor with its 95 % interval; single pairs scatter more or less."
        )
        title = f"The scatter of bright pairs levels off at a floor of {value} %"
    if not any(kind.drawable.any() for kind in kinds):
        return None
    return scatter_figure(
        kinds,
        headline,
        drawn,
        figure_id=f"scatter-{results.name}",
        choice=headline_choice(results),
        title=title,
        caption=f"{caption} Dotted lines are earlier work.",
        simulated=results.simulated,
        tables=tuple(name for name in tables if name in results.tables),
        levels=[Level(_short(one.reference), one.per_cent) for one in literature() if one.relative],
    )


def _short(reference: str) -> str:
    """The first publication of a reference, as a label: "Giesers 2018"."""
    return reference.partition(",")[0].replace(" et al.", "")

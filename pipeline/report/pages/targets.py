"""The page on targets: does my source vary, and what variation would have been seen?"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy.table import QTable

from pipeline.report.figures.light_curves import light_curve_figure
from pipeline.report.pages.base import FigureView, PageInputs, PageNumbering, PageType, TableBlock
from pipeline.report.rows import number, plain
from pipeline.report.tables import Cell, Head, TableView
from pipeline.report.text import counted, fixed, probability, slug
from pipeline.schema.results import Results
from pipeline.statistics.blended import BLENDED

MAX_RANKED = 10  # stars in the table of the most variable
MIN_EXPOSURES = 5  # of a scatter


@dataclass(frozen=True)
class TargetOf:
    """What the page says of one star."""

    name: str
    star_id: int
    lines: tuple[str, ...]
    figure: FigureView | None


@dataclass(frozen=True)
class TargetsOf:
    """What the page shows of one campaign."""

    results: Results
    table: TableBlock | None  # None: no target, and no star that was found
    ranking: TableBlock | None  # the stars that deviate most, found or not
    targets: tuple[TargetOf, ...]
    n_tested: int  # stars that the search over the field could test
    found: tuple[int, ...]  # those that it calls variable, beside the targets


def context(inputs: PageInputs, numbering: PageNumbering) -> dict[str, Any] | None:
    """Targets and stars found to vary; None where no campaign has any, and none was searched.

    The search over a standard's field is about the instrument: without a target it has no page.
    """
    shown = [
        _targets_of(one, numbering)
        for one in inputs.campaigns
        if "targets" in one.tables or (not one.of_standard and len(_ranked(one)))
    ]
    return {"shown": shown} if shown else None


def _ranked(results: Results) -> QTable:
    """The stars that deviate most from being constant, the least probable first."""
    if "variability" not in results.tables:
        return QTable()
    table = results.tables["variability"]
    p, std, expected = (
        np.asarray(plain(table[name]), float) for name in ("probability", "std", "expected_std")
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        order = np.lexsort((-std / expected, p))
    tested = order[np.isfinite(p[order])]
    return table[tested[:MAX_RANKED]]


def _targets_of(results: Results, numbering: PageNumbering) -> TargetsOf:
    table = results.tables.get("targets", QTable({"star_id": [], "asked": []}))
    stars = list(dict.fromkeys(int(star) for star in table["star_id"]))
    found = {int(row["star_id"]) for row in table if not row["asked"]}
    ranked = _ranked(results)
    tested = 0
    if "variability" in results.tables:
        tested = int(np.isfinite(plain(results.tables["variability"]["probability"])).sum())
    return TargetsOf(
        results,
        numbering.table(_table(results), results.name) if len(table) else None,
        numbering.table(_ranking(ranked, results), results.name) if len(ranked) else None,
        tuple(_target_of(results, star, numbering) for star in stars),
        tested,
        tuple(star for star in stars if star in found),
    )


def _target_of(results: Results, star: int, numbering: PageNumbering) -> TargetOf:
    rows = results.tables["targets"]
    rows = rows[np.asarray(rows["star_id"], int) == star]
    points = results.tables["light_curves"]
    points = points[np.asarray(points["star_id"], int) == star]
    name = str(rows["name"][0])
    figure = None
    if len(points):
        n = max(int(row["n"]) for row in rows)
        figure = numbering.figure(
            light_curve_figure(
                points,
                figure_id=f"light-curve-{results.name}-{star}",
                title=f"Light curve of {name}",
                caption=f"{counted(n, 'exposure')}; flux of star {star} over that of its comparison "
                "stars, relative to its mean in each mode. Error bars: photons and "
                f"{'instrument' if np.isfinite(number(rows['expected_std'][0])) else 'detector'}.",
                simulated=results.simulated,
            ),
            results.name,
        )
    lines = (*(_sentence(row) for row in rows), *_on_neighbours(results, star))
    return TargetOf(name, star, lines, figure)


def _on_neighbours(results: Results, star: int) -> tuple[str, ...]:
    """What close neighbours do to the light curve of a star, if it has any."""
    catalogue = results.tables["catalogue"]
    (row,) = catalogue[np.asarray(catalogue["star_id"], int) == star]
    if BLENDED not in str(row["flags"]).split():
        return ()
    return (
        "Close neighbours: with seeing and position they change the flux in its aperture by "
        f"{_percent(number(row['contamination']))}. What is not known of their light is part of the error "
        "bars.",
    )


def _sentence(row: Any) -> str:
    """What a band says of the star, in words that follow the numbers."""
    band, n = str(row["band"]), int(row["n"])
    if not n:
        return f"{band}: no light curve, because the star or enough comparison stars were not measured there."
    p = number(row["probability"])
    if not np.isfinite(p):
        why = "too few exposures" if n < MIN_EXPOSURES else "too few other stars"
        return f"{band}: {counted(n, 'exposure')}; {why} to say whether it varies."
    said = _percent(number(row["variation"]))
    low, high = (_percent(number(row[f"variation_{end}68"])) for end in ("low", "high"))
    limits = (
        f"In these data a variation of {_percent(number(row['detectable_std']))} from exposure to "
        f"exposure, or a change of {_percent(number(row['detectable_change']))} from the first half "
        "to the second, would be found in 95 of 100 cases."
    )
    if str(row["flag"]):
        return (
            f"{band}: it varies (p = {probability(p)}), by {said} (68 %: {low} to {high}; standard "
            f"deviation). {limits}"
        )
    return f"{band}: no variation is seen (p = {probability(p)}). {limits}"


def _percent(value: float) -> str:
    return f"{fixed(100 * value, 1)} %" if np.isfinite(value) else "more than 300 %"


def _ranking(ranked: QTable, results: Results) -> TableView:
    names = results.tables["catalogue"]
    flags = {int(row["star_id"]): str(row["flags"]) for row in names}
    return TableView(
        f"most-variable-{results.name}",
        "The stars that deviate most from being constant, found to vary or not. p: probability that a "
        "constant star scatters as much, adjusted for all stars searched.",
        (
            Head("star"),
            Head("flags", numeric=False),
            Head("n"),
            Head("scatter", "%"),
            Head("expected", "%"),
            Head("p"),
        ),
        tuple(
            (
                Cell(str(row["star_id"])),
                Cell(flags.get(int(row["star_id"]), "")),
                Cell(str(row["n"])),
                *(Cell(fixed(100 * number(row[name]), 2)) for name in ("std", "expected_std")),
                Cell(
                    probability(number(row["probability"])),
                    kind="strong" if str(row["flag"]) else "",
                ),
            )
            for row in ranked
        ),
        anchors=tuple(f"{results.name}-variability-{row['star_id']}" for row in ranked),
        source="variability",
        simulated=results.simulated,
    )


def _table(results: Results) -> TableView:
    table: QTable = results.tables["targets"]
    return TableView(
        f"targets-{results.name}",
        "Scatter of each light curve, and the scatter expected from photons and instrument. p: probability "
        "that a constant star scatters as much, adjusted for all stars tested.",
        (
            Head("target", numeric=False),
            Head("star"),
            Head("RA", "deg"),
            Head("Dec", "deg"),
            Head("band", numeric=False),
            Head("n"),
            Head("scatter", "%"),
            Head("expected", "%"),
            Head("p"),
            Head("own variation", "%"),
            Head("detectable", "%"),
            Head("compared with stars", numeric=False),
        ),
        tuple(_cells(row) for row in table),
        anchors=tuple(
            f"{results.name}-target-{row['star_id']}-{slug(str(row['band']))}" for row in table
        ),
        source="targets",
        simulated=results.simulated,
    )


def _cells(row: Any) -> tuple[Cell, ...]:
    varies = bool(str(row["flag"]))
    return (
        Cell(str(row["name"])),
        Cell(str(row["star_id"])),
        Cell(fixed(number(row["ra_deg"]), 5)),
        Cell(fixed(number(row["dec_deg"]), 5, sign=True)),
        Cell(str(row["band"])),
        Cell(str(row["n"])),
        *(Cell(fixed(100 * number(row[name]), 2)) for name in ("std", "expected_std")),
        Cell(probability(number(row["probability"])), kind="strong" if varies else ""),
        *(Cell(fixed(100 * number(row[name]), 1)) for name in ("variation", "detectable_std")),
        Cell(str(row["comparison"])),
    )


PAGE = PageType(
    name="targets",
    title="Targets",
    tab="",
    position=55,
    description=(
        "Does a source vary by more than photons and the instrument explain, and what variation "
        "could have been detected?"
    ),
    guide="Light curves of the sources that were asked for, and of stars found to vary.",
    context=context,
)

"""The page of one star: where it lies, how it is measured, what it did."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from pipeline.report.flags import flag_reasons
from pipeline.report.pages.answer import snr_of_stars
from pipeline.report.pages.cut_outs import CUT_PX, cut_out, rings
from pipeline.report.pages.detail import (
    DetailPage,
    Line,
    Residuals,
    residuals_of,
    star_path,
    with_neighbours,
)
from pipeline.report.pages.star_curves import (
    Growth,
    growth_curve,
    growths_of,
    light_curve,
    ratio_curves,
    snr_curve,
    spectrum,
)
from pipeline.report.rows import headline_choice, number, plain
from pipeline.report.text import counted, fixed, probability, significant
from pipeline.report.trends import TrendTest, flagged_stars, trend_tests
from pipeline.schema.definitions import SIGNIFICANCE
from pipeline.schema.publications import STUDY
from pipeline.schema.results import Results

N_NEIGHBOURS = 5
NOT_IN_GAIA = "not identified: a simulated star has no counterpart on the sky"
NOT_ASKED = Markup(
    "not identified: this version was built without network. <code>python -m pipeline identify</code> asks "
    "Gaia’s archive; the next build then shows the source"
)


@dataclass(frozen=True)
class _OfStars:
    """What is computed once for the pages of all stars."""

    residuals: Residuals | None
    drifts: dict[int, Line]
    growths: dict[int, Growth]


def star_pages(results: Results) -> list[DetailPage]:
    """A page for every star of the catalogue, in the order of their numbers."""
    catalogue = results.tables.get("catalogue")
    if catalogue is None:
        return []
    shared = _OfStars(residuals_of(results), _drifts(results), growths_of(results))
    order = np.argsort(np.asarray(catalogue["star_id"]), kind="stable")
    pages = [_star_page(results, int(row), shared) for row in order]
    return with_neighbours(pages)


def _star_page(results: Results, row: int, shared: _OfStars) -> DetailPage:
    catalogue = results.tables["catalogue"]
    star = int(catalogue["star_id"][row])
    curve = light_curve(results, star, shared.residuals)
    return DetailPage(
        star_path(results, star),
        f"Star {star}",
        "star",
        results,
        {
            "star": star,
            "facts": _facts(results, row, shared.drifts),
            "cut": cut_out(results, catalogue["x"][row], catalogue["y"][row], CUT_PX),
            "side": 2 * CUT_PX + 1,
            "rings": rings(results, catalogue["x"][row], catalogue["y"][row]),
            "curves": [curve] if curve else ratio_curves(results, star),
            "growth": growth_curve(results, star, shared.growths[star])
            if star in shared.growths
            else None,
            "snr": snr_curve(results, star),
            "spectrum": spectrum(results, star),
            "no_spectrum": _no_spectrum(results),
            "no_image": ""
            if results.is_measured
            else f"No image: {STUDY.short} publish positions, not cubes.",
            "neighbours": _neighbours(results, row),
        },
    )


def _no_spectrum(results: Results) -> str:
    """Why a star has no spectrum here."""
    if results.spectra:
        return "No spectrum of this star was extracted in the mode of the reference exposure."
    if not results.is_measured:
        return (
            f"{STUDY.short} publish ratios and four example spectra in a figure, but no spectrum as "
            "numbers: their cubes are not part of this build."
        )
    return "This campaign keeps no spectra."


def _facts(results: Results, row: int, drifts: dict[int, Line]) -> list[Line]:
    catalogue = results.tables["catalogue"]
    one = catalogue[row]
    star = int(one["star_id"])
    band, radius_px = headline_choice(results)
    flags = str(one["flags"])
    reasons = flag_reasons(results)
    lines = [
        Line("Position", f"x = {fixed(number(one['x']), 2)}, y = {fixed(number(one['y']), 2)} px"),
        Line("Channel and slice", _address(one)),
    ]
    if np.isfinite(number(one["edge_distance_px"])):
        lines.append(
            Line("Distance to the edge", f"{fixed(number(one['edge_distance_px']), 1)} px")
        )
    if "snr" in results.tables:
        value = snr_of_stars(results).get(star, float("nan"))
        lines.append(
            Line("Signal to noise", f"{significant(value)} in {band}, r = {radius_px:g} px")
        )
    lines.append(Line("Flags", f"{flags}: {reasons[row]}".strip(" :.") if flags else "none"))
    if "contamination" in catalogue.colnames and np.isfinite(number(one["contamination"])):
        share = fixed(100 * number(one["contamination"]), 2)
        lines.append(Line("Possible effect of neighbours", f"{share} % of the flux"))
    drift = [drifts[star]] if star in drifts else []
    return [*lines, *_variability(results, star), *drift, *_gaia(results, star)]


def _address(one: Any) -> str:
    """Channel and slice of a star; a record may know the channel alone, or neither."""
    if not one["channel"]:
        return "not known"
    return f"{one['channel']}, {one['slice']}" if one["slice"] else f"{one['channel']}, not known"


def _variability(results: Results, star: int) -> list[Line]:
    table = results.tables.get("variability")
    rows = [] if table is None else [row for row in table if int(row["star_id"]) == star]
    if not rows or not np.isfinite(number(rows[0]["std"])):
        return []
    std, expected = (100 * number(rows[0][name]) for name in ("std", "expected_std"))
    said = f"{fixed(std, 1)} %, expected {fixed(expected, 1)} %"
    flag = f"; {rows[0]['flag']}" if rows[0]["flag"] else ""
    return [Line("Scatter relative to all other stars", said + flag)]


def _drifts(results: Results) -> dict[int, Line]:
    """Of each star that is in a pair: whether a ratio with it has a trend with time.

    A star without flags is judged by pairs without a flagged star, a flagged one by all of its pairs.
    """
    flagged = flagged_stars(results)
    usual = _clearest(trend_tests(results), "" if not flagged else " without a flagged star")
    every = _clearest(trend_tests(results, flagged=True), ", flagged stars among them")
    return {
        star: every[star] if star in flagged else usual.get(star, every[star]) for star in every
    }


def _clearest(tests: Sequence[TrendTest], which: str) -> dict[int, Line]:
    """Of each star the pair with the smallest p; ``which`` says what pairs are tested."""
    found: dict[int, Line] = {}
    for one in tests:  # the clearest first
        for star in map(int, one.pair.split("/")):
            found.setdefault(star, _drift(one, counted(len(tests), "pair") + which))
    return found


def _drift(clearest: TrendTest, pairs: str) -> Line:
    seen = "seen" if clearest.p_adjusted < SIGNIFICANCE else "not established"
    said = f"clearest in {clearest.pair}, p = {probability(clearest.p_adjusted)}"
    return Line("Drift with time", f"{seen}; {said} after Holm’s correction for {pairs}")


def _gaia(results: Results, star: int) -> list[Line]:
    table = results.tables.get("identification")
    if table is None:
        return [Line("Gaia DR3", NOT_IN_GAIA if results.simulated else NOT_ASKED)]
    row = next((one for one in table if int(one["star_id"]) == star), None)
    if row is None or not str(row["source_id"]):
        return [Line("Gaia DR3", f"not identified: {row['reason'] if row is not None else ''}")]
    return [
        Line("Gaia DR3", f"{row['source_id']}, G = {fixed(number(row['g_mag']), 2)}"),
        Line("Variability in Gaia", str(row["variable"]).lower().replace("_", " ")),
    ]


def _neighbours(results: Results, row: int) -> list[tuple[Markup, str, str]]:
    """The nearest stars of the catalogue: link, number, distance."""
    catalogue = results.tables["catalogue"]
    x, y = plain(catalogue["x"]), plain(catalogue["y"])
    distance = np.hypot(x - x[row], y - y[row])
    nearest = [k for k in np.argsort(distance, kind="stable").tolist() if k != row][:N_NEIGHBOURS]
    return [
        (
            Markup(f"{int(catalogue['star_id'][k])}.html"),
            str(catalogue["star_id"][k]),
            f"{fixed(float(distance[k]), 1)} px",
        )
        for k in nearest
    ]

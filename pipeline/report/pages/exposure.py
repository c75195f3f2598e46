"""The page of one exposure: what became of it, how its stars lie and how bright they were."""

import math
from typing import Any

import numpy as np
from astropy.time import Time
from markupsafe import Markup

from pipeline.report.downloads.reduction_logs import page_names, was_reduced
from pipeline.report.figures.small_svg import Drawing, Plot, PlotSeries, drawn, half_within
from pipeline.report.pages.detail import (
    ROOT,
    DetailPage,
    Line,
    Residuals,
    residuals_of,
    star_path,
    with_neighbours,
)
from pipeline.report.pages.reduction_log import calibration_sentences
from pipeline.report.pages.remedies import remedy_of
from pipeline.report.rows import (
    bad_probability_of,
    exposure_label,
    exposure_links,
    has_page,
    headline_choice,
    is_bad,
    number,
    plain,
    text_of,
    whole,
)
from pipeline.report.text import fixed, significant
from pipeline.schema.results import Results

ARROW_SHARE = 0.06  # of the field: length of the median vector on the map
SMALLEST_P = 0.001  # a probability below it is not told apart from zero
N_FARTHEST = 6  # stars that are named with their residual


def exposure_pages(results: Results) -> list[DetailPage]:
    """A page for every exposure in the order of time, failed ones among them."""
    if "exposures" not in results.tables:
        return []
    paths, residuals = exposure_links(results), residuals_of(results)
    logs = page_names(results) if was_reduced(results) else {}
    pages = [
        _exposure_page(results, row, paths[str(row["exposure_id"])], residuals, logs)
        for row in results.tables["exposures"]
        if has_page(results, row)
    ]
    return with_neighbours(pages)


def _exposure_page(
    results: Results, row: Any, path: str, residuals: Residuals | None, logs: dict[str, str]
) -> DetailPage:
    identity, reason = str(row["exposure_id"]), text_of(row["reason"])
    return DetailPage(
        path,
        exposure_label(row),
        "exposure",
        results,
        {
            "identity": identity,
            "status": str(row["status"]),
            "reason": reason,
            "is_bad": is_bad(row),
            "remedy": remedy_of(reason) if str(row["status"]) != "ok" else "",
            "facts": facts_of(results, row),
            "residuals": _residual_plot(results, row, residuals),
            "farthest": _farthest(results, identity, residuals),
            "ratios": [] if residuals else _ratios(results, identity),
            **_offsets(results, row),
            "calibrations": calibration_sentences(results, identity),
            "log": Markup(f"{ROOT}{logs[identity]}.html") if identity in logs else Markup(""),
            "choice": headline_choice(results),
        },
    )


def facts_of(results: Results, row: Any) -> list[Line]:
    """What is known of an exposure's time, conditions and match."""
    lines = [Line("Exposure", str(row["exposure_id"]))]
    mjd = number(row["mjd_mid"])
    if np.isfinite(mjd):
        lines.append(Line("Mid-exposure (UT)", str(Time(mjd, format="mjd").iso[:19])))
    for name, key, digits, unit in (
        ("Airmass", "airmass", 3, ""),
        ("Seeing", "seeing_arcsec", 2, " arcsec"),
        ("Exposure time", "exptime_s", 0, " s"),
        ("Residual of the match, rms", "match_rms_px", 3, " px"),
    ):
        value = number(row[key])
        if np.isfinite(value):
            lines.append(Line(name, fixed(value, digits) + unit))
    found, matched = row["n_detected"], row["n_matched"]
    if found is not np.ma.masked and int(found) > 0:
        lines.append(Line("Stars detected, matched", f"{whole(found)}, {whole(matched)}"))
    bad = bad_probability_of(row)
    if np.isfinite(bad):
        said = significant(bad, 2) if bad >= SMALLEST_P else f"below {SMALLEST_P:g}"
        said += "; left out of floor, channels and trends" if is_bad(row) else ""
        lines.append(Line("Probability of a bad exposure", said))
    if "notes" in row.colnames and text_of(row["notes"]):
        lines.append(Line("Notes", text_of(row["notes"])))
    if str(row["exposure_id"]) == results.reference_exposure:
        lines.append(Line("Role", "reference for all positions"))
    return lines


def _residual_plot(results: Results, row: Any, residuals: Residuals | None) -> Drawing | None:
    """Residual of every star, by its number."""
    identity, mode = str(row["exposure_id"]), str(row["mode"])
    if residuals is None or identity not in residuals.exposure_ids:
        return None
    values = residuals.per_cent[residuals.exposure_ids.index(identity)]
    stars = np.array(residuals.star_ids, float)
    titles = [f"star {star}: {fixed(value, 2, sign=True)} %" for star, value in
              zip(residuals.star_ids, values.tolist(), strict=True)]  # fmt: skip
    if not np.isfinite(values).any():
        return None
    picture = drawn(
        Plot(
            [PlotSeries(stars, values, "c", mode, titles=titles)],
            "star",
            "relative to its median [%]",
            f"Residual of {len(stars)} stars in this exposure",
            zero=True,
            simulated=results.simulated,
        )
    )
    far = int(np.nanargmax(np.abs(values)))
    title = (
        f"Star {residuals.star_ids[far]} deviates most, by {fixed(float(values[far]), 2, sign=True)} %. "
        f"{half_within(values, 'stars')} of their median"
    )
    return Drawing(picture, title)


def _farthest(
    results: Results, identity: str, residuals: Residuals | None
) -> list[tuple[Markup, str, str]]:
    """The stars with the largest residuals: link, number, residual."""
    if residuals is None or identity not in residuals.exposure_ids:
        return []
    values = residuals.per_cent[residuals.exposure_ids.index(identity)]
    order = np.argsort(-np.abs(np.nan_to_num(values)), kind="stable")[:N_FARTHEST].tolist()
    return [
        (
            Markup(ROOT + star_path(results, residuals.star_ids[k])),
            str(residuals.star_ids[k]),
            f"{fixed(float(values[k]), 2, sign=True)} %",
        )
        for k in order
        if np.isfinite(values[k])
    ]


def _ratios(results: Results, identity: str) -> list[tuple[str, str]]:
    """Deviation of every pair in this exposure, where there is no photometry."""
    table = results.tables.get("timelines")
    if table is None:
        return []
    rows = table[np.asarray(table["exposure_id"], str) == identity]
    return [
        (
            f"{row['star_1']}/{row['star_2']}",
            f"{fixed(100 * number(row['deviation']), 1, sign=True)} %",
        )
        for row in rows
    ]


def _offsets(results: Results, row: Any) -> dict[str, Any]:
    """How each star moved against the reference, less the shift of the field: arrows, enlarged."""
    catalogue = results.tables.get("catalogue")
    a, b, c, d, e, f = (number(row[key]) for key in "abcdef")
    if catalogue is None or not np.isfinite((a, b, c, d, e, f)).all():
        return {"offsets": None}
    x, y = plain(catalogue["x"]), plain(catalogue["y"])
    dx, dy = (a - 1) * x + b * y + c, d * x + (e - 1) * y + f
    shift = np.hypot(np.median(dx), np.median(dy))
    ux, uy = dx - np.median(dx), dy - np.median(dy)
    length = float(np.median(np.hypot(ux, uy)))
    factor = ARROW_SHARE * float(np.ptp(x)) / length if length > 0 else 0.0
    enlarged = significant(factor, 2)
    key = _round_length(length)
    ends = zip(
        x.tolist(), y.tolist(), (x + factor * ux).tolist(), (y + factor * uy).tolist(), strict=True
    )
    titles = [
        f"star {star}: {fixed(float(px), 3)} px"
        for star, px in zip(catalogue["star_id"], np.hypot(ux, uy), strict=True)
    ]
    picture = drawn(
        Plot(
            [PlotSeries(x, y, "c", titles=titles)],
            "x [px]",
            "y [px]",
            f"Offsets of {len(x)} stars after a shift of {fixed(float(shift), 2)} px, "
            f"{enlarged} times enlarged",
            width=420,
            height=400,
            simulated=results.simulated,
            arrows=tuple(ends),
            key=(factor * key, f"{key:g} px") if factor else None,
        )
    )
    common = f"a common shift of {fixed(float(shift), 2)} px"
    title = f"Stars lie {fixed(length, 3)} px, in the median, from {common}"
    return {"offsets": Drawing(picture, title), "enlarged": enlarged}


def _round_length(length: float) -> float:
    """A round number of pixels about as long as the median arrow, for the key."""
    if not length > 0:
        return 0.0
    power = 10.0 ** math.floor(math.log10(length))
    return max(step * power for step in (1, 2, 5) if step * power <= length)

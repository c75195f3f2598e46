"""The page of one star: where it lies, how it is measured, what it did."""

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
from astropy.time import Time
from markupsafe import Markup

from pipeline.report.downloads.spectra_file import row_shown
from pipeline.report.figures.grey_png import grey_png
from pipeline.report.figures.small_svg import Plot, Series, drawn
from pipeline.report.figures.spectra import running_mean, smoothing_window
from pipeline.report.pages.answer import snr_of_stars
from pipeline.report.pages.detail import (
    DetailPage,
    Line,
    Residuals,
    residuals_of,
    star_path,
    with_neighbours,
)
from pipeline.report.rows import headline_choice, number, plain
from pipeline.report.text import NOTHING, counted, fixed, significant, superscript
from pipeline.schema import radius_of
from pipeline.schema.results import Results

CUT_PX = 21  # half of the width of a cut-out: the largest aperture and its neighbours
THUMB_PX = 9  # the same of a thumbnail
N_NEIGHBOURS = 5
MAX_SAMPLES = 240  # of a small spectrum
GREY_LEVELS = 24
SHORT_NUMBER = 1000.0  # on an axis of a small plot


def star_pages(results: Results) -> list[DetailPage]:
    """A page for every star of the catalogue, in the order of their numbers."""
    catalogue = results.tables.get("catalogue")
    if catalogue is None:
        return []
    residuals = residuals_of(results)
    order = np.argsort(np.asarray(catalogue["star_id"]), kind="stable")
    pages = [_star_page(results, int(row), residuals) for row in order]
    return with_neighbours(pages)


def _star_page(results: Results, row: int, residuals: Residuals | None) -> DetailPage:
    catalogue = results.tables["catalogue"]
    star = int(catalogue["star_id"][row])
    curve = _light_curve(results, star, residuals)
    return DetailPage(
        star_path(results, star),
        f"Star {star}",
        "star",
        results,
        {
            "star": star,
            "facts": _facts(results, row),
            "cut": cut_out(results, catalogue["x"][row], catalogue["y"][row], CUT_PX),
            "side": 2 * CUT_PX + 1,
            "rings": _rings(results, catalogue["x"][row], catalogue["y"][row]),
            "curves": [curve] if curve else _ratio_curves(results, star),
            "growth": _growth(results, star),
            "spectrum": _spectrum(results, star),
            "neighbours": _neighbours(results, row),
        },
    )


def _facts(results: Results, row: int) -> list[Line]:
    catalogue = results.tables["catalogue"]
    one = catalogue[row]
    star = int(one["star_id"])
    band, radius_px = headline_choice(results)
    flags = str(one["flags"])
    reasons = catalogue.meta.get("reasons") or [""] * len(catalogue)
    lines = [
        Line("Position", f"x = {fixed(number(one['x']), 2)}, y = {fixed(number(one['y']), 2)} px"),
        Line("Channel and slice", f"{one['channel'] or NOTHING}, {one['slice'] or NOTHING}"),
    ]
    if np.isfinite(number(one["edge_distance_px"])):
        lines.append(Line("To the edge", f"{fixed(number(one['edge_distance_px']), 1)} px"))
    if "snr" in results.tables:
        value = snr_of_stars(results).get(star, float("nan"))
        lines.append(
            Line("Signal to noise", f"{significant(value)} in {band}, r = {radius_px:g} px")
        )
    lines.append(Line("Flags", f"{flags}. {reasons[row]}".strip(" .") if flags else "none"))
    if "contamination" in catalogue.colnames and np.isfinite(number(one["contamination"])):
        share = fixed(100 * number(one["contamination"]), 2)
        lines.append(Line("Change that neighbours can make", f"{share} %"))
    return [*lines, *_variability(results, star), *_gaia(results, star)]


def _variability(results: Results, star: int) -> list[Line]:
    table = results.tables.get("variability")
    rows = [] if table is None else [row for row in table if int(row["star_id"]) == star]
    if not rows or not np.isfinite(number(rows[0]["std"])):
        return []
    std, expected = (100 * number(rows[0][name]) for name in ("std", "expected_std"))
    said = f"{fixed(std, 1)} %, expected {fixed(expected, 1)} %"
    flag = f"; {rows[0]['flag']}" if rows[0]["flag"] else ""
    return [Line("Scatter about all other stars", said + flag)]


def _gaia(results: Results, star: int) -> list[Line]:
    table = results.tables.get("identification")
    if table is None:
        return [Line("Gaia DR3", "not identified")]
    row = next((one for one in table if int(one["star_id"]) == star), None)
    if row is None or not str(row["source_id"]):
        return [Line("Gaia DR3", f"not identified: {row['reason'] if row is not None else ''}")]
    return [
        Line("Gaia DR3", f"{row['source_id']}, G = {fixed(number(row['g_mag']), 2)}"),
        Line("In Gaia", str(row["variable"]).lower().replace("_", " ")),
    ]


def cut_out(results: Results, x: Any, y: Any, half_px: int) -> Markup:
    """A square of the detection image about a star as a data URI; "" without an image."""
    if results.image is None:
        return Markup("")
    pixels = results.image.pixels
    column, row = round(number(x)), round(number(y))
    square = np.full((2 * half_px + 1, 2 * half_px + 1), np.nan)
    y0, y1 = max(row - half_px, 0), min(row + half_px + 1, pixels.shape[0])
    x0, x1 = max(column - half_px, 0), min(column + half_px + 1, pixels.shape[1])
    if y0 < y1 and x0 < x1:
        part = pixels[y0:y1, x0:x1]
        top, left = y0 - row + half_px, x0 - column + half_px
        square[top : top + part.shape[0], left : left + part.shape[1]] = part
    finite = square[np.isfinite(square)]
    if not finite.size:
        return Markup("")
    low, sky = np.percentile(finite, (2, 50))
    scale = 3 * max(float(sky - low) / 2, 1e-30)
    grey = np.arcsinh((square - low) / scale)
    level = np.nan_to_num(np.clip(grey / max(float(np.nanmax(grey)), 1e-30), 0, 1))
    byte = (np.round(level * (GREY_LEVELS - 1)) * (255 / (GREY_LEVELS - 1))).astype(np.uint8)
    return Markup("data:image/png;base64," + base64.b64encode(grey_png(byte[::-1])).decode())


def _rings(results: Results, x: Any, y: Any) -> list[tuple[str, str, str]]:
    """Centre and radius of every aperture on the cut-out, in its pixels."""
    if results.image is None:
        return []
    size = 2 * CUT_PX + 1
    dx, dy = number(x) - round(number(x)), number(y) - round(number(y))
    return [
        (f"{size / 2 + dx:.2f}", f"{size / 2 - dy:.2f}", f"{radius:g}")
        for radius in _radii(results)
    ]


def _radii(results: Results) -> list[float]:
    table = results.tables.get("snr")
    found = [] if table is None else [radius_of(name) for name in table.colnames]
    return sorted(one for one in found if one is not None)


def _times(results: Results, ids: Sequence[str]) -> np.ndarray:
    """Days since the first exposure, from its middle, or from its night if the time is not known."""
    rows = {str(row["exposure_id"]): row for row in results.tables["exposures"]}
    days = []
    for one in ids:
        mjd = number(rows[one]["mjd_mid"])
        night = str(rows[one]["night"])
        days.append(mjd if np.isfinite(mjd) else float(Time(night).mjd) if night else np.nan)
    return np.array(days, float)


def _month_ticks(days: np.ndarray) -> list[tuple[float, str]]:
    """First and last date, and some between."""
    finite = days[np.isfinite(days)]
    if not finite.size:
        return []
    ends = np.linspace(finite.min(), finite.max(), 4 if np.ptp(finite) else 1)
    return [(float(one), str(Time(one, format="mjd").iso[:10])) for one in ends]


def _light_curve(results: Results, star: int, residuals: Residuals | None) -> Markup:
    """Residual of a star over the exposures; the numbers are those of the page of each exposure."""
    if residuals is None or star not in residuals.star_ids:
        return Markup("")
    column = residuals.star_ids.index(star)
    days, values = _times(results, residuals.exposure_ids), residuals.per_cent[:, column]
    ao = _is_ao(results, residuals.exposure_ids)
    titles = [f"{one}: {fixed(value, 2, sign=True)} %" for one, value in
              zip(residuals.exposure_ids, values.tolist(), strict=True)]  # fmt: skip
    return drawn(
        Plot(
            _by_optics(days, values, ao, titles),
            "date",
            "against all stars [%]",
            f"Flux of star {star} against all other stars, {counted(len(values), 'exposure')}",
            x_ticks=_month_ticks(days),
            y_range=_robust_range(values),
            zero=True,
            width=640,
            simulated=results.simulated,
        )
    )


def _is_ao(results: Results, ids: Sequence[str]) -> np.ndarray:
    modes = {str(row["exposure_id"]): str(row["mode"]) for row in results.tables["exposures"]}
    return np.array(["-AO-" in modes[one] for one in ids], bool)


def _by_optics(x: np.ndarray, y: np.ndarray, ao: np.ndarray, titles: Sequence[str]) -> list[Series]:
    """Exposures with and without adaptive optics in colours of their own."""
    return [
        Series(x[mask], y[mask], kind, titles=[titles[k] for k in np.flatnonzero(mask).tolist()])
        for mask, kind in ((ao, "a"), (~ao, "b"))
        if mask.any()
    ]


def _robust_range(values: np.ndarray) -> tuple[float, float] | None:
    """An axis that a few far points do not stretch; they are drawn at its edge."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return None
    half = 1.3 * float(np.quantile(np.abs(finite), 0.95)) or 1.0
    return -half, half


def _ratio_curves(results: Results, star: int) -> list[Markup]:
    """Timelines of the pairs with the star, where there is no photometry."""
    table = results.tables.get("timelines")
    if table is None:
        return []
    with_star = (np.asarray(table["star_1"]) == star) | (np.asarray(table["star_2"]) == star)
    found = []
    ones, twos = (table[name][with_star].tolist() for name in ("star_1", "star_2"))
    pairs = dict.fromkeys(zip(ones, twos, strict=True))
    for one, two in pairs:
        rows = table[(table["star_1"] == one) & (table["star_2"] == two)]
        ids = [str(identity) for identity in rows["exposure_id"]]
        days, values = _times(results, ids), 100 * plain(rows["deviation"])
        values = values - np.nanmedian(values)
        titles = [
            f"{i}: {fixed(v, 2, sign=True)} %" for i, v in zip(ids, values.tolist(), strict=True)
        ]
        found.append(
            drawn(
                Plot(
                    _by_optics(days, values, _is_ao(results, ids), titles),
                    "date",
                    f"{one}/{two} about median [%]",
                    f"The ratio of stars {one} and {two}, {counted(len(ids), 'exposure')}",
                    x_ticks=_month_ticks(days),
                    y_range=_robust_range(values),
                    zero=True,
                    width=640,
                    simulated=results.simulated,
                )
            )
        )
    return found  # fmt: skip


def _growth(results: Results, star: int) -> Markup:
    """SNR against the aperture radius."""
    table = results.tables.get("snr")
    if table is None:
        return Markup("")
    rows = table[np.asarray(table["star_id"]) == star]
    if not len(rows):
        return Markup("")
    named = [(radius, name) for name in table.colnames if (radius := radius_of(name)) is not None]
    radii = np.array([radius for radius, _ in named])
    values = np.array([number(rows[name][0]) for _, name in named])
    titles = [f"r = {radius:g} px: {significant(value)}" for radius, value in
              zip(radii.tolist(), values.tolist(), strict=True)]  # fmt: skip
    return drawn(
        Plot(
            [Series(radii, values, "a", line=True), Series(radii, values, "a", titles=titles)],
            "aperture radius [px]",
            "signal to noise",
            f"Signal to noise of star {star} against the aperture radius",
            simulated=results.simulated,
        )
    )


def _spectrum(results: Results, star: int) -> Markup:
    """The smoothed spectrum in the aperture of the headlines, in the mode of the reference."""
    for mode, spectra in sorted(results.spectra.items()):
        if results.reference_exposure not in spectra.exposure_ids and len(results.spectra) > 1:
            continue
        if star not in spectra.star_ids:
            return Markup("")
        radius_px = headline_choice(results)[1]
        aperture = int(np.argmin(np.abs(np.array(spectra.radii_px) - radius_px)))
        exposure = row_shown(results, mode)
        curve = spectra.flux[exposure, spectra.star_ids.index(star), aperture]
        step = max(1, -(-len(curve) // MAX_SAMPLES))
        power = _power_of_ten(curve)
        window = smoothing_window(float(spectra.wave_aa[1] - spectra.wave_aa[0]))
        shown = running_mean(curve, window) / 10.0**power
        return drawn(
            Plot(
                [Series(spectra.wave_aa[::step], shown[::step], "a", line=True)],
                "wavelength in air [Å]",
                f"flux density [10{superscript(power)} cube unit]"
                if power
                else "flux density [cube unit]",
                f"Spectrum of star {star}, {mode}",
                width=640,
                simulated=results.simulated,
            )
        )
    return Markup("")


def _power_of_ten(values: np.ndarray) -> int:
    """What the numbers of an axis are divided by, so that they stay short: 0 for small ones."""
    top = float(np.nanmax(np.abs(values))) if np.isfinite(values).any() else 0.0
    return int(np.floor(np.log10(top))) if top >= SHORT_NUMBER else 0


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

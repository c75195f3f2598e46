"""What a star did and how it is measured, as small drawings: over time, over apertures, over wavelength."""

from collections.abc import Sequence

import numpy as np
from astropy.time import Time
from markupsafe import Markup

from pipeline.report.downloads.explore_fluxes import PHOTOMETRY, published_grids, stars_shown
from pipeline.report.downloads.spectra_file import row_shown
from pipeline.report.figures.small_svg import (
    Drawing,
    Plot,
    PlotSeries,
    drawn,
    half_within,
    sparkline,
)
from pipeline.report.figures.spectra import running_mean, smoothing_window
from pipeline.report.pages.detail import Residuals
from pipeline.report.rows import headline_choice, headline_pairs, modes_of, number, plain
from pipeline.report.sampling import stride_of
from pipeline.report.text import counted, fixed, significant, superscript
from pipeline.schema import radius_of
from pipeline.schema.results import Results

MAX_RATIOS = 4  # pairs that are drawn
MAX_SAMPLES = 240  # of a small spectrum
SHORT_NUMBER = 1000.0  # on an axis of a small plot


def light_curve(results: Results, star: int, residuals: Residuals | None) -> Drawing | None:
    """Residual of a star over the exposures; the numbers are those of the page of each exposure."""
    if residuals is None or star not in residuals.star_ids:
        return None
    step = stride_of(results)
    ids = residuals.exposure_ids[::step]
    values = residuals.per_cent[::step, residuals.star_ids.index(star)]
    days, modes = _times(results, ids), modes_of(results, ids)
    titles = [f"{one}: {fixed(value, 2, sign=True)} %" for one, value in
              zip(ids, values.tolist(), strict=True)]  # fmt: skip
    if not np.isfinite(values).any():
        return None
    picture = drawn(
        Plot(
            _by_mode(days, values, modes, titles),
            "date",
            "against all stars [%]",
            f"Flux of star {star} against all other stars, {counted(len(values), 'exposure')}",
            x_ticks=_month_ticks(days),
            y_range=_robust_range(values),
            zero=True,
            simulated=results.simulated,
        )
    )
    return Drawing(picture, f"{half_within(values, 'points')} of the median of star {star}")


def ratio_curves(results: Results, star: int) -> list[Drawing]:
    """Timelines of pairs with the star, headline pairs first, where there is no photometry."""
    table = results.tables.get("timelines")
    if table is None:
        return []
    with_star = (np.asarray(table["star_1"]) == star) | (np.asarray(table["star_2"]) == star)
    found = []
    ones, twos = (table[name][with_star].tolist() for name in ("star_1", "star_2"))
    pairs = dict.fromkeys(zip(ones, twos, strict=True))
    chosen = headline_pairs(results)
    first = sorted(pairs, key=lambda pair: (pair not in chosen, pair))[:MAX_RATIOS]
    for one, two in first:
        rows = table[(table["star_1"] == one) & (table["star_2"] == two)]
        ids = [str(identity) for identity in rows["exposure_id"]]
        days, values = _times(results, ids), 100 * plain(rows["deviation"])
        values = values - np.nanmedian(values)
        titles = [
            f"{i}: {fixed(v, 2, sign=True)} %" for i, v in zip(ids, values.tolist(), strict=True)
        ]
        picture = drawn(
            Plot(
                _by_mode(days, values, modes_of(results, ids), titles),
                "date",
                f"{one}/{two} about median [%]",
                f"The ratio of stars {one} and {two}, {counted(len(ids), 'exposure')}",
                x_ticks=_month_ticks(days),
                y_range=_robust_range(values),
                zero=True,
                simulated=results.simulated,
            )
        )
        if picture:
            title = f"{half_within(values, 'points')} of the median of {one}/{two}"
            found.append(Drawing(picture, title))
    return found


def star_courses(results: Results) -> dict[int, Markup]:
    """Of each star with a timeline its ratio to another one, as a line of points: a headline pair first."""
    table = results.tables.get("timelines")
    if table is None:
        return {}
    ones, twos = table["star_1"].tolist(), table["star_2"].tolist()
    pairs = dict.fromkeys(zip(ones, twos, strict=True))
    chosen = headline_pairs(results)
    found: dict[int, Markup] = {}
    for one, two in sorted(pairs, key=lambda pair: (pair not in chosen, pair)):
        if {one, two} <= set(found):
            continue
        rows = table[(table["star_1"] == one) & (table["star_2"] == two)]
        order = np.argsort(np.asarray(rows["night"], str), kind="stable")
        modes = modes_of(results, rows["exposure_id"][order])
        words = f"The ratio {one}/{two} in {counted(len(rows), 'exposure')}"
        for star in (one, two):
            found.setdefault(star, sparkline(100 * plain(rows["deviation"])[order], words, modes))
    return found


Growth = tuple[np.ndarray, np.ndarray]  # aperture radii [pix] and the flux within each [per cent]


def growths_of(results: Results) -> dict[int, Growth]:
    """Of each star the flux in every aperture, relative to the largest: its median over the exposures.

    Empty for a campaign without photometry, or with one aperture.
    """
    if PHOTOMETRY not in results.tables:
        return {}
    first, *others = published_grids(results)
    same = [one for one in others if (one.band, one.method) == (first.band, first.method)]
    grids = sorted([first, *same], key=lambda one: one.radius_px)
    if len(grids) < 2:
        return {}
    radii = np.array([one.radius_px for one in grids])
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.array([100 * one.flux / grids[-1].flux for one in grids])
    ratios[~np.isfinite(ratios)] = np.nan
    known = np.isfinite(ratios).any(axis=1).all(axis=0)
    return {
        star: (radii, np.nanmedian(ratios[:, :, column], axis=1))
        for column, star in enumerate(stars_shown(results))
        if known[column]
    }


def growth_curve(results: Results, star: int, growth: Growth) -> Drawing:
    """Flux within the apertures, in per cent of the largest."""
    radii, values = growth
    titles = [f"r = {radius:g} px: {fixed(value, 1)} %" for radius, value in
              zip(radii.tolist(), values.tolist(), strict=True)]  # fmt: skip
    picture = _against_radius(
        results, radii, values, titles, f"flux within r = {radii[-1]:g} px [%]",
        f"Flux of star {star} within each aperture, relative to the largest",
    )  # fmt: skip
    at = int(np.argmin(np.abs(radii - headline_choice(results)[1])))
    held = f"{fixed(float(values[at]), 1)} %"
    return Drawing(
        picture, f"r = {radii[at]:g} px holds {held} of the flux within {radii[-1]:g} px"
    )


def snr_curve(results: Results, star: int) -> Drawing | None:
    """SNR against the aperture radius."""
    table = results.tables.get("snr")
    if table is None:
        return None
    rows = table[np.asarray(table["star_id"]) == star]
    if not len(rows):
        return None
    named = [(radius, name) for name in table.colnames if (radius := radius_of(name)) is not None]
    radii = np.array([radius for radius, _ in named])
    values = np.array([number(rows[name][0]) for _, name in named])
    titles = [f"r = {radius:g} px: {significant(value)}" for radius, value in
              zip(radii.tolist(), values.tolist(), strict=True)]  # fmt: skip
    if not np.isfinite(values).any():
        return None
    picture = _against_radius(
        results, radii, values, titles, "signal to noise",
        f"Signal to noise of star {star} against the aperture radius",
    )  # fmt: skip
    best = f"{radii[int(np.nanargmax(values))]:g} px"
    return Drawing(picture, f"The signal to noise of star {star} is highest at r = {best}")


def _against_radius(
    results: Results,
    radii: np.ndarray,
    values: np.ndarray,
    titles: Sequence[str],
    y_title: str,
    label: str,
) -> Markup:
    series = [
        PlotSeries(radii, values, "a", line=True),
        PlotSeries(radii, values, "a", titles=titles),
    ]
    ticks = [(radius, f"{radius:g}") for radius in radii.tolist()]
    return drawn(
        Plot(
            series,
            "aperture radius [px]",
            y_title,
            label,
            x_ticks=ticks,
            simulated=results.simulated,
        )
    )


def spectrum(results: Results, star: int) -> Drawing | None:
    """The smoothed spectrum in the aperture of the headlines, in the mode of the reference."""
    for mode, spectra in sorted(results.spectra.items()):
        if results.reference_exposure not in spectra.exposure_ids and len(results.spectra) > 1:
            continue
        if star not in spectra.star_ids:
            return None
        radius_px = headline_choice(results)[1]
        aperture = int(np.argmin(np.abs(np.array(spectra.radii_px) - radius_px)))
        exposure = row_shown(results, mode)
        curve = spectra.flux[exposure, spectra.star_ids.index(star), aperture]
        step = max(1, -(-len(curve) // MAX_SAMPLES))
        power = _power_of_ten(curve)
        window = smoothing_window(float(spectra.wave_aa[1] - spectra.wave_aa[0]))
        shown = running_mean(curve, window) / 10.0**power
        if not np.isfinite(shown).any():
            return None
        picture = drawn(
            Plot(
                [PlotSeries(spectra.wave_aa[::step], shown[::step], "a", line=True)],
                "wavelength in air [Å]",
                f"flux density [10{superscript(power)} cube unit]"
                if power
                else "flux density [cube unit]",
                f"Spectrum of star {star}, {mode}",
                simulated=results.simulated,
            )
        )
        return Drawing(picture, f"The flux density of star {star} {_from_blue_to_red(shown)}")
    return None


def _from_blue_to_red(values: np.ndarray) -> str:
    """By how much the values differ between the ends of the spectrum, a tenth of it each."""
    known = values[np.isfinite(values)]
    ends = max(1, len(known) // 10)
    blue, red = float(np.median(known[:ends])), float(np.median(known[-ends:]))
    if not blue > 0:
        return "is known at its red end alone"
    change = 100 * (red / blue - 1)
    return f"{'falls' if change < 0 else 'rises'} by {fixed(abs(change), 1)} % from blue to red"


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


def _by_mode(
    x: np.ndarray, y: np.ndarray, modes: Sequence[str], titles: Sequence[str]
) -> list[PlotSeries]:
    """Exposures of each instrument mode as all figures show it."""
    found = []
    for mode in sorted(set(modes)):
        of_mode = [k for k, one in enumerate(modes) if one == mode]
        found.append(
            PlotSeries(x[of_mode], y[of_mode], "c", mode, titles=[titles[k] for k in of_mode])
        )
    return found


def _robust_range(values: np.ndarray) -> tuple[float, float] | None:
    """An axis that a few far points do not stretch; they are drawn at its edge."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return None
    half = 1.3 * float(np.quantile(np.abs(finite), 0.95)) or 1.0
    return -half, half


def _power_of_ten(values: np.ndarray) -> int:
    """What the numbers of an axis are divided by, so that they stay short: 0 for small ones."""
    top = float(np.nanmax(np.abs(values))) if np.isfinite(values).any() else 0.0
    return int(np.floor(np.log10(top))) if top >= SHORT_NUMBER else 0

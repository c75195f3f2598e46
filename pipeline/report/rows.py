"""Rows of the results as pages need them; selection and formatting, no statistics."""

from typing import Any

import numpy as np
from astropy.table import QTable

from pipeline.report.tables import Cell, Head
from pipeline.report.text import fixed, probability, with_error
from pipeline.results import Results
from pipeline.settings import StatisticsSettings

PAIR_HEADS = (
    Head("Pair", title="stars in numerator and denominator"),
    Head("n", title="exposures with both fluxes and no flag"),
    Head("σ published", title="sorted, both extremes dropped, ddof 0"),
    Head("σ", title="sample standard deviation, ddof 1"),
    Head("σ robust", title="1.4826 × median absolute deviation"),
    Head("σ photon", title="root mean square of the errors from STAT"),
    Head("σ excess", title="scatter beyond photon noise"),
    Head("Spearman ρ", title="rank correlation with time, per exposure"),
    Head("p", title="two-sided, per exposure"),
    Head("p (nights)", title="two-sided, from nightly means"),
    Head("slope", "1/yr", title="weighted linear trend"),
)


def headline_pairs(results: Results) -> tuple[tuple[int, int], ...]:
    """The pairs that the campaign's settings call headlines, in their order."""
    chosen = results.settings.get("statistics", {}).get("pairs", StatisticsSettings().pairs)
    return tuple((int(one), int(two)) for one, two in chosen)  # type: ignore[attr-defined]


def headline_choice(results: Results) -> tuple[str, float]:
    """Band and aperture radius of the campaign's headline numbers."""
    section = results.settings.get("statistics", {})
    default = StatisticsSettings()
    return str(section.get("band", default.band)), float(
        section.get("radius_px", default.radius_px)  # type: ignore[arg-type]
    )


def pair_rows(results: Results) -> QTable:
    """The pairs table at the headline band and aperture."""
    pairs = results.tables["pairs"]
    band, radius_px = headline_choice(results)
    radii = plain(pairs["radius_px"])
    return pairs[(np.asarray(pairs["band"], str) == band) & np.isclose(radii, radius_px)]


def plain(column: Any) -> np.ndarray:
    """A column's numbers without its unit; masked ones as NaN."""
    values = getattr(column, "value", column)
    if isinstance(values, np.ma.MaskedArray):
        return np.asarray(values.astype(float).filled(np.nan))
    return np.asarray(values, float)


def number(value: Any) -> float:
    """One cell's number without its unit."""
    bare = getattr(value, "value", value)
    return float("nan") if bare is np.ma.masked else float(bare)


def pair_cells(row: Any) -> tuple[Cell, ...]:
    """One row of the pair table."""
    p, p_nights = number(row["spearman_p"]), number(row["spearman_p_nights"])
    return (
        Cell(f"{row['star_1']}/{row['star_2']}"),
        Cell(str(row["n"])),
        Cell(fixed(number(row["std_published"]), 4), kind="strong"),
        Cell(fixed(number(row["std"]), 4)),
        Cell(fixed(number(row["std_robust"]), 4)),
        Cell(fixed(number(row["photon_std"]), 4)),
        Cell(with_error(number(row["excess_std"]), number(row["excess_std_err"]))),
        Cell(fixed(number(row["spearman_rho"]), 3, sign=True)),
        Cell(probability(p), kind="bad" if p < 0.01 else ""),
        Cell(probability(p_nights), kind="bad" if p_nights < 0.01 else ""),
        Cell(with_error(number(row["slope_per_year"]), number(row["slope_err"]))),
    )

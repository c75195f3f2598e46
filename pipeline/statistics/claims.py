"""What a campaign is too small, or not of the right kind, to claim."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from astropy.table import QTable

from pipeline.schema.results import PUBLISHED, Interval, ReportedValue
from pipeline.statistics.columns import texts

MIN_EXPOSURES = 5  # below, no scatter is claimed: both extremes of three leave one point
SCATTER = frozenset(
    {
        *("std_published", "std", "std_robust", "excess_std", "excess_std_err", "slope_per_year"),
        *("slope_err", "spearman_rho", "spearman_p", "spearman_p_nights", "trend_p"),
        *("trend_p_adjusted", "std_published_err", "std_err", "std_robust_err"),
        *("spearman_rho_nights", "mean_shift"),
    }
)  # columns of pairs and reanalysis
SCATTER_NUMBERS = ("std_published.", "std_robust.", "std_without_outliers.", "excess_std", "trend.")


def is_too_small(exposures: QTable) -> bool:
    """Whether so few exposures are of status ok that no scatter can be claimed."""
    return int(np.count_nonzero(texts(exposures["status"]) == "ok")) < MIN_EXPOSURES


def tables_without_scatter(tables: Mapping[str, QTable]) -> dict[str, QTable]:
    """The tables of a campaign of few exposures: scatters, slopes and their errors are NaN."""
    found = dict(tables)
    for name in ("pairs", "reanalysis"):
        if name not in tables:
            continue
        table = tables[name].copy()
        for column in SCATTER & set(table.colnames):
            table[column][:] = np.nan * (table[column].unit or 1)
        found[name] = table
    return found


def numbers_without_scatter(numbers: tuple[ReportedValue, ...]) -> tuple[ReportedValue, ...]:
    """The reported values of a campaign of few exposures: scatters and trends have no value."""
    nothing = Interval()
    bounds = {key: getattr(nothing, key) for key in ("low68", "high68", "low95", "high95")}
    return tuple(
        replace(
            one,
            value=np.nan,
            uncertainty=np.nan,
            note=f"fewer than {MIN_EXPOSURES} exposures",
            **bounds,
        )
        if one.key.startswith(SCATTER_NUMBERS)
        else one
        for one in numbers
    )


def of_own_convention(numbers: tuple[ReportedValue, ...]) -> tuple[ReportedValue, ...]:
    """The reported values without those in a publication's convention, of a field it did not treat."""
    return tuple(one for one in numbers if one.convention != PUBLISHED)

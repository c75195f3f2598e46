"""Trends with time of many series at once: rank correlation, nightly means, straight lines.

Every function takes an array (exposure, series) and treats NaN as missing.
"""

from dataclasses import dataclass

import numpy as np
import scipy

from pipeline.statistics.excess import gls_line

DAYS_PER_YEAR = 365.25
SIGNIFICANT = 0.01  # p of a trend: four pairs are looked at, one in 25 campaigns errs somewhere
MIN_POINTS = 5  # fewer points cannot reach p = 0.01 however well they are ordered: 2/4! = 0.08
ROUNDING = 1e-12  # of the largest value: a smaller difference is rounding, not order


@dataclass(frozen=True)
class Spearman:
    """Spearman rank correlations; NaN for fewer than five points or constant values."""

    rho: np.ndarray  # (series,)
    p: np.ndarray  # (series,) two-sided, Student's t with n - 2 degrees of freedom
    n: np.ndarray  # (series,)


def spearman(time: np.ndarray, values: np.ndarray) -> Spearman:
    """Spearman correlation of each series with time, ties sharing their mean rank.

    Equals ``scipy.stats.spearmanr`` series by series, but for values equal up to rounding
    (nightly means of digitised numbers), which are ties.

    Parameters
    ----------
    time : ndarray, shape (exposure,)
        Finite.
    values : ndarray, shape (exposure, series)
        NaN: missing, left out together with its time.
    """
    missing = np.isnan(values)
    n = np.count_nonzero(~missing, axis=0)
    if len(values) < MIN_POINTS:
        nothing = np.full(values.shape[1], np.nan)
        return Spearman(nothing, nothing.copy(), n)
    times = np.where(missing, np.nan, time[:, np.newaxis])
    x, y = _centred_ranks(times, n), _centred_ranks(values, n)
    with np.errstate(invalid="ignore", divide="ignore"):
        rho = (x * y).sum(axis=0) / np.sqrt((x**2).sum(axis=0) * (y**2).sum(axis=0))
        rho = np.clip(np.where(n < MIN_POINTS, np.nan, rho), -1, 1)
        t = np.abs(rho) * np.sqrt((n - 2) / ((1 - rho) * (1 + rho)))
        p = 2 * scipy.special.stdtr(np.maximum(n - 2, 1), -t)
    return Spearman(rho, p, n)


def _centred_ranks(values: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Ranks about their mean, 0 where the value is missing."""
    missing = np.isnan(values)
    largest = np.abs(np.where(missing, 0.0, values)).max(axis=0, initial=0.0)
    unit = ROUNDING * np.where(largest > 0, largest, 1.0)
    ranks = scipy.stats.rankdata(np.where(missing, np.inf, np.round(values / unit)), axis=0)
    return np.where(missing, 0.0, ranks - (n + 1) / 2)


def nightly_means(nights: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The nights in order, and the plain mean of each series in each (night, series).

    Two exposures of one night share its calibrations and sky: they are not independent.
    """
    if len(nights) == 0:
        return np.empty(0, str), np.empty((0, values.shape[1]))
    names, row = np.unique(nights, return_inverse=True)
    order = np.argsort(row, kind="stable")
    starts = np.searchsorted(row[order], np.arange(len(names)))
    present = ~np.isnan(values)
    total = np.add.reduceat(np.where(present, values, 0.0)[order], starts, axis=0)
    with np.errstate(invalid="ignore"):
        means = total / np.add.reduceat(present[order].astype(float), starts, axis=0)
    return names, means


@dataclass(frozen=True)
class Slopes:
    """Straight lines through the series; NaN for fewer than three points or a single time."""

    per_year: np.ndarray  # (series,)
    err: np.ndarray  # (series,) 1 sigma, with the scatter beyond ``errors`` about the line


def slopes(mjd: np.ndarray, values: np.ndarray, errors: np.ndarray) -> Slopes:
    """Weighted linear trend of each series per Julian year.

    The weight is 1 / (error^2 + s^2); s, the scatter about the line that the errors do not
    explain, comes from the series itself (``pipeline.statistics.excess``).

    Parameters
    ----------
    mjd : ndarray, shape (exposure,)
        Finite.
    values, errors : ndarray, shape (exposure, series)
        NaN among the values: missing; among the errors: no error known, counts as 0.
    """
    years = (mjd - np.mean(mjd)) / DAYS_PER_YEAR if len(mjd) else mjd
    known = np.where(np.isnan(errors), 0.0, errors)
    line = gls_line(years, values, known)
    return Slopes(line.slope, line.slope_err)


@dataclass(frozen=True)
class Regression:
    """Slope of measured on true deviations through the origin, and their correlation."""

    slope: float
    slope_err: float  # exposures are independent, pairs within one are not
    correlation: float
    n: int


def regress(measured: np.ndarray, true: np.ndarray) -> Regression:
    """Least squares of measured on true values, arrays (exposure, pair), NaN missing."""
    both = np.isfinite(measured) & np.isfinite(true)
    x, y = np.where(both, true, 0.0), np.where(both, measured, 0.0)
    power = float((x**2).sum())
    if both.sum() < 3 or power == 0 or float((y**2).sum()) == 0:
        return Regression(np.nan, np.nan, np.nan, int(both.sum()))
    slope = float((x * y).sum()) / power
    per_exposure = (x * np.where(both, y - slope * x, 0.0)).sum(axis=1)
    slope_err = float(np.sqrt((per_exposure**2).sum())) / power
    correlation = float(np.corrcoef(x[both], y[both])[0, 1])
    return Regression(slope, slope_err, correlation, int(both.sum()))

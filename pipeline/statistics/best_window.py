"""The p-value of the best of all windows of a series, by repeating the search on simulated series."""

from dataclasses import dataclass

import numpy as np

from pipeline.statistics.kernels import DAYS_PER_YEAR

MIN_NIGHTS = 6  # in a window: fewer make no trend
N_DRAWS = 2000
SEED = 1


@dataclass(frozen=True)
class BestWindow:
    """The window with the most significant line, and how often chance does as well."""

    start: int  # first and last exposure of the window
    stop: int
    slope_per_year: float
    z: float  # slope over its error, in this window alone
    p: float  # of a best window this good in a series without a line


def best_window(
    mjd: np.ndarray, nights: np.ndarray, value: np.ndarray, covariance: np.ndarray
) -> BestWindow:
    """Searches all windows of whole nights for a line, and simulates the search.

    Parameters
    ----------
    mjd, nights, value : ndarray, shape (exposure,)
        A series sorted in time, finite.
    covariance : ndarray, shape (exposure, exposure)
        Of the series without a line (``channel_series.series_covariance``, or a pair's).

    Raises
    ------
    ValueError
        If there are fewer than six nights.
    """
    _, night = np.unique(nights, return_inverse=True)
    n_nights = int(night.max(initial=-1)) + 1
    if n_nights < MIN_NIGHTS:
        raise ValueError(f"{n_nights} nights; a window needs {MIN_NIGHTS}")
    windows, filters, errors = [], [], []
    for first in range(n_nights - MIN_NIGHTS + 1):
        for last in range(first + MIN_NIGHTS - 1, n_nights):
            rows = np.flatnonzero((night >= first) & (night <= last))
            coefficients, err = _slope_filter(mjd[rows], covariance[np.ix_(rows, rows)])
            full = np.zeros(len(mjd))
            full[rows] = coefficients / err
            windows.append((int(rows[0]), int(rows[-1])))
            filters.append(full)
            errors.append(err)
    search = np.array(filters)
    z = search @ value
    best = int(np.argmax(np.abs(z)))
    root, vector = np.linalg.eigh(covariance)
    scaled = vector * np.sqrt(np.maximum(root, 0.0))
    drawn = scaled @ np.random.default_rng(SEED).standard_normal((len(mjd), N_DRAWS))
    largest = np.abs(search @ drawn).max(axis=0)
    p = (np.count_nonzero(largest >= abs(z[best])) + 1) / (N_DRAWS + 1)
    return BestWindow(*windows[best], float(z[best] * errors[best]), float(z[best]), float(p))


def _slope_filter(mjd: np.ndarray, covariance: np.ndarray) -> tuple[np.ndarray, float]:
    """Coefficients of the generalised least squares slope, and its error."""
    years = (mjd - mjd.mean()) / DAYS_PER_YEAR
    design = np.column_stack([np.ones(len(years)), years])
    solved = np.linalg.solve(covariance, design)
    inverse = np.linalg.inv(design.T @ solved)
    coefficients: np.ndarray = (inverse @ solved.T)[1]
    return coefficients, float(np.sqrt(inverse[1, 1]))

"""Covariance in time of a channel's response, and how much of it one year sees.

r(t) = slow drift (Ornstein-Uhlenbeck process) + a term per night + a term per exposure.
"""

import numpy as np

DAYS_PER_YEAR = 365.25


def slow_correlation(lag_days: np.ndarray | float, tau_days: np.ndarray | float) -> np.ndarray:
    """Correlation exp(-|lag| / tau) of an Ornstein-Uhlenbeck process."""
    correlation: np.ndarray = np.exp(-np.abs(lag_days) / np.asarray(tau_days, float))
    return correlation


def window_factor(tau_days: np.ndarray | float, window_days: float = DAYS_PER_YEAR) -> np.ndarray:
    """Expected variance about the mean over a window, of an OU process of variance 1.

    V = 1 - 2x (1 - x (1 - exp(-1/x))), x = tau / window: 1 minus the variance of the mean of
    exp(-|t - t'| / tau) over the window. 1 for white noise, 1 / (3x) for tau much longer than
    the window. One exposure on each night of a year is the window by default.
    """
    x = np.asarray(tau_days, float) / window_days
    # the closed form loses all digits where x is large: 1/(3x) - 1/(12 x^2) + 1/(60 x^3)
    large = x > 300.0
    safe = np.where(large, 1.0, x)
    closed = 1.0 - 2.0 * safe * (1.0 + safe * np.expm1(-1.0 / safe))
    inverse = 1.0 / np.maximum(x, 1e-300)
    series = inverse / 3 - inverse**2 / 12 + inverse**3 / 60
    factor: np.ndarray = np.where(large, series, closed)
    return factor


def same_night(nights: np.ndarray) -> np.ndarray:
    """(exposure, exposure): 1 where two exposures share a night, 0 elsewhere."""
    _, night = np.unique(nights, return_inverse=True)
    shared: np.ndarray = (night[:, np.newaxis] == night).astype(float)
    return shared

"""Residuals of stars and exposures about each other: what a page of one star or exposure shows."""

import warnings

import numpy as np


def log_residuals(flux: np.ndarray) -> np.ndarray:
    """ln F less the median of each star, then less the median of each exposure.

    Clouds, which all stars of an exposure share, and the brightness of a star cancel; one bad star or
    exposure moves no median.

    Parameters
    ----------
    flux : ndarray, shape (exposure, star)
        In any unit; NaN or not positive: missing.

    Returns
    -------
    ndarray, shape (exposure, star)
        NaN where the flux is missing.

    Examples
    --------
    >>> log_residuals(np.array([[1.0, 2.0, 4.0], [2.0, 4.0, 8.0]])).tolist()
    [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    log = np.where(flux > 0, np.log(np.where(flux > 0, flux, 1.0)), np.nan)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice", RuntimeWarning)  # stays NaN
        log = log - np.nanmedian(log, axis=0)
        residual: np.ndarray = log - np.nanmedian(log, axis=1, keepdims=True)
    return residual

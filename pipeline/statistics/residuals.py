"""Residuals of stars and exposures about each other: what a page of one star or exposure shows."""

import warnings

import numpy as np

N_TURNS = 4  # the second already takes out what missing fluxes leave


def log_residuals(flux: np.ndarray) -> np.ndarray:
    """ln F less what all stars of an exposure share, and less what a star always has.

    Medians of exposures and of stars are taken out by turns (median polish, Tukey 1977): clouds and the
    brightness of a star cancel, and one bad star or exposure moves no median.

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
        for _ in range(N_TURNS):
            log = log - np.nanmedian(log, axis=1, keepdims=True)
            log = log - np.nanmedian(log, axis=0)
    return np.asarray(log)

"""Paired tests: the same ratios under two conditions in the same nights (AO against no AO, ...)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from pipeline.statistics.fluxes import Fluxes
from pipeline.statistics.trend_tests import holm

MIN_NIGHTS = 5  # with both conditions: fewer, and there is no number


@dataclass(frozen=True)
class PairedDifference:
    """ln(F1/F2) under the first condition less that under the second; arrays have shape (pair,)."""

    pairs: tuple[tuple[int, int], ...]
    n_nights: np.ndarray
    difference: np.ndarray  # mean over nights; NaN: fewer than five nights
    err: np.ndarray  # 1 sigma, from the scatter between nights
    low95: np.ndarray
    high95: np.ndarray
    p: np.ndarray  # two-sided, Student's t with n_nights - 1 degrees of freedom
    p_adjusted: np.ndarray  # Holm over the pairs


def paired_difference(
    fluxes: Fluxes,
    first: np.ndarray,
    second: np.ndarray,
    pairs: Sequence[tuple[int, int]],
) -> PairedDifference:
    """Differences of pairs between two conditions, night by night.

    What changes from night to night cancels, and so does the ratio's own value.

    Parameters
    ----------
    fluxes : Fluxes
    first, second : ndarray of bool, shape (exposure,)
        Exposures under the one and under the other condition.
    pairs : sequence of (star_1, star_2)

    Examples
    --------
    >>> ao = fluxes.modes == "WFM-AO-N"  # doctest: +SKIP
    >>> found = paired_difference(fluxes, ao, ~ao, [(2, 22)])  # doctest: +SKIP
    """
    i, j = (fluxes.columns(pair[side] for pair in pairs) for side in (0, 1))
    usable = fluxes.usable & (fluxes.flux > 0)
    log = np.where(usable, np.log(np.where(usable, fluxes.flux, 1.0)), np.nan)
    return _summary(
        tuple(pairs), nightly_differences(fluxes.nights, log[:, i] - log[:, j], first, second)
    )


def nightly_differences(
    nights: np.ndarray, values: np.ndarray, first: np.ndarray, second: np.ndarray
) -> np.ndarray:
    """(night, series) mean of the one condition less that of the other; NaN without both.

    Parameters
    ----------
    nights : ndarray, shape (exposure,)
    values : ndarray, shape (exposure, series)
        NaN: missing.
    first, second : ndarray of bool, shape (exposure,)
    """
    rows = []
    for night in np.unique(nights):
        means = []
        for condition in (first, second):
            chosen = values[condition & (nights == night)]
            n = np.count_nonzero(np.isfinite(chosen), axis=0)
            with np.errstate(invalid="ignore"):
                means.append(np.nansum(chosen, axis=0) / n)
        rows.append(means[0] - means[1])
    return np.array(rows).reshape(-1, values.shape[1])


def _summary(pairs: tuple[tuple[int, int], ...], differences: np.ndarray) -> PairedDifference:
    n = np.count_nonzero(np.isfinite(differences), axis=0)
    enough = n >= MIN_NIGHTS
    dof = np.maximum(n - 1, 1)
    mean = np.where(enough, np.nansum(differences, axis=0) / np.maximum(n, 1), np.nan)
    square = np.nansum((differences - mean) ** 2, axis=0)
    err = np.where(enough, np.sqrt(square / dof / np.maximum(n, 1)), np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        p = np.where(enough & (err > 0), 2 * scipy.special.stdtr(dof, -np.abs(mean) / err), np.nan)
    half = scipy.special.stdtrit(dof, 0.975) * err
    return PairedDifference(pairs, n, mean, err, mean - half, mean + half, p, holm(p))

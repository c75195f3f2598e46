"""What must not enter the fit as it is: bad exposures, variable stars, gaps."""

from dataclasses import dataclass, replace

import numpy as np
import scipy

from pipeline.statistics.log_fluxes import LogFluxes
from pipeline.statistics.smoother import Smoother

PRIOR_BAD = 0.01  # one exposure in a hundred; the record of 2019 has 1 in 65
BAD_SCALES = tuple(4.0**k for k in range(1, 6))  # variance of a bad exposure over a good one's
VARIABLE_P = 1e-4  # per campaign: below, a star may get a variance of its own,
VARIABLE_RATIO = 2.5  # if it scatters by this many times what is expected: stars differ somewhat
GAP_ROUNDS = 30
GAP_TOLERANCE = 1e-6
GAP_SEED = 20190427
SECONDS_PER_DAY = 86400


def bad_exposure_probability(chi2: np.ndarray, dof: int) -> np.ndarray:
    """Probability (exposure,) that an exposure is bad, from its chi squared over all stars.

    A good exposure has variance 1 (in units of the median exposure's), a bad one 4, 16, ... 1024
    with equal probability; one in a hundred is bad before one looks.

    Parameters
    ----------
    chi2 : ndarray, shape (exposure,)
        Against the prediction from all other exposures (``Smoother.exposure_chi2``).
    dof : int
        Its degrees of freedom.
    """
    median = float(np.median(chi2))
    expected = dof * (1 - 2 / (9 * dof)) ** 3  # median of chi squared, Wilson & Hilferty
    scaled = chi2 * min(1.0, expected / median) if median > 0 else chi2
    scales = np.array(BAD_SCALES)[:, np.newaxis]
    log_bad = -0.5 * dof * np.log(scales) + 0.5 * scaled * (1 - 1 / scales)
    log_odds = (
        np.log(PRIOR_BAD / (1 - PRIOR_BAD))
        + scipy.special.logsumexp(log_bad, axis=0)
        - np.log(len(scales))
    )
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(log_odds, -700, 700))))


@dataclass(frozen=True)
class StarTest:
    """Scatter of each star against the prediction from all others; arrays have shape (star,)."""

    std: np.ndarray  # ln, root mean square of the residuals
    expected_std: np.ndarray
    p: np.ndarray  # of a chi squared this large
    n: int


def star_test(smoother: Smoother) -> StarTest:
    """Does a star vary by more than photons, jitter and its channel explain?

    The prediction of a star from all others knows nothing of the star's own extra variance, which is
    taken out of what is expected again.
    """
    residual, variance = smoother.star_residuals()
    variance = variance - smoother.extra_variance
    chi2, n = (residual**2 / variance).sum(axis=0), len(residual)
    return StarTest(
        std=np.sqrt((residual**2).mean(axis=0)),
        expected_std=np.sqrt(variance.mean(axis=0)),
        p=np.asarray(scipy.special.chdtrc(n, chi2)),
        n=n,
    )


def excess_variance(smoother: Smoother) -> np.ndarray:
    """(star,) variance to add to the star that varies most, if it does beyond doubt; 0 for the others.

    A variable star raises what all others are expected to do: one star a call, the fit in between.
    """
    found = star_test(smoother)
    ratio = np.where(smoother.extra_variance > 0, 0.0, found.std / found.expected_std)
    worst = int(np.argmax(ratio))
    added = np.zeros(len(found.p))
    if found.p[worst] * len(found.p) < VARIABLE_P and ratio[worst] > VARIABLE_RATIO:
        added[worst] = found.std[worst] ** 2
    return added


def fill_gaps(smoother: Smoother, logs: LogFluxes) -> np.ndarray:
    """ln F (exposure, star) with each gap drawn from its prediction from all measured points.

    Seeds are the star and the time, so that the order of the fluxes means nothing. Drawn values
    carry the scatter that measured ones have, so that variances are neither lowered nor raised; what
    they seem to add in precision is of the order of the share of gaps.
    """
    if not logs.gap.any():
        return logs.value
    value = logs.value
    variance = np.ones_like(value)
    for _ in range(GAP_ROUNDS):
        residual, variance = replace(smoother, logs=replace(logs, value=value)).point_residuals()
        step = np.where(logs.gap, residual, 0.0)
        value = value - 0.7 * step
        if np.abs(step).max() < GAP_TOLERANCE:
            break
    filled = value.copy()
    for row, column in np.argwhere(logs.gap).tolist():
        second = int(logs.mjd[row] * SECONDS_PER_DAY)
        draw = np.random.default_rng([GAP_SEED, int(logs.star_ids[column]), second])
        filled[row, column] += np.sqrt(variance[row, column]) * draw.standard_normal()
    return filled

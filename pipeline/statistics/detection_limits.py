"""Does a light curve vary, by how much, and what variation would have been found?

Null hypothesis: the covariance of the light curve of a constant star, whose variances are known by
their posterior only. The p-value of chi squared is averaged over that posterior (a posterior predictive
p-value), as is the likelihood of a variation of standard deviation s, independent from exposure to
exposure, that is added to the covariance.
"""

from collections.abc import Callable

import numpy as np
import scipy

from pipeline.statistics.light_curves import LightCurve, PrincipalAxes

POWER = 0.95  # of a variation that is said to have been detectable
STD_GRID = np.concatenate([[0.0], np.geomspace(1e-4, 3.0, 160)])  # of ln
N_HALVINGS = 60


def p_constant(curve: LightCurve, std: float = 0.0) -> float:
    """Probability that a constant star has so large a chi squared.

    Parameters
    ----------
    curve : LightCurve
    std : float
        Standard deviation of ln F, independent from exposure to exposure, that the flux of the star has
        beyond photons and instrument.
    """
    return float(
        np.mean([scipy.special.chdtrc(curve.dof, one.chi2(std)) for one in curve.posterior])
    )


def variation(curve: LightCurve) -> tuple[float, float, float]:
    """Median and 68 % interval of the standard deviation of ln F that the star itself adds.

    Restricted likelihood, flat prior in the standard deviation.
    """
    log_like = scipy.special.logsumexp([_log_likelihood(one) for one in curve.posterior], axis=0)
    density = np.exp(log_like - log_like.max())
    width = np.gradient(STD_GRID)
    cumulative = np.cumsum(density * width)
    low, median, high = np.interp([0.16, 0.5, 0.84], cumulative / cumulative[-1], STD_GRID)
    return float(median), float(low), float(high)


def _log_likelihood(one: PrincipalAxes) -> np.ndarray:
    """ln of the restricted likelihood at each standard deviation of ``STD_GRID``."""
    variance = one.variance + STD_GRID[:, np.newaxis] ** 2
    return np.asarray(-0.5 * (np.log(variance) + one.score**2 / variance).sum(axis=1))


def detectable_std(curve: LightCurve, level: float) -> float:
    """Standard deviation of ln F, from exposure to exposure, that is found in 95 of 100 cases.

    Chi squared then is a weighted sum of chi squared variates, taken for a scaled one of the same mean
    and variance (Satterthwaite 1946, Biometrics Bulletin 2, 110).

    Parameters
    ----------
    level : float
        p-value below which a star is called variable.
    """
    variance = _typical_variance(curve)
    threshold = float(scipy.special.chdtri(curve.dof, level))

    def power(std: float) -> float:
        factor = 1 + std**2 / variance
        scale = float((factor**2).sum() / factor.sum())
        return float(scipy.special.chdtrc(factor.sum() / scale, threshold / scale))

    return _smallest(power)


def detectable_change(curve: LightCurve, mjd: np.ndarray, level: float) -> float:
    """Change of ln F from the first to the second half of the exposures that is found in 95 of 100 cases.

    Parameters
    ----------
    mjd : ndarray, shape (exposure,)
        Times of the light curve's points.
    level : float
        p-value below which a change counts as found.
    """
    step = (mjd > np.median(mjd)).astype(float)
    information = [((one.axes.T @ step) ** 2 / one.variance).sum() for one in curve.posterior]
    mean = float(np.mean(information))
    if not mean > 0:
        return np.nan
    return float((scipy.special.ndtri(1 - level / 2) + scipy.special.ndtri(POWER)) / np.sqrt(mean))


def _typical_variance(curve: LightCurve) -> np.ndarray:
    """(contrast,) variances of the mean covariance of the posterior, in its own axes."""
    axes = curve.posterior[0].axes
    inner = [axes.T @ one.axes for one in curve.posterior]
    mean = np.mean(
        [(m * one.variance) @ m.T for m, one in zip(inner, curve.posterior, strict=True)], axis=0
    )
    return np.asarray(np.maximum(np.linalg.eigvalsh(mean), 1e-20))


def _smallest(power: Callable[[float], float]) -> float:
    """The smallest standard deviation with ``POWER``; infinite if even 300 % is not found."""
    low, high = 0.0, float(STD_GRID[-1])
    if power(high) < POWER:
        return np.inf
    for _ in range(N_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if power(middle) >= POWER else (middle, high)
    return high

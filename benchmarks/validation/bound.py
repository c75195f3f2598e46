"""Cramer-Rao bound of the floor: what the best unbiased estimator could reach."""

import numpy as np

from pipeline.statistics.campaigns import Scenario
from pipeline.statistics.fluxes import Fluxes
from pipeline.statistics.kernels import same_night, slow_correlation, window_factor
from pipeline.statistics.likelihood import star_contrasts, star_modes, time_contrasts, time_design
from pipeline.statistics.log_fluxes import log_fluxes


def floor_bound(fluxes: Fluxes, truth: Scenario) -> float:
    """Standard deviation of the floor from the inverse of the Fisher information at the truth.

    Free: the variances of slow, night, exposure and jitter, and tau where there is slow drift.
    I_ab = tr(V^-1 V_a V^-1 V_b) / 2, V the covariance of time and star contrasts. NaN without a
    floor, where the variance of its root is not defined.
    """
    if truth.floor == 0:
        return float("nan")
    logs = log_fluxes(fluxes)
    contrasts = time_contrasts(time_design(logs))
    lag = np.abs(logs.mjd[:, np.newaxis] - logs.mjd)
    slow = slow_correlation(lag, truth.tau_days)
    kernels = {
        "slow": slow,
        "night": same_night(logs.nights),
        "exposure": np.eye(len(lag)),
        "tau": truth.slow**2 * slow * lag / truth.tau_days**2,
    }
    kernels = {name: contrasts.T @ kernel @ contrasts for name, kernel in kernels.items()}
    if truth.slow == 0:
        del kernels["tau"]
    total = truth.slow**2 * kernels["slow"] + truth.night**2 * kernels["night"]
    value, vector = np.linalg.eigh(total)
    rotated = {name: vector.T @ kernel @ vector for name, kernel in kernels.items()}
    stars = star_modes(
        star_contrasts(len(logs.stars)), logs.gram, logs.star_variance + truth.jitter**2
    )
    gamma = np.maximum(stars.gamma, 0.0)
    channel = value + truth.exposure**2
    inverse = 1.0 / (1.0 + channel[:, np.newaxis] * gamma)  # (time, star)
    information = _information(rotated, inverse, gamma, stars.vector.T @ stars.vector)
    scale = 1.0 / np.sqrt(np.diag(information))  # variances and days differ by ten orders
    # a direction that no data tell apart (exposure and jitter of single stars) is left out
    covariance = np.linalg.pinv(information * np.outer(scale, scale), rcond=1e-9, hermitian=True)
    covariance = covariance * np.outer(scale, scale)
    factor = float(window_factor(truth.tau_days))
    step = 1e-4 * truth.tau_days
    slope = float(window_factor(truth.tau_days + step) - window_factor(truth.tau_days - step))
    gradient = {"slow": factor, "tau": truth.slow**2 * slope / (2 * step)}
    vector_gradient = np.array([gradient.get(name, 1.0) for name in [*rotated, "jitter"]])
    variance = float(vector_gradient @ covariance @ vector_gradient)  # of floor^2 / 2
    return float(np.sqrt(variance)) / truth.floor


def _information(
    kernels: dict[str, np.ndarray], inverse: np.ndarray, gamma: np.ndarray, jitter: np.ndarray
) -> np.ndarray:
    """Fisher information of the kernels' variances and of the jitter (last)."""
    names = list(kernels)
    information = np.empty((len(names) + 1,) * 2)
    weight = (inverse * gamma) @ (inverse * gamma).T  # (time, time)
    for a, first in enumerate(names):
        for b, second in enumerate(names):
            information[a, b] = 0.5 * (weight * kernels[first] * kernels[second]).sum()
        diagonal = np.diag(kernels[first]) @ (inverse**2 * gamma)
        information[a, -1] = information[-1, a] = 0.5 * float(diagonal @ np.diag(jitter))
    overlap = inverse.T @ inverse  # (star, star)
    information[-1, -1] = 0.5 * float((overlap * jitter**2).sum())
    return information

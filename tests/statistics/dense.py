"""The stability model written out: covariance of all (exposure, star) values at once."""

import numpy as np
from scipy.linalg import null_space

from pipeline.statistics.kernels import same_night, slow_correlation
from pipeline.statistics.log_fluxes import LogFluxes
from pipeline.statistics.smoother import Variances


def channel_covariance(logs: LogFluxes, v: Variances) -> np.ndarray:
    """(exposure, exposure) covariance of one channel."""
    slow = slow_correlation(logs.mjd[:, np.newaxis] - logs.mjd, v.tau_days)
    n = len(logs.mjd)
    return v.slow * slow + v.night * same_night(logs.nights) + v.exposure * np.eye(n)


def covariance(logs: LogFluxes, v: Variances) -> np.ndarray:
    """Covariance of ln F, exposures the slow index."""
    noise = np.diag(logs.star_variance + v.jitter)
    return np.kron(channel_covariance(logs, v), logs.gram) + np.kron(np.eye(len(logs.mjd)), noise)


def free_terms(logs: LogFluxes) -> np.ndarray:
    """Columns of the star and the exposure terms."""
    n, m = logs.value.shape
    star = np.kron(np.ones((n, 1)), np.eye(m))
    return np.hstack([star, np.kron(np.eye(n), np.ones((m, 1)))])


def log_likelihood(logs: LogFluxes, v: Variances) -> float:
    """Restricted ln L up to a constant, from contrasts orthogonal to the free terms."""
    contrasts = null_space(free_terms(logs).T)
    reduced = contrasts.T @ covariance(logs, v) @ contrasts
    data = contrasts.T @ logs.value.ravel()
    _, log_det = np.linalg.slogdet(reduced)
    return float(-0.5 * (log_det + data @ np.linalg.solve(reduced, data)))


def projector(logs: LogFluxes, v: Variances) -> np.ndarray:
    """V^-1 - V^-1 X (X' V^-1 X)^+ X' V^-1: what becomes of data when the free terms are fitted."""
    contrasts = null_space(free_terms(logs).T)
    reduced = contrasts.T @ covariance(logs, v) @ contrasts
    return contrasts @ np.linalg.solve(reduced, contrasts.T)

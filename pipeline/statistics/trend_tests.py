"""Lines in time against the stationary covariance of the whole campaign, and their p-values.

Every ratio has the covariance that the stability model found for all of them: slow drift, night,
exposure, photons, jitter. A slow drift looks like a line for a while; the test asks for more than
that. The covariance is fitted beside a free line in each star (restricted likelihood), so that a
line does not hide in it. Slopes and p-values are averaged over the posterior of the covariance, so that not knowing
the time scale of the drift is part of the error.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from pipeline.statistics.kernels import DAYS_PER_YEAR
from pipeline.statistics.likelihood import time_design, time_modes
from pipeline.statistics.posterior import Nodes, posterior
from pipeline.statistics.smoother import Variances
from pipeline.statistics.stability import Stability

LEAST_WEIGHT = 0.005  # of the posterior: rarer covariances are left out
CHUNK = 2000  # series at a time


@dataclass(frozen=True)
class Trends:
    """Generalised least squares lines; arrays have shape (series,)."""

    per_year: np.ndarray  # ln per Julian year
    err: np.ndarray  # 1 sigma
    p: np.ndarray  # two-sided; null hypothesis: no line


def covariances(nodes: Nodes) -> Iterator[tuple[float, Variances]]:
    """The posterior as a few sets of variances with weights that sum to 1, the likeliest first.

    One for each (tau, share of the night) on the grid, with the mean amplitudes there.
    """
    total = nodes.slow + nodes.night
    with np.errstate(invalid="ignore", divide="ignore"):
        rho = np.where(total > 0, nodes.night / total, 1.0)
    keys = np.column_stack([np.round(nodes.tau_days, 6), np.round(rho, 9)])
    _, group = np.unique(keys, axis=0, return_inverse=True)
    group = group.ravel()
    weight = np.bincount(group, nodes.weight)
    means = [
        np.bincount(group, nodes.weight * values) / weight
        for values in (nodes.slow, nodes.night, nodes.exposure, nodes.jitter, nodes.tau_days)
    ]
    kept = np.flatnonzero(weight >= min(LEAST_WEIGHT, weight.max()))
    kept = kept[np.argsort(-weight[kept], kind="stable")]
    for k in kept.tolist():
        yield float(weight[k] / weight[kept].sum()), Variances(*(float(mean[k]) for mean in means))


def pair_trends(stability: Stability, first: np.ndarray, second: np.ndarray) -> Trends:
    """Line through ln(F1/F2) of pairs of stars of the fit.

    Parameters
    ----------
    stability : Stability
    first, second : ndarray of int, shape (pair,)
        Columns of ``stability.logs``.
    """
    logs = stability.logs
    nodes = posterior(
        logs, extra_variance=stability.extra_variance, free=stability.free, lines=True
    )
    share = logs.share
    channel = ((share[first] - share[second]) ** 2).sum(axis=1)
    own = logs.star_variance + stability.extra_variance
    noise = own[first] + own[second]
    n = len(first)
    slope, square, p = np.zeros(n), np.zeros(n), np.zeros(n)
    design = time_design(logs)
    years = logs.mjd / DAYS_PER_YEAR
    for weight, variances in covariances(nodes):
        modes = time_modes(design, variances.tau_days, variances.rho)
        lam = variances.correlated * modes.value + variances.exposure
        line = modes.vector.T @ (years - years.mean())
        rotated = modes.vector.T @ logs.value
        for start in range(0, n, CHUNK):
            part = slice(start, start + CHUNK)
            data = rotated[:, first[part]] - rotated[:, second[part]]
            variance = lam[:, np.newaxis] * channel[part]
            variance += noise[part] + 2 * variances.jitter
            scaled = line[:, np.newaxis] / variance
            information = np.maximum(line @ scaled, 1e-300)
            found = (scaled * data).sum(axis=0) / information
            slope[part] += weight * found
            square[part] += weight * (found**2 + 1 / information)
            p[part] += weight * 2 * ndtr(-np.abs(found) * np.sqrt(information))
    return Trends(slope, np.sqrt(np.maximum(square - slope**2, 0.0)), np.minimum(p, 1.0))


def holm(p: np.ndarray) -> np.ndarray:
    """p-values after Holm (1979, Scand. J. Statist. 6, 65): family-wise over all that are not NaN.

    Parameters
    ----------
    p : ndarray, shape (test,)
        NaN: not tested.
    """
    tested = np.flatnonzero(np.isfinite(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    factor = np.arange(len(order), 0, -1)
    adjusted = np.full(len(p), np.nan)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * factor), 1.0)
    return adjusted

"""Lines in time against the stationary covariance of the whole campaign, and their p-values.

Every ratio has the covariance that the stability model found for all of them: slow drift, night,
exposure, photons, jitter. A slow drift looks like a line for a while; the test asks for more than
that. The covariance is fitted beside a free line in each star (restricted likelihood), so that a
line does not hide in it. Slopes and p-values are averaged over the posterior of the covariance, so
that not knowing the time scale of the drift is part of the error.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy

from pipeline.statistics.kernels import DAYS_PER_YEAR
from pipeline.statistics.likelihood import time_design, time_kernel, time_modes
from pipeline.statistics.log_fluxes import LogFluxes
from pipeline.statistics.nodes import Nodes
from pipeline.statistics.posterior import posterior
from pipeline.statistics.smoother import Variances
from pipeline.statistics.stability import Stability

LEAST_WEIGHT = 0.005  # of the posterior: rarer covariances are left out
CHUNK = 2000  # series at a time
ONE_SIGMA = 0.6827  # of a normal distribution within its standard deviation
HALVINGS = 20  # of the bracket of an error: to 2e-6 of it


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
    sets = list(covariances(nodes))
    gaps = np.asarray(logs.gap.any(axis=0))
    complete = np.asarray(~(gaps[first] | gaps[second]))
    own = logs.star_variance + stability.extra_variance
    result = np.empty((3, len(first)))
    for chosen, lines in ((complete, _complete_lines), (~complete, _lines_with_gaps)):
        rows = np.flatnonzero(chosen)
        for start in range(0, len(rows), CHUNK):
            row = rows[start : start + CHUNK]
            pairs = _Pairs(
                first[row],
                second[row],
                ((logs.share[first[row]] - logs.share[second[row]]) ** 2).sum(axis=1),
                own[first[row]] + own[second[row]],
            )
            result[:, row] = _averaged(sets, [lines(logs, pairs, v) for _, v in sets])
    return Trends(*result)


@dataclass(frozen=True)
class _Pairs:
    """Columns of two stars, how much of a channel's variance their ratio has, and its noise."""

    first: np.ndarray
    second: np.ndarray
    channel: np.ndarray
    noise: np.ndarray


Lines = tuple[np.ndarray, np.ndarray]  # slopes and their variances, (pair,)


def _complete_lines(logs: LogFluxes, pairs: _Pairs, variances: Variances) -> Lines:
    """Pairs of stars without a gap: independent numbers on the time modes."""
    modes = time_modes(time_design(logs), variances.tau_days, variances.rho)
    lam = variances.correlated * modes.value + variances.exposure
    line = modes.vector.T @ _years(logs)
    rotated = modes.vector.T @ logs.value
    data = rotated[:, pairs.first] - rotated[:, pairs.second]
    variance = lam[:, np.newaxis] * pairs.channel + pairs.noise + 2 * variances.jitter
    scaled = line[:, np.newaxis] / variance
    information = np.maximum(line @ scaled, 1e-300)
    return (scaled * data).sum(axis=0) / information, 1 / information


def _lines_with_gaps(logs: LogFluxes, pairs: _Pairs, variances: Variances) -> Lines:
    """Pairs with gaps, from the exposures that have both stars, one by one."""
    design = time_design(logs)
    kernel = variances.correlated * time_kernel(design, variances.tau_days, variances.rho)
    kernel = kernel + variances.exposure * np.eye(len(kernel))
    constants = (logs.modes[:, np.newaxis] == np.unique(logs.modes)).astype(float)
    slope, variance = np.full((2, len(pairs.first)), np.nan)
    for k, (i, j) in enumerate(zip(pairs.first, pairs.second, strict=True)):
        used = ~(logs.gap[:, i] | logs.gap[:, j])
        columns = constants[used][:, constants[used].any(axis=0)]
        if np.count_nonzero(used) < columns.shape[1] + 2:
            continue
        covariance = pairs.channel[k] * kernel[np.ix_(used, used)]
        covariance += (pairs.noise[k] + 2 * variances.jitter) * np.eye(len(covariance))
        model = np.column_stack([columns, _years(logs)[used]])
        data = (logs.value[:, i] - logs.value[:, j])[used]
        solved = np.linalg.solve(covariance, np.column_stack([model, data]))
        inverse = np.linalg.pinv(model.T @ solved[:, :-1])
        slope[k] = (inverse @ (model.T @ solved[:, -1]))[-1]
        variance[k] = inverse[-1, -1]
    return slope, variance


def _years(logs: LogFluxes) -> np.ndarray:
    years: np.ndarray = (logs.mjd - logs.mjd.mean()) / DAYS_PER_YEAR
    return years


def _averaged(sets: list[tuple[float, Variances]], lines: list[Lines]) -> np.ndarray:
    """Slope, error and p-value (3, pair), averaged over the covariances.

    The error is half of the central 68 % about the mean slope: a mixture of narrow and wide
    distributions has long tails, and its standard deviation would be wider than that.
    """
    weight = np.array([w for w, _ in sets])
    slope, variance = (np.array([line[k] for line in lines]) for k in (0, 1))
    sigma = np.sqrt(variance)
    p = weight @ (2 * scipy.special.ndtr(-np.abs(slope) / sigma))
    mean = weight @ slope
    low, high = np.zeros(len(mean)), 2 * (sigma + np.abs(slope - mean)).max(axis=0)
    for _ in range(HALVINGS):
        half = (low + high) / 2
        inside = scipy.special.ndtr((mean + half - slope) / sigma) - scipy.special.ndtr(
            (mean - half - slope) / sigma
        )
        wide = weight @ inside > ONE_SIGMA
        low, high = np.where(wide, low, half), np.where(wide, half, high)
    return np.array([mean, (low + high) / 2, np.minimum(p, 1.0)])


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

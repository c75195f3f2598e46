"""Structure function: by how much a ratio changes over hours, days, months."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from pipeline.statistics.kernels import slow_correlation
from pipeline.statistics.nodes import Nodes
from pipeline.statistics.stability import Stability

# from an hour to a year: within a night below half a day
LAG_EDGES_DAYS = (0.0, 0.05, 0.15, 0.5, 1.5, 4.0, 10.0, 20.0, 40.0, 80.0, 160.0, 400.0)
MIN_POINTS = 10  # pairs of exposures in a bin: fewer, and there is no number
MAX_LOAD = 0.2  # of a star whose sky follows its channel: such a star shows more than the channel
MIN_CHANNELS = 4  # the error comes from the scatter over channels


@dataclass(frozen=True)
class StructureFunction:
    """Standard deviation of the change of ln(F1/F2), photons removed; arrays (bin,), NaN: too few."""

    lag_days: np.ndarray  # median lag of the bin
    n: np.ndarray  # pairs of exposures
    std: np.ndarray  # of the difference of two ln ratios, noiseless stars on two channels
    std_err: np.ndarray  # jackknife over channels
    model_std: np.ndarray  # the fit's
    model_low: np.ndarray  # 68 %
    model_high: np.ndarray


def structure_function(stability: Stability) -> StructureFunction:
    """Measured and fitted structure function of the ratio of two noiseless stars.

    Of each star, ln F less the mean over all stars (weighted by their noise); squared differences of
    two exposures of one mode, less twice the photon variance, averaged over stars by how well each
    knows it, times two for two stars. Where one mode has too few pairs of exposures, those of two modes
    count as well, each mode about its own mean: a night often has one exposure of each. A bin needs
    ten pairs of exposures and four channels. A lag of 0 is one night whose times are not known.
    """
    logs = stability.logs
    weight = 1.0 / (stability.smoother.noise + stability.smoother.variances.exposure)
    weight = weight / weight.sum()
    star = logs.value - (logs.value @ weight)[:, np.newaxis]
    star = star - _mode_means(star, logs.modes)
    used = (stability.extra_variance == 0) & (np.abs(logs.load - 1) < MAX_LOAD)
    first, second = np.triu_indices(len(logs.mjd), 1)
    same_mode = logs.modes[first] == logs.modes[second]
    lag = np.abs(logs.mjd[first] - logs.mjd[second])
    home = logs.home
    # a star is part of the mean: (1 - w)^2 of its own variance is left, w^2 of each other's
    own = (1 - weight) ** 2
    photons = logs.star_variance
    noise = own * photons + weight**2 @ photons - weight**2 * photons
    shrink = own + (weight**2).sum() - weight**2
    scale = stability.floor**2 / 2
    rows = []
    for low, high in pairwise(LAG_EDGES_DAYS):
        inside = (lag > low) & (lag <= high) | (lag == 0) & (low == 0)
        if np.count_nonzero(inside & same_mode) >= MIN_POINTS:
            inside = inside & same_mode
        middle = float(np.median(lag[inside])) if inside.any() else np.nan
        change = star[first[inside]] - star[second[inside]]
        rows.append((middle, len(change), *_bin(change**2, noise, shrink, home, used, scale)))
    columns = np.array(rows).T
    model = [_model(stability.nodes, lag_days) for lag_days in columns[0]]
    return StructureFunction(
        columns[0], columns[1].astype(int), columns[2], columns[3], *np.array(model).T
    )


def _mode_means(values: np.ndarray, modes: np.ndarray) -> np.ndarray:
    """(exposure, star) mean of each star over the exposures of the same mode."""
    means = np.empty_like(values)
    for mode in np.unique(modes):
        means[modes == mode] = values[modes == mode].mean(axis=0)
    return means


def _bin(
    square: np.ndarray,
    noise: np.ndarray,
    shrink: np.ndarray,
    home: np.ndarray,
    used: np.ndarray,
    scale: float,
) -> tuple[float, float]:
    """Standard deviation and error of one bin of lags, from squared changes (pair, star)."""
    held = np.unique(home[used])
    if len(square) < MIN_POINTS or len(held) < MIN_CHANNELS:
        return np.nan, np.nan
    excess = (square.mean(axis=0) - 2 * noise) / shrink
    # a variance of x is known to x^2: faint stars count for little
    weight = np.where(used, 1.0 / (scale + noise / shrink) ** 2, 0.0)
    sums = np.array([[weight[home == k].sum(), (weight * excess)[home == k].sum()] for k in held])
    total = sums.sum(axis=0)
    variance = 2 * total[1] / total[0]  # two stars
    left_out = 2 * (total[1] - sums[:, 1]) / (total[0] - sums[:, 0])
    n = len(held)
    error = np.sqrt((n - 1) / n * ((left_out - left_out.mean()) ** 2).sum())
    std = float(np.sqrt(max(variance, 0.0)))
    return std, float(error / (2 * std) if std > 0 else np.sqrt(error))


def _model(n: Nodes, lag_days: float) -> tuple[float, float, float]:
    """The fit's structure function at a lag: median and 68 % interval."""
    if not np.isfinite(lag_days):
        return np.nan, np.nan, np.nan
    channel = n.slow * (1 - slow_correlation(lag_days, n.tau_days)) + n.exposure
    channel = channel + (n.night if lag_days >= 0.5 else 0.0)
    std = np.sqrt(4 * (channel + n.jitter))
    low, middle, high = n.quantile(std, np.array([0.16, 0.5, 0.84])).tolist()
    return middle, low, high

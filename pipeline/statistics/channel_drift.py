"""Does a channel drift? Null hypothesis: no slow term of this channel, night and exposure as all have."""

from dataclasses import dataclass

import numpy as np
import scipy

from pipeline.statistics.channel_series import channel_series, series_covariance
from pipeline.statistics.kernels import slow_correlation
from pipeline.statistics.stability import Stability
from pipeline.statistics.trend_tests import holm


@dataclass(frozen=True)
class ChannelDrift:
    """Score test of a slow term, channel by channel; arrays have shape (channel,)."""

    channels: np.ndarray  # numbers
    drift_p: np.ndarray
    drift_p_adjusted: np.ndarray  # Holm over the channels


def channel_drift(stability: Stability) -> ChannelDrift:
    """p-values of slow = 0 for each channel.

    The score of the slow variance, a quadratic form in the channel's series, is compared with a gamma
    distribution of its mean and variance under the null hypothesis (Zhang & Lin 2003, Biostatistics
    4, 57). Its time scale is that of the fit.
    """
    logs, variances = stability.logs, stability.smoother.variances
    series = channel_series(logs, variances, stability.extra_variance)
    contrasts = scipy.linalg.null_space(series.constants.T)
    lag = logs.mjd[:, np.newaxis] - logs.mjd
    slow = contrasts.T @ slow_correlation(lag, variances.tau_days) @ contrasts
    p = np.empty(len(series.channels))
    for column in range(len(p)):
        null = series_covariance(logs, series, column, variances, own_slow=False)
        reduced = contrasts.T @ null @ contrasts
        inverse = np.linalg.inv(reduced)
        data = inverse @ (contrasts.T @ series.value[:, column])
        score = float(data @ slow @ data)
        product = inverse @ slow
        mean, variance = float(np.trace(product)), 2 * float((product * product.T).sum())
        p[column] = scipy.special.gammaincc(mean**2 / variance, score * mean / variance)
    return ChannelDrift(series.channels, p, holm(p))

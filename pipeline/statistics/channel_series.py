"""Series of single channels against all others, with their covariance: what tests of a channel use."""

from dataclasses import dataclass

import numpy as np

from pipeline.statistics.likelihood import time_design, time_kernel
from pipeline.statistics.log_fluxes import LogFluxes
from pipeline.statistics.smoother import Variances


@dataclass(frozen=True)
class ChannelSeries:
    """ln response of each channel less a weighted mean of the other channels."""

    channels: np.ndarray  # (channel,) numbers
    mjd: np.ndarray  # (exposure,)
    nights: np.ndarray  # (exposure,)
    value: np.ndarray  # (exposure, channel)
    noise: np.ndarray  # (channel,) variance of one exposure: photons and jitter of all that enters
    others: np.ndarray  # (channel,) sum of the squares of the weights of the other channels
    constants: np.ndarray  # (exposure, mode) one column per instrument mode


def channel_series(
    logs: LogFluxes, variances: Variances, extra_variance: np.ndarray
) -> ChannelSeries:
    """The series of all channels; a star counts for the channel that holds most of it.

    Stars of a channel are weighted by their noise, the other channels by noise and exposure term:
    so the reference is as quiet as it can be.
    """
    home = logs.home
    channel = variances.correlated + variances.exposure
    unlike = (logs.load - 1) ** 2 * channel  # sky in its aperture follows the channel as well
    star_weight = 1.0 / (logs.star_variance + variances.jitter + extra_variance + unlike)
    n_channels = logs.share.shape[1]
    held = np.flatnonzero(np.bincount(home, minlength=n_channels) > 0)
    member = (home[:, np.newaxis] == held) * star_weight[:, np.newaxis]
    noise = 1.0 / member.sum(axis=0)
    value = (logs.value - logs.value.mean(axis=0)) @ (member * noise)
    weight = 1.0 / (noise + variances.exposure + variances.correlated)
    other = np.where(np.eye(len(held), dtype=bool), 0.0, weight)  # (channel, other)
    other = other / other.sum(axis=1, keepdims=True)
    modes = np.unique(logs.modes)
    return ChannelSeries(
        channels=logs.channels[held],
        mjd=logs.mjd,
        nights=logs.nights,
        value=value - value @ other.T,
        noise=noise + other**2 @ noise,
        others=(other**2).sum(axis=1),
        constants=(logs.modes[:, np.newaxis] == modes).astype(float),
    )


def series_covariance(
    logs: LogFluxes,
    series: ChannelSeries,
    column: int,
    variances: Variances,
    *,
    own_slow: bool = True,
) -> np.ndarray:
    """(exposure, exposure) covariance of one series; ``own_slow=False``: its channel does not drift.

    The other channels always drift as the model says.
    """
    design = time_design(logs)
    night = variances.night * time_kernel(design, variances.tau_days, 1.0)
    slow = variances.slow * time_kernel(design, variances.tau_days, 0.0)
    fast = night + variances.exposure * np.eye(len(night))
    own = fast + slow if own_slow else fast
    noise = series.noise[column] * np.eye(len(night))
    covariance: np.ndarray = own + series.others[column] * (fast + slow) + noise
    return covariance

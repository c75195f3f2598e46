"""Steps of single channels: a scan over channels and dates, family-wise, and what it would find."""

from dataclasses import dataclass, replace

import numpy as np
import scipy

from pipeline.statistics.channel_series import ChannelSeries, channel_series, series_covariance
from pipeline.statistics.log_fluxes import LogFluxes
from pipeline.statistics.nodes import Nodes
from pipeline.statistics.posterior import posterior
from pipeline.statistics.smoother import Variances
from pipeline.statistics.stability import Stability

MIN_SIDE = 3  # exposures before and after a step
LEVEL = 0.05  # family-wise over channels and dates
N_DRAWS = 4000  # of the largest |z| without a step: 0.3 % error of the 5 % level
SEED = 1


@dataclass(frozen=True)
class StepScan:
    """Steps between exposures, in time; arrays have shape (date, channel) unless said else."""

    channels: np.ndarray  # (channel,)
    mjd_before: np.ndarray  # (date,) last exposure before the step
    mjd_after: np.ndarray  # (date,)
    step: np.ndarray  # ln, relative to the other channels
    step_err: np.ndarray
    threshold: float  # of |step / step_err|, family-wise 5 %
    p: float  # of the largest |z|, over all channels and dates

    @property
    def found(self) -> tuple[int, int] | None:
        """Row and column of the largest |z|, None if it is below the threshold."""
        z = np.abs(self.step / self.step_err)
        row, column = np.unravel_index(int(np.argmax(z)), z.shape)
        return (int(row), int(column)) if z[row, column] > self.threshold else None

    def smallest(self, power: float = 0.95) -> np.ndarray:
        """(date, channel) size of a step that is found with a probability."""
        size: np.ndarray = (self.threshold + float(scipy.special.ndtri(power))) * self.step_err
        return size


def scan_steps(stability: Stability) -> StepScan:
    """The scan of a fit.

    The covariance is fitted without the channel that steps most at first sight, so that a step does
    not hide in the scatter that it causes. The threshold is the 95 % quantile of the largest |z| of
    simulated campaigns with that covariance and no step.

    Raises
    ------
    ValueError
        If fewer than six exposures or three channels are in the fit.
    """
    logs = stability.logs
    if len(logs.mjd) < 2 * MIN_SIDE or logs.share.shape[1] < 3:
        raise ValueError(
            f"{len(logs.mjd)} exposures, {logs.share.shape[1]} channels: "
            f"a step needs {2 * MIN_SIDE} exposures and 3 channels"
        )
    variances = _best(stability.nodes)
    series = channel_series(logs, variances, stability.extra_variance)
    z = np.array([_channel(logs, series, k, variances)[0] for k in range(len(series.channels))])
    worst = int(np.argmax(np.abs(z).max(axis=1)))
    variances = _best(_without(stability, int(series.channels[worst])))
    series = channel_series(logs, variances, stability.extra_variance)
    step, err, largest = [], [], np.zeros(N_DRAWS)
    rng = np.random.default_rng(SEED)
    for column in range(len(series.channels)):
        z_column, err_column, correlation = _channel(logs, series, column, variances)
        step.append(z_column * err_column)
        err.append(err_column)
        value, vector = np.linalg.eigh(correlation)
        scaled = vector * np.sqrt(np.maximum(value, 0.0))
        drawn = rng.standard_normal((N_DRAWS, len(value))) @ scaled.T
        largest = np.maximum(largest, np.abs(drawn).max(axis=1))
    observed = float(np.abs(np.array(step) / np.array(err)).max())
    cuts = _cuts(logs)
    return StepScan(
        channels=series.channels,
        mjd_before=logs.mjd[cuts - 1],
        mjd_after=logs.mjd[cuts],
        step=np.array(step).T,
        step_err=np.array(err).T,
        threshold=float(np.quantile(largest, 1 - LEVEL)),
        p=float((np.count_nonzero(largest >= observed) + 1) / (N_DRAWS + 1)),
    )


def _cuts(logs: LogFluxes) -> np.ndarray:
    """Numbers of the first exposures after each possible step; exposures are sorted in time."""
    return np.arange(MIN_SIDE, len(logs.mjd) - MIN_SIDE + 1)


def _channel(
    logs: LogFluxes, series: ChannelSeries, column: int, variances: Variances
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """z, error of the step, and correlation of z over the dates, for one channel."""
    covariance = series_covariance(logs, series, column, variances)
    steps = (np.arange(len(logs.mjd))[:, np.newaxis] >= _cuts(logs)).astype(float)
    inverse = np.linalg.inv(covariance)
    weighted = inverse @ series.constants
    projector = inverse - weighted @ np.linalg.solve(series.constants.T @ weighted, weighted.T)
    scored = projector @ steps
    information = np.maximum((steps * scored).sum(axis=0), 1e-300)
    z = (scored.T @ series.value[:, column]) / np.sqrt(information)
    correlation = (steps.T @ scored) / np.sqrt(np.outer(information, information))
    return z, 1 / np.sqrt(information), correlation


def _best(nodes: Nodes) -> Variances:
    """The likeliest variances: a posterior mean of a slow term that is not there costs power."""
    best = int(np.argmax(nodes.log_like))
    names = ("slow", "night", "exposure", "jitter", "tau_days")
    return Variances(*(float(getattr(nodes, name)[best]) for name in names))


def _without(stability: Stability, channel: int) -> Nodes:
    """Posterior from the stars of all other channels."""
    logs = stability.logs
    kept = logs.home != int(np.flatnonzero(logs.channels == channel)[0])
    free = stability.free[kept] if stability.free is not None else None
    return posterior(
        select_stars(logs, kept), extra_variance=stability.extra_variance[kept], free=free
    )


def select_stars(logs: LogFluxes, kept: np.ndarray) -> LogFluxes:
    """Log fluxes of some stars (mask)."""
    return replace(
        logs,
        stars=logs.stars[kept],
        star_ids=logs.star_ids[kept],
        value=logs.value[:, kept],
        variance=logs.variance[:, kept],
        gap=logs.gap[:, kept],
        share=logs.share[kept],
        gram=logs.gram[np.ix_(kept, kept)],
        load=logs.load[kept],
    )

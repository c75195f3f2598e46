"""Best linear unbiased prediction of channel terms, and leave-one-out residuals, for fixed variances.

Everything follows from V^-1 lnF, where V is the covariance of the contrasts (``likelihood``). In the
basis of time modes i it is P_i x_i with P_i = U diag(1 / (1 + lambda_i gamma)) U', so nothing larger
than (star, star) is ever solved. Robinson (1991, Statist. Sci. 6, 15) for the predictor; the residual
of what is left out is (V^-1 y) / (V^-1), block by block.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pipeline.statistics.kernels import slow_correlation
from pipeline.statistics.likelihood import (
    StarModes,
    TimeModes,
    star_contrasts,
    star_modes,
    time_design,
    time_modes,
)
from pipeline.statistics.log_fluxes import LogFluxes


@dataclass(frozen=True)
class Variances:
    """One set of parameters: variances of ln of a channel (three) and of a star, tau in days."""

    slow: float
    night: float
    exposure: float
    jitter: float
    tau_days: float

    @property
    def correlated(self) -> float:
        """Slow and night together."""
        return self.slow + self.night

    @property
    def rho(self) -> float:
        """Share of the night in slow and night."""
        return self.night / self.correlated if self.correlated > 0 else 1.0


@dataclass(frozen=True)
class Smoother:
    """Log fluxes with a set of variances."""

    logs: LogFluxes
    variances: Variances
    extra_variance: np.ndarray  # (star,)
    free: np.ndarray | None = None  # (star, term) free in each exposure besides a constant

    @cached_property
    def noise(self) -> np.ndarray:
        """(star,) variance of one exposure of a star that no channel causes."""
        noise: np.ndarray = self.logs.star_variance + self.variances.jitter + self.extra_variance
        return noise

    @cached_property
    def time(self) -> TimeModes:
        """Time modes of slow and night."""
        return time_modes(time_design(self.logs), self.variances.tau_days, self.variances.rho)

    @cached_property
    def stars(self) -> StarModes:
        """Star modes of the noise."""
        contrasts = star_contrasts(len(self.logs.stars), self.free)
        return star_modes(contrasts, self.logs.gram, self.noise)

    @cached_property
    def channel_variance(self) -> np.ndarray:
        """(time mode,) variance of a channel."""
        value: np.ndarray = self.variances.correlated * self.time.value + self.variances.exposure
        return value

    @cached_property
    def inverse(self) -> np.ndarray:
        """(time mode, star mode) 1 / variance of the data."""
        inverse: np.ndarray = 1.0 / (1.0 + self.channel_variance[:, np.newaxis] * self.stars.gamma)
        return inverse

    @cached_property
    def scores(self) -> np.ndarray:
        """(time mode, star mode) data over their variance."""
        rotated = self.time.vector.T @ self.logs.value
        scores: np.ndarray = (rotated @ self.stars.vector) * self.inverse
        return scores

    @cached_property
    def weighted(self) -> np.ndarray:
        """(exposure, star) V^-1 lnF."""
        weighted: np.ndarray = self.time.vector @ self.scores @ self.stars.vector.T
        return weighted

    @cached_property
    def precision(self) -> np.ndarray:
        """(exposure, star) diagonal of V^-1."""
        per_mode = self.inverse @ (self.stars.vector**2).T
        precision: np.ndarray = self.time.vector**2 @ per_mode
        return precision

    def point_residuals(self) -> tuple[np.ndarray, np.ndarray]:
        """ln F of each point less its prediction from all others, and the variance of that."""
        variance = 1.0 / np.maximum(self.precision, 1e-300)
        return self.weighted * variance, variance

    def star_residuals(self) -> tuple[np.ndarray, np.ndarray]:
        """(time mode, star) ln F of each star less its prediction from all other stars, variance."""
        variance = 1.0 / (self.inverse @ (self.stars.vector**2).T)
        return (self.scores @ self.stars.vector.T) * variance, variance

    def exposure_chi2(self) -> np.ndarray:
        """(exposure,) chi squared of all stars against the prediction from all other exposures.

        Degrees of freedom: the number of star modes.
        """
        projected = self.time.vector @ self.scores
        precision = self.time.vector**2 @ self.inverse
        chi2: np.ndarray = (projected**2 / precision).sum(axis=1)
        return chi2

    def predict_channels(self, mjd: np.ndarray, nights: np.ndarray, modes: np.ndarray) -> "Courses":
        """Slow and night terms of all channels at any times, relative to their campaign's mean."""
        v, logs = self.variances, self.logs
        cross = v.slow * slow_correlation(mjd[:, np.newaxis] - logs.mjd, v.tau_days)
        cross = cross + v.night * (nights[:, np.newaxis] == logs.nights)
        own = v.slow * slow_correlation(logs.mjd[:, np.newaxis] - logs.mjd, v.tau_days)
        own = own + v.night * (logs.nights[:, np.newaxis] == logs.nights)
        same_mode = (modes[:, np.newaxis] == logs.modes).astype(float)
        same_mode[~same_mode.any(axis=1)] = 1.0  # a mode never seen: relative to all exposures
        mean = same_mode / same_mode.sum(axis=1, keepdims=True)
        weight = (cross - mean @ own) @ self.time.vector
        prior = v.correlated - 2 * (mean * cross).sum(axis=1) + ((mean @ own) * mean).sum(axis=1)
        return self._courses(weight, prior)

    def channel_courses(self) -> "Courses":
        """Slow, night and exposure terms of all channels in the exposures of the fit."""
        weight = self.time.vector * self.channel_variance
        prior = self.time.vector**2 @ self.channel_variance
        return self._courses(weight, prior)

    def _courses(self, weight: np.ndarray, prior: np.ndarray) -> "Courses":
        """Channel terms relative to the mean channel.

        Parameters
        ----------
        weight : ndarray, shape (time, time mode)
            Covariance of a channel's term with the channel on the time modes.
        prior : ndarray, shape (time,)
            Variance of the term without data.
        """
        share = self.logs.share
        n_channels = share.shape[1]
        relative = np.eye(n_channels) - 1.0 / n_channels
        channel_modes = relative @ share.T @ self.stars.vector  # (channel, star mode)
        value = weight @ self.scores @ channel_modes.T
        removed = weight**2 @ self.inverse @ (channel_modes**2).T
        variance = prior[:, np.newaxis] * (1 - 1.0 / n_channels) - removed
        return Courses(value, np.sqrt(np.maximum(variance, 0.0)))


@dataclass(frozen=True)
class Courses:
    """Terms of channels (time, channel), ln, relative to the mean channel, and their errors."""

    value: np.ndarray
    err: np.ndarray

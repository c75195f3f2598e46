"""How differently channels and slices respond, as a function of time; the mean response is 1.

A channel's response is 1 plus a slow drift, a deviation of each night and a deviation of each
exposure. A slice's is 1 plus a deviation of each night, which real calibrations show almost only in
the first and last slice of each stack of twelve (four ILLUM exposures of 2014: rows 2 to 11 repeat to
0.013 %, rows 1 and 12 move by percents, row 12 of all four stacks together).
"""

from dataclasses import dataclass

import numpy as np

from pipeline.config.settings import SimulationSettings
from pipeline.muse.geometry import N_CHANNELS, N_SLICES, N_STACKS, SLICES_PER_STACK
from pipeline.simulation.draws import stream

DRIFT_PERIOD_DAYS = 365.25
_DRIFT_MODES = 60  # down to six days
INNER_SLICE_STD = 1.2e-4  # rows 2 to 11 of a stack
FIRST_ROW_SHARE = 0.4  # of what row 12 does: -0.92 to +0.40 % against -0.94 to +2.13 %
COMMON_SHARE = 0.9  # correlation of row 12 over the channels in one night


@dataclass(frozen=True)
class ChannelResponse:
    """Responses of channels and slices.

    The slow drift is a Fourier series with the year as its period, random in phase and amplitude,
    whose power follows that of an Ornstein-Uhlenbeck process of the given time scale. Its mean over
    any year is 0 and its rms over any year is exactly ``slow_std``; consequently it repeats after a
    year. Deviations of nights and exposures are independent normal deviates. With all standard
    deviations 0 every response is exactly 1.
    """

    seed: int
    slow_std: float = 0.0  # of a channel, relative
    timescale_days: float = 60.0
    night_std: float = 0.0  # of a channel, one draw a night
    exposure_std: float = 0.0  # of a channel, one draw an exposure
    slice_edge_std: float = 0.0  # of the last slice of a stack, one draw a night

    @classmethod
    def from_settings(cls, settings: SimulationSettings) -> "ChannelResponse":
        """The responses that the settings ask for."""
        return cls(
            settings.seed,
            settings.drift_std,
            settings.drift_timescale_days,
            settings.night_std,
            settings.exposure_std,
            settings.slice_edge_std,
        )

    def channels(self, mjd: float) -> np.ndarray:
        """Response of the channels, shape (24,)."""
        response = 1 + self.slow_std * self._series(mjd, "channels", N_CHANNELS)
        response += self.night_std * self._deviates("night", _night(mjd))
        response += self.exposure_std * self._deviates("exposure", f"{mjd:.6f}")
        return np.asarray(response)

    def slices(self, mjd: float) -> np.ndarray:
        """Response of the slices relative to their channel, shape (24, 48)."""
        shape = (N_CHANNELS, N_STACKS, SLICES_PER_STACK)
        if self.slice_edge_std == 0:
            return np.ones((N_CHANNELS, N_SLICES))
        rng = stream(self.seed, "slices", _night(mjd))
        common = np.sqrt(COMMON_SHARE) * rng.standard_normal((2, 1))
        own = np.sqrt(1 - COMMON_SHARE) * rng.standard_normal((2, N_CHANNELS))
        first, last = self.slice_edge_std * (common + own)
        deviation = INNER_SLICE_STD * rng.standard_normal(shape)
        deviation[:, :, 0] = FIRST_ROW_SHARE * first[:, np.newaxis]
        deviation[:, :, -1] = last[:, np.newaxis]
        return np.asarray(1 + deviation.reshape(N_CHANNELS, N_SLICES))

    def _deviates(self, *labels: object) -> np.ndarray:
        return np.asarray(stream(self.seed, "response", *labels).standard_normal(N_CHANNELS))

    def _series(self, mjd: float, what: str, n: int) -> np.ndarray:
        """Values of n independent series of rms 1 at one instant."""
        omega = 2 * np.pi * np.arange(1, _DRIFT_MODES + 1) / DRIFT_PERIOD_DAYS
        power = 1 / (1 + (omega * self.timescale_days) ** 2)
        waves = stream(self.seed, "drift", what).standard_normal((n, 2, _DRIFT_MODES))
        waves *= np.sqrt(power)
        waves /= np.sqrt((waves**2).sum(axis=(1, 2), keepdims=True) / 2)
        return np.asarray(
            (waves[:, 0] * np.cos(omega * mjd) + waves[:, 1] * np.sin(omega * mjd)).sum(axis=1)
        )


def _night(mjd: float) -> int:
    """Number of the night: changes at noon UT."""
    return int(np.floor(mjd - 0.5))

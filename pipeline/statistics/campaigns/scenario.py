"""What varies in a simulated campaign (scenario) and how large it is (configuration)."""

from dataclasses import dataclass

import numpy as np

from pipeline.statistics.kernels import window_factor


@dataclass(frozen=True)
class Scenario:
    """Standard deviations of ln: three of a channel, one of a star; sky left in apertures."""

    slow: float = 0.0
    night: float = 0.0
    exposure: float = 0.0
    jitter: float = 0.0
    tau_days: float = 60.0
    # light added to apertures, in units of the flux of a star of SNR 100
    sky_follows: float = 0.0  # times the channel's response
    sky_white: float = 0.0  # standard deviation, anew in each channel and exposure

    @property
    def floor(self) -> float:
        """The floor of this scenario (definition: ``pipeline.statistics.stability``)."""
        slow = self.slow**2 * float(window_factor(self.tau_days))
        return float(np.sqrt(2 * (slow + self.night**2 + self.exposure**2 + self.jitter**2)))

    @property
    def within_night(self) -> float:
        """sqrt(2 [exposure^2 + jitter^2])."""
        return float(np.sqrt(2 * (self.exposure**2 + self.jitter**2)))


SCENARIOS = {
    "none": Scenario(),
    "white": Scenario(exposure=0.025),
    "night": Scenario(night=0.025),
    "slow20": Scenario(slow=0.025, tau_days=20.0),
    "slow60": Scenario(slow=0.025, tau_days=60.0),
    "slow150": Scenario(slow=0.025, tau_days=150.0),
    "jitter": Scenario(
        jitter=0.003
    ),  # with photons 0.35 % an exposure: what a 1 % step is asked of
    "sky": Scenario(slow=0.025, sky_follows=0.3, sky_white=0.003),
    "sky_night": Scenario(night=0.02, exposure=0.01, sky_follows=0.1, sky_white=0.01),
    "mixed": Scenario(slow=0.015, night=0.015, exposure=0.01, jitter=0.01, tau_days=60.0),
    "mixed20": Scenario(slow=0.025, night=0.01, exposure=0.005, jitter=0.005, tau_days=20.0),
    "mixed150": Scenario(slow=0.03, night=0.01, exposure=0.01, jitter=0.02, tau_days=150.0),
}


@dataclass(frozen=True)
class Configuration:
    """Size of a campaign and its stars' signal-to-noise ratios."""

    n_exposures: int
    n_channels: int
    n_stars: int
    span_days: float = 350.0
    exposures_per_night: float = 1.65  # 64 exposures in 39 nights in the record of 2019
    snr_low: float = 30.0  # of one exposure; log-uniform in between, as in the study's field
    snr_high: float = 800.0

    @property
    def n_nights(self) -> int:
        """Number of nights with at least one exposure."""
        return max(2, round(self.n_exposures / self.exposures_per_night))


CONFIGURATIONS = {
    "40x18": Configuration(40, 12, 18),
    "65x25": Configuration(65, 16, 25),
    "65x40": Configuration(65, 24, 40),
    "150x60": Configuration(150, 24, 60),
    "65x200": Configuration(65, 24, 200),
    "30x16": Configuration(30, 16, 16, snr_low=500.0, snr_high=600.0),
}

"""One campaign of fluxes with its truth, from a seed."""

from dataclasses import dataclass

import numpy as np

from pipeline.statistics.campaigns.scenario import Configuration, Scenario
from pipeline.statistics.fluxes import Fluxes
from pipeline.statistics.kernels import same_night, slow_correlation

START_MJD = 58484.0  # 2019-01-01
HOURS_PER_NIGHT = 8.0
TRANSPARENCY_STD = 0.1  # of ln, per exposure: thin cloud and seeing, common to all stars
REFERENCE_SNR = 100.0  # of the star whose flux is the unit of the sky left in apertures
DATES_SEED = 20190101  # of the dates, which all campaigns of a configuration share


@dataclass(frozen=True)
class FluxCampaign:
    """Fluxes and what they were drawn from."""

    fluxes: Fluxes
    scenario: Scenario
    response: np.ndarray  # (exposure, channel) ln
    slow_and_night: np.ndarray  # (exposure, channel) ln, without the term per exposure


def draw_dates(configuration: Configuration) -> np.ndarray:
    """Modified Julian Dates (exposure,) of a configuration: random nights, uniform in the span."""
    rng = np.random.default_rng([DATES_SEED, configuration.n_exposures])
    n, n_nights = configuration.n_exposures, configuration.n_nights
    span = np.arange(int(configuration.span_days))
    nights = np.sort(rng.choice(span, size=min(n_nights, len(span)), replace=False))
    night = np.concatenate([nights, rng.choice(nights, size=n - len(nights))])
    hours = (rng.random(n) - 0.5) * HOURS_PER_NIGHT / 24
    return np.sort(START_MJD + 1.0 + night + 0.2 + hours)


def draw_campaign(
    scenario: Scenario, configuration: Configuration, seed: int, *, dates: np.ndarray | None = None
) -> FluxCampaign:
    """A campaign of one-channel stars: every channel holds at least one.

    Parameters
    ----------
    scenario, configuration : Scenario, Configuration
    seed : int
    dates : ndarray, shape (exposure,), optional
        Modified Julian Dates instead of ``draw_dates``.
    """
    rng = np.random.default_rng(seed)
    n_channels, n_stars = configuration.n_channels, configuration.n_stars
    mjd = draw_dates(configuration) if dates is None else np.asarray(dates, float)
    n = len(mjd)
    extra = rng.integers(n_channels, size=max(0, n_stars - n_channels))
    channel = rng.permutation(np.concatenate([np.arange(n_channels), extra])[:n_stars])
    low, high = np.log(configuration.snr_low), np.log(configuration.snr_high)
    snr = np.exp(rng.uniform(low, high, n_stars))
    nights = np.floor(mjd - 0.5)
    slow = scenario.slow * _gaussian(
        rng, slow_correlation(mjd[:, np.newaxis] - mjd, scenario.tau_days), n_channels
    )
    night = scenario.night * _gaussian(rng, same_night(nights), n_channels)
    response = slow + night + scenario.exposure * rng.standard_normal((n, n_channels))
    common = TRANSPARENCY_STD * rng.standard_normal(n)
    log_flux = 2 * np.log(snr) + common[:, np.newaxis] + response[:, channel]
    log_flux += scenario.jitter * rng.standard_normal((n, n_stars))
    flux_err = np.exp(log_flux / 2)  # photons
    flux = np.exp(log_flux) + flux_err * rng.standard_normal((n, n_stars))
    sky = scenario.sky_follows * response
    if scenario.sky_white > 0:
        sky = sky + scenario.sky_white * rng.standard_normal((n, n_channels))
    flux = flux + REFERENCE_SNR**2 * sky[:, channel]
    fluxes = Fluxes.from_arrays(flux, flux_err, mjd=mjd, channel=channel + 1)
    return FluxCampaign(fluxes, scenario, response, slow + night)


def _gaussian(rng: np.random.Generator, covariance: np.ndarray, n: int) -> np.ndarray:
    """n independent draws (exposure, n) of a covariance that may be singular."""
    value, vector = np.linalg.eigh(covariance)
    scaled = vector * np.sqrt(np.maximum(value, 0.0))
    drawn: np.ndarray = scaled @ rng.standard_normal((len(covariance), n))
    return drawn

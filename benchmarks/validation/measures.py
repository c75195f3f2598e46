"""One campaign, one row of numbers: what the statistics say, held against the truth."""

import time
from collections.abc import Callable
from itertools import combinations

import numpy as np

from benchmarks.validation.bound import floor_bound
from pipeline.statistics import Fluxes, apply_correction, correction_table, fit_stability
from pipeline.statistics.campaigns import Configuration, Scenario, draw_campaign
from pipeline.statistics.trend_tests import holm, pair_trends

LEVEL = 0.05
LINE_PER_YEAR = 0.15
Row = dict[str, float]


def floor(scenario: Scenario, configuration: Configuration, seed: int) -> Row:
    """The floor with its intervals, the channels' courses, and the time of the fit."""
    campaign = draw_campaign(scenario, configuration, seed)
    start = time.process_time()
    fitted = fit_stability(campaign.fluxes)
    seconds = time.process_time() - start
    low68, high68 = fitted.interval(0.68)
    low95, high95 = fitted.interval(0.95)
    true = _relative(campaign.response[:, fitted.channels - 1])
    used = np.isfinite(fitted.response)
    error = (fitted.response - true)[used]
    return {
        "floor": fitted.floor,
        "low68": low68,
        "high68": high68,
        "low95": low95,
        "high95": high95,
        "bound": floor_bound(campaign.fluxes, scenario),
        "response_rms": float(np.sqrt((error**2).mean())),
        "response_true_rms": float(np.sqrt((true[used] ** 2).mean())),
        "response_slope": float(
            (true[used] @ fitted.response[used]) / (fitted.response[used] ** 2).sum()
        ),
        "response_covered": float((np.abs(error) < fitted.response_err[used]).mean()),
        "n_bad": float(len(fitted.bad_exposures)),
        "cpu_s": seconds,
    }


def trends(scenario: Scenario, configuration: Configuration, seed: int) -> Row:
    """False alarms among pairs without a line, coverage of slopes, and an injected line."""
    campaign = draw_campaign(scenario, configuration, seed)
    fluxes = campaign.fluxes
    slope, err, p, _, _ = _pair_lines(fluxes)
    channel = fluxes.channel[seed % len(fluxes.channel)]
    line = LINE_PER_YEAR * (fluxes.mjd - fluxes.mjd.mean()) / 365.25
    factor = np.exp(line[:, np.newaxis] * (fluxes.channel == channel))
    with_line = Fluxes.from_arrays(
        fluxes.flux * factor, fluxes.flux_err * factor, mjd=fluxes.mjd, channel=fluxes.channel
    )
    _, _, p_line, first, second = _pair_lines(with_line)
    on = (fluxes.channel[first] == channel) != (fluxes.channel[second] == channel)
    adjusted = holm(p_line)
    return {
        "false_alarms": float((p < LEVEL).mean()),
        "family_alarm": float((holm(p) < LEVEL).any()),
        "slopes_covered": float((np.abs(slope) < err).mean()),
        "line_found": float((adjusted[on] < LEVEL).any()),
        "line_found_share": float((adjusted[on] < LEVEL).mean()),
    }


def correction(scenario: Scenario, configuration: Configuration, seed: int) -> Row:
    """Variance of held-out stars that share a channel with a star of the fit, before and after."""
    campaign = draw_campaign(scenario, configuration, seed)
    fluxes, channel = campaign.fluxes, campaign.fluxes.channel
    numbers, counts = np.unique(channel, return_counts=True)
    out = np.array([np.flatnonzero(channel == k)[0] for k in numbers[counts > 1]])
    kept = np.setdiff1d(np.arange(len(channel)), out)
    fitted = fit_stability(
        Fluxes.from_arrays(
            fluxes.flux[:, kept], fluxes.flux_err[:, kept], mjd=fluxes.mjd, channel=channel[kept]
        )
    )
    share = np.eye(configuration.n_channels)[channel - 1]
    table = correction_table(fitted, mjd=fluxes.mjd)
    corrected, _ = apply_correction(
        fluxes.flux, fluxes.flux_err, channel_share=share, correction=table
    )
    true = fluxes.flux / np.exp(campaign.slow_and_night[:, channel - 1])
    return {
        "before": _scatter(fluxes.flux[:, out]),
        "after": _scatter(corrected[:, out]),
        "with_truth": _scatter(true[:, out]),
    }


MEASURES: dict[str, Callable[[Scenario, Configuration, int], Row]] = {
    "floor": floor,
    "trends": trends,
    "correction": correction,
}


def _relative(response: np.ndarray) -> np.ndarray:
    relative = response - response.mean(axis=1, keepdims=True)
    centred: np.ndarray = relative - relative.mean(axis=0)
    return centred


def _scatter(flux: np.ndarray) -> float:
    """Variance of ln F about the mean of the stars in each exposure, summed over stars."""
    log = np.log(flux)
    return float((log - log.mean(axis=1, keepdims=True)).var(axis=0).sum())


def _pair_lines(fluxes: Fluxes) -> tuple[np.ndarray, ...]:
    fitted = fit_stability(fluxes)
    first, second = np.array(list(combinations(range(len(fitted.logs.stars)), 2))).T
    found = pair_trends(fitted, first, second)
    stars = fitted.logs.stars
    return found.per_year, found.err, found.p, stars[first], stars[second]

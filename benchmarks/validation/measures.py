"""One campaign, one row of numbers: what the statistics say, held against the truth."""

import time
from collections.abc import Callable
from itertools import combinations

import numpy as np

from benchmarks.validation.bound import floor_bound
from pipeline.statistics import Fluxes, apply_correction, correction_table, fit_stability
from pipeline.statistics.campaigns import Configuration, Scenario, draw_campaign
from pipeline.statistics.kernels import same_night, slow_correlation
from pipeline.statistics.steps import MIN_SIDE, scan_steps
from pipeline.statistics.trend_tests import holm, pair_trends
from pipeline.statistics.variability import variability

LEVEL = 0.05
LINE_PER_YEAR = 0.15
VARIABLE_STD, VARIABLE_SEED = 0.2, 71
STEP, STEP_SEED = 0.01, 72
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
        "additive": float(fitted.additive is not None),
        "cpu_s": seconds,
    }


def trends(scenario: Scenario, configuration: Configuration, seed: int) -> Row:
    """False alarms among pairs without a line, and coverage of slopes; a line where it must be found."""
    fluxes = draw_campaign(scenario, configuration, seed).fluxes
    slope, err, p, _, _ = _pair_lines(fluxes)
    row = {
        "false_alarms": float((p < LEVEL).mean()),
        "family_alarm": float((holm(p) < LEVEL).any()),
        "slopes_covered": float((np.abs(slope) < err).mean()),
    }
    if scenario.slow > 0:
        return row  # a drift of months hides a line, and should
    channel = fluxes.channel[seed % len(fluxes.channel)]
    line = LINE_PER_YEAR * (fluxes.mjd - fluxes.mjd.mean()) / 365.25
    factor = np.exp(line[:, np.newaxis] * (fluxes.channel == channel))
    with_line = Fluxes.from_arrays(
        fluxes.flux * factor, fluxes.flux_err * factor, mjd=fluxes.mjd, channel=fluxes.channel
    )
    _, _, p_line, first, second = _pair_lines(with_line)
    on = (fluxes.channel[first] == channel) != (fluxes.channel[second] == channel)
    return row | {"line_found": float((holm(p_line)[on] < LEVEL).any())}


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


def variables(scenario: Scenario, configuration: Configuration, seed: int) -> Row:
    """Stars called variable where none is, and a star of 20 % beside constant ones."""
    fluxes = draw_campaign(scenario, configuration, seed).fluxes
    false = np.asarray(variability(fluxes)["flag"]) == "variable"
    star = seed % len(fluxes.star_ids)
    factor = np.ones(fluxes.flux.shape)
    rng = np.random.default_rng([VARIABLE_SEED, seed])
    factor[:, star] = np.exp(VARIABLE_STD * rng.standard_normal(len(factor)))
    with_variable = Fluxes.from_arrays(
        fluxes.flux * factor, fluxes.flux_err * factor, mjd=fluxes.mjd, channel=fluxes.channel
    )
    named = np.asarray(variability(with_variable)["flag"]) == "variable"
    return {
        "false_alarm": float(false.any()),
        "named": float(named[star]),
        "others_named": float(np.delete(named, star).any()),
    }


def steps(scenario: Scenario, configuration: Configuration, seed: int) -> Row:
    """Steps found where none is, and one of 1 % in one channel at a random exposure."""
    fluxes = draw_campaign(scenario, configuration, seed).fluxes
    none = scan_steps(fit_stability(fluxes))
    rng = np.random.default_rng([STEP_SEED, seed])
    cut = int(rng.integers(MIN_SIDE, len(fluxes.mjd) - MIN_SIDE + 1))
    channel = int(rng.choice(fluxes.channel))
    after = np.arange(len(fluxes.mjd)) >= cut
    factor = np.exp(STEP * (after[:, np.newaxis] & (fluxes.channel == channel)))
    with_step = Fluxes.from_arrays(
        fluxes.flux * factor, fluxes.flux_err * factor, mjd=fluxes.mjd, channel=fluxes.channel
    )
    scan = scan_steps(fit_stability(with_step))
    found = scan.found is not None and int(scan.channels[scan.found[1]]) == channel
    return {
        "false_alarm": float(none.found is not None),
        "found": float(found),
        "smallest_middle": float(np.median(none.smallest()[len(none.mjd_after) // 2])),
        "smallest_edge": float(np.median(none.smallest()[0])),
    }


def prediction(scenario: Scenario, configuration: Configuration, seed: int) -> Row:
    """Pairs of stars that did not enter the fit: their scatter against what was predicted.

    Held out: a fifth of the stars. The sampling error of a pair's scatter, which drift makes larger
    than that of n independent points, follows from the true covariance.
    """
    campaign = draw_campaign(scenario, configuration, seed)
    fluxes = campaign.fluxes
    out = np.arange(len(fluxes.star_ids)) % 5 == seed % 5
    fitted = fit_stability(
        Fluxes.from_arrays(
            fluxes.flux[:, ~out],
            fluxes.flux_err[:, ~out],
            mjd=fluxes.mjd,
            channel=fluxes.channel[~out],
        )
    )
    snr = np.median(fluxes.flux / fluxes.flux_err, axis=0)
    log, held, hits = np.log(fluxes.flux), np.flatnonzero(out), []
    for i, j in combinations(held.tolist(), 2):
        same = bool(fluxes.channel[i] == fluxes.channel[j])
        predicted = fitted.predict(snr[i], snr[j], same_channel=same)
        photons = 1 / snr[i] ** 2 + 1 / snr[j] ** 2
        mean, relative = _expected_variance(scenario, fluxes, photons, same)
        yearly = photons + 2 * scenario.jitter**2 + (0.0 if same else _channel_variance(scenario))
        measured = float((log[:, i] - log[:, j]).var(ddof=1)) * yearly / mean  # as over a year
        error = relative / 2  # of ln of the standard deviation
        low = np.log(predicted.std) - np.hypot(np.log(predicted.std / predicted.low), 1.96 * error)
        high = np.log(predicted.std) + np.hypot(
            np.log(predicted.high / predicted.std), 1.96 * error
        )
        hits.append(low <= np.log(measured) / 2 <= high)
    return {"covered_95": float(np.mean(hits))}


def _channel_variance(scenario: Scenario) -> float:
    return scenario.floor**2 - 2 * scenario.jitter**2


def _expected_variance(
    scenario: Scenario, fluxes: Fluxes, photons: float, same_channel: bool
) -> tuple[float, float]:
    """Expected sample variance of a ratio at these dates, and its relative standard deviation."""
    n = len(fluxes.mjd)
    covariance = (photons + 2 * scenario.jitter**2) * np.eye(n)
    if not same_channel:
        lag = fluxes.mjd[:, np.newaxis] - fluxes.mjd
        covariance += 2 * scenario.slow**2 * slow_correlation(lag, scenario.tau_days)
        covariance += 2 * scenario.night**2 * same_night(fluxes.nights)
        covariance += 2 * scenario.exposure**2 * np.eye(n)
    centred = covariance - covariance.mean(axis=0)
    centred = centred - centred.mean(axis=1, keepdims=True)
    mean = float(np.trace(centred))
    return mean / (n - 1), float(np.sqrt(2 * (centred**2).sum())) / mean


MEASURES: dict[str, Callable[[Scenario, Configuration, int], Row]] = {
    "floor": floor,
    "trends": trends,
    "correction": correction,
    "variables": variables,
    "steps": steps,
    "prediction": prediction,
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

"""Steps, drifting channels, structure function, paired tests, best window: exact cases first."""

import numpy as np
import pytest

from pipeline.statistics import (
    Fluxes,
    channel_drift,
    fit_stability,
    paired_difference,
    scan_steps,
    stability_table,
    structure_function,
)
from pipeline.statistics.best_window import best_window
from pipeline.statistics.campaigns import CONFIGURATIONS, SCENARIOS, draw_campaign
from pipeline.statistics.channel_series import channel_series
from pipeline.statistics.channel_tests import channel_tests_table, step_power_table
from pipeline.statistics.model_tables import reported_values
from pipeline.statistics.paired import nightly_differences
from pipeline.statistics.smoother import Variances

FIRST_SEED = 3_400_000


def _step(size: float, cut: int, channel: int) -> Fluxes:
    fluxes = draw_campaign(SCENARIOS["jitter"], CONFIGURATIONS["30x16"], FIRST_SEED).fluxes
    after = np.arange(30) >= cut
    factor = np.exp(size * (after[:, np.newaxis] & (fluxes.channel == channel)))
    return Fluxes.from_arrays(
        fluxes.flux * factor, fluxes.flux_err * factor, mjd=fluxes.mjd, channel=fluxes.channel
    )


def test_a_step_of_1_percent_is_found_in_its_channel_at_its_date() -> None:
    scan = scan_steps(fit_stability(_step(0.01, 14, 5)))
    assert scan.found is not None
    row, column = scan.found
    assert scan.channels[column] == 5
    assert abs(row + 3 - 14) <= 2  # the first date has three exposures before it
    assert scan.step[row, column] == pytest.approx(0.01, abs=3 * scan.step_err[row, column])
    assert scan.p < 0.01


def test_without_a_step_none_is_found_and_the_smallest_is_stated() -> None:
    scan = scan_steps(fit_stability(_step(0.0, 14, 5)))
    assert scan.found is None
    middle, edge = scan.smallest()[12], scan.smallest()[0]
    # 0.35 % and its part in 15 others, 15 against 15 exposures, 3.6 + 1.64 sigma; 3 against 27
    expected = 0.0035 * np.sqrt(16 / 15) * np.sqrt(2 / 15) * (scan.threshold + 1.645)
    assert np.median(middle) == pytest.approx(expected, rel=0.15)
    assert np.median(edge / middle) == pytest.approx(np.sqrt((1 / 3 + 1 / 27) / (2 / 15)), rel=0.1)
    assert scan.smallest(0.5).max() < scan.smallest(0.95).max()


def test_a_step_needs_three_channels() -> None:
    fluxes = draw_campaign(SCENARIOS["jitter"], CONFIGURATIONS["30x16"], FIRST_SEED).fluxes
    two = Fluxes.from_arrays(
        fluxes.flux, fluxes.flux_err, mjd=fluxes.mjd, channel=fluxes.channel % 2 + 1
    )
    with pytest.raises(ValueError, match="3 channels"):
        scan_steps(fit_stability(two))


def test_drift_is_seen_where_it_is_and_not_where_channels_change_from_night_to_night() -> None:
    """Night: 64 tests at 5 %, at most 5 % + 3 SE; slow drift of 2.5 %: all 16 channels."""
    alarms = []
    for k in range(4):
        campaign = draw_campaign(SCENARIOS["night"], CONFIGURATIONS["65x25"], FIRST_SEED + k)
        alarms.extend(channel_drift(fit_stability(campaign.fluxes)).drift_p < 0.05)
    assert np.mean(alarms) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 64)
    campaign = draw_campaign(SCENARIOS["slow60"], CONFIGURATIONS["65x25"], FIRST_SEED)
    found = channel_drift(fit_stability(campaign.fluxes))
    assert found.channels.tolist() == list(range(1, 17))
    assert (found.drift_p_adjusted < 0.05).mean() > 0.8


def test_a_channel_is_compared_with_the_mean_of_the_others() -> None:
    """Stars without noise to speak of: the series is the response less the mean of the others."""
    campaign = draw_campaign(SCENARIOS["night"], CONFIGURATIONS["65x25"], FIRST_SEED)
    fitted = fit_stability(campaign.fluxes)
    equal = Variances(0.0, 1.0, 0.0, 0.0, 60.0)  # channels count alike
    series = channel_series(fitted.logs, equal, np.zeros(25))
    true = campaign.response - campaign.response.mean(axis=0)
    expected = true[:, 0] - true[:, 1:].mean(axis=1)
    scatter = np.sqrt(series.noise[0])
    assert (series.value[:, 0] - expected).std() < 2 * scatter
    assert series.others[0] == pytest.approx(1 / 15, rel=0.01)


@pytest.mark.slow
def test_the_structure_function_rises_from_hours_to_months_as_the_truth_does() -> None:
    scenario = SCENARIOS["slow60"]
    measured = [
        structure_function(
            fit_stability(draw_campaign(scenario, CONFIGURATIONS["150x60"], FIRST_SEED + k).fluxes)
        )
        for k in range(2)
    ]
    for found in measured:
        true = np.sqrt(4) * scenario.slow * np.sqrt(1 - np.exp(-found.lag_days / 60.0))
        known = np.isfinite(found.std) & (found.lag_days > 3)
        assert known.sum() >= 5
        # 24 channels whose courses have few independent stretches: 15 % is three sigma
        np.testing.assert_allclose(found.std[known], true[known], rtol=0.2)
        assert (found.model_low <= found.model_high).all()


def test_bins_of_the_structure_function_with_too_few_pairs_have_no_number() -> None:
    campaign = draw_campaign(SCENARIOS["night"], CONFIGURATIONS["40x18"], FIRST_SEED)
    found = structure_function(fit_stability(campaign.fluxes))
    assert np.isnan(found.std[found.n < 10]).all()
    assert (found.n < 10).any()


def test_paired_differences_by_hand() -> None:
    nights = np.array(["a", "a", "b", "b", "c"])
    first = np.array([True, False, True, False, True])
    values = np.array([[3.0], [1.0], [5.0], [2.0], [9.0]])
    found = nightly_differences(nights, values, first, ~first)
    np.testing.assert_allclose(found, [[2.0], [3.0], [np.nan]])


def test_an_offset_of_a_mode_is_measured_and_too_few_nights_give_no_number() -> None:
    rng = np.random.default_rng(5)
    night = np.repeat(np.arange(20), 2)
    ao = np.tile([True, False], 20)
    ratio = 0.03 * rng.standard_normal(20)[night] + 0.019 * ao + 0.005 * rng.standard_normal(40)
    flux = np.column_stack([np.exp(ratio), np.ones(40), np.ones(40)])
    flux[10:, 2] = np.nan  # five nights are left; three where the second is missing, too
    flux[0:4:2, 2] = np.nan
    fluxes = Fluxes.from_arrays(flux, 0.01 * flux, mjd=58484.2 + night + 0.01 * ao)
    found = paired_difference(fluxes, ao, ~ao, [(1, 2), (1, 3)])
    assert found.n_nights.tolist() == [20, 3]
    assert found.difference[0] == pytest.approx(0.019, abs=3 * found.err[0])
    assert found.err[0] == pytest.approx(0.005 * np.sqrt(2 / 20), rel=0.5)  # 3 sigma of 19 numbers
    assert found.p_adjusted[0] < 0.001
    assert np.isnan([found.difference[1], found.err[1], found.p[1]]).all()


def test_the_best_window_holds_the_line_and_chance_finds_windows_too() -> None:
    rng = np.random.default_rng(6)
    mjd = 58484.2 + 7.0 * np.arange(30)
    nights = np.char.zfill(np.arange(30).astype(str), 2)
    covariance = 4e-4 * np.eye(30)
    noise = 0.02 * rng.standard_normal(30)
    chance = best_window(mjd, nights, noise, covariance)
    assert chance.p > 0.01
    assert abs(chance.z) > 1.96  # the best of hundreds: its own z says nothing
    line = noise + np.where(mjd > mjd[12], (mjd - mjd[12]) / 365.25 * 0.6, 0.0)
    found = best_window(mjd, nights, line, covariance)
    assert found.p < 0.005
    assert found.slope_per_year == pytest.approx(0.6, rel=0.4)


def test_a_window_needs_nights() -> None:
    with pytest.raises(ValueError, match="3 nights"):
        best_window(np.arange(3.0), np.array(["a", "b", "c"]), np.zeros(3), np.eye(3))


def test_the_table_of_the_fit_holds_each_quantity_with_its_intervals() -> None:
    campaign = draw_campaign(SCENARIOS["mixed"], CONFIGURATIONS["65x25"], FIRST_SEED)
    fitted = fit_stability(campaign.fluxes)
    table = stability_table(fitted)
    floor = table[table["quantity"] == "floor"][0]
    assert floor["value"] == fitted.floor
    assert (floor["low95"], floor["high95"]) == fitted.interval(0.95)
    assert (table["low95"] <= table["low68"]).all()
    assert (table["low68"] <= table["value"]).all()
    assert (table["value"] <= table["high68"]).all()
    assert (table["high68"] <= table["high95"]).all()
    assert table["unit"][table["quantity"] == "tau_days"].tolist() == ["d"]


def test_a_jitter_that_no_two_stars_tell_from_the_exposure_term_has_no_value() -> None:
    """One star on each channel: what is of the star and what is of its channel is one term."""
    rng = np.random.default_rng(FIRST_SEED)
    flux = 1e6 * np.exp(0.01 * rng.standard_normal((30, 8)))
    mjd, channel = 58500.2 + 3 * np.arange(30), np.arange(1, 9)
    fitted = fit_stability(Fluxes.from_arrays(flux, 1e-3 * flux, mjd=mjd, channel=channel))
    table = stability_table(fitted)
    (jitter,) = table[table["quantity"] == "jitter"]
    assert all(np.isnan(jitter[name]) for name in ("value", "low68", "high68", "low95", "high95"))
    reported = {value.key for value in reported_values(fitted, "a test")}
    assert "stability_floor" in reported
    assert "star_jitter" not in reported


def test_the_table_names_the_channel_that_stepped_and_the_step_that_would_be_found() -> None:
    """A step of 3 % in mid-campaign, ten times its error, in the last but one of 16 channels."""
    fluxes = _step(0.03, 15, 15)
    fit = fit_stability(fluxes)
    table = channel_tests_table(fit, scan_steps(fit))
    assert table["channel"][table["step_found"]].tolist() == [15]
    row = table[table["channel"] == 15][0]
    assert row["step"] == pytest.approx(0.03, abs=4 * row["step_err"])
    assert row["mjd_after"].value == pytest.approx(fluxes.mjd[15])
    others = table[table["channel"] != 15]  # its own star counts as variable, and is believed less
    assert (others["smallest_step"] < 0.02).all()
    assert (others["smallest_step"] > 3 * table["step_err"].min()).all()


def test_the_power_curve_passes_95_in_100_at_the_smallest_step() -> None:
    scan = scan_steps(fit_stability(_step(0.0, 14, 5)))
    table = step_power_table(scan)
    step = np.asarray(table["step"])
    middle = np.sort(scan.smallest(0.95)[len(scan.mjd_before) // 2])
    for name, smallest in (
        ("power_best", middle[0]),
        ("power_median", middle[(len(middle) - 1) // 2]),
        ("power_worst", middle[-1]),
    ):
        power = np.asarray(table[name])
        assert np.interp(smallest, step, power) == pytest.approx(0.95, abs=0.005)
        assert (np.diff(power) >= 0).all()
        # without a step, one channel at one date is called far less often than all at all dates
        assert power[0] < 0.05

"""The stability model on campaigns whose truth is known, and on what can go wrong."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.statistics import Fluxes, Stability, fit_stability
from pipeline.statistics.campaigns import (
    CONFIGURATIONS,
    SCENARIOS,
    Configuration,
    draw_campaign,
)
from pipeline.statistics.kernels import window_factor
from pipeline.statistics.log_fluxes import TooFewFluxes
from pipeline.statistics.nodes import Nodes

FIRST_SEED = 3_000_000  # neither tuned on (from 10^6 to 3 10^6) nor part of the validation (from 0)
RECORD = CONFIGURATIONS["65x25"]


def _one_node(**variances: float) -> Nodes:
    values = {"slow": 0.0, "night": 0.0, "exposure": 0.0, "jitter": 0.0, "tau_days": 60.0}
    arrays = {name: np.array([value]) for name, value in (values | variances).items()}
    return Nodes(**arrays, weight=np.ones(1), log_like=np.zeros(1), log_like_none=-100.0)


def _with_nodes(nodes: Nodes) -> Stability:
    empty = np.empty(0)
    logs = None  # predictions need the variances alone
    return Stability(logs, nodes, empty, empty)  # type: ignore[arg-type]


def test_the_floor_and_its_parts_follow_from_the_variances() -> None:
    nodes = _one_node(slow=9e-4, night=4e-4, exposure=1e-4, jitter=4e-4, tau_days=100.0)
    found = _with_nodes(nodes)
    slow = 9e-4 * float(window_factor(100.0))
    assert found.floor == pytest.approx(np.sqrt(2 * (slow + 4e-4 + 1e-4 + 4e-4)))
    assert found.within_night == pytest.approx(np.sqrt(2 * (1e-4 + 4e-4)))
    assert found.components.slow == pytest.approx(0.03)
    assert found.components.jitter == pytest.approx(0.02)
    assert found.interval(0.95) == pytest.approx((found.floor, found.floor))


def test_predictions_follow_from_the_variances() -> None:
    nodes = _one_node(slow=9e-4, night=4e-4, exposure=1e-4, jitter=4e-4, tau_days=100.0)
    found, photons = _with_nodes(nodes), 1 / 100**2 + 1 / 50**2
    assert found.predict(np.inf, np.inf).std == pytest.approx(found.floor)
    assert found.predict(100, 50, same_channel=True).std ** 2 == pytest.approx(photons + 2 * 4e-4)
    same_night = found.predict(100, 50, lag_days=0).std ** 2
    assert same_night == pytest.approx(2 * (photons + 2 * (4e-4 + 1e-4)))
    later = 2 * (photons + 2 * (4e-4 + 1e-4 + 4e-4 + 9e-4 * (1 - np.exp(-0.3))))
    assert found.predict(100, 50, lag_days=30).std ** 2 == pytest.approx(later)


@pytest.mark.parametrize("snr", [0.0, -1.0, np.nan])
def test_a_prediction_without_a_positive_snr_is_refused(snr: float) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        _with_nodes(_one_node()).predict(snr, 100)


def test_a_negative_lag_is_refused() -> None:
    with pytest.raises(ValueError, match="lag_days"):
        _with_nodes(_one_node()).predict(10, 100, lag_days=-1)


@pytest.mark.parametrize("n", [10, pytest.param(30, marks=pytest.mark.nightly)])
@pytest.mark.parametrize("name", ["white", "night", "slow60", "mixed"])
def test_intervals_hold_the_true_floor_as_often_as_they_say(name: str, n: int) -> None:
    """Of n campaigns: within 3 binomial standard errors, and the mean within 3 of its own."""
    true = SCENARIOS[name].floor
    fits = [
        fit_stability(draw_campaign(SCENARIOS[name], RECORD, FIRST_SEED + k).fluxes)
        for k in range(n)
    ]
    for level in (0.68, 0.95):
        held = np.mean([low <= true <= high for low, high in (f.interval(level) for f in fits)])
        assert abs(held - level) < 3 * np.sqrt(level * (1 - level) / n)
    floors = np.array([fitted.floor for fitted in fits])
    assert abs(floors.mean() - true) < 3 * floors.std() / np.sqrt(n) + 0.01 * true


@pytest.mark.slow
def test_a_campaign_without_drift_has_a_floor_consistent_with_zero() -> None:
    """At most 5 % + 3 SE of 20 campaigns above two sigma: 4; the floor is far below the photons."""
    above = above_95 = 0
    for k in range(20):
        fitted = fit_stability(draw_campaign(SCENARIOS["none"], RECORD, FIRST_SEED + k).fluxes)
        low, high = fitted.interval(0.68)
        above += fitted.floor > high - low
        above_95 += fitted.interval(0.95)[0] > 0
        assert fitted.floor < 0.002
    assert above <= 20 * 0.05 + 3 * np.sqrt(20 * 0.05 * 0.95)
    assert above_95 <= 20 * 0.05 + 3 * np.sqrt(20 * 0.05 * 0.95)


def test_channel_courses_are_relative_and_near_the_truth() -> None:
    campaign = draw_campaign(SCENARIOS["slow60"], RECORD, FIRST_SEED)
    fitted = fit_stability(campaign.fluxes)
    assert fitted.response.shape == fitted.response_err.shape == (65, 16)
    np.testing.assert_allclose(fitted.response.mean(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(fitted.response.mean(axis=0), 0, atol=1e-12)
    true = campaign.response - campaign.response.mean(axis=1, keepdims=True)
    true -= true.mean(axis=0)
    error = fitted.response - true
    assert np.sqrt((error**2).mean()) < 0.5 * true.std()
    assert (true * fitted.response).sum() / (fitted.response**2).sum() == pytest.approx(1, abs=0.05)
    covered = (np.abs(error) < fitted.response_err).mean()
    assert 0.6 < covered < 0.76  # 1040 numbers, of which some 250 are independent: 0.68 +- 0.03


def test_a_bad_exposure_is_found_and_left_out() -> None:
    campaign = draw_campaign(SCENARIOS["night"], RECORD, FIRST_SEED + 1)
    fluxes = campaign.fluxes
    clean = fit_stability(fluxes)
    flux = fluxes.flux.copy()
    flux[17] *= np.exp(0.2 * np.random.default_rng(1).standard_normal(flux.shape[1]))
    fitted = fit_stability(replace(fluxes, flux=flux, flux_published=flux))
    assert clean.bad_exposures.tolist() == []
    assert fitted.bad_exposures.tolist() == [17]
    assert fitted.bad_probability[17] > 0.99
    assert np.isnan(fitted.response[17]).all()
    assert fitted.floor == pytest.approx(clean.floor, rel=0.03)


@pytest.mark.slow
def test_a_variable_star_does_not_raise_the_floor() -> None:
    campaign = draw_campaign(SCENARIOS["night"], RECORD, FIRST_SEED + 2)
    fluxes = campaign.fluxes
    clean = fit_stability(fluxes)
    flux = fluxes.flux.copy()
    flux[:, 3] *= np.exp(0.2 * np.random.default_rng(1).standard_normal(len(flux)))
    fitted = fit_stability(replace(fluxes, flux=flux, flux_published=flux))
    assert np.flatnonzero(fitted.extra_variance).tolist() == [3]
    assert fitted.floor == pytest.approx(clean.floor, rel=0.05)


def test_gaps_neither_raise_nor_lower_the_floor() -> None:
    """5 % of the points lost: the estimate moves by less than half of its error."""
    campaign = draw_campaign(SCENARIOS["mixed"], RECORD, FIRST_SEED + 3)
    clean = fit_stability(campaign.fluxes)
    flux = campaign.fluxes.flux.copy()
    flux[np.random.default_rng(2).random(flux.shape) < 0.05] = np.nan
    fitted = fit_stability(replace(campaign.fluxes, flux=flux, flux_published=flux))
    low, high = clean.interval(0.68)
    assert abs(fitted.floor - clean.floor) < (high - low) / 4


@pytest.mark.slow
def test_offsets_between_modes_are_no_drift() -> None:
    campaign = draw_campaign(SCENARIOS["none"], RECORD, FIRST_SEED + 4)
    fluxes = campaign.fluxes
    modes = np.resize(["WFM-AO-N", "WFM-NOAO-N"], len(fluxes.flux))
    offset = np.random.default_rng(3).normal(0, 0.02, 17)[fluxes.channel]
    flux = fluxes.flux * np.exp(offset * (modes == "WFM-AO-N")[:, np.newaxis])
    with_modes = Fluxes.from_arrays(
        flux, fluxes.flux_err, mjd=fluxes.mjd, channel=fluxes.channel, modes=modes
    )
    assert fit_stability(with_modes).floor < 0.002
    assert (
        fit_stability(replace(with_modes, modes=np.full(65, ""))).floor > 0.005
    )  # offsets of 0.02


@pytest.mark.slow
def test_light_added_to_every_aperture_is_no_drift() -> None:
    campaign = draw_campaign(SCENARIOS["none"], RECORD, FIRST_SEED + 5)
    fluxes = campaign.fluxes
    faint = float(np.median(fluxes.flux, axis=0).min())
    added = 0.05 * faint * np.random.default_rng(4).standard_normal((65, 1))
    with_sky = replace(fluxes, flux=fluxes.flux + added)
    found = fit_stability(with_sky)
    assert found.additive is not None
    assert found.floor < 0.002
    assert fit_stability(with_sky, additive=False).floor > found.floor


def test_without_channels_every_star_is_on_its_own() -> None:
    small = Configuration(40, 12, 12)
    fluxes = draw_campaign(SCENARIOS["night"], small, FIRST_SEED).fluxes
    plain = Fluxes.from_arrays(fluxes.flux, fluxes.flux_err, mjd=fluxes.mjd)
    fitted, known = fit_stability(plain), fit_stability(fluxes)
    assert len(fitted.channels) == 12
    assert fitted.floor == pytest.approx(known.floor, rel=1e-9)


def test_too_few_fluxes_are_refused_with_numbers() -> None:
    fluxes = draw_campaign(SCENARIOS["night"], RECORD, FIRST_SEED).fluxes
    with pytest.raises(TooFewFluxes, match="4 exposures of 25 stars"):
        fit_stability(fluxes.select(np.arange(4)))
    one_channel = replace(fluxes, channel=np.ones(25, int))
    with pytest.raises(TooFewFluxes, match="one channel"):
        fit_stability(one_channel)


def test_exposures_of_one_night_are_refused() -> None:
    fluxes = draw_campaign(SCENARIOS["night"], RECORD, FIRST_SEED).fluxes
    one_night = Fluxes.from_arrays(
        fluxes.flux, fluxes.flux_err, mjd=58500.1 + 0.001 * np.arange(65), channel=fluxes.channel
    )
    with pytest.raises(TooFewFluxes, match="one night"):
        fit_stability(one_night)


def test_an_exposure_alone_in_its_mode_does_not_enter() -> None:
    fluxes = draw_campaign(SCENARIOS["night"], RECORD, FIRST_SEED).fluxes
    modes = np.array(["WFM-AO-N"] * 64 + ["WFM-NOAO-N"])
    fitted = fit_stability(replace(fluxes, modes=modes))
    assert fitted.logs.exposures.tolist() == list(range(64))
    assert np.isnan(fitted.response[64]).all()


def test_a_noisy_point_of_a_bright_star_counts_and_one_of_a_faint_star_does_not() -> None:
    fluxes = draw_campaign(SCENARIOS["night"], RECORD, FIRST_SEED).fluxes
    order = np.argsort(np.median(fluxes.flux, axis=0))
    err = fluxes.flux_err.copy()
    err[3, order[[0, -1]]] *= 3.0  # nine times the variance
    logs = fit_stability(replace(fluxes, flux_err=err)).logs
    row = logs.exposures.tolist().index(3)
    relative = (err / fluxes.flux)[3]
    for star in (int(order[0]), int(order[-1])):
        assert logs.gap[row, star] == (relative[star] > 0.01)
    assert relative[order[0]] > 0.01 > relative[order[-1]]


@pytest.mark.slow
def test_fluxes_without_errors_give_a_floor_with_the_noise_in_it() -> None:
    fluxes = draw_campaign(SCENARIOS["white"], RECORD, FIRST_SEED).fluxes
    blind = replace(fluxes, flux_err=np.full(fluxes.flux.shape, np.nan))
    assert fit_stability(blind).floor > SCENARIOS["white"].floor


def test_the_night_of_an_exposure_changes_at_noon() -> None:
    mjd = [58484.51, 58485.49, 58485.51]
    fluxes = Fluxes.from_arrays(np.ones((3, 2)), np.ones((3, 2)), mjd=mjd)
    assert fluxes.nights.tolist() == ["2019-01-01", "2019-01-01", "2019-01-02"]


def test_a_time_that_is_missing_is_refused() -> None:
    with pytest.raises(ValueError, match="mjd of exposure 1"):
        Fluxes.from_arrays(np.ones((2, 2)), np.ones((2, 2)), mjd=[58484.0, np.nan])


def test_shares_of_a_wrong_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="channel_share has shape"):
        Fluxes.from_arrays(
            np.ones((2, 3)), np.ones((2, 3)), mjd=[1.0, 2.0], channel_share=np.ones((2, 4))
        )

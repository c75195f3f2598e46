"""Channel responses: exact without noise, calibrated with it."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.schema import TABLES
from pipeline.statistics.channels import channel_responses, channel_table
from pipeline.statistics.fluxes import Fluxes
from tests.statistics.factory import campaign, with_flux


def _drifting(snr: float, seed: int = 3) -> tuple[Fluxes, np.ndarray]:
    """25 stars on 12 channels that drift; the truth about its means in channel and time."""
    fluxes = replace(campaign(snr=snr, seed=seed), channel=np.arange(25) % 12 + 1)
    log_response = 0.03 * np.random.default_rng(seed).normal(size=(65, 12))
    flux = fluxes.flux * np.exp(log_response[:, fluxes.channel - 1])
    truth = log_response - log_response.mean(axis=1, keepdims=True)
    return with_flux(fluxes, flux), truth - truth.mean(axis=0)


def test_without_noise_the_responses_are_recovered_exactly() -> None:
    fluxes, truth = _drifting(snr=1e9)
    found = channel_responses(fluxes)
    assert found.channels.tolist() == list(range(1, 13))
    np.testing.assert_allclose(found.response, truth, atol=1e-7)
    assert found.n_stars[0].tolist() == [3] + [2] * 11


def test_what_is_common_to_an_exposure_does_not_matter() -> None:
    fluxes, _ = _drifting(snr=100)
    dimmed = with_flux(fluxes, fluxes.flux * np.linspace(0.1, 1, 65)[:, np.newaxis])
    dimmed = replace(dimmed, flux_err=fluxes.flux_err * np.linspace(0.1, 1, 65)[:, np.newaxis])
    np.testing.assert_allclose(
        channel_responses(dimmed).response, channel_responses(fluxes).response, atol=1e-10
    )


def test_errors_describe_the_scatter_about_the_truth() -> None:
    """780 responses: their pulls' standard deviation is known to 2.5 %; removing the means in
    time and over channels takes 1/65 + 1/12 of the variance, which the errors allow for."""
    fluxes, truth = _drifting(snr=50)
    found = channel_responses(fluxes)
    pull = (found.response - truth) / found.err
    assert np.std(pull) == pytest.approx(1, abs=4 / np.sqrt(2 * pull.size))


def test_the_error_of_equal_channels_is_that_of_a_value_about_the_mean_of_all() -> None:
    """Three channels with one star of SNR 100 each: 0.01 sqrt(1 - 1/3)."""
    fluxes = campaign(n_stars=3, snr=100)
    exact = with_flux(fluxes, 100 * fluxes.flux_err)
    np.testing.assert_allclose(channel_responses(exact).err, 0.01 * np.sqrt(2 / 3), rtol=1e-9)


def test_an_exposure_and_a_star_without_flux_leave_the_rest_in_place() -> None:
    """What is missing moves the means over exposures and channels a little, and nothing else."""
    fluxes, truth = _drifting(snr=1e9)
    flux = fluxes.flux.copy()
    flux[5, :] = np.nan
    flux[20, fluxes.channel == 4] = np.nan
    found = channel_responses(with_flux(fluxes, flux))
    assert np.isnan(found.response[5]).all()
    assert np.isnan(found.response[20, 3])
    assert np.isfinite(np.delete(found.response, [5, 20], axis=0)).all()
    difference = np.delete(found.response - truth, [5, 20], axis=0)
    assert np.ptp(difference, axis=0).max() < 1e-6


def test_stars_that_are_left_out_do_not_count() -> None:
    fluxes, truth = _drifting(snr=1e9)
    flux = fluxes.flux.copy()
    flux[:, 0] *= np.linspace(1, 3, 65)  # a blended star, on channel 1
    found = channel_responses(with_flux(fluxes, flux), (1,))
    np.testing.assert_allclose(found.response, truth, atol=1e-7)


def test_without_errors_all_stars_weigh_the_same_and_errors_are_missing() -> None:
    fluxes, truth = _drifting(snr=1e9)
    found = channel_responses(replace(fluxes, flux_err=np.full(fluxes.flux.shape, np.nan)))
    np.testing.assert_allclose(found.response, truth, atol=1e-7)
    assert np.isnan(found.err).all()


def test_a_single_or_unknown_channel_has_no_relative_response() -> None:
    fluxes = replace(campaign(n_stars=3), channel=np.array([4, 4, 0]))
    found = channel_responses(fluxes)
    assert found.channels.tolist() == [4]
    assert np.isnan(found.response).all()
    nothing = channel_responses(replace(fluxes, channel=np.zeros(3, int)))
    assert nothing.response.shape == (65, 0)


def test_a_campaign_without_drift_shows_none() -> None:
    """chi^2 per degree of freedom of 65 x 24 responses is 1 +- 3.6 %, 4 sigma."""
    found = channel_responses(campaign(snr=100))
    chi2 = np.sum((found.response / found.err) ** 2)
    n_free = 64 * 23
    assert chi2 / n_free == pytest.approx(found.response.size / n_free, rel=4 * np.sqrt(2 / n_free))


def test_the_table_has_a_row_per_exposure_and_channel() -> None:
    fluxes, _ = _drifting(snr=100)
    found = channel_responses(fluxes)
    table = channel_table(fluxes, found)
    assert table.colnames == [column.name for column in TABLES["channel_responses"]]
    assert len(table) == 65 * 12
    assert table["response"][13] == found.response[1, 1]

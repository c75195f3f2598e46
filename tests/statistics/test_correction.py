"""The correction: by hand, for stars that did not enter it, and where there is nothing to correct."""

import numpy as np
import pytest
from astropy.table import QTable

from pipeline.schema import make_table
from pipeline.statistics import Fluxes, apply_correction, correction_table, fit_stability
from pipeline.statistics.campaigns import CONFIGURATIONS, SCENARIOS, FluxCampaign, draw_campaign

FIRST_SEED = 3_200_000
RECORD = CONFIGURATIONS["65x25"]


def _table(factors: list[list[float]], err: float = 0.0, band: str = "I_Bessel") -> QTable:
    n, n_channels = np.shape(factors)
    return make_table(
        "correction",
        {
            "exposure_id": np.repeat(np.arange(n).astype(str), n_channels),
            "night": [""] * (n * n_channels),
            "mode": [""] * (n * n_channels),
            "channel": np.tile(np.arange(n_channels) + 1, n),
            "band": [band] * (n * n_channels),
            "factor": np.ravel(factors),
            "factor_err": np.full(n * n_channels, err),
        },
    )


def test_fluxes_are_divided_by_the_response_of_their_share_of_channels() -> None:
    flux, err = np.array([[100.0, 100.0], [50.0, np.nan]]), np.ones((2, 2))
    share = np.array([[1.0, 0.0], [0.25, 0.5]])  # a quarter of star 2 is on neither channel
    corrected, _ = apply_correction(
        flux, err, channel_share=share, correction=_table([[1.1, 0.9], [1.0, 1.2]])
    )
    np.testing.assert_allclose(corrected[0], [100 / 1.1, 100 / (1 + 0.25 * 0.1 - 0.5 * 0.1)])
    np.testing.assert_allclose(corrected[1, 0], 50.0)
    assert np.isnan(corrected[1, 1])


def test_the_error_of_the_factor_is_added_in_quadrature() -> None:
    _, err = apply_correction(
        np.full((1, 1), 100.0),
        np.full((1, 1), 3.0),
        channel_share=np.ones((1, 1)),
        correction=_table([[2.0]], err=0.08),
    )
    assert err[0, 0] == pytest.approx(np.hypot(1.5, 50 * 0.04))


def test_spectra_are_corrected_as_fluxes_are() -> None:
    flux = np.full((2, 1, 4), 10.0)
    table = _table([[1.25], [1.0]])
    corrected, err = apply_correction(
        flux, np.ones_like(flux), channel_share=np.ones((1, 1)), correction=table
    )
    np.testing.assert_allclose(corrected[:, 0, :], [[8.0] * 4, [10.0] * 4])
    np.testing.assert_allclose(err[0, 0], 0.8)


def test_a_correction_for_other_exposures_is_refused() -> None:
    flux = np.ones((3, 1))
    with pytest.raises(ValueError, match="holds 2 exposures, flux 3"):
        apply_correction(
            flux, flux, channel_share=np.ones((1, 1)), correction=_table([[1.0], [1.0]])
        )


def test_shapes_that_disagree_are_refused() -> None:
    flux = np.ones((2, 3))
    with pytest.raises(ValueError, match="channel_share"):
        apply_correction(
            flux, flux, channel_share=np.ones((2, 1)), correction=_table([[1.0], [1.0]])
        )


def _held_out(campaign: FluxCampaign) -> tuple[float, float, float]:
    """Variance of held-out stars with company on their channel: before, after, with the truth."""
    fluxes, channel = campaign.fluxes, campaign.fluxes.channel
    numbers, counts = np.unique(channel, return_counts=True)
    out = np.array([np.flatnonzero(channel == k)[0] for k in numbers[counts > 1]])
    kept = np.setdiff1d(np.arange(len(channel)), out)
    fitted = fit_stability(
        Fluxes.from_arrays(
            fluxes.flux[:, kept], fluxes.flux_err[:, kept], mjd=fluxes.mjd, channel=channel[kept]
        )
    )
    share = np.eye(RECORD.n_channels)[channel - 1]
    corrected, _ = apply_correction(
        fluxes.flux,
        fluxes.flux_err,
        channel_share=share,
        correction=correction_table(fitted, mjd=fluxes.mjd),
    )
    truth = fluxes.flux / np.exp(campaign.slow_and_night[:, channel - 1])
    return tuple(  # type: ignore[return-value]
        float((np.log(f[:, out]) - np.log(f[:, out]).mean(axis=1, keepdims=True)).var(axis=0).sum())
        for f in (fluxes.flux, corrected, truth)
    )


@pytest.mark.parametrize("name", ["night", "slow60", "mixed"])
def test_stars_that_did_not_enter_lose_most_of_what_can_be_removed(name: str) -> None:
    variances = np.array(
        [_held_out(draw_campaign(SCENARIOS[name], RECORD, FIRST_SEED + k)) for k in range(4)]
    )
    before, after, best = variances.sum(axis=0)
    assert (before - after) / (before - best) > 0.8


@pytest.mark.parametrize("name", ["none", "white"])
def test_where_there_is_nothing_to_correct_scatter_does_not_grow(name: str) -> None:
    variances = np.array(
        [_held_out(draw_campaign(SCENARIOS[name], RECORD, FIRST_SEED + k)) for k in range(4)]
    )
    before, after, _ = variances.sum(axis=0)
    assert np.sqrt(after / before) < 1.02


def test_far_from_all_exposures_the_factor_is_the_mean_and_its_error_the_drift() -> None:
    campaign = draw_campaign(SCENARIOS["night"], RECORD, FIRST_SEED)
    fitted = fit_stability(campaign.fluxes)
    table = correction_table(fitted, mjd=np.array([70000.3]))
    np.testing.assert_allclose(table["factor"], 1.0, atol=0.02)
    assert (table["factor_err"] > 0.02).all()
    near = correction_table(fitted, mjd=campaign.fluxes.mjd[:1])
    assert np.median(near["factor_err"]) < 0.5 * np.median(table["factor_err"])

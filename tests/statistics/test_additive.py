"""Light added to apertures: told apart from what channels do to stars, and only where it is there."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.statistics import fit_stability
from pipeline.statistics.additive import Additive, inverse_flux, with_additive
from pipeline.statistics.campaigns import CONFIGURATIONS, SCENARIOS, draw_campaign
from pipeline.statistics.campaigns.draw import REFERENCE_SNR
from pipeline.statistics.log_fluxes import TooFewFluxes, log_fluxes

FIRST_SEED = 4_000_000  # nothing was tuned on these
RECORD = CONFIGURATIONS["65x25"]


def test_shares_and_noise_hold_the_terms() -> None:
    logs = log_fluxes(draw_campaign(SCENARIOS["night"], RECORD, FIRST_SEED).fluxes)
    u = inverse_flux(logs)
    assert np.median(u) == pytest.approx(1.0)
    changed = with_additive(logs, Additive(follows=0.5, white=0.01))
    load = 1 + 0.5 * u
    np.testing.assert_allclose(changed.gram, changed.share @ changed.share.T, rtol=1e-12)
    np.testing.assert_allclose(changed.share.sum(axis=1), load, rtol=1e-12)
    np.testing.assert_allclose(changed.variance - logs.variance, (0.01 * u) ** 2 + 0 * logs.value)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sky", "sky_night"])
def test_sky_in_apertures_is_found_and_does_not_raise_the_floor(name: str) -> None:
    """Without the terms the floor is wrong by many of its errors; with them both 95 % intervals hold."""
    campaign = draw_campaign(SCENARIOS[name], RECORD, FIRST_SEED + 1)
    true = campaign.scenario.floor
    plain = fit_stability(campaign.fluxes, additive=False)
    assert plain.additive is None
    assert plain.interval(0.95)[0] > true
    fitted = fit_stability(campaign.fluxes)
    low, high = fitted.interval(0.95)
    assert low < true < high
    assert fitted.additive is not None
    median = float(np.median(np.median(campaign.fluxes.flux, axis=0)))
    follows = campaign.scenario.sky_follows * REFERENCE_SNR**2 / median
    assert abs(fitted.additive.follows - follows) < 4 * fitted.additive.follows_err


@pytest.mark.parametrize("name", ["none", "slow60", "mixed"])
def test_where_there_is_none_the_fit_has_no_such_terms(name: str) -> None:
    fitted = fit_stability(draw_campaign(SCENARIOS[name], RECORD, FIRST_SEED + 2).fluxes)
    assert fitted.additive is None


@pytest.mark.slow
def test_terms_that_were_asked_for_cost_little() -> None:
    campaign = draw_campaign(SCENARIOS["night"], RECORD, FIRST_SEED + 3)
    plain = fit_stability(campaign.fluxes)
    asked = fit_stability(campaign.fluxes, additive=True)
    low, high = plain.interval(0.95)
    assert low < asked.floor < high


def test_stars_of_one_brightness_and_few_stars_are_refused() -> None:
    fluxes = draw_campaign(SCENARIOS["night"], RECORD, FIRST_SEED + 4).fluxes
    level = np.median(fluxes.flux, axis=0)
    alike = replace(fluxes, flux=fluxes.flux / level, flux_err=fluxes.flux_err / level)
    with pytest.raises(TooFewFluxes, match="one brightness"):
        fit_stability(alike, additive=True)
    flags = np.where(np.arange(25) < 18, "left out", fluxes.flux_flags)
    with pytest.raises(TooFewFluxes, match="need 8"):
        fit_stability(replace(fluxes, flux_flags=flags), additive=True)


def test_a_gap_is_filled_by_the_model_that_judges_it() -> None:
    """The faintest star misses the exposure in which all apertures hold the same light of the sky."""
    campaign = draw_campaign(SCENARIOS["sky"], RECORD, FIRST_SEED + 5)
    fluxes = campaign.fluxes
    faintest, exposure = int(np.argmin(np.median(fluxes.flux, axis=0))), 30
    flux = fluxes.flux.copy()
    flux[exposure] += 0.3 * np.median(flux[:, faintest])
    flux[exposure, faintest] = np.nan
    fitted = fit_stability(replace(fluxes, flux=flux), find_bad=False)
    assert fitted.additive is not None
    residual, variance = fitted.smoother.point_residuals()
    gap = fitted.logs.gap
    assert np.count_nonzero(gap) == 1
    # drawn with the variance of the model: beyond 4 sigma in 6 of 100 000 draws
    assert abs(residual[gap] / np.sqrt(variance[gap])) < 4

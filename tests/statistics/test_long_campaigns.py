"""Campaigns of more exposures than one fit holds: which are fitted, how the others are judged."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.schema.definitions import BAD_PROBABILITY
from pipeline.statistics.campaigns import CONFIGURATIONS, SCENARIOS, draw_campaign
from pipeline.statistics.campaigns.scenario import Configuration
from pipeline.statistics.fluxes import Fluxes
from pipeline.statistics.long_campaigns import (
    MOST_FITTED,
    STRETCH,
    bad_probability,
    fitted_exposures,
    is_long,
    of_exposures,
)
from pipeline.statistics.model_tables import model_of
from pipeline.statistics.stability import fit_likeliest
from pipeline.statistics.summaries import note_on_length
from pipeline.statistics.targets import Target, target_tables

LONG = Configuration(600, 16, 18, span_days=1400.0, snr_low=300.0)
SEED = 5_400_001  # of this test alone


@pytest.fixture(scope="module")
def fluxes() -> Fluxes:
    drawn: Fluxes = draw_campaign(SCENARIOS["night"], LONG, seed=SEED).fluxes
    return drawn


def test_a_campaign_that_one_fit_holds_is_fitted_whole() -> None:
    whole = replace(CONFIGURATIONS["150x60"], n_exposures=MOST_FITTED)
    few = draw_campaign(SCENARIOS["night"], whole, seed=SEED).fluxes
    assert not is_long(few)
    rows = fitted_exposures(few)
    assert rows.tolist() == list(range(MOST_FITTED))
    assert of_exposures(few, rows) is few


def test_of_a_long_campaign_stretches_from_its_start_to_its_end_are_fitted(fluxes: Fluxes) -> None:
    rows = fitted_exposures(fluxes)
    assert len(rows) == MOST_FITTED
    in_time = np.argsort(np.argsort(fluxes.mjd, kind="stable"), kind="stable")[rows]
    in_time = np.sort(in_time)
    assert (in_time[0], in_time[-1]) == (0, len(fluxes.flux) - 1)
    ends = np.flatnonzero(np.diff(in_time) > 1)
    assert (np.diff([-1, *ends, len(in_time) - 1]) == STRETCH).all()


def test_a_part_of_them_can_be_smaller(fluxes: Fluxes) -> None:
    rows = fitted_exposures(fluxes, 10 * STRETCH)
    assert len(rows) == 10 * STRETCH
    assert of_exposures(fluxes, rows).exposure_ids[-1] in fluxes.exposure_ids


def test_what_is_not_usable_is_not_chosen(fluxes: Fluxes) -> None:
    ruled_out = np.arange(len(fluxes.flux)) % 3 == 0
    fewer = replace(fluxes, exposure_flags=np.where(ruled_out, "excluded", ""))
    rows = fitted_exposures(fewer)
    assert len(rows) == MOST_FITTED
    assert not ruled_out[rows].any()


def test_some_exposures_of_fluxes_are_those_rows_of_every_array(fluxes: Fluxes) -> None:
    share = np.random.default_rng(1).random((*fluxes.flux.shape, 24))
    whole = replace(fluxes, channel_share=share)
    rows = np.array([7, 3, 500])
    part = of_exposures(whole, rows)
    for name in ("flux", "flux_err", "mjd", "nights", "exposure_ids", "modes", "channel_share"):
        np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[rows])
    for name in ("star_ids", "channel", "xy", "snr"):
        np.testing.assert_array_equal(getattr(part, name), getattr(whole, name))


@pytest.mark.slow
def test_a_bad_exposure_is_found_in_and_between_the_stretches(fluxes: Fluxes) -> None:
    rows = fitted_exposures(fluxes)
    between = np.setdiff1d(np.arange(len(fluxes.flux)), rows)
    spoiled = np.array([rows[40], between[10], between[-20]])
    flux = fluxes.flux.copy()
    flux[spoiled] *= np.exp(np.random.default_rng(2).normal(0, 0.3, (3, flux.shape[1])))
    changed = replace(fluxes, flux=flux)
    fit = fit_likeliest(of_exposures(changed, rows))
    probability = bad_probability(changed, rows, fit)
    np.testing.assert_array_equal(probability[rows], fit.bad_probability)
    assert np.isfinite(probability).all()
    # before one looks, one exposure in a hundred is bad: of 600 good ones a few may seem so
    assert set(spoiled.tolist()) <= set(np.flatnonzero(probability > BAD_PROBABILITY).tolist())
    assert np.count_nonzero(probability > BAD_PROBABILITY) <= 3 + 6


@pytest.mark.slow
def test_an_exposure_without_company_is_not_judged(fluxes: Fluxes) -> None:
    rows = fitted_exposures(fluxes)
    between = np.setdiff1d(np.arange(len(fluxes.flux)), rows)
    lost = fluxes.flux.copy()
    lost[between[3]] = np.nan
    found = bad_probability(
        replace(fluxes, flux=lost), rows, fit_likeliest(of_exposures(fluxes, rows))
    )
    assert np.isnan(found[between[3]])
    assert np.count_nonzero(np.isnan(found)) == 1


@pytest.mark.slow
def test_the_model_of_a_long_campaign_says_what_it_comes_from(fluxes: Fluxes) -> None:
    model = model_of(fluxes, (), source="a test", method="exact")
    assert model.fit is not None
    assert len(model.bad_probability) == len(model.exposure_ids) == len(fluxes.flux)
    assert set(model.used.tolist()) <= set(model.fitted.tolist())
    (row,) = [one for one in model.tables["stability"] if one["quantity"] == "floor"]
    # one draw of one seed, by the interval that validation proves to hold 95 %
    assert row["low95"] < SCENARIOS["night"].floor < row["high95"]
    (note,) = note_on_length(fluxes, model)
    assert f"come from {MOST_FITTED} of {len(fluxes.flux)} usable exposures" in note
    few = of_exposures(fluxes, model.fitted)
    assert note_on_length(few, model) == ()


@pytest.mark.slow
def test_a_light_curve_of_a_long_campaign_holds_every_exposure(fluxes: Fluxes) -> None:
    """Star 3 follows a sine of 300 days, 20 %: between the stretches as well as in them."""
    truth = 0.2 * np.sin(2 * np.pi * fluxes.mjd / 300)
    flux = fluxes.flux.copy()
    flux[:, 2] *= np.exp(truth)
    tables = target_tables({"I": replace(fluxes, flux=flux)}, [Target(3, "mine")])
    curve, (row,) = tables["light_curves"], tables["targets"]
    assert row["flag"] == "variable"
    assert row["n"] == MOST_FITTED
    assert set(curve["exposure_id"]) == set(fluxes.exposure_ids)
    place = np.searchsorted(fluxes.mjd, curve["mjd_mid"].value)  # they are in time
    off = np.log(np.asarray(curve["flux"])) - (truth - truth.mean())[place]
    chi2 = np.mean((off - off.mean()) ** 2 / (curve["flux_err"] / curve["flux"]) ** 2)
    assert 0.8 < chi2 < 1.25  # 600 points in 360 nights: 0.08 is one sigma

"""The floor band by band: bright stars, absorption, and bands that say nothing."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.muse.absorption import features_in
from pipeline.simulation.atmosphere import telluric_transmission
from pipeline.statistics import Fluxes, fit_stability
from pipeline.statistics.campaigns import CONFIGURATIONS, SCENARIOS, draw_campaign
from pipeline.statistics.model_tables import channel_table
from pipeline.statistics.wavelength import BandSeries, bright_stars, wavelength_table

FIRST_SEED = 3_900_000


def campaign(scenario: str = "night") -> Fluxes:
    return draw_campaign(SCENARIOS[scenario], CONFIGURATIONS["65x25"], FIRST_SEED).fluxes


def series(fluxes: Fluxes, factor: float = 1.0) -> list[BandSeries]:
    """A passband, a band of 100 Angstrom with larger responses, and one without exposures."""
    log = np.log(fluxes.flux)
    about = log - log.mean(axis=0)
    narrow = replace(fluxes, flux=np.exp(log + (factor - 1) * about))
    empty = replace(fluxes, flux=np.full(fluxes.flux.shape, np.nan))
    return [
        BandSeries("I_Bessel", (7000.0, 9200.0), fluxes),
        BandSeries("5000-5100", (5000.0, 5100.0), narrow),
        BandSeries("7600-7700", (7600.0, 7700.0), empty),
    ]


def test_a_band_with_responses_half_again_as_large_has_such_a_floor() -> None:
    fluxes = campaign()
    responses = channel_table(fluxes, fit_stability(fluxes))
    table = wavelength_table(series(fluxes, 1.5), responses, band="I_Bessel")
    headline, narrow, empty = table
    true = SCENARIOS["night"].floor
    for row, expected in ((headline, true), (narrow, 1.5 * true)):
        assert row["low95"] < expected < row["high95"]
        assert row["low95"] < row["low68"] < row["floor"] < row["high68"] < row["high95"]
        assert row["response_correlation"] > 0.95
    assert narrow["response_std"] == pytest.approx(1.5 * headline["response_std"], rel=0.1)
    assert narrow["n_stars"] == headline["n_stars"]
    assert np.isnan(empty["floor"])
    assert empty["n"] == 0
    assert table["feature"].tolist() == ["H2O, O2 A", "", "O2 A"]


def test_its_floor_is_that_of_the_fit_in_the_passband_of_the_headlines() -> None:
    fluxes = campaign("slow60")
    fit = fit_stability(fluxes)
    table = wavelength_table(series(fluxes), channel_table(fluxes, fit), band="I_Bessel")
    # the likeliest value against the median of the posterior: within half a sigma
    low, high = fit.interval(0.68)
    assert abs(table["floor"][0] - fit.floor) < (high - low) / 4


def test_faint_stars_are_left_out_of_every_band() -> None:
    fluxes = campaign()
    bands = series(fluxes)
    bright = bright_stars(bands)
    snr = np.median(fluxes.flux / fluxes.flux_err, axis=0)
    np.testing.assert_array_equal(bright, snr >= 30)
    table = wavelength_table(bands, channel_table(fluxes, fit_stability(fluxes)), band="I_Bessel")
    assert table["n_stars"][0] == bright.sum()


def test_without_the_passband_of_the_headlines_there_is_no_row() -> None:
    fluxes = campaign()
    responses = channel_table(fluxes, fit_stability(fluxes))
    assert len(wavelength_table(series(fluxes)[1:], responses, band="I_Bessel")) == 0


def test_wavelengths_that_the_atmosphere_absorbs_are_named() -> None:
    assert features_in(5000, 5100) == ""
    assert features_in(5700, 5800) == "notch"
    assert features_in(7500, 7600) == "O2 A"
    assert features_in(7720, 7800) == ""  # the end is not within


def test_what_the_simulated_atmosphere_absorbs_lies_within_the_named_bands() -> None:
    wave = np.arange(4700.0, 9350.0, 1.0)
    absorbed = wave[telluric_transmission(wave, 1.0) < 0.95]
    unnamed = [w for w in absorbed.tolist() if not features_in(w, w + 0.5)]
    assert unnamed == []

"""Fluxes in passbands and their flags, at values that can be written down."""

import numpy as np
import pytest

from pipeline.config.passbands import Band
from pipeline.errors import BandNotCovered
from pipeline.measure.photometry import (
    covers,
    dark_cores,
    flux_flags,
    integrate_band,
    layer_edges,
    layer_weights,
    not_covered,
    published_band_sum,
)
from pipeline.measure.standard import saturated_cores


def box(low, high):
    """A passband that is 1 between two wavelengths and 0 at both."""
    knots = np.array([low, low + 1e-9, high - 1e-9, high])
    return Band("box", knots, np.array([0.0, 1.0, 1.0, 0.0]), "", "")


BAND = box(105.0, 135.0)


WAVE = np.array([100.0, 110.0, 120.0, 130.0, 140.0])


def test_edges_of_layers_are_half_way_between_their_centres():
    np.testing.assert_allclose(layer_edges(WAVE), [95, 105, 115, 125, 135, 145])
    np.testing.assert_allclose(layer_edges(np.array([100.0, 110.0, 130.0])), [95, 105, 120, 140])
    assert layer_edges(np.array([100.0])).tolist() == [100.0, 100.0]


def test_a_passband_is_inside_up_to_the_edges_of_the_outer_layers():
    assert covers(WAVE, box(95, 145)) is True
    assert covers(WAVE, box(94.9, 145)) is False
    assert covers(WAVE, box(95, 145.1)) is False
    np.testing.assert_allclose(layer_weights(BAND, WAVE), [0, 10, 10, 10, 0], atol=1e-8)
    np.testing.assert_allclose(layer_weights(box(100, 107), WAVE), [5, 2, 0, 0, 0], atol=1e-8)
    with pytest.raises(BandNotCovered, match="95-145 A"):
        layer_weights(box(90, 100), WAVE)


def spectra(*rows, coverage=None):
    flux = np.array(rows, float)[:, None]
    return flux, np.full(flux.shape, 4.0), (
        np.ones(flux.shape) if coverage is None else np.array(coverage, float)[:, None]
    )  # fmt: skip


def test_a_mean_in_a_passband_is_over_the_layers_that_are_there():
    flux, variance, coverage = spectra(
        [9, 1, 2, 3, 9], [9, np.nan, 2, 4, 9], [9, 1, np.nan, np.nan, 9]
    )
    found = integrate_band(flux, variance, coverage, WAVE, BAND, min_coverage=0.6)
    np.testing.assert_allclose(found.flux[:, 0], [2.0, 3.0, np.nan])
    np.testing.assert_allclose(found.sigma[:, 0], [2 / np.sqrt(3), 2 / np.sqrt(2), np.nan])
    np.testing.assert_allclose(found.coverage[:, 0], [1.0, 2 / 3, 1 / 3])
    assert found.snr[0, 0] == pytest.approx(2.0 / (2 / np.sqrt(3)))
    assert np.isnan(found.snr[2, 0])


def test_a_layer_counts_whose_aperture_is_covered_far_enough():
    part = [[1, 0.8, 1, 1, 1], [1, 0.79, 1, 1, 1]]
    flux, variance, coverage = spectra([0, 4, 1, 1, 0], [0, 4, 1, 1, 0], coverage=part)
    found = integrate_band(flux, variance, coverage, WAVE, BAND, min_coverage=0.8)
    assert found.flux[0, 0] == pytest.approx(2.0)
    assert np.isnan(found.flux[1, 0])  # two of three layers are less than 0.8 of the weight
    nothing = not_covered(2, 3)
    assert nothing.flux.shape == nothing.sigma.shape == nothing.coverage.shape == (2, 3)
    assert np.isnan(nothing.flux).all()
    assert (nothing.coverage == 0).all()


def test_the_sum_of_the_study_takes_missing_samples_for_zero():
    flux, variance, _ = spectra([9, 1, 2, 3, 9], [9, np.nan, 2, 3, 9])
    variance[0, 0, 2] = np.nan
    found = published_band_sum(flux, variance, WAVE, BAND)
    np.testing.assert_allclose(found.flux[:, 0], [6.0, 5.0])
    np.testing.assert_allclose(found.snr[:, 0], [6 / np.sqrt(8), 5 / np.sqrt(12)])
    dark = published_band_sum(flux, np.zeros_like(variance), WAVE, BAND)
    assert np.isnan(dark.snr).all()


def test_flags_of_a_flux_are_edge_gap_and_core():
    coverage = np.ones((4, 1, 5))
    coverage[1], coverage[2, 0, :4] = 0.9, 0.5
    flux, variance, full = spectra(*([[9, 1, 2, 3, 9]] * 4))
    flux[3] = np.nan
    found = integrate_band(flux, variance, full, WAVE, BAND, min_coverage=0.9)
    flags = flux_flags(coverage, found, np.array([True, False, False, True]))
    assert flags[:, 0].tolist() == ["core", "edge", "", "gap core"]
    assert flux_flags(coverage, found)[:, 0].tolist() == ["", "edge", "", "gap"]


@pytest.mark.parametrize(
    ("core", "ring", "dark"),
    [
        (0.0, 30.0, True),
        (4.9, 30.0, True),
        (5.1, 30.0, False),
        (0.0, 18.0, False),
        (100, 30, False),
    ],
)
def test_a_core_is_dark_if_it_is_far_below_the_sky_amid_bright_pixels(core, ring, dark):
    """Background 10, noise 1: dark is below 5, bright a mean above 20 within 4 pixels."""
    y, x = np.mgrid[:21, :25]
    apart = np.hypot(x - 12, y - 9)
    image = np.full((21, 25), 10.0)
    image[apart <= 4] = ring
    image[apart <= 1.5] = core
    xy = np.array([[12.0, 9.0], [np.nan, 3.0], [-5.0, 3.0], [3.0, 17.0], [24.6, 9.0]])
    assert dark_cores(image, xy, 10.0, 1.0).tolist() == [dark, False, False, False, False]


def crater(core):
    """A bright star of width 2 whose core holds one value; sky 0, noise 1."""
    y, x = np.mgrid[:60, :60]
    apart = np.hypot(x - 30, y - 30)
    image = np.random.default_rng(2).normal(0, 1, (60, 60)) + 3e3 * np.exp(-(apart**2) / 8)
    image[apart < 1.6] = core
    return image


@pytest.mark.parametrize(("core", "lost"), [(np.nan, True), (-40.0, True), (2.0, False)])
def test_a_core_is_lost_if_it_has_no_data_or_less_than_the_sky(core, lost):
    found = saturated_cores(crater(core), fwhm_px=4.7)
    assert len(found) == lost
    np.testing.assert_allclose(found, np.full((int(lost), 2), 30.0), atol=0.1)

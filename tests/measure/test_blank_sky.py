"""Blank apertures and the noise that they show, at values that can be written down."""

import numpy as np
import pytest

from pipeline.measure.detection import CLIP_SIGMA
from pipeline.measure.noise import (
    _factor,
    _golden,
    _means,
    _narrow_bands,
    _without_pattern,
    blank_positions,
)
from pipeline.measure.sky_annulus import _clean_annulus
from tests.tasks.made import catalogue


def test_golden_numbers_fill_the_unit_interval_evenly():
    numbers = _golden(5, 0.25)
    step = (5**0.5 - 1) / 2
    np.testing.assert_allclose(numbers, [(0.25 + k * step) % 1 for k in range(5)])


def test_blank_apertures_keep_clear_of_stars_edges_and_of_each_other():
    image = np.ones((200, 200))
    image[:, :40] = np.nan
    stars = np.array([[100.0, 100.0]])
    avoid = np.zeros(image.shape, bool)
    avoid[150:, 150:] = True
    found = blank_positions(image, stars, radius_px=5.0, fwhm_px=4.0, avoid=avoid, n_max=1000)
    assert found[:, 0].min() > 40 + 5
    assert np.hypot(*(found - stars).T).min() > 5 + 2.5 * 4
    assert not ((found > 150 - 6).all(axis=1)).any()
    apart = np.hypot(*(found[:, None] - found).transpose(2, 0, 1)) + np.diag(
        np.full(len(found), 99)
    )
    assert apart.min() > 2 * 5
    few = blank_positions(image, stars, radius_px=5.0, fwhm_px=4.0, avoid=avoid, n_max=7)
    assert len(few) == 7
    np.testing.assert_array_equal(few[[0, -1]], found[[0, -1]])
    assert len(found) > 100


def test_narrow_bands_are_thirty_angstrom_wide_where_there_is_weight():
    wave_aa = 5000 + 10.0 * np.arange(20)
    weight = np.zeros(20)
    weight[4:15] = 1.0
    bands = _narrow_bands(wave_aa, weight)
    assert [(one.start, one.stop) for one in bands] == [(4, 7), (7, 10), (10, 13)]
    assert _narrow_bands(wave_aa, np.eye(20)[3]) == []
    assert len(_narrow_bands(wave_aa, np.eye(20)[3] + np.eye(20)[4])) == 0
    assert len(_narrow_bands(5000 + 50.0 * np.arange(20), weight)) == 11


def test_means_are_weighted_and_missing_where_a_layer_is():
    flux = np.array([[1.0, 4.0], [1.0, np.nan]])
    mean, variance = _means(
        flux, np.array([[2.0, 3.0]] * 2), np.isfinite(flux), np.array([1.0, 3.0])
    )
    np.testing.assert_allclose(mean, [13 / 4, np.nan])
    np.testing.assert_allclose(variance, [(2 + 27) / 16, np.nan])


def test_a_pattern_that_noise_does_not_reach_is_taken_out_and_its_share_given_back():
    rng = np.random.default_rng(5)
    noise = rng.normal(0, 1, (40, 30))
    np.testing.assert_array_equal(_without_pattern(noise), noise)
    pattern = 30 * np.outer(rng.normal(0, 1, 40), rng.normal(0, 1, 30))
    rest = _without_pattern(noise + pattern)
    # of 1200 values: 1 / sqrt(2 * 1200) = 2 %, five of that
    assert rest.std() == pytest.approx(1.0, abs=0.1)
    left, size, right = np.linalg.svd(noise + pattern, full_matrices=False)
    expected = (noise + pattern - size[0] * np.outer(left[:, 0], right[0])) / np.sqrt(
        39 / 40 * 29 / 30
    )
    np.testing.assert_allclose(rest, expected)


@pytest.mark.parametrize("scale", [1.0, 1.7])
def test_the_factor_of_noise_is_its_ratio_to_stat(scale):
    rng = np.random.default_rng(7)
    flux = rng.normal(0, 2.0 * scale, (60, 240)) + rng.normal(0, 50, (60, 1))
    variance, good = np.full(flux.shape, 4.0), np.ones(flux.shape, bool)
    factor, err = _factor(flux, variance, good, np.ones(240), 5000 + 10.0 * np.arange(240))
    n = 60 * 40
    assert err == pytest.approx(factor / np.sqrt(2 * 0.37 * n))
    assert factor == pytest.approx(scale, abs=5 * err)
    few = _factor(flux[:2], variance[:2], good[:2], np.ones(240), 5000 + 10.0 * np.arange(240))
    assert np.isnan(few).all()


def stars(channels, flags=None, flux=None):
    n = len(channels)
    made = catalogue(tuple(range(1, n + 1)), flags=flags, flux=flux or list(range(n, 0, -1)))
    made.channel[:] = channels
    return made


def test_background_and_noise_are_clipped_at_three_sigma_as_the_study_does():
    assert CLIP_SIGMA == 3.0  # a convention of the study's, which its figures depend on


def test_an_annulus_is_of_the_spaxels_between_its_radii_and_away_from_others():
    y, x = np.mgrid[:30, :40]
    others = np.array([[12.0, 15.0], [12.0, 15.0], [30.0, 15.0]])
    found = _clean_annulus(20.0, 15.0, 5.0, 8.0, others, (30, 40))
    apart = np.hypot(x - 20, y - 15)
    expected = (apart >= 5) & (apart <= 8)
    for other in others:
        expected &= np.hypot(x - other[0], y - other[1]) > 5
    assert sorted(found) == np.flatnonzero(expected).tolist()
    corner = _clean_annulus(0.0, 0.0, 5.0, 8.0, np.empty((0, 2)), (30, 40))
    at = np.hypot(x, y)
    assert sorted(corner) == np.flatnonzero((at >= 5) & (at <= 8)).tolist()
    assert len(_clean_annulus(-8.1, 5.0, 5.0, 8.0, others, (30, 40))) == 0
    assert len(_clean_annulus(np.nan, 5.0, 5.0, 8.0, others, (30, 40))) == 0

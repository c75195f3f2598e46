"""Noise from blank sky: exact cases first, then drizzled noise, backgrounds, and too little sky."""

import numpy as np
import pytest
from scipy import ndimage

from pipeline.config.passbands import Band, load_band
from pipeline.measure.extraction import extract_spectra
from pipeline.measure.noise import BlankNoise, blank_noise, blank_positions, noise_sigma
from pipeline.measure.photometry import integrate_band
from tests.measure.fields import FieldRecipe, clean_image

RADII = (1.5, 2.5, 4.5, 5.5)
WAVE = np.arange(6900.0, 9351.0, 12.5)
BAND = load_band("I_Bessel")
SHAPE = (len(WAVE), 160, 160)
KERNELS = {"2 x 2": np.array([0.5, 0.5]), "3 x 3": np.array([0.25, 0.5, 0.25])}


def noise_cube(seed, kernel=None, level=1.0):
    """Noise as drizzling leaves it: smoothed in the plane, its variance per voxel in STAT."""
    data = np.random.default_rng(seed).normal(0, level, SHAPE).astype("f4")
    if kernel is not None:
        for axis in (1, 2):
            data = ndimage.convolve1d(data, kernel, axis=axis, mode="wrap")
        level *= (kernel**2).sum()
    return data, np.full(SHAPE, level**2, "f4")


def measured_noise(data, stat, xy=None, method="exact"):
    positions = blank_positions(
        np.zeros(SHAPE[1:]), np.empty((0, 2)) if xy is None else xy, radius_px=5.5, fwhm_px=4.0
    )
    blank = extract_spectra((data, stat, WAVE), positions, RADII, method=method)
    return blank_noise(blank, positions, BAND, min_coverage=0.98)


def band_fluxes(data, stat, xy, method="exact"):
    spectra = extract_spectra((data, stat, WAVE), xy, RADII, method=method)
    return integrate_band(
        spectra.flux, spectra.variance, spectra.coverage, WAVE, BAND, min_coverage=0.98
    )


def test_errors_are_the_larger_of_stat_and_the_measured_and_say_which():
    sigma = np.array([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]])
    noise = BlankNoise(
        np.array([0.97, 1.5, np.nan]), np.full(3, 0.02), np.array([0.0, 4.0, 0.0]), 64
    )
    out, source = noise_sigma(sigma, noise)
    np.testing.assert_allclose(out, [[1, 3, 3], [10, 30, 30]], rtol=1e-15)
    assert source.tolist() == ["STAT", "blank sky", "STAT"]


def test_a_factor_of_the_reader_overrides_both():
    noise = BlankNoise(np.array([1.5]), np.array([0.02]), np.array([4.0]), 64)
    out, source = noise_sigma(np.array([[2.0]]), noise, stat_factor=1.6)
    assert (out.item(), source.item()) == (3.2, "stat_factor")


def test_without_blank_sky_stat_stands():
    out, source = noise_sigma(np.array([[2.0]]), None)
    assert (out.item(), source.item()) == (2.0, "STAT")


def test_the_factor_of_scaled_noise_is_the_scale():
    # Some 4500 differences: the factor is known to 1.7 %, allow 4 of those; the same for all radii.
    for scale in (1.0, 1.6):
        data, stat = noise_cube(5)
        noise = measured_noise(scale * data, stat)
        np.testing.assert_allclose(noise.factor, scale, rtol=4 * 0.0225)
        assert (noise.factor_err < 0.03 * scale).all()
        assert noise.n_blank == 64


@pytest.mark.parametrize("name", sorted(KERNELS))
def test_errors_on_drizzled_noise_are_right_without_a_setting(name):
    # chi squared of 150 independent apertures: 1 +- sqrt(2 / 150) = 0.12; the limits are 0.8, 1.25
    data, stat = noise_cube(11, KERNELS[name])
    noise = measured_noise(data, stat)
    xy = np.random.default_rng(12).uniform(8, 151, (400, 2))
    fluxes = band_fluxes(data, stat, xy)
    sigma, source = noise_sigma(fluxes.sigma, noise)
    chi = ((fluxes.flux / sigma) ** 2).mean(axis=0)
    assert ((chi > 0.8) & (chi < 1.25)).all(), chi
    assert (((fluxes.flux / fluxes.sigma) ** 2).mean(axis=0) > 1.6**2 - 0.5).all()  # STAT alone
    assert set(source.tolist()) == {"blank sky"}


@pytest.mark.slow
def test_errors_of_stars_with_drizzled_photon_noise_are_right_too():
    # Bright stars, their own photons smoothed as the sky's; sixteen stars in ten cubes: chi squared
    # is known to sqrt(2 / 160) = 0.11.
    grid = np.arange(20.0, 150.0, 40.0)
    xy = np.array([(x + 0.3, y - 0.2) for x in grid for y in grid])
    star = clean_image(FieldRecipe((160, 160), xy, np.full(len(xy), 500.0), 4.0))
    kernel = KERNELS["2 x 2"]
    plane = np.ones((160, 160))
    expected = star.copy()
    for axis in (0, 1):
        expected = ndimage.convolve1d(expected, kernel, axis=axis)
        plane = ndimage.convolve1d(plane, kernel**2, axis=axis)
    variance = star + 1.0
    for axis in (0, 1):
        variance = ndimage.convolve1d(variance, kernel**2, axis=axis)
    chi = []
    for seed in range(10):
        data = np.random.default_rng(seed).normal(0, 1, SHAPE).astype("f4") * np.sqrt(star + 1)
        for axis in (1, 2):
            data = ndimage.convolve1d(data, kernel, axis=axis)
        stat = np.repeat(variance[None].astype("f4"), len(WAVE), axis=0)
        noise = measured_noise(data + expected, stat, xy)
        fluxes = band_fluxes(data + expected, stat, xy)
        truth = band_fluxes(np.repeat(expected[None], len(WAVE), axis=0), stat, xy)
        sigma, _ = noise_sigma(fluxes.sigma, noise)
        chi.append(((fluxes.flux - truth.flux) / sigma) ** 2)
    mean = np.mean(chi, axis=(0, 1))
    assert ((mean > 0.8) & (mean < 1.25)).all(), mean


@pytest.mark.slow
def test_white_noise_has_no_background():
    found = [measured_noise(*noise_cube(seed)).background[2] for seed in range(20, 30)]
    assert sum(level > 0 for level in found) <= 1  # 2.5 sigma: 0.6 % each


def test_what_sky_subtraction_leaves_is_found_as_background():
    # Strips of twelve rows, each with its own residual of 0.05 per spaxel: 3.2 in 64 spaxels.
    data, stat = noise_cube(7)
    strips = np.repeat(np.random.default_rng(8).normal(0, 0.05, 14), 12)[:160]
    noise = measured_noise(data + strips[:, None].astype("f4"), stat)
    np.testing.assert_allclose(noise.factor, 1.0, atol=4 * 0.0225)
    # Fourteen strips, less four terms of the surface, tell it to 1 / sqrt(2 * 10) = 22 %; apertures
    # on two strips see about 0.8 of it.
    assert noise.background[2] == pytest.approx(0.05 * 63.6 * 0.8, rel=0.5)
    assert (np.diff(noise.background) > 0).all()


def test_a_residual_sky_spectrum_of_another_strength_in_each_strip_is_no_noise():
    data, stat = noise_cube(14)
    lines = np.random.default_rng(15).lognormal(0, 1, len(WAVE))[:, None, None]
    strips = np.repeat(np.random.default_rng(16).normal(0, 0.05, 14), 12)[:160, None]
    noise = measured_noise(data + (lines * strips).astype("f4"), stat)
    np.testing.assert_allclose(noise.factor, 1.0, atol=4 * 0.0225)
    assert noise.background[2] > 1


def test_the_wings_of_a_bright_star_are_no_noise():
    data, stat = noise_cube(9)
    row, column = np.indices(SHAPE[1:])
    wings = 5e3 / (1 + ((column + 60) ** 2 + (row - 80) ** 2) / 8.0**2) ** 2  # 1.6 to 0.01
    noise = measured_noise(data + wings.astype("f4"), stat)
    assert noise.factor == pytest.approx(np.ones(4), abs=4 * 0.0225)
    # 1.6 per spaxel are 100 in the aperture, and the flux falls from there to 1 over the field: a
    # scatter of 20. A cubic surface leaves a few of them near the star.
    assert noise.background[2] < 4.0


def test_a_star_that_was_not_detected_does_not_count():
    data, stat = noise_cube(10)
    positions = blank_positions(np.zeros(SHAPE[1:]), np.empty((0, 2)), radius_px=5.5, fwhm_px=4.0)
    star = clean_image(FieldRecipe(SHAPE[1:], positions[20:22], np.full(2, 60.0), 4.0))
    noise = measured_noise(data + star.astype("f4"), stat)
    assert (noise.background < 0.5).all()
    np.testing.assert_allclose(noise.factor, 1.0, atol=4 * 0.0225)


def test_blank_apertures_keep_away_from_stars_rims_and_the_standard():
    image = np.zeros((200, 220))
    image[:, :15] = np.nan
    avoid = np.zeros(image.shape, bool)
    avoid[80:120, 80:120] = True
    stars = np.random.default_rng(4).uniform(20, 180, (12, 2))
    xy = blank_positions(image, stars, radius_px=5.5, fwhm_px=4.0, avoid=avoid)
    assert 20 < len(xy) <= 64
    assert (np.hypot(*(xy[:, None] - stars).transpose(2, 0, 1)) > 5.5 + 10).all()
    row, column = np.indices(image.shape)
    for x, y in xy:
        inside = np.hypot(column - x, row - y) <= 5.5
        assert inside.sum() > 85
        assert np.isfinite(image[inside]).all()
        assert not avoid[inside].any()
    apart = np.hypot(*(xy[:, None] - xy).transpose(2, 0, 1))[~np.eye(len(xy), dtype=bool)]
    assert apart.min() > 11


def test_a_crowded_field_without_blank_sky_measures_nothing():
    stars = np.array([(x, y) for x in range(0, 60, 10) for y in range(0, 60, 10)], float)
    xy = blank_positions(np.zeros((60, 60)), stars, radius_px=5.5, fwhm_px=4.0)
    assert xy.shape == (0, 2)
    blank = extract_spectra((np.ones((196, 60, 60)),) * 2 + (WAVE[:196],), xy, RADII)
    band = Band("box", WAVE[[10, 150]], np.ones(2), "test")
    noise = blank_noise(blank, xy, band, min_coverage=0.98)
    assert np.isnan(noise.factor).all()
    assert noise_sigma(np.ones((3, 4)), noise)[1].tolist() == ["STAT"] * 4


def test_a_stat_of_zero_says_nothing():
    data, stat = noise_cube(13)
    noise = measured_noise(data, 0 * stat)
    assert np.isnan(noise.factor).all()
    assert (noise.background == 0).all()

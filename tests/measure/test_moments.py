"""Positions and widths of stars and of a PSF, at values that can be written down."""

import numpy as np
import pytest

from pipeline.measure import moments
from pipeline.measure.psf_field import FieldPsf, WidthSurface, fit_surface


def gaussian(x0, y0, *, fwhm_px=4.0, shape=(31, 33)):
    y, x = np.mgrid[: shape[0], : shape[1]]
    sigma = fwhm_px / 2.3548200450309493
    return 100 * np.exp(-((x - x0) ** 2 + (y - y0) ** 2) / (2 * sigma**2))


def test_moments_of_a_gaussian_are_its_place_and_width():
    found = moments.windowed_moments(gaussian(15.3, 16.2), np.array([[15.0, 16.0]]), fwhm_px=4.0)
    np.testing.assert_allclose(found.xy, [[15.3, 16.2]], atol=2e-4)
    assert found.fwhm_px[0] == pytest.approx(4.0, rel=1e-3)
    wide = moments.windowed_moments(
        gaussian(15, 16, fwhm_px=5.0), np.array([[15.0, 16.0]]), fwhm_px=4.0
    )
    assert wide.fwhm_px[0] == pytest.approx(5.0, rel=1e-2)


def test_a_centroid_that_is_drawn_away_or_sees_no_light_stays_where_it_was():
    start = np.array([[13.0, 16.0], [15.0, 16.0]])
    found = moments.windowed_moments(gaussian(15, 16), start, fwhm_px=4.0)
    np.testing.assert_allclose(found.xy, start, atol=1e-3)
    assert np.isnan(found.fwhm_px).tolist() == [True, False]
    dark = moments.windowed_moments(-gaussian(15, 16), start, fwhm_px=4.0)
    np.testing.assert_array_equal(dark.xy, start)
    assert np.isnan(dark.fwhm_px).all()


def test_pixels_off_the_image_are_missing():
    image = np.arange(12.0).reshape(3, 4)
    pixels, dx, dy = moments._stamps(image, np.array([[3.2, 0.0]]), half=1)
    np.testing.assert_array_equal(
        pixels.reshape(3, 3), [[np.nan] * 3, [2, 3, np.nan], [6, 7, np.nan]]
    )
    np.testing.assert_allclose(dx[0, :3], [-1.2, -0.2, 0.8])
    np.testing.assert_allclose(dy[0, ::3], [-1.0, 0.0, 1.0])


def test_a_surface_of_widths_is_quadratic_and_held_at_its_rim():
    surface = WidthSurface(np.array([0.0, 0.0]), np.array([100.0, 50.0]), np.arange(1.0, 7.0))
    terms = surface.terms(np.array([[75.0, 0.0], [200.0, 25.0]]))
    np.testing.assert_allclose(terms, [[1, 0.5, -1, 0.25, -0.5, 1], [1, 1, 0, 1, 0, 0]])
    np.testing.assert_allclose(surface.at(np.array([[75.0, 0.0]])), [1 + 1 - 3 + 1 - 2.5 + 6])
    point = WidthSurface.flat(np.array([[5.0, 5.0], [5.5, 5.0]]))
    np.testing.assert_allclose(point.terms(np.array([[5.5, 5.0]]))[0, :3], [1, 0.25, 0])


def test_a_fitted_surface_follows_the_widths_and_not_one_blend():
    rng = np.random.default_rng(3)
    xy = rng.uniform(0, 300, (60, 2))
    scaled = (xy - xy.min(axis=0)) / np.ptp(xy, axis=0) * 2 - 1
    truth = 0.02 * scaled[:, 0] - 0.015 * scaled[:, 1] ** 2
    widths = truth.copy()
    widths[7] += 0.5
    found = fit_surface(xy, widths, np.full(60, 1e8)).at(xy)
    np.testing.assert_allclose(found - found.mean(), truth - truth.mean(), atol=4e-3)
    assert found.mean() == pytest.approx(0.0, abs=1e-3)
    flat = fit_surface(xy, widths, np.full(60, 1e-6)).at(xy)
    assert np.abs(flat).max() < 1e-3


def test_positions_and_widths_of_a_psf_are_those_of_its_knot():
    width = WidthSurface(np.zeros(2), np.full(2, 10.0), np.array([np.log(1.1), 0, 0, 0, 0, 0]))
    psf = FieldPsf(
        np.array([5000.0, 6000.0]), np.array([2.0, 1.5]), np.array([[1.0], [0.5]]),
        np.array([[0.0, 0.0], [0.3, -0.2]]), width, np.array([[0.1, 0.2]]),
    )  # fmt: skip
    places, sigma, share = psf.at(1, np.array([[4.0, 5.0]]))
    np.testing.assert_allclose(places, [[4.4, 5.0]])
    np.testing.assert_allclose(sigma, [1.65])
    assert share.tolist() == [0.5]
    more = psf.extended(3, np.array([2]))
    np.testing.assert_allclose(more.offset_px, [[0, 0], [0, 0], [0.1, 0.2]])

"""Shares of the components of a PSF, the whole fit, and the surface of widths."""

import numpy as np
import pytest

from pipeline.measure import psf_fit
from pipeline.measure.psf_field import FieldPsf, fit_surface
from pipeline.measure.psf_model import star_images
from pipeline.measure.psf_system import build_windows
from tests.measure.psf_stars import SHARES, WAVE, field, knots_of, psf_of, stars


def test_shares_of_the_components_are_found_at_both_ends_of_the_wavelengths():
    xy, windows = field()
    first, last = np.array([0, 0.6, 0.2, 0.1, 0.1, 0]), np.array([0, 0.2, 0.5, 0.2, 0.1, 0])
    place = psf_fit._position(WAVE)
    truth = np.outer(1 - place, first) + np.outer(place, last)
    data = [stars(windows, xy, [9e4, 5e4, 7e4, 6e4], 1.7, one, sky=5.0) for one in truth]
    psf = psf_of(xy, 4, shares=np.array([0, 0.5, 0.5, 0, 0, 0]))
    for _ in range(8):  # fluxes and shares are found in turn
        shares = psf_fit._shares(windows, xy, knots_of(data), psf, np.arange(4))
        psf = psf_of(xy, 4, shares=shares[0])
        psf = FieldPsf(**{**vars(psf), "shares": shares})
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)
    np.testing.assert_allclose(shares, truth, atol=0.01)
    assert (shares >= 0).all()


def test_without_light_the_shares_stay():
    xy, windows = field()
    nothing = np.zeros((2, 4, len(windows.offsets.x)))
    psf = psf_of(xy, 2)
    dark = -stars(windows, xy, [9e4] * 4, 1.7)
    found = psf_fit._shares(windows, xy, knots_of([dark, dark]), psf, np.arange(4))
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    np.testing.assert_allclose(
        psf_fit._shares(windows, xy, knots_of(nothing), psf, np.arange(4)).sum(axis=1), 1.0
    )


def test_a_faint_star_counts_less_for_the_shares_and_no_star_for_everything():
    xy, windows = field()
    flux = np.array([9e4, 9e4, 9e4, 3e3])
    data = stars(windows, xy, flux, 1.7)
    psf = psf_of(xy, 1)
    design, own = psf_fit._share_equations(windows, xy, knots_of([data]), psf, np.arange(4), 0)
    n_pix = len(windows.offsets.x)
    size = np.linalg.norm(design.reshape(4, n_pix, -1)[..., 1], axis=1)
    error = 1 / flux
    median = np.median(error)
    weight = 1 / np.sqrt(error**2 + 1e-3 * median**2 + 1e-6**2)  # nor is any known to 1e-6
    np.testing.assert_allclose(size[3] / size[0], weight[3] / weight[0], rtol=1e-5)
    np.testing.assert_allclose(design @ SHARES, own, atol=1e-6 * np.abs(own).max())


def test_the_fit_returns_the_psf_that_made_the_stars():
    rng = np.random.default_rng(7)
    xy = np.array([(30.0 + 35 * i, 30.0 + 35 * j) for i in range(3) for j in range(3)])
    xy += rng.uniform(-0.5, 0.5, xy.shape)
    windows = build_windows(xy, 11.0, 11.0, (130, 130))
    flux, shift = 10 ** rng.uniform(4.5, 5.0, 9), np.array([0.05, -0.04])
    sigmas = np.array([1.9, 1.8, 1.7, 1.6])
    data = [stars(windows, xy + shift * k, flux, sigma, sky=3.0) for k, sigma in enumerate(sigmas)]
    found = psf_fit.fit_psf(windows, xy, knots_of(data), np.ones(9, bool))
    np.testing.assert_allclose(found.shift_px, shift * np.arange(4)[:, None], atol=0.005)
    for knot, sigma in enumerate(sigmas):
        image = star_images(
            windows.offsets, np.zeros((1, 2)), found.sigma_px[knot : knot + 1], found.shares[knot]
        )
        truth = star_images(windows.offsets, np.zeros((1, 2)), np.array([sigma]), SHARES)
        # the extent of the halo is told apart from the sky to some per cent of the light only
        np.testing.assert_allclose(image / image.max(), truth / truth.max(), atol=0.01)
        assert image.max() == pytest.approx(truth.max(), rel=0.05)


def test_a_surface_is_held_to_a_few_per_cent_by_its_prior():
    # Nine stars on a grid, all weights equal: the equations are those of the docstring.
    xy = np.array([(x, y) for x in (0.0, 50.0, 100.0) for y in (0.0, 50.0, 100.0)])
    widths = 0.01 * (xy[:, 0] / 50 - 1)
    information = 1 / 0.01**2
    surface = fit_surface(xy, widths, np.full(9, information))
    weight = 1 / (1 / information + 0.003**2)
    slope = 0.01 * 6 * weight / (6 * weight + 1 / 0.03**2)
    np.testing.assert_allclose(surface.coefficient, [0, slope, 0, 0, 0, 0], atol=1e-9)


def test_a_star_that_pulls_by_more_than_two_and_a_half_sigma_counts_less():
    """On a grid the constant is the mean, and one star that stands out pulls on nothing else."""
    side = np.arange(9.0)
    xy = np.array([(x, y) for x in side for y in side])
    scaled = xy / 4 - 1
    terms = np.column_stack(
        [np.ones(81), *scaled.T, scaled[:, 0] ** 2, scaled.prod(axis=1), scaled[:, 1] ** 2]
    )
    widths = np.zeros(81)
    widths[40] = 0.4
    information = 1 / 0.02**2
    weight = np.full(81, 1 / (1 / information + 0.003**2))
    used = weight
    for _ in range(3):
        normal = terms.T @ (used[:, None] * terms) + np.eye(6) / 0.03**2
        coefficient = np.linalg.solve(normal, terms.T @ (used * widths))
        pull = np.abs(widths - terms @ coefficient) * np.sqrt(weight)
        used = weight * np.minimum(1, 2.5 / np.maximum(pull, 2.5))
    assert pull[40] > 10
    expected = terms @ coefficient - (terms @ coefficient).mean()
    found = fit_surface(xy, widths, np.full(81, information)).at(xy)
    np.testing.assert_allclose(found, expected, atol=1e-9)

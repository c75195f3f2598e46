"""The light of neighbours is taken off as light, its errors are scaled by what the stars show."""

import numpy as np
import pytest
from astropy.table import QTable

from pipeline.schema.flux_array import FluxArray
from pipeline.statistics.neighbours import (
    certainty_of_variation,
    error_scale,
    loaded_shares,
    subtracted,
    without_neighbours,
    without_varying_neighbours,
)

N_EXPOSURES, N_STARS = 12, 60


def array_of(flux, flux_err):
    """The fluxes in one aperture and band."""
    shape = (*flux.shape, 1, 1)

    def text(value):
        return np.full(shape, value)

    return FluxArray(
        tuple(f"e{k}" for k in range(len(flux))),
        tuple(range(1, flux.shape[1] + 1)),
        (4.5,),
        ("I",),
        flux.reshape(shape),
        flux_err.reshape(shape),
        np.ones(shape),
        text(""),
        np.full(shape, 7.0),
        text("STAT"),
        np.zeros(shape),
        "exact",
    )


def exact_field():
    """Light of stars without noise, transparency, and light of constant neighbours over it."""
    rng = np.random.default_rng(1)
    own = rng.uniform(100, 1000, N_STARS) * np.exp(0.1 * rng.standard_normal((N_EXPOSURES, 1)))
    share = rng.uniform(0, 0.5, (N_EXPOSURES, N_STARS))
    return own, share


def test_constant_neighbours_leave_the_variation_of_a_star_as_it_is():
    own, share = exact_field()
    varied = own.copy()
    varied[:4, 5] *= (1.5, 0.7, 1.2, 0.9)  # in most exposures it is as it always is
    flux = varied + share * own
    found, err = subtracted(flux, np.zeros_like(flux), share, np.zeros_like(flux))
    np.testing.assert_allclose(found, varied, rtol=1e-12)
    assert (err == 0).all()


def test_apertures_beside_the_star_are_set_right():
    own, share = exact_field()
    light = np.linspace(0.8, 1.0, N_EXPOSURES)[:, np.newaxis] * np.ones(N_STARS)
    flux = light * own * (1 + share)
    cube = array_of(flux, 0.01 * flux)
    found = without_neighbours(
        cube, share[..., np.newaxis], np.zeros((*flux.shape, 1)), light[..., np.newaxis]
    )
    np.testing.assert_allclose(found.flux[:, :, 0, 0], own, rtol=1e-12)
    np.testing.assert_allclose(found.flux_err[:, :, 0, 0], 0.01 * flux / light, rtol=1e-12)
    assert (found.flux_published == 7.0).all()


def test_what_is_not_known_is_not_taken_off():
    own, share = exact_field()
    own[3] = np.nan  # an exposure that failed
    own[:, 7] = -1.0  # a star without light
    share[:, 11] = np.nan
    flux = own * (1 + np.nan_to_num(share))
    found, err = subtracted(flux, 0.01 * np.abs(flux), share, np.zeros_like(flux))
    np.testing.assert_array_equal(found[:, [7, 11]], flux[:, [7, 11]])
    np.testing.assert_array_equal(np.isnan(found), np.isnan(flux))
    good = np.delete(np.arange(N_STARS), 7)
    np.testing.assert_allclose(found[:, good], own[:, good], rtol=1e-12)
    assert np.isfinite(err[np.isfinite(flux)]).all()


def test_errors_hold_what_is_not_known_of_neighbours_over_the_light_of_the_star():
    own, share = exact_field()
    flux = own * (1 + share)
    err = np.full_like(flux, 0.02)
    _, few = subtracted(flux[:, :10], 0.01 * flux[:, :10], share[:, :10], err[:, :10])
    expected = np.hypot(0.01 * flux, own * (1 + share) * 0.02)[:, :10]
    np.testing.assert_allclose(few, expected, rtol=1e-12)  # too few stars to tell a scale
    nothing = np.full_like(flux, 50.0)
    _, most = subtracted(flux[:, :10], 0.0 * flux[:, :10], share[:, :10], nothing[:, :10])
    np.testing.assert_allclose(most, own[:, :10], rtol=1e-12)  # as large as the flux, no more


@pytest.mark.parametrize("true", [0.5, 1.0, 2.0])
def test_the_scale_of_the_errors_is_told_by_the_stars(true):
    # 200 stars, ln of a variance of 11 degrees of freedom scatters by 0.43: the scale by some 6 %,
    # and as much again since a part of each variance is noise; steps of the scale are 9.6 %
    rng = np.random.default_rng(2)
    shape = (N_EXPOSURES, 200)
    photons = np.full(shape, 0.005)
    err = np.tile(np.geomspace(0.001, 0.08, 200), (N_EXPOSURES, 1))
    off = rng.standard_normal((3, *shape))
    off = 0.005 * off[0] + 0.02 * off[1] + true * err * off[2]
    off -= off.mean(axis=0)
    off[:, ::20] += 0.3 * rng.standard_normal((N_EXPOSURES, 10))  # variable stars
    assert error_scale(off, photons, err) == pytest.approx(true, rel=0.3)


def test_shares_of_channels_grow_with_the_light_that_was_taken_off():
    share = np.array([[0.25, np.nan]])
    channels = np.array([[[0.7, 0.3], [0.0, 1.0]]])
    assert loaded_shares(channels, share).tolist() == [[[0.875, 0.375], [0.0, 1.0]]]


def variable_pair():
    """Star 0 holds a third of the light of star 1, which varies; star 2 a bit of both."""
    own, _ = exact_field()
    varies = own.copy()
    varies[:4, 1] *= (1.4, 0.6, 1.3, 0.8)
    share = np.full((N_EXPOSURES, 2, 1), 1 / 3)
    flux = varies.copy()
    flux[:, 0] += share[:, 0, 0] * own[:, 0] * (varies[:, 1] / own[:, 1] - 1)
    return array_of(flux, 0.01 * own), own, share


def test_a_variable_neighbour_is_taken_off_as_it_varies():
    array, own, share = variable_pair()
    star, other = np.array([0, 1]), np.array([1, 0])
    certainty = np.zeros(N_STARS)
    certainty[[0, 1]] = 3.0, 9.0
    found = without_varying_neighbours(array, star, other, share, certainty)
    np.testing.assert_allclose(found.flux[:, 0, 0, 0], own[:, 0], rtol=1e-12)
    np.testing.assert_array_equal(found.flux[:, 1:], array.flux[:, 1:])  # nor the certain one
    expected = np.hypot(0.01 * own[:, 0], own[:, 0] / 3 * 0.01)
    np.testing.assert_allclose(found.flux_err[:, 0, 0, 0], expected, rtol=1e-12)


def test_without_a_variable_neighbour_fluxes_are_the_same_object():
    array, _, share = variable_pair()
    pair = np.array([0, 1]), np.array([1, 0])
    assert without_varying_neighbours(array, *pair, share, np.zeros(N_STARS)) is array


def test_the_certainty_is_the_scatter_over_what_is_expected_of_stars_that_are_called_variable():
    table = QTable(
        {
            "star_id": [3, 1, 2],
            "std": [0.2, 0.3, 0.1],
            "expected_std": [0.1, 0.1, 0.1],
            "flag": ["variable", "", "variable"],
        }
    )
    assert certainty_of_variation(table, (1, 2, 3, 4)).tolist() == [0.0, 1.0, 2.0, 0.0]

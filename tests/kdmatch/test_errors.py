"""The stated error of a position: noise, rounding, distortion and extrapolation."""

import numpy as np
import pytest
from scipy.stats import chi2

import kdmatch
from kdmatch.synthetic import MUSE_FIELD_PX, affine_of, simulate_pair

TRUTH = affine_of(rotation_deg=3, offset_px=(7, -4))
CENTRE = np.array(MUSE_FIELD_PX) / 2


def moved(xy):
    return xy @ TRUTH[:, :2].T + TRUTH[:, 2]


def radial(xy, corner_px, power=2):
    """Positions moved outwards, by ``corner_px`` in the corners of the field."""
    off = (xy - CENTRE) / np.hypot(*CENTRE)
    return xy + corner_px * off * (off**2).sum(axis=1, keepdims=True) ** (power / 2)


def bent(xy, edge_px):
    """Refraction that changes across the field: quadratic along one direction."""
    along = (xy - CENTRE) @ [0.6, 0.8] / np.hypot(*CENTRE)
    return xy + edge_px * (along**2)[:, None] * [0.6, 0.8]


def field(distort, size, n, seed, noise=0.1):
    rng = np.random.default_rng([seed, n])
    stars = rng.uniform(0, 1, (n, 2)) * MUSE_FIELD_PX
    true = moved(distort(stars, size))
    return stars, true, true + rng.normal(0, noise, true.shape)


def worst_ratio(found, stars, true):
    off = np.hypot(*(found.transform(stars) - true).T).max()
    return off / np.hypot(*found.position_sigma_px(stars).T).max()


def test_without_noise_the_error_is_that_of_the_noise_that_is_granted():
    """Residuals of zero leave two degrees of freedom of a quarter of the tolerance among 2 n - 6."""
    stars, _, seen = field(radial, 0.0, 200, 0, noise=0.0)
    found = kdmatch.match(stars, seen)
    at_least = np.sqrt(2 * 0.25**2 / (2 * 200 - 6) / 200)
    middle = found.position_sigma_px(stars.mean(axis=0))
    assert (middle >= 0.99 * at_least).all()
    assert (middle < 4 * at_least).all()
    assert found.log10_distortion_odds < 0


@pytest.mark.parametrize("n", [25, 60])
@pytest.mark.parametrize(("distort", "sizes"), [(radial, (0.3, 1, 3, 16)), (bent, (0.3, 1, 4, 10))])
def test_a_distorted_field_is_refused_or_its_error_covers_the_distortion(distort, sizes, n):
    for size in sizes:
        for seed in range(4):
            stars, true, seen = field(distort, size, n, 100 + seed)
            try:
                found = kdmatch.match(stars, seen)
            except kdmatch.NoMatch:
                assert size > 0.5
            else:
                assert worst_ratio(found, stars, true) < 2


def test_a_field_distorted_beyond_the_limit_is_refused_as_such():
    stars, _, seen = field(radial, 16.0, 60, 1)
    with pytest.raises(kdmatch.NoMatch, match="distorted field"):
        kdmatch.match(stars, seen)


def test_who_accepts_the_distortion_learns_how_large_it_is():
    stars, true, seen = field(radial, 16.0, 150, 2)
    found = kdmatch.match(stars, seen, max_field_error_px=np.inf)
    off = np.hypot(*(found.transform(stars) - true).T)
    assert off.max() > 3
    assert found.log10_distortion_odds > 10
    assert found.departure_px == pytest.approx(off.max(), rel=0.3)
    basis = np.column_stack([stars, np.ones(len(stars))])
    spread = [np.einsum("ni,ij,nj->n", basis, found.covariance[k : k + 3, k : k + 3], basis)
              for k in (0, 3)]  # fmt: skip
    assert np.sqrt(np.max(spread[0] + spread[1])) > off.max() / 2  # the covariance covers it, too


def test_affine_fields_do_not_pass_for_distorted():
    """The odds of a departure against none exceed 100 in less than one affine field of 100."""
    odds = []
    for seed in range(60):
        stars, _, seen = field(radial, 0.0, 40, 300 + seed)
        odds.append(kdmatch.match(stars, seen).log10_distortion_odds)
    assert np.median(odds) < 0
    assert sum(value > 2 for value in odds) == 0


def test_errors_of_affine_fields_hold_and_are_not_far_too_large():
    """Deviations at the matched stars over the stated error: rms below 1 and above a third."""
    squares = []
    for seed in range(60):
        stars, true, seen = field(radial, 0.0, 25, 500 + seed)
        found = kdmatch.match(stars, seen)
        off = (found.transform(stars) - true) / found.position_sigma_px(stars)
        squares.append((off**2).mean())
    assert 1 / 9 < np.mean(squares) < 1


def test_errors_grow_outside_of_the_hull_of_the_pairs():
    stars, _, seen = field(radial, 0.0, 60, 3)
    left = stars[:, 0] < 160
    found = kdmatch.match(stars, seen[left])
    inside, outside = np.array([[80.0, 150.0]]), np.array([[310.0, 150.0]])
    assert not found.extrapolated(inside).any()
    assert found.extrapolated(outside).all()
    ratio = found.position_sigma_px(outside) / found.position_sigma_px(inside)
    assert (ratio > 3).all()
    # the matched stars span the hull: none of them is outside, all others of the right half are
    assert not found.extrapolated(stars[found.pairs[:, 0]]).any()
    assert found.extrapolated(stars[stars[:, 0] > 161]).all()


def test_an_overlap_of_a_fifth_states_what_it_does_not_know():
    for seed in range(12):
        stars, true, seen = field(radial, 0.0, 100, 700 + seed)
        try:
            found = kdmatch.match(stars, seen[stars[:, 0] < 64], max_field_error_px=np.inf)
        except kdmatch.NoMatch:
            continue
        assert worst_ratio(found, stars, true) < 2


@pytest.mark.parametrize("n", [12, 25])
def test_positions_rounded_to_pixels_have_errors_that_hold(n):
    """Rounding both lists makes residuals of variance 1/12 + 1/12 in each axis; of 60 fields one or
    none exceeds twice the stated error (a Gaussian error would in 2 %)."""
    over = 0
    for seed in range(60):
        rng = np.random.default_rng([seed, n, 2])
        stars = rng.uniform(0, 1, (n, 2)) * MUSE_FIELD_PX
        found = kdmatch.match(np.round(stars), np.round(moved(stars)))
        over += worst_ratio(found, stars, moved(stars)) > 2
        rounding = 1 / 12 + 1 / 12
        least = np.linalg.inv(basis_moments(np.round(stars)[found.pairs[:, 0]])) * rounding
        assert found.covariance[2, 2] >= 0.99 * least[2, 2]
    assert over <= 1


def basis_moments(xy):
    basis = np.column_stack([xy, np.ones(len(xy))])
    return basis.T @ basis


def test_rounding_counts_even_when_residuals_happen_to_vanish():
    """A shift by whole pixels leaves no residual; what rounding can hide remains."""
    stars = np.round(np.random.default_rng(5).uniform(0, 300, (20, 2)))
    found = kdmatch.match(stars, stars + 7)
    assert found.rms_px < 1e-9
    centre = found.position_sigma_px(stars.mean(axis=0))
    assert (centre >= np.sqrt((1 / 12 + 1 / 12) / 20) * 0.999).all()


def test_the_error_form_is_symmetric_and_positive():
    pair = simulate_pair(30, TRUTH, missing=0.2, spurious=0.2, seed=6)
    form = kdmatch.match(pair.reference, pair.target).error_form
    for axis in range(2):
        np.testing.assert_allclose(form[axis], form[axis].T, atol=1e-12 * np.abs(form).max())
        assert np.linalg.eigvalsh(form[axis]).min() > -1e-9 * np.abs(form).max()


def test_with_many_pairs_the_middle_of_the_field_is_known_as_regression_says():
    """1000 pairs: the noise is known to 2 % and any curve to far less than it."""
    stars, true, seen = field(radial, 0.0, 1000, 8)
    found = kdmatch.match(stars * 1.0, seen, tolerance_px=0.5)
    off = (found.transform(stars) - true)[np.hypot(*(stars - CENTRE).T) < 60]
    sigma = found.position_sigma_px(stars)[np.hypot(*(stars - CENTRE).T) < 60]
    assert np.median(sigma) < 3 * 0.1 / np.sqrt(1000)
    assert (off**2).max() < chi2.ppf(0.99999, 1) * (sigma**2).max()

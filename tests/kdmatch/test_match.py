"""What a match returns: exact cases, noise with derived tolerances, the real pair."""

import numpy as np
import pytest

import kdmatch
from kdmatch.synthetic import affine_of, simulate_pair
from tests.kdmatch.common import any_affine, real_pair, xy

SEVEN = np.array([[0, 0], [100, 10], [20, 90], [130, 140], [60, 35], [150, 60], [35, 160]], float)


def test_identical_catalogues_give_the_identity():
    found = kdmatch.match(SEVEN, SEVEN)
    np.testing.assert_allclose(found.affine, [[1, 0, 0], [0, 1, 0]], atol=1e-12)
    np.testing.assert_array_equal(found.pairs, [[i, i] for i in range(7)])
    assert found.rms_px < 1e-12
    assert found.false_alarm_probability < 1e-4
    assert found.n_reference == found.n_target == 7


def test_a_hand_made_affine_comes_back_to_rounding():
    target = np.column_stack(
        [1.02 * SEVEN[:, 0] - 0.05 * SEVEN[:, 1] + 7, 0.03 * SEVEN[:, 0] + 0.98 * SEVEN[:, 1] - 4]
    )
    found = kdmatch.match(SEVEN, target[::-1])
    np.testing.assert_allclose(found.affine, [[1.02, -0.05, 7], [0.03, 0.98, -4]], atol=1e-11)
    np.testing.assert_array_equal(found.pairs[:, 1], np.arange(6, -1, -1))


@pytest.mark.parametrize("seed", range(12))
def test_any_permitted_map_is_found_without_a_prior(seed):
    truth = any_affine(np.random.default_rng(seed))
    pair = simulate_pair(25, truth, missing=0.5, spurious=0.5, noise_px=0, seed=seed)
    found = kdmatch.match(pair.reference, pair.target)
    assert pair.field_error_px(found.affine) < 1e-9
    np.testing.assert_array_equal(found.pairs, pair.pairs)


@pytest.mark.parametrize("seed", range(6))
def test_a_mirrored_field_matches_only_when_reflection_is_allowed(seed):
    truth = any_affine(np.random.default_rng(seed), reflect=True)
    pair = simulate_pair(25, truth, missing=0.2, spurious=0.2, seed=seed)
    with pytest.raises(kdmatch.NoMatch):
        kdmatch.match(pair.reference, pair.target)
    found = kdmatch.match(pair.reference, pair.target, allow_reflection=True)
    np.testing.assert_array_equal(found.pairs, pair.pairs)


@pytest.mark.parametrize("scale", [0.5, 2.0])
@pytest.mark.parametrize("shear", [-0.1, 0.1])
def test_maps_at_the_limits_of_scale_and_shear_are_inside(scale, shear):
    truth = affine_of(rotation_deg=200, scale=scale, shear=shear, shear_angle_deg=30)
    pair = simulate_pair(25, truth, missing=0.2, spurious=0.2, seed=3)
    np.testing.assert_array_equal(kdmatch.match(pair.reference, pair.target).pairs, pair.pairs)


@pytest.mark.parametrize(
    "wrong", [affine_of(scale=2.3), affine_of(scale=0.4), affine_of(shear=0.25)]
)
def test_maps_beyond_the_limits_are_refused_and_wider_limits_take_them(wrong):
    pair = simulate_pair(25, wrong, seed=4)
    with pytest.raises(kdmatch.NoMatch):
        kdmatch.match(pair.reference, pair.target)
    found = kdmatch.match(pair.reference, pair.target, scale_range=(0.3, 3), max_shear=0.3)
    assert len(found.pairs) == 25


def test_the_fit_is_the_least_squares_fit_of_its_pairs():
    pair = simulate_pair(40, affine_of(rotation_deg=3), missing=0.2, spurious=0.2, seed=5)
    found = kdmatch.match(pair.reference, pair.target)
    np.testing.assert_allclose(found.affine, pair.oracle(), atol=1e-10)
    residual = pair.target[found.pairs[:, 1]] - found.transform(pair.reference[found.pairs[:, 0]])
    assert found.rms_px == pytest.approx(np.sqrt((residual**2).sum(axis=1).mean()), rel=1e-10)


def test_the_covariance_is_that_of_two_axis_regression():
    pair = simulate_pair(30, affine_of(rotation_deg=10), seed=6)
    found = kdmatch.match(pair.reference, pair.target)
    basis = np.column_stack([pair.reference[found.pairs[:, 0]], np.ones(30)])
    residual = pair.target[found.pairs[:, 1]] - basis @ found.affine.T
    expected = np.kron(residual.T @ residual / (30 - 3), np.linalg.inv(basis.T @ basis))
    np.testing.assert_allclose(found.covariance, expected, rtol=1e-8, atol=1e-18)


def test_deviations_from_the_truth_scatter_as_the_covariance_says():
    """With n = 40 pairs the squared deviation in its own metric is Hotelling's T^2 of two regressions:
    for each axis 3 F(3, 37) with mean 3 * 37 / 35; a mean of 150 trials of both axes has a standard
    error of sqrt(2 * var / 150), var = 9 * 2 * 37**2 * 38 / (3 * 35**2 * 33) = 7.7. Within 5 of them."""
    truth = affine_of(rotation_deg=1, offset_px=(7, -7))
    total = 0.0
    for seed in range(150):
        pair = simulate_pair(40, truth, seed=seed)
        found = kdmatch.match(pair.reference, pair.target)
        for axis in range(2):
            block = found.covariance[3 * axis : 3 * axis + 3, 3 * axis : 3 * axis + 3]
            deviation = found.affine[axis] - truth[axis]
            total += deviation @ np.linalg.solve(block, deviation)
    expected = 6 * 37 / 35
    assert abs(total / 150 - expected) < 5 * np.sqrt(2 * 7.7 / 150)


def test_noise_above_a_quarter_of_the_tolerance_does_not_cost_pairs():
    """At 0.4 px per axis exp(-1 / (2 * 0.16)) = 4 % of all pairs lie beyond 1 px: 12 of 300."""
    pair = simulate_pair(300, affine_of(), noise_px=0.4, field_px=(3000, 3000), seed=8)
    found = kdmatch.match(pair.reference, pair.target, tolerance_px=1.0)
    assert len(found.pairs) >= 299
    assert found.tolerance_px == pytest.approx(4 * 0.4, rel=0.15)  # sigma of 600 values to 3 %


def test_the_published_catalogues_match_with_all_stars_and_no_spurious_one():
    reference, target = real_pair()
    found = kdmatch.match(xy(reference), xy(target))
    ids = np.asarray(target["id"])[found.pairs[:, 1]]
    np.testing.assert_array_equal(np.asarray(reference["id"])[found.pairs[:, 0]], ids)
    assert len(found.pairs) == 25
    assert not np.asarray(target["spurious"])[found.pairs[:, 1]].any()

    known = xy(target)[[list(target["id"]).index(star) for star in reference["id"]]]
    basis = np.column_stack([xy(reference), np.ones(25)])
    oracle, *_ = np.linalg.lstsq(basis, known, rcond=None)
    np.testing.assert_allclose(found.affine, oracle.T, atol=1e-11)
    rms = np.sqrt(((known - basis @ oracle) ** 2).sum(axis=1).mean())
    assert found.rms_px == pytest.approx(rms, rel=1e-12)
    # errors of the coefficients as recorded beside the digitised data
    recorded = [0.00143, 0.00114, 0.276, 0.00099, 0.00079, 0.191]
    np.testing.assert_allclose(np.sqrt(np.diag(found.covariance)), recorded, rtol=5e-3)


@pytest.mark.slow
@pytest.mark.parametrize("n", [1000, 30_000, 100_000])
def test_large_catalogues_match(n):
    side = 30.0 * np.sqrt(n)
    truth = affine_of(rotation_deg=120, scale=0.8, shear=0.03, offset_px=(20, 30))
    pair = simulate_pair(n, truth, missing=0.3, spurious=0.3, field_px=(side, side), seed=n)
    found = kdmatch.match(pair.reference, pair.target)
    assert pair.field_error_px(found.affine) < 0.1
    assert len(found.pairs) >= 0.699 * n


def test_results_are_read_only():
    found = kdmatch.match(SEVEN, SEVEN)
    with pytest.raises(ValueError, match="read-only"):
        found.affine[0, 0] = 2
    with pytest.raises(AttributeError):
        found.rms_px = 0


def test_lists_integers_and_strided_arrays_are_taken():
    expected = kdmatch.match(SEVEN, SEVEN).affine
    wide = np.zeros((7, 4))
    wide[:, ::2] = SEVEN
    for given in (SEVEN.astype(int).tolist(), SEVEN.astype(np.int16), wide[:, ::2]):
        np.testing.assert_array_equal(kdmatch.match(given, SEVEN).affine, expected)

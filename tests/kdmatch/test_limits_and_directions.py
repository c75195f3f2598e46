"""The limits hold for the map that is returned, and neither list is the reference by nature."""

import numpy as np
import pytest

import kdmatch
from kdmatch.synthetic import affine_of, simulate_pair
from tests.kdmatch.common import any_affine, real_lists


def outcome(reference, target, **options):
    try:
        return kdmatch.match(reference, target, **options)
    except kdmatch.NoMatch as error:
        return error


@pytest.mark.slow
@pytest.mark.parametrize("noise", [0.0, 0.1])
@pytest.mark.parametrize("n", [12, 25, 60])
@pytest.mark.parametrize(
    "beyond",
    [
        {"shear": 0.13},
        {"shear": 0.3},
        {"shear": -0.6, "shear_angle_deg": 50},
        {"scale": 2.05},
        {"scale": 0.48},
        {"scale": 1.1, "reflect": True},
    ],
)
def test_no_map_beyond_the_limits_is_returned(beyond, n, noise):
    for seed in range(3):
        pair = simulate_pair(n, affine_of(rotation_deg=70, **beyond), noise_px=noise, seed=seed)
        with pytest.raises(kdmatch.NoMatch):
            kdmatch.match(pair.reference, pair.target)


def test_a_map_beyond_the_limits_is_refused_with_that_reason():
    stars = np.random.default_rng(2).uniform(0, 300, (25, 2))
    with pytest.raises(kdmatch.NoMatch, match="outside of the limits on scale, shear"):
        kdmatch.match(stars, stars @ [[1, 0], [0.3, 1]])


@pytest.mark.parametrize("n", [6, 8, 12, 40])
@pytest.mark.parametrize("lost", [0.0, 0.2, 0.5])
def test_both_directions_have_the_same_pairs_or_the_same_reason(n, lost):
    for seed in range(15):
        truth = any_affine(np.random.default_rng(seed))
        pair = simulate_pair(n, truth, missing=lost, spurious=lost / 2, seed=(seed, n))
        there = outcome(pair.reference, pair.target)
        back = outcome(pair.target, pair.reference)
        if isinstance(there, kdmatch.NoMatch):
            assert isinstance(back, kdmatch.NoMatch)
            assert back.reason == there.reason
        else:
            assert {(b, a) for a, b in back.pairs.tolist()} == set(map(tuple, there.pairs.tolist()))
            assert back.log10_false_alarm == there.log10_false_alarm
            assert there.n_reference == back.n_target == n


def test_the_map_back_is_the_inverse_within_the_errors():
    """Two regressions of the same pairs: they differ by far less than their errors."""
    pair = simulate_pair(30, affine_of(rotation_deg=5, scale=1.3), noise_px=0.1, seed=4)
    there = kdmatch.match(pair.reference, pair.target)
    back = kdmatch.match(pair.target, pair.reference)
    again = back.transform(there.transform(pair.reference))
    off = np.hypot(*(again - pair.reference).T)
    assert (off < 0.1 * np.hypot(*there.position_sigma_px(pair.reference).T)).all()


@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_a_pair_lies_within_the_tolerance_in_the_pixels_of_either_list(scale):
    pair = simulate_pair(60, affine_of(scale=scale), noise_px=0.2 * min(1, scale), seed=1)
    for first, second in ((pair.reference, pair.target), (pair.target, pair.reference)):
        found = kdmatch.match(first, second)
        off = np.hypot(*(found.transform(first[found.pairs[:, 0]]) - second[found.pairs[:, 1]]).T)
        assert off.max() <= found.tolerance_px


def test_a_star_far_from_all_others_leaves_the_map_uncertain_in_both_directions():
    stars = np.random.default_rng(3).uniform(0, 100, (8, 2))
    noisy = stars + np.random.default_rng(4).normal(0, 0.1, stars.shape)
    lone = np.concatenate([stars, [[5000.0, 5000.0]]])
    for pair in ((lone, noisy), (noisy, lone)):
        with pytest.raises(kdmatch.NoMatch, match="uncertain over the field of a catalogue"):
            kdmatch.match(*pair)


def real_sample():
    """Three exposures of each pointing, and the pair of which one direction used to be refused."""
    lists, pointing, start = real_lists()
    chosen = [np.flatnonzero(pointing == p)[[0, 4, -1]] for p in np.unique(pointing)]
    pairs = [(i, j) for rows in chosen for i in rows for j in rows if i < j]
    hard = tuple(start.index(f"2015-10-11T23:{minute}") for minute in ("54:28.778", "59:29.779"))
    return lists, [*pairs, hard]


def test_real_lists_of_one_pointing_match_in_both_directions():
    """Crowded detections on 8-bit previews, rms 0.5 px: fields are at most 25 px apart, and previews
    differ by up to 4 % in scale."""
    lists, pairs = real_sample()
    for i, j in pairs:
        there, back = kdmatch.match(lists[i], lists[j]), kdmatch.match(lists[j], lists[i])
        assert len(there.pairs) == len(back.pairs) > 70
        assert np.abs(there.affine[:, 2]).max() < 25
        np.testing.assert_allclose(there.affine[:, :2], np.eye(2), atol=0.045)


def test_real_maps_close_a_triangle():
    """From the first exposure to the third directly and by way of the second."""
    lists, pairs = real_sample()
    for (i, j), (_, k) in zip(pairs[:-1:3], pairs[1:-1:3], strict=True):
        direct = kdmatch.match(lists[i], lists[k])
        around = kdmatch.match(lists[j], lists[k]).transform(
            kdmatch.match(lists[i], lists[j]).transform(lists[i])
        )
        off = np.hypot(*(around - direct.transform(lists[i])).T)
        # three maps of 0.5 px noise and 76 pairs or more: 0.5 sqrt(2 3 / 76) px near the middle
        assert np.median(off) < 3 * 0.5 * np.sqrt(6 / 76)

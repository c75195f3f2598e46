"""Hot pixels and ghosts: recognised over exposures, and left out of a match."""

import numpy as np
import pytest

import kdmatch

SIZE = 319.0


def campaign(seed, n_stars, n_hot, n_exposures, *, dither_px=15.0):
    """Lists of a dithered field with fixed positions, a tenth of each missed at random."""
    rng = np.random.default_rng(seed)
    sky = rng.uniform(-20, SIZE + 20, (n_stars, 2))
    hot = rng.uniform(0, SIZE, (n_hot, 2))
    lists = []
    for _ in range(n_exposures):
        stars = sky + rng.uniform(-dither_px, dither_px, 2) + rng.normal(0, 0.1, sky.shape)
        stars = stars[((stars > 0) & (stars < SIZE)).all(axis=1) & (rng.random(n_stars) < 0.9)]
        seen = hot[rng.random(n_hot) < 0.9]
        both = np.concatenate([stars, seen + rng.normal(0, 0.1, seen.shape)])
        lists.append(rng.permutation(both))
    return lists, hot


def distance(xy, others):
    return np.hypot(*(xy[:, None] - others[None]).transpose(2, 0, 1)).min(axis=1)


@pytest.mark.parametrize(
    ("n_stars", "n_hot", "n_exposures"), [(40, 8, 6), (30, 40, 6), (60, 12, 3)]
)
def test_what_stays_while_the_sky_moves_is_found(n_stars, n_hot, n_exposures):
    lists, hot = campaign(n_hot, n_stars, n_hot, n_exposures)
    found = kdmatch.fixed_positions(lists)
    assert distance(found.xy, hot).max() < 1
    assert len(found.xy) >= 0.7 * n_hot
    assert found.expected_false <= 0.05 * len(found.xy)
    assert (found.n_pointings >= 2).all()
    assert (found.n_exposures >= found.n_pointings).all()
    assert np.nanmax(found.moved_px) > 5


@pytest.mark.parametrize(("n_stars", "n_exposures"), [(25, 6), (150, 8)])
def test_stars_alone_leave_nothing_fixed(n_stars, n_exposures):
    for seed in range(3):
        found = kdmatch.fixed_positions(campaign(seed, n_stars, 0, n_exposures)[0])
        assert found.xy.shape == (0, 2)


def test_without_motion_stars_are_not_called_fixed():
    found = kdmatch.fixed_positions(campaign(4, 25, 8, 6, dither_px=0.0)[0])
    assert len(found.xy) == 0
    assert np.nanmax(found.moved_px) < 1


def test_exposures_of_one_pointing_count_once():
    """Twice three exposures that do not move: a star recurs in three of them, at one pointing."""
    first, _ = campaign(5, 25, 10, 2)
    rng = np.random.default_rng(6)
    lists = [xy + rng.normal(0, 0.05, xy.shape) for xy in first for _ in range(3)]
    found = kdmatch.fixed_positions(lists)
    assert (found.n_pointings == 2).all()
    assert found.n_exposures.max() == 6


def test_more_hot_pixels_than_stars_are_matched_unless_they_are_left_out():
    lists, _ = campaign(7, 30, 45, 6)
    stays = kdmatch.match(lists[0], lists[1])
    assert np.abs(stays.affine[:, 2]).max() < 0.5
    bad = kdmatch.fixed_positions(lists)
    found = kdmatch.match(lists[0], lists[1], fixed=bad.xy)
    assert np.abs(found.affine[:, 2]).max() > 3
    off = found.transform(lists[0][found.pairs[:, 0]]) - lists[1][found.pairs[:, 1]]
    assert np.hypot(*off.T).max() <= found.tolerance_px  # rows are those of the lists as given


def test_an_empty_list_of_fixed_positions_changes_nothing():
    lists, _ = campaign(8, 30, 0, 2)
    plain, none = kdmatch.match(*lists), kdmatch.match(*lists, fixed=np.empty((0, 2)))
    assert plain.affine.tobytes() == none.affine.tobytes()
    np.testing.assert_array_equal(plain.pairs, none.pairs)


def test_no_exposures_and_one_exposure_have_nothing_fixed():
    assert len(kdmatch.fixed_positions([]).xy) == 0
    assert len(kdmatch.fixed_positions(campaign(9, 20, 5, 1)[0]).xy) == 0


def test_bad_lists_and_limits_are_named():
    with pytest.raises(ValueError, match=r"exposures_xy\[1\]"):
        kdmatch.fixed_positions([np.ones((3, 2)), np.ones((3, 3))])
    with pytest.raises(ValueError, match="max_false_share"):
        kdmatch.fixed_positions([], max_false_share=0)

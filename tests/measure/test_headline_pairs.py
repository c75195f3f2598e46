"""Which pairs stand for a field that nobody has chosen pairs for."""

import numpy as np
import pytest

from pipeline.measure.headline_pairs import choose_pairs
from pipeline.measure.reference import ReferenceCatalogue


def catalogue(flux, channel, flags=None):
    n = len(flux)
    return ReferenceCatalogue(
        "X",
        np.arange(1, n + 1),
        np.arange(n, dtype=float),
        np.arange(n, dtype=float),
        np.array(flux, float),
        np.array(channel),
        np.ones(n, int),
        np.full(n, 50.0),
        np.zeros(n),
        tuple(flags or [""] * n),
        ("",) * n,
        np.full((n, 2), np.nan),
    )


def test_the_brightest_goes_with_the_next_brightest_of_another_channel_and_no_star_twice():
    # by brightness: 3 (channel 1), 1 (1), 5 (2), 2 (2), 4 (3)
    stars = catalogue([80, 50, 90, 40, 60], [1, 2, 1, 3, 2])
    assert choose_pairs(stars) == ((3, 5), (1, 2))
    assert choose_pairs(stars, n_pairs=1) == ((3, 5),)


def test_a_flagged_star_is_in_no_pair():
    stars = catalogue([90, 80, 70], [1, 2, 3], ["edge", "", ""])
    assert choose_pairs(stars) == ((2, 3),)


def test_a_star_of_unknown_channel_goes_with_any():
    assert choose_pairs(catalogue([3, 2], [0, 0])) == ((1, 2),)
    assert choose_pairs(catalogue([3, 2], [5, 0])) == ((1, 2),)


def test_a_star_without_partner_does_not_keep_fainter_ones_from_theirs():
    # star 1 and 2 share a channel; 3 goes with 1, and 2 is left with 4
    assert choose_pairs(catalogue([9, 8, 7, 6], [1, 1, 2, 3])) == ((1, 3), (2, 4))


@pytest.mark.parametrize("channels", [[4, 4, 4], [4], []])
def test_stars_on_one_channel_make_no_pair(channels):
    assert choose_pairs(catalogue(range(1, len(channels) + 1), channels)) == ()


def test_stars_of_one_brightness_are_taken_in_the_order_of_their_numbers():
    assert choose_pairs(catalogue([5, 5, 5, 5], [1, 2, 3, 4])) == ((1, 2), (3, 4))


def test_a_target_is_in_no_pair_however_bright():
    stars = catalogue([90, 80, 70], [1, 2, 3])
    assert choose_pairs(stars, left_out={1}) == ((2, 3),)

"""Few stars are matched by their places on the sky, and chance is told from a match."""

import numpy as np
import pytest

from pipeline.measure.sky_matching import match_by_sky

STARS = np.array([(10.0, 12.0), (60.0, 31.0), (25.0, 70.0), (83.0, 66.0)])
SHIFT = np.array([4.0, -7.0])
HOW = {"tolerance_px": 1.0, "max_shift_px": 15.0, "area_px": 1e5}


@pytest.mark.parametrize("n_stars", [3, 4])
def test_a_turned_and_shifted_exposure_is_matched_exactly(n_stars):
    stars = STARS[:n_stars]
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])  # known from the coordinates; the shift is not
    expected = stars @ turn.T + (100.0, 3.0)
    detected = (expected + SHIFT)[::-1]
    found = match_by_sky(stars, expected, detected, **HOW)
    np.testing.assert_array_equal(found.pairs, [(k, n_stars - 1 - k) for k in range(n_stars)])
    np.testing.assert_allclose(found.xy, expected + SHIFT, atol=1e-12)
    np.testing.assert_allclose(found.affine, [[0, -1, 104], [1, 0, -4]], atol=1e-9)
    assert found.rms_px == pytest.approx(0, abs=1e-12)
    assert found.false_alarm_probability < 1e-6


def test_stars_that_are_not_seen_and_detections_that_are_none_do_no_harm():
    expected = np.vstack([STARS, (np.nan, np.nan), (-90.0, 12.0)])
    reference = np.vstack([STARS, (1.0, 1.0), (-90.0, 12.0)])
    detected = np.vstack([[(47.0, 88.0)], STARS[1:] + np.array([2.0, 1.5])])
    found = match_by_sky(reference, expected, detected, **HOW)
    assert found.pairs.tolist() == [[1, 1], [2, 2], [3, 3]]
    np.testing.assert_allclose(found.xy[5], (-88.0, 13.5))
    assert np.isnan(found.xy[4]).all()


def test_random_places_are_accepted_as_often_as_the_probability_says():
    rng = np.random.default_rng(3)
    how = HOW | {"area_px": 100.0**2}
    n, accepted = 1000, 0
    level = 0.05
    for _ in range(n):
        stars, detected = rng.uniform(0, 100, (2, 6, 2))
        found = match_by_sky(stars, stars, detected, **how)
        accepted += found is not None and found.false_alarm_probability <= level
    assert accepted <= n * level + 3 * np.sqrt(n * level)  # the probability is an upper bound


@pytest.mark.parametrize(
    ("expected", "detected"),
    [
        (STARS[:2], STARS[:2]),  # two stars
        (STARS, STARS + 40.0),  # farther than coordinates are wrong
        (np.full((4, 2), np.nan), STARS),  # no coordinates
        (STARS, np.empty((0, 2))),
    ],
)
def test_what_is_no_match_is_none(expected, detected):
    assert match_by_sky(STARS[: len(expected)], expected, detected, **HOW) is None


def test_stars_on_a_line_define_no_map():
    line = np.array([(10.0, 10.0), (30.0, 30.0), (70.0, 70.0)])
    assert match_by_sky(line, line, line, **HOW) is None

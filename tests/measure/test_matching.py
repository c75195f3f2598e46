"""An exposure's detections find their reference stars, or say what was tried."""

import numpy as np
import pytest

from pipeline.errors import NoStarsMatched
from pipeline.measure.matching import is_single, match_exposure
from tests.measure.fields import STUDY_XY

AFFINE = np.array([[0.9991, 0.0027, -0.40], [0.0054, 0.9982, 4.48]])  # the real pair of the record
LIMITS = {"tolerance_px": 1.0, "max_false_alarm": 1e-6}


def through(xy):
    return xy @ AFFINE[:, :2].T + AFFINE[:, 2]


def test_noise_free_positions_give_the_affine_and_every_pair():
    order = np.random.default_rng(1).permutation(25)
    match = match_exposure(STUDY_XY, through(STUDY_XY)[order], **LIMITS)
    np.testing.assert_allclose(match.affine, AFFINE, atol=1e-9)
    assert match.n_matched == 25
    np.testing.assert_array_equal(order[match.pairs[:, 1]], match.pairs[:, 0])
    np.testing.assert_allclose(match.xy, through(STUDY_XY), atol=1e-8)
    assert match.rms_px < 1e-9
    assert match.false_alarm_probability < 1e-6


def test_positions_of_undetected_stars_follow_from_the_others():
    seen = np.delete(through(STUDY_XY), [0, 10, 24], axis=0)
    match = match_exposure(STUDY_XY, seen, **LIMITS)
    assert match.n_matched == 22
    assert len(match.xy) == 25
    np.testing.assert_allclose(match.xy, through(STUDY_XY), atol=1e-7)


def test_noise_missing_and_false_stars_leave_the_affine_within_a_tenth_of_a_pixel():
    # 20 stars with 0.05 px noise per axis: the fitted map is off by 0.05 sqrt(3/20) px on average
    # over them, by less than 4 times that anywhere inside their hull.
    for seed in range(10):
        rng = np.random.default_rng(seed)
        seen = through(STUDY_XY)[rng.permutation(25)[:20]] + rng.normal(0, 0.05, (20, 2))
        seen = np.concatenate([seen, rng.uniform(0, 300, (5, 2))])
        match = match_exposure(STUDY_XY, seen, **LIMITS)
        assert match.n_matched >= 20
        error = np.hypot(*(match.xy - through(STUDY_XY)).T)
        assert error.max() < 4 * 0.05 * np.sqrt(3 / 20)


def test_unrelated_positions_are_no_match_and_the_message_says_what_was_tried():
    rng = np.random.default_rng(3)
    with pytest.raises(NoStarsMatched, match=r"25 reference and 20 target.*tolerance_px = 1"):
        match_exposure(STUDY_XY, rng.uniform(0, 300, (20, 2)), **LIMITS)


@pytest.mark.parametrize("n", [0, 1, 3])
def test_too_few_detections_are_no_match(n):
    with pytest.raises(NoStarsMatched, match="fewer than 4"):
        match_exposure(STUDY_XY, through(STUDY_XY)[:n], **LIMITS)


def test_another_pixel_scale_is_no_match():
    with pytest.raises(NoStarsMatched):
        match_exposure(STUDY_XY, STUDY_XY * 1.05, **LIMITS)


def test_a_star_is_single_if_no_other_is_within_the_limit():
    xy = np.array([(0.0, 0.0), (5.9, 0.0), (20.0, 0.0)])
    assert is_single(xy, 6.0).tolist() == [False, False, True]
    assert is_single(xy[:1], 6.0).tolist() == [True]
    assert is_single(xy[:0], 6.0).shape == (0,)


def test_blended_stars_are_paired_and_do_not_define_the_affine():
    blended = [13, 14]
    seen = through(STUDY_XY)
    seen[blended] += [(0.6, 0.0), (0.5, 0.3)]  # drawn off their places, within the tolerance
    in_fit = np.ones(25, bool)
    in_fit[blended] = False
    match = match_exposure(STUDY_XY, seen, use_in_fit=in_fit, **LIMITS)
    np.testing.assert_allclose(match.affine, AFFINE, atol=1e-9)
    assert set(blended) <= set(match.pairs[:, 0].tolist())
    drawn = match_exposure(STUDY_XY, seen, **LIMITS)
    assert np.abs(drawn.affine - AFFINE).max() > 1e-4

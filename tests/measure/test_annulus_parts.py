"""The annulus of a star's sky: which spaxels are in it, and which of them tell its level."""

import numpy as np
import pytest

from pipeline.measure import sky_annulus
from pipeline.measure.extraction import extract_spectra
from pipeline.measure.spectra import Targets


def annulus(x, y, others=(), shape=(41, 41), inner=3.0, outer=5.0):
    others = np.array(others, float).reshape(-1, 2)
    flat = sky_annulus._clean_annulus(x, y, inner, outer, others, shape)
    return set(zip(*(one.tolist() for one in np.divmod(flat, shape[1])), strict=True))


def by_hand(x, y, others=(), shape=(41, 41), inner=3.0, outer=5.0):
    return {
        (row, column)
        for row in range(shape[0])
        for column in range(shape[1])
        if inner <= np.hypot(column - x, row - y) <= outer
        and all(np.hypot(column - u, row - v) > inner for u, v in others if (u, v) != (x, y))
    }


@pytest.mark.parametrize(
    "place", [(20.0, 20.0), (20.4, 19.7), (1.0, 39.5), (-4.0, 20.0), (44.9, 2.0)]
)
def test_an_annulus_is_all_spaxels_between_its_radii_on_the_image(place):
    assert annulus(*place) == by_hand(*place)


@pytest.mark.parametrize(
    "other", [(24.0, 20.0), (28.0, 20.0), (27.9, 20.0), (20.0, 12.1), (20.0, 20.0)]
)
def test_spaxels_within_the_inner_radius_of_another_star_are_left_out(other):
    assert annulus(20.0, 20.0, [other]) == by_hand(20.0, 20.0, [other])


def test_an_annulus_far_off_the_image_or_of_unknown_place_is_empty():
    for place in ((-5.0, 20.0), (46.0, 20.0), (20.0, -5.1), (20.0, 46.0), (np.nan, 20.0)):
        assert annulus(*place) == set()


def test_spaxels_that_stand_out_by_four_sigma_are_no_sky():
    values = np.repeat([-1.0, 0.0, 1.0], [15, 10, 15])[:, None]  # median 0, MAD 1
    limit = 4 * 1.4826
    for offset, ordinary in ((limit - 0.01, True), (limit + 0.01, False)):
        changed = np.vstack([values, [[offset]]])
        found = sky_annulus._ordinary(changed, np.ones(changed.shape, bool))
        assert found[:40].all()
        assert found[40] == ordinary
    seen = np.ones((3, 2), bool)
    seen[0] = seen[1, 0] = False
    found = sky_annulus._ordinary(np.array([[9.0, 9], [9, 1], [1, 1]]), seen)
    assert found.tolist() == [False, True, True]
    assert not sky_annulus._ordinary(np.ones((2, 2)), np.zeros((2, 2), bool)).any()


def test_twenty_spaxels_tell_a_level_and_fewer_do_not():
    data = np.full((2, 30, 30), np.nan)
    row, column = np.indices((30, 30))
    distance = np.hypot(column - 15, row - 15)
    data[:, distance < 3] = 7.0
    ring = np.argwhere((distance >= 8) & (distance <= 12))
    for k, (r, c) in enumerate(ring[:20]):
        data[:, r, c] = 5.0 + 0.1 * (k % 2)
    data[1, ring[0][0], ring[0][1]] = np.nan
    cube = (data, np.ones_like(data), np.array([7000.0, 7001.0]))
    found = extract_spectra(
        cube, np.array([(15.0, 15.0)]), [2.0], method="center", sky_annulus_px=(8.0, 12.0)
    )
    area = (distance <= 2).sum()
    assert found.flux[0, 0, 0] == pytest.approx(area * (7 - 5.05))
    assert found.variance[0, 0, 0] == pytest.approx(area + area**2 / 20)
    assert np.isnan(found.flux[0, 0, 1])


def test_targets_without_a_sky_have_no_annuli():
    targets = Targets(np.array([(5.0, 5.0)]), np.array([2.0]))
    assert sky_annulus.build_annuli(targets, (11, 11)) is None
    assert targets.neighbours_xy.shape == (0, 2)  # nobody beside them

"""Grids that follow a likelihood, node by node."""

import numpy as np
import pytest

from pipeline.statistics import grid
from pipeline.statistics.posterior import _Box, _boxes, _jitter_axis, _part

HALF_PI = np.pi / 2


def test_an_axis_has_half_cells_at_its_ends():
    axis = grid.axis_over(1.0, 3.0, 5)
    np.testing.assert_allclose(axis.value, [1, 1.5, 2, 2.5, 3])
    np.testing.assert_allclose(axis.width, [0.25, 0.5, 0.5, 0.5, 0.25])


def test_a_shifted_axis_has_equal_cells_with_a_value_at_the_same_fraction_of_each():
    axis = grid.shifted_axis(1.0, 3.0, 4, 0.25)
    np.testing.assert_allclose(axis.value, [1.125, 1.625, 2.125, 2.625])
    np.testing.assert_allclose(axis.width, 0.5)


def test_a_geometric_axis_begins_with_nothing_and_ends_at_the_scale():
    np.testing.assert_allclose(grid.geometric(8.0, 4), [0, 8 / 1.9**2, 8 / 1.9, 8])


VALUES = np.arange(10.0, 20.0)


def likely(*where, n=10, level=0.0):
    """ln L that is high at some places."""
    found = np.full(n, level - 99.0)
    found[list(where)] = level
    return found


def test_a_range_holds_all_that_is_within_a_depth_of_the_best_and_one_more():
    assert grid.range_within(VALUES, likely(3, 4, 5, 6, level=7.0), 5.0) == (12.0, 17.0, True)
    assert grid.range_within(VALUES, likely(3, 6), 5.0) == (11.0, 18.0, False)  # narrow: two more
    assert grid.range_within(VALUES, likely(3, 4, 6), 5.0) == (12.0, 17.0, False)
    sloping = likely(4)
    sloping[3], sloping[2] = -4.9, -5.0
    assert grid.range_within(VALUES, sloping, 5.0) == (11.0, 16.0, False)


def test_beyond_an_end_that_is_likely_the_range_grows_by_half_and_never_below_nothing():
    assert grid.range_within(VALUES, likely(6, 7, 8, 9), 5.0) == (15.0, 23.5, False)
    assert grid.range_within(VALUES, likely(0, 1, 2, 3), 5.0) == (5.5, 14.0, False)
    assert grid.range_within(VALUES - 9, likely(0, 1, 2, 3), 5.0) == (0.0, 5.0, False)
    assert grid.range_within(VALUES - 10, likely(0, 1, 2, 3), 5.0) == (0.0, 4.0, True)
    assert grid.range_within(VALUES, likely(1, 2, 3, 4), 5.0) == (10.0, 15.0, True)
    assert grid.range_within(VALUES, likely(5, 6, 7, 8), 5.0) == (14.0, 19.0, True)
    assert grid.range_within(VALUES, likely(1), 5.0)[0] == 10.0
    assert grid.range_within(VALUES, likely(8), 5.0)[1] == 19.0


def test_four_time_scales_and_three_angles_resolve_the_likelihood_and_an_end_counts_twice():
    taus, thetas = grid.TAU_DAYS, (0.3, 0.6, 0.9, 1.2)
    fine = [(tau, theta) for tau in taus[2:6] for theta in thetas[:3]]
    assert grid.too_coarse(fine) == (False, False)
    assert grid.too_coarse([(t, a) for t, a in fine if t != taus[2]]) == (True, False)
    assert grid.too_coarse([(t, a) for t, a in fine if a != 0.3]) == (False, True)
    assert grid.too_coarse([(t, a) for t in taus[:3] for a in thetas]) == (False, False)
    assert grid.too_coarse([(t, a) for t in taus[-3:] for a in thetas]) == (False, False)
    assert grid.too_coarse([(t, a) for t in taus[2:6] for a in (0.0, 0.4)]) == (False, False)
    assert grid.too_coarse([(t, a) for t in taus[2:6] for a in (0.4, HALF_PI)]) == (False, False)
    assert grid.too_coarse([(4.0, HALF_PI), (4.0, 1.2)])[0] is True
    assert grid.too_coarse([(4.0, HALF_PI)]) == (False, True)  # no drift: tau is nothing


def test_all_ranges_are_spanned():
    found = grid.spanning([(2.0, 3.0), (1.0, 2.5)])
    np.testing.assert_allclose(found, np.linspace(1.0, 3.0, 10))


def test_without_a_slow_part_one_time_scale_is_enough():
    taus, thetas = np.array([4.0, 8.0]), np.array([0.0, 1.0, HALF_PI])
    assert list(grid.grid_nodes(taus, thetas)) == [
        (4.0, 0.0), (8.0, 0.0), (4.0, 1.0), (8.0, 1.0), (4.0, HALF_PI)
    ]  # fmt: skip


def test_a_halved_grid_keeps_its_values_to_the_last_bit():
    np.testing.assert_allclose(
        grid.halved(np.array([1.0, 4.0, 9.0]), geometric=False), [1, 2.5, 4, 6.5, 9]
    )
    values = np.array([4.0, 16.0, 64.0])
    found = grid.halved(values, geometric=True)
    np.testing.assert_allclose(found, [4, 8, 16, 32, 64])
    assert (found[::2] == values).all()


TAUS, THETAS = np.array([4.0, 8.0, 16.0, 32.0, 64.0]), np.array([0.0, 0.5, 1.0, 1.25, HALF_PI])


def test_nodes_near_one_are_at_most_a_step_away_in_either_direction():
    assert grid.nodes_near({(16.0, 0.5)}, TAUS, THETAS) == {
        (tau, theta) for tau in (8.0, 16.0, 32.0) for theta in (0.0, 0.5, 1.0)
    }
    assert grid.nodes_near({(4.0, 0.0)}, TAUS, THETAS) == {
        (tau, theta) for tau in (4.0, 8.0) for theta in (0.0, 0.5)
    }
    assert grid.nodes_near({(64.0, 1.25)}, TAUS, THETAS) == {
        *((tau, theta) for tau in (32.0, 64.0) for theta in (1.0, 1.25)), (4.0, HALF_PI)
    }  # fmt: skip


def test_without_a_slow_part_all_time_scales_are_near():
    assert grid.nodes_near({(4.0, HALF_PI)}, TAUS, THETAS) == {
        *((tau, 1.25) for tau in TAUS.tolist()), (4.0, HALF_PI)
    }  # fmt: skip


class Peaked:
    """A model whose ln L is Gaussian in each amplitude, and in ln tau and theta."""

    patience = 1

    def __init__(self, jitter=0.02, drift=0.05, white=0.03, width=0.001, tau=32.0, theta=0.8):
        self.peak = (jitter, drift, white)
        self.width, self.tau, self.theta = width, tau, theta
        self.asked = 0

    def log_like(self, node, jitter, drift, white):
        self.asked += 1
        tau, theta = node
        j, d, w = self.peak
        across = ((drift - d) / self.width)[:, np.newaxis] ** 2 + ((white - w) / self.width) ** 2
        along = (np.log(tau / self.tau) / 0.7) ** 2 + ((theta - self.theta) / 0.3) ** 2
        return -0.5 * (across + ((jitter - j) / self.width) ** 2 + along)


@pytest.mark.parametrize("jitter", [0.0, 0.02])
def test_the_axis_of_the_jitter_holds_all_that_is_likely_and_little_more(jitter):
    model = Peaked(jitter)
    axis = _jitter_axis(model, (32.0, 0.8), 1.0)
    # 3.5 of ln L below the best: 2.6 widths either way, and at most two coarse cells of eight
    assert axis.value[0] <= max(0.0, jitter - 2.6e-3)
    assert jitter + 2.6e-3 <= axis.value[-1] < jitter + 0.012
    assert len(axis.value) == 5


def test_boxes_hold_the_likely_amplitudes_of_the_likely_nodes():
    model = Peaked()
    axis = grid.axis_over(0.018, 0.022, 5)
    boxes = _boxes(model, axis, 1.0)
    best = max(box.best for box in boxes.values())
    assert best > -0.5
    for (tau, theta), box in boxes.items():
        assert box.drift[0] < 0.05 < box.drift[1] < 0.07
        assert box.white[0] < 0.03 < box.white[1] < 0.05
        expected = -0.5 * ((np.log(tau / 32) / 0.7) ** 2 + ((theta - 0.8) / 0.3) ** 2)
        assert box.best == pytest.approx(expected, abs=1.0)
        assert box.best > best - 7
    likely_nodes = [node for node, box in boxes.items() if box.best > best - 3.5]
    assert grid.too_coarse(likely_nodes) == (False, False)


def test_a_part_of_the_table_has_a_column_a_node():
    d, w, log_like, log_width, cell = (np.array([k, k + 0.5]) for k in (1.0, 2.0, 3.0, 4.0, 5.0))
    found = _part((8.0, 0.7), 0.1, d, w, log_like, log_width, cell)
    np.testing.assert_array_equal(
        found.T, [[1, 2, 0.1, 8, 0.7, 3, 4, 5], [1.5, 2.5, 0.1, 8, 0.7, 3.5, 4.5, 5.5]]
    )
    assert _Box((0.0, 1.0), (0.0, 1.0), 3.0).best == 3.0


@pytest.mark.parametrize("level", range(4))
def test_nodes_near_kept_ones_are_of_the_grid_and_come_in_its_order(level):
    taus, thetas = np.array(grid.TAU_DAYS), np.linspace(0, HALF_PI, 5)
    kept = {(8.0, 0.0), (32.0, float(thetas[2])), (float(taus[0]), float(thetas[-1]))}
    for _ in range(level):
        taus, thetas = grid.halved(taus, geometric=True), grid.halved(thetas, geometric=False)
    wanted = grid.nodes_near(kept, taus, thetas)
    everything = list(grid.grid_nodes(taus, thetas))
    assert wanted <= set(everything)
    assert grid.in_order(wanted) == [node for node in everything if node in wanted]
    assert grid.in_order(set(everything)) == everything

"""The structure function at values that can be written down."""

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.statistics.nodes import Nodes, joined
from pipeline.statistics.structure_function import (
    LAG_EDGES_DAYS,
    _bin,
    _mode_means,
    _model,
    structure_function,
)

ONE = {"slow": 4e-4, "night": 3e-4, "exposure": 2e-4, "jitter": 1e-4, "tau_days": 20.0}


def nodes(weights=(1.0,), log_like=0.0, log_evidence=0.0, scales=None):
    n = len(weights)
    scales = np.ones(n) if scales is None else np.asarray(scales)
    arrays = {
        name: value * (scales if name != "tau_days" else 1) * np.ones(n)
        for name, value in ONE.items()
    }
    return Nodes(
        **arrays, weight=np.array(weights), log_like=np.full(n, log_like), log_like_none=-3.0,
        log_evidence=log_evidence,
    )  # fmt: skip


def test_the_model_has_night_and_drift_beyond_half_a_day():
    one = nodes()
    short = 4 * (4e-4 * (1 - np.exp(-0.4 / 20)) + 2e-4 + 1e-4)
    np.testing.assert_allclose(_model(one, 0.4), np.sqrt(short))
    at_half = 4 * (4e-4 * (1 - np.exp(-0.5 / 20)) + 2e-4 + 1e-4 + 3e-4)
    np.testing.assert_allclose(_model(one, 0.5), np.sqrt(at_half))
    assert np.isnan(_model(one, np.nan)).all()


def test_the_model_s_interval_holds_68_of_100():
    many = nodes(np.full(100, 0.01), scales=np.arange(1, 101.0))
    middle, low, high = _model(many, 0.1)
    unit = _model(nodes(), 0.1)[0]
    np.testing.assert_allclose([low, middle, high], unit * np.sqrt([16.5, 50.5, 84.5]), rtol=1e-3)


def test_evidence_is_twice_the_gain_in_ln_l():
    assert nodes(log_like=2.0).evidence == 10.0


def test_the_floor_is_the_root_of_twice_the_sum_of_its_parts():
    from pipeline.statistics.kernels import window_factor

    expected = np.sqrt(2 * (4e-4 * window_factor(20.0) + 3e-4 + 2e-4 + 1e-4))
    np.testing.assert_allclose(nodes().floor, expected)


def test_several_posteriors_are_joined_by_their_evidence():
    both = joined([nodes((0.25, 0.75), log_evidence=np.log(3.0)), nodes((1.0,), log_evidence=0.0)])
    np.testing.assert_allclose(both.weight, [3 / 16, 9 / 16, 1 / 4])
    assert both.log_evidence == pytest.approx(np.log(4.0))
    assert both.log_like_none == -3.0


def test_means_of_modes_are_each_mode_s_own():
    values = np.array([[1.0, 10.0], [3.0, 30.0], [7.0, 70.0]])
    found = _mode_means(values, np.array(["A", "A", "B"]))
    np.testing.assert_array_equal(found, [[2, 20], [2, 20], [7, 70]])


def of_bin(square, home, *, noise=0.0, used=None, scale=1.0):
    n = len(home)
    return _bin(
        np.asarray(square, float), np.full(n, noise), np.full(n, 0.5), np.asarray(home),
        np.ones(n, bool) if used is None else np.asarray(used), scale,
    )  # fmt: skip


def test_a_bin_is_the_mean_change_of_two_stars_with_an_error_from_the_channels():
    square = np.tile([1.0, 2.0, 3.0, 6.0], (10, 1))
    std, err = of_bin(square, [0, 1, 2, 3], noise=0.25)
    excess = (np.array([1.0, 2.0, 3.0, 6.0]) - 0.5) / 0.5  # less the noise of two exposures
    variance = 2 * excess.mean()
    assert std == pytest.approx(np.sqrt(variance))
    # a jackknife of a mean is its standard error
    assert err == pytest.approx(2 * excess.std(ddof=1) / 2 / (2 * std))


def test_a_faint_star_counts_for_less_in_a_bin():
    square = np.tile([1.0, 1.0, 1.0, 5.0], (10, 1))
    noise = np.array([0.0, 0.0, 0.0, 1.0])
    std, _ = _bin(square, noise, np.ones(4), np.arange(4), np.ones(4, bool), 0.5)
    weight = 1 / (0.5 + noise) ** 2
    assert std == pytest.approx(np.sqrt(2 * np.average([1.0, 1.0, 1.0, 3.0], weights=weight)))


def test_stars_that_are_left_out_tell_nothing_of_a_bin():
    square = np.tile([1.0, 2.0, 3.0, 6.0, 99.0], (10, 1))
    whole = of_bin(square[:, :4], [0, 1, 2, 3])
    assert of_bin(square, [0, 1, 2, 3, 4], used=[True] * 4 + [False]) == pytest.approx(whole)


def test_a_bin_needs_ten_pairs_and_four_channels():
    square = np.tile([1.0, 2.0, 3.0, 6.0], (10, 1))
    assert np.isfinite(of_bin(square, [0, 1, 2, 3])).all()
    assert np.isnan(of_bin(square[:9], [0, 1, 2, 3])).all()
    assert np.isnan(of_bin(square, [0, 1, 2, 2])).all()
    assert np.isnan(of_bin(square, [0, 1, 2, 3], used=[True, True, True, False])).all()


def test_a_bin_without_excess_is_zero_with_an_error():
    square = np.tile([0.1, 0.2, 0.1, 0.2], (10, 1))
    std, err = of_bin(square, [0, 1, 2, 3], noise=1.0)
    excess = (square[0] - 2) / 0.5
    assert std == 0.0
    assert err == pytest.approx(np.sqrt(2 * excess.std(ddof=1) / 2))


def stability(value, mjd, *, modes=None, load=None, extra=None, variance=1e-4):
    n, m = value.shape
    logs = SimpleNamespace(
        value=value, mjd=np.asarray(mjd, float), modes=np.array(modes or ["A"] * n),
        load=np.ones(m) if load is None else np.asarray(load), home=np.arange(m),
        star_variance=variance * np.arange(1, m + 1),
    )  # fmt: skip
    return SimpleNamespace(
        logs=logs, nodes=nodes(), floor=0.03,
        extra_variance=np.zeros(m) if extra is None else np.asarray(extra),
        smoother=SimpleNamespace(
            noise=variance * np.arange(1, m + 1), variances=SimpleNamespace(exposure=2e-4)
        ),
    )  # fmt: skip


def by_definition(made, inside, used):
    """The docstring in loops, for the pairs of exposures of one bin."""
    logs, m = made.logs, made.logs.value.shape[1]
    weight = 1 / (made.smoother.noise + 2e-4)
    weight = weight / weight.sum()
    star = logs.value - (logs.value @ weight)[:, None]
    for mode in set(logs.modes.tolist()):
        star[logs.modes == mode] -= star[logs.modes == mode].mean(axis=0)
    excess, weights = np.zeros(m), np.zeros(m)
    for s in range(m):
        noise = (1 - weight[s]) ** 2 * logs.star_variance[s]
        shrink = (1 - weight[s]) ** 2
        for t in range(m):
            if t != s:
                noise += weight[t] ** 2 * logs.star_variance[t]
                shrink += weight[t] ** 2
        change = np.mean([(star[a, s] - star[b, s]) ** 2 for a, b in inside])
        excess[s] = (change - 2 * noise) / shrink
        weights[s] = used[s] / (made.floor**2 / 2 + noise / shrink) ** 2
    return np.sqrt(max(2 * (weights @ excess) / weights.sum(), 0.0))


def test_bins_hold_the_pairs_of_exposures_of_their_lags():
    rng = np.random.default_rng(3)
    mjd = 58000 + 2.0 * np.arange(13)
    made = stability(rng.normal(0, 0.03, (13, 6)), mjd)
    found = structure_function(made)
    pairs = [(a, b) for a in range(13) for b in range(a + 1, 13)]
    for k, (low, high) in enumerate(pairwise(LAG_EDGES_DAYS)):
        inside = [(a, b) for a, b in pairs if low < mjd[b] - mjd[a] <= high]
        assert found.n[k] == len(inside)
        if len(inside) >= 10:
            assert found.std[k] == pytest.approx(by_definition(made, inside, np.ones(6)))
            assert found.lag_days[k] == np.median([mjd[b] - mjd[a] for a, b in inside])
            assert found.model_std[k] == _model(made.nodes, found.lag_days[k])[0]
        else:
            assert np.isnan(found.std[k])
    assert np.isfinite(found.std).sum() >= 3


def test_a_lag_of_nothing_is_one_night_whose_times_are_not_known():
    rng = np.random.default_rng(4)
    found = structure_function(stability(rng.normal(0, 0.03, (6, 5)), np.full(6, 58000.0)))
    assert found.n.tolist() == [15] + [0] * (len(LAG_EDGES_DAYS) - 2)
    assert found.lag_days[0] == 0.0
    assert np.isfinite(found.std[0])


def test_pairs_of_two_modes_count_where_one_mode_has_too_few():
    rng = np.random.default_rng(5)
    value = rng.normal(0, 0.03, (10, 5))
    mjd = 58000 + 0.001 * np.arange(10)
    few = structure_function(stability(value, mjd, modes=["A"] * 5 + ["B"] * 5))
    assert few.n[0] == 20  # ten in each mode
    fewer = structure_function(stability(value[:6], mjd[:6], modes=["A"] * 3 + ["B"] * 3))
    assert fewer.n[0] == 15  # three in each: all count, each mode about its own mean


def test_stars_that_vary_or_hold_sky_are_left_out():
    rng = np.random.default_rng(6)
    value = rng.normal(0, 0.03, (6, 8))
    extra, load = np.zeros(8), np.ones(8)
    extra[0], load[1], load[2], load[3] = 1e-9, 1.21, 0.79, 1.19
    mjd = 58000 + 0.001 * np.arange(6)
    made = stability(value, mjd, extra=extra, load=load)
    pairs = [(a, b) for a in range(6) for b in range(a + 1, 6)]
    used = np.array([0, 0, 0, 1, 1, 1, 1, 1.0])
    assert structure_function(made).std[0] == pytest.approx(by_definition(made, pairs, used))


def test_bins_of_lags_end_where_nights_days_and_months_do():
    edges = (0.05, 0.15, 0.5, 1.5, 4.0, 10.0, 20.0, 40.0, 80.0, 160.0, 400.0)
    rng = np.random.default_rng(7)
    for number, edge in enumerate(edges):
        for lag, bin_number in ((0.99 * edge, number), (1.01 * edge, number + 1)):
            counts = structure_function(stability(rng.normal(size=(2, 5)), [58000, 58000 + lag])).n
            assert counts.tolist() == [int(k == bin_number) for k in range(len(edges))]

"""Parts of light curves, conditions, steps and trends at values that can be written down."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.special

from pipeline.statistics import additive, comparisons, conditions, light_curves, steps, trends
from pipeline.statistics.fluxes import Fluxes
from pipeline.statistics.light_curves import PrincipalAxes, _Parts
from pipeline.statistics.nodes import Nodes
from tests.statistics.factory import nights_of

PARTS = (_Parts(1e-4, 2e-4, 3e-4, 4e-4, 10.0), _Parts(3e-4, 2e-4, 1e-4, 2e-4, 20.0))


def weights(photon, seen=None, share=None, n_channels=4):
    photon = np.asarray(photon, float)
    seen = np.ones(photon.shape, bool) if seen is None else np.asarray(seen)
    share = np.eye(n_channels)[: photon.shape[1]] if share is None else np.asarray(share, float)
    return light_curves._weights(photon, seen, PARTS, share, n_channels)


def test_comparison_stars_weigh_by_photons_jitter_and_their_channel():
    found = weights([[1e-4, 4e-4], [3e-4, 4e-4]])
    # mean photons 2e-4 and 4e-4, mean jitter 3e-4, mean channel 6e-4
    expected = np.array([1 / 11e-4, 1 / 13e-4])
    np.testing.assert_allclose(found, np.tile(expected / expected.sum(), (2, 1)))


def test_stars_of_one_channel_share_its_weight_and_one_without_has_its_own():
    share = [[1.0, 0, 0, 0], [0.8, 0.2, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    found = weights(np.full((1, 4), 2e-4), share=share)[0]
    expected = 1 / np.array([5e-4 + 12e-4, 5e-4 + 12e-4, 5e-4 + 6e-4, 5e-4 + 6e-4])
    np.testing.assert_allclose(found, expected / expected.sum())


def test_a_star_that_is_not_seen_has_no_weight_and_the_others_all_of_it():
    found = weights([[1e-4, 4e-4], [3e-4, 0.0]], seen=[[True, True], [True, False]])
    # the second has 4e-4 from the one exposure in which it is seen
    assert found[1].tolist() == [1.0, 0.0]
    np.testing.assert_allclose(found[0, 0] / found[0, 1], 13 / 11)


def test_the_ensemble_is_each_star_about_its_own_mean():
    logs = np.array([[1.0, 5.0], [2.0, 0.0], [3.0, 7.0]])
    seen = np.array([[True, True], [True, False], [True, True]])
    weight = np.array([[0.5, 0.5], [1.0, 0.0], [0.5, 0.5]])
    found = light_curves._ensemble(np.where(seen, logs, 0.0), seen, weight)
    # the second star is the first plus four: what is missing is the sixth, and nothing moves
    np.testing.assert_allclose(found - found.mean(), [-1.0, 0.0, 1.0], atol=1e-6)
    whole = np.array([[1.0, 5.0], [2.0, 6.5], [3.0, 6.5]])
    every = light_curves._ensemble(whole, np.ones((3, 2), bool), np.full((3, 2), 0.5))
    np.testing.assert_allclose(every, [-1.0, 0.25, 0.75])


def test_the_covariance_of_a_constant_star_has_slow_night_exposure_and_noise():
    part, mjd = PARTS[0], np.array([0.0, 0.1, 5.0])
    coupling = np.array([[1.0, 0.9, 0.8], [0.9, 1.0, 0.7], [0.8, 0.7, 1.0]])
    found = light_curves._covariance(
        part, coupling, np.array([1e-5, 2e-5, 3e-5]), np.array([1.5, 1.2, 1.1]), mjd,
        np.array(["a", "a", "b"]),
    )  # fmt: skip
    slow = 1e-4 * np.exp(-np.abs(mjd[:, None] - mjd) / 10)
    night = 2e-4 * np.array([[1, 1, 0], [1, 1, 0], [0, 0, 1]])
    expected = (slow + night + 3e-4 * np.eye(3)) * coupling
    expected += np.diag([1e-5 + 4e-4 * 1.5, 2e-5 + 4e-4 * 1.2, 3e-5 + 4e-4 * 1.1])
    np.testing.assert_allclose(found, expected)


def nodes(values, weight, **more):
    values = np.asarray(values, float)
    parts = {
        name: values * (k + 1) for k, name in enumerate(("slow", "night", "exposure", "jitter"))
    }
    return Nodes(
        **parts, tau_days=np.full(len(values), 30.0), weight=np.asarray(weight, float),
        log_like=np.zeros(len(values)), log_like_none=0.0, **more,
    )  # fmt: skip


def test_parts_stand_for_equal_shares_of_the_posterior_in_the_order_of_the_floor():
    n = light_curves.N_NODES
    found = light_curves._channel_parts(nodes([3e-4, 1e-4, 2e-4], [0.25, 0.5, 0.25]))
    assert len(found) == n
    assert [part.slow for part in found] == sorted(part.slow for part in found)
    counts = [sum(part.slow == pytest.approx(v) for part in found) for v in (1e-4, 2e-4, 3e-4)]
    np.testing.assert_allclose(counts, [n / 2, n / 4, n / 4], atol=1)
    first = found[0]
    np.testing.assert_allclose(
        [first.slow, first.night, first.exposure, first.jitter, first.tau_days],
        [1e-4, 2e-4, 3e-4, 4e-4, 30.0],
    )
    (none,) = light_curves._channel_parts(None)
    assert (none.slow, none.night, none.exposure, none.jitter) == (0.0,) * 4


def test_principal_axes_are_free_of_the_offsets_of_modes_and_keep_all_else():
    design = light_curves._offsets(np.array(["B", "A", "B", "A", "A"]))
    assert design.tolist() == [[0, 1], [1, 0], [0, 1], [1, 0], [1, 0]]
    y = np.array([1.0, 2.0, 3.0, 5.0, 8.0])
    found = light_curves._principal(y, design, 4.0 * np.eye(5))
    np.testing.assert_allclose(found.axes.T @ design, 0.0, atol=1e-12)
    np.testing.assert_allclose(found.axes @ found.score, [-1, -3, 1, 0, 3], atol=1e-12)
    np.testing.assert_allclose(found.variance, 4.0)
    assert found.chi2() == pytest.approx((1 + 9 + 1 + 9) / 4)


def test_points_have_the_mean_covariance_of_the_posterior():
    axes = np.eye(3)[:, :2]
    both = tuple(
        PrincipalAxes(np.array(v), np.array([5.0, 6.0]), axes) for v in ([1.0, 4.0], [3.0, 12.0])
    )
    value, err = light_curves._points(both)
    assert value.tolist() == [5.0, 6.0, 0.0]
    np.testing.assert_allclose(err, np.sqrt([2.0, 8.0, 0.0]))


def test_exposures_of_a_mode_that_has_no_other_are_left_out():
    fluxes = SimpleNamespace(modes=np.array(["A", "B", "A", "C", "C", "B"]))
    assert light_curves._repeated(np.array([0, 1, 2, 3, 4]), fluxes).tolist() == [0, 2, 3, 4]


def test_second_derivatives_of_a_parabola_are_its_coefficients():
    matrix = np.array([[2.0, 0.5, -1.0], [0.5, 3.0, 0.25], [-1.0, 0.25, 4.0]])

    def cost(x):
        return float(0.5 * x @ matrix @ x + x.sum())

    np.testing.assert_allclose(
        additive._hessian(cost, np.array([1.0, -2.0, 0.5])), matrix, rtol=1e-6
    )


def test_a_component_beside_known_errors_is_the_likeliest():
    rng = np.random.default_rng(2)
    variance = np.full(40, 0.5)
    value = rng.normal(0, np.sqrt(0.5 + 2.0), 40)
    s2, low, high, p = conditions._component(value, variance, np.eye(40))
    assert s2 == pytest.approx((value**2).mean() - 0.5, rel=0.03)  # a grid of 3.5 %
    assert p == pytest.approx(scipy.special.chdtrc(40, (value**2 / 0.5).sum()))
    drop = 0.5 * 3.841459

    def log_like(s):
        return -0.5 * (np.log(0.5 + s) + value**2 / (0.5 + s)).sum()

    for end in (low, high):
        assert log_like(s2) - log_like(end) == pytest.approx(drop, abs=0.25)
    assert low < s2 < high


def test_where_nothing_exceeds_the_errors_the_component_begins_at_nothing():
    s2, low, _, p = conditions._component(np.full(20, 0.1), np.ones(20), np.eye(20))
    assert (s2, low) == (0.0, 0.0)
    assert p > 0.99


def test_coefficients_are_shrunk_by_their_errors():
    coefficient, variance = np.array([2.0, -1.0]), np.array([0.5, 2.0])
    found = conditions._shrunk(coefficient, variance, np.eye(2), 1.0)
    np.testing.assert_allclose(found, coefficient / (1 + variance))
    turned = np.array([[1.0, 1.0], [1.0, -1.0]]) / np.sqrt(2)
    back = conditions._shrunk(coefficient, np.zeros(2), turned, 3.0)
    np.testing.assert_allclose(turned.T @ back, coefficient)


def test_the_ratio_of_two_stars_has_twice_the_variance_of_one():
    assert conditions._of_ratio(8.0) == 4.0


def smoother(n_exposures, n_stars, variance=1.0):
    """Exposures and stars that are their own modes."""
    return SimpleNamespace(
        time=SimpleNamespace(vector=np.eye(n_exposures)),
        stars=SimpleNamespace(vector=np.eye(n_stars)),
        inverse=np.full((n_exposures, n_stars), 1 / variance), scores=None,
    )  # fmt: skip


def test_a_covariate_has_a_coefficient_for_each_star():
    made = smoother(30, 6, variance=1e-4)
    x = np.resize([1.0, -1.0], 30)
    slopes = np.array([0.1, -0.1, 0.2, -0.2, 0.15, -0.15])
    made.scores = np.outer(x, slopes) / 1e-4
    found = conditions._of_covariate("seeing", made, x, 29)
    assert (found.condition, found.n) == ("seeing", 29)
    assert found.std == pytest.approx(np.sqrt(2 * (slopes**2).mean()), rel=0.03)
    assert found.low95 < found.std < found.high95
    np.testing.assert_allclose(found.pattern, np.outer(x, slopes), rtol=1e-3)
    assert found.p < 1e-6


def test_a_tilt_has_a_slope_in_each_exposure():
    made = smoother(30, 6, variance=1e-4)
    place = np.array([-1.5, -0.9, -0.3, 0.3, 0.9, 1.5])
    slopes = np.resize([0.1, -0.1, 0.2], 30)
    made.scores = np.outer(slopes, place) / 1e-4
    found = conditions._of_place("position x", made, place)
    assert found.n == 30
    assert found.std == pytest.approx(np.sqrt(2 * (slopes**2).mean()), rel=0.03)
    np.testing.assert_allclose(found.pattern, np.outer(slopes, place), rtol=1e-2)


def effect(name, p):
    return conditions.Effect(name, 0.1, 0.0, 0.2, p, 9, np.zeros((1, 1)))


def test_effects_are_significant_below_one_per_cent_after_holm():
    found = conditions.significant([effect("a", 0.0033), effect("b", 0.9), effect("c", 0.0051)])
    assert found == ("a",)
    assert conditions.significant([effect("a", 0.01)]) == ()
    assert conditions.significant([effect("a", 0.0099)]) == ("a",)
    assert conditions.significant([]) == ()
    table = conditions.conditions_table((effect("a", 0.02), effect("b", 0.9)))
    assert table["p_adjusted"].tolist() == [0.04, 0.9]
    assert (table["low95"].tolist(), table["high95"].tolist()) == ([0.0, 0.0], [0.2, 0.2])


def scan(z, err=0.1, threshold=3.0):
    z = np.asarray(z, float)
    n = len(z)
    return steps.StepScan(
        np.array([3, 7, 9]), np.arange(n) + 0.0, np.arange(n) + 1.0, z * err, np.full(z.shape, err),
        threshold, 0.5,
    )  # fmt: skip


def test_a_step_is_found_where_its_z_is_the_largest_and_above_the_threshold():
    assert scan([[1, 2, 0], [0, -3.1, 3.0]]).found == (1, 1)
    assert scan([[1, 2, 0], [0, -2.9, 2.0]]).found is None
    np.testing.assert_allclose(scan([[1, 2, 0]]).smallest(), (3 + scipy.special.ndtri(0.95)) * 0.1)
    assert scan([[1, 2, 0]]).smallest(0.5)[0, 0] == pytest.approx(0.3)


def test_steps_lie_between_three_exposures_on_either_side():
    for n, expected in ((6, [3]), (8, [3, 4, 5])):
        assert steps._cuts(SimpleNamespace(mjd=np.arange(n))).tolist() == expected


def test_a_step_in_white_noise_is_the_difference_of_two_means(monkeypatch):
    value = np.array([0.0, 0.2, 0.1, 1.0, 1.2, 1.1, 0.9])
    monkeypatch.setattr(steps, "series_covariance", lambda *_: 0.04 * np.eye(7))
    series = SimpleNamespace(constants=np.ones((7, 1)), value=value[:, None])
    z, err, correlation = steps._channel(SimpleNamespace(mjd=np.arange(7)), series, 0, None)
    for k, cut in enumerate((3, 4)):
        error = 0.2 * np.sqrt(1 / cut + 1 / (7 - cut))
        assert err[k] == pytest.approx(error)
        assert z[k] == pytest.approx((value[cut:].mean() - value[:cut].mean()) / error)
    np.testing.assert_allclose(np.diag(correlation), 1.0)
    # of two differences that share all but one exposure
    assert correlation[0, 1] == pytest.approx(np.sqrt(3 * 3 / (4 * 4)))


def test_the_likeliest_variances_are_those_of_the_highest_likelihood():
    made = replace(nodes([1e-4, 2e-4], [0.9, 0.1]), log_like=np.array([0.0, 1.0]))
    best = steps._best(made)
    np.testing.assert_allclose(
        [best.slow, best.night, best.exposure, best.jitter, best.tau_days],
        [2e-4, 4e-4, 6e-4, 8e-4, 30.0],
    )


def test_rank_correlations_of_five_points_and_of_ties():
    time = np.arange(5.0)
    values = np.array([[1, 5, 1, 2], [2, 4, 1, 2], [3, 3, 2, 2], [4, 2, 2, 2], [5, 1, 9, 2]], float)
    found = trends.spearman(time, values)
    np.testing.assert_allclose(found.rho[:3], [1, -1, scipy.stats.spearmanr(time, values[:, 2])[0]])
    np.testing.assert_allclose(found.p[2], scipy.stats.spearmanr(time, values[:, 2])[1])
    assert found.p[0] == 0.0
    assert np.isnan([found.rho[3], found.p[3]]).all()
    assert np.isnan(trends.spearman(time[:4], values[:4]).rho).all()
    values[0, 0] = np.nan
    few = trends.spearman(time, values)
    assert np.isnan(few.rho[0])
    assert few.n.tolist() == [4, 5, 5, 5]


def test_values_that_differ_by_rounding_alone_are_ties():
    values = np.array([0.1, 0.1 + 1e-14, 0.3, 0.2, 0.5, 0.1])
    tied = np.array([0.1, 0.1, 0.3, 0.2, 0.5, 0.1])
    time = np.arange(6.0)
    found = trends.spearman(time, values[:, None]).rho[0]
    assert found == pytest.approx(scipy.stats.spearmanr(time, tied)[0], rel=1e-12)
    apart = np.array([0.1, 0.1 + 1e-11, 0.3, 0.2, 0.5, 0.1])
    assert trends.spearman(time, apart[:, None]).rho[0] != pytest.approx(found, rel=1e-6)


def test_exposures_are_compared_by_mode_and_by_season():
    modes = np.array(["WFM-AO-N", "WFM-NOAO-N", "WFM-AO-E", "WFM-NOAO-E", "WFM-AO-N"])
    nights = np.array(["2019-01-01", "2019-01-02", "2019-01-03", "2019-06-01", "2019-06-02"])
    fluxes = Fluxes(
        flux=np.ones((5, 2)), flux_err=np.ones((5, 2)), nights=nights, channel=np.array([1, 2]),
        snr=np.ones(2), xy=np.zeros((2, 2)), modes=modes,
        exposure_flags=np.array(["", "", "", "", "bad"]),
    )  # fmt: skip
    found = comparisons.exposure_choices(fluxes)
    names = [(one.name, two.name) for one, two in found]
    assert names == [
        ("AO", "no AO"), ("extended", "nominal"),
        ("2019-06-01 to 2019-06-02", "2019-01-01 to 2019-01-03"),
    ]  # fmt: skip
    masks = [(one.exposures.tolist(), two.exposures.tolist()) for one, two in found]
    assert masks == [
        ([True, False, True, False, False], [False, True, False, True, False]),
        ([False, False, True, True, False], [True, True, False, False, False]),
        ([False, False, False, True, False], [True, True, True, False, False]),
    ]
    alone = comparisons.exposure_choices(
        replace(fluxes, modes=np.full(5, "WFM-AO-N"), nights=np.array(nights_of(5)))
    )
    assert alone == []


def test_errors_hold_the_jitter_of_the_star_and_of_those_that_it_is_compared_with():
    n = 12
    fluxes = Fluxes(
        flux=np.ones((n, 3)), flux_err=np.full((n, 3), 1e-6), nights=nights_of(n),
        channel=np.array([1, 2, 3]), snr=np.ones(3), xy=np.zeros((3, 2)), modes=np.full(n, "A"),
    )  # fmt: skip
    nothing = np.zeros(1)
    jitter = Nodes(
        slow=nothing, night=nothing, exposure=nothing, jitter=np.array([4e-4]),
        tau_days=np.array([30.0]), weight=np.ones(1), log_like=nothing, log_like_none=0.0,
    )  # fmt: skip
    share = np.broadcast_to(np.eye(3), (n, 3, 3))
    curve = light_curves.light_curve(fluxes, 0, np.array([1, 2]), share, jitter)
    # the star's, half of the two others', less the mean of twelve points
    np.testing.assert_allclose(curve.err, 0.02 * np.sqrt(1.5 * 11 / 12), rtol=1e-6)
    assert curve.dof == n - 1
    shared = replace(jitter, jitter=nothing, exposure=np.array([4e-4]))
    same = np.broadcast_to(np.array([[1.0, 0, 0], [1.0, 0, 0], [0, 1.0, 0]]), (n, 3, 3))
    half = light_curves.light_curve(fluxes, 0, np.array([1]), same, shared)
    np.testing.assert_allclose(
        half.err, 1e-6 * np.sqrt(2 * 11 / 12), rtol=1e-3
    )  # one channel cancels
    apart = light_curves.light_curve(fluxes, 0, np.array([2]), same, shared)
    np.testing.assert_allclose(apart.err, 0.02 * np.sqrt(2 * 11 / 12), rtol=1e-6)

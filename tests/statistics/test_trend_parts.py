"""Lines against a covariance, written out densely, and what comes of several covariances."""

from types import SimpleNamespace

import numpy as np
import pytest
import scipy.special

from pipeline.statistics import trend_tests
from pipeline.statistics.kernels import slow_correlation
from pipeline.statistics.log_fluxes import log_fluxes
from pipeline.statistics.nodes import Nodes
from pipeline.statistics.smoother import Variances
from pipeline.statistics.trend_tests import (
    _averaged,
    _complete_lines,
    _lines_with_gaps,
    covariances,
)
from tests.statistics.factory import campaign

VARIANCES = Variances(4e-4, 3e-4, 2e-4, 1e-4, 25.0)
N = 14


def logs_of(gap=None):
    """Fourteen exposures of five stars in two modes; the mjd of two of them are of one night."""
    made = campaign(N, 5, scatter=0.03, seed=4)
    found = log_fluxes(made)
    if gap is not None:
        found = SimpleNamespace(**{**vars(found), "gap": gap})
    return found


def dense(logs, i, j, channel, noise, used):
    """Slope and variance of ln(Fi/Fj) by generalised least squares with the covariance written out."""
    mjd, nights, modes = logs.mjd[used], logs.nights[used], logs.modes[used]
    kernel = VARIANCES.slow * slow_correlation(mjd[:, None] - mjd, VARIANCES.tau_days)
    kernel = kernel + VARIANCES.night * (nights[:, None] == nights)
    kernel = kernel + VARIANCES.exposure * np.eye(len(mjd))
    covariance = channel * kernel + (noise + 2 * VARIANCES.jitter) * np.eye(len(mjd))
    years = (mjd - logs.mjd.mean()) / 365.25
    design = np.column_stack([*(modes == m for m in np.unique(modes)), years]).astype(float)
    inverse = np.linalg.inv(covariance)
    information = design.T @ inverse @ design
    data = (logs.value[:, i] - logs.value[:, j])[used]
    solution = np.linalg.solve(information, design.T @ inverse @ data)
    return solution[-1], np.linalg.inv(information)[-1, -1]


def pairs(first, second, channel=2.0, noise=1e-4):
    n = len(first)
    return trend_tests._Pairs(
        np.array(first), np.array(second), np.full(n, channel), np.full(n, noise)
    )


def test_lines_of_pairs_without_gaps_are_those_of_the_covariance_written_out():
    logs = logs_of()
    slope, variance = _complete_lines(logs, pairs([0, 1], [2, 4]), VARIANCES)
    for k, (i, j) in enumerate(((0, 2), (1, 4))):
        expected = dense(logs, i, j, 2.0, 1e-4, np.ones(N, bool))
        assert (slope[k], variance[k]) == pytest.approx(expected, rel=1e-6)


def test_lines_of_pairs_with_gaps_come_from_the_exposures_that_have_both():
    gap = np.zeros((N, 5), bool)
    gap[3, 0] = gap[6, 2] = gap[7, 1] = True
    logs = logs_of(gap)
    slope, variance = _lines_with_gaps(logs, pairs([0], [2], channel=1.5), VARIANCES)
    used = ~(gap[:, 0] | gap[:, 2])
    assert used.sum() == N - 2
    expected = dense(logs, 0, 2, 1.5, 1e-4, used)
    assert (slope[0], variance[0]) == pytest.approx(expected, rel=1e-6)


def test_without_gaps_both_ways_give_the_same_line():
    logs = logs_of()
    one = _complete_lines(logs, pairs([0, 3], [1, 2]), VARIANCES)
    other = _lines_with_gaps(logs, pairs([0, 3], [1, 2]), VARIANCES)
    np.testing.assert_allclose(one, other, rtol=1e-6)


def test_a_line_needs_two_exposures_more_than_modes():
    for n_seen, known in ((4, True), (3, False)):
        gap = np.ones((N, 5), bool)
        gap[:n_seen] = False  # of both modes in turn
        slope, variance = _lines_with_gaps(logs_of(gap), pairs([0], [1]), VARIANCES)
        assert np.isfinite([slope[0], variance[0]]).all() == known


def sets(*weights):
    return [(w, VARIANCES) for w in weights]


def test_one_covariance_gives_its_own_error_and_p():
    slope, err, p = _averaged(sets(1.0), [(np.array([0.02, 0.0]), np.array([1e-4, 4e-4]))])
    np.testing.assert_allclose(slope, [0.02, 0.0])
    np.testing.assert_allclose(err, [0.01, 0.02], rtol=1e-4)  # 0.6827 has four digits
    np.testing.assert_allclose(p, [2 * scipy.special.ndtr(-2.0), 1.0])


def test_several_covariances_give_the_central_68_of_their_mixture():
    lines = [(np.array([0.0]), np.array([1e-4])), (np.array([0.04]), np.array([9e-4]))]
    slope, err, p = _averaged(sets(0.75, 0.25), lines)
    assert slope[0] == pytest.approx(0.01)
    one = 2 * scipy.special.ndtr(-0.04 / 0.03)
    assert p[0] == pytest.approx(0.75 + 0.25 * one)

    def inside(half):
        return sum(
            w
            * (
                scipy.special.ndtr((0.01 + half - m) / s)
                - scipy.special.ndtr((0.01 - half - m) / s)
            )
            for w, m, s in ((0.75, 0.0, 0.01), (0.25, 0.04, 0.03))
        )

    assert inside(err[0]) == pytest.approx(0.6827, abs=1e-4)


def test_a_covariance_of_next_to_no_weight_is_left_out_unless_all_are():
    def posterior(weight):
        n = len(weight)
        return Nodes(
            slow=np.ones(n), night=np.zeros(n), exposure=np.ones(n), jitter=np.ones(n),
            tau_days=10.0 * (1 + np.arange(n)), weight=np.array(weight), log_like=np.zeros(n),
            log_like_none=0.0,
        )  # fmt: skip

    least = trend_tests.LEAST_WEIGHT
    found = list(covariances(posterior([1 - 1.5 * least, least, 0.5 * least])))
    assert [one.tau_days for _, one in found] == [10.0, 20.0]
    assert sum(w for w, _ in found) == pytest.approx(1.0)
    many = list(covariances(posterior([least / 2] * 3)))
    assert len(many) == 3


def test_years_are_counted_from_the_mean_time():
    logs = SimpleNamespace(mjd=np.array([0.0, 365.25, 730.5]))
    assert trend_tests._years(logs).tolist() == [-1.0, 0.0, 1.0]

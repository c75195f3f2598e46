"""Scatter beyond the errors: exact where it can be, unbiased and honest where it cannot."""

import numpy as np
import pytest

from pipeline.statistics.excess import excess_scatter, gls_line


def test_without_errors_it_is_the_sample_standard_deviation() -> None:
    values = np.array([[1.0, 4.0], [2.0, 4.5], [4.0, 5.5], [7.0, 3.0]])
    found = excess_scatter(values, np.zeros_like(values))
    np.testing.assert_allclose(found.std, values.std(axis=0, ddof=1), rtol=1e-7)


def test_equal_errors_subtract_in_quadrature() -> None:
    values = np.array([[-3.0], [-1.0], [1.0], [3.0]])  # variance 20/3
    found = excess_scatter(values, np.full_like(values, 2.0))
    assert found.std[0] == pytest.approx(np.sqrt(20 / 3 - 4), rel=1e-7)


def test_scatter_below_the_errors_is_zero_with_an_upper_end_as_error() -> None:
    """u = s^2 has variance 2 err^4 / (n - 1) at the boundary: the error is its fourth root."""
    values = np.array([[-0.1], [0.1], [-0.1], [0.1], [0.0]])
    found = excess_scatter(values, np.ones_like(values))
    assert found.std[0] == 0.0
    assert found.err[0] == pytest.approx((2 / 4) ** 0.25, rel=1e-6)


def test_it_is_the_maximum_of_the_restricted_likelihood() -> None:
    """Against a grid search of the likelihood itself, errors that differ by a factor ten."""
    rng = np.random.default_rng(8)
    err = rng.uniform(0.3, 3, (30, 1))
    values = rng.normal(size=(30, 1)) * np.sqrt(err**2 + 1)
    found = excess_scatter(values, err)
    grid = np.linspace(0, 3, 30001)
    w = 1 / (err**2 + grid**2)
    mean = (w * values).sum(axis=0) / w.sum(axis=0)
    log_likelihood = (
        np.log(w).sum(axis=0) - (w * (values - mean) ** 2).sum(axis=0) - np.log(w.sum(axis=0))
    ) / 2
    assert found.std[0] == pytest.approx(grid[np.argmax(log_likelihood)], abs=2e-4)


@pytest.mark.parametrize(("n", "true"), [(65, 0.5), (65, 1.0), (65, 3.0), (20, 2.0), (65, 0.0)])
def test_the_68_percent_interval_covers_at_least_68_percent(n: int, true: float) -> None:
    """2000 campaigns: a binomial 68 % has an error of 1 %, 4 sigma 4.2 %.

    The interval is never too short. It is at most a few per cent too long (s +- the longer
    side), except at s = 0, where it is one-sided and covers about 90 %.
    """
    rng = np.random.default_rng(11)
    n_campaigns = 2000
    err = np.repeat(rng.uniform(0.5, 1.5, (n, 1)), n_campaigns, axis=1)
    values = rng.normal(size=err.shape) * np.sqrt(err**2 + true**2)
    found = excess_scatter(values, err)
    covered = np.mean((found.std - found.err <= true) & (true <= found.std + found.err))
    margin = 4 * np.sqrt(0.6827 * 0.3173 / n_campaigns)
    assert covered > 0.6827 - margin
    assert covered < (0.75 if true > 0 else 0.95) + margin


def test_injected_scatter_is_recovered_without_bias() -> None:
    """s = 0.03 under errors of 0.02, n = 65: error of one campaign 0.004, of 2000: 1e-4."""
    rng = np.random.default_rng(12)
    err = np.full((65, 2000), 0.02)
    values = 0.1 + rng.normal(size=err.shape) * np.hypot(0.02, 0.03)
    found = excess_scatter(values, err)
    variance = float(np.mean(found.std**2))
    assert variance == pytest.approx(0.03**2, rel=4 * np.sqrt(2 / 64 / 2000) * (1 + 4 / 9))


def test_missing_values_and_errors_are_left_out() -> None:
    values = np.array([[1.0], [2.0], [4.0], [7.0], [np.nan], [99.0]])
    err = np.array([[0.0], [0.0], [0.0], [0.0], [0.0], [np.nan]])
    assert excess_scatter(values, err).std[0] == pytest.approx(np.std([1, 2, 4, 7], ddof=1))


@pytest.mark.parametrize("n", [0, 1, 2])
def test_too_few_points_are_nan(n: int) -> None:
    values = np.full((5, 1), np.nan)
    values[:n] = 1.0
    found = excess_scatter(values, np.full_like(values, 0.1))
    assert np.isnan(found.std[0])
    assert np.isnan(found.err[0])


def test_constant_values_without_errors_have_no_scatter() -> None:
    found = excess_scatter(np.full((6, 1), 3.0), np.zeros((6, 1)))
    assert found.std[0] == pytest.approx(0.0, abs=1e-12)


def test_a_line_with_equal_errors_is_the_ordinary_least_squares_line() -> None:
    """x = 0..4, y = 1 + 2 x + r with r orthogonal to 1 and x: slope exactly 2."""
    x = np.arange(5.0)
    residual = np.array([1.0, -2.0, 0.0, 2.0, -1.0])
    assert residual.sum() == 0
    assert (residual * x).sum() == 0
    found = gls_line(x, (1 + 2 * x + residual)[:, np.newaxis], np.zeros((5, 1)))
    assert found.slope[0] == pytest.approx(2, rel=1e-12)
    # error: sqrt(sum r^2 / (n - 2) / sum (x - mean)^2)
    assert found.slope_err[0] == pytest.approx(np.sqrt(10 / 3 / 10), rel=1e-6)

"""Trends: rank correlations equal scipy's, slopes are recovered with honest errors."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from pipeline.statistics.trends import nightly_means, slopes, spearman


def test_a_rising_series_has_rho_one_and_a_falling_one_minus_one() -> None:
    time = np.arange(6.0)
    found = spearman(time, np.column_stack([time**3, -time]))
    np.testing.assert_allclose(found.rho, [1, -1])
    np.testing.assert_array_equal(found.p, [0, 0])


def test_spearman_equals_scipy_with_ties_and_gaps() -> None:
    rng = np.random.default_rng(1)
    time = rng.integers(0, 30, 65).astype(float)
    values = np.round(rng.normal(size=(65, 20)), 1)
    values[rng.random(values.shape) < 0.2] = np.nan
    found = spearman(time, values)
    for column, series in enumerate(values.T):
        kept = ~np.isnan(series)
        expected = spearmanr(time[kept], series[kept])
        assert found.rho[column] == pytest.approx(expected.statistic, rel=1e-12)
        assert found.p[column] == pytest.approx(expected.pvalue, rel=1e-9)
        assert found.n[column] == kept.sum()


def test_values_equal_up_to_rounding_are_ties() -> None:
    time = np.arange(6.0)
    values = np.array([0.3, 0.1 + 0.2, 0.3, 0.4, 0.5, 0.6])
    expected = spearmanr(time, [0.3, 0.3, 0.3, 0.4, 0.5, 0.6]).statistic
    assert spearman(time, values[:, np.newaxis]).rho[0] == pytest.approx(expected, rel=1e-12)


def test_p_agrees_with_permutations_of_the_times() -> None:
    """At n = 65 the t approximation must hold: 20 000 shuffles, p about 0.02, error 0.001."""
    rng = np.random.default_rng(2)
    time = np.arange(65.0)
    series = rng.normal(size=65) + 0.0155 * time
    found = spearman(time, series[:, np.newaxis])
    shuffled = np.array([rng.permutation(series) for _ in range(20000)]).T
    share = np.mean(np.abs(spearman(time, shuffled).rho) >= abs(found.rho[0]))
    assert 0.001 < found.p[0] < 0.1
    assert share == pytest.approx(found.p[0], abs=4 * np.sqrt(found.p[0] / 20000) + 0.001)


@pytest.mark.parametrize("n", [0, 1, 2, 4])
def test_fewer_than_five_points_have_no_correlation(n: int) -> None:
    values = np.full((6, 2), np.nan)
    values[:n] = np.arange(n)[:, np.newaxis]
    found = spearman(np.arange(6.0), values)
    assert np.isnan(found.rho).all()
    assert np.isnan(found.p).all()


def test_constant_values_have_no_correlation() -> None:
    assert np.isnan(spearman(np.arange(8.0), np.ones((8, 1))).rho[0])


def test_nightly_means_are_plain_means_sorted_by_night() -> None:
    nights = np.array(["2019-02-01", "2019-01-01", "2019-02-01", "2019-03-01"])
    values = np.array([[1.0], [5.0], [3.0], [np.nan]])
    names, means = nightly_means(nights, values)
    assert names.tolist() == ["2019-01-01", "2019-02-01", "2019-03-01"]
    np.testing.assert_array_equal(means[:, 0], [5.0, 2.0, np.nan])


def test_the_slope_is_per_julian_year() -> None:
    mjd = 58500 + np.array([0.0, 365.25, 730.5])
    found = slopes(mjd, np.array([[0.0], [0.1], [0.2]]), np.full((3, 1), 0.01))
    assert found.per_year[0] == pytest.approx(0.1, rel=1e-9)


def test_slope_errors_cover_the_injected_slope() -> None:
    """1000 campaigns with scatter beyond their errors: 68 % within one error, 4 sigma 5.9 %."""
    rng = np.random.default_rng(3)
    mjd = np.sort(rng.uniform(58500, 58865, 65))
    years = (mjd - mjd.mean()) / 365.25
    err = np.repeat(rng.uniform(0.01, 0.03, (65, 1)), 1000, axis=1)
    noise = rng.normal(size=err.shape) * np.hypot(err, 0.03)
    found = slopes(mjd, 0.05 * years[:, np.newaxis] + noise, err)
    covered = np.mean(np.abs(found.per_year - 0.05) < found.err)
    assert covered == pytest.approx(0.6827, abs=4 * np.sqrt(0.68 * 0.32 / 1000))


@pytest.mark.parametrize("n", [0, 1, 2])
def test_a_slope_needs_three_points(n: int) -> None:
    values = np.full((4, 1), np.nan)
    values[:n] = 0.0
    found = slopes(np.arange(4.0), values, np.zeros((4, 1)))
    assert np.isnan(found.per_year[0])
    assert np.isnan(found.err[0])


def test_a_single_time_has_no_slope() -> None:
    found = slopes(np.full(5, 58500.0), np.arange(5.0)[:, np.newaxis], np.zeros((5, 1)))
    assert np.isnan(found.per_year[0])

"""Standard deviations: hand-computed, then against the study's algorithm written out."""

import numpy as np
import pytest

from pipeline.statistics.scatter import median, std_published, std_robust, std_sample


def _study(ratios: list[float]) -> float:
    """The study's algorithm, plainly: ratios that are NaN skipped, both extremes dropped."""
    kept = np.asarray([ratio for ratio in ratios if not np.isnan(ratio)])
    mean = np.mean(kept)
    final = (kept - mean) / mean
    final = np.sort(final)
    return float(np.std(final[1:-1]))


def test_published_scatter_of_five_numbers_by_hand() -> None:
    """Mean 2; deviations -0.5, -0.25, 0, 0.25, 0.5; the inner three have std sqrt(1/24)."""
    ratio = np.array([[2.5], [1.0], [2.0], [3.0], [1.5]])
    assert std_published(ratio)[0] == pytest.approx(np.sqrt(1 / 24), rel=1e-14)


def test_published_scatter_equals_the_study_for_any_numbers() -> None:
    rng = np.random.default_rng(5)
    ratio = rng.lognormal(0, 0.3, (65, 40))
    ratio[rng.random(ratio.shape) < 0.1] = np.nan
    expected = [_study(column.tolist()) for column in ratio.T]
    np.testing.assert_allclose(std_published(ratio), expected, rtol=1e-12)


def test_an_infinite_ratio_makes_the_published_scatter_nan_as_in_the_study() -> None:
    ratio = np.array([[1.0], [2.0], [np.inf], [1.5], [1.2]])
    assert np.isnan(std_published(ratio)[0])


def test_sample_scatter_has_n_minus_one() -> None:
    assert std_sample(np.array([[1.0], [3.0], [np.nan]]))[0] == pytest.approx(np.sqrt(2))


def test_robust_scatter_ignores_a_wild_point() -> None:
    """Values -2..2 and one at 1000: median 0.5, absolute deviations .5 .5 1.5 1.5 2.5 big."""
    values = np.array([[-2.0], [-1.0], [0.0], [1.0], [2.0], [1000.0]])
    assert std_robust(values)[0] == pytest.approx(1.4826 * 1.5)


def test_robust_scatter_of_gaussian_noise_is_its_sigma() -> None:
    """The relative error of a MAD is 1.17/sqrt(n); 4 sigma at n = 20 000 is 3.3 %."""
    values = np.random.default_rng(2).normal(0, 0.03, (20000, 1))
    assert std_robust(values)[0] == pytest.approx(0.03, rel=4 * 1.17 / np.sqrt(20000))


def test_median_with_gaps_equals_numpys() -> None:
    values = np.random.default_rng(3).normal(size=(12, 30))
    values[np.random.default_rng(4).random(values.shape) < 0.3] = np.nan
    np.testing.assert_array_equal(median(values), np.nanmedian(values, axis=0))


@pytest.mark.parametrize("n", [0, 1, 2])
def test_too_few_points_are_nan_and_no_crash(n: int) -> None:
    values = np.full((4, 1), np.nan)
    values[:n, 0] = 1.0 + np.arange(n)
    assert np.isnan(std_published(values)[0])
    assert np.isnan(std_sample(values)[0]) == (n < 2)
    assert np.isnan(std_robust(values)[0]) == (n < 1)


def test_no_exposure_at_all_is_nan() -> None:
    for statistic in (std_published, std_sample, std_robust):
        assert np.isnan(statistic(np.empty((0, 3)))).all()

"""The stability floor: exact on noiseless pairs, calibrated on noisy ones."""

from itertools import combinations

import numpy as np
import pytest
from astropy.table import QTable

from pipeline.statistics.floor import Floor, fit_floor, unflagged_pairs


def _pairs(n_stars: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Geometric mean SNR of all pairs of stars between SNR 100 and 5000."""
    snr = np.exp(np.random.default_rng(seed).uniform(np.log(100), np.log(5000), n_stars))
    one, two = np.array(list(combinations(range(n_stars), 2))).T
    return np.sqrt(snr[one] * snr[two]), one + 1, two + 1


def test_noiseless_pairs_give_floor_and_k_exactly() -> None:
    snr, one, two = _pairs(25)
    std = np.hypot(0.03, 20 / snr)
    found = fit_floor(snr, std, one, two, n_bootstrap=20)
    assert found.floor == pytest.approx(0.03, rel=1e-4)
    assert found.k == pytest.approx(20, rel=1e-4)
    assert found.n_pairs == 300
    assert found.n_stars == 25
    np.testing.assert_allclose(found.std(snr), std, rtol=1e-4)


def test_a_tenth_of_wild_pairs_moves_the_floor_by_little() -> None:
    snr, one, two = _pairs(25)
    std = np.hypot(0.03, 20 / snr)
    std[np.random.default_rng(2).permutation(300)[:30]] *= 10
    found = fit_floor(snr, std, one, two, n_bootstrap=20)
    assert found.floor == pytest.approx(0.03, rel=0.15)
    assert found.k == pytest.approx(20, rel=0.15)


def test_pure_photon_scatter_has_no_floor() -> None:
    snr, one, two = _pairs(25)
    found = fit_floor(snr, 1.4 / snr, one, two, n_bootstrap=5)
    assert found.floor < 1e-4
    assert found.k == pytest.approx(1.4, rel=1e-3)


@pytest.mark.slow
def test_the_bootstrap_over_stars_covers_the_floor_of_the_law_they_come_from() -> None:
    """Stars, not pairs, scatter: each has its own stability s_i and std^2 = s_i^2 + s_j^2.

    40 campaigns of 25 stars. The floor aimed at is that of the very many stars of the same law.
    Of 40 intervals of 68 % at least 18 cover with 99.9 % probability (binomial); an error made
    from independent pairs is smaller by the root of the pairs per star and covers few.
    """

    def stds(rng: np.random.Generator, n: int, one: np.ndarray, two: np.ndarray) -> np.ndarray:
        own = 0.02 * np.exp(0.5 * rng.normal(size=n))
        return np.hypot(own[one - 1], own[two - 1])

    snr, one, two = _pairs(25)
    bright = np.full_like(snr, 1e5)
    wide_snr, wide_one, wide_two = _pairs(120)
    law = fit_floor(
        np.full_like(wide_snr, 1e5),
        stds(np.random.default_rng(0), 120, wide_one, wide_two),
        wide_one,
        wide_two,
        n_bootstrap=2,
    ).floor
    covered, errors, floors = 0, [], []
    for seed in range(40):
        std = stds(np.random.default_rng(100 + seed), 25, one, two)
        found = fit_floor(bright, std, one, two, n_bootstrap=40)
        covered += abs(found.floor - law) < found.floor_err
        errors.append(found.floor_err)
        floors.append(found.floor)
    assert covered >= 18
    assert np.median(errors) == pytest.approx(np.std(floors), rel=0.6)


@pytest.mark.parametrize("n_stars", [2, 3])
def test_too_few_pairs_or_stars_are_nan(n_stars: int) -> None:
    snr, one, two = _pairs(n_stars)
    found = fit_floor(snr, 0.1 + 0 * snr, one, two)
    assert np.isnan(found.floor)
    assert np.isnan(found.k_err)


def test_pairs_without_scatter_or_snr_are_left_out() -> None:
    snr, one, two = _pairs(10)
    std = np.hypot(0.03, 20 / snr)
    std[0], snr[1] = np.nan, np.nan
    assert fit_floor(snr, std, one, two, n_bootstrap=3).n_pairs == 43


def test_the_same_pairs_give_the_same_numbers() -> None:
    snr, one, two = _pairs(12)
    std = np.hypot(0.03, 20 / snr) * np.exp(0.1 * np.random.default_rng(1).normal(size=len(snr)))
    first: Floor = fit_floor(snr, std, one, two, n_bootstrap=20)
    assert first == fit_floor(snr, std, one, two, n_bootstrap=20)


def test_pairs_of_flagged_stars_are_left_out_and_counted() -> None:
    pairs = QTable({"star_1": [1, 1, 2], "star_2": [2, 3, 3]})
    catalogue = QTable({"star_id": [1, 2, 3], "flags": ["", "edge", ""]})
    found = unflagged_pairs(pairs, catalogue)
    assert found.n_stars_flagged == 1
    assert list(zip(found.pairs["star_1"], found.pairs["star_2"], strict=True)) == [(1, 3)]

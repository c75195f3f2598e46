"""Parts of a campaign: seasons, modes, outliers, and the errors of their scatter."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.statistics.pairs import timelines
from pipeline.statistics.scatter import std_published
from pipeline.statistics.subsets import (
    Series,
    outliers,
    seasons,
    series_of,
    subset_statistics,
    subsets_of,
)
from tests.statistics.factory import campaign, nights_of


def _series(values: np.ndarray, nights: np.ndarray | None = None) -> Series:
    fluxes = campaign(n_exposures=len(values), n_stars=2)
    series = series_of(timelines(fluxes))
    nights = series.nights if nights is None else nights
    return replace(series, deviation=values, nights=nights)


def test_a_pause_of_more_than_twenty_days_begins_a_season() -> None:
    nights = np.array(["2019-01-01", "2019-01-21", "2019-02-11", "2019-02-12", "2019-02-11"])
    found = seasons(nights)
    assert list(found) == ["2019-01-01 to 2019-01-21", "2019-02-11 to 2019-02-12"]
    assert found["2019-02-11 to 2019-02-12"].tolist() == [False, False, True, True, True]
    assert seasons(np.empty(0, str)) == {}


def test_an_outlier_in_any_pair_takes_the_exposure_out() -> None:
    values = np.random.default_rng(1).normal(0, 0.01, (30, 2))
    values[7, 1] = 0.5
    assert np.flatnonzero(outliers(values)).tolist() == [7]


def test_gaussian_noise_has_no_outliers_and_missing_values_are_none() -> None:
    values = np.random.default_rng(2).normal(0, 0.01, (300, 4))
    values[5] = np.nan
    assert not outliers(values).any()


def test_of_three_points_none_is_called_an_outlier() -> None:
    assert not outliers(np.array([[0.0], [1e-6], [0.1]])).any()


def test_subsets_are_all_clean_modes_and_seasons() -> None:
    fluxes = campaign(n_exposures=10, n_stars=2)
    names = list(subsets_of(series_of(timelines(fluxes))))
    assert names[:4] == ["all", "without outliers", "mode WFM-AO-N", "mode WFM-NOAO-N"]
    assert names[4:] == ["season 2019-01-01 to 2019-02-15"]


def test_series_from_timelines_have_the_times_of_the_exposures() -> None:
    fluxes = campaign(n_exposures=4, n_stars=3)
    table = timelines(fluxes)
    exposures = table["exposure_id", "night"][:4]
    exposures["mjd_mid"] = [58000.5, np.nan, 58002.5, 58003.5]
    series = series_of(table, exposures)
    assert series.pairs == ((1, 2), (1, 3), (2, 3))
    assert series.deviation.shape == (4, 3)
    assert series.mjd.tolist() == [58000.5, fluxes.mjd[1], 58002.5, 58003.5]


def test_the_mean_of_a_subset_is_taken_out_and_reported() -> None:
    values = np.array([[0.10], [0.12], [0.08], [0.10], [0.11]])
    row = subset_statistics(_series(values), n_bootstrap=10).table[0]
    assert row["mean_shift"] == pytest.approx(values.mean())
    assert row["std"] == pytest.approx(np.std((1 + values) / (1 + values.mean()), ddof=1))


def test_the_bootstrap_error_of_gaussian_scatter_is_sigma_over_root_2n() -> None:
    """The bootstrap's own noise: 500 draws give a percentile width to 5 %, the sample 10 %."""
    values = np.random.default_rng(3).normal(0, 0.03, (200, 1))
    row = subset_statistics(_series(values, nights_of(200))).table[0]
    assert row["std_err"] == pytest.approx(0.03 / np.sqrt(400), rel=0.4)
    assert row["std_published_err"] == pytest.approx(row["std_err"], rel=0.3)


def test_sigma_is_half_of_the_central_68_per_cent() -> None:
    values = np.random.default_rng(6).normal(0, 0.03, (40, 1))
    series = _series(values, nights_of(40))
    found = subset_statistics(series, n_bootstrap=50).interval("all", "std", series.pairs[0])
    assert found.low95 < found.low68 < found.high68 < found.high95
    assert found.sigma == pytest.approx((found.high68 - found.low68) / 2, rel=1e-12)


def test_exposures_of_one_night_are_drawn_together() -> None:
    """Four equal exposures a night carry the information of one: the error does not shrink."""
    once = np.random.default_rng(4).normal(0, 0.03, (50, 1))
    single = subset_statistics(_series(once, nights_of(50))).table[0]
    repeated = subset_statistics(
        _series(np.repeat(once, 4, axis=0), np.repeat(nights_of(50), 4))
    ).table[0]
    assert repeated["n"] == 200
    assert repeated["n_nights"] == 50
    assert repeated["std_err"] == pytest.approx(single["std_err"], rel=0.15)


def test_a_reading_error_propagates_as_repeated_readings_scatter() -> None:
    """1000 readings with 0.002 noise: their scatter is known to 2.2 %, 4 sigma 9 %."""
    rng = np.random.default_rng(5)
    values = rng.normal(0, 0.03, (65, 1))
    series = replace(_series(values), reading_err=np.full((65, 1), 0.002))
    row = subset_statistics(series, n_bootstrap=2).table[0]
    readings = values + rng.normal(0, 0.002, (65, 1000))
    assert row["reading_err"] == pytest.approx(np.std(std_published(1 + readings)), rel=0.09)


def test_a_tiny_subset_is_nan_and_no_crash() -> None:
    table = subset_statistics(_series(np.array([[0.1], [np.nan]])), n_bootstrap=5).table
    assert np.isnan(table["std_published"]).all()
    assert np.isnan(table["spearman_p"]).all()
    assert np.isnan(table["std_err"]).all()

"""Statistics of pairs: by hand, against the plain loop, and with what can go wrong."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.schema import TABLES
from pipeline.statistics.fluxes import Fluxes
from pipeline.statistics.pairs import all_pairs, deviations, pair_statistics, timelines
from tests.statistics.factory import campaign, nights_of, with_flux


def _study(flux: np.ndarray, first: int, second: int) -> float:
    """The study's scatter script for one pair, plainly: files one by one, NaN ratios skipped."""
    diffs = []
    for row in flux:
        with np.errstate(divide="ignore", invalid="ignore"):
            diff = row[first] / row[second]
        if not np.isnan(diff):
            diffs.append(diff)
    array = np.asarray(diffs)
    mean = np.mean(array)
    final = np.sort((array - mean) / mean)
    return float(np.std(final[1:-1]))


def _plain(fluxes: Fluxes, first: int, second: int) -> dict[str, float]:
    """Mean, scatter and photon noise of one pair, exposure by exposure."""
    ratios, errors = [], []
    for row in range(len(fluxes.flux)):
        if fluxes.exposure_flags[row]:
            continue
        if fluxes.flux_flags[row, first] or fluxes.flux_flags[row, second]:
            continue
        f1, f2 = fluxes.flux[row, [first, second]]
        e1, e2 = fluxes.flux_err[row, [first, second]]
        if np.isnan(f1) or np.isnan(f2):
            continue
        ratios.append(f1 / f2)
        errors.append(abs(f1 / f2) * np.sqrt((e1 / f1) ** 2 + (e2 / f2) ** 2))
    mean = float(np.mean(ratios))
    deviation = np.array(ratios) / mean - 1
    return {
        "n": len(ratios),
        "ratio_mean": mean,
        "std": float(np.std(deviation, ddof=1)),
        "std_robust": float(1.4826 * np.median(np.abs(deviation - np.median(deviation)))),
        "photon_std": float(np.sqrt(np.mean((np.array(errors) / mean) ** 2))),
    }


def test_three_exposures_by_hand() -> None:
    """Ratios 1, 2, 3: mean 2, deviations -0.5, 0, 0.5; errors of 10 % on one flux only."""
    flux = np.array([[10.0, 10.0], [20.0, 10.0], [30.0, 10.0]])
    err = np.array([[1.0, 0.0], [2.0, 0.0], [3.0, 0.0]])
    fluxes = Fluxes(flux, err, nights_of(3))
    found = deviations(fluxes)
    np.testing.assert_allclose(found.value[:, 0], [-0.5, 0, 0.5], atol=1e-15)
    np.testing.assert_allclose(found.err[:, 0], [0.05, 0.1, 0.15])
    row = pair_statistics(fluxes)[0]
    assert row["ratio_mean"] == pytest.approx(2)
    assert row["std"] == pytest.approx(0.5)
    assert row["std_published"] == pytest.approx(0)  # one point is left of three
    assert row["photon_std"] == pytest.approx(np.sqrt((0.05**2 + 0.1**2 + 0.15**2) / 3))
    assert row["slope_per_year"].value == pytest.approx(0.5 / (5 / 365.25))


@pytest.mark.slow
def test_all_300_pairs_equal_the_plain_loop() -> None:
    rng = np.random.default_rng(4)
    fluxes = campaign(scatter=0.04)
    flux = fluxes.flux.copy()
    flux[rng.random(flux.shape) < 0.03] = np.nan
    flags = np.where(rng.random(flux.shape) < 0.03, "gap", "")
    status = np.where(np.arange(65) == 7, "excluded", "")
    fluxes = replace(with_flux(fluxes, flux), flux_flags=flags, exposure_flags=status)
    table = pair_statistics(fluxes)
    assert len(table) == 300
    for row, (i, j) in zip(table, combinations(range(25), 2), strict=True):
        assert (row["star_1"], row["star_2"]) == (i + 1, j + 1)
        for name, value in _plain(fluxes, i, j).items():
            assert row[name] == pytest.approx(value, rel=1e-10), name
        ok = flux[fluxes.exposure_flags == ""]
        assert row["std_published"] == pytest.approx(_study(ok, i, j), rel=1e-10)


def test_the_published_scatter_uses_all_exposures_of_status_ok_and_flux_with_nan_as_zero() -> None:
    fluxes = campaign(n_stars=3, scatter=0.05)
    flux = fluxes.flux.copy()
    flux[3, 0] = np.nan
    published = np.nan_to_num(flux)
    flags = np.full(flux.shape, "")
    flags[10, 1] = "e"
    status = np.where(np.arange(65) == 20, "excluded", "")
    fluxes = replace(
        fluxes,
        flux=flux,
        flux_published=published,
        flux_flags=flags,
        exposure_flags=status.astype(str),
    )
    row = pair_statistics(fluxes)[0]
    assert row["n"] == 62
    used = published[status == ""]
    assert row["std_published"] == pytest.approx(_study(used, 0, 1), rel=1e-12)
    assert row["std_published"] != pytest.approx(_study(published, 0, 1), rel=1e-6)


def test_a_star_that_vanishes_leaves_its_pairs_undefined_and_warns_of_nothing() -> None:
    fluxes = campaign(n_stars=4)
    flux = fluxes.flux.copy()
    flux[:, 2] = np.nan
    table = pair_statistics(with_flux(fluxes, flux))
    lost = (table["star_1"] == 3) | (table["star_2"] == 3)
    assert (table["n"][lost] == 0).all()
    numbers = [column.name for column in TABLES["pairs"] if column.dtype == "f8"]
    described = {"radius_px", "snr_ratio", "snr_gmean", "separation_px"}
    for name in set(numbers) - described:
        values = np.asarray(getattr(table[name], "value", table[name]))
        assert np.isnan(values[lost]).all(), name
        assert np.isfinite(values[~lost]).all(), name


@pytest.mark.parametrize("n", [0, 1, 2])
def test_too_few_exposures_are_nan_and_no_crash(n: int) -> None:
    table = pair_statistics(campaign(n_exposures=n, n_stars=3))
    assert len(table) == 3
    assert (table["n"] == n).all()
    assert np.isnan(table["std_published"][0]) == (n < 3)
    assert np.isnan(table["std"][0]) == (n < 2)
    assert np.isnan(table["spearman_rho"]).all()
    assert np.isnan(table["excess_std"]).all()


@pytest.mark.parametrize("night", ["", "2025-01-01"])
def test_rows_of_failed_exposures_change_no_number(night: str) -> None:
    """They have no flux, and, where the file was not readable, no night and no time."""
    good = campaign(n_exposures=20, n_stars=4, scatter=0.01)
    n_bad, n_stars = 3, len(good.star_ids)

    def with_rows(values: np.ndarray, missing: object) -> np.ndarray:
        rows = np.full((n_bad, *values.shape[1:]), missing, dtype=values.dtype)
        return np.concatenate([rows, values])

    bad = Fluxes(
        flux=with_rows(good.flux, np.nan),
        flux_err=with_rows(good.flux_err, np.nan),
        nights=with_rows(good.nights, night),
        mjd=with_rows(good.mjd, np.nan),
        exposure_flags=with_rows(good.exposure_flags.astype("U6"), "failed"),
        flux_published=with_rows(good.flux_published, np.nan),
        modes=with_rows(good.modes, ""),
        xy=good.xy,
        channel=good.channel,
        snr=good.snr,
    )
    assert bad.flux.shape == (23, n_stars)
    one, other = pair_statistics(good), pair_statistics(bad)
    for name in one.colnames:
        np.testing.assert_array_equal(np.asarray(one[name]), np.asarray(other[name]), name)


def test_a_single_star_has_no_pairs() -> None:
    assert len(pair_statistics(campaign(n_stars=1))) == 0
    assert len(timelines(campaign(n_stars=1))) == 0


def test_without_errors_the_excess_is_undefined_but_the_slope_is_not() -> None:
    fluxes = campaign(n_stars=2, scatter=0.02)
    row = pair_statistics(replace(fluxes, flux_err=np.full(fluxes.flux.shape, np.nan)))[0]
    assert np.isnan(row["photon_std"])
    assert np.isnan(row["excess_std"])
    assert np.isfinite(row["slope_per_year"].value)
    assert np.isfinite(row["slope_err"].value)


def test_injected_scatter_is_recovered_in_every_pair() -> None:
    """Two stars with 0.03 each: 0.0424. n = 65 gives each pair 9 %; 4 sigma of 300 (14 % at most
    for the mean, whose pairs share 25 stars: about 25 independent values, 1.8 %)."""
    table = pair_statistics(campaign(scatter=0.03, snr=200))
    expected = 0.03 * np.sqrt(2)
    assert np.mean(table["excess_std"]) == pytest.approx(expected, rel=4 * 0.018)
    assert np.abs(table["excess_std"] / expected - 1).max() < 5 * 0.09
    pull = (table["excess_std"] - expected) / table["excess_std_err"]
    assert 0.5 < np.std(pull) < 1.5


def test_pure_photon_noise_leaves_little_excess() -> None:
    """At s = 0 half of the pairs are exactly 0 and nearly all within two errors of it."""
    table = pair_statistics(campaign(snr=200))
    assert np.mean(table["excess_std"] == 0) > 0.3
    assert np.mean(table["excess_std"] < 2 * table["excess_std_err"]) > 0.9
    np.testing.assert_allclose(table["photon_std"], np.sqrt(2) / 200, rtol=0.05)
    np.testing.assert_allclose(np.mean(table["std"]), np.sqrt(2) / 200, rtol=4 * 0.018)


def test_an_injected_drift_is_seen_in_slope_and_rank_correlation() -> None:
    """Star 1 brightens by 10 % a year against star 2: slope 0.1/mean ratio, about 0.0955."""
    fluxes = campaign(n_stars=3, snr=300)
    years = (fluxes.mjd - fluxes.mjd[0]) / 365.25
    flux = fluxes.flux.copy()
    flux[:, 0] *= 1 + 0.1 * years
    table = pair_statistics(with_flux(fluxes, flux))
    row = table[0]
    expected = 0.1 / np.mean(1 + 0.1 * years)
    assert row["slope_per_year"].value == pytest.approx(expected, abs=4 * row["slope_err"].value)
    assert row["slope_per_year"].value > 10 * row["slope_err"].value
    assert row["spearman_rho"] > 0.9
    assert row["spearman_p"] < 1e-10
    assert row["spearman_p_nights"] < 1e-10
    steady = table[2]
    assert abs(steady["slope_per_year"].value) < 4 * steady["slope_err"].value


def test_exposures_of_one_night_count_once_in_the_nightly_correlation() -> None:
    fluxes = campaign(n_exposures=20, n_stars=2)
    once = pair_statistics(fluxes)[0]
    twice = pair_statistics(fluxes.select(np.repeat(np.arange(20), 2)))[0]
    assert twice["spearman_p_nights"] == pytest.approx(once["spearman_p_nights"])
    assert twice["spearman_p"] < once["spearman_p"]


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(st.permutations(range(12)), st.permutations(range(5)))
def test_the_order_of_exposures_and_stars_does_not_matter(
    exposures: list[int], stars: list[int]
) -> None:
    fluxes = campaign(n_exposures=12, n_stars=5, scatter=0.03)
    flux = fluxes.flux.copy()
    flux[2, 3] = np.nan
    fluxes = with_flux(fluxes, flux)
    expected = pair_statistics(fluxes)
    mixed = fluxes.select(np.array(exposures))
    mixed = replace(
        mixed,
        **{
            name: getattr(mixed, name)[:, stars]
            for name in ("flux", "flux_err", "flux_flags", "flux_published")
        },
        **{name: getattr(mixed, name)[stars] for name in ("star_ids", "channel", "snr", "xy")},
    )
    found = pair_statistics(mixed)
    for column in TABLES["pairs"]:
        if column.dtype == "f8":
            np.testing.assert_allclose(
                found[column.name], expected[column.name], rtol=1e-6, atol=1e-12
            )
        else:
            assert found[column.name].tolist() == expected[column.name].tolist()


def test_published_pairs_keep_the_orientation_of_the_study() -> None:
    pairs = all_pairs([4, 2, 22, 15], oriented=[(22, 4), (15, 2)])
    assert pairs == ((2, 4), (15, 2), (2, 22), (4, 15), (22, 4), (15, 22))


def test_an_unknown_star_is_named() -> None:
    with pytest.raises(KeyError, match="star 99"):
        pair_statistics(campaign(n_stars=3), [(1, 99)])


def test_geometry_snr_and_channel_of_a_pair() -> None:
    fluxes = replace(
        campaign(n_stars=3),
        xy=np.array([[50.0, 70.0], [53.0, 74.0], [50.0, 71.0]]),
        snr=np.array([100.0, 400.0, np.nan]),
        channel=np.array([5, 5, 0]),
    )
    table = pair_statistics(fluxes)
    assert table["separation_px"][0].value == pytest.approx(5)
    assert table["snr_gmean"][0] == pytest.approx(200)
    assert np.isnan(table["snr_gmean"][1])
    assert table["same_channel"].tolist() == [True, False, False]


def test_timelines_keep_unused_points_and_say_why() -> None:
    fluxes = campaign(n_exposures=6, n_stars=2)
    flux = fluxes.flux.copy()
    flux[4, 1] = np.nan
    flags = np.full((6, 2), "", dtype="<U8")
    flags[2, 0] = "edge gap"
    status = np.array(["", "excluded", "", "", "", ""])
    fluxes = replace(with_flux(fluxes, flux), flux_flags=flags, exposure_flags=status)
    table = timelines(fluxes)
    assert table["flag"].tolist() == [
        "",
        "exposure excluded",
        "star 1: edge gap",
        "",
        "star 2: no flux",
        "",
    ]
    assert np.isfinite(table["deviation"][1])
    assert np.isnan(table["deviation"][4])
    used = table["flag"] == ""
    assert np.mean(table["deviation"][used]) == pytest.approx(0, abs=1e-15)
    assert table["night"].tolist() == fluxes.nights.tolist()


def test_deviation_errors_describe_the_scatter_of_repeated_noise() -> None:
    """400 exposures at SNR 50: the error of a standard deviation is 3.5 %, 4 sigma 14 %."""
    table = timelines(campaign(n_exposures=400, n_stars=2, snr=50))
    scatter = np.std(table["deviation"] / table["deviation_err"], ddof=1)
    assert scatter == pytest.approx(1, abs=4 / np.sqrt(2 * 400))

"""Rows of the record's tables and comparisons of scatter, at values that can be written down."""

from types import SimpleNamespace

import numpy as np
import pytest
import scipy.stats

from pipeline.statistics import comparisons, record_tables
from pipeline.statistics.comparisons import Choice, scatter_change
from pipeline.statistics.fluxes import Fluxes
from pipeline.statistics.record import (
    LeftOut,
    independence,
    lag_one_correlation,
    leave_one_star_out,
    nights_of,
    snr_of_ratio,
    ten_pairs,
)
from tests.statistics.factory import nights_of as dates


def fluxes(flux, *, err=0.01, nights=None, modes=None, channel=None, **more):
    flux = np.asarray(flux, float)
    n, m = flux.shape
    return Fluxes(
        flux=flux, flux_err=err * np.abs(flux), nights=dates(n) if nights is None else nights,
        channel=np.arange(1, m + 1) if channel is None else np.asarray(channel), snr=np.full(m, 99.0),
        xy=np.zeros((m, 2)), modes=np.resize(["WFM-AO-N", "WFM-NOAO-N"], n) if modes is None else modes,
        **more,
    )  # fmt: skip


@pytest.fixture
def record(monkeypatch):
    """Five stars in twelve exposures of six nights, with lines that are known beforehand."""
    rng = np.random.default_rng(5)
    made = fluxes(np.exp(0.05 * rng.normal(size=(12, 5))), nights=np.repeat(dates(6), 2))

    def lines(_, pairs, *, stability):
        assert stability.bad_exposures.tolist() == [3]
        n = len(pairs)
        names = ("slope_per_year", "slope_err", "trend_p", "trend_p_adjusted")
        return {name: np.arange(n) + k / 10 for k, name in enumerate(names)}

    monkeypatch.setattr(record_tables, "pair_statistics", lines)
    return made, SimpleNamespace(bad_exposures=np.array([3]))


def test_all_ten_pairs_have_their_scatter_nights_offsets_and_lines(record):
    made, fit = record
    kept = np.arange(12) != 3
    table = record_tables._pairs(made, made.select(np.flatnonzero(kept)), fit)
    assert [(r["star_1"], r["star_2"]) for r in table] == ten_pairs(np.arange(1, 6))
    ps = []
    for k, row in enumerate(table):
        one, two = row["star_1"] - 1, row["star_2"] - 1
        log = np.log(made.flux[kept, one] / made.flux[kept, two])
        nights = nights_of(log, made.nights[kept])
        assert row["std"] == pytest.approx(log.std(ddof=1))
        assert (row["n"], row["n_nights"]) == (11, 6)
        assert row["std_within"] == pytest.approx(nights.within)
        assert row["std_between"] == pytest.approx(nights.between)
        assert row["f_nights"] == pytest.approx(nights.f)
        ps.append(nights.p)
        assert row["slope_per_year"].value == k
        assert (row["slope_err"].value, row["trend_p"]) == pytest.approx((k + 0.1, k + 0.2))
        # AO less no AO in the five nights that have both
        ratio = np.log(made.flux[:, one] / made.flux[:, two])
        steps = [ratio[2 * j] - ratio[2 * j + 1] for j in range(6) if j != 1]
        assert row["ao_offset"] == pytest.approx(np.mean(steps))
        assert row["ao_nights"] == 5
    from pipeline.statistics.trend_tests import holm

    np.testing.assert_allclose(table["p_nights"], holm(np.array(ps)))


def test_exposures_that_are_bad_or_lack_a_star_do_not_enter(record, monkeypatch):
    made, fit = record
    made.flux[7, 2] = np.nan
    seen = {}
    monkeypatch.setattr(
        record_tables, "_pairs", lambda clean, found, _: seen.update(clean=clean, found=found)
    )
    monkeypatch.setattr(record_tables, "_findings", lambda *_: None)
    record_tables.record_tables(made, fit, None, {})
    assert np.flatnonzero(seen["clean"].exposure_flags != "").tolist() == [3]
    assert seen["found"].exposure_ids.tolist() == np.delete(made.exposure_ids, [3, 7]).tolist()


def test_findings_of_stars_are_those_of_the_analysis(record):
    made, _ = record
    rows = record_tables._stars(made)
    log = np.log(made.flux)
    found = independence(log)
    by_kind = {}
    for row in rows:
        by_kind.setdefault(row[0], []).append(row)
    assert [row[1] for row in by_kind["star_std"]] == pytest.approx(found.std.tolist())
    assert [row[2] for row in by_kind["star_std"]] == pytest.approx(found.std_err.tolist())
    assert [row[4] for row in by_kind["mode"]] == [f"star {k}" for k in range(1, 6)]
    assert [row[1] for row in by_kind["mode"]] == pytest.approx(found.mode.tolist())
    ((_, ratio, _, p, _, n, _),) = by_kind["independence"]
    assert (ratio, p, n) == (pytest.approx(found.likelihood_ratio), pytest.approx(found.p), 12)
    for column, row in enumerate(by_kind["lag_one"]):
        own = log[:, column] - log.mean(axis=1)
        assert row[1] == pytest.approx(lag_one_correlation(own, made.nights))
        assert (row[2], row[5]) == (pytest.approx(1 / np.sqrt(6)), 6)


def test_successive_nights_correlate_as_their_means_do():
    value, nights = np.array([1.0, 3.0, -2.0, 0.0, -2.0]), np.array(["a", "a", "b", "c", "c"])
    mean = np.array([2.0, -2.0, -1.0]) + 1 / 3
    expected = (mean[1] * mean[0] + mean[2] * mean[1]) / (mean**2).sum()
    assert lag_one_correlation(value, nights) == pytest.approx(expected)


def test_variances_of_uneven_nights_by_hand():
    value, nights = np.array([0.0, 2.0, 4.0, 10.0]), np.array(["a", "a", "a", "b"])
    found = nights_of(value, nights)
    within, between = 8 / 2, 3 * (2 - 4) ** 2 + (10 - 4) ** 2
    typical = 4 - (9 + 1) / 4
    assert (found.n, found.n_nights) == (4, 2)
    assert found.std == pytest.approx(value.std(ddof=1))
    assert found.within == pytest.approx(np.sqrt(within))
    assert found.f == pytest.approx(between / within)
    assert found.between == pytest.approx(np.sqrt((between - within) / typical))
    assert found.p == pytest.approx(scipy.stats.f.sf(between / within, 1, 2))
    quiet = nights_of(np.array([0.0, 9.0, 1.0, 8.0]), np.array(["a", "a", "b", "b"]))
    assert quiet.between == 0.0
    for value, nights in ((np.arange(2.0), ["a", "a"]), (np.arange(2.0), ["a", "b"])):
        with pytest.raises(ValueError, match="nothing to compare"):
            nights_of(value, np.array(nights))


def test_independence_counts_its_degrees_of_freedom_and_names_the_largest_pattern():
    rng = np.random.default_rng(8)
    log = 0.02 * rng.normal(size=(300, 4)) * [1, 2, 1, 3]
    found = independence(log)
    assert found.dof == 4 * 3 // 2 - 4
    assert found.p == pytest.approx(scipy.stats.chi2.sf(found.likelihood_ratio, found.dof))
    assert found.mode.sum() == pytest.approx(0, abs=1e-9)
    assert np.linalg.norm(found.mode) == pytest.approx(1)
    assert np.argmax(np.abs(found.mode)) == 3
    assert found.mode[3] > 0
    centred = log - log.mean(axis=1, keepdims=True)
    value = np.linalg.eigvalsh(np.cov(centred, rowvar=False))
    assert found.mode_share == pytest.approx(value[-1] / value.sum())
    np.testing.assert_allclose(found.std, 0.02 * np.array([1, 2, 1, 3]), rtol=0.25)
    # alone, each would be known to 1 / sqrt(2 x 299) = 4 %; ratios share it out
    assert (found.std_err / found.std > 0.04).all()
    assert (found.std_err / found.std < 0.2).all()


def test_what_is_left_out_has_its_rms_and_coverage():
    found = LeftOut(
        np.array([1, 1]),
        np.array([2, 3]),
        np.array([1, 1]),
        np.array([0.3, -0.4]),
        np.array([0.3, 0.3]),
    )
    assert found.rms == pytest.approx(np.sqrt(0.25 / 2))
    assert found.covered == 0.5


def test_each_pair_is_left_out_with_each_of_its_stars():
    i, j = np.triu_indices(7, 1)
    snr = snr_of_ratio(np.linspace(50, 500, 7)[i], np.linspace(50, 500, 7)[j])
    std = np.hypot(0.03, 1.4 / snr) * np.exp(0.1 * np.random.default_rng(9).normal(size=21))
    found = leave_one_star_out(snr, std, i + 1, j + 1)
    assert len(found.residual) == 42
    for star, one, two in zip(found.star_left_out, found.star_1, found.star_2, strict=True):
        assert star in (one, two)
    assert np.bincount(found.star_left_out).tolist() == [0] + [6] * 7
    with pytest.raises(ValueError, match="19 pairs are known by name; 20 are needed"):
        leave_one_star_out(snr[:19], std[:19], i[:19], j[:19])
    assert len(leave_one_star_out(snr[:20], std[:20], i[:20], j[:20]).residual) == 40


def test_a_star_on_an_unknown_channel_is_on_one_of_its_own():
    found = comparisons._of_channels(np.array([1.0, 3.0, 5.0, 7.0, 9.0]), np.array([2, 2, 0, 1, 0]))
    assert found.tolist() == [7.0, 2.0, 5.0, 9.0]


def test_bright_stars_have_a_median_snr_of_thirty():
    flux = np.ones((3, 3))
    made = fluxes(flux)
    err = np.array([[1 / 30, 1 / 29.9, 0.01], [1 / 30, 1 / 29.9, 0.5], [1 / 30, 1 / 29.9, 0.5]])
    made = fluxes(flux)
    object.__setattr__(made, "flux_err", err * 0.999999)
    assert comparisons._bright(made).all(axis=0).tolist() == [True, False, False]
    made.flux[0, 0] = -1.0
    assert comparisons._bright(made)[:, 0].tolist() == [False, True, True]


def test_a_median_snr_of_exactly_thirty_is_enough():
    made = fluxes(np.full((3, 2), 30.0))
    object.__setattr__(made, "flux_err", np.array([[1.0, 1.001]] * 3))
    assert comparisons._bright(made).all(axis=0).tolist() == [True, False]


def test_a_star_is_covered_in_four_fifths_of_the_exposures_that_count():
    used = np.ones((11, 3), bool)
    used[10] = False  # does not count
    used[:2, 1], used[:3, 2] = False, False
    assert comparisons._covered(used).tolist() == [True, True, False]


def test_the_scatter_of_a_star_is_about_the_mean_of_the_others_in_each_mode():
    rng = np.random.default_rng(10)
    log = rng.normal(0, 0.05, (10, 4))
    modes = np.repeat(["A", "B"], 5)
    made = fluxes(np.exp(log), modes=modes)
    found = comparisons._scatter(made, np.ones((10, 4), bool), np.ones(4, bool))
    for star in range(4):
        ratio = log[:, star] - np.delete(log, star, axis=1).mean(axis=1)
        for mode in ("A", "B"):
            ratio[modes == mode] -= ratio[modes == mode].mean()
        assert found[star] == pytest.approx(np.sqrt((ratio**2).sum() / 8))


def test_a_star_that_is_missing_once_does_not_move_the_mean_of_the_others():
    log = np.array([0.0, 5.0, 9.0]) + np.resize([0.1, -0.1], 8)[:, None]
    made = fluxes(np.exp(log), modes=np.full(8, "A"))
    used = np.ones((8, 3), bool)
    used[2, 1] = False
    np.testing.assert_allclose(comparisons._scatter(made, used, np.ones(3, bool)), 0.0, atol=0.03)


def choices(n=8, m=6, *, first=1.0, second=0.5, channel=None, seed=1):
    rng = np.random.default_rng(seed)
    scale = np.where(np.arange(2 * n) < n, first, second)[:, None]
    made = fluxes(
        np.exp(0.02 * scale * rng.normal(size=(2 * n, m))),
        modes=np.full(2 * n, "A"),
        channel=channel,
    )
    is_first = np.arange(2 * n) < n
    return Choice("a", made, is_first), Choice("b", made, ~is_first)


def test_a_change_of_scatter_is_a_mean_over_channels_with_student_s_interval():
    one, two = choices()
    found = scatter_change(one, two)
    every = np.ones(6, bool)
    change = np.log(
        comparisons._scatter(
            one.fluxes, comparisons._bright(one.fluxes) & one.exposures[:, None], every
        )
        / comparisons._scatter(
            two.fluxes, comparisons._bright(two.fluxes) & two.exposures[:, None], every
        )
    )
    low, high = scipy.stats.ttest_1samp(change, 0).confidence_interval(0.95)
    assert (found.first, found.second, found.n_stars) == ("a", "b", 6)
    assert (found.n_first, found.n_second) == (8, 8)
    assert found.ratio == pytest.approx(np.exp(change.mean()))
    assert (found.low95, found.high95) == pytest.approx((np.exp(low), np.exp(high)))
    assert found.p == pytest.approx(scipy.stats.ttest_1samp(change, 0).pvalue)


@pytest.mark.parametrize(
    ("enough", "changed"),
    [(True, {}), (False, {"n": 7}), (False, {"m": 5}), (True, {"channel": [1, 2, 3, 4, 4, 4]}),
     (False, {"channel": [1, 2, 3, 3, 3, 3]})],
)  # fmt: skip
def test_eight_exposures_of_six_stars_on_four_channels_are_needed(enough, changed):
    found = scatter_change(*choices(**changed))
    assert np.isfinite([found.ratio, found.low95, found.high95, found.p]).all() == enough

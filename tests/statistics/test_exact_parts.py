"""Parts of the statistics at values that can be written down."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.stats

from pipeline.schema import make_table
from pipeline.statistics.channels import channel_responses
from pipeline.statistics.columns import numbers, texts
from pipeline.statistics.comparison_stars import _spread, comparison_stars, relative_errors
from pipeline.statistics.fluxes import Fluxes, mjd_of_nights
from pipeline.statistics.model_tables import model_of
from pipeline.statistics.paired import nightly_differences, paired_difference
from pipeline.statistics.scatter import median, std_published, std_robust, std_sample
from pipeline.statistics.subsets import outliers, seasons, series_of, subsets_of
from pipeline.statistics.targets import Target, _light_curves_table, _targets_table
from pipeline.statistics.trend_tests import holm
from pipeline.statistics.trends import nightly_means, regress, slopes
from tests.report.tables import fill
from tests.statistics.factory import campaign, nights_of

LEVELS = np.array([1.0, 2.0, 4.0, 8.0])


def fluxes(flux, *, err=0.01, channel=None, nights=None, **more):
    flux = np.asarray(flux, float)
    n, m = flux.shape
    return Fluxes(
        flux=flux, flux_err=np.full((n, m), err) * np.abs(flux),
        nights=nights_of(n) if nights is None else np.asarray(nights),
        channel=np.arange(1, m + 1) if channel is None else np.asarray(channel),
        snr=np.full(m, 1 / err), xy=np.zeros((m, 2)), modes=np.full(n, "WFM-AO-N"), **more,
    )  # fmt: skip


def test_a_response_of_a_channel_is_what_only_its_stars_show():
    """Channel 1 rises by a tenth in the last exposure; of two channels each moves by half of it."""
    flux = np.tile(LEVELS, (4, 1)) * np.array([[1.0], [0.5], [2.0], [1.0]])
    flux[3, :2] *= 1.1
    found = channel_responses(fluxes(flux, channel=[1, 1, 2, 2]))
    half = np.log(1.1) / 2
    expected = np.array([-half / 4] * 3 + [3 * half / 4])
    np.testing.assert_allclose(found.response, np.column_stack([expected, -expected]), atol=1e-9)
    assert found.channels.tolist() == [1, 2]
    assert (found.n_stars == 2).all()


def test_a_star_left_out_or_without_a_channel_tells_no_response():
    flux = np.tile(LEVELS, (4, 1))
    found = channel_responses(fluxes(flux, channel=[1, 0, 2, 2]))
    assert found.n_stars[0].tolist() == [1, 2]
    ids = fluxes(flux).star_ids
    found = channel_responses(fluxes(flux, channel=[1, 1, 2, 2]), [int(ids[3])])
    assert found.n_stars[0].tolist() == [2, 1]


def test_brighter_stars_weigh_more_in_a_response():
    flux = np.tile(LEVELS, (5, 1))
    flux[4, 0] *= 1.2
    both = fluxes(flux, channel=[1, 1, 2, 2])
    errors = both.flux_err.copy()
    errors[:, 0] *= 3.0
    weighted = channel_responses(replace(both, flux_err=errors)).response
    alike = channel_responses(both).response
    rise = (weighted[4, 0] - weighted[0, 0]) / (alike[4, 0] - alike[0, 0])
    assert rise == pytest.approx((1 / 10) / (1 / 2))  # weight 1/9 of 1 + 1/9 against one half


def test_masked_numbers_are_nan_and_masked_texts_are_empty():
    masked = np.ma.MaskedArray([1, 2], mask=[False, True])
    np.testing.assert_array_equal(numbers(masked), [1.0, np.nan])
    assert texts(np.ma.MaskedArray(["a", "b"], mask=[False, True])).tolist() == ["a", ""]


def test_errors_are_relative_and_missing_where_a_flux_is_not_usable():
    flux = np.array([[2.0, -1.0, 3.0, np.nan]])
    found = relative_errors(replace(fluxes(flux), flux_err=np.array([[0.1, 0.1, 0.0, 0.1]])))
    np.testing.assert_allclose(found, [[0.05, np.nan, np.nan, np.nan]])


def compared(snr, share=None, flux=None, candidates=None):
    n = len(snr)
    values = np.ones((10, n)) if flux is None else flux
    made = replace(fluxes(values), flux_err=values / np.asarray(snr, float))
    return comparison_stars(
        made, 0,
        candidates=np.ones(n, bool) if candidates is None else np.array(candidates, bool),
        share=np.zeros((n, 4)) if share is None else np.asarray(share, float),
    ).tolist()  # fmt: skip


def test_stars_are_compared_with_brightest_first_and_faint_ones_only_if_needed():
    assert compared([500, 100, 300, 200, 60, 40]) == [2, 3, 1, 4]  # SNR 50 is an error of 2 %
    assert compared([500, 30, 40, 20, 10]) == [2, 1, 3]
    assert compared([500, 100, 300]) == [2, 1]
    assert compared([500, 100, 300, 200], candidates=[1, 1, 0, 1]) == [3, 1]


def test_a_star_must_be_seen_in_four_fifths_of_the_target_s_exposures():
    flux = np.ones((10, 5))
    flux[:2, 1] = np.nan
    flux[:3, 2] = np.nan
    assert compared([500, 400, 300, 200, 100], flux=flux) == [1, 3, 4]


def test_stars_on_the_target_s_channels_are_left_out_if_three_others_are_there():
    share = np.zeros((6, 4))
    share[[0, 1, 2, 3, 4, 5], [0, 0, 1, 2, 3, 1]] = 1.0
    assert compared([500, 400, 300, 200, 100, 90], share) == [2, 3, 4, 5]
    assert compared([500, 400, 300, 200], share[:4]) == [1, 2, 3]
    share[1] = [0.5, 0.5, 0, 0]
    assert compared([500, 400, 300, 200, 100], share[:5]) == [1, 2, 3, 4]


def test_at_most_three_comparison_stars_are_of_one_channel():
    share = np.zeros((6, 3))
    share[:5, 1] = 1.0
    assert _spread(np.array([4, 3, 2, 1, 0, 5]), share).tolist() == [4, 3, 2, 5]
    assert _spread(np.arange(6), np.zeros((6, 3))).tolist() == [0, 1, 2, 3, 4, 5]


def test_differences_are_taken_night_by_night():
    nights = np.array(["b", "a", "a", "b", "b", "c"])
    values = np.array([[1.0], [2.0], [5.0], [4.0], [np.nan], [7.0]])
    first = np.array([True, True, False, False, True, True])
    found = nightly_differences(nights, values, first, ~first)
    np.testing.assert_allclose(found, [[-3.0], [-3.0], [np.nan]])


def test_a_paired_difference_has_student_s_interval_and_its_own_p():
    rng = np.random.default_rng(4)
    steps = rng.normal(0.03, 0.01, 6)
    nights = np.repeat(nights_of(6), 2)
    flux = np.ones((12, 3))
    flux[::2, 0] = np.exp(steps)
    first = np.arange(12) % 2 == 0
    found = paired_difference(fluxes(flux, nights=nights), first, ~first, [(1, 2), (2, 3)])
    test = scipy.stats.ttest_1samp(steps, 0.0)
    low, high = test.confidence_interval(0.95)
    assert found.n_nights.tolist() == [6, 6]
    assert found.difference[0] == pytest.approx(steps.mean())
    assert found.err[0] == pytest.approx(steps.std(ddof=1) / np.sqrt(6))
    assert (found.low95[0], found.high95[0]) == pytest.approx((low, high))
    assert found.p[0] == pytest.approx(test.pvalue)
    assert found.p_adjusted[0] == pytest.approx(test.pvalue)  # the other has no scatter, no p
    four = paired_difference(fluxes(flux[:8], nights=nights[:8]), first[:8], ~first[:8], [(1, 2)])
    assert np.isnan(four.difference[0])
    assert four.n_nights[0] == 4


def test_holm_multiplies_the_smallest_by_all_and_never_falls():
    p = np.array([0.01, np.nan, 0.04, 0.03, 0.5])
    np.testing.assert_allclose(holm(p), [0.04, np.nan, 0.09, 0.09, 0.5])
    np.testing.assert_allclose(holm(np.array([0.6, 0.7])), [1.0, 1.0])


def test_standard_deviations_of_four_values():
    values = np.array([[1.0], [2.0], [4.0], [13.0], [np.nan]])
    assert std_sample(values)[0] == pytest.approx(np.std([1, 2, 4, 13], ddof=1))
    mean = 5.0
    assert std_published(values)[0] == pytest.approx(abs(4 - 2) / mean / 2)
    assert median(values)[0] == 3.0
    assert std_robust(values)[0] == pytest.approx(1.4826 * 1.5)
    assert np.isnan(std_sample(values[:1])[0])
    assert np.isnan(std_published(values[:2])[0])
    assert std_published(values[:3])[0] == 0.0
    assert np.isnan(median(np.empty((0, 1)))[0])


def test_a_regression_through_the_origin_has_the_error_of_its_exposures():
    true = np.array([[1.0, 2.0], [-1.0, 0.5], [2.0, np.nan]])
    measured = 1.5 * true + np.array([[0.1, -0.2], [0.3, 0.0], [-0.1, 0.0]])
    x, y = true[np.isfinite(true)], measured[np.isfinite(true)]
    slope = (x @ y) / (x @ x)
    rest = [1 * (1.6 - slope) + 2 * (2.8 - 2 * slope), -(-1.2 + slope) + 0.5 * (0.75 - 0.5 * slope)]
    rest += [2 * (2.9 - 2 * slope)]
    found = regress(measured, true)
    assert found.slope == pytest.approx(slope)
    assert found.slope_err == pytest.approx(np.sqrt(np.square(rest).sum()) / (x @ x))
    assert found.correlation == pytest.approx(np.corrcoef(x, y)[0, 1])
    assert found.n == 5
    assert np.isnan(regress(measured[:1], true[:1]).slope)
    assert np.isnan(regress(0 * measured, true).slope)
    assert np.isnan(regress(measured, 0 * true).slope)


def test_a_line_has_its_slope_per_julian_year():
    mjd = 58000 + 365.25 * np.array([0.0, 0.5, 1.0, 2.0])
    values = (0.02 * (mjd - 58000) / 365.25)[:, None]
    found = slopes(mjd, values, np.full(values.shape, 0.01))
    assert found.per_year[0] == pytest.approx(0.02)
    x = (mjd - mjd.mean()) / 365.25
    assert found.err[0] == pytest.approx(0.01 / np.sqrt((x**2).sum()), rel=1e-3)


def test_means_of_nights_leave_out_what_is_missing():
    names, means = nightly_means(np.array(["b", "a", "b"]), np.array([[1.0], [5.0], [np.nan]]))
    assert (names.tolist(), means.tolist()) == (["a", "b"], [[5.0], [1.0]])
    names, means = nightly_means(np.empty(0, str), np.empty((0, 2)))
    assert (len(names), means.shape) == (0, (0, 2))


def test_seasons_are_parted_by_pauses_of_more_than_twenty_days():
    nights = np.array(["2019-01-01", "2019-01-21", "2019-02-11", "2019-01-21"])
    found = seasons(nights)
    assert {name: mask.tolist() for name, mask in found.items()} == {
        "2019-01-01 to 2019-01-21": [True, True, False, True],
        "2019-02-11 to 2019-02-11": [False, False, True, False],
    }
    assert seasons(np.empty(0, str)) == {}


def timelines(deviation, pairs=((1, 2), (3, 4))):
    n = len(deviation)
    ids, nights = [f"E{k}" for k in range(n)], nights_of(n)
    rows = [(k, j) for k in range(n) for j in range(len(pairs)) if not np.isnan(deviation[k][j])]
    columns = {
        "exposure_id": [ids[k] for k, _ in rows],
        "night": [nights[k] for k, _ in rows],
        "mode": ["AB"[k % 2] for k, _ in rows],
        "star_1": [pairs[j][0] for _, j in rows],
        "star_2": [pairs[j][1] for _, j in rows],
        "deviation": [deviation[k][j] for k, j in rows],
        "deviation_err": [0.1 * (k + 1) for k, _ in rows],
        "flag": [""] * len(rows),
    }
    return make_table("timelines", columns, band="I_Bessel", radius=4.5), rows


def test_timelines_become_arrays_with_gaps():
    table, rows = timelines([[1.0, 2.0], [3.0, np.nan], [5.0, 6.0]])
    found = series_of(table, reading_err=np.full(len(rows), 0.5))
    assert found.pairs == ((1, 2), (3, 4))
    assert found.exposure_ids.tolist() == ["E0", "E1", "E2"]
    np.testing.assert_array_equal(found.deviation, [[1, 2], [3, np.nan], [5, 6]])
    np.testing.assert_allclose(found.deviation_err, [[0.1, 0.1], [0.2, np.nan], [0.3, 0.3]])
    np.testing.assert_array_equal(found.reading_err, [[0.5, 0.5], [0.5, 0.0], [0.5, 0.5]])
    assert found.modes.tolist() == ["A", "B", "A"]
    np.testing.assert_array_equal(found.mjd, mjd_of_nights(nights_of(3)))
    exposures = fill("exposures", 2, exposure_id=["E1", "E9"], mjd_mid=[5.25, 6.0])
    timed = series_of(table, exposures)
    np.testing.assert_array_equal(timed.mjd[[0, 2]], found.mjd[[0, 2]])
    assert timed.mjd[1] == 5.25
    assert (timed.reading_err == 0).all()


def test_outliers_are_ten_robust_standard_deviations_away_in_any_pair_of_five_points():
    quiet = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])  # MAD 1: the limit is 14.826
    deviation = np.column_stack([quiet, quiet])
    deviation[4, 1] = 14.8
    assert not outliers(deviation).any()
    deviation[4, 1] = 14.9
    assert outliers(deviation).tolist() == [False] * 4 + [True]
    deviation[0, 1] = np.nan
    assert not outliers(deviation).any()


def test_subsets_are_all_then_without_outliers_by_mode_and_season():
    table, _ = timelines([[0.0], [1.0], [2.0], [3.0], [4.0], [99.0]], pairs=((1, 2),))
    masks = subsets_of(series_of(table))
    assert masks["all"].all()
    assert masks["without outliers"].tolist() == [True] * 5 + [False]
    assert masks["mode A"].tolist() == [True, False, True, False, True, False]
    assert masks["mode B"].tolist() == [False, True, False, True, False, False]
    assert masks["season 2019-01-01 to 2019-01-26"].tolist() == [True] * 5 + [False]


def row(name, p, *, asked=True):
    claims = ("std", "expected_std", "variation", "variation_low68", "variation_high68")
    return {
        "star_id": 1, "name": name, "ra_deg": 1.0, "dec_deg": 2.0, "band": "I", "asked": asked,
        "n": 9, "comparison": "2 3", **dict.fromkeys(claims, 0.1), "detectable_std": 0.1,
        "detectable_change": 0.1, "p": p,
    }  # fmt: skip


def test_p_values_of_targets_are_adjusted_among_those_that_were_asked_for():
    table = _targets_table([row("a", 0.02), row("b", 0.5), row("c", 0.04, asked=False)], "exact")
    np.testing.assert_allclose(table["probability"], [0.04, 0.5, 0.04])
    assert table["flag"].tolist() == ["variable", "", "variable"]
    assert set(table["method"]) == {"exact"}
    assert len(_light_curves_table([])) == 0
    assert Target(1, "a").asked is True


@pytest.mark.parametrize(("n", "tested"), [(5, False), (6, True)])
def test_steps_of_channels_are_tested_where_three_exposures_are_on_each_side(n, tested):
    """Six exposures: three before and three after."""
    made = campaign(n, 12, scatter=0.01)
    found = model_of(made, (), source="cubes", method="exact")
    assert ("channel_tests" in found.tables) is tested


def test_courses_of_channels_are_relative_to_their_mean_and_their_mean_in_time():
    from pipeline.statistics.channels import _course, _relative

    course = np.array([[0.1, 0.2, 0.6], [0.3, np.nan, 0.5], [0.2, 0.9, 0.1], [np.nan, 0.4, np.nan]])
    variance = np.where(np.isfinite(course), np.array([1e-4, 4e-4, 9e-4]), np.nan)
    response, err = _relative(course, variance)
    raw = course - np.nanmean(course, axis=1, keepdims=True)
    raw[3] = np.nan  # one channel is relative to nothing
    np.testing.assert_allclose(response, raw - np.nanmean(raw[:3], axis=0))
    for row, members in ((0, [0, 1, 2]), (1, [0, 2])):
        n, v = len(members), variance[row, members]
        expected = np.sqrt((1 - 2 / n) * v + v.sum() / n**2)
        np.testing.assert_allclose(err[row, members], expected)
    assert np.isnan(err[3]).all()
    # a star twice as noisy counts for a quarter, and what is missing moves nothing
    logs = np.array([[1.0, 5.0], [1.4, 5.2], [1.0, 5.0], [1.2, 0.0]])
    weight = np.array([[4.0, 1.0], [4.0, 1.0], [4.0, 1.0], [4.0, 0.0]])
    found, of_mean = _course(logs, weight)
    np.testing.assert_allclose(of_mean, [1 / 5, 1 / 5, 1 / 5, 1 / 4])
    assert found.mean() == pytest.approx(0.0, abs=1e-9)
    np.testing.assert_allclose(found[1] - found[0], (4 * 0.4 + 0.2) / 5, atol=1e-6)
    nothing, unknown = _course(logs, np.zeros((4, 2)))
    assert np.isnan([nothing, unknown]).all()


def test_the_floor_and_its_parts_are_told_with_their_intervals_where_the_data_tell_them(
    monkeypatch,
):
    from types import SimpleNamespace

    from pipeline.statistics import model_tables

    def found(_, name):
        return (
            (np.nan, (np.nan,) * 4) if name == "night" else (len(name) / 100, (0.1, 0.5, 0.0, 0.9))
        )

    monkeypatch.setattr(model_tables, "quantity_with_bounds", found)
    logs = SimpleNamespace(exposures=np.arange(64), mjd=np.arange(64.0), stars=np.arange(25))
    fit = SimpleNamespace(logs=logs, channels=np.arange(16))
    told = {one.key: one for one in model_tables.reported_values(fit, "scatter")}
    assert told.keys() == set(model_tables.QUANTITIES.values()) - {model_tables.QUANTITIES["night"]}
    for name, quantity in model_tables.QUANTITIES.items():
        if name != "night":
            one = told[quantity]
            assert (one.value, one.n, one.source) == (len(name) / 100, 64, "scatter")
            assert one.uncertainty == pytest.approx(0.2)
            assert (one.low68, one.high68, one.low95, one.high95) == (0.1, 0.5, 0.0, 0.9)
            assert "25 stars on 16 channels" in one.note


def test_the_table_of_the_stability_has_days_for_the_time_scale_alone(monkeypatch):
    from importlib import import_module
    from types import SimpleNamespace

    module = import_module("pipeline.statistics.stability_table")
    monkeypatch.setattr(module, "quantity_with_bounds", lambda *_: (0.5, (0.4, 0.6, 0.3, 0.7)))
    table = module.stability_table(SimpleNamespace(logs=SimpleNamespace(mjd=np.arange(64.0))))
    units = dict(zip(table["quantity"].tolist(), table["unit"].tolist(), strict=True))
    assert {name: unit for name, unit in units.items() if unit} == {"tau_days": "d"}
    assert set(table["n"].tolist()) == {64}
    row = table[0]
    assert [row[k] for k in ("value", "low68", "high68", "low95", "high95")] == [
        0.5,
        0.4,
        0.6,
        0.3,
        0.7,
    ]

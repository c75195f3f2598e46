"""Light curves against comparison stars: exact by hand, calibrated by draws, silent where it must be."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.targets import QUASAR, outcome
from pipeline.statistics.campaigns import SCENARIOS, Configuration, draw_campaign
from pipeline.statistics.comparison_stars import MAX_PER_CHANNEL, comparison_stars
from pipeline.statistics.detection_limits import detectable_std, p_constant
from pipeline.statistics.fluxes import Fluxes
from pipeline.statistics.light_curves import light_curve, light_curve_points
from pipeline.statistics.log_fluxes import channel_shares
from pipeline.statistics.stability import fit_stability
from pipeline.statistics.targets import Target, target_tables

FIRST_SEED = 5_100_000
SPARSE = Configuration(30, 6, 6, snr_low=80.0, snr_high=300.0)


def plain(flux, err=0.01, **more):
    flux = np.asarray(flux, float)
    mjd = 58500.0 + np.arange(len(flux))
    return Fluxes.from_arrays(flux, err * flux, mjd=mjd, **more)


def curve_of(fluxes, target=0, comparison=(1, 2), nodes=None):
    return light_curve(fluxes, target, np.array(comparison), channel_shares(fluxes), nodes)


def test_the_ratio_to_constant_stars_is_the_light_curve_itself() -> None:
    """Clouds divide out; errors are those of three stars of 1 %: sqrt(1 + 1/4 + 1/4) %."""
    variation = np.array([1.0, 1.1, 0.9, 1.2])
    clouds = np.array([1.0, 0.3, 0.8, 0.5])[:, np.newaxis]
    fluxes = plain(clouds * np.column_stack([5 * variation, np.full(4, 2.0), np.full(4, 7.0)]))
    curve = curve_of(fluxes)
    expected = np.log(variation) - np.log(variation).mean()
    np.testing.assert_allclose(curve.value, expected, atol=1e-12)
    np.testing.assert_allclose(curve.photon_err, 0.01 * np.sqrt(1.5), rtol=1e-12)
    # less the mean of four points: a quarter of the variance
    np.testing.assert_allclose(curve.err, 0.01 * np.sqrt(1.5 * 3 / 4), rtol=1e-12)


def test_points_of_any_length_are_those_of_the_curve_but_for_what_the_mean_takes() -> None:
    drawn = draw_campaign(SCENARIOS["night"], SPARSE, FIRST_SEED).fluxes
    nodes = fit_stability(drawn).nodes
    share, comparison = channel_shares(drawn), np.array([1, 2, 3])
    curve = light_curve(drawn, 0, comparison, share, nodes)
    points = light_curve_points(drawn, 0, comparison, share, nodes)
    for name in ("exposures", "photon_err", "n_comparison"):
        np.testing.assert_array_equal(getattr(points, name), getattr(curve, name))
    np.testing.assert_allclose(points.value, curve.value, atol=1e-12)
    _, n_of_night = np.unique(drawn.nights, return_counts=True)
    # a mean over n exposures takes at most 2 m / n of the variance of m that vary together
    share_left = 1 - 2 * n_of_night.max() / len(drawn.flux)
    assert (curve.err < points.err).all()
    assert (curve.err > np.sqrt(share_left) * points.err).all()
    alone = light_curve_points(drawn, 0, comparison, share, None)  # photons: independent
    variance, n = alone.err**2, len(drawn.flux)
    expected = np.sqrt(variance * (1 - 2 / n) + variance.sum() / n**2)
    np.testing.assert_allclose(light_curve(drawn, 0, comparison, share, None).err, expected)
    assert light_curve_points(drawn, 0, np.empty(0, int), share, nodes) is None


def test_a_comparison_star_that_is_missing_once_does_not_shift_the_level() -> None:
    flux = np.tile([5.0, 2.0, 7.0], (6, 1))
    flux[2, 1] = np.nan
    curve = curve_of(plain(flux))
    np.testing.assert_allclose(curve.value, 0.0, atol=1e-8)
    assert curve.n_comparison.tolist() == [2, 2, 1, 2, 2, 2]
    assert curve.photon_err[2] > curve.photon_err[0]


def test_each_mode_has_an_offset_and_the_only_exposure_of_one_says_nothing() -> None:
    flux = np.tile([5.0, 2.0, 7.0], (7, 1))
    flux[3:6, 0] *= 1.4  # what the other mode does to this star
    modes = np.array(["A"] * 3 + ["B"] * 3 + ["C"])
    curve = curve_of(plain(flux, modes=modes))
    assert curve.exposures.tolist() == [0, 1, 2, 3, 4, 5]
    np.testing.assert_allclose(curve.value, 0.0, atol=1e-12)


def test_comparison_stars_are_on_other_channels_bright_covered_and_candidates() -> None:
    n = 10
    channel = np.array([1, 1, 2, 3, 4, 5, 6])
    err = np.array([0.01, 0.001, 0.01, 0.01, 0.015, 0.05, 0.01]) * np.ones((n, 1))
    flux = np.ones((n, 7))
    flux[:5, 3] = np.nan  # seen in half of the exposures
    fluxes = Fluxes.from_arrays(flux, err, mjd=58500.0 + np.arange(n), channel=channel)
    candidates = np.ones(7, bool)
    candidates[6] = False  # flagged
    share = channel_shares(fluxes).mean(axis=0)
    # star 2 shares the target's channel, but with only 3 and 5 left the fainter 6 would have to do
    found = comparison_stars(fluxes, 0, candidates=candidates, share=share)
    assert found.tolist() == [2, 4, 5]
    candidates[5] = False
    found = comparison_stars(fluxes, 0, candidates=candidates, share=share)
    assert found.tolist() == [1, 2, 4]  # too few on other channels: the target's own is taken in


def test_no_channel_dominates_the_comparison_stars() -> None:
    channel = np.array([1] + [2] * 10 + [3, 4])
    fluxes = plain(np.ones((5, 13)), channel=channel)
    share = channel_shares(fluxes).mean(axis=0)
    found = comparison_stars(fluxes, 0, candidates=np.ones(13, bool), share=share)
    assert np.count_nonzero(channel[found] == 2) == MAX_PER_CHANNEL
    assert {3, 4} <= set(channel[found].tolist())


def drawn(seed, std, star=0):
    fluxes = draw_campaign(SCENARIOS["mixed"], SPARSE, seed).fluxes
    injected = std * np.random.default_rng(seed + 10**6).standard_normal(len(fluxes.mjd))
    flux = fluxes.flux.copy()
    flux[:, star] *= np.exp(injected)
    return replace(fluxes, flux=flux), injected


def test_errors_hold_the_instrument_and_an_injected_light_curve_comes_back_within_them() -> None:
    """20 campaigns of 30 points in which one channel drifts: chi squared of one scatters by 0.4."""
    chi2 = []
    for k in range(20):
        fluxes, injected = drawn(FIRST_SEED + k, 0.05)
        table = target_tables({"I": fluxes}, [Target(1, "Q")])["light_curves"]
        value = np.log(np.asarray(table["flux"]))
        err = np.asarray(table["flux_err"]) / np.asarray(table["flux"])
        assert (err > 2 * np.asarray(table["photon_err"]) / np.asarray(table["flux"])).any()
        chi2.append(np.mean(((value - (injected - injected.mean())) / err) ** 2))
    assert 1 - 3 * 0.4 / np.sqrt(20) < np.mean(chi2) < 1 + 3 * 0.4 / np.sqrt(20)


@pytest.mark.slow
def test_a_variation_at_the_limit_is_found_and_a_constant_star_is_not() -> None:
    """95 of 100 at the limit, 5 of 100 without any; 3 binomial standard errors of 24: 13 %."""
    found, false = 0, 0
    for k in range(24):
        fluxes, _ = drawn(FIRST_SEED + 100 + k, 0.0)
        share, out = channel_shares(fluxes), np.where(np.arange(6) == 0, "out", "")
        nodes = fit_stability(replace(fluxes, flux_flags=np.tile(out, (30, 1)))).nodes
        others = np.arange(1, 6)
        quiet = light_curve(fluxes, 0, others, share, nodes)
        false += p_constant(quiet) < 0.05
        loud, _ = drawn(FIRST_SEED + 100 + k, detectable_std(quiet, 0.05))
        found += p_constant(light_curve(loud, 0, others, share, nodes)) < 0.05
    assert found / 24 > 0.95 - 0.134
    assert false / 24 < 0.05 + 0.134


def test_few_exposures_make_no_claim_but_show_their_points() -> None:
    tables = target_tables({"I": plain(np.ones((4, 6)))}, [Target(1, "Q")])
    row = tables["targets"][0]
    assert row["n"] == 4
    assert row["flag"] == ""
    assert np.isnan([row["std"], row["probability"], row["detectable_std"]]).all()
    assert len(tables["light_curves"]) == 4


def test_without_a_comparison_star_there_is_no_light_curve() -> None:
    tables = target_tables({"I": plain(np.ones((8, 2)))}, [Target(1, "Q")], left_out=[2])
    assert tables["targets"]["n"].tolist() == [0]
    assert len(tables["light_curves"]) == 0
    assert target_tables({"I": plain(np.ones((8, 2)))}, []) == {}


def test_p_values_of_targets_are_family_wise_over_targets_and_bands() -> None:
    fluxes, _ = drawn(FIRST_SEED + 300, 0.06)
    one = target_tables({"I": fluxes}, [Target(1, "Q")])["targets"]["probability"][0]
    both = target_tables({"I": fluxes, "line": fluxes}, [Target(1, "Q")])["targets"]["probability"]
    np.testing.assert_allclose(both, min(1.0, 2 * one), rtol=1e-9)


def test_the_quasar_of_the_benchmark_is_found_with_its_line() -> None:
    """The reduced form of ``benchmarks.targets``, which has 100 seeds, none of these.

    It varies by little more than what is found in 95 of 100 cases: two of four may be missed with a
    probability of 1 %, one more with 5e-4.
    """
    seen = [outcome(QUASAR, FIRST_SEED + 500 + k) for k in range(4)]
    assert sum(one.found == (True,) for one in seen) >= 2
    assert sum(one.false_alarms for one in seen) == 0
    assert all(np.isfinite(one.chi2_window).all() for one in seen)

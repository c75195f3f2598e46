"""Simulated campaigns, bad exposures, variable stars and gaps at values that can be written down."""

from types import SimpleNamespace

import numpy as np
import pytest
import scipy.special

from pipeline.statistics import outliers
from pipeline.statistics.campaigns import CONFIGURATIONS, SCENARIOS, Configuration, draw_campaign
from pipeline.statistics.campaigns.draw import draw_dates
from pipeline.statistics.campaigns.results import (
    Criterion,
    ValidationResults,
    lines_of,
    read_results,
    write_results,
)
from pipeline.statistics.campaigns.scenario import Scenario
from pipeline.statistics.kernels import window_factor

PER_CENT = {  # slow, night, exposure, jitter, tau [d]: what each scenario is meant to be
    "none": (0, 0, 0, 0, 60), "white": (0, 0, 2.5, 0, 60), "night": (0, 2.5, 0, 0, 60),
    "slow20": (2.5, 0, 0, 0, 20), "slow60": (2.5, 0, 0, 0, 60), "slow150": (2.5, 0, 0, 0, 150),
    "jitter": (0, 0, 0, 0.3, 60), "sky": (2.5, 0, 0, 0, 60), "sky_night": (0, 2, 1, 0, 60),
    "mixed": (1.5, 1.5, 1, 1, 60), "mixed20": (2.5, 1, 0.5, 0.5, 20), "mixed150": (3, 1, 1, 2, 150),
}  # fmt: skip


def test_the_floor_of_every_scenario_is_that_of_its_parts():
    assert SCENARIOS.keys() == PER_CENT.keys()
    for name, (slow, night, exposure, jitter, tau) in PER_CENT.items():
        within = exposure**2 + jitter**2
        expected = np.sqrt(2 * (slow**2 * window_factor(tau) + night**2 + within)) / 100
        assert SCENARIOS[name].floor == pytest.approx(float(expected)), name
        assert SCENARIOS[name].within_night == pytest.approx(np.sqrt(2 * within) / 100), name


def test_two_scenarios_have_sky_in_their_apertures_and_all_others_none():
    found = {name: (one.sky_follows, one.sky_white) for name, one in SCENARIOS.items()}
    assert {name: value for name, value in found.items() if value != (0.0, 0.0)} == {
        "sky": (0.3, 0.003), "sky_night": (0.1, 0.01)
    }  # fmt: skip


def test_a_configuration_is_called_by_its_exposures_and_stars_and_has_the_record_s_nights():
    for name, one in CONFIGURATIONS.items():
        assert name == f"{one.n_exposures}x{one.n_stars}"
        assert one.n_channels <= min(24, one.n_stars)
        assert one.span_days == 350.0
    assert CONFIGURATIONS["65x25"].n_nights == 39
    assert Configuration(2, 2, 2).n_nights == 2
    study = CONFIGURATIONS["65x25"]
    assert (study.n_channels, study.snr_low, study.snr_high) == (16, 30.0, 800.0)
    bright = CONFIGURATIONS["30x16"]
    assert (bright.snr_low, bright.snr_high, bright.n_channels) == (500.0, 600.0, 16)
    assert [one.n_channels for one in CONFIGURATIONS.values()] == [12, 16, 24, 24, 24, 16]


def test_exposures_are_of_so_many_nights_within_eight_hours_of_each():
    one = Configuration(200, 2, 2, span_days=100.0)
    mjd = draw_dates(one)
    assert len(mjd) == 200
    assert (np.diff(mjd) >= 0).all()
    hours = ((mjd - 58484.0) % 1 - 0.2) * 24
    hours = np.where(hours > 12, hours - 24, hours)
    assert (np.abs(hours) <= 4).all()
    assert hours.min() < -3.5 < 3.5 < hours.max()
    nights = np.floor(mjd - 58484.0 - 0.2 + 0.5)
    assert len(np.unique(nights)) == 100  # 121 nights do not fit
    assert (nights.min(), nights.max()) == (1.0, 100.0)
    assert len(np.unique(np.floor(draw_dates(CONFIGURATIONS["65x25"]) - 58484.0 - 0.2 + 0.5))) == 39
    np.testing.assert_array_equal(draw_dates(one), mjd)


LARGE = Configuration(400, 8, 12, snr_low=200.0, snr_high=5000.0)


def drawn(scenario, seed=3):
    return draw_campaign(scenario, LARGE, seed)


def test_every_channel_holds_a_star_and_errors_are_those_of_photons():
    campaign = drawn(Scenario())
    fluxes = campaign.fluxes
    assert set(fluxes.channel.tolist()) == set(range(1, 9))
    np.testing.assert_allclose(campaign.response, 0.0)
    level = np.median(fluxes.flux, axis=0)
    assert (level > 200**2 * 0.8).all()
    assert (level < 5000**2 * 1.2).all()
    np.testing.assert_allclose(fluxes.flux_err**2, fluxes.flux, rtol=0.06)
    # clouds of 10 %, common to all stars: the ratio of two is photons alone
    assert np.log(fluxes.flux).std(axis=0).mean() == pytest.approx(0.1, rel=0.15)
    ratio = np.log(fluxes.flux[:, 0] / fluxes.flux[:, 1])
    photons = np.sqrt(((fluxes.flux_err / fluxes.flux)[:, :2] ** 2).sum(axis=1).mean())
    assert ratio.std() == pytest.approx(photons, rel=4 / np.sqrt(800))


@pytest.mark.parametrize("name", ["exposure", "night", "slow"])
def test_a_response_has_the_scatter_of_its_term_and_stars_follow_their_channel(name):
    campaign = drawn(Scenario(**{name: 0.05}, tau_days=2.0))
    # 400 exposures of 8 channels; nights and a drift of two days leave some 200 independent ones
    assert campaign.response.std() == pytest.approx(0.05, rel=4 / np.sqrt(2 * 200 * 8))
    assert (campaign.slow_and_night == 0).all() == (name == "exposure")
    if name != "exposure":
        np.testing.assert_array_equal(campaign.response, campaign.slow_and_night)
    logs = np.log(campaign.fluxes.flux)
    logs = logs - campaign.response[:, campaign.fluxes.channel - 1]
    logs = logs - logs.mean(axis=0)
    apart = logs - logs.mean(axis=1, keepdims=True)
    assert apart.std() < 0.005  # photons of SNR 200 and more


def test_exposures_of_one_night_share_its_term_and_days_apart_share_a_slow_one():
    mjd = np.array([58600.1, 58600.3, 58601.2, 58650.2])
    one = Configuration(4, 3000, 3000)
    night = draw_campaign(Scenario(night=0.1), one, 1, dates=mjd).response
    np.testing.assert_allclose(night[0], night[1], atol=1e-9)
    # a correlation of 3000 channels is known to 1 / sqrt(3000) = 1.8 %
    assert abs(np.corrcoef(night[0], night[2])[0, 1]) < 0.073
    slow = draw_campaign(Scenario(slow=0.1, tau_days=2.0), one, 1, dates=mjd).response
    assert np.corrcoef(slow[0], slow[2])[0, 1] == pytest.approx(np.exp(-1.1 / 2), abs=0.073)
    assert abs(np.corrcoef(slow[0], slow[3])[0, 1]) < 0.073


def test_jitter_is_a_star_s_own_and_sky_is_in_units_of_a_star_of_snr_100():
    one = Configuration(400, 4, 8, snr_low=1e5, snr_high=1.1e5)
    logs = np.log(draw_campaign(Scenario(jitter=0.02), one, 2).fluxes.flux)
    apart = logs - logs.mean(axis=0)
    apart = apart - apart.mean(axis=1, keepdims=True)
    assert apart.std() == pytest.approx(0.02 * np.sqrt(7 / 8), rel=4 / np.sqrt(2 * 400 * 7))
    plain = draw_campaign(Scenario(exposure=0.02), one, 2)
    follows = draw_campaign(Scenario(exposure=0.02, sky_follows=0.3), one, 2)
    added = follows.fluxes.flux - plain.fluxes.flux
    expected = 1e4 * 0.3 * plain.response[:, plain.fluxes.channel - 1]
    np.testing.assert_allclose(added, expected, atol=1e-4 * 1e10 * 1e-8)
    white = draw_campaign(Scenario(exposure=0.02, sky_white=0.5), one, 2)
    added = (white.fluxes.flux - plain.fluxes.flux) / 1e4
    assert added.std() == pytest.approx(0.5, rel=4 / np.sqrt(2 * 400 * 4))


def criterion(value, *, err=0.01, n=30):
    return Criterion("n", "s", value, err, 0.9, 1.0, n)


def test_a_line_holds_within_its_limits_and_nearly_within_three_errors():
    verdicts = {0.9: "holds", 1.0: "holds", 0.875: "within its error", 1.025: "within its error",
                0.865: "fails", 1.035: "fails"}  # fmt: skip
    assert {value: criterion(value).verdict for value in verdicts} == verdicts
    assert criterion(0.95, n=29).verdict == "too few to say"


def test_a_line_without_an_error_of_its_own_has_that_of_one_case_more():
    def line(**cell):
        cells = {("steps", "jitter", "65x25"): {"n": 98, "found": 1.0, **cell}}
        return next(lines_of(ValidationResults("s", cells)))

    assert line().err == 0.0
    assert line(found_se=0.001).err == pytest.approx(1 / 100)
    assert line(found_se=0.03).err == pytest.approx(0.03)


def test_a_line_is_the_plain_mean_over_configurations():
    cells = {
        ("floor", "night", "40x18"): {"n": 10, "covered_68": 0.6, "covered_68_se": 0.3},
        ("floor", "night", "65x25"): {"n": 30, "covered_68": 0.8, "covered_68_se": 0.4},
        ("floor", "slow60", "65x25"): {"n": 30, "covered_95": 0.95},
    }
    found = {(one.number, one.scenario): one for one in lines_of(ValidationResults("s", cells))}
    one = found["68 % interval holds the floor", "night"]
    assert (one.value, one.n) == (pytest.approx(0.7), 40)
    assert one.err == pytest.approx(0.25)
    assert (one.low, one.high) == (0.65, 0.71)
    assert ("68 % interval holds the floor", "slow60") not in found
    limits = {number: (line.low, line.high) for (number, _), line in found.items()}
    assert limits["95 % interval holds the floor"] == (0.935, 0.965)


def test_figures_are_kept_with_six_digits(tmp_path):
    cells = {("m", "s", "c"): {"b": 0.123456789, "a": 2.0}, ("l", "s", "c"): {"a": 1.0}}
    write_results(ValidationResults("stamp", cells), tmp_path / "v.ecsv")
    found = read_results(tmp_path / "v.ecsv")
    assert found.stamp == "stamp"
    assert found.cells == {("l", "s", "c"): {"a": 1.0}, ("m", "s", "c"): {"a": 2.0, "b": 0.123457}}
    assert found.of("m", "s") == [{"a": 2.0, "b": 0.123457}]
    assert found.of("m", "other") == []


def test_an_exposure_is_bad_with_the_odds_of_its_chi_squared():
    dof, chi2 = 24, np.array([20.0, 22.0, 30.0, 80.0])
    median = 26.0
    scaled = chi2 * min(1.0, dof * (1 - 2 / (9 * dof)) ** 3 / median)
    scales = np.array([4.0, 16, 64, 256, 1024])
    likelihood = np.mean(
        [s ** (-dof / 2) * np.exp(0.5 * scaled * (1 - 1 / s)) for s in scales], axis=0
    )
    odds = 0.01 / 0.99 * likelihood
    np.testing.assert_allclose(outliers.bad_exposure_probability(chi2, dof), odds / (1 + odds))
    quiet = outliers.bad_exposure_probability(chi2 / 10, dof)  # small ones are not blown up
    assert (quiet < 1e-6).all()
    nothing = outliers.bad_exposure_probability(np.array([0.0, 0.0, 500.0]), dof)
    assert nothing[2] > 0.99


class Residuals:
    """A smoother with given residuals of stars of a variance each."""

    def __init__(self, std, extra=None, n=100):
        self.extra_variance = np.zeros(len(std)) if extra is None else np.asarray(extra, float)
        signs = np.resize([1.0, -1.0], n)[:, None]
        self.residual = signs * np.asarray(std)
        self.variance = 1e-4 + np.broadcast_to(self.extra_variance, self.residual.shape)

    def star_residuals(self):
        return self.residual, self.variance


def test_a_star_is_tested_by_its_residuals_without_its_own_extra_variance():
    found = outliers.star_test(Residuals([0.01, 0.02], extra=[0.0, 3e-4]))
    np.testing.assert_allclose(found.std, [0.01, 0.02])
    np.testing.assert_allclose(found.expected_std, [0.01, 0.01])
    np.testing.assert_allclose(found.p, scipy.special.chdtrc(100, [100.0, 400.0]))
    assert found.n == 100


def test_the_star_that_varies_most_gets_a_variance_if_beyond_doubt():
    add = outliers.excess_variance
    np.testing.assert_allclose(add(Residuals([0.01, 0.04, 0.03])), [0, 0.04**2, 0])
    np.testing.assert_allclose(add(Residuals([0.01, 0.0251, 0.01])), [0, 0.0251**2, 0])
    assert not add(Residuals([0.01, 0.0249, 0.01])).any()
    np.testing.assert_allclose(
        add(Residuals([0.01, 0.04, 0.03], extra=[0, 1e-3, 0])), [0, 0, 0.03**2]
    )


def test_the_doubt_is_one_in_ten_thousand_campaigns():
    for n_stars, added in ((2, True), (20, False)):
        # chi squared of 27.04 for 4 exposures has p = 2e-5
        std = np.full(n_stars, 0.01)
        std[1] = 0.026
        assert outliers.excess_variance(Residuals(std, n=4)).any() == added


def gaps(value, gap):
    n, m = value.shape
    return SimpleNamespace(
        value=value, gap=gap, mjd=58000.0 + np.arange(n), star_ids=np.arange(m) + 1
    )


def test_without_gaps_nothing_is_drawn():
    logs = gaps(np.ones((3, 2)), np.zeros((3, 2), bool))
    assert outliers.fill_gaps(None, logs) is logs.value

"""Variation and detection limits of light curves, at values that can be written down."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.stats

from pipeline.statistics.detection_limits import detectable_change
from pipeline.statistics.light_curves import LightCurve, PrincipalAxes


def light_curve(variance, n):
    """A light curve whose covariance is diagonal."""
    axes = PrincipalAxes(np.full(n, variance), np.zeros(n), np.eye(n))
    nothing = np.zeros(n)
    return LightCurve(
        np.arange(n), nothing, np.full(n, variance**0.5), nothing, np.array([1, 2]),
        np.full(n, 2), (axes, axes),
    )  # fmt: skip


def test_a_change_is_detectable_at_five_per_cent_risk_on_either_side():
    """Half of the points after the change: 1 / variance each."""
    from scipy.special import ndtri

    found = detectable_change(light_curve(0.04, 8), np.arange(8.0), 0.01)
    assert found == pytest.approx((ndtri(0.995) + ndtri(0.95)) / np.sqrt(4 / 0.04))
    assert np.isnan(detectable_change(light_curve(0.04, 8), np.zeros(8), 0.01))


def test_a_variation_is_read_off_its_likelihood():
    """Forty points without errors: the likelihood of a standard deviation is that of chi squared."""
    score = np.resize([0.05, -0.05], 40)
    axes = PrincipalAxes(np.full(40, 1e-8), score, np.eye(40))
    nothing = np.zeros(40)
    curve = LightCurve(
        np.arange(40), nothing, nothing, nothing, np.array([1]), np.full(40, 1), (axes, axes)
    )
    from pipeline.statistics import detection_limits as limits

    found = limits._log_likelihood(axes)
    at = 60
    sigma2 = 1e-8 + limits.STD_GRID[at] ** 2
    expected = scipy.stats.norm.logpdf(score, scale=np.sqrt(sigma2)).sum() + 20 * np.log(2 * np.pi)
    assert found[at] == pytest.approx(expected)
    # flat in the standard deviation s: s^-40 exp(-40 x 0.05^2 / 2 s^2), an inverse root of chi squared of 39
    quantiles = np.sqrt(40 * 0.05**2 / scipy.stats.chi2.ppf([0.5, 0.84, 0.16], 39))
    # values of the grid are 6.7 % apart: half of that
    np.testing.assert_allclose(limits.variation(curve), quantiles, rtol=0.035)
    assert limits.p_constant(curve) == pytest.approx(0.0, abs=1e-12)


def test_a_scatter_is_detectable_where_chi_squared_exceeds_its_threshold_in_95_of_100_cases():
    from pipeline.statistics.detection_limits import detectable_std

    found = detectable_std(light_curve(0.04, 10), 0.01)
    threshold = scipy.stats.chi2.isf(0.01, 10)
    ratio = threshold / scipy.stats.chi2.isf(0.95, 10)
    assert found == pytest.approx(0.2 * np.sqrt(ratio - 1), rel=1e-4)
    assert np.isinf(detectable_std(light_curve(9e4, 2), 0.01))
    unlike = (
        PrincipalAxes(np.full(4, 0.04), np.zeros(4), np.eye(4)),
        PrincipalAxes(np.full(4, 0.12), np.zeros(4), np.eye(4)[::-1]),
    )
    both = replace(light_curve(0.04, 4), posterior=unlike)
    assert detectable_std(both, 0.01) == pytest.approx(
        detectable_std(light_curve(0.08, 4), 0.01), rel=1e-4
    )

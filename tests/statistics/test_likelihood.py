"""The fast likelihood and predictor equal the model written out."""

import numpy as np
import pytest

from pipeline.statistics import Fluxes
from pipeline.statistics.campaigns import Configuration, Scenario, draw_campaign
from pipeline.statistics.kernels import window_factor
from pipeline.statistics.likelihood import (
    log_likelihood,
    project,
    star_contrasts,
    star_modes,
    time_design,
    time_modes,
)
from pipeline.statistics.log_fluxes import LogFluxes, log_fluxes
from pipeline.statistics.smoother import Smoother, Variances
from tests.statistics import dense

SMALL = Configuration(14, 4, 7, span_days=90.0)
MIXED = Scenario(slow=0.02, night=0.01, exposure=0.01, jitter=0.01, tau_days=30.0)


def _logs() -> LogFluxes:
    return log_fluxes(draw_campaign(MIXED, SMALL, seed=1_000_001).fluxes)


def _fast(logs: LogFluxes, v: Variances) -> float:
    stars = star_modes(star_contrasts(len(logs.stars)), logs.gram, logs.star_variance + v.jitter)
    time = time_modes(time_design(logs), v.tau_days, v.rho)
    data = project(time.vector.T @ logs.value, time.groups, stars)
    amplitudes = np.array([v.correlated]), np.array([v.exposure])
    return float(log_likelihood(data, time.groups, stars.groups, *amplitudes)[0])


@pytest.mark.parametrize(
    "variances",
    [
        Variances(4e-4, 1e-4, 1e-4, 1e-4, 30.0),
        Variances(0.0, 4e-4, 0.0, 1e-4, 30.0),
        Variances(4e-4, 0.0, 2e-4, 0.0, 200.0),
        Variances(1e-3, 3e-4, 5e-5, 3e-4, 5.0),
    ],
)
def test_the_likelihood_equals_the_model_written_out(variances: Variances) -> None:
    """Differences of ln L; merged eigenvalues may move it by 0.02, far below what matters (0.5)."""
    logs = _logs()
    reference = Variances(3e-4, 3e-4, 1e-4, 1e-4, 40.0)
    fast = _fast(logs, variances) - _fast(logs, reference)
    slow = dense.log_likelihood(logs, variances) - dense.log_likelihood(logs, reference)
    assert fast == pytest.approx(slow, abs=0.02)


def test_channel_courses_and_errors_equal_the_model_written_out() -> None:
    logs, v = _logs(), Variances(4e-4, 1e-4, 1e-4, 1e-4, 30.0)
    found = Smoother(logs, v, np.zeros(len(logs.stars))).channel_courses()
    n, k = len(logs.mjd), logs.share.shape[1]
    in_time = np.eye(n) - 1 / n
    prior = np.kron(in_time @ dense.channel_covariance(logs, v) @ in_time, np.eye(k))
    cross = np.kron(in_time @ dense.channel_covariance(logs, v), logs.share.T)
    weight = dense.projector(logs, v)
    relative = np.kron(np.eye(n), np.eye(k) - 1 / k)
    value = relative @ cross @ weight @ logs.value.ravel()
    error = relative @ (prior - cross @ weight @ cross.T) @ relative
    np.testing.assert_allclose(found.value.ravel(), value, atol=1e-10)
    np.testing.assert_allclose(found.err.ravel() ** 2, np.diag(error), atol=1e-10)


def test_residuals_of_what_is_left_out_equal_a_prediction_from_the_rest() -> None:
    logs, v = _logs(), Variances(4e-4, 1e-4, 1e-4, 1e-4, 30.0)
    smoother = Smoother(logs, v, np.zeros(len(logs.stars)))
    weight = dense.projector(logs, v)
    score = (weight @ logs.value.ravel()).reshape(logs.value.shape)
    precision = np.diag(weight).reshape(logs.value.shape)
    residual, variance = smoother.point_residuals()
    np.testing.assert_allclose(residual, score / precision, atol=1e-10)
    np.testing.assert_allclose(variance, 1 / precision, rtol=1e-8)
    n, m = logs.value.shape
    for exposure in (0, 7, n - 1):
        rows = slice(exposure * m, (exposure + 1) * m)
        block = weight[rows, rows]  # singular along the exposure's own term
        expected = score[exposure] @ np.linalg.pinv(block, rcond=1e-9) @ score[exposure]
        assert smoother.exposure_chi2()[exposure] == pytest.approx(expected, rel=1e-6)
    for star in (0, m - 1):
        block = weight[star::m, star::m]
        expected = score[:, star] @ np.linalg.pinv(block, rcond=1e-9) @ score[:, star]
        residual, variance = smoother.star_residuals()
        assert (residual**2 / variance)[:, star].sum() == pytest.approx(expected, rel=1e-6)


def test_the_window_factor_is_the_double_integral_over_a_year() -> None:
    for tau in (0.5, 20.0, 60.0, 150.0, 900.0):
        t = (np.arange(4000) + 0.5) / 4000 * 365.25
        weight = 2 * (365.25 - t) / 365.25**2  # density of the lag of two times in a year
        mean_correlation = (weight * np.exp(-t / tau)).sum() * 365.25 / 4000
        assert float(window_factor(tau)) == pytest.approx(1 - mean_correlation, abs=2e-4)
    assert float(window_factor(1e-3)) == pytest.approx(1.0, abs=1e-5)
    x = 299.9, 300.1  # where the closed form hands over to the series
    near = [float(window_factor(value * 365.25)) for value in x]
    assert near[0] / near[1] == pytest.approx(x[1] / x[0], rel=1e-5)


def test_shares_that_are_one_channel_each_equal_channel_numbers() -> None:
    fluxes = draw_campaign(MIXED, SMALL, seed=1_000_002).fluxes
    share = np.eye(4)[fluxes.channel - 1]
    by_share = Fluxes.from_arrays(fluxes.flux, fluxes.flux_err, mjd=fluxes.mjd, channel_share=share)
    per_exposure = Fluxes.from_arrays(
        fluxes.flux,
        fluxes.flux_err,
        mjd=fluxes.mjd,
        channel_share=np.broadcast_to(share, (14, 7, 4)),
    )
    v = Variances(4e-4, 1e-4, 1e-4, 1e-4, 30.0)
    expected = _fast(log_fluxes(fluxes), v)
    assert _fast(log_fluxes(by_share), v) == pytest.approx(expected, abs=1e-9)
    assert _fast(log_fluxes(per_exposure), v) == pytest.approx(expected, abs=1e-9)

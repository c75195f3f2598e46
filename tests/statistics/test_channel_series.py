"""Series of single channels against the others, written out in loops."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.statistics.channel_series import channel_series, series_covariance
from pipeline.statistics.log_fluxes import log_fluxes
from pipeline.statistics.smoother import Variances
from tests.statistics.factory import campaign

VARIANCES = Variances(4e-4, 3e-4, 2e-4, 1e-4, 25.0)


@pytest.fixture
def logs():
    """Ten exposures of six stars on channels 1, 1, 2, 2, 3 and 5; one star holds sky."""
    made = campaign(10, 6, scatter=0.03, seed=3)
    found = log_fluxes(replace(made, channel=np.array([1, 1, 2, 2, 3, 5])))
    variance = found.variance * np.arange(1, 7)
    return replace(found, variance=variance, load=np.array([1.0, 1.5, 1.0, 1.0, 1.0, 1.0]))


def test_a_series_is_a_channel_less_the_weighted_mean_of_the_others(logs):
    extra = np.array([0.0, 0.0, 1e-4, 0.0, 0.0, 0.0])
    found = channel_series(logs, VARIANCES, extra)
    assert found.channels.tolist() == [1, 2, 3, 5]
    per_star = logs.star_variance + VARIANCES.jitter + extra
    channel = VARIANCES.correlated + VARIANCES.exposure
    per_star[1] += 0.25 * channel  # half more of its channel than others
    members = [[0, 1], [2, 3], [4], [5]]
    centred = logs.value - logs.value.mean(axis=0)
    means, noise = [], []
    for stars in members:
        weight = 1 / per_star[stars]
        means.append(centred[:, stars] @ weight / weight.sum())
        noise.append(1 / weight.sum())
    for k in range(4):
        rest = [j for j in range(4) if j != k]
        weight = np.array([1 / (noise[j] + channel) for j in rest])
        weight = weight / weight.sum()
        expected = means[k] - sum(w * means[j] for w, j in zip(weight, rest, strict=True))
        np.testing.assert_allclose(found.value[:, k], expected, atol=1e-12)
        assert found.others[k] == pytest.approx((weight**2).sum())
        of_others = sum(w**2 * noise[j] for w, j in zip(weight, rest, strict=True))
        assert found.noise[k] == pytest.approx(noise[k] + of_others)
    assert found.constants.sum(axis=0).tolist() == [5, 5]
    assert found.constants.sum(axis=1).tolist() == [1] * 10


@pytest.mark.parametrize("own_slow", [True, False])
def test_the_covariance_of_a_series_is_that_of_its_channel_and_the_others(logs, own_slow):
    series = channel_series(logs, VARIANCES, np.zeros(6))
    lag = np.abs(logs.mjd[:, None] - logs.mjd)
    slow = VARIANCES.slow * np.exp(-lag / VARIANCES.tau_days)
    fast = VARIANCES.night * (logs.nights[:, None] == logs.nights) + VARIANCES.exposure * np.eye(10)
    expected = (
        fast + slow * own_slow + series.others[2] * (fast + slow) + series.noise[2] * np.eye(10)
    )
    found = series_covariance(logs, series, 2, VARIANCES, own_slow=own_slow)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    if own_slow:
        np.testing.assert_allclose(series_covariance(logs, series, 2, VARIANCES), expected)

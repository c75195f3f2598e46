"""Lines against the stationary covariance: exact cases, false alarms, and a line that is there."""

from itertools import combinations

import numpy as np
import pytest

from pipeline.statistics import Fluxes, fit_stability, pair_statistics
from pipeline.statistics.campaigns import CONFIGURATIONS, SCENARIOS, draw_campaign
from pipeline.statistics.nodes import Nodes
from pipeline.statistics.trend_tests import Trends, covariances, holm, pair_trends

FIRST_SEED = 3_100_000
RECORD = CONFIGURATIONS["65x25"]


def _lines(fluxes: Fluxes) -> Trends:
    fitted = fit_stability(fluxes)
    first, second = np.array(list(combinations(range(len(fitted.logs.stars)), 2))).T
    return pair_trends(fitted, first, second)


def test_holm_by_hand() -> None:
    found = holm(np.array([0.01, 0.04, np.nan, 0.03, 0.005]))
    np.testing.assert_allclose(found, [0.03, 0.06, np.nan, 0.06, 0.02])
    np.testing.assert_allclose(holm(np.array([0.5, 0.6])), [1.0, 1.0])
    assert holm(np.array([])).size == 0


def test_the_posterior_as_a_few_covariances_keeps_weights_and_means() -> None:
    nodes = Nodes(
        slow=np.array([1.0, 3.0, 0.0]),
        night=np.array([1.0, 3.0, 2.0]),
        exposure=np.array([0.2, 0.4, 0.6]),
        jitter=np.array([0.1, 0.1, 0.1]),
        tau_days=np.array([20.0, 20.0, 20.0]),
        weight=np.array([0.15, 0.45, 0.4]),
        log_like=np.zeros(3),
        log_like_none=-1.0,
    )
    found = list(covariances(nodes))
    assert [weight for weight, _ in found] == pytest.approx([0.6, 0.4])
    assert found[0][1].slow == pytest.approx(2.5)
    assert found[0][1].exposure == pytest.approx(0.35)
    assert found[1][1].night == pytest.approx(2.0)


@pytest.mark.parametrize("n", [4, pytest.param(12, marks=pytest.mark.nightly)])
@pytest.mark.parametrize("name", ["white", "night", "slow60"])
def test_trends_raise_no_false_alarms_and_slopes_cover(name: str, n: int) -> None:
    """Of n campaigns; a campaign's 300 pairs are worth 24 channels' worth: SE from campaigns."""
    alarms, covered = [], []
    for k in range(n):
        found = _lines(draw_campaign(SCENARIOS[name], RECORD, FIRST_SEED + k).fluxes)
        alarms.append((found.p < 0.05).mean())
        covered.append((np.abs(found.per_year) < found.err).mean())
    assert np.mean(alarms) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / (n * 15))
    assert abs(np.mean(covered) - 0.68) < 0.05 + 3 * np.sqrt(0.68 * 0.32 / (n * 15))


def test_a_line_in_one_channel_is_found_with_its_slope() -> None:
    campaign = draw_campaign(SCENARIOS["night"], RECORD, FIRST_SEED)
    fluxes, channel = campaign.fluxes, campaign.fluxes.channel[5]
    years = (fluxes.mjd - fluxes.mjd.mean()) / 365.25
    factor = np.exp(0.15 * years[:, np.newaxis] * (fluxes.channel == channel))
    table = pair_statistics(
        Fluxes.from_arrays(
            fluxes.flux * factor, fluxes.flux_err * factor, mjd=fluxes.mjd, channel=fluxes.channel
        )
    )
    on = [np.isin(table[f"star_{k}"], fluxes.star_ids[fluxes.channel == channel]) for k in (1, 2)]
    crossing = on[0] != on[1]
    assert (table["trend_p_adjusted"][crossing] < 0.05).mean() > 0.5
    assert not (table["trend_p_adjusted"][~crossing] < 0.05).any()
    slope = table["slope_per_year"].value * np.where(on[0], 1, -1)
    err = table["slope_err"].value
    z = (slope[crossing] - 0.15) / err[crossing]
    assert abs(z.mean()) < 3  # pairs share the channel: one number, of unit variance at most


def test_a_star_that_is_not_part_of_the_fit_has_no_trend() -> None:
    campaign = draw_campaign(SCENARIOS["night"], RECORD, FIRST_SEED)
    flux = campaign.fluxes.flux.copy()
    flux[:40, 2] = np.nan
    table = pair_statistics(
        Fluxes.from_arrays(
            flux, campaign.fluxes.flux_err, mjd=campaign.fluxes.mjd, channel=campaign.fluxes.channel
        )
    )
    lost = (table["star_1"] == 3) | (table["star_2"] == 3)
    assert np.isnan(table["trend_p"][lost]).all()
    assert np.isfinite(table["trend_p"][~lost]).all()
    tested = np.isfinite(table["trend_p"])
    np.testing.assert_allclose(
        table["trend_p_adjusted"][tested], holm(np.asarray(table["trend_p"])[tested])
    )


def test_named_pairs_are_adjusted_among_themselves() -> None:
    fluxes = draw_campaign(SCENARIOS["night"], RECORD, FIRST_SEED).fluxes
    few, all_pairs = pair_statistics(fluxes, [(1, 2), (3, 4)]), pair_statistics(fluxes)
    row = (all_pairs["star_1"] == 3) & (all_pairs["star_2"] == 4)
    assert few["trend_p"][1] == pytest.approx(all_pairs["trend_p"][row][0], rel=1e-9)
    np.testing.assert_allclose(few["trend_p_adjusted"], holm(np.asarray(few["trend_p"])))

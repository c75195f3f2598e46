"""The table ``prediction`` says for any SNR what ``Stability.predict`` says."""

import numpy as np
import pytest

from pipeline.report.pages.plan import expected_scatter
from pipeline.statistics import Stability
from pipeline.statistics.nodes import Nodes
from pipeline.statistics.prediction import LAGS_DAYS, PROBABILITIES, prediction_table

ROUNDING = 1e-12  # of a relative difference: the two orders of summation differ in the last digits


def _nodes(n: int, seed: int, *, jitter: bool = True) -> Nodes:
    rng = np.random.default_rng(seed)
    parts = {name: rng.exponential(4e-4, n) for name in ("slow", "night", "exposure", "jitter")}
    weight = rng.exponential(1.0, n)
    return Nodes(
        **(parts if jitter else parts | {"jitter": np.zeros(n)}),
        tau_days=rng.uniform(5, 200, n),
        weight=weight / weight.sum(),
        log_like=np.zeros(n),
        log_like_none=-100.0,
    )


def _stability(nodes: Nodes) -> Stability:
    return Stability(None, nodes, np.empty(0), np.empty(0))  # type: ignore[arg-type]


def test_without_any_drift_the_scatter_is_that_of_the_photons() -> None:
    nothing = {name: np.zeros(1) for name in ("slow", "night", "exposure", "jitter")}
    nodes = Nodes(
        **nothing,
        tau_days=np.array([60.0]),
        weight=np.ones(1),
        log_like=np.zeros(1),
        log_like_none=0.0,
    )
    table = prediction_table(nodes)
    assert expected_scatter(table, 100.0, 100.0)[0.5] == pytest.approx(np.sqrt(2) / 100, rel=1e-14)
    of_two = expected_scatter(table, 100.0, 100.0, lag_days=7.0)
    assert of_two[0.5] == pytest.approx(2 / 100, rel=1e-14)


@pytest.mark.parametrize("same_channel", [False, True])
@pytest.mark.parametrize("lag_days", LAGS_DAYS)
def test_the_table_equals_predict_for_any_snr(same_channel: bool, lag_days: float | None) -> None:
    nodes = _nodes(400, 11)
    table, stability = prediction_table(nodes), _stability(nodes)
    for snr_1, snr_2 in ((3.0, 5.0), (50.0, 2000.0), (1e5, 1e5)):
        direct = stability.predict(snr_1, snr_2, same_channel=same_channel, lag_days=lag_days)
        found = expected_scatter(table, snr_1, snr_2, same_channel=same_channel, lag_days=lag_days)
        assert tuple(found) == PROBABILITIES
        expected = (direct.low, direct.std, direct.high)
        assert (found[0.025], found[0.5], found[0.975]) == pytest.approx(expected, rel=ROUNDING)


def test_one_channel_is_not_predicted_if_no_channel_held_two_stars() -> None:
    alone, together = _nodes(50, 1, jitter=False), _nodes(60, 2)
    assert not prediction_table(alone)["same_channel"].any()
    assert expected_scatter(prediction_table(alone), 100.0, 100.0, same_channel=True) == {}
    found = expected_scatter(prediction_table(alone, together), 100.0, 80.0, same_channel=True)
    direct = _stability(together).predict(100.0, 80.0, same_channel=True)
    assert found[0.5] == pytest.approx(direct.std, rel=ROUNDING)


def test_a_single_node_is_every_quantile() -> None:
    found = expected_scatter(prediction_table(_nodes(1, 5)), 70.0, 30.0)
    assert max(found.values()) == min(found.values())

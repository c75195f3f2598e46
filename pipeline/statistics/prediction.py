"""What the stability model expects of a ratio, in the few numbers that a page can hold.

The variance of ln(F1/F2) is m (1/SNR1^2 + 1/SNR2^2) + v: m is 1, or 2 for the difference of two
exposures, and v, which no SNR enters, has one value at each node of the posterior. A quantile of the
standard deviation lies between two neighbouring nodes, which are the same for every SNR. So two
values of v and a weight between them say for any SNR what ``Stability.predict`` says.
"""

from dataclasses import dataclass

import numpy as np
from astropy.table import QTable

from pipeline.schema import make_table
from pipeline.statistics.kernels import slow_correlation, window_factor
from pipeline.statistics.nodes import Nodes

# median, and the central 68 and 95 %
PROBABILITIES = (0.025, 0.16, 0.5, 0.84, 0.975)
# None: about the mean over a year. 0: the same night. A list, because the nodes between which a quantile
# lies differ from lag to lag.
LAGS_DAYS = (None, 0.0, 1.0, 2.0, 4.0, 7.0, 14.0, 30.0, 60.0, 90.0, 180.0, 365.0)
_COLUMNS = (
    *("same_channel", "lag_days", "n_exposures", "probability"),
    *("variance_low", "variance_high", "weight_high"),
)
SAME_NIGHT_DAYS = 0.5  # two exposures nearer in time share what a night brings


@dataclass(frozen=True)
class RatioVariance:
    """Variance of ln(F1/F2), or of its difference between two exposures, beside photons."""

    n_exposures: int  # 1, or 2 for a difference: how often photons enter
    at_nodes: np.ndarray  # (node,)


def ratio_variance(nodes: Nodes, *, same_channel: bool, lag_days: float | None) -> RatioVariance:
    """Variance that channels and jitter give a ratio, at each node of the posterior.

    Parameters
    ----------
    nodes : Nodes
    same_channel : bool
        Both stars on one channel: only jitter remains.
    lag_days : float, optional
        Left out: of one ratio about its mean over a year. Else of the difference of two ratios
        that many days apart; below half a day they are of one night.
    """
    if lag_days is None:
        channel = nodes.slow * window_factor(nodes.tau_days) + nodes.night + nodes.exposure
        times = 1
    else:
        channel = nodes.slow * (1 - slow_correlation(lag_days, nodes.tau_days)) + nodes.exposure
        channel = channel + (nodes.night if lag_days >= SAME_NIGHT_DAYS else 0.0)
        times = 2
    own = 2 * nodes.jitter + (0.0 if same_channel else 2 * channel)
    return RatioVariance(times, times * own)


def prediction_table(nodes: Nodes, one_channel: Nodes | None = None) -> QTable:
    """The table ``prediction``: quantiles of the expected scatter of a ratio, for any SNR.

    Parameters
    ----------
    nodes : Nodes
        The posterior of a fit (``Stability.nodes``).
    one_channel : Nodes, optional
        That of a fit with two stars on one channel, for pairs on one channel; left out, ``nodes``.

    Returns
    -------
    QTable
        Without rows for one channel if no channel held two stars: such a fit cannot tell what a star
        has for itself from what its channel does.
    """
    together = nodes if one_channel is None else one_channel
    kinds = [(False, nodes), *([(True, together)] if together.jitter.any() else [])]
    rows = []
    for same_channel, posterior in kinds:
        for lag in LAGS_DAYS:
            found = ratio_variance(posterior, same_channel=same_channel, lag_days=lag)
            days = np.nan if lag is None else lag
            for probability in PROBABILITIES:
                bounds = _neighbours(found.at_nodes, posterior.weight, probability)
                rows.append((same_channel, days, found.n_exposures, probability, *bounds))
    columns = zip(*rows, strict=True)
    return make_table("prediction", dict(zip(_COLUMNS, columns, strict=True)))


def _neighbours(
    values: np.ndarray, weight: np.ndarray, probability: float
) -> tuple[float, float, float]:
    """The two values between which ``Nodes.quantile`` interpolates, and the weight of the second."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    position = np.cumsum(weight[order]) - weight[order] / 2
    above = int(np.searchsorted(position, probability))
    if above in (0, len(ordered)):
        end = float(ordered[min(above, len(ordered) - 1)])
        return end, end, 0.0
    low, high = position[above - 1], position[above]
    share = (probability - low) / (high - low)
    return float(ordered[above - 1]), float(ordered[above]), float(share)

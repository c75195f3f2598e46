"""The table ``stability``: one quantity a row, with its 68 and 95 % intervals."""

import numpy as np
from astropy.table import QTable

from pipeline.schema import make_table
from pipeline.statistics.stability import Stability

LEVELS = (0.68, 0.95)
QUANTITIES = ("floor", "within_night", "slow", "night", "exposure", "jitter", "tau_days")


def quantity_with_bounds(
    stability: Stability, quantity: str
) -> tuple[float, tuple[float, float, float, float]]:
    """Posterior median of a quantity, and the bounds low68, high68, low95, high95.

    NaN: the data do not tell it from another quantity. Where no two stars share a channel, the jitter
    of a star is part of ``exposure``.
    """
    if quantity == "jitter" and not stability.nodes.jitter.any():
        return np.nan, (np.nan,) * 4
    of_parts = quantity in ("slow", "night", "exposure", "jitter")
    value = getattr(stability.components if of_parts else stability, quantity)
    (low68, high68), (low95, high95) = (stability.interval(level, quantity) for level in LEVELS)
    return float(value), (low68, high68, low95, high95)


def stability_table(stability: Stability) -> QTable:
    """Floor, parts and time scale of a fit: posterior medians and central intervals."""
    found = [quantity_with_bounds(stability, name) for name in QUANTITIES]
    bounds = np.array([one for _, one in found])
    return make_table(
        "stability",
        {
            "quantity": QUANTITIES,
            "value": [value for value, _ in found],
            **dict(zip(("low68", "high68", "low95", "high95"), bounds.T, strict=True)),
            "unit": ["d" if name == "tau_days" else "" for name in QUANTITIES],
            "n": [len(stability.logs.mjd)] * len(QUANTITIES),
        },
    )

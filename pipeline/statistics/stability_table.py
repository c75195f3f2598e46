"""The table ``stability``: one quantity a row, with its 68 and 95 % intervals."""

from astropy.table import QTable

from pipeline.schema import make_table
from pipeline.statistics.stability import Stability

QUANTITIES = ("floor", "within_night", "slow", "night", "exposure", "jitter", "tau_days")


def stability_table(stability: Stability) -> QTable:
    """Floor, parts and time scale of a fit: posterior medians and central intervals."""
    components = stability.components
    value = {
        "floor": stability.floor,
        "within_night": stability.within_night,
        "slow": components.slow,
        "night": components.night,
        "exposure": components.exposure,
        "jitter": components.jitter,
        "tau_days": stability.tau_days,
    }
    of_68 = [stability.interval(0.68, name) for name in QUANTITIES]
    of_95 = [stability.interval(0.95, name) for name in QUANTITIES]
    return make_table(
        "stability",
        {
            "quantity": QUANTITIES,
            "value": [value[name] for name in QUANTITIES],
            "low68": [low for low, _ in of_68],
            "high68": [high for _, high in of_68],
            "low95": [low for low, _ in of_95],
            "high95": [high for _, high in of_95],
            "unit": ["d" if name == "tau_days" else "" for name in QUANTITIES],
            "n": [len(stability.logs.mjd)] * len(QUANTITIES),
        },
    )

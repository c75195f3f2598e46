"""Which channels drift or step, and what would have been found: the table ``channel_tests``."""

import numpy as np
from astropy.table import QTable

from pipeline.schema import make_table
from pipeline.statistics.channel_drift import channel_drift
from pipeline.statistics.stability import Stability
from pipeline.statistics.steps import scan_steps
from pipeline.statistics.structure_function import structure_function

POWER = 0.95


def channel_tests_table(stability: Stability, *, power: float = POWER) -> QTable:
    """A row for each channel: its likeliest step, the smallest that would be found, and its drift.

    Parameters
    ----------
    stability : Stability
    power : float
        Probability with which the smallest step would have been found, between two middle exposures.

    Raises
    ------
    ValueError
        If there are too few exposures or channels for a step (``scan_steps``).
    """
    scan, drift = scan_steps(stability), channel_drift(stability)
    z = scan.step / scan.step_err
    row = np.abs(z).argmax(axis=0)
    column = np.arange(len(scan.channels))
    middle = len(scan.mjd_before) // 2
    return make_table(
        "channel_tests",
        {
            "channel": scan.channels,
            "step": scan.step[row, column],
            "step_err": scan.step_err[row, column],
            "mjd_before": scan.mjd_before[row],
            "mjd_after": scan.mjd_after[row],
            "step_found": np.abs(z).max(axis=0) > scan.threshold,
            "smallest_step": scan.smallest(power)[middle],
            "drift_p": drift.drift_p,
            "drift_p_adjusted": drift.drift_p_adjusted,
        },
    )


def structure_function_table(stability: Stability) -> QTable:
    """By how much a ratio of two noiseless stars changes over hours, days and months."""
    found = structure_function(stability)
    names = ("lag_days", "n", "std", "std_err", "model_std", "model_low", "model_high")
    return make_table("structure_function", {name: getattr(found, name) for name in names})

"""Which channels drift or step, and what would have been found: the table ``channel_tests``."""

import numpy as np
import scipy
from astropy.table import QTable

from pipeline.schema import make_table
from pipeline.statistics.channel_drift import channel_drift
from pipeline.statistics.stability import Stability
from pipeline.statistics.steps import StepScan
from pipeline.statistics.structure_function import structure_function

POWER = 0.95
N_POWER = 61  # points of the power curve


def channel_tests_table(stability: Stability, scan: StepScan, *, power: float = POWER) -> QTable:
    """A row for each channel: its likeliest step, the smallest that would be found, and its drift.

    Parameters
    ----------
    stability : Stability
    scan : StepScan
        ``scan_steps(stability)``.
    power : float
        Probability with which the smallest step would have been found, between two middle exposures.
    """
    drift = channel_drift(stability)
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


def step_power_table(scan: StepScan) -> QTable:
    """The table ``step_power``: how probably a step in mid-campaign would have been found.

    The power curve of the scan, family-wise 5 %: for the channel in which a step is found most easily,
    the median channel, and the hardest.
    """
    err = np.sort(scan.step_err[len(scan.mjd_before) // 2])
    top = float(scan.threshold + scipy.special.ndtri(0.999)) * err[-1]
    steps = np.linspace(0.0, top, N_POWER)
    power = scipy.special.ndtr(steps[:, np.newaxis] / err - scan.threshold)
    power += scipy.special.ndtr(-steps[:, np.newaxis] / err - scan.threshold)
    columns = (power[:, 0], power[:, (len(err) - 1) // 2], power[:, -1])
    names = ("power_best", "power_median", "power_worst")
    return make_table("step_power", {"step": steps, **dict(zip(names, columns, strict=True))})


def structure_function_table(stability: Stability) -> QTable:
    """By how much a ratio of two noiseless stars changes over hours, days and months."""
    found = structure_function(stability)
    names = ("lag_days", "n", "std", "std_err", "model_std", "model_low", "model_high")
    return make_table("structure_function", {name: getattr(found, name) for name in names})

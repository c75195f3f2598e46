"""A change that was put into the response of channels, beside what the fluxes of stars say of it."""

import numpy as np
from astropy.table import QTable

from pipeline.statistics.checks import Check
from pipeline.statistics.columns import numbers, texts
from pipeline.statistics.fluxes import Fluxes
from pipeline.statistics.recovery import N_SIGMA
from pipeline.statistics.twins import log_difference

CHANGED = 1e-6  # of ln response; less is no change


def injection_checks(fluxes: Fluxes, truth: QTable) -> list[Check]:
    """Change of each changed channel against all others, exposure by exposure since the first [%].

    Parameters
    ----------
    fluxes : Fluxes
        As measured; exposures with a flag are left out.
    truth : QTable
        ``truth_channels``: exposure_id, channel, response.
    """
    true = _log_response(truth, fluxes.exposure_ids)
    known = np.flatnonzero((fluxes.exposure_flags == "") & np.isfinite(true).any(axis=1))
    known = known[np.argsort(fluxes.mjd[known], kind="stable")]
    if len(known) < 2:
        return []
    first = int(known[0])
    return [
        check
        for exposure in known[1:].tolist()
        for channel in _changed(true[exposure] - true[first])
        for check in _check(fluxes, true, exposure, first, channel)
    ]


def injection_note(check: Check) -> str:
    """What was put in and what came out, in a sentence."""
    sigma = check.tolerance / N_SIGMA
    verdict = "found within its error" if check.passed else "not found"
    return (
        f"Put in on purpose: {check.quantity}, {check.expected:+.2f} %; the measurement says "
        f"{check.measured:+.2f} ± {sigma:.2f} %: {verdict}."
    )


def _changed(difference: np.ndarray) -> list[int]:
    """Channels whose response did not change as that of most."""
    apart = np.abs(difference - np.nanmedian(difference))
    return [int(one) + 1 for one in np.flatnonzero(apart > CHANGED)]


def _check(
    fluxes: Fluxes, true: np.ndarray, exposure: int, first: int, channel: int
) -> list[Check]:
    found = log_difference(fluxes, exposure, first)
    on = fluxes.channel[found.star] == channel
    if not on.any() or on.all():
        return []
    weight = found.err**-2
    expected = (true[exposure] - true[first])[fluxes.channel[found.star] - 1]
    (one, true_one), (other, true_other) = (
        (
            np.average(found.value[who], weights=weight[who]),
            np.average(expected[who], weights=weight[who]),
        )
        for who in (on, ~on)
    )
    sigma = float(np.sqrt(1 / weight[on].sum() + 1 / weight[~on].sum()))
    measured, put_in = (
        100 * float(np.expm1(value)) for value in (one - other, true_one - true_other)
    )
    sigma_percent = sigma * (100 + measured)
    nights = f"{fluxes.nights[first]} to {fluxes.nights[exposure]}"
    return [
        Check(
            f"change of channel {channel} against the others, {nights}",
            measured,
            put_in,
            N_SIGMA * sigma_percent,
            "%",
            f"mean over {on.sum()} stars on it and {(~on).sum()} on others, weighted by their errors; "
            f"1 sigma {sigma_percent:.2g} %, the tolerance is {N_SIGMA:g} of it",
        )
    ]


def _log_response(truth: QTable, exposure_ids: np.ndarray) -> np.ndarray:
    """ln response (exposure, channel 1 to n); NaN: not simulated."""
    channel = np.asarray(truth["channel"], int)
    row_of = {name: row for row, name in enumerate(exposure_ids.tolist())}
    found = np.full((len(exposure_ids), int(channel.max(initial=0))), np.nan)
    response = numbers(truth["response"])
    for name, number, value in zip(
        texts(truth["exposure_id"]).tolist(), channel.tolist(), response.tolist(), strict=True
    ):
        if name in row_of:
            found[row_of[name], number - 1] = np.log(value)
    return found

"""Exposures that were reduced twice, here and by the observatory: how the fluxes of stars differ.

Both reductions have the same photons, so that the difference is that of calibrations and recipes
alone; it says how far the choice of a reduction moves a ratio.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from astropy.table import QTable

from pipeline.schema import make_table
from pipeline.statistics.columns import numbers, texts
from pipeline.statistics.fluxes import Fluxes

SECONDS_PER_DAY = 86400.0
SAME_START_S = 1.5  # two files of one exposure: starts within a second, rounded
MIN_STARS = 2  # one star has no ratio


@dataclass(frozen=True)
class LogDifference:
    """ln F of an exposure less that of another, for the stars that both have."""

    star: np.ndarray  # (star,) index along the axis of stars
    value: np.ndarray  # (star,)
    err: np.ndarray  # (star,) 1 sigma of independent exposures


def log_difference(fluxes: Fluxes, exposure: int, other: int) -> LogDifference:
    """ln F of an exposure less that of another, star by star; flagged fluxes are left out."""
    flux, err = fluxes.flux[[exposure, other]], fluxes.flux_err[[exposure, other]]
    flags = fluxes.flux_flags[[exposure, other]]
    good = (np.isfinite(flux) & (flux > 0) & np.isfinite(err) & (flags == "")).all(axis=0)
    star = np.flatnonzero(good)
    relative = err[:, star] / flux[:, star]
    return LogDifference(
        star,
        np.log(flux[0, star] / flux[1, star]),
        np.sqrt((relative**2).sum(axis=0)),
    )


def compare_reductions(fluxes: Fluxes, exposures: QTable) -> QTable:
    """The table ``reductions_compared``: a row for each exposure that was reduced here and there.

    Parameters
    ----------
    fluxes : Fluxes
        In the band and aperture of the headlines; whether an exposure is used does not matter.
    exposures : QTable
        Row by row along the exposures, with ``origin``, ``mode``, ``mjd_mid``.
    """
    rows = []
    for here, there in twins(exposures):
        found = log_difference(fluxes, here, there)
        n = len(found.star)
        if n < MIN_STARS:
            continue
        offset = float(np.median(found.value))
        apart = found.value - offset
        worst = int(np.abs(apart).argmax())
        rows.append(
            (
                str(fluxes.nights[here]),
                str(fluxes.modes[here]),
                str(fluxes.exposure_ids[here]),
                str(fluxes.exposure_ids[there]),
                n,
                offset,
                float(np.sqrt((apart**2).sum() / (n - 1))),
                float(np.sqrt(np.mean(found.err**2))),
                int(fluxes.star_ids[found.star[worst]]),
                float(apart[worst]),
            )
        )
    names = (
        *("night", "mode", "exposure_id", "product_id", "n_stars", "offset"),
        *("std", "expected_std", "worst_star", "worst_difference"),
    )
    return make_table(
        "reductions_compared", {name: [row[k] for row in rows] for k, name in enumerate(names)}
    )


def compared_note(compared: QTable) -> str:
    """What both reductions of the same exposures say, in a sentence."""
    std = 100 * float(np.median(numbers(compared["std"])))
    return (
        f"Reduced here and by the observatory: {len(compared)} exposures; the ratios of stars differ by "
        f"{std:.2g} % (median over exposures of the standard deviation over stars)."
    )


def twins(exposures: QTable) -> Sequence[tuple[int, int]]:
    """Rows of exposures that were reduced here, each with that of the observatory's cube."""
    origin, mode = texts(exposures["origin"]), texts(exposures["mode"])
    seconds = numbers(exposures["mjd_mid"]) * SECONDS_PER_DAY
    found = []
    for here in np.flatnonzero(origin == "raw"):
        apart = np.abs(seconds - seconds[here])
        there = np.flatnonzero(
            (origin == "product") & (mode == mode[here]) & (apart < SAME_START_S)
        )
        found += [(int(here), int(one)) for one in there[:1]]
    return found

"""The comparison stars of a target: stable, bright enough, on other channels.

Rule, in this order: stars without a flag that are no target and not called variable; a usable flux in
``MIN_COVERAGE`` of the exposures of the target; most of their light on other channels than the
target's, so that no channel is on both sides of the ratio (left out where fewer than ``MIN_STARS``
would remain); a median photon error of at most ``MAX_PHOTON`` or, where fewer than ``MIN_STARS`` have
that, the ``MIN_STARS`` brightest. Of these the ``MAX_STARS`` brightest, at most ``MAX_PER_CHANNEL`` of
one channel.
"""

import numpy as np

from pipeline.statistics.fluxes import Fluxes

MIN_COVERAGE = 0.8
MIN_STARS = 3  # an ensemble: with two nobody can tell which of them varies
MAX_STARS = 25  # more lower the error by less than a tenth: the target's own channel is left
MAX_PER_CHANNEL = 3  # more tell the response of that channel, not of the field
MAX_PHOTON = 0.02  # of ln F in one exposure: the scatter that a channel has in the record of 2019
MAX_OVERLAP = 0.5  # of the light of a star on the channels that hold the target


def comparison_stars(
    fluxes: Fluxes, target: int, *, candidates: np.ndarray, share: np.ndarray
) -> np.ndarray:
    """Columns of the comparison stars of a target, brightest first; empty if there is none.

    Parameters
    ----------
    fluxes : Fluxes
    target : int
        Column of the target.
    candidates : ndarray of bool, shape (star,)
        Stars without a flag, no targets, not variable.
    share : ndarray, shape (star, channel)
        Mean share of each star's light on each channel; zeros: unknown, taken for another.
    """
    relative = relative_errors(fluxes)
    usable = np.isfinite(relative)
    wanted = usable[:, target]
    coverage = (usable & wanted[:, np.newaxis]).sum(axis=0) / max(1, int(wanted.sum()))
    good = candidates & (coverage >= MIN_COVERAGE)
    good[target] = False
    apart = good & (share @ (share[target] > 0) <= MAX_OVERLAP)
    if apart.sum() >= MIN_STARS:
        good = apart
    photon = np.full(len(good), np.inf)
    photon[good] = np.nanmedian(relative[:, good], axis=0)
    order = np.argsort(photon, kind="stable")[: int(good.sum())]
    bright = order[photon[order] <= MAX_PHOTON]
    order = bright if len(bright) >= MIN_STARS else order[:MIN_STARS]
    return _spread(order, share)[:MAX_STARS]


def _spread(order: np.ndarray, share: np.ndarray) -> np.ndarray:
    """The stars in their order, no more than ``MAX_PER_CHANNEL`` of one channel."""
    kept: list[int] = []
    taken: dict[int, int] = {}
    for star in order.tolist():
        channel = int(share[star].argmax()) if share[star].any() else -1 - star
        taken[channel] = taken.get(channel, 0) + 1
        if taken[channel] <= MAX_PER_CHANNEL:
            kept.append(star)
    return np.array(kept, int)


def relative_errors(fluxes: Fluxes) -> np.ndarray:
    """(exposure, star) 1-sigma error of ln F from photons; NaN where a flux is not usable."""
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = fluxes.flux_err / fluxes.flux
        usable = fluxes.usable & (fluxes.flux > 0) & (relative > 0)
    return np.asarray(np.where(usable, relative, np.nan))

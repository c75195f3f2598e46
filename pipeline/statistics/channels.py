"""Relative responses of MUSE's channels, exposure by exposure, from the fluxes of all stars.

ln F(exposure, star) = star + exposure + channel(exposure of the star's channel) + noise

Within one channel, star + (exposure + channel) is an additive two-way table, fitted by weighted
least squares; each channel's course has the mean 0 in time (the rest is the star's). What is
common to all channels in an exposure (transparency, exposure time) is then taken out: the
responses of an exposure have the mean 0 over its channels. So a response is relative to the mean
channel and to the mean exposure, and ratios of stars on one channel do not contain it.
"""

from dataclasses import dataclass

import numpy as np
from astropy.table import QTable

from pipeline.schema import make_table
from pipeline.statistics.fluxes import Fluxes

MIN_CHANNELS = 2  # relative to what, otherwise
N_ROUNDS = 200
TOLERANCE = 1e-12


@dataclass(frozen=True)
class ChannelResponses:
    """ln response of channels; arrays have shape (exposure, channel)."""

    channels: np.ndarray  # (channel,) numbers of the channels that hold a usable star
    response: np.ndarray  # NaN: no usable star
    err: np.ndarray  # 1 sigma from flux_err: star's own means are taken as known
    n_stars: np.ndarray  # stars that enter


def channel_responses(
    fluxes: Fluxes, stars_left_out: tuple[int, ...] | list[int] = ()
) -> ChannelResponses:
    """The responses of all channels that hold a star.

    Parameters
    ----------
    fluxes : Fluxes
        Only usable, positive fluxes of stars on a known channel enter, weighted by
        (flux / flux_err)^2; without errors all weigh the same.
    stars_left_out : star numbers
        For example those that carry a flag in the catalogue.
    """
    kept = (fluxes.channel > 0) & ~np.isin(fluxes.star_ids, np.array(stars_left_out, dtype=int))
    channels = np.unique(fluxes.channel[kept])
    with np.errstate(divide="ignore", invalid="ignore"):
        used = fluxes.usable & (fluxes.flux > 0) & kept
        log_flux = np.where(used, np.log(np.where(used, fluxes.flux, 1.0)), 0.0)
        relative = np.where(used, fluxes.flux_err / fluxes.flux, np.nan)
    known = np.isfinite(relative) & (relative > 0)
    weight = np.where(used, 1.0, 0.0)
    if known.any():
        used &= known
        weight = np.where(used, 1.0 / np.where(used, relative, 1.0) ** 2, 0.0)
    shape = (len(fluxes.flux), len(channels))
    course, variance = np.full(shape, np.nan), np.full(shape, np.nan)
    n_stars = np.zeros(shape, dtype=int)
    for column, channel in enumerate(channels):
        members = np.flatnonzero(kept & (fluxes.channel == channel))
        course[:, column], variance[:, column] = _course(log_flux[:, members], weight[:, members])
        n_stars[:, column] = np.count_nonzero(used[:, members], axis=1)
    if not known.any():
        variance = np.full(shape, np.nan)
    return ChannelResponses(channels, *_relative(course, variance), n_stars)


def _course(log_flux: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Exposure terms (exposure,) of a two-way table with the mean 0, NaN without a star.

    Alternating weighted means: each step solves the least squares for one side exactly.
    """
    per_exposure, per_star = weight.sum(axis=1), weight.sum(axis=0)
    seen = per_exposure > 0
    star = np.zeros(log_flux.shape[1])
    course = np.zeros(len(log_flux))
    for _ in range(N_ROUNDS):
        total = (weight * (log_flux - star)).sum(axis=1)
        new = np.where(seen, total / np.where(seen, per_exposure, 1.0), 0.0)
        new = np.where(seen, new - new[seen].mean() if seen.any() else 0.0, 0.0)
        total = (weight * (log_flux - new[:, np.newaxis])).sum(axis=0)
        star = np.where(per_star > 0, total / np.where(per_star > 0, per_star, 1.0), 0.0)
        done = np.abs(new - course).max(initial=0.0) < TOLERANCE
        course = new
        if done:
            break
    variance = 1.0 / np.where(seen, per_exposure, np.nan)
    return np.where(seen, course, np.nan), variance


def _relative(course: np.ndarray, variance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Courses about their mean over the channels of each exposure, again with mean 0 in time."""
    present = np.isfinite(course)
    n = np.count_nonzero(present, axis=1)[:, np.newaxis]
    enough = present & (n >= MIN_CHANNELS)
    filled = np.where(present, course, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        response = np.where(enough, filled - filled.sum(axis=1, keepdims=True) / n, np.nan)
        seen = np.count_nonzero(enough, axis=0)
        response = response - np.nansum(response, axis=0) / seen
        # variance of x_k - mean of x: (1 - 2/n) v_k + sum(v) / n^2
        total = np.where(present, variance, 0.0).sum(axis=1, keepdims=True)
        err = np.sqrt((1 - 2 / n) * variance + total / n**2)
    return response, np.where(enough, err, np.nan)


def channel_table(fluxes: Fluxes, found: ChannelResponses) -> QTable:
    """The published table ``channel_responses``: exposures in order, channels within."""
    n_exposures, n_channels = found.response.shape
    return make_table(
        "channel_responses",
        {
            "exposure_id": np.repeat(fluxes.exposure_ids, n_channels),
            "channel": np.tile(found.channels, n_exposures),
            "response": found.response.ravel(),
            "response_err": found.err.ravel(),
            "n_stars": found.n_stars.ravel(),
        },
    )

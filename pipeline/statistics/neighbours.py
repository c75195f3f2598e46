"""Aperture fluxes less the light of neighbours.

Neighbours add c(e) times the star's own light to an aperture, as the seeing of exposure e has it. What is
taken off is their light, not a factor: a factor would make less of a star's own variation by 1 + c::

    F - F_typical(e) c(e),  F_typical(e) = star x exposure, from medians of F / (1 + c)

So it holds 1 + c times what the instrument does to the aperture (``loaded_shares``). A neighbour that turns
out to be variable is taken off as it varies (``without_varying_neighbours``). How well c is known the
stars tell themselves: their scatter is that of photons, of a term that all have, and of ``scale`` times the
errors that were estimated.
"""

from dataclasses import replace

import numpy as np
from astropy.table import QTable

from pipeline.schema.flux_array import FluxArray
from pipeline.statistics.columns import numbers, texts

N_ROUNDS = 3  # of the medians over stars and exposures
MIN_STARS = 20  # to estimate the scale of the errors
MIN_EXPOSURES = 5
SCALES = np.geomspace(1 / 3, 3.0, 25)
COMMON = np.geomspace(1e-4, 0.3, 50)  # ln, of the term that all stars have
MAX_ERROR = 1.0  # of ln F: nothing is known


def without_neighbours(
    array: FluxArray, share: np.ndarray, err: np.ndarray, own: np.ndarray
) -> FluxArray:
    """The fluxes less the light of neighbours; those of the published convention stay.

    Parameters
    ----------
    array : FluxArray
    share : ndarray, shape (exposure, star, aperture)
        Light of neighbours over the star's own; NaN: not known, nothing is taken off.
    err : ndarray, shape (exposure, star, aperture)
        Estimated error of ln(1 + share).
    own : ndarray, shape (exposure, star, aperture)
        The star's own light over that in an aperture about its true place.
    """
    flux, flux_err = array.flux.copy(), array.flux_err.copy()
    for aperture in range(flux.shape[2]):
        for band in range(flux.shape[3]):
            at = (slice(None), slice(None), aperture, band)
            flux[at], flux_err[at] = subtracted(
                flux[at] / own[:, :, aperture],
                flux_err[at] / own[:, :, aperture],
                share[:, :, aperture],
                err[:, :, aperture],
            )
    return replace(array, flux=flux, flux_err=flux_err)


def without_varying_neighbours(
    array: FluxArray,
    star: np.ndarray,
    other: np.ndarray,
    share: np.ndarray,
    certainty: np.ndarray,
) -> FluxArray:
    """The fluxes less what the light of variable neighbours changes by.

    Parameters
    ----------
    array : FluxArray
        Of ``without_neighbours``, which takes neighbours for constant.
    star, other : ndarray of int, shape (pair,)
        Rows of a star and of a neighbour.
    share : ndarray, shape (exposure, pair, aperture)
        Light of that neighbour over the star's own.
    certainty : ndarray, shape (star,)
        Of the variation of each star, 0: it is not called variable. Of two variable stars the light of the
        more certain one is taken off the other.
    """
    pairs = np.flatnonzero(certainty[other] > certainty[star])
    if not len(pairs):
        return array
    flux, flux_err = array.flux.copy(), array.flux_err.copy()
    for aperture in range(flux.shape[2]):
        for band in range(flux.shape[3]):
            at = (slice(None), slice(None), aperture, band)
            with np.errstate(invalid="ignore", divide="ignore"):
                logs = np.log(array.flux[at])
            logs[~np.isfinite(logs)] = np.nan
            typical = np.exp(star_and_exposure(logs))
            for pair in pairs.tolist():
                a, b = star[pair], other[pair]
                scale = typical[:, a] * share[:, pair, aperture] / typical[:, b]
                light = scale * (array.flux[at][:, b] - typical[:, b])
                flux[at][:, a] -= np.nan_to_num(light)
                error = np.nan_to_num(scale * array.flux_err[at][:, b])
                flux_err[at][:, a] = np.hypot(flux_err[at][:, a], error)
    return replace(array, flux=flux, flux_err=flux_err)


def certainty_of_variation(variability: QTable, star_ids: tuple[int, ...]) -> np.ndarray:
    """Scatter over what is expected (star,) of the stars called variable, 0 for others."""
    called = texts(variability["flag"]) != ""
    ratio = numbers(variability["std"]) / numbers(variability["expected_std"])
    known = dict(
        zip(
            np.asarray(variability["star_id"], int)[called].tolist(),
            ratio[called].tolist(),
            strict=True,
        )
    )
    return np.array([known.get(star, 0.0) for star in star_ids])


def loaded_shares(channel_share: np.ndarray, share: np.ndarray) -> np.ndarray:
    """What fluxes less their neighbours owe to each channel, (exposure, star, channel).

    Parameters
    ----------
    channel_share : ndarray, shape (exposure, star, channel)
        Of the light in the aperture.
    share : ndarray, shape (exposure, star)
        Light of neighbours over the star's own.
    """
    return np.asarray(channel_share * (1 + np.nan_to_num(share))[..., np.newaxis])


def subtracted(
    flux: np.ndarray, flux_err: np.ndarray, share: np.ndarray, err: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Fluxes less the light of neighbours, and their errors; every array (exposure, star)."""
    share = np.nan_to_num(share)
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = np.log(flux / (1 + share))
        photons = flux_err / flux
    logs[~np.isfinite(logs)] = np.nan
    level = star_and_exposure(logs)
    loaded = np.minimum((1 + share) * err, MAX_ERROR)
    scale = error_scale(logs - level, photons, loaded / (1 + share))
    typical = np.exp(level)
    known = np.isfinite(typical)
    light = np.where(known, typical * share, 0.0)
    unsure = np.where(known, typical * np.minimum(scale * loaded, MAX_ERROR), 0.0)
    return flux - light, np.hypot(flux_err, unsure)


def star_and_exposure(logs: np.ndarray) -> np.ndarray:
    """ln of star times exposure (exposure, star), by medians in turn; NaN where nothing is known."""
    star, exposure = np.zeros(logs.shape[1]), np.zeros(len(logs))
    for _ in range(N_ROUNDS):
        star = _median(logs - exposure[:, np.newaxis], 0)
        exposure = _median(logs - star, 1)
    return np.asarray(star + exposure[:, np.newaxis])


def _median(values: np.ndarray, axis: int) -> np.ndarray:
    """Median of what is not NaN, NaN without any."""
    empty = np.isnan(values).all(axis=axis, keepdims=True)
    found = np.nanmedian(np.where(empty, 0.0, values), axis=axis)
    return np.asarray(np.where(empty.squeeze(axis), np.nan, found))


def error_scale(residual: np.ndarray, photons: np.ndarray, err: np.ndarray) -> float:
    """By how much the errors of the light of neighbours were taken too small, from all stars.

    The least sum of absolute differences between ln of each star's variance and what it should be, so that
    variable stars count little.

    Parameters
    ----------
    residual : ndarray, shape (exposure, star)
        ln F about star and exposure.
    photons, err : ndarray, shape (exposure, star)
        Errors of ln F from photons and from neighbours.
    """
    seen = np.isfinite(residual) & np.isfinite(photons) & np.isfinite(err)
    n = np.count_nonzero(seen, axis=0)
    stars = n >= MIN_EXPOSURES
    if stars.sum() < MIN_STARS:
        return 1.0
    variance, noise, neighbours = (
        (np.where(seen, one, 0.0)[:, stars] ** 2).sum(axis=0) / n[stars]
        for one in (residual, photons, err)
    )
    # medians of chi squared over its degrees of freedom, of which a star's own level takes one
    expected = (1 - 1 / n[stars]) * (1 - 2 / (9 * (n[stars] - 1))) ** 3
    logs = np.log(np.maximum(variance, 1e-12) / expected)
    model = np.log(
        noise + COMMON[:, np.newaxis, np.newaxis] ** 2 + SCALES[:, np.newaxis] ** 2 * neighbours
    )
    cost = np.abs(logs - model).sum(axis=2)
    return float(SCALES[np.unravel_index(int(cost.argmin()), cost.shape)[1]])

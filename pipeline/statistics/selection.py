"""One passband and aperture of a campaign's flux array, as the statistics take it."""

from dataclasses import replace

import numpy as np
from astropy.table import QTable

from pipeline.schema.definitions import BAD_PROBABILITY
from pipeline.schema.flux_array import FluxArray
from pipeline.statistics.columns import numbers, texts
from pipeline.statistics.fluxes import OUTLIER, Fluxes


def select_fluxes(
    array: FluxArray,
    exposures: QTable,
    catalogue: QTable,
    *,
    band: str,
    radius_px: float,
    reference_exposure: str,
    channel_share: np.ndarray | None = None,
) -> Fluxes:
    """The fluxes of a campaign in one passband and aperture.

    An exposure whose status is not ``ok`` carries that status as its flag. It equals what
    ``fluxes_from_tables`` makes of the published tables.

    Parameters
    ----------
    array : FluxArray
    exposures, catalogue : QTable
        As in ``pipeline.schema``, row by row along the array's axes.
    reference_exposure : str
        The exposure whose SNR stands for a star's brightness.
    channel_share : ndarray, shape (exposure, star, channel), optional
        Share of a star's light on each channel; 0 where an exposure was not measured.

    Raises
    ------
    KeyError
        If the passband or the aperture was not measured.
    """
    chosen = (slice(None), slice(None), array.aperture(radius_px), array.band(band))
    status = texts(exposures["status"])
    return Fluxes(
        flux=array.flux[chosen],
        flux_err=array.flux_err[chosen],
        nights=texts(exposures["night"]),
        mjd=numbers(exposures["mjd_mid"]),
        star_ids=np.array(array.star_ids, int),
        flux_flags=array.flags[chosen],
        exposure_flags=np.where(status == "ok", "", status),
        flux_published=array.flux_published[chosen],
        xy=np.column_stack([numbers(catalogue["x"]), numbers(catalogue["y"])]),
        channel=np.asarray(catalogue["channel"], int),
        snr=array.snr[chosen][array.exposure_ids.index(reference_exposure)],
        exposure_ids=np.array(array.exposure_ids, str),
        modes=texts(exposures["mode"]),
        channel_share=np.empty(0) if channel_share is None else channel_share,
        band=band,
        radius_px=radius_px,
    )


def without_flagged(fluxes: Fluxes, exposures: QTable, catalogue: QTable) -> Fluxes:
    """The fluxes with bad exposures and flagged stars marked, so that no statistic uses them.

    Parameters
    ----------
    fluxes : Fluxes
    exposures, catalogue : QTable
        Along the axes of the fluxes; ``bad_probability`` and ``flags`` count.
    """
    flagged = texts(catalogue["flags"]) != ""
    return replace(
        without_bad(fluxes, exposures),
        flux_flags=np.where(flagged & (fluxes.flux_flags == ""), "flagged star", fluxes.flux_flags),
    )


def without_bad(fluxes: Fluxes, exposures: QTable) -> Fluxes:
    """The fluxes with the exposures marked that the model found to be bad.

    Parameters
    ----------
    fluxes : Fluxes
    exposures : QTable
        Row by row as the fluxes; ``bad_probability`` counts.
    """
    bad = numbers(exposures["bad_probability"]) > BAD_PROBABILITY
    return replace(
        fluxes,
        exposure_flags=np.where(
            bad & (fluxes.exposure_flags == ""), OUTLIER, fluxes.exposure_flags
        ),
    )

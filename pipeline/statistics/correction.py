"""Correction of fluxes for the slow and nightly terms of MUSE's channels, at any time.

The term per exposure is not part of it: a science exposure shares none with the exposures that the
model was fitted to. Shrinkage is built in (best linear unbiased prediction): where the data say
nothing of a channel at a time, its factor tends to 1 and its error to the channel's own scatter.
"""

import numpy as np
from astropy.table import QTable

from pipeline.schema import make_table
from pipeline.statistics.columns import numbers, texts
from pipeline.statistics.stability import Stability


def correction_table(
    stability: Stability,
    *,
    mjd: np.ndarray | None = None,
    modes: np.ndarray | None = None,
    exposure_ids: np.ndarray | None = None,
    band: str = "I_Bessel",
) -> QTable:
    """Factor of every channel at any times: the table ``correction``.

    Rows are sorted as times are given, then by channel.

    Parameters
    ----------
    stability : Stability
    mjd : ndarray, shape (time,), optional
        Modified Julian Dates (UTC) of the exposures to be corrected; left out, those of the fit.
    modes : ndarray of str, shape (time,), optional
        Their instrument modes; offsets between modes are not corrected. Left out, "" or the fit's.
    exposure_ids : ndarray of str, shape (time,), optional
    band : str
        Passband of the fluxes that were fitted.

    Returns
    -------
    QTable
        ``factor`` = exp(response), ``factor_err`` its 1-sigma error.
    """
    logs = stability.logs
    times = logs.mjd if mjd is None else np.asarray(mjd, float)
    if modes is None:
        modes = logs.modes if mjd is None else np.full(len(times), "")
    if exposure_ids is None:
        exposure_ids = np.full(len(times), "")
    nights = _nights(times)
    found = stability.smoother.predict_channels(times, nights, np.asarray(modes))
    n_times, n_channels = found.value.shape
    factor = np.exp(found.value)
    return make_table(
        "correction",
        {
            "exposure_id": np.repeat(exposure_ids, n_channels),
            "night": np.repeat(nights, n_channels),
            "mode": np.repeat(modes, n_channels),
            "channel": np.tile(stability.channels, n_times),
            "band": [band] * factor.size,
            "factor": factor.ravel(),
            "factor_err": (factor * found.err).ravel(),
        },
    )


def apply_correction(
    flux: np.ndarray, flux_err: np.ndarray, *, channel_share: np.ndarray, correction: QTable
) -> tuple[np.ndarray, np.ndarray]:
    """Fluxes divided by the response of the channels that hold the star, errors carried along.

    Parameters
    ----------
    flux, flux_err : ndarray of shape (exposure, star) or (exposure, star, wave)
        NaN stays NaN.
    channel_share : ndarray of shape (star, channel) or (exposure, star, channel)
        Share of a star's light; column k is channel k + 1. Light on a channel that the table does
        not hold, and light on no channel, is left as it is.
    correction : QTable
        ``correction_table`` for these exposures, in their order.

    Returns
    -------
    flux, flux_err : ndarray
        The error of the factor is added in quadrature; it is common to all stars of a channel.

    Raises
    ------
    ValueError
        If the table's exposures are not as many as those of ``flux``, or shapes disagree.

    Examples
    --------
    >>> from pipeline.statistics import fit_stability
    >>> from pipeline.statistics.campaigns import CONFIGURATIONS, SCENARIOS, draw_campaign
    >>> fluxes = draw_campaign(SCENARIOS["night"], CONFIGURATIONS["65x25"], seed=1).fluxes
    >>> table = correction_table(fit_stability(fluxes), mjd=fluxes.mjd)
    >>> share = (fluxes.channel[:, np.newaxis] == np.arange(1, 25)).astype(float)
    >>> flux, flux_err = apply_correction(
    ...     fluxes.flux, fluxes.flux_err, channel_share=share, correction=table
    ... )
    >>> one, two = np.flatnonzero(fluxes.channel != fluxes.channel[0])[:1][0], 0
    >>> scatter = [np.log(values[:, one] / values[:, two]).std() for values in (flux, fluxes.flux)]
    >>> bool(scatter[0] < scatter[1])
    True
    """
    flux, flux_err = np.asarray(flux, float), np.asarray(flux_err, float)
    share = np.asarray(channel_share, float)
    if share.ndim == 2:
        share = np.broadcast_to(share, (len(flux), *share.shape))
    if share.shape[:2] != flux.shape[:2] or flux_err.shape != flux.shape:
        raise ValueError(
            f"flux {flux.shape}, flux_err {flux_err.shape}, channel_share {share.shape}: "
            "(exposure, star), the same, and (exposure, star, channel) expected"
        )
    factor, factor_err = _on_grid(correction, len(flux), share.shape[2])
    total = 1.0 + np.einsum("esc,ec->es", share, factor - 1.0)
    relative = np.sqrt(np.einsum("esc,ec->es", share**2, factor_err**2)) / total
    if flux.ndim == 3:
        total, relative = total[..., np.newaxis], relative[..., np.newaxis]
    corrected = flux / total
    return corrected, np.hypot(flux_err / total, corrected * relative)


def _nights(mjd: np.ndarray) -> np.ndarray:
    """UT dates of floor(mjd - 0.5)."""
    days = np.floor(mjd - 0.5).astype("timedelta64[D]")
    return np.asarray((np.datetime64("1858-11-17") + days).astype(str))


def _on_grid(
    correction: QTable, n_exposures: int, n_channels: int
) -> tuple[np.ndarray, np.ndarray]:
    """factor and factor_err as (exposure, channel); 1 and 0 for a channel without a row."""
    channel = np.asarray(correction["channel"], int)
    bands = np.unique(texts(correction["band"]))
    if len(bands) > 1:
        raise ValueError(f"the correction holds bands {bands.tolist()}: choose the rows of one")
    n_rows = np.unique(channel, return_counts=True)[1]
    if len(channel) and not (n_rows == n_exposures).all():
        raise ValueError(
            f"the correction holds {n_rows.max()} exposures, flux {n_exposures}: "
            "make one with correction_table(stability, mjd=...) for these exposures"
        )
    exposure = np.empty(len(channel), int)
    for number in np.unique(channel):
        exposure[channel == number] = np.arange(n_exposures)
    used = channel <= n_channels
    factor, err = np.ones((n_exposures, n_channels)), np.zeros((n_exposures, n_channels))
    at = exposure[used], channel[used] - 1
    factor[at] = numbers(correction["factor"])[used]
    err[at] = numbers(correction["factor_err"])[used]
    return factor, err

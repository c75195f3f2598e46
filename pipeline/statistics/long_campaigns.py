"""Campaigns of more exposures than one fit can hold: which are fitted, and how the others are judged.

The stability model works on matrices (exposure, exposure): time grows with the third power of their
number, memory with the second. Above ``MOST_FITTED``, some seconds a fit, the model is fitted to
stretches of consecutive exposures spread evenly over the campaign, which hold lags from minutes to days
within a stretch and of months and years between them. The exposures in between are judged with what was
found, each by those around it.
"""

from dataclasses import replace

import numpy as np

from pipeline.statistics.additive import common_pattern, with_additive
from pipeline.statistics.fluxes import Fluxes
from pipeline.statistics.log_fluxes import TooFewFluxes, log_fluxes
from pipeline.statistics.outliers import bad_exposure_probability
from pipeline.statistics.smoother import Smoother
from pipeline.statistics.stability import Stability, mean_variances

MOST_FITTED = 300  # exposures of one fit
STRETCH = 15  # consecutive ones of them: some nights
_OF_AN_EXPOSURE = (
    *("flux", "flux_err", "nights", "mjd", "flux_flags", "exposure_flags"),
    *("flux_published", "exposure_ids", "modes"),
)


def is_long(fluxes: Fluxes, most: int = MOST_FITTED) -> bool:
    """Whether a campaign has more usable exposures than one fit holds."""
    return bool(np.count_nonzero(fluxes.usable.any(axis=1)) > most)


def fitted_exposures(fluxes: Fluxes, most: int = MOST_FITTED) -> np.ndarray:
    """Row numbers of the exposures that the stability model is fitted to, increasing.

    All of them up to ``most`` usable ones; else stretches of consecutive exposures, the first at the
    start of the campaign and the last at its end.
    """
    if not is_long(fluxes, most):
        return np.arange(len(fluxes.flux))
    usable = np.flatnonzero(fluxes.usable.any(axis=1))
    in_time = usable[np.lexsort((fluxes.exposure_ids[usable], fluxes.mjd[usable]))]
    starts = np.linspace(0, len(in_time) - STRETCH, most // STRETCH).round().astype(int)
    return np.unique(in_time[starts[:, np.newaxis] + np.arange(STRETCH)])


def of_exposures(fluxes: Fluxes, rows: np.ndarray) -> Fluxes:
    """The fluxes of some exposures, by their row numbers."""
    if len(rows) == len(fluxes.flux):
        return fluxes
    taken = {name: getattr(fluxes, name)[rows] for name in _OF_AN_EXPOSURE}
    if fluxes.channel_share.ndim == 3:
        taken["channel_share"] = fluxes.channel_share[rows]
    return replace(fluxes, **taken)


def bad_probability(fluxes: Fluxes, rows: np.ndarray, fit: Stability) -> np.ndarray:
    """(exposure,) probability that an exposure is bad; NaN: too few usable fluxes.

    Those of the fit keep what it says. The others are judged with its variances, in blocks of
    ``MOST_FITTED`` in time.

    Parameters
    ----------
    fluxes : Fluxes
        Of all exposures.
    rows : ndarray of int
        Those that the fit saw (``fitted_exposures``).
    fit : Stability
        From ``of_exposures(fluxes, rows)``.
    """
    found = np.full(len(fluxes.flux), np.nan)
    others = np.setdiff1d(np.arange(len(found)), rows)
    others = others[np.argsort(fluxes.mjd[others], kind="stable")]
    for start in range(0, len(others), MOST_FITTED):
        block = others[start : start + MOST_FITTED]
        found[block] = _judged(of_exposures(fluxes, block), fit)
    found[rows] = fit.bad_probability
    return found


def _judged(fluxes: Fluxes, fit: Stability) -> np.ndarray:
    """Probability (exposure,) that an exposure of a block is bad, with the variances of a fit."""
    found = np.full(len(fluxes.flux), np.nan)
    try:
        logs = log_fluxes(fluxes)
    except TooFewFluxes:
        return found
    known = dict(zip(fit.logs.star_ids.tolist(), fit.extra_variance.tolist(), strict=True))
    extra = np.array([known.get(star, 0.0) for star in logs.star_ids.tolist()])
    free = None
    if fit.additive is not None:
        free, logs = common_pattern(logs), with_additive(logs, fit.additive)
    smoother = Smoother(logs, mean_variances(fit.nodes), extra, free)
    dof = smoother.stars.vector.shape[1]
    found[logs.exposures] = bad_exposure_probability(smoother.exposure_chi2(), dof)
    return found

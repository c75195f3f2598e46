"""Which stars vary: each against the prediction from all others, false alarms over all stars."""

import numpy as np
from astropy.table import QTable

from pipeline.schema import make_table
from pipeline.statistics.fluxes import Fluxes
from pipeline.statistics.stability import Stability, fit_stability
from pipeline.statistics.trend_tests import holm

LEVEL = 0.05  # of campaigns in which a constant star may be called variable


def variability(
    fluxes: Fluxes, *, stability: Stability | None = None, method: str = "exact"
) -> QTable:
    """Scatter of each star beyond photons, jitter and its channel: the table ``variability``.

    The prediction of a star comes from all other stars (its channel's, if it has company there), so
    a star's variation does not hide itself. The chi squared has as many degrees of freedom as the
    star has time contrasts; probabilities are Holm's over all stars.

    Parameters
    ----------
    fluxes : Fluxes
    stability : Stability, optional
        Fit of the same fluxes; left out, it is made here.
    method : str
        How fluxes were extracted, for the table.

    Returns
    -------
    QTable
        A row for each star of ``fluxes``; NaN and no flag where a star is not part of the fit.

    Examples
    --------
    >>> table = variability(fluxes)  # doctest: +SKIP
    >>> table["star_id"][table["flag"] == "variable"]  # doctest: +SKIP
    """
    fitted = fit_stability(fluxes) if stability is None else stability
    n_stars, stars = len(fluxes.star_ids), fitted.logs.stars
    std, expected, p = (np.full(n_stars, np.nan) for _ in range(3))
    n = np.zeros(n_stars, int)
    found = fitted.stars
    std[stars], expected[stars], p[stars] = found.std, found.expected_std, found.p
    n[stars] = np.count_nonzero(~fitted.logs.gap, axis=0)
    probability = holm(p)
    with np.errstate(invalid="ignore"):
        flag = np.where(probability < LEVEL, "variable", "")
    return make_table(
        "variability",
        {
            "star_id": fluxes.star_ids,
            "band": [fluxes.band] * n_stars,
            "method": [method] * n_stars,
            "n": n,
            "std": std,
            "expected_std": expected,
            "probability": probability,
            "flag": flag,
        },
    )

"""Which stars vary: each against the prediction from all others, false alarms over all stars.

Constant stars differ in their noise by more than the model knows: slices, neighbours, the edges of a
channel. How much, the stars themselves tell: their variance ratios are taken for those of chi squared
whose scale scatters as an inverse chi squared of nu degrees of freedom, so that a star is tested with
F(n, nu) (moderated variances: Smyth 2004, Stat. Appl. Genet. Mol. Biol. 3, 3). Median and MAD of ln of
the ratios give scale and nu, so that the variable stars do not raise their own threshold.
"""

import numpy as np
import scipy
from astropy.table import QTable

from pipeline.schema import make_table
from pipeline.statistics.fluxes import Fluxes
from pipeline.statistics.stability import Stability, fit_stability
from pipeline.statistics.trend_tests import holm

LEVEL = 0.05  # of campaigns in which a constant star may be called variable
MIN_STARS = 20  # to estimate how much the noise of stars differs; with fewer it is taken as equal
MAD_TO_STD = 1.4826
MAX_NU = 1e6  # chi squared
# 1 sigma of ln F of one star in one exposure that aperture photometry itself makes, whatever the photons:
# what an aperture gains and loses where the FWHM varies by 3 % over the field (noise-free simulated cubes).
# Less is never called variation of a star: only the brightest stars are measured that well, and there are
# too few of them to learn it from.
APERTURE_SYSTEMATIC = 0.006


def variability(
    fluxes: Fluxes, *, stability: Stability | None = None, method: str = "exact"
) -> QTable:
    """Scatter of each star beyond photons, jitter and its channel: the table ``variability``.

    The prediction of a star comes from all other stars (its channel's, if it has company there), so
    a star's variation does not hide itself; ``APERTURE_SYSTEMATIC`` is part of the noise. Chi squared
    has as many degrees of freedom as the star has time contrasts (``moderated_p``); probabilities are
    Holm's over all stars.

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
    std[stars], expected[stars] = found.std, found.expected_std
    residual, variance = fitted.smoother.star_residuals()
    known = variance - fitted.smoother.extra_variance
    # where the systematic dominates, a ratio far below 1 is no measure of how wrong the model's noise is
    ensemble = np.median(known, axis=0) >= APERTURE_SYSTEMATIC**2
    ratio = (residual**2 / (known + APERTURE_SYSTEMATIC**2)).mean(axis=0)
    p[stars] = moderated_p(ratio, found.n, ensemble=ensemble)
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


def moderated_p(ratio: np.ndarray, n: int, *, ensemble: np.ndarray | None = None) -> np.ndarray:
    """Probability (star,) that a constant star has so large a reduced chi squared.

    Parameters
    ----------
    ratio : ndarray, shape (star,)
        Chi squared of each star over its degrees of freedom, against the model.
    n : int
        Degrees of freedom.
    ensemble : ndarray of bool, shape (star,), optional
        The stars from which scale and degrees of freedom are estimated: all by default. With fewer than
        ``MIN_STARS`` of them the noise of all stars is taken as equally well known.
    """
    nu, scale = MAX_NU, 1.0
    of_ensemble = ratio if ensemble is None else ratio[ensemble]
    if len(of_ensemble) >= MIN_STARS:
        logs = np.log(np.maximum(of_ensemble, 1e-300))
        middle = float(np.median(logs))
        spread = float((MAD_TO_STD * np.median(np.abs(logs - middle))) ** 2)
        nu = _degrees_of_freedom(spread - float(scipy.special.polygamma(1, n / 2)))
        # medians of ln chi squared / n and of its scale, to second order those of their means
        centre = (scipy.special.digamma(n / 2) - np.log(n / 2)) - (
            scipy.special.digamma(nu / 2) - np.log(nu / 2)
        )
        scale = max(1.0, float(np.exp(middle - centre)))
    return np.asarray(scipy.special.fdtrc(n, nu, ratio / scale))


def _degrees_of_freedom(excess: float) -> float:
    """nu for which the variance of ln of a chi squared over nu, trigamma(nu / 2), is the excess."""
    low, high = 1.0, MAX_NU
    if excess <= scipy.special.polygamma(1, high / 2):
        return MAX_NU
    for _ in range(100):
        middle = float(np.sqrt(low * high))
        low, high = (
            (middle, high) if scipy.special.polygamma(1, middle / 2) > excess else (low, middle)
        )
    return low

"""The stability floor: the scatter that remains however bright the two stars are.

Model of the scatter of a pair with geometric mean signal to noise ratio S:

    std^2 = floor^2 + (k / S)^2

k is sqrt(2) for two equal stars with photon noise alone; unequal pairs, varying conditions and a
reference SNR from one exposure raise it. The fit is robust (soft L1) in ln std, where the
sampling error of a standard deviation is the same for all pairs. Pairs share stars, so they are
not independent: the uncertainty is a bootstrap over stars, not over pairs.
"""

from dataclasses import dataclass

import numpy as np
import scipy
from astropy.table import QTable

from pipeline.statistics.columns import texts

N_BOOTSTRAP = 300
SEED = 3218
MIN_PAIRS = 5
MIN_STARS = 4
SOFT_SCALE = 0.2  # residual in ln std that counts as unusual: twice the sampling error at n = 65
_NEGLIGIBLE = 1e-4  # of the smallest std: a floor below this share is no floor


@dataclass(frozen=True)
class Floor:
    """Fit of scatter against SNR; NaN where there are too few pairs or stars."""

    floor: float  # scatter of a pair of very bright stars
    floor_err: float  # half the central 68 % of the bootstrap over stars
    k: float  # scatter = k / SNR for faint stars
    k_err: float
    n_pairs: int
    n_stars: int

    def std(self, snr: np.ndarray) -> np.ndarray:
        """The model's scatter at these geometric mean SNR."""
        return np.hypot(self.floor, self.k / np.asarray(snr, float))


def fit_floor(
    snr_gmean: np.ndarray,
    std: np.ndarray,
    star_1: np.ndarray,
    star_2: np.ndarray,
    *,
    n_bootstrap: int = N_BOOTSTRAP,
    seed: int = SEED,
) -> Floor:
    """The floor and the photon term of many pairs.

    Parameters
    ----------
    snr_gmean, std : ndarray, shape (pair,)
        Pairs whose values are not positive numbers are left out.
    star_1, star_2 : ndarray, shape (pair,)
        Star numbers: they say which pairs are drawn together in the bootstrap.
    """
    with np.errstate(invalid="ignore"):
        good = np.isfinite(snr_gmean) & np.isfinite(std) & (snr_gmean > 0) & (std > 0)
    x, y = np.log(snr_gmean[good]), np.log(std[good])
    stars, columns = np.unique(np.stack([star_1[good], star_2[good]]), return_inverse=True)
    first, second = columns.reshape(2, -1)
    if len(x) < MIN_PAIRS or len(stars) < MIN_STARS:
        return Floor(np.nan, np.nan, np.nan, np.nan, len(x), len(stars))
    floor, k = _fit(x, y)
    rng = np.random.default_rng(seed)
    draws = []
    for _ in range(n_bootstrap):
        times = np.bincount(rng.integers(len(stars), size=len(stars)), minlength=len(stars))
        copies = times[first] * times[second]  # a star drawn twice pairs twice with each other
        if np.count_nonzero(copies) >= MIN_PAIRS:
            draws.append(_fit(np.repeat(x, copies), np.repeat(y, copies)))
    if not draws:
        return Floor(floor, np.nan, k, np.nan, len(x), len(stars))
    low, high = np.percentile(np.array(draws), [15.87, 84.13], axis=0)
    floor_err, k_err = (high - low) / 2
    return Floor(floor, float(floor_err), k, float(k_err), len(x), len(stars))


def _fit(log_snr: np.ndarray, log_std: np.ndarray) -> tuple[float, float]:
    """floor and k by robust least squares in ln std; a negligible floor is 0."""
    lowest = log_std.min()

    def model(parameters: np.ndarray) -> np.ndarray:
        photon = parameters[1] - log_snr
        return np.asarray(np.logaddexp(2 * parameters[0], 2 * photon) / 2)

    def jacobian(parameters: np.ndarray) -> np.ndarray:
        share = np.exp(2 * (parameters[0] - model(parameters)))
        return np.column_stack([share, 1 - share])

    start = np.array([np.percentile(log_std, 10), np.median(log_std + log_snr)])
    bottom = lowest + np.log(_NEGLIGIBLE)
    found = scipy.optimize.least_squares(
        lambda parameters: model(parameters) - log_std,
        start,
        jacobian,
        bounds=([bottom, -np.inf], [log_std.max() + 1, np.inf]),
        loss="soft_l1",
        f_scale=SOFT_SCALE,
    )
    floor, k = np.exp(found.x)
    return (0.0 if found.x[0] < bottom + 1 else float(floor)), float(k)


@dataclass(frozen=True)
class Unflagged:
    """Pairs without a flagged star, and how many stars were left out."""

    pairs: QTable
    n_stars_flagged: int


def flagged_stars(catalogue: QTable) -> tuple[int, ...]:
    """Numbers of the stars that carry a flag: edge, blended, near the standard, variable."""
    flagged = texts(catalogue["flags"]) != ""
    return tuple(int(star) for star in np.asarray(catalogue["star_id"])[flagged])


def unflagged_pairs(pairs: QTable, catalogue: QTable) -> Unflagged:
    """The pairs whose two stars carry no flag (edge, blended, near the standard, variable)."""
    flagged = flagged_stars(catalogue)
    bad = np.isin(pairs["star_1"], flagged) | np.isin(pairs["star_2"], flagged)
    return Unflagged(pairs[~bad], len(flagged))

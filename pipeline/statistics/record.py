"""The record of 2019 with the estimators of this package: nights, stars, modes, and a floor of all pairs.

Five stars in four chained pairs fix the ratios of all ten pairs. What is said here is of ln F, without
the exposure that missed the stars.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import scipy

from pipeline.statistics.floor import Floor, fit_floor

MIN_KNOWN = 20  # pairs known by name: fewer, and no star is left out


@dataclass(frozen=True)
class Nights:
    """One-way analysis of variance of a series over nights."""

    n: int
    n_nights: int
    std: float  # of all points
    within: float  # standard deviation within a night
    between: float  # of the nights' own values; 0 where nights explain nothing
    f: float  # mean square between over mean square within
    p: float  # of an F this large without a term per night


def nights_of(value: np.ndarray, nights: np.ndarray) -> Nights:
    """Variance between nights against variance within them.

    Parameters
    ----------
    value : ndarray, shape (exposure,)
        Finite.
    nights : ndarray, shape (exposure,)

    Raises
    ------
    ValueError
        If no night holds two exposures, or all exposures are of one night.
    """
    _, night, n = np.unique(nights, return_inverse=True, return_counts=True)
    n_all, n_nights = len(value), len(n)
    if not 1 < n_nights < n_all:
        raise ValueError(f"{n_all} exposures in {n_nights} nights: nothing to compare")
    mean = np.bincount(night, value) / n
    dof_between, dof_within = n_nights - 1, n_all - n_nights
    within = float(((value - mean[night]) ** 2).sum()) / dof_within
    between = float((n * (mean - value.mean()) ** 2).sum()) / dof_between
    typical = (n_all - (n**2).sum() / n_all) / dof_between  # exposures a night that count
    f = between / within
    return Nights(
        n=n_all,
        n_nights=n_nights,
        std=float(value.std(ddof=1)),
        within=float(np.sqrt(within)),
        between=float(np.sqrt(max(between - within, 0.0) / typical)),
        f=f,
        p=float(scipy.special.fdtrc(dof_between, dof_within, f)),
    )


@dataclass(frozen=True)
class Independence:
    """Are the ratios those of stars that vary each by itself?"""

    std: np.ndarray  # (star,) of ln F, if they were
    std_err: np.ndarray  # (star,) 1 sigma
    likelihood_ratio: float  # 2 ln of any covariance against independent stars
    dof: int
    p: float
    mode: np.ndarray  # (star,) pattern of the largest variance, unit length, mean 0
    mode_share: float  # of the variance of all ratios


def independence(log_flux: np.ndarray) -> Independence:
    """Per-star standard deviations by maximum likelihood on ratios, and the test against any covariance.

    Parameters
    ----------
    log_flux : ndarray, shape (exposure, star)
        ln F up to a term per exposure, finite; at least four stars, more exposures than stars.
    """
    n, n_stars = log_flux.shape
    centred = log_flux - log_flux.mean(axis=1, keepdims=True)
    sample = np.cov(centred, rowvar=False)
    contrasts = np.linalg.svd(np.ones((1, n_stars)))[2][1:].T  # (star, contrast)
    observed = contrasts.T @ sample @ contrasts
    _, log_det = np.linalg.slogdet(observed)

    def minus_two_log_likelihood(log_variance: np.ndarray) -> float:
        model = contrasts.T @ (np.exp(log_variance)[:, np.newaxis] * contrasts)
        _, log_det_model = np.linalg.slogdet(model)
        trace = float(np.trace(np.linalg.solve(model, observed)))
        return float((n - 1) * (log_det_model + trace))

    start = np.log(np.full(n_stars, np.trace(sample) / n_stars))
    found = scipy.optimize.minimize(minus_two_log_likelihood, start, method="BFGS")
    ratio = float(found.fun) - (n - 1) * (log_det + n_stars - 1)
    dof = n_stars * (n_stars - 1) // 2 - n_stars
    std = np.exp(found.x / 2)
    model = contrasts.T @ (np.exp(found.x)[:, np.newaxis] * contrasts)
    overlap = contrasts @ np.linalg.solve(model, contrasts.T)
    information = (n - 1) / 2 * (overlap * np.outer(std, std)) ** 2  # of ln variances
    value, vector = np.linalg.eigh(sample)
    mode = vector[:, -1] * np.sign(vector[np.argmax(np.abs(vector[:, -1])), -1])
    return Independence(
        std=std,
        std_err=std / 2 * np.sqrt(np.diag(np.linalg.inv(information))),
        likelihood_ratio=ratio,
        dof=dof,
        p=float(scipy.special.chdtrc(dof, max(ratio, 0.0))),
        mode=mode,
        mode_share=float(value[-1] / value.sum()),
    )


def lag_one_correlation(value: np.ndarray, nights: np.ndarray) -> float:
    """Correlation of the means of successive nights: 0 for what changes anew every night."""
    _, night, n = np.unique(nights, return_inverse=True, return_counts=True)
    mean = np.bincount(night, value) / n
    mean = mean - mean.mean()
    return float((mean[1:] * mean[:-1]).sum() / (mean**2).sum())


@dataclass(frozen=True)
class LeftOut:
    """Pairs of a star that did not enter the fit, predicted from all others."""

    star_1: np.ndarray  # (prediction,)
    star_2: np.ndarray
    star_left_out: np.ndarray
    residual: np.ndarray  # ln of measured over predicted standard deviation
    half_width: np.ndarray  # of the 95 % interval of ln of the standard deviation

    @property
    def rms(self) -> float:
        """Root mean square of the residuals."""
        return float(np.sqrt((self.residual**2).mean()))

    @property
    def covered(self) -> float:
        """Share within the 95 % interval."""
        return float((np.abs(self.residual) <= self.half_width).mean())


def snr_of_ratio(snr_1: np.ndarray, snr_2: np.ndarray) -> np.ndarray:
    """Signal to noise of a ratio, (1 / SNR1^2 + 1 / SNR2^2)^(-1/2): that of the fainter star, nearly."""
    return np.asarray(1 / np.hypot(1 / np.asarray(snr_1), 1 / np.asarray(snr_2)))


def leave_one_star_out(
    snr: np.ndarray, std: np.ndarray, star_1: np.ndarray, star_2: np.ndarray
) -> LeftOut:
    """Every pair predicted twice: without the one and without the other of its stars.

    The 95 % interval is 1.96 times the scatter of the pairs that were fitted, in ln: stars differ by
    more than the sampling error of a standard deviation.

    Parameters
    ----------
    snr, std, star_1, star_2 : ndarray, shape (pair,)
        SNR of the ratio, scatter, and star numbers of pairs known by name.

    Raises
    ------
    ValueError
        If fewer than 20 pairs are known.
    """
    if len(std) < MIN_KNOWN:
        raise ValueError(f"{len(std)} pairs are known by name; {MIN_KNOWN} are needed")
    rows = []
    for star in np.unique(np.concatenate([star_1, star_2])).tolist():
        out = (star_1 == star) | (star_2 == star)
        kept = ~out
        fit = fit_floor(snr[kept], std[kept], star_1[kept], star_2[kept], n_bootstrap=0)
        scatter = np.log(std[kept] / fit.std(snr[kept])).std(ddof=2)
        residual = np.log(std[out] / fit.std(snr[out]))
        for row, value in zip(np.flatnonzero(out).tolist(), residual.tolist(), strict=True):
            rows.append((star_1[row], star_2[row], star, value, 1.96 * scatter))
    columns = np.array(rows).T
    first, second, left_out = (column.astype(int) for column in columns[:3])
    return LeftOut(first, second, left_out, columns[3], columns[4])


def ten_pairs(stars: np.ndarray) -> list[tuple[int, int]]:
    """All pairs of stars, the lower number first: ten of five."""
    return list(combinations(sorted(int(star) for star in stars), 2))


def floors(
    snr_gmean: np.ndarray,
    snr_ratio: np.ndarray,
    std: np.ndarray,
    star_1: np.ndarray,
    star_2: np.ndarray,
) -> dict[str, Floor]:
    """The floor of all points against both kinds of SNR: the choice decides the answer."""
    return {
        "geometric mean": fit_floor(snr_gmean, std, star_1, star_2),
        "ratio": fit_floor(snr_ratio, std, star_1, star_2),
    }

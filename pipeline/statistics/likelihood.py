"""Likelihood of the stability model on contrasts: free star and exposure terms are gone from it.

ln F = star + exposure + share . channel(t) + noise, so with H (exposure, time contrast) and
B (star, star contrast) orthonormal and orthogonal to the free terms, H' lnF B has the covariance

    K_H (x) G_B + 1 (x) N_B,   K = A [(1 - rho) slow(tau) + rho night] + w^2 1,   N = photons + j^2

(restricted maximum likelihood: Patterson & Thompson 1971, Biometrika 58, 545). Eigenvectors of K_H
and of G_B against N_B turn it into independent numbers of variance 1 + lambda gamma, which makes one
evaluation as cheap as a sum over them. ``dense_log_likelihood`` in the tests is the slow definition.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy

from pipeline.statistics.kernels import same_night, slow_correlation
from pipeline.statistics.log_fluxes import LogFluxes

NULL_MODE = 1e-9  # of the largest gamma: a contrast of stars that no channel enters
MERGE = (
    0.1  # of ln eigenvalue: modes this close share one (an error of second order, 1e-4 a datum),
)
MERGE_DATA = 2000  # up to so many data; less for more, so that ln L stays as exact
SMALL = 1e-3  # of the mean time eigenvalue: below, differences do not matter
CACHE_LIMIT = 160  # exposures: larger eigenvector matrices are not kept
CACHED_NODES = 512


@dataclass(frozen=True)
class TimeDesign:
    """Exposures as the model sees them; hashable, so that eigenvectors are kept between fits."""

    mjd: tuple[float, ...]
    nights: tuple[str, ...]
    modes: tuple[str, ...]
    coherence: bytes = b""  # (exposure, exposure) float64, empty: shares are constant
    lines: bool = False  # each star has a free line in time besides its constants
    merge: float = MERGE


@dataclass(frozen=True)
class TimeModes:
    """Eigenvectors of the slow and night kernel on time contrasts, by falling eigenvalue."""

    vector: np.ndarray  # (exposure, mode)
    value: np.ndarray  # (mode,)
    groups: "Groups"


@dataclass(frozen=True)
class StarModes:
    """Star contrasts for one jitter: columns of ``vector`` (star, mode) have noise 1."""

    vector: np.ndarray
    gamma: np.ndarray  # (mode,) variance per unit of channel variance, falling
    groups: "Groups"  # of the first n_signal modes
    n_signal: int  # modes that a channel enters
    log_det: float  # of the noise on the contrasts


@dataclass(frozen=True)
class Groups:
    """Runs of falling eigenvalues that are nearly equal: each counts as one of some size."""

    starts: np.ndarray
    value: np.ndarray
    size: np.ndarray


def group_equal(values: np.ndarray, offset: float = 0.0, merge: float = MERGE) -> Groups:
    """Groups of falling values whose ln(value + offset) span at most ``merge``."""
    logs = np.log(values + offset)
    starts, last = [], np.inf
    for k, log in enumerate(logs.tolist()):
        if last - log > merge:
            starts.append(k)
            last = log
    size = np.diff([*starts, len(values)])
    mean = np.add.reduceat(logs, starts) / size
    return Groups(np.array(starts), np.maximum(np.exp(mean) - offset, 0.0), size)


def time_design(logs: LogFluxes, *, lines: bool = False) -> TimeDesign:
    """The exposures of log fluxes; ``lines``: with a free line in time for each star."""
    coherence = b"" if logs.coherence.shape == (1, 1) else logs.coherence.tobytes()
    return TimeDesign(
        tuple(logs.mjd.tolist()),
        tuple(logs.nights.tolist()),
        tuple(logs.modes.tolist()),
        coherence,
        lines,
        merge_width(logs),
    )


def merge_width(logs: LogFluxes) -> float:
    """Width in ln of eigenvalues that are taken together."""
    return MERGE * min(1.0, float(np.sqrt(MERGE_DATA / logs.value.size)))


@lru_cache(maxsize=4)
def time_contrasts(design: TimeDesign) -> np.ndarray:
    """H (exposure, contrast): orthonormal, orthogonal to a constant per mode, to a line if asked."""
    _, mode = np.unique(design.modes, return_inverse=True)
    indicator = (mode[:, np.newaxis] == np.arange(mode.max() + 1)).astype(float)
    if design.lines:
        mjd = np.asarray(design.mjd)
        indicator = np.column_stack([indicator, (mjd - mjd.mean()) / max(float(np.ptp(mjd)), 1.0)])
    contrasts: np.ndarray = scipy.linalg.null_space(indicator.T)
    return contrasts


def time_modes(design: TimeDesign, tau_days: float, rho: float) -> TimeModes:
    """Eigenvectors of H' [(1 - rho) slow + rho night] H, in the space of exposures."""
    if len(design.mjd) <= CACHE_LIMIT:
        return _cached_time_modes(design, tau_days, rho)
    return _time_modes(design, tau_days, rho)


def _time_modes(design: TimeDesign, tau_days: float, rho: float) -> TimeModes:
    contrasts = time_contrasts(design)
    kernel = time_kernel(design, tau_days, rho)
    value, vector = np.linalg.eigh(contrasts.T @ kernel @ contrasts)
    value = np.maximum(value[::-1], 0.0)
    groups = group_equal(value, SMALL * float(value.mean()), design.merge)
    return TimeModes(contrasts @ vector[:, ::-1], value, groups)


_cached_time_modes = lru_cache(maxsize=CACHED_NODES)(_time_modes)


def time_kernel(design: TimeDesign, tau_days: float, rho: float) -> np.ndarray:
    """(exposure, exposure) (1 - rho) slow + rho night, times the coherence of shares."""
    mjd = np.asarray(design.mjd)
    kernel = rho * same_night(np.asarray(design.nights))
    if rho < 1:
        kernel = kernel + (1 - rho) * slow_correlation(mjd[:, np.newaxis] - mjd, tau_days)
    if design.coherence:
        kernel = kernel * np.frombuffer(design.coherence).reshape(kernel.shape)
    return np.asarray(kernel)


def star_contrasts(n_stars: int, free: np.ndarray | None = None) -> np.ndarray:
    """B (star, contrast): orthonormal, orthogonal to 1 and to the columns of ``free``."""
    columns = np.ones((n_stars, 1))
    if free is not None:
        columns = np.column_stack([columns, free])
    contrasts: np.ndarray = scipy.linalg.null_space(columns.T)
    return contrasts


def star_modes(
    contrasts: np.ndarray, gram: np.ndarray, variance: np.ndarray, merge: float = MERGE
) -> StarModes:
    """Modes of star contrasts: B' gram B against B' diag(variance) B.

    Parameters
    ----------
    contrasts : ndarray, shape (star, contrast)
    gram : ndarray, shape (star, star)
        Covariance of stars per unit of channel variance: share @ share.T.
    variance : ndarray, shape (star,)
        Photon noise and jitter of one exposure.
    """
    noise = contrasts.T @ (variance[:, np.newaxis] * contrasts)
    gamma, vector = scipy.linalg.eigh(contrasts.T @ gram @ contrasts, noise)
    gamma, vector = gamma[::-1], contrasts @ vector[:, ::-1]
    n_signal = int(np.count_nonzero(gamma > NULL_MODE * max(gamma[0], 0.0)))
    _, log_det = np.linalg.slogdet(noise)
    return StarModes(
        vector, gamma, group_equal(gamma[:n_signal], merge=merge), n_signal, float(log_det)
    )


@dataclass(frozen=True)
class Projected:
    """Squares of the data on (time group, star group), and what no kernel enters."""

    squares: np.ndarray  # (time group, star group), summed over the modes of both
    constant: float  # of -2 ln L: noise determinant and null modes


def project(rotated: np.ndarray, time: Groups, stars: StarModes) -> Projected:
    """Squares of rotated data.

    Parameters
    ----------
    rotated : ndarray, shape (time mode, star)
        TimeModes.vector' lnF.
    time : Groups
        Of the time modes.
    stars : StarModes
    """
    squares = (rotated @ stars.vector) ** 2
    null = float(squares[:, stars.n_signal :].sum())
    grouped = np.add.reduceat(squares[:, : stars.n_signal], stars.groups.starts, axis=1)
    grouped = np.add.reduceat(grouped, time.starts, axis=0)
    return Projected(grouped, len(rotated) * stars.log_det + null)


def log_likelihood(
    data: Projected, time: Groups, stars: Groups, correlated: np.ndarray, white: np.ndarray
) -> np.ndarray:
    """ln L up to a constant, for many amplitudes at once.

    Parameters
    ----------
    data : Projected
    time, stars : Groups
        Of the time modes and of the star modes.
    correlated, white : ndarray, shape (node,)
        Variances A (slow and night together) and w^2 (per exposure) of one channel.

    Returns
    -------
    ndarray, shape (node,)
    """
    lam = correlated[:, np.newaxis] * time.value + white[:, np.newaxis]
    variance = lam[:, :, np.newaxis] * stars.value
    variance += 1.0
    log_variance = (np.log(variance) @ stars.size) @ time.size
    inverse = np.divide(1.0, variance, out=variance).reshape(len(lam), -1)
    total: np.ndarray = -0.5 * (data.constant + log_variance + inverse @ data.squares.ravel())
    return total

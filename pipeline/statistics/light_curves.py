"""The light curve of a star against its comparison stars, with errors that include the instrument's.

y(e) = ln F(e) - sum_j w_j [ln F_j(e) - m_j], j over the comparison stars, m_j their means. Weights are
inverse variances in which the stars of one channel share that channel's variance. The covariance of y
follows from the stability model: with a(e, c) the share of the target's light on channel c less that
of the weighted comparison stars,

    cov(e, e') = [slow exp(-|dt| / tau) + night (same night) + exposure (e = e')] sum_c a(e, c) a(e', c)
                 + (e = e') [photons + jitter of the target and, weighted, of the comparison stars].

Each instrument mode has an offset of its own: points are about the mean of their mode, and so are their
errors. The variances come from the comparison stars alone: what varies
in the target is not taken for the instrument.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.statistics.comparison_stars import relative_errors
from pipeline.statistics.fluxes import Fluxes
from pipeline.statistics.nodes import Nodes

N_NODES = 48  # of the posterior that stand for all: evenly spaced in its cumulative weight
N_ROUNDS = 50  # of the means of stars that are not seen in every exposure
CONVERGED = 1e-10


@dataclass(frozen=True)
class LightCurve:
    """Variation of one star; arrays have shape (exposure,) over the exposures with a usable flux."""

    exposures: np.ndarray  # row numbers in Fluxes
    value: np.ndarray  # ln F about its mean in the mode, against the comparison stars
    err: np.ndarray  # 1 sigma of ``value``: photons and instrument
    photon_err: np.ndarray  # the part of photons, of target and comparison stars
    comparison: np.ndarray  # (star,) columns in Fluxes
    n_comparison: np.ndarray  # comparison stars with a usable flux
    posterior: "tuple[PrincipalAxes, ...]"  # one for each set of variances

    @property
    def dof(self) -> int:
        """Degrees of freedom: exposures less offsets of modes."""
        return len(self.posterior[0].variance)


@dataclass(frozen=True)
class CurvePoints:
    """The points of a light curve alone; arrays as those of ``LightCurve``."""

    exposures: np.ndarray
    value: np.ndarray
    err: np.ndarray
    photon_err: np.ndarray
    n_comparison: np.ndarray


@dataclass(frozen=True)
class PrincipalAxes:
    """The light curve in the principal axes of its covariance, for one set of variances."""

    variance: np.ndarray  # (contrast,) of ln F without any variation
    score: np.ndarray  # (contrast,) the light curve along each axis
    axes: np.ndarray  # (exposure, contrast) orthonormal, free of offsets

    def chi2(self, std: float = 0.0) -> float:
        """Of the light curve against no variation but independent errors of that size beside its own."""
        return float((self.score**2 / (self.variance + std**2)).sum())


def light_curve(
    fluxes: Fluxes, target: int, comparison: np.ndarray, share: np.ndarray, nodes: Nodes | None
) -> LightCurve | None:
    """The light curve of a star.

    Parameters
    ----------
    fluxes : Fluxes
        Exposures with a flag are left out.
    target : int
        Column of the star.
    comparison : ndarray of int
        Columns of its comparison stars (``comparison_stars``).
    share : ndarray, shape (exposure, star, channel)
        Share of each star's light on each channel.
    nodes : Nodes, optional
        Posterior of the variances; left out, errors are those of photons alone.

    Returns
    -------
    LightCurve or None
        None without a comparison star or with fewer than two exposures beyond the offsets of modes.
    """
    ratio = _against(fluxes, target, comparison, share, _channel_parts(nodes))
    if ratio is None:
        return None
    mjd, nights = fluxes.mjd[ratio.rows], fluxes.nights[ratio.rows]
    coupling = ratio.apart @ ratio.apart.T
    posterior = tuple(
        _principal(
            ratio.value,
            ratio.design,
            _covariance(part, coupling, ratio.photons, ratio.jitter, mjd, nights),
        )
        for part in ratio.parts
    )
    value, err = _points(posterior)
    return LightCurve(
        ratio.rows,
        value,
        err,
        np.sqrt(ratio.photons),
        comparison,
        ratio.seen.sum(axis=1),
        posterior,
    )


def light_curve_points(
    fluxes: Fluxes, target: int, comparison: np.ndarray, share: np.ndarray, nodes: Nodes | None
) -> CurvePoints | None:
    """The points of the light curve of a star in a campaign of any length.

    Parameters and what is None as for ``light_curve``. Time and memory grow with the number of exposures,
    not with a power of it: an error is that of the point, without what the mean of its mode takes from it,
    which is little where there are many.
    """
    ratio = _against(fluxes, target, comparison, share, _channel_parts(nodes))
    if ratio is None:
        return None
    coupling = (ratio.apart**2).sum(axis=1)
    variance = np.mean(
        [
            (part.slow + part.night + part.exposure) * coupling
            + ratio.photons
            + part.jitter * ratio.jitter
            for part in ratio.parts
        ],
        axis=0,
    )
    mean = ratio.design.T @ ratio.value / ratio.design.sum(axis=0)
    return CurvePoints(
        ratio.rows,
        ratio.value - ratio.design @ mean,
        np.sqrt(variance),
        np.sqrt(ratio.photons),
        ratio.seen.sum(axis=1),
    )


@dataclass(frozen=True)
class _Ratio:
    """ln F of a star against its comparison stars, and what its errors are made of."""

    rows: np.ndarray  # (exposure,) row numbers in Fluxes
    value: np.ndarray  # (exposure,)
    design: np.ndarray  # (exposure, mode) 1 for the mode of each
    seen: np.ndarray  # (exposure, comparison star) with a usable flux
    photons: np.ndarray  # (exposure,) variance
    jitter: np.ndarray  # (exposure,) in variances of the jitter of one star
    apart: np.ndarray  # (exposure, channel) share of light, less that of the comparison stars
    parts: "tuple[_Parts, ...]"


def _against(
    fluxes: Fluxes,
    target: int,
    comparison: np.ndarray,
    share: np.ndarray,
    parts: "tuple[_Parts, ...]",
) -> _Ratio | None:
    relative = relative_errors(fluxes)
    seen = np.isfinite(relative[:, comparison]) if len(comparison) else np.zeros((0, 0), bool)
    if not seen.size:
        return None
    rows = _repeated(np.flatnonzero(np.isfinite(relative[:, target]) & seen.any(axis=1)), fluxes)
    design, seen = _offsets(fluxes.modes[rows]), seen[rows]
    if len(rows) < design.shape[1] + 2:
        return None
    photon = np.where(seen, relative[np.ix_(rows, comparison)], 0.0) ** 2
    own = relative[rows, target] ** 2
    weight = _weights(photon, seen, parts, share[:, comparison].mean(axis=0), share.shape[2])
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = np.where(seen, np.log(fluxes.flux[np.ix_(rows, comparison)]), 0.0)
    y = np.log(fluxes.flux[rows, target]) - _ensemble(logs, seen, weight)
    photons = own + (weight**2 * photon).sum(axis=1)
    apart = share[rows, target] - np.einsum("ej,ejc->ec", weight, share[np.ix_(rows, comparison)])
    jitter = 1 + (weight**2).sum(axis=1)
    return _Ratio(rows, y, design, seen, photons, jitter, apart, parts)


@dataclass(frozen=True)
class _Parts:
    """Variances of a channel and of a star (ln), tau in days."""

    slow: float
    night: float
    exposure: float
    jitter: float
    tau_days: float


def _channel_parts(nodes: Nodes | None) -> tuple[_Parts, ...]:
    """Parameter sets that stand for the posterior; one without any floor if there is none."""
    if nodes is None:
        return (_Parts(0.0, 0.0, 0.0, 0.0, 1.0),)
    order = np.argsort(nodes.floor, kind="stable")
    cumulative = np.cumsum(nodes.weight[order])
    at = np.searchsorted(cumulative, (np.arange(N_NODES) + 0.5) / N_NODES * cumulative[-1])
    chosen = order[np.minimum(at, len(order) - 1)]
    return tuple(
        _Parts(
            *(
                float(getattr(nodes, name)[k])
                for name in ("slow", "night", "exposure", "jitter", "tau_days")
            )
        )
        for k in chosen.tolist()
    )


def _repeated(rows: np.ndarray, fluxes: Fluxes) -> np.ndarray:
    """The exposures whose mode has another one: one alone tells nothing but the offset of its mode."""
    _, which, count = np.unique(fluxes.modes[rows], return_inverse=True, return_counts=True)
    return np.asarray(rows[count[which] > 1])


def _offsets(modes: np.ndarray) -> np.ndarray:
    """(exposure, mode) 1 for the mode of each exposure."""
    kinds, which = np.unique(modes, return_inverse=True)
    return np.asarray(np.eye(len(kinds))[which])


def _weights(
    photon: np.ndarray,
    seen: np.ndarray,
    parts: tuple[_Parts, ...],
    share: np.ndarray,
    n_channels: int,
) -> np.ndarray:
    """(exposure, comparison star) weights that sum to 1 over the stars seen in each exposure."""
    count = np.maximum(seen.sum(axis=0), 1)
    typical = photon.sum(axis=0) / count
    jitter = np.mean([part.jitter for part in parts])
    channel = np.mean([part.slow + part.night + part.exposure for part in parts])
    lone = ~share.any(axis=1)
    where = np.where(lone, n_channels + np.arange(len(share)), share.argmax(axis=1))
    company = (where[:, np.newaxis] == where).sum(axis=1)
    variance = typical + jitter + channel * company
    weight = np.where(seen, 1.0 / np.maximum(variance, 1e-12), 0.0)
    return np.asarray(weight / weight.sum(axis=1, keepdims=True))


def _ensemble(logs: np.ndarray, seen: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(exposure,) weighted mean of the comparison stars, each about its own mean.

    The means are those of ln F less the ensemble, in turns: a star that is missing in an exposure does
    not shift the level of the others.
    """
    count = np.maximum(seen.sum(axis=0), 1)
    mean = logs.sum(axis=0) / count
    for _ in range(N_ROUNDS):
        ensemble = (weight * (logs - mean)).sum(axis=1)
        new = np.where(seen, logs - ensemble[:, np.newaxis], 0.0).sum(axis=0) / count
        step = float(np.abs(new - mean).max())
        mean = new
        if step < CONVERGED or seen.all():
            break
    return np.asarray((weight * (logs - mean)).sum(axis=1))


def _covariance(
    part: _Parts,
    coupling: np.ndarray,
    photons: np.ndarray,
    jitter: np.ndarray,
    mjd: np.ndarray,
    nights: np.ndarray,
) -> np.ndarray:
    """Covariance (exposure, exposure) of the light curve of a constant star."""
    lag = np.abs(mjd[:, np.newaxis] - mjd)
    channel = part.slow * np.exp(-lag / part.tau_days)
    channel += part.night * (nights[:, np.newaxis] == nights)
    channel += part.exposure * np.eye(len(mjd))
    return np.asarray(channel * coupling + np.diag(photons + part.jitter * jitter))


def _principal(y: np.ndarray, design: np.ndarray, covariance: np.ndarray) -> PrincipalAxes:
    """The light curve in the principal axes of its covariance, without offsets of modes."""
    basis, _ = np.linalg.qr(design, mode="complete")
    free = basis[:, design.shape[1] :]
    variance, vector = np.linalg.eigh(free.T @ covariance @ free)
    axes = free @ vector
    return PrincipalAxes(np.maximum(variance, 1e-20), axes.T @ y, axes)


def _points(posterior: tuple[PrincipalAxes, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Values about the plain mean of each mode, and their errors from the mean covariance."""
    value = posterior[0].axes @ posterior[0].score
    variance = np.mean([(one.axes**2) @ one.variance for one in posterior], axis=0)
    return np.asarray(value), np.asarray(np.sqrt(variance))

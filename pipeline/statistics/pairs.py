"""Statistics of the flux ratio of every pair of stars, and the ratio's course in time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from astropy.table import QTable

from pipeline.schema import make_table
from pipeline.statistics.excess import excess_scatter
from pipeline.statistics.fluxes import OUTLIER, Fluxes
from pipeline.statistics.log_fluxes import TooFewFluxes
from pipeline.statistics.scatter import std_published, std_robust, std_sample
from pipeline.statistics.stability import Stability, fit_stability
from pipeline.statistics.trend_tests import Trends, holm, pair_trends
from pipeline.statistics.trends import nightly_means, slopes, spearman

Pair = tuple[int, int]


@dataclass(frozen=True)
class Deviations:
    """(F1/F2) / <F1/F2> - 1 of pairs; arrays have shape (exposure, pair).

    <F1/F2> is the mean over the exposures that count whose two fluxes carry no flag.
    """

    pairs: tuple[Pair, ...]
    value: np.ndarray  # NaN: a flux is missing, or nothing to normalise by
    err: np.ndarray  # 1 sigma from flux_err: photon and detector noise
    used: np.ndarray  # bool: enters the mean and every statistic
    ratio_mean: np.ndarray  # (pair,)


def all_pairs(star_ids: Iterable[int], oriented: Iterable[Pair] = ()) -> tuple[Pair, ...]:
    """Each pair of stars once, (low, high) unless ``oriented`` names it the other way round."""
    named = {frozenset(pair): (int(pair[0]), int(pair[1])) for pair in oriented}
    plain = combinations(sorted(int(star) for star in star_ids), 2)
    return tuple(named.get(frozenset(pair), pair) for pair in plain)


def deviations(fluxes: Fluxes, pairs: Sequence[Pair] | None = None) -> Deviations:
    """Deviations of the flux ratios of pairs from their means; all pairs if none are named."""
    chosen = all_pairs(fluxes.star_ids) if pairs is None else tuple(pairs)
    i, j = (fluxes.columns(pair[side] for pair in chosen) for side in (0, 1))
    usable = fluxes.usable
    used = usable[:, i] & usable[:, j]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = fluxes.flux[:, i] / fluxes.flux[:, j]
        used &= np.isfinite(ratio)
        n = np.count_nonzero(used, axis=0)
        ratio_mean = np.where(used, ratio, 0.0).sum(axis=0) / n
        relative = fluxes.flux_err / fluxes.flux
        value = ratio / ratio_mean - 1
        err = np.abs(ratio / ratio_mean) * np.hypot(relative[:, i], relative[:, j])
    finite = np.isfinite(value)
    return Deviations(
        chosen, np.where(finite, value, np.nan), np.where(finite, err, np.nan), used, ratio_mean
    )


def pair_statistics(
    fluxes: Fluxes, pairs: Sequence[Pair] | None = None, *, stability: Stability | None = None
) -> QTable:
    """Scatter and trend of the flux ratio of each pair: the published table ``pairs``.

    Only usable fluxes enter (``Fluxes.usable``), except into ``std_published``, the
    convention of the publication: all exposures of status ok, with NaN summed as zero
    (``Fluxes.flux_published``). Spearman correlations use
    the time of the exposure, or of the night where that is missing; the nightly ones plain means.
    Slopes and ``trend_p`` are of ln(F1/F2), by generalised least squares with the covariance of the
    stability model (slow, night, exposure, photons, jitter), which is the null hypothesis of
    ``trend_p``; ``trend_p_adjusted`` is family-wise over the returned rows (Holm). Whatever has too
    few points is NaN; so is the trend of a star that is not part of the fit.

    Parameters
    ----------
    fluxes : Fluxes
    pairs : sequence of (star_1, star_2), optional
        Star numbers; left out, every pair once.
    stability : Stability, optional
        Fit of the same fluxes; left out, it is made here.

    Examples
    --------
    >>> flux = np.array([[1.0, 1.0], [2.0, 1.0], [3.0, 1.0]])
    >>> fluxes = Fluxes.from_arrays(flux, 0.01 * flux, mjd=[58500.2, 58501.2, 58502.2])
    >>> (row,) = pair_statistics(fluxes)  # ratios 1, 2, 3: mean 2, deviations -0.5, 0, 0.5
    >>> float(row["ratio_mean"]), float(row["std"])
    (2.0, 0.5)
    """
    measured = np.isfinite(fluxes.flux_published).any(axis=1) | fluxes.usable.any(axis=1)
    fluxes = fluxes.select(measured)  # a row without a flux may have no time either
    found = deviations(fluxes, pairs)
    i, j = (fluxes.columns(pair[side] for pair in found.pairs) for side in (0, 1))
    value = np.where(found.used, found.value, np.nan)
    err = np.where(found.used, found.err, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = fluxes.flux_published[:, i] / fluxes.flux_published[:, j]
        published = std_published(
            np.where(np.isin(fluxes.exposure_flags, ("", OUTLIER))[:, np.newaxis], ratio, np.nan)
        )
        n_err = np.count_nonzero(np.isfinite(err), axis=0)
        photon_std = np.sqrt(np.nansum(err**2, axis=0) / n_err)
    excess = excess_scatter(value, err)
    trend = spearman(fluxes.mjd, value)
    nights, means = nightly_means(fluxes.nights, value)
    nightly = spearman(np.arange(len(nights), dtype=float), means)
    trends = _trends(fluxes, stability, i, j) or _own_lines(fluxes.mjd, value, err)
    channel = fluxes.channel
    return make_table(
        "pairs",
        {
            "star_1": fluxes.star_ids[i],
            "star_2": fluxes.star_ids[j],
            "band": [fluxes.band] * len(i),
            "radius_px": np.full(len(i), fluxes.radius_px),
            "n": np.count_nonzero(found.used, axis=0),
            "ratio_mean": found.ratio_mean,
            "std_published": published,
            "std": std_sample(value),
            "std_robust": std_robust(value),
            "photon_std": photon_std,
            "excess_std": excess.std,
            "excess_std_err": excess.err,
            "spearman_rho": trend.rho,
            "spearman_p": trend.p,
            "spearman_p_nights": nightly.p,
            "slope_per_year": trends.per_year,
            "slope_err": trends.err,
            "trend_p": trends.p,
            "trend_p_adjusted": holm(trends.p),
            "snr_ratio": 1 / np.hypot(1 / fluxes.snr[i], 1 / fluxes.snr[j]),
            "snr_gmean": np.sqrt(fluxes.snr[i] * fluxes.snr[j]),
            "separation_px": np.hypot(*(fluxes.xy[i] - fluxes.xy[j]).T),
            "same_channel": (channel[i] == channel[j]) & (channel[i] > 0),
        },
    )


def _own_lines(mjd: np.ndarray, value: np.ndarray, err: np.ndarray) -> Trends:
    """Lines of deviations with each pair's own scatter, too few for the model: no p-value."""
    line = slopes(mjd, value, err)
    return Trends(line.per_year, line.err, np.full(len(line.err), np.nan))


def _trends(
    fluxes: Fluxes, stability: Stability | None, i: np.ndarray, j: np.ndarray
) -> Trends | None:
    """Lines of pairs of columns, NaN where a star is not part of the fit; None: no fit possible."""
    nothing = Trends(*(np.full(len(i), np.nan) for _ in range(3)))
    if stability is None:
        try:
            stability = fit_stability(fluxes)
        except TooFewFluxes:
            return None
    column = np.full(len(fluxes.star_ids), -1)
    column[stability.logs.stars] = np.arange(len(stability.logs.stars))
    known = np.flatnonzero((column[i] >= 0) & (column[j] >= 0))
    found = pair_trends(stability, column[i[known]], column[j[known]])
    nothing.per_year[known], nothing.err[known] = found.per_year, found.err
    nothing.p[known] = found.p
    return nothing


def timelines(fluxes: Fluxes, pairs: Sequence[Pair] | None = None) -> QTable:
    """Deviation of the flux ratio of each pair in each exposure: the published table.

    Rows are sorted as pairs are given, then as exposures are. A point that does not enter the
    mean keeps its deviation where it has one, and says in ``flag`` why.
    """
    found = deviations(fluxes, pairs)
    n_exposures, n_pairs = found.value.shape
    i, j = (fluxes.columns(pair[side] for pair in found.pairs) for side in (0, 1))
    flag = [
        _flag(fluxes, exposure, first, second) if not found.used[exposure, pair] else ""
        for pair, (first, second) in enumerate(zip(i, j, strict=True))
        for exposure in range(n_exposures)
    ]
    return make_table(
        "timelines",
        {
            "exposure_id": np.tile(fluxes.exposure_ids, n_pairs),
            "night": np.tile(fluxes.nights, n_pairs),
            "mode": np.tile(fluxes.modes, n_pairs),
            "star_1": np.repeat(fluxes.star_ids[i], n_exposures),
            "star_2": np.repeat(fluxes.star_ids[j], n_exposures),
            "deviation": found.value.T.ravel(),
            "deviation_err": found.err.T.ravel(),
            "flag": flag,
        },
        band=fluxes.band,
        radius=fluxes.radius_px,
    )


def _flag(fluxes: Fluxes, exposure: int, first: int, second: int) -> str:
    """Why a point is not used: the exposure's status, then each star's flags."""
    reasons = []
    if fluxes.exposure_flags[exposure]:
        reasons.append(f"exposure {fluxes.exposure_flags[exposure]}")
    for column in (first, second):
        flags = str(fluxes.flux_flags[exposure, column])
        if not flags and not np.isfinite(fluxes.flux[exposure, column]):
            flags = "no flux"
        if flags:
            reasons.append(f"star {fluxes.star_ids[column]}: {flags}")
    return "; ".join(reasons) or "ratio not finite"

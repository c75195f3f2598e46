"""Scatter and trend of timelines in parts of a campaign: one mode, one season, no outliers.

Uncertainties are a bootstrap over nights: exposures of one night share calibrations and sky. The
error quoted is half of the central 68 % of the draws. A statistic that one exposure decides shows
it by a large error: drawn twice, an outlier is not dropped with the extremes any more.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from astropy.table import QTable

from pipeline.schema import make_table
from pipeline.schema.definitions import OUTLIER_SIGMA
from pipeline.schema.results import Interval
from pipeline.statistics.columns import numbers, texts
from pipeline.statistics.fluxes import mjd_of_nights
from pipeline.statistics.scatter import median, std_published, std_robust, std_sample
from pipeline.statistics.trends import nightly_means, spearman

MIN_POINTS = 5  # of a pair: with fewer, nobody can tell the outlier from the rest
SEASON_GAP_DAYS = 20.0  # a longer pause begins a new season; the longest within one is 14 days
N_BOOTSTRAP = 500
SEED = 3218
ALL, WITHOUT_OUTLIERS = "all", "without outliers"  # names of subsets
_PERCENTILES = (2.5, 15.87, 84.13, 97.5)
_SCATTERS = {"std_published": std_published, "std": std_sample, "std_robust": std_robust}


@dataclass(frozen=True)
class Series:
    """Deviations of pairs on a common set of exposures; arrays (exposure, pair)."""

    pairs: tuple[tuple[int, int], ...]
    exposure_ids: np.ndarray  # (exposure,)
    nights: np.ndarray  # (exposure,)
    modes: np.ndarray  # (exposure,)
    mjd: np.ndarray  # (exposure,) midnight where the time is not known
    deviation: np.ndarray  # NaN: missing
    deviation_err: np.ndarray  # photon noise, NaN: unknown
    reading_err: np.ndarray  # 1 sigma from reading a figure, 0 for measured data


def series_of(
    timelines: QTable, exposures: QTable | None = None, reading_err: np.ndarray | None = None
) -> Series:
    """Timelines as arrays, exposures in the order of their first appearance.

    Points flagged because their *exposure* is not in use, or their flux is missing or flagged,
    should be dropped before; the record's implied values are kept on purpose.

    Parameters
    ----------
    timelines : QTable
        As in ``pipeline.schema``, one row per exposure and pair.
    exposures : QTable, optional
        Gives ``mjd_mid``; without it, or where it is NaN, the night's midnight counts.
    reading_err : ndarray, shape (row of timelines,), optional
    """
    ids = timelines["exposure_id"].tolist()
    pair_rows = list(zip(timelines["star_1"].tolist(), timelines["star_2"].tolist(), strict=True))
    pairs = tuple(dict.fromkeys(pair_rows))
    names = list(dict.fromkeys(ids))
    row_of = {name: row for row, name in enumerate(names)}
    column_of = {pair: column for column, pair in enumerate(pairs)}
    i = np.array([row_of[name] for name in ids], dtype=int)
    j = np.array([column_of[pair] for pair in pair_rows], dtype=int)
    arrays = []
    for values, fill in (
        (timelines["deviation"], np.nan),
        (timelines["deviation_err"], np.nan),
        (np.zeros(len(ids)) if reading_err is None else reading_err, 0.0),
    ):
        array = np.full((len(names), len(pairs)), fill)
        array[i, j] = numbers(values)
        arrays.append(array)
    nights, modes = np.empty(len(names), dtype=object), np.empty(len(names), dtype=object)
    nights[i], modes[i] = timelines["night"].tolist(), timelines["mode"].tolist()
    mjd = mjd_of_nights(nights.astype(str))
    if exposures is not None:
        times = numbers(exposures["mjd_mid"])
        known = dict(zip(exposures["exposure_id"].tolist(), times.tolist(), strict=True))
        given = np.array([known.get(name, np.nan) for name in names])
        mjd = np.where(np.isfinite(given), given, mjd)
    return Series(pairs, np.array(names), nights.astype(str), modes.astype(str), mjd, *arrays)


def outliers(deviation: np.ndarray) -> np.ndarray:
    """(exposure,) bool: farther than ``OUTLIER_SIGMA`` from the median of any of the pairs."""
    enough = np.count_nonzero(~np.isnan(deviation), axis=0) >= MIN_POINTS
    with np.errstate(invalid="ignore", divide="ignore"):
        distance = np.abs(deviation - median(deviation)) / std_robust(deviation)
        far: np.ndarray = (enough & (distance > OUTLIER_SIGMA)).any(axis=1)
    return far


def seasons(nights: np.ndarray) -> dict[str, np.ndarray]:
    """Masks of the exposures between pauses longer than ``SEASON_GAP_DAYS``, by their dates."""
    names = np.unique(nights)
    if len(names) == 0:
        return {}
    breaks = np.flatnonzero(np.diff(mjd_of_nights(names)) > SEASON_GAP_DAYS) + 1
    return {
        f"{part[0]} to {part[-1]}": (nights >= part[0]) & (nights <= part[-1])
        for part in np.split(names, breaks)
    }


def subsets_of(series: Series) -> Mapping[str, np.ndarray]:
    """Masks by name: all; without outliers; and without outliers each mode and each season."""
    n = len(series.nights)
    good = ~outliers(series.deviation)
    masks = {ALL: np.ones(n, bool), WITHOUT_OUTLIERS: good}
    for mode in sorted(set(series.modes.tolist())):
        masks[f"mode {mode}"] = good & (series.modes == mode)
    for name, mask in seasons(series.nights).items():
        masks[f"season {name}"] = good & mask
    return masks


@dataclass(frozen=True)
class SubsetStatistics:
    """The table ``reanalysis``, and the bounds of the central 68 and 95 % of its scatters."""

    table: QTable
    bounds: Mapping[tuple[str, str, tuple[int, int]], np.ndarray]  # (subset, column, pair): (4,)

    def interval(self, subset: str, column: str, pair: tuple[int, int]) -> Interval:
        """How well a scatter is known: percentiles of the bootstrap over nights."""
        low95, low68, high68, high95 = self.bounds[subset, column, pair].tolist()
        return Interval((high68 - low68) / 2, low68, high68, low95, high95)

    def value(self, subset: str, column: str, pair: tuple[int, int]) -> float:
        """A number of the table."""
        chosen = (
            (texts(self.table["subset"]) == subset)
            & (np.asarray(self.table["star_1"]) == pair[0])
            & (np.asarray(self.table["star_2"]) == pair[1])
        )
        return float(numbers(self.table[column])[chosen][0])


def subset_statistics(
    series: Series, *, n_bootstrap: int = N_BOOTSTRAP, seed: int = SEED
) -> SubsetStatistics:
    """Scatter and trend of each pair in each subset, with uncertainties.

    Deviations are renormalised to the mean of the subset; ``mean_shift`` is what that removes.
    """
    blocks: list[dict[str, np.ndarray]] = []
    bounds: dict[tuple[str, str, tuple[int, int]], np.ndarray] = {}
    for name, mask in subsets_of(series).items():
        ratio = _renormalised(series.deviation[mask])
        spread = {
            column: _bootstrap(ratio, series.nights[mask], function, n_bootstrap, seed)
            for column, function in _SCATTERS.items()
        }
        blocks.append(_subset_rows(series, name, mask, spread))
        bounds |= {
            (name, column, pair): spread[column][:, number]
            for column in spread
            for number, pair in enumerate(series.pairs)
        }
    columns = {key: np.concatenate([block[key] for block in blocks]) for key in blocks[0]}
    order = np.argsort(np.tile(np.arange(len(series.pairs)), len(blocks)), kind="stable")
    table = make_table("reanalysis", {key: values[order] for key, values in columns.items()})
    return SubsetStatistics(table, bounds)


def _shift(value: np.ndarray) -> np.ndarray:
    """Mean of the deviations, per pair."""
    n = np.count_nonzero(~np.isnan(value), axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: np.ndarray = np.nansum(value, axis=0) / n
    return mean


def _renormalised(value: np.ndarray) -> np.ndarray:
    """Ratios relative to their own mean, from deviations."""
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio: np.ndarray = (1 + value) / (1 + _shift(value))
    return ratio


def _subset_rows(
    series: Series, name: str, mask: np.ndarray, spread: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Columns of ``reanalysis`` for one subset, one entry per pair."""
    value = series.deviation[mask]
    n = np.count_nonzero(~np.isnan(value), axis=0)
    shift, ratio = _shift(value), _renormalised(value)
    with np.errstate(invalid="ignore", divide="ignore"):
        reading = series.reading_err[mask] / (1 + shift)
    nights, mjd = series.nights[mask], series.mjd[mask]
    trend = spearman(mjd, ratio)
    night_names, means = nightly_means(nights, ratio)
    nightly = spearman(np.arange(len(night_names), dtype=float), means)
    err = {column: (bounds[2] - bounds[1]) / 2 for column, bounds in spread.items()}
    return {
        "star_1": np.array([pair[0] for pair in series.pairs]),
        "star_2": np.array([pair[1] for pair in series.pairs]),
        "subset": np.full(len(series.pairs), name),
        "n": n,
        "n_nights": np.count_nonzero(~np.isnan(means), axis=0),
        "mean_shift": shift,
        "std_published": std_published(ratio),
        "std_published_err": err["std_published"],
        "std": std_sample(ratio),
        "std_err": err["std"],
        "std_robust": std_robust(ratio),
        "std_robust_err": err["std_robust"],
        "reading_err": _reading_error(ratio, reading),
        "spearman_rho": trend.rho,
        "spearman_p": trend.p,
        "spearman_rho_nights": nightly.rho,
        "spearman_p_nights": nightly.p,
    }


def _reading_error(ratio: np.ndarray, err: np.ndarray) -> np.ndarray:
    """1 sigma of ``std_published`` from independent errors of the values, to first order.

    d std / d x_i = (x_i - mean) / (n std) over the points that are not dropped.
    """
    order = np.argsort(ratio, axis=0)
    ordered, errors = np.take_along_axis(ratio, order, 0), np.take_along_axis(err, order, 0)
    n = np.count_nonzero(~np.isnan(ratio), axis=0)
    rank = np.arange(len(ratio))[:, np.newaxis]
    kept = (rank >= 1) & (rank < n - 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(kept, ordered, 0.0).sum(axis=0) / (n - 2)
        slope = np.where(kept, ordered - mean, 0.0) / ((n - 2) * std_published(ratio))
    result: np.ndarray = np.sqrt((np.where(kept, slope * errors, 0.0) ** 2).sum(axis=0))
    return result


def _bootstrap(
    ratio: np.ndarray,
    nights: np.ndarray,
    statistic: Callable[[np.ndarray], np.ndarray],
    n_bootstrap: int,
    seed: int,
) -> np.ndarray:
    """Percentiles of a statistic over draws of whole nights, shape (4, series)."""
    names = np.unique(nights)
    if len(names) < 2:
        return np.full((len(_PERCENTILES), ratio.shape[1]), np.nan)
    members = [np.flatnonzero(nights == name) for name in names]
    rng = np.random.default_rng(seed)
    draws = [
        np.concatenate([members[k] for k in rng.integers(len(names), size=len(names))])
        for _ in range(n_bootstrap)
    ]
    rows = np.full((max(map(len, draws)), n_bootstrap), -1)
    for column, draw in enumerate(draws):
        rows[: len(draw), column] = draw
    padded = np.vstack([ratio, np.full((1, ratio.shape[1]), np.nan)])  # row -1: nothing drawn
    bounds = np.full((len(_PERCENTILES), ratio.shape[1]), np.nan)
    for column, series in enumerate(padded.T):
        values = statistic(series[rows])
        finite = values[np.isfinite(values)]
        if len(finite):
            bounds[:, column] = np.percentile(finite, _PERCENTILES)
    return bounds

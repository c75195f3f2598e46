"""Checks of a digitised record against itself: what one of its figures says of another."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from astropy.table import QTable

from pipeline.statistics.columns import numbers, texts
from pipeline.statistics.scatter import std_published
from pipeline.statistics.subsets import Series


@dataclass(frozen=True)
class DerivedScatter:
    """Scatter of pairs that the timelines imply, beside the points of the scatter figure."""

    pairs: tuple[tuple[int, int], ...]  # low star first, as in the figure
    derived: np.ndarray  # (pair,) std_published of the product of timelines
    read: np.ndarray  # (pair,) the point of the figure, the nearest if several are candidates


def log_fluxes(series: Series) -> dict[int, np.ndarray]:
    """ln flux of each star, (exposure,), about its mean ratio to the first star of the series.

    The ratios of a chain of pairs (6/4, 4/22, 22/2, 2/15) tie all of its stars together. Stars
    that no pair links to the first one are left out.
    """
    first = series.pairs[0][0]
    known = {first: np.zeros(len(series.nights))}
    with np.errstate(invalid="ignore"):
        log_ratio = np.log1p(series.deviation)
    for _ in series.pairs:  # each round ties at least one more star, if any is left
        for column, (one, two) in enumerate(series.pairs):
            if two in known and one not in known:
                known[one] = known[two] + log_ratio[:, column]
            elif one in known and two not in known:
                known[two] = known[one] - log_ratio[:, column]
    return known


def derived_scatter(series: Series, scatter: QTable) -> DerivedScatter:
    """``std_published`` of every pair of the chain's stars, derived and as read.

    Two figures of the study, made by two scripts and read independently, must agree.
    """
    log_flux = log_fluxes(series)
    pairs, derived, read = [], [], []
    for pair in combinations(sorted(log_flux), 2):
        value = std_published(np.exp(log_flux[pair[0]] - log_flux[pair[1]])[:, np.newaxis])[0]
        label = f"{pair[0]}-{pair[1]}"
        points = [
            float(row["std"]) for row in scatter if label in str(row["candidates"]).split(";")
        ]
        if points:
            pairs.append(pair)
            derived.append(value)
            read.append(points[int(np.argmin(np.abs(np.array(points) - value)))])
    return DerivedScatter(tuple(pairs), np.array(derived), np.array(read))


def fluxes_in(
    series: Series, exposure: int, reference: int, levels: Mapping[int, float], unit_star: int
) -> dict[int, float]:
    """Fluxes in one exposure, relative to one star, from their levels in the reference exposure.

    An exposure whose apertures missed the stars shows the same flux for all of them.

    Parameters
    ----------
    exposure, reference : int
        Rows of the series.
    levels : mapping of star to flux level in the reference exposure
    """
    log_flux = log_fluxes(series)
    change = {
        star: float(values[exposure] - values[reference]) for star, values in log_flux.items()
    }
    return {
        star: levels[star] / levels[unit_star] * float(np.exp(change[star] - change[unit_star]))
        for star in levels
        if star in change
    }


def name_candidates(scatter: QTable, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A possible assignment of the scatter figure's points to pairs: star_1, star_2.

    k points of one column are k pairs in unknown order; a random order of them is as good as any.
    """
    one, two = np.array(scatter["star_1"], int), np.array(scatter["star_2"], int)
    candidates = texts(scatter["candidates"])
    rng = np.random.default_rng(seed)
    for column in np.unique(candidates):
        here = candidates == column
        named = set(zip(one[here].tolist(), two[here].tolist(), strict=True))
        pairs = [tuple(int(star) for star in label.split("-")) for label in column.split(";")]
        free = np.array([pair for pair in pairs if pair not in named])
        rows = np.flatnonzero(here & (one == 0))
        if len(rows) and len(rows) == len(free):
            one[rows], two[rows] = rng.permutation(free).T
    return one, two


@dataclass(frozen=True)
class Affine:
    """Least-squares affine between two lists of positions: x' = a x + b y + c, y' = d x + e y + f."""

    matrix: np.ndarray  # (2, 3): a b c, d e f
    rms_px: float  # root mean square distance
    shift_px: float  # length of the mean shift


def affine_between(reference_xy: np.ndarray, other_xy: np.ndarray) -> Affine:
    """The affine from one list of positions (star, 2) to another in the same order."""
    design = np.column_stack([reference_xy, np.ones(len(reference_xy))])
    solution, *_ = np.linalg.lstsq(design, other_xy, rcond=None)
    residual = design @ solution - other_xy
    shift = np.mean(other_xy - reference_xy, axis=0)
    return Affine(
        solution.T,
        float(np.sqrt(np.mean((residual**2).sum(axis=1)))),
        float(np.hypot(shift[0], shift[1])),
    )


def points_of(coordtrafo: QTable, kind: str) -> np.ndarray:
    """Positions (star, 2) of one kind of marker [pix], in the order of the star numbers."""
    chosen = (texts(coordtrafo["kind"]) == kind) & (np.asarray(coordtrafo["star_id"]) > 0)
    order = np.argsort(np.asarray(coordtrafo["star_id"])[chosen])
    xy = [numbers(coordtrafo[axis]) for axis in ("x", "y")]
    return np.column_stack([values[chosen][order] for values in xy])

"""Detections that stay where they are on the detector while the sky moves: hot pixels and ghosts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import binom

from kdmatch._match import Match, NoMatch, match
from kdmatch._positions import Array, checked, near_any

APART = 3  # two pointings differ where the sky moved by more than so many tolerances
REFERENCES = 3  # exposures that are tried as the one to compare with
DISPLACED = 8  # directions in which lists are displaced to count what chance brings together


@dataclass(frozen=True, eq=False)
class FixedPositions:
    """What stays fixed on the detector over several exposures."""

    xy: Array  # (position, 2) on the detector, mean of its detections [pixel]
    n_exposures: npt.NDArray[np.int64]  # (position,) in which it was detected
    n_pointings: npt.NDArray[np.int64]  # (position,) different places of the sky among them
    moved_px: Array  # (exposure,) largest motion of the sky from the reference; NaN: not matched
    expected_false: float  # number of the positions that are stars met by chance, at most


def fixed_positions(
    exposures_xy: Sequence[npt.ArrayLike],
    *,
    tolerance_px: float = 1.0,
    max_false_share: float = 0.05,
    scale_range: tuple[float, float] = (0.9, 1.1),
    max_shear: float = 0.1,
) -> FixedPositions:
    """The positions at which detections stay fixed on the detector while the sky moves.

    The motion of the sky between exposures is that of `match`; where the best map stands still, the
    stars among the rest are matched again, so that more hot pixels than stars do not hide it. A
    position counts once for each pointing at which something is detected there: exposures between
    which the sky has not moved, there, by three tolerances are one pointing. How many pointings are
    needed follows from how often chance puts a star of another pointing there, counted with the
    lists displaced by a few tolerances.

    Parameters
    ----------
    exposures_xy : sequence of array_like, each of shape (detection, 2)
        Positions on the detector [pixel], one list an exposure, in the same detector frame.
    tolerance_px : float
        Greatest distance of detections of one position [pixel].
    max_false_share : float
        Accepted share of the positions that are stars met by chance.
    scale_range, max_shear
        Limits of the map between exposures, as for `match`.

    Returns
    -------
    FixedPositions
        Without positions if the sky did not move or too few exposures match. Its ``xy`` is what
        ``match(..., fixed=)`` takes.

    Raises
    ------
    ValueError
        A list is not of positions, or an argument is out of its limits.

    Examples
    --------
    >>> bad = kdmatch.fixed_positions(detections)  # doctest: +SKIP
    >>> kdmatch.match(detections[0], detections[1], fixed=bad.xy)  # doctest: +SKIP
    """
    lists = [checked(f"exposures_xy[{i}]", xy) for i, xy in enumerate(exposures_xy)]
    if not 0 < max_false_share < 1:
        raise ValueError(f"max_false_share must be in (0, 1), not {max_false_share!r}")
    maps = _sky_maps(lists, tolerance_px=tolerance_px, scale_range=scale_range, max_shear=max_shear)
    moved = np.array([_motion(found, xy) for found, xy in zip(maps, lists, strict=True)])
    used = [i for i, found in enumerate(maps) if found is not None]
    groups, weights = _groups([lists[i] for i in used], tolerance_px)
    pointings = np.array(
        [_pointings(place, [maps[used[i]] for i in who], tolerance_px) for place, who in groups],
        dtype=np.int64,
    )
    needed, expected = _needed(lists, maps, pointings, weights, tolerance_px, max_false_share)
    chosen = np.flatnonzero(pointings >= needed)
    return FixedPositions(
        xy=np.array([groups[i][0] for i in chosen]).reshape(-1, 2),
        n_exposures=np.array([len(groups[i][1]) for i in chosen], dtype=np.int64),
        n_pointings=pointings[chosen],
        moved_px=moved,
        expected_false=expected if len(chosen) else 0.0,
    )


_STILL = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def _sky_maps(
    lists: list[Array],
    *,
    tolerance_px: float,
    scale_range: tuple[float, float],
    max_shear: float,
) -> list[Array | None]:
    """The map of the sky from a reference exposure to each; None where there is none.

    The reference is the first of the longest lists with which half of the others match."""
    best: list[Array | None] = [None] * len(lists)
    order = sorted(range(len(lists)), key=lambda i: (-len(lists[i]), i))
    for reference in order[:REFERENCES]:
        maps: list[Array | None] = [
            _STILL if i == reference
            else _sky_map(lists[reference], xy, tolerance_px, scale_range, max_shear)
            for i, xy in enumerate(lists)
        ]  # fmt: skip
        if _count(maps) > _count(best):
            best = maps
        if 2 * (_count(best) - 1) >= len(lists) - 1:
            break
    return best


def _count(maps: list[Array | None]) -> int:
    return sum(found is not None for found in maps)


def _sky_map(
    reference: Array,
    target: Array,
    tolerance_px: float,
    scale_range: tuple[float, float],
    max_shear: float,
) -> Array | None:
    def attempt(first: Array, second: Array) -> Match | None:
        try:
            return match(
                first,
                second,
                tolerance_px=tolerance_px,
                scale_range=scale_range,
                max_shear=max_shear,
            )
        except NoMatch:
            return None

    found = attempt(reference, target)
    if found is None or _motion(found.affine, reference[found.pairs[:, 0]]) > 2 * tolerance_px:
        return None if found is None else found.affine
    # The map stands still: the sky, or more fixed positions than stars?
    rest = attempt(
        np.delete(reference, found.pairs[:, 0], axis=0),
        np.delete(target, found.pairs[:, 1], axis=0),
    )
    return (found if rest is None else rest).affine


def _motion(affine: Array | None, xy: Array) -> float:
    """Greatest distance by which a map moves positions [pixel]; NaN without a map."""
    if affine is None or not len(xy):
        return np.nan
    return float(np.hypot(*(xy @ affine[:, :2].T + affine[:, 2] - xy).T).max())


def _groups(lists: list[Array], radius: float) -> tuple[list[tuple[Array, list[int]]], Array]:
    """Mean place and exposures of detections near each other, those of the most exposures first; and
    the weight of each detection, which sums to one over those of a place."""
    if not lists:
        return [], np.empty(0)
    xy = np.concatenate(lists)
    exposure = np.repeat(np.arange(len(lists)), [len(one) for one in lists])
    near = [np.flatnonzero(np.hypot(*(xy - at).T) <= radius) for at in xy]
    seen_in = np.array([len(np.unique(exposure[rows])) for rows in near], dtype=int)
    free = np.ones(len(xy), dtype=bool)
    groups = []
    for centre in np.argsort(-seen_in, kind="stable"):
        rows = near[centre][free[near[centre]]]
        if free[centre] and len(rows) > 1:
            groups.append((xy[rows].mean(axis=0), np.unique(exposure[rows]).tolist()))
            free[rows] = False
    return groups, 1 / seen_in


def _pointings(place: Array, maps: Sequence[Array | None], tolerance_px: float) -> int:
    """Number of different places of the sky that maps bring to one place of the detector."""
    distinct: list[Array] = []
    for affine in maps:
        assert affine is not None
        sky = np.asarray(np.linalg.solve(affine[:, :2], place - affine[:, 2]), dtype=np.float64)
        if all(np.hypot(*(sky - other)) > APART * tolerance_px for other in distinct):
            distinct.append(sky)
    return len(distinct)


def _needed(
    lists: list[Array],
    maps: list[Array | None],
    pointings: npt.NDArray[np.int64],
    weights: Array,
    tolerance_px: float,
    max_false_share: float,
) -> tuple[int, float]:
    """Pointings that tell a fixed position from stars met by chance, and how many remain expected."""
    used = [xy for xy, found in zip(lists, maps, strict=True) if found is not None]
    if not len(pointings) or len(used) < 2:
        return 2, 0.0
    centre = np.concatenate(used).mean(axis=0)
    most = _pointings(centre, [found for found in maps if found is not None], tolerance_px)
    chance = _coincidence(used, tolerance_px)
    for needed in range(2, max(most, pointings.max()) + 1):
        expected = float(weights @ binom.sf(needed - 2, max(most, needed) - 1, chance))
        if expected <= max_false_share * np.count_nonzero(pointings >= needed):
            return needed, expected
    return int(pointings.max()) + 1, 0.0


def _coincidence(lists: list[Array], tolerance_px: float) -> Array:
    """For each detection the chance of a detection of another exposure within the tolerance.

    Counted at places a few tolerances away, so that it is that of the crowd it stands in."""
    turn = 2 * np.pi * np.arange(DISPLACED) / DISPLACED
    away = (APART + 2) * tolerance_px * np.column_stack([np.cos(turn), np.sin(turn)])
    chance = []
    for i, xy in enumerate(lists):
        others = [other for j, other in enumerate(lists) if j != i]
        hits = sum(
            near_any(xy + shift, other, tolerance_px).astype(float)
            for shift in away
            for other in others
        )
        chance.append(hits / (len(others) * DISPLACED))
    local = np.concatenate(chance)
    floor: Array = np.maximum(local, local.mean())  # where no star is near, the mean of all
    return floor

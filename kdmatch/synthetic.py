"""Pairs of star catalogues with known truth, for tests, benchmarks and trials of one's own."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

MUSE_FIELD_PX = (319.0, 313.0)  # spaxels of a wide-field cube


@dataclass(frozen=True, eq=False)
class Pair:
    """Two catalogues and how they came about."""

    reference: Array  # (star, 2) [px]
    target: Array  # (star, 2) [px], in random order
    affine: Array  # (2, 3) true map
    pairs: npt.NDArray[np.int64]  # (pair, 2) true rows (reference, target), sorted by reference

    def field_error_px(self, affine: Array) -> float:
        """Greatest distance between a map and the truth inside the hull of the reference stars.

        The distance is a convex function of position, so its maximum lies on a star [px].
        """
        basis = np.column_stack([self.reference, np.ones(len(self.reference))])
        return float(np.hypot(*(basis @ (affine - self.affine).T).T).max())

    def oracle(self) -> Array:
        """Least-squares affine on the true pairs, (2, 3): no matcher without a prior does better."""
        known = self.reference[self.pairs[:, 0]]
        basis = np.column_stack([known, np.ones(len(known))])
        found = np.linalg.lstsq(basis, self.target[self.pairs[:, 1]], rcond=None)[0]
        return np.asarray(found.T, dtype=np.float64)


def affine_of(
    *,
    rotation_deg: float = 0.0,
    scale: float = 1.0,
    shear: float = 0.0,
    shear_angle_deg: float = 0.0,
    reflect: bool = False,
    offset_px: tuple[float, float] = (0.0, 0.0),
) -> Array:
    """(2, 3) map: a shear by ``shear`` along ``shear_angle_deg``, then scale, rotation, offset."""

    def turn(degrees: float) -> Array:
        angle = np.deg2rad(degrees)
        return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])

    along = turn(shear_angle_deg)
    linear = turn(rotation_deg) @ along @ np.array([[1.0, shear], [0.0, 1.0]]) @ along.T
    if reflect:
        linear = linear @ np.diag([1.0, -1.0])
    # sqrt(abs(det)) is the scale: shear, rotation and reflection have determinant +-1
    return np.column_stack([scale * linear, offset_px])


def simulate_pair(
    n: int,
    affine: Array,
    *,
    missing: float = 0.0,
    spurious: float = 0.0,
    noise_px: float = 0.1,
    field_px: tuple[float, float] = MUSE_FIELD_PX,
    seed: int | tuple[int, ...] = 0,
) -> Pair:
    """A pair of catalogues of uniformly random stars.

    Parameters
    ----------
    n : int
        Stars of the reference, uniform in ``field_px``.
    affine : array, shape (2, 3)
        True map from reference to target.
    missing : float
        Share of the n stars that the target lacks.
    spurious : float
        Detections of the target without counterpart, as a share of n, uniform in the mapped field.
    noise_px : float
        1-sigma error of each target coordinate.
    seed : int or tuple of int
        Of the random numbers.
    """
    rng = np.random.default_rng(seed)
    reference = rng.uniform(0, 1, (n, 2)) * field_px
    kept = np.sort(rng.permutation(n)[round(missing * n) :])
    extra = rng.uniform(0, 1, (round(spurious * n), 2)) * field_px
    linear, offset = affine[:, :2], affine[:, 2]
    found = reference[kept] @ linear.T + offset + rng.normal(0, noise_px, (len(kept), 2))
    everything = np.concatenate([found, extra @ linear.T + offset])
    order = rng.permutation(len(everything))
    place = np.argsort(order)  # where each row went
    pairs = np.column_stack([kept, place[: len(kept)]]).astype(np.int64)
    return Pair(reference, everything[order], np.array(affine, dtype=float), pairs)

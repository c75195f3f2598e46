"""Match two catalogues of positions: what callers see."""

import ctypes
from dataclasses import dataclass, field
from functools import cached_property
from math import comb

import numpy as np
import numpy.typing as npt

from kdmatch import _binding
from kdmatch._positions import Array, checked, near_any

_REASONS = {
    1: "a catalogue has fewer than 4 distinct stars",
    2: "the stars of a catalogue lie on a line",
    3: "the best agreement may be chance",
    4: "two different transformations explain the catalogues about equally well",
    5: "the budget of work was used up before a transformation convinced",
    6: "the pairs leave the transformation uncertain over the field of a catalogue",
    7: "the best transformation is outside of the limits on scale, shear or reflection",
    8: "the residuals show a distorted field: no affine transformation holds over it",
}


_NOTHING_TRIED = {1, 2}
DEFAULT_WORK = 60_000_000  # units of 5 to 20 ns: a search ends within two seconds of CPU time


@dataclass(frozen=True, eq=False)
class Match:
    """The affine map from reference to target with the pairs that support it."""

    affine: Array  # (2, 3): target = affine[:, :2] @ reference + affine[:, 2]
    pairs: npt.NDArray[np.int64]  # (pair, 2): rows of reference and target, sorted by reference
    rms_px: float  # root of the mean squared distance of the pairs
    tolerance_px: float  # with which the pairs were chosen: wider than asked if they are noisy
    # (6, 6) of a, b, c, d, e, f with x_t = a x + b y + c, y_t = d x + e y + f, from the scatter of
    # the pairs about the fit (n - 3 degrees of freedom, no less than rounding makes): for a field that
    # is affine; scaled to cover the departure where its odds exceed 100
    covariance: Array
    log10_distortion_odds: float  # evidence that the true map is not affine, over that it is
    departure_px: float  # greatest expected error of the map at a reference star in both fields
    error_centre: Array = field(repr=False)  # (2,): see `position_sigma_px`
    error_scale: float = field(repr=False)
    matched_xy: Array = field(repr=False)  # (pair, 2) positions of the matched reference stars
    error_form: Array = field(repr=False)  # (2, term, term): squared error in x, y [pixel^2]
    false_alarm_probability: float  # bound for unrelated catalogues; 0.0 below the least double
    log10_false_alarm: float  # the same, never underflows
    n_reference: int  # distinct stars
    n_target: int
    n_reference_quads: int  # quadrilaterals in the tree
    n_target_quads: int
    n_candidates: int = field(repr=False)  # pairs of quadrilaterals with equal invariants
    n_plausible: int = field(repr=False)  # of those, inside the limits on scale, shear, reflection
    n_verified: int = field(repr=False)  # of those, compared with the whole catalogues
    work: int = field(repr=False)  # done, in the units of ``max_work``

    def transform(self, xy: npt.ArrayLike) -> Array:
        """Positions in the target, shape (star, 2), of reference positions (star, 2) [pixel]."""
        moved: Array = np.asarray(xy, dtype=float) @ self.affine[:, :2].T + self.affine[:, 2]
        return moved

    def position_sigma_px(self, xy: npt.ArrayLike) -> Array:
        """1-sigma error of `transform`, shape (star, 2), at reference positions (star, 2) [pixel].

        The root of the expected squared distance, in each axis, of the true map, which need not be
        affine. It holds the noise of the pairs and the departure from an affine map that their
        residuals show or cannot exclude, so that it grows fast outside of the hull of the pairs
        (`extrapolated`). See "Errors" in ``README.md``.
        """
        at = np.asarray(xy, dtype=float).reshape(-1, 2)
        u, v = ((at - self.error_centre) / self.error_scale).T
        terms = np.column_stack(
            [
                np.sqrt(comb(degree, j)) * u ** (degree - j) * v**j
                for degree in range(_binding.DEGREE + 1)
                for j in range(degree + 1)
            ]
        )
        squared = np.einsum("ni,aij,nj->na", terms, self.error_form, terms, optimize=True)
        sigma: Array = np.sqrt(np.maximum(squared, 0))
        return sigma

    @cached_property
    def hull(self) -> Array:
        """Corners (corner, 2) of the hull of the matched reference stars, anticlockwise [pixel]."""
        return _hull(self.matched_xy)

    def extrapolated(self, xy: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Whether reference positions (star, 2) lie outside of the hull of the pairs; shape (star,)."""
        at = np.asarray(xy, dtype=float).reshape(-1, 2)
        side = np.roll(self.hull, -1, axis=0) - self.hull
        off = at[:, None] - self.hull  # (star, corner, 2)
        across = side[:, 0] * off[..., 1] - side[:, 1] * off[..., 0]
        # a corner lies on two sides: rounding must not put it outside
        outside: npt.NDArray[np.bool_] = (
            across < -1e-9 * (np.abs(side).sum(axis=1) * np.abs(self.hull).max())
        ).any(axis=1)
        return outside


def _hull(xy: Array) -> Array:
    """Corners of the convex hull, anticlockwise (Andrew 1979, Inf. Process. Lett. 9, 216)."""
    points = xy[np.lexsort(xy.T[::-1])]
    corners: list[Array] = []
    for ordered in (points, points[::-1]):
        chain: list[Array] = []
        for point in ordered:
            while len(chain) > 1:
                (ax, ay), (bx, by) = chain[-1] - chain[-2], point - chain[-2]
                if ax * by - ay * bx > 0:
                    break
                chain.pop()
            chain.append(point)
        corners += chain[:-1]
    return np.array(corners)


class NoMatch(Exception):
    """No transformation could be told from chance; says what was tried.

    Attributes: ``reason``, ``n_reference``, ``n_target`` (distinct stars), ``best_pairs`` (most
    one-to-one pairs that any transformation reached), ``needed_pairs`` (fewest that would have
    convinced with residuals up to the tolerance; 0 if no number could), ``false_alarm_probability``
    (of the best; 1.0 without any), ``max_false_alarm``, ``n_candidates``, ``n_plausible``,
    ``n_verified``, ``work`` (done, in the units of ``max_work``).
    """

    def __init__(self, result: _binding.Result, max_false_alarm: float) -> None:
        self.reason = _REASONS[result.reason]
        self.n_reference = int(result.n_reference)
        self.n_target = int(result.n_target)
        self.best_pairs = int(result.best_pairs)
        self.needed_pairs = int(result.needed_pairs)
        self.false_alarm_probability = float(10.0**result.log10_false_alarm)
        self.max_false_alarm = max_false_alarm
        self.n_candidates = int(result.n_candidates)
        self.n_plausible = int(result.n_plausible)
        self.n_verified = int(result.n_verified)
        self.work = int(result.n_work)
        needed = str(self.needed_pairs) if self.needed_pairs else "more than there are"
        message = (
            f"no match between {self.n_reference} reference and {self.n_target} target stars: "
            f"{self.reason}"
        )
        if result.reason not in _NOTHING_TRIED:
            message += (
                f" (best {self.best_pairs} pairs, needed {needed}; probability of chance "
                f"{self.false_alarm_probability:.2g}, limit {max_false_alarm:g}; "
                f"{self.n_candidates} candidates, {self.n_plausible} plausible, "
                f"{self.n_verified} verified)"
            )
        super().__init__(message)


def _options(
    tolerance_px: float,
    allow_reflection: bool,
    prior: npt.ArrayLike | None,
    max_false_alarm: float,
    scale_range: tuple[float, float],
    max_shear: float,
    max_field_error_px: float,
    max_candidates: int,
    max_work: int,
) -> _binding.Options:
    """The C options, or a ValueError that names the value and its limits."""
    low, high = (float(value) for value in scale_range)
    checks = (
        ("tolerance_px", tolerance_px, 0 < tolerance_px <= _binding.MAX_COORDINATE, "in (0, 1e9]"),
        ("scale_range", scale_range, 0 < low <= high <= 1e6, "0 < low <= high <= 1e6"),
        ("max_shear", max_shear, 0 <= max_shear <= 1, "in [0, 1]"),
        ("max_false_alarm", max_false_alarm, 0 < max_false_alarm < 1, "in (0, 1)"),
        ("max_field_error_px", max_field_error_px, max_field_error_px > 0, "above 0"),
        ("max_candidates", max_candidates, 0 < max_candidates < 2**62, "in [1, 2**62)"),
        ("max_work", max_work, 0 < max_work < 2**62, "in [1, 2**62)"),
    )
    for name, value, good, limits in checks:
        if not good:
            raise ValueError(f"{name} must be {limits}, not {value!r}")
    options = _binding.Options(
        tolerance=tolerance_px,
        scale_min=low,
        scale_max=high,
        max_shear=max_shear,
        max_false_alarm=max_false_alarm,
        max_field_error=max_field_error_px,
        max_candidates=int(max_candidates),
        max_work=int(max_work),
        allow_reflection=int(bool(allow_reflection)),
    )
    if prior is not None:
        matrix = np.asarray(prior, dtype=float)
        if matrix.shape != (2, 3) or not np.isfinite(matrix).all():
            raise ValueError(f"prior must be finite with shape (2, 3), not {prior!r}")
        options.has_prior = 1
        options.prior[:] = matrix.ravel().tolist()
    return options


def match(
    reference_xy: npt.ArrayLike,
    target_xy: npt.ArrayLike,
    *,
    tolerance_px: float = 1.0,
    allow_reflection: bool = False,
    prior: npt.ArrayLike | None = None,
    max_false_alarm: float = 1e-4,
    scale_range: tuple[float, float] = (0.5, 2.0),
    max_shear: float = 0.1,
    max_field_error_px: float | None = None,
    max_candidates: int = 20_000_000,
    max_work: int = DEFAULT_WORK,
    fixed: npt.ArrayLike | None = None,
) -> Match:
    """The affine map from reference to target, with one-to-one pairs and its probability of chance.

    Candidates are quadrilaterals with the same ratios of triangle areas (Heyl 2013, MNRAS 433,
    935), found in a k-d tree; each is verified on the whole catalogues and refined by least squares
    on all pairs. The answer does not depend on the order of rows nor on which list is the
    reference; of repeated positions the first row is reported.

    Parameters
    ----------
    reference_xy, target_xy : array_like of shape (star, 2)
        Positions [pixel]; NaN is an error, an empty catalogue is no match.
    tolerance_px : float
        Greatest distance of a pair after the fit, in the pixels of either list; at least three times
        the position noise of both catalogues together. If twelve pairs or more show a noise above a
        quarter of it, pairs out to four times that noise are taken (twice the tolerance at most).
    allow_reflection : bool
        Also look for mirrored catalogues.
    prior : array_like of shape (2, 3), optional
        An expected affine, for instance ``[[1, 0, 0], [0, 1, 0]]``. Hypotheses whose linear part is
        near it come first; it saves time up to some 100 stars and does not change the answer.
    max_false_alarm : float
        Accept only if unrelated catalogues would show such an agreement less often than this.
    scale_range : (float, float)
        Limits of the scale sqrt(abs(det)) of the map that is returned, give or take three of its
        standard errors.
    max_shear : float
        The two principal scales differ at most as under a shear by this; likewise.
    max_field_error_px : float, optional
        Greatest 1-sigma error of the map at any star of the reference [target pixel] and, of the
        inverse map, of the target [reference pixel]; by default the tolerance. Few pairs at one end
        of a field do not determine it at the other, and residuals may show that no affine map holds
        over the field; ``numpy.inf`` accepts both, and `Match.position_sigma_px` tells.
    max_candidates : int
        Bound on the pairs of quadrilaterals looked at.
    max_work : int
        Bound on the search in units of 5 to 20 ns, counted and not timed, so that the outcome does
        not depend on machine or load: by default it ends within two seconds of CPU time.
    fixed : array_like of shape (position, 2), optional
        Positions fixed on the detector, such as hot pixels (`fixed_positions`) [pixel]: what lies
        within ``tolerance_px`` of one is left out of both lists. Rows are those of the lists as given.

    Returns
    -------
    Match

    Raises
    ------
    NoMatch
        Nothing was found that chance does not explain.
    ValueError
        An argument is out of its limits; the message names it.
    kdmatch._binding.LibraryMissing
        The C library was not built.

    Examples
    --------
    >>> reference = np.random.default_rng(1).uniform(0, 300, (30, 2))
    >>> target = reference @ [[0.0, 1.0], [-1.0, 0.0]] + [300.0, 0.0]  # turned by 90 degrees
    >>> found = match(reference, target)
    >>> len(found.pairs)
    30
    >>> np.round(found.affine, 6) + 0.0
    array([[  0.,  -1., 300.],
           [  1.,   0.,   0.]])
    """
    options = _options(
        tolerance_px,
        allow_reflection,
        prior,
        max_false_alarm,
        scale_range,
        max_shear,
        tolerance_px if max_field_error_px is None else max_field_error_px,
        max_candidates,
        max_work,
    )
    reference = checked("reference_xy", reference_xy)
    target = checked("target_xy", target_xy)
    if fixed is not None:
        places = checked("fixed", fixed)
        kept = [np.flatnonzero(~near_any(xy, places, tolerance_px)) for xy in (reference, target)]
        reference, target = reference[kept[0]], target[kept[1]]
    pairs = np.empty((min(len(reference), len(target)) + 1, 2), dtype=np.int64)
    result = _binding.Result()
    status = _binding.library().kdmatch_match(
        reference.ctypes.data,
        len(reference),
        target.ctypes.data,
        len(target),
        ctypes.byref(options),
        ctypes.byref(result),
        pairs.ctypes.data,
    )
    if status == _binding.NO_MATCH:
        raise NoMatch(result, max_false_alarm)
    if status == _binding.NO_MEMORY:
        raise MemoryError(f"kdmatch: {len(reference)} and {len(target)} stars")
    if status != _binding.OK:
        raise RuntimeError(f"kdmatch: the library refused checked arguments (status {status})")
    pairs = pairs[: result.n_pairs]
    matched_xy = reference[pairs[:, 0]]
    if fixed is not None:
        pairs = np.column_stack([rows[pairs[:, side]] for side, rows in enumerate(kept)])
    return _as_match(result, pairs, matched_xy)


def _as_match(result: _binding.Result, pairs: npt.NDArray[np.int64], matched_xy: Array) -> Match:
    arrays = (
        np.array(result.affine).reshape(2, 3),
        pairs.copy(),
        np.array(result.covariance).reshape(6, 6),
        np.array(result.error_centre),
        np.array(result.error_form).reshape(2, _binding.TERMS, _binding.TERMS),
        matched_xy,
    )
    for array in arrays:
        array.flags.writeable = False
    return Match(
        affine=arrays[0],
        pairs=arrays[1],
        rms_px=float(result.rms),
        tolerance_px=float(result.tolerance),
        covariance=arrays[2],
        log10_distortion_odds=float(result.log10_distortion_odds),
        departure_px=float(result.departure),
        error_centre=arrays[3],
        error_scale=float(result.error_scale),
        error_form=arrays[4],
        matched_xy=arrays[5],
        false_alarm_probability=float(10.0**result.log10_false_alarm),
        log10_false_alarm=float(result.log10_false_alarm),
        n_reference=int(result.n_reference),
        n_target=int(result.n_target),
        n_reference_quads=int(result.n_reference_quads),
        n_target_quads=int(result.n_target_quads),
        n_candidates=int(result.n_candidates),
        n_plausible=int(result.n_plausible),
        n_verified=int(result.n_verified),
        work=int(result.n_work),
    )

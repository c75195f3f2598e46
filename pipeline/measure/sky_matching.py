"""The match of an exposure where the pattern of its stars does not tell: by their places on the sky.

Three stars define an affine, whatever they are, and two pointings may share no more. Coordinates of
cubes are right to a few arcsec and to a small part of a degree, so that only a shift is unknown.
"""

import numpy as np
import scipy

from pipeline.config.settings import Settings
from pipeline.errors import NoStarsMatched
from pipeline.measure.astrometry import pixel_positions
from pipeline.measure.matching import (
    DRAWN_FWHM,
    FEWEST_BY_SKY,
    ExposureMatch,
    is_single,
    match_exposure,
    mutual_pairs,
)
from pipeline.measure.results import Detection

MAX_SHIFT_ARCSEC = 3.0  # between the coordinates of two exposures


def match_detection(
    reference_xy: np.ndarray, radec_deg: np.ndarray, detection: Detection, settings: Settings
) -> ExposureMatch:
    """The match of an exposure to reference stars: by their pattern, else by the sky.

    Parameters
    ----------
    reference_xy : ndarray, shape (star, 2)
        Positions in the frame of the reference [pix].
    radec_deg : ndarray, shape (star, 2)
        ICRS; NaN: unknown.
    detection : Detection
    settings : Settings

    Raises
    ------
    NoStarsMatched
        If neither is better than chance; the message is that of the pattern.
    """
    how = settings.matching
    try:
        return match_exposure(
            reference_xy,
            detection.sources.xy,
            tolerance_px=how.tolerance_px,
            max_false_alarm=how.max_false_alarm,
            use_in_fit=is_single(reference_xy, DRAWN_FWHM * settings.detection.fwhm_px),
        )
    except NoStarsMatched:
        found = match_by_sky(
            reference_xy,
            pixel_positions(detection.wcs, radec_deg),
            detection.sources.xy,
            tolerance_px=how.tolerance_px,
            max_shift_px=MAX_SHIFT_ARCSEC / settings.field.pixel_scale_arcsec,
            area_px=float(np.count_nonzero(np.isfinite(detection.image))),
        )
        if found is None or found.false_alarm_probability > how.max_false_alarm:
            raise
        return found


def match_by_sky(
    reference_xy: np.ndarray,
    expected_xy: np.ndarray,
    detected_xy: np.ndarray,
    *,
    tolerance_px: float,
    max_shift_px: float,
    area_px: float,
) -> ExposureMatch | None:
    """The match with most stars of all shifts that bring a star onto a detection, None below three.

    Parameters
    ----------
    reference_xy : ndarray, shape (star, 2)
        Positions [pix] in the reference.
    expected_xy : ndarray, shape (star, 2)
        The same stars in this exposure, by the coordinates of both; NaN: unknown.
    detected_xy : ndarray, shape (source, 2)
    tolerance_px : float
        Largest distance of a matched detection from its star.
    max_shift_px : float
        Largest shift that is looked at.
    area_px : float
        On which the detections lie: tells how often chance puts one where a star is expected.

    Examples
    --------
    >>> stars = np.array([(10.0, 12.0), (60.0, 31.0), (25.0, 70.0)])
    >>> found = match_by_sky(
    ...     stars, stars, stars + 2.0, tolerance_px=1.0, max_shift_px=15.0, area_px=1e5
    ... )
    >>> found.n_matched, found.xy[0].tolist(), found.false_alarm_probability < 1e-6
    (3, [12.0, 14.0], True)
    """
    known = np.flatnonzero(np.isfinite(expected_xy).all(axis=1))
    if min(len(known), len(detected_xy)) < FEWEST_BY_SKY:
        return None
    shifts = (detected_xy[np.newaxis] - expected_xy[known, np.newaxis]).reshape(-1, 2)
    shifts = shifts[np.hypot(*shifts.T) <= max_shift_px]
    best, pairs, shift = (0, -np.inf), np.empty((0, 2), int), np.zeros(2)
    for start in shifts:
        found = mutual_pairs(expected_xy[known] + start, detected_xy, 2 * tolerance_px)
        if not len(found):
            continue  # of two detections at one place
        moved = _middle(expected_xy[known], detected_xy, found)
        found = mutual_pairs(expected_xy[known] + moved, detected_xy, tolerance_px)
        rank = (len(found), -_rms(expected_xy[known] + moved, detected_xy, found))
        if rank > best:
            best, pairs, shift = rank, found, moved
    if len(pairs) < FEWEST_BY_SKY:
        return None
    xy = expected_xy + shift
    affine = _affine(reference_xy[known], xy[known])
    if affine is None:
        return None
    tries = len(known) * len(detected_xy) * np.pi * max_shift_px**2 / area_px
    by_chance = min(1.0, len(detected_xy) * np.pi * tolerance_px**2 / area_px)
    probability = tries * scipy.stats.binom.sf(len(pairs) - 2, len(known) - 1, by_chance)
    return ExposureMatch(
        affine,
        np.column_stack([known[pairs[:, 0]], pairs[:, 1]]),
        float(-best[1]),
        float(min(1.0, probability)),
        xy,
    )


def _middle(expected_xy: np.ndarray, detected_xy: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Median shift (2,) of pairs."""
    return np.asarray(np.median(detected_xy[pairs[:, 1]] - expected_xy[pairs[:, 0]], axis=0))


def _rms(xy: np.ndarray, detected_xy: np.ndarray, pairs: np.ndarray) -> float:
    """Root mean square distance of pairs, 0 without any."""
    if not len(pairs):
        return 0.0
    apart = xy[pairs[:, 0]] - detected_xy[pairs[:, 1]]
    return float(np.sqrt((apart**2).sum(axis=1).mean()))


def _affine(reference_xy: np.ndarray, xy: np.ndarray) -> np.ndarray | None:
    """The map (2, 3) from the reference, None if the stars lie on a line."""
    design = np.column_stack([reference_xy, np.ones(len(xy))])
    solution, _, rank, _ = np.linalg.lstsq(design, xy, rcond=1e-6)
    return np.asarray(solution.T) if rank == 3 else None

"""Which detection of an exposure is which star of the reference catalogue."""

from dataclasses import dataclass

import numpy as np
import scipy

import kdmatch
from pipeline.errors import NoStarsMatched
from pipeline.muse.cube import PIXEL_SCALE_TOLERANCE

MAX_DISTORTION = PIXEL_SCALE_TOLERANCE  # scale and shear between exposures of one instrument
FEWEST_STARS = 4  # three define an affine, whatever they are
FEWEST_BY_SKY = 3  # of a shift alone: that two are so far apart happens by chance
MIN_IN_FIT = 8  # stars; with fewer, all are needed to tell a match from chance
DRAWN_FWHM = 1.2  # of DAOFIND's kernel: closer stars draw each other's centroids
SAME_POINTING = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))  # exposures repeat a pointing: looked at first


@dataclass(frozen=True)
class ExposureMatch:
    """The way from reference positions to those in one exposure."""

    affine: np.ndarray  # (2, 3): [[a, b, c], [d, e, f]], x' = a x + b y + c, y' = d x + e y + f
    pairs: np.ndarray  # (match, 2) int, rows of reference star and of detection, by star
    rms_px: float  # rms distance from the affine of the detections that define it
    false_alarm_probability: float  # that chance makes as many pairs
    xy: np.ndarray  # (star, 2) [pix], every reference star taken to this exposure

    @property
    def n_matched(self) -> int:
        """Number of matched stars."""
        return len(self.pairs)


def match_exposure(
    reference_xy: np.ndarray,
    detected_xy: np.ndarray,
    *,
    tolerance_px: float,
    max_false_alarm: float,
    use_in_fit: np.ndarray | None = None,
) -> ExposureMatch:
    """Match an exposure's detections to reference positions by an affine map.

    Parameters
    ----------
    reference_xy : ndarray, shape (star, 2)
    detected_xy : ndarray, shape (source, 2)
        Positions [pix] in the reference exposure and in this one.
    tolerance_px : float
        Largest distance of a matched detection from its star.
    max_false_alarm : float
        Highest accepted probability that unrelated positions match as well.
    use_in_fit : ndarray of bool, shape (star,), optional
        Stars that may define the affine, if they are enough. Blended ones should not: DAOFIND draws
        them together by up to a pixel or two, the more the worse the seeing. They are paired
        afterwards.

    Raises
    ------
    NoStarsMatched
        If there is no such map, or chance explains it; the message says what was tried.
    """
    defining = np.arange(len(reference_xy))
    if use_in_fit is not None and np.count_nonzero(use_in_fit) >= MIN_IN_FIT:
        defining = np.flatnonzero(use_in_fit)
    try:
        match = kdmatch.match(
            reference_xy[defining],
            detected_xy,
            tolerance_px=tolerance_px,
            max_false_alarm=max_false_alarm,
            scale_range=(1 - MAX_DISTORTION, 1 + MAX_DISTORTION),
            max_shear=MAX_DISTORTION,
            prior=SAME_POINTING,
        )
    except kdmatch.NoMatch as error:
        few = min(len(defining), len(detected_xy)) < FEWEST_STARS
        remedy = (
            f"; {FEWEST_STARS} stars that are not masked are the least, {FEWEST_BY_SKY} if the cubes "
            "have celestial coordinates"
            if few
            else ""
        )
        raise NoStarsMatched(
            f"{error}{remedy}; matching.tolerance_px = {tolerance_px:g}, "
            f"matching.max_false_alarm = {max_false_alarm:g}"
        ) from error
    xy = match.transform(reference_xy)
    return ExposureMatch(
        match.affine,
        mutual_pairs(xy, detected_xy, tolerance_px),
        match.rms_px,
        match.false_alarm_probability,
        xy,
    )


def mutual_pairs(xy: np.ndarray, other_xy: np.ndarray, limit_px: float) -> np.ndarray:
    """Rows (pair, 2) of positions that are each other's nearest and at most so far apart."""
    distance, other = scipy.spatial.cKDTree(other_xy).query(xy)
    back = scipy.spatial.cKDTree(xy).query(other_xy)[1]
    row = np.flatnonzero((distance <= limit_px) & (back[other] == np.arange(len(xy))))
    return np.column_stack([row, other[row]])


def is_single(xy: np.ndarray, limit_px: float) -> np.ndarray:
    """Whether the nearest other position is farther than a limit, bool of shape (star,)."""
    if len(xy) < 2:
        return np.ones(len(xy), bool)
    return np.asarray(scipy.spatial.cKDTree(xy).query(xy, k=2)[0][:, 1] > limit_px)

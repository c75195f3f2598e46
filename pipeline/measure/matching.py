"""Which detection of an exposure is which star of the reference catalogue."""

from dataclasses import dataclass

import numpy as np

import kdmatch
from pipeline.cube import PIXEL_SCALE_TOLERANCE
from pipeline.errors import NoStarsMatched

MAX_DISTORTION = PIXEL_SCALE_TOLERANCE  # scale and shear between exposures of one instrument
SAME_POINTING = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))  # exposures repeat a pointing: looked at first


@dataclass(frozen=True)
class ExposureMatch:
    """The way from reference positions to those in one exposure."""

    affine: np.ndarray  # (2, 3): [[a, b, c], [d, e, f]], x' = a x + b y + c, y' = d x + e y + f
    pairs: np.ndarray  # (match, 2) int, rows of reference star and of detection
    rms_px: float  # rms distance of the matched detections from the affine
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

    Raises
    ------
    NoStarsMatched
        If there is no such map, or chance explains it; the message says what was tried.
    """
    try:
        match = kdmatch.match(
            reference_xy,
            detected_xy,
            tolerance_px=tolerance_px,
            max_false_alarm=max_false_alarm,
            scale_range=(1 - MAX_DISTORTION, 1 + MAX_DISTORTION),
            max_shear=MAX_DISTORTION,
            prior=SAME_POINTING,
        )
    except kdmatch.NoMatch as error:
        raise NoStarsMatched(
            f"{error}; matching.tolerance_px = {tolerance_px:g}, "
            f"matching.max_false_alarm = {max_false_alarm:g}"
        ) from error
    return ExposureMatch(
        match.affine,
        match.pairs,
        match.rms_px,
        match.false_alarm_probability,
        match.transform(reference_xy),
    )

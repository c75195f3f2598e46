"""Which detection of an exposure is which star of the reference catalogue."""

from dataclasses import dataclass

import numpy as np

import kdmatch
from pipeline.errors import NoStarsMatched


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
    tried = (
        f"{len(detected_xy)} detections, {len(reference_xy)} reference stars, "
        f"matching.tolerance_px = {tolerance_px:g}"
    )
    try:
        match = kdmatch.match(reference_xy, detected_xy, tolerance_px=tolerance_px)
    except kdmatch.NoMatch as error:
        raise NoStarsMatched(f"no match: {error} ({tried})") from error
    probability = float(match.false_alarm_probability)
    if not probability <= max_false_alarm:
        raise NoStarsMatched(
            f"{len(match.pairs)} pairs match, which chance does with probability "
            f"{probability:.2g}, above matching.max_false_alarm = {max_false_alarm:g} ({tried})"
        )
    affine = np.asarray(match.affine, float)
    return ExposureMatch(
        affine,
        np.asarray(match.pairs, int),
        float(match.rms_px),
        probability,
        apply_affine(affine, reference_xy),
    )


def apply_affine(affine: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """Positions (star, 2) taken through an affine map (2, 3)."""
    return np.asarray(np.asarray(xy, float) @ affine[:, :2].T + affine[:, 2])

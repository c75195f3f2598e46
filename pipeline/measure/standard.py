"""The bright standard star: where it is, and which pixels it spoils for the search of stars.

DAOFIND applies one threshold to the whole image. Near the standard two things pass it that are no
stars: noise, which is higher on the wings, and knots of the diffraction spikes. The mask covers
exactly these, by two rules that need no fixed pixels:

wings   a circle, from the centre to the first of two consecutive rings in which the detection
        threshold is again at least ``SAFE_SIGMA`` local standard deviations above the local level;
spikes  what is left of the convolved image when each pixel is replaced by the lower of itself and
        its mirror point about the standard: diffraction is point-symmetric, a field of stars is
        not. All that exceeds half the threshold there and hangs together with the circle.
"""

from dataclasses import dataclass

import numpy as np
from astropy.stats import mad_std, sigma_clipped_stats
from photutils.detection import DAOStarFinder
from scipy import ndimage

from pipeline.errors import CubeEmpty
from pipeline.measure.moments import FWHM_PER_SIGMA, windowed_moments

SAFE_SIGMA = 4.5  # a Gaussian peak above it: 3e-6 a pixel, 0.3 in a whole MUSE image
SPIKE_FRACTION = 0.5  # of the threshold; two mirror points both at 3 sigma are no noise (2e-6)


@dataclass(frozen=True)
class Standard:
    """The bright standard star of a field."""

    x: float  # [pix], 0-based
    y: float
    radius_px: float  # of the circle about its wings
    mask: np.ndarray  # (y, x) bool, True: not searched for stars (circle and spikes)


def find_standard(image: np.ndarray, *, threshold_sigma: float, fwhm_px: float) -> Standard:
    """The brightest star, its centre, and the mask about it.

    Parameters
    ----------
    image : ndarray, shape (y, x)
        Detection image, NaN: no data.
    threshold_sigma, fwhm_px : float
        The threshold and kernel that DAOFIND is going to use.

    Raises
    ------
    CubeEmpty
        If the image holds no finite value.
    """
    blind = ~np.isfinite(image)
    if blind.all():
        raise CubeEmpty("the detection image holds no finite value")
    _, background, noise = sigma_clipped_stats(image, mask=blind, sigma=3.0)
    residual = np.where(blind, 0.0, image - background)
    smooth = ndimage.gaussian_filter(residual, fwhm_px / FWHM_PER_SIGMA, mode="constant")
    row, column = np.unravel_index(np.argmax(smooth), smooth.shape)
    start = np.array([[column, row]], float)
    x, y = windowed_moments(np.where(blind, np.nan, residual), start, fwhm_px=fwhm_px).xy[0]
    if not noise > 0:
        return Standard(float(x), float(y), fwhm_px, _distance(image.shape, x, y) <= fwhm_px)
    finder = DAOStarFinder(threshold_sigma * noise, fwhm_px)
    convolved = ndimage.convolve(residual, finder.kernel.data, mode="constant")
    threshold = float(finder.threshold_eff)
    radius = _wing_radius(convolved, ~blind, x, y, threshold, threshold_sigma, fwhm_px)
    circle = _distance(image.shape, x, y) <= radius
    spikes = _spikes(convolved, circle, x, y, SPIKE_FRACTION * threshold, fwhm_px)
    return Standard(float(x), float(y), radius, circle | spikes)


def _distance(shape: tuple[int, ...], x: float, y: float) -> np.ndarray:
    row, column = np.ogrid[: shape[0], : shape[1]]
    return np.asarray(np.hypot(column - x, row - y))


def _wing_radius(
    convolved: np.ndarray,
    valid: np.ndarray,
    x: float,
    y: float,
    threshold: float,
    threshold_sigma: float,
    fwhm_px: float,
) -> float:
    """Radius beyond which noise on the wings no longer passes the threshold [pix]."""
    safe = min(SAFE_SIGMA, threshold_sigma / 1.2)  # a lower threshold cannot ask for more
    ring = (_distance(convolved.shape, x, y) / fwhm_px).astype(int)
    quiet_before = False
    for index in range(1, int(ring.max()) + 1):
        pixels = convolved[(ring == index) & valid]
        quiet = pixels.size < 2 or np.median(pixels) + safe * mad_std(pixels) < threshold
        if quiet and quiet_before:
            return float((index - 1) * fwhm_px)
        quiet_before = bool(quiet)
    return float(ring.max() * fwhm_px)


def _spikes(
    convolved: np.ndarray, circle: np.ndarray, x: float, y: float, level: float, fwhm_px: float
) -> np.ndarray:
    """Pixels of the point-symmetric structure that hangs together with the circle."""
    row, column = np.indices(convolved.shape)
    mirror = ndimage.map_coordinates(
        convolved, [2 * y - row, 2 * x - column], order=1, cval=np.inf
    )  # without a mirror point the pixel stands for itself
    structure = circle | (np.minimum(convolved, mirror) > level)
    grown = ndimage.distance_transform_edt(~structure) <= fwhm_px  # bridges gaps of 2 FWHM
    labels, _ = ndimage.label(grown)
    return np.asarray(np.isin(labels, labels[circle]))

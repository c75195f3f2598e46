"""Masked stars: a bright standard or saturated ones, and the pixels they spoil for the search of stars.

DAOFIND applies one threshold to the whole image. Near the standard two things pass it that are no
stars: noise, which is higher on the wings, and knots of the diffraction spikes. The mask covers
exactly these, by two rules that need no fixed pixels:

spikes  what is left of the convolved image when each pixel is replaced by the lower of itself and
        its mirror point about the standard: diffraction is point-symmetric, a field of stars is
        not. All that exceeds a third of the threshold there, is about as bright in both, and hangs
        together with the circle;
wings   a circle, from the centre to the first of two consecutive rings in which the threshold is
        again at least ``SAFE_SIGMA`` local standard deviations above the local level, both taken
        beside the spikes.

A field without a standard has no mask: its brightest star may be the one that matters. Only saturated
stars are masked there, known by a core without data in the middle of bright pixels.
"""

from dataclasses import dataclass, field, replace

import numpy as np
import scipy
from astropy.stats import mad_std, sigma_clipped_stats

from pipeline.errors import CubeEmpty
from pipeline.measure.moments import FWHM_PER_SIGMA, windowed_moments

SAFE_SIGMA = 4.5  # a Gaussian peak above it: 3e-6 a pixel, 0.3 in a whole MUSE image
SPIKE_FRACTION = 1 / 3  # of 6 sigma: both mirror points above 2 sigma by chance, 5e-4
MAX_ASYMMETRY = 4.0  # of mirror points on a spike, noise included; a star is brighter than its own
MIN_RING_PIXELS = 10  # that tell the noise of a ring
BRIGHTEST, SATURATED, NONE = "brightest", "saturated", "none"  # of detection.mask
SATURATED_SIGMA = 50.0  # of the background: what surrounds a core that is lost to saturation
HOLE_FWHM = 2.0  # a larger hole in the data is no stellar core


@dataclass(frozen=True)
class MaskedStandard:
    """The bright star that is masked, the one with the widest mask if there are several."""

    x: float  # [pix], 0-based; NaN: no star is masked
    y: float
    radius_px: float  # of the circle about its wings
    mask: np.ndarray  # (y, x) bool, True: not searched for stars (circle and spikes)
    further_xy: np.ndarray = field(default_factory=lambda: np.empty((0, 2)))  # other masked stars

    @property
    def xy(self) -> np.ndarray:
        """Centres of all masked stars (star, 2); empty if none is."""
        own = np.array([[self.x, self.y]])
        return np.vstack([own[np.isfinite(own).all(axis=1)], self.further_xy])


def mask_stars(
    image: np.ndarray, which: str, *, threshold_sigma: float, fwhm_px: float
) -> MaskedStandard:
    """The stars that are masked by a rule, setting ``detection.mask``.

    Parameters
    ----------
    image : ndarray, shape (y, x)
        Detection image, NaN: no data.
    which : str
        "brightest": the brightest star, a standard; "saturated": those whose core has no data;
        "none".
    threshold_sigma, fwhm_px : float
        The threshold and kernel that DAOFIND is going to use.

    Raises
    ------
    CubeEmpty
        If the image holds no finite value.
    """
    if which == BRIGHTEST:
        return find_masked_standard(image, threshold_sigma=threshold_sigma, fwhm_px=fwhm_px)
    nothing = MaskedStandard(np.nan, np.nan, 0.0, np.zeros(image.shape, bool))
    found = [] if which == NONE else saturated_cores(image, fwhm_px=fwhm_px).tolist()
    if not np.isfinite(image).any():
        raise CubeEmpty("the detection image holds no finite value")
    masked = [
        mask_about(image, x, y, threshold_sigma=threshold_sigma, fwhm_px=fwhm_px) for x, y in found
    ]
    if not masked:
        return nothing
    masked.sort(key=lambda one: (-one.radius_px, one.y, one.x))
    union = np.logical_or.reduce([one.mask for one in masked])
    further = np.array([(one.x, one.y) for one in masked[1:]], float).reshape(-1, 2)
    return replace(masked[0], mask=union, further_xy=further)


def saturated_cores(image: np.ndarray, *, fwhm_px: float) -> np.ndarray:
    """Centres (star, 2) of stars whose core is lost: no data, or less than the sky, amid bright pixels.

    Parameters
    ----------
    image : ndarray, shape (y, x)
        Detection image, NaN: no data.
    fwhm_px : float
        Of the stars: a hole wider than ``HOLE_FWHM`` times this is no core.
    """
    finite = np.isfinite(image)
    if not finite.any():
        return np.empty((0, 2))
    _, background, noise = sigma_clipped_stats(image, mask=~finite, sigma=3.0)
    if not noise > 0:
        return np.empty((0, 2))
    significance = np.where(finite, (image - background) / noise, 0.0)
    lost = ~finite | (significance < -SATURATED_SIGMA / 10)
    labels, _ = scipy.ndimage.label(lost, structure=np.ones((3, 3)))
    cores = []
    for label, where in enumerate(scipy.ndimage.find_objects(labels), start=1):
        rows, columns = where
        high = max(rows.stop - rows.start, columns.stop - columns.start)
        on_rim = rows.start == 0 or columns.start == 0
        on_rim |= rows.stop == image.shape[0] or columns.stop == image.shape[1]
        if on_rim or high > HOLE_FWHM * fwhm_px:
            continue
        near = (slice(rows.start - 1, rows.stop + 1), slice(columns.start - 1, columns.stop + 1))
        hole = labels[near] == label
        rim = scipy.ndimage.binary_dilation(hole, structure=np.ones((3, 3))) & ~lost[near]
        if rim.any() and np.median(significance[near][rim]) > SATURATED_SIGMA:
            row, column = np.argwhere(hole).mean(axis=0)
            cores.append((column + near[1].start, row + near[0].start))
    return np.array(cores, float).reshape(-1, 2)


def find_masked_standard(
    image: np.ndarray, *, threshold_sigma: float, fwhm_px: float
) -> MaskedStandard:
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
    _, background, _ = sigma_clipped_stats(image, mask=blind, sigma=3.0)
    residual = np.where(blind, 0.0, image - background)
    smooth = scipy.ndimage.gaussian_filter(residual, fwhm_px / FWHM_PER_SIGMA, mode="constant")
    row, column = np.unravel_index(np.argmax(smooth), smooth.shape)
    start = np.array([[column, row]], float)
    x, y = windowed_moments(np.where(blind, np.nan, residual), start, fwhm_px=fwhm_px).xy[0]
    return mask_about(image, float(x), float(y), threshold_sigma=threshold_sigma, fwhm_px=fwhm_px)


def mask_about(
    image: np.ndarray, x: float, y: float, *, threshold_sigma: float, fwhm_px: float
) -> MaskedStandard:
    """The mask about a star at that centre; arguments as for ``find_masked_standard``."""
    from photutils.detection import DAOStarFinder  # a second and a half to import

    blind = ~np.isfinite(image)
    _, background, noise = sigma_clipped_stats(image, mask=blind, sigma=3.0)
    residual = np.where(blind, 0.0, image - background)
    if not noise > 0:
        return MaskedStandard(float(x), float(y), fwhm_px, _distance(image.shape, x, y) <= fwhm_px)
    finder = DAOStarFinder(threshold_sigma * noise, fwhm_px)
    convolved = scipy.ndimage.convolve(residual, finder.kernel.data, mode="constant")
    threshold = float(finder.threshold_eff)
    mirror = _mirrored(convolved, x, y)
    level = SPIKE_FRACTION * threshold
    lower, higher = np.minimum(convolved, mirror), np.maximum(convolved, mirror)
    bright, dark = (lower > level) & (higher < MAX_ASYMMETRY * lower), higher < -level
    distance = _distance(image.shape, x, y)
    radius = _wing_radius(
        convolved, ~(blind | bright | dark), distance / fwhm_px, threshold, threshold_sigma
    )
    radius *= fwhm_px
    mask = _connected(bright, distance <= radius, fwhm_px)
    return MaskedStandard(float(x), float(y), radius, mask)


def _distance(shape: tuple[int, ...], x: float, y: float) -> np.ndarray:
    row, column = np.ogrid[: shape[0], : shape[1]]
    return np.asarray(np.hypot(column - x, row - y))


def _mirrored(image: np.ndarray, x: float, y: float) -> np.ndarray:
    """The image turned by 180 degrees about a point.

    Where that is off the image the pixel stands for itself: a star on a spike there is masked.
    """
    row, column = np.indices(image.shape)
    turned = scipy.ndimage.map_coordinates(
        image, [2 * y - row, 2 * x - column], order=1, cval=np.nan
    )
    return np.where(np.isnan(turned), image, turned)


def _wing_radius(
    convolved: np.ndarray,
    smooth: np.ndarray,
    distance: np.ndarray,
    threshold: float,
    threshold_sigma: float,
) -> float:
    """Radius beyond which noise on the wings no longer passes the threshold, in ring widths.

    Parameters
    ----------
    convolved : ndarray, shape (y, x)
    smooth : ndarray of bool, shape (y, x)
        Pixels with data and without symmetric structure: they tell level and noise.
    distance : ndarray, shape (y, x)
        From the standard, in widths of a ring.
    """
    safe = min(SAFE_SIGMA, threshold_sigma / 1.2)  # a lower threshold cannot ask for more
    ring = distance.astype(int)
    quiet_before = False
    for index in range(1, int(ring.max()) + 1):
        pixels = convolved[(ring == index) & smooth]
        enough = pixels.size >= MIN_RING_PIXELS
        quiet = enough and np.median(pixels) + safe * mad_std(pixels) < threshold
        if quiet and quiet_before:
            return float(index - 1)
        quiet_before = bool(quiet)
    return float(ring.max())


def _connected(structure: np.ndarray, circle: np.ndarray, fwhm_px: float) -> np.ndarray:
    """Circle and the structure that hangs together with it over gaps of 2 FWHM, grown by half."""
    near = scipy.ndimage.distance_transform_edt(~(structure | circle)) <= fwhm_px
    labels, _ = scipy.ndimage.label(near)
    spikes = structure & np.isin(labels, labels[circle])
    grown = scipy.ndimage.distance_transform_edt(~(spikes | circle)) <= fwhm_px / 2
    return np.asarray(grown)

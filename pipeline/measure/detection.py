"""Stars in a cube: the detection image, the bright standard with its mask, DAOFIND.

The detection image is the study's: median of three 50 A bands side by side about the central
layer. (The study's script puts the bands beside the centre, not about it: an offset of tens of
Angstrom without effect on positions; ours are centred.)
"""

import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import scipy
from astropy.stats import sigma_clipped_stats

from pipeline.errors import CubeEmpty, CubeUnreadable, NoStarsDetected
from pipeline.measure.moments import windowed_moments
from pipeline.measure.standard import MaskedStandard, mask_about
from pipeline.muse.image_layers import Layers

if TYPE_CHECKING:
    from photutils.detection import DAOStarFinder

CLIP_SIGMA = 3.0  # as the study: background level and noise from 3-sigma clipped statistics
MIN_KERNEL_SHARE = 0.9  # of the kernel's box on data: with a column of 7 missing, centroids shift
N_SHARPNESS_STARS = 20  # brightest stars whose median FWHM tells how sharp an image is
N_HALOS = 5  # brightest stars in whose wings and spikes detections are doubted
KNOT_SHARE = 0.01  # of a bright star's flux: fainter detections in its halo may be knots of it


@dataclass(frozen=True)
class Sources:
    """Detected stars in the order of y, then x; every array has shape (source,)."""

    x: np.ndarray  # [pix], 0-based, DAOFIND's centroid as the study used it
    y: np.ndarray
    flux: np.ndarray  # [cube unit], sum over DAOFIND's kernel box above the background
    fwhm_px: float  # median FWHM of the brightest sources; NaN if none can be measured
    background: float  # [cube unit], level of the image
    noise: float  # [cube unit], standard deviation of the background

    @property
    def xy(self) -> np.ndarray:
        """Positions, shape (source, 2)."""
        return np.column_stack([self.x, self.y])


def detection_image(
    cube_data: Layers,
    wave_aa: np.ndarray,
    *,
    band_width_aa: float,
    n_bands: int,
    dq: Layers | None = None,
    fill: float | None = None,
) -> np.ndarray:
    """Median of ``n_bands`` adjacent bands about the central layer, float64 of shape (y, x).

    Each band is the mean of its layers; NaN are left out of mean and median, so that a pixel is
    NaN only where every layer is (no band of the four modes reaches the sodium notch; in a cube
    whose centre did, the remaining bands would tell). A band holds the whole number of layers next
    to its width, at least one: with bins wider than the band it is one bin.

    Parameters
    ----------
    cube_data : Layers, shape (wave, y, x)
        Array, memory map, or converted layers: only the layers of the bands are read.
    wave_aa : ndarray, shape (wave,)
        Layer centres, equidistant.
    dq : Layers of int, shape (wave, y, x), optional
        Anything but 0: no data.
    fill : float, optional
        Value that stands for no data, as NaN does.

    Raises
    ------
    CubeUnreadable
        If the cube has fewer layers than the bands need.
    CubeEmpty
        If none of those layers holds a finite value.
    """
    n_wave = cube_data.shape[0]
    step = (wave_aa[-1] - wave_aa[0]) / (n_wave - 1) if n_wave > 1 else band_width_aa
    width = max(1, round(band_width_aa / step))
    if n_bands * width > n_wave:
        raise CubeUnreadable(
            f"{n_bands} bands of {band_width_aa:g} A need {n_bands * width} layers of {step:g} A, "
            f"the cube has {n_wave}; lower detection.n_bands or detection.band_width_aa"
        )
    first = (n_wave - n_bands * width) // 2  # centred to half a layer
    starts = range(first, first + n_bands * width, width)
    bands = [_mean_of_layers(cube_data, range(start, start + width), dq, fill) for start in starts]
    if not any(np.isfinite(band).any() for band in bands):
        raise CubeEmpty(
            f"no finite value between {wave_aa[first]:.0f} and "
            f"{wave_aa[first + n_bands * width - 1]:.0f} A, the layers of the detection image"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # all-NaN pixels stay NaN
        return np.asarray(np.nanmedian(bands, axis=0))


def _mean_of_layers(
    cube_data: Layers, layers: range, dq: Layers | None, fill: float | None
) -> np.ndarray:
    """Mean of some layers without missing samples; one layer in memory at a time."""
    total = np.zeros(cube_data.shape[1:])
    count = np.zeros(cube_data.shape[1:])
    for index, layer in zip(layers, cube_data[layers.start : layers.stop], strict=True):
        seen = np.isfinite(layer)
        if fill is not None:
            seen &= layer != fill
        if dq is not None:
            seen &= dq[index] == 0
        with np.errstate(invalid="ignore"):  # a signalling NaN warns although it is left out
            values = layer.astype(float)
        values[~seen] = 0  # much faster than a sum with a mask
        total += values
        count += seen
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


def find_stars(
    image: np.ndarray, *, threshold_sigma: float, fwhm_px: float, standard: MaskedStandard
) -> Sources:
    """Stars that DAOFIND finds outside the mask of a standard or of saturated stars.

    Peaks inside the mask and on spaxels without data are discarded, as are stars cut by the edge of
    the footprint (their centroid is that of the part that is seen, off by up to 1 px); the pixels
    under the mask still take part in the convolution, so that its rim makes no false peaks. Two
    stars may be as close as the kernel (``min_separation=0``, DAOFIND's own rule; photutils 3 would
    keep 2.5 FWHM and lose star 15 of the study, 5 px from star 14).

    Parameters
    ----------
    image : ndarray, shape (y, x)
        Detection image, NaN: no data.
    threshold_sigma : float
        Detection threshold in standard deviations of the background.
    fwhm_px : float
        FWHM of DAOFIND's kernel.
    standard : MaskedStandard
        From ``mask_stars``.

    Raises
    ------
    NoStarsDetected
        If there is no star.
    """
    blind = ~np.isfinite(image)
    _, background, noise = sigma_clipped_stats(image, mask=blind | standard.mask, sigma=CLIP_SIGMA)
    residual = np.where(blind, 0.0, image - background)
    found = np.empty((0, 3))
    if noise > 0:
        from photutils.detection import DAOStarFinder  # a second and a half to import

        finder = DAOStarFinder(threshold_sigma * noise, fwhm_px, min_separation=0)
        found = _daofind(finder, residual, blind | standard.mask)
        found = found[_share_seen(~blind, found[:, :2], finder.kernel.shape) >= MIN_KERNEL_SHARE]
    if not len(found):
        raise NoStarsDetected(
            f"DAOFIND finds no star above {threshold_sigma:g} sigma = "
            f"{threshold_sigma * noise:.3g}{_beside(standard)}"
        )
    x, y, flux = found[np.lexsort((found[:, 0], found[:, 1]))].T
    sharpness = _median_fwhm(np.where(blind, np.nan, residual), x, y, flux, fwhm_px)
    return Sources(x, y, flux, sharpness, float(background), float(noise))


def _beside(standard: MaskedStandard) -> str:
    if not np.isfinite(standard.x):
        return ""
    return f" beside the masked star at ({standard.x:.1f}, {standard.y:.1f})"


def without_knots(
    image: np.ndarray, sources: Sources, *, threshold_sigma: float, fwhm_px: float
) -> Sources:
    """The sources without those that may be knots in the halo of a bright star that is not masked.

    The halo is what ``find_masked_standard`` would mask; what is brighter than ``KNOT_SHARE`` of the star
    stays, so that the halo of a bright star hides no other bright star.

    Parameters
    ----------
    image : ndarray, shape (y, x)
        Detection image, NaN: no data.
    sources : Sources
        From ``find_stars`` on it.
    """
    kept = np.ones(len(sources.x), bool)
    row, column = (np.rint(v).astype(int) for v in (sources.y, sources.x))
    for bright in np.argsort(-sources.flux, kind="stable")[:N_HALOS]:
        halo = mask_about(
            image,
            float(sources.x[bright]),
            float(sources.y[bright]),
            threshold_sigma=threshold_sigma,
            fwhm_px=fwhm_px,
        )
        faint = sources.flux < KNOT_SHARE * sources.flux[bright]
        kept &= ~(faint & halo.mask[row, column])
    return replace(sources, x=sources.x[kept], y=sources.y[kept], flux=sources.flux[kept])


def _daofind(finder: "DAOStarFinder", residual: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Centroids and fluxes (source, 3) that DAOFIND finds outside the mask; may be empty."""
    from photutils.utils.exceptions import NoDetectionsWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NoDetectionsWarning)
        table = finder.find_stars(residual, mask=mask)
    if table is None:
        return np.empty((0, 3))
    return np.column_stack([table[key] for key in ("x_centroid", "y_centroid", "flux")])


def _share_seen(valid: np.ndarray, xy: np.ndarray, box: tuple[int, int]) -> np.ndarray:
    """Share of a box about positions that holds data, shape (source,)."""
    share = scipy.ndimage.uniform_filter(valid.astype(float), size=box, mode="constant")
    column, row = np.rint(xy).astype(int).T
    ny, nx = valid.shape
    return np.asarray(share[np.clip(row, 0, ny - 1), np.clip(column, 0, nx - 1)])


def _median_fwhm(
    residual: np.ndarray, x: np.ndarray, y: np.ndarray, flux: np.ndarray, fwhm_px: float
) -> float:
    """Median FWHM [pix] of the brightest sources, NaN if none can be measured.

    Under a window half as wide as the kernel: the core tells the width, and neighbours less.
    """
    brightest = np.argsort(-flux, kind="stable")[:N_SHARPNESS_STARS]
    xy = np.column_stack([x, y])[brightest]
    widths = windowed_moments(residual, xy, fwhm_px=fwhm_px / 2).fwhm_px
    return float(np.median(widths[np.isfinite(widths)])) if np.isfinite(widths).any() else np.nan


def edge_distance(image: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """Distance of positions to the centre of the nearest spaxel without data [pix].

    Everything outside the image counts as spaxels without data; 0 on or beyond one. An aperture of
    radius r with mask "center" is complete if and only if this distance exceeds r.

    Parameters
    ----------
    image : ndarray, shape (y, x)
        NaN: no data.
    xy : ndarray, shape (star, 2)
    """
    padded = np.pad(np.isfinite(image), 1)
    xy = np.asarray(xy, float)
    column, row = np.rint(xy).astype(int).T + 1
    row, column = np.clip(row, 0, padded.shape[0] - 1), np.clip(column, 0, padded.shape[1] - 1)
    bad_y, bad_x = np.nonzero(~padded)
    distance, _ = scipy.spatial.cKDTree(np.column_stack([bad_x, bad_y]) - 1.0).query(xy)
    return np.where(padded[row, column], distance, 0.0)

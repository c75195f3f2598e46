"""How noisy a cube is, measured in apertures on blank sky and compared with STAT.

STAT knows the photons and the detector of each voxel but not the covariance that resampling put
between voxels: the sum over an aperture and a band of a drizzled cube scatters by 1.5 to 2 times
what STAT propagates to. Two things are measured, for each band and aperture:

factor      by which independent noise exceeds STAT. Blank spectra are averaged in narrow bands;
            the differences of neighbouring ones, less their median over the apertures, hold no
            background that is smooth in wavelength, and there are thousands of them.
background  scatter of the blank band fluxes from place to place beyond that noise: what sky
            subtraction left. It adds to every star's flux alike, whatever that is. Errors do not
            hold it: it is no noise of one exposure but a term of the model of stability.
"""

from dataclasses import dataclass

import numpy as np
import scipy

from pipeline.config.passbands import Band
from pipeline.measure.detection import edge_distance
from pipeline.measure.photometry import layer_weights
from pipeline.measure.spectra import Spectra

N_BLANK = 64  # scatter of the background to 14 %; more would cost more than the stars
STAR_CLEARANCE_FWHM = 2.5  # from a star to the rim of a blank aperture
NARROW_BAND_AA = 30.0  # wide against the covariance of layers (2 or 3 of 1.25 A)
MIN_APERTURES = 3  # blank ones, whose median of a difference is taken out
PATTERN_LIMIT = 1.15  # times the largest singular value that noise reaches
MIN_DIFFERENCES = 60  # tell the factor to 1 / sqrt(2 * 60) = 9 %, MAD to 15 %
CLIP_SIGMA = 4.0  # a blank aperture that stands out holds a star that was not detected
MIN_BLANK = 24  # apertures needed to measure a scatter from place to place
SIGNIFICANCE = 2.5  # of the excess that is called background, in its sampling error
N_SURFACE = 10  # terms of a cubic surface: the smooth background that is no noise
MAD_TO_SIGMA = 1.4826
MAD_EFFICIENCY = 0.37  # of Gaussian samples, against the standard deviation

STAT, BLANK, OVERRIDE = "STAT", "blank sky", "stat_factor"


@dataclass(frozen=True)
class BlankNoise:
    """Noise on blank sky in one band; arrays have shape (aperture,)."""

    factor: np.ndarray  # [1], sigma of independent noise over that of STAT, NaN: not measured
    factor_err: np.ndarray  # [1], 1 sigma
    background: np.ndarray  # [cube unit], scatter from place to place beyond it; 0: none is seen
    n_blank: int  # apertures that entered


def blank_positions(
    image: np.ndarray,
    sources_xy: np.ndarray,
    *,
    radius_px: float,
    fwhm_px: float,
    avoid: np.ndarray | None = None,
    n_max: int = N_BLANK,
) -> np.ndarray:
    """Centres (blank, 2) of apertures that hold sky alone, spread over the field; may be empty.

    Parameters
    ----------
    image : ndarray, shape (y, x)
        Detection image, NaN: no data.
    sources_xy : ndarray, shape (source, 2)
        Everything that was detected [pix].
    radius_px : float
        Of the largest aperture; the apertures do not overlap.
    fwhm_px : float
        Of the stars.
    avoid : ndarray of bool, shape (y, x), optional
        Pixels that no aperture may touch: the mask of the bright standard.
    """
    ny, nx = image.shape
    step = 2 * np.ceil(radius_px) + 1
    x, y = np.meshgrid(np.arange(step / 2, nx, step), np.arange(step / 2, ny, step))
    # a different place within the spaxel for each, as stars have
    grid = np.column_stack([x.ravel(), y.ravel()])
    grid += np.column_stack([_golden(len(grid), 0.0), _golden(len(grid), 0.5)]) - 0.5
    free = edge_distance(image, grid) > radius_px + 1
    if avoid is not None and avoid.any():
        clear = scipy.ndimage.distance_transform_edt(~avoid)
        column, row = np.clip(np.rint(grid).astype(int), 0, [nx - 1, ny - 1]).T
        free &= clear[row, column] > radius_px + 1
    if len(sources_xy):
        distance, _ = scipy.spatial.cKDTree(sources_xy).query(grid)
        free &= distance > radius_px + STAR_CLEARANCE_FWHM * fwhm_px
    chosen = grid[free]
    if len(chosen) > n_max:  # evenly over the rows of the grid
        chosen = chosen[np.linspace(0, len(chosen) - 1, n_max).round().astype(int)]
    return chosen


def _golden(n: int, start: float) -> np.ndarray:
    """Numbers in 0 to 1 that fill it evenly, however many are taken."""
    return np.asarray((start + np.arange(n) * (np.sqrt(5) - 1) / 2) % 1)


def blank_noise(blank: Spectra, xy: np.ndarray, band: Band, *, min_coverage: float) -> BlankNoise:
    """Noise of the apertures in one band against what STAT propagates to.

    Parameters
    ----------
    blank : Spectra
        Of blank apertures, (blank, aperture, wave), made as those of the stars are.
    xy : ndarray, shape (blank, 2)
        Their positions [pix].
    min_coverage : float
        A sample enters if at least this share of its aperture is on finite spaxels.
    """
    weight = layer_weights(band, blank.wave_aa)
    used = np.isfinite(blank.flux) & (blank.variance > 0) & (blank.coverage >= min_coverage)
    n_radii = blank.flux.shape[1]
    factor, factor_err, background = np.full((3, n_radii), np.nan)
    for aperture in range(n_radii):
        flux, variance, good = (cube[:, aperture] for cube in (blank.flux, blank.variance, used))
        factor[aperture], factor_err[aperture] = _factor(
            flux, variance, good, weight, blank.wave_aa
        )
        background[aperture] = _background(
            flux, variance, good, weight, xy, max(1.0, factor[aperture])
        )
    return BlankNoise(factor, factor_err, background, len(xy))


def _factor(
    flux: np.ndarray,
    variance: np.ndarray,
    good: np.ndarray,
    weight: np.ndarray,
    wave_aa: np.ndarray,
) -> tuple[float, float]:
    """Sigma of differences of neighbouring narrow bands over that of STAT, and its error."""
    bands = _narrow_bands(wave_aa, weight)
    means, variances = np.full((2, len(bands), len(flux)), np.nan)
    for row, part in enumerate(bands):
        means[row], variances[row] = _means(
            flux[:, part], variance[:, part], good[:, part], weight[part]
        )
    n_pairs = len(bands) // 2
    first, second = slice(0, 2 * n_pairs, 2), slice(1, 2 * n_pairs, 2)
    pulls = (means[first] - means[second]) / np.sqrt(variances[first] + variances[second])
    pulls = pulls[np.isfinite(pulls).sum(axis=1) >= MIN_APERTURES]
    known = np.isfinite(pulls)
    if known.sum() < MIN_DIFFERENCES:
        return np.nan, np.nan
    pulls = pulls - np.nanmedian(pulls, axis=1, keepdims=True)
    lost = 1 - 1 / known.sum(axis=1).mean()  # the medians took their share of the scatter
    values = _without_pattern(np.where(known, pulls, 0.0))[known] / np.sqrt(lost)
    factor = MAD_TO_SIGMA * np.median(np.abs(values))
    return float(factor), float(factor / np.sqrt(2 * MAD_EFFICIENCY * len(values)))


def _without_pattern(pulls: np.ndarray) -> np.ndarray:
    """Pulls (pair, blank) less one pattern: a residual sky spectrum, stronger here, weaker there.

    Taken out only where its singular value exceeds what noise reaches, sqrt(n) + sqrt(m).
    """
    n_pairs, n_blank = pulls.shape
    left, size, right = np.linalg.svd(pulls, full_matrices=False)
    noise = MAD_TO_SIGMA * np.median(np.abs(pulls))
    if size[0] < PATTERN_LIMIT * noise * (np.sqrt(n_pairs) + np.sqrt(n_blank)):
        return pulls
    rest = pulls - size[0] * np.outer(left[:, 0], right[0])
    return np.asarray(rest / np.sqrt((1 - 1 / n_pairs) * (1 - 1 / n_blank)))


def _narrow_bands(wave_aa: np.ndarray, weight: np.ndarray) -> list[slice]:
    """Consecutive groups of layers, each about as wide as a narrow band, where there is weight."""
    layers = np.flatnonzero(weight > 0)
    if len(layers) < 2:
        return []
    step = (wave_aa[layers[-1]] - wave_aa[layers[0]]) / (len(layers) - 1)
    size = max(1, round(NARROW_BAND_AA / step))
    starts = range(int(layers[0]), int(layers[-1]) + 2 - size, size)
    return [slice(start, start + size) for start in starts]


def _means(
    flux: np.ndarray, variance: np.ndarray, good: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Weighted mean (blank,) over layers and its variance; NaN where a layer is missing."""
    complete = good.all(axis=1)
    total = weight.sum()
    mean = np.where(complete, np.where(good, flux, 0.0) @ weight, np.nan) / total
    return mean, np.where(complete, np.where(good, variance, 0.0) @ weight**2, np.nan) / total**2


def _background(
    flux: np.ndarray,
    variance: np.ndarray,
    good: np.ndarray,
    weight: np.ndarray,
    xy: np.ndarray,
    factor: float,
) -> float:
    """Scatter of the band fluxes from place to place beyond independent noise.

    A smooth surface is taken out first: far wings of a bright star are no noise, they are much the
    same in all exposures.
    """
    norm = good @ weight
    known = norm > 0.5 * weight.sum()
    if known.sum() < MIN_BLANK:
        return 0.0
    good, norm = good[known], norm[known]
    mean = np.where(good, flux[known], 0.0) @ weight / norm
    expected = factor**2 * (np.where(good, variance[known], 0.0) @ weight**2) / norm**2
    pull = _without_surface(mean / np.sqrt(expected), xy[known])
    n_free = np.isfinite(pull).sum() - N_SURFACE
    ratio = float(np.nansum(pull**2) / n_free)
    if ratio - 1 < SIGNIFICANCE * np.sqrt(2 / n_free):
        return 0.0
    return float(np.sqrt((ratio - 1) * np.median(expected)))


def _without_surface(value: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """Offsets from a cubic surface fitted to all that does not stand out; NaN: stands out."""
    x, y = (2 * (xy - xy.min(axis=0)) / np.maximum(np.ptp(xy, axis=0), 1) - 1).T
    terms = [x**i * y**j for i in range(4) for j in range(4 - i)]
    design = np.column_stack(terms)
    used = np.ones(len(value), bool)
    for _ in range(3):
        surface = design @ np.linalg.lstsq(design[used], value[used], rcond=None)[0]
        offset = value - surface
        scatter = MAD_TO_SIGMA * np.median(np.abs(offset[used]))
        used = np.abs(offset) <= CLIP_SIGMA * scatter
    return np.where(used, offset, np.nan)


def noise_sigma(
    sigma_stat: np.ndarray, noise: BlankNoise | None, stat_factor: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Errors (star, aperture) and what they came from, str of shape (aperture,).

    The larger of what STAT says and that times the factor measured on blank sky.

    Parameters
    ----------
    sigma_stat : ndarray, shape (star, aperture)
        Errors that STAT propagates to [cube unit].
    noise : BlankNoise or None
        None, or NaN factors: not measured, STAT stands.
    stat_factor : float
        Above 0: the reader's own factor on STAT, and nothing else.
    """
    n_radii = sigma_stat.shape[1]
    if stat_factor > 0:
        return stat_factor * sigma_stat, np.full(n_radii, OVERRIDE)
    if noise is None:
        return sigma_stat.copy(), np.full(n_radii, STAT)
    factor = np.fmax(noise.factor, 1.0)  # NaN: not measured
    return factor * sigma_stat, np.where(factor > 1, BLANK, STAT)

"""One factory of synthetic exposures for the tests of the measurement.

Noise-free Gaussian or Moffat stars, a bright standard with diffraction spikes, a footprint with
NaN edges; noise is added on request. Nothing here comes from the code under test.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from astropy.io import fits

from pipeline.muse.cube import Cube, cube_headers, open_cube, write_cube

# Where the study found its stars (2019-03-10 WFM-AO-N), in the order of their numbers.
STUDY_XY = np.array([
    (137.26, 20.07), (143.07, 30.1), (161.26, 37.68), (53.42, 44.28), (172.81, 56.17),
    (81.96, 57.98), (95.24, 74.74), (132.32, 75.22), (243.36, 85.86), (197.18, 89.16),
    (102.8, 141.96), (33.6, 152.61), (79.7, 167.6), (71.43, 173.16), (66.52, 173.9),
    (260.7, 177.94), (171.81, 201.05), (116.61, 209.45), (204.71, 222.34), (10.69, 244.7),
    (238.43, 249.07), (188.26, 255.67), (151.98, 267.47), (12.42, 270.03), (142.17, 293.45),
])  # fmt: skip
# Their SNR in I_Bessel at r = 4.5 px, rounded: relative brightness is all that is taken from it.
STUDY_SNR = np.array([
    369, 1037, 134, 4577, 491, 5961, 167, 477, 266, 203, 597, 161, 555, 714, 1032, 198, 540, 483,
    372, 239, 116, 1354, 141, 315, 1092,
])  # fmt: skip
# Where they are: DAOFIND draws star 14 by 1.2 px towards the brighter star 15, 5 px away.
TRUE_XY = STUDY_XY + np.where(np.arange(25)[:, None] == 13, (1.19, -0.18), 0.0)
STANDARD_XY = (187.3, 151.4)
SPIKE_WIDTH_PX = 1.5


@dataclass(frozen=True)
class FieldRecipe:
    """What one synthetic image shows."""

    shape: tuple[int, int] = (304, 315)
    xy: np.ndarray = field(default_factory=lambda: np.empty((0, 2)))  # (star, 2)
    flux: np.ndarray = field(default_factory=lambda: np.empty(0))  # (star,) total counts
    fwhm_px: float = 4.0
    moffat_beta: float = 0.0  # 0: Gaussian
    sky: float = 20.0  # counts of sky noise, its level is subtracted
    standard_xy: tuple[float, float] | None = None
    standard_flux: float = 4e7
    spike_share: float = 0.004  # of the standard's flux in each of four arms
    spike_length_px: float = 15.0  # e-folding
    spike_angle_deg: float = 10.0
    border_px: int = 0  # NaN rim


STUDY = FieldRecipe(
    xy=TRUE_XY,
    # SNR^2 of a photon-limited star is its counts; the brightest are limited by nothing else.
    flux=STUDY_SNR**1.5 * 20.0,
    moffat_beta=2.8,
    standard_xy=STANDARD_XY,
    border_px=3,
)


def profile(distance: np.ndarray, fwhm_px: float, moffat_beta: float) -> np.ndarray:
    """Point-spread function of unit volume at a distance from its centre."""
    if moffat_beta == 0:
        sigma = fwhm_px / 2.3548200450309493
        return np.exp(-(distance**2) / (2 * sigma**2)) / (2 * np.pi * sigma**2)
    alpha = fwhm_px / (2 * np.sqrt(2 ** (1 / moffat_beta) - 1))
    return (moffat_beta - 1) / (np.pi * alpha**2) * (1 + (distance / alpha) ** 2) ** -moffat_beta


def clean_image(recipe: FieldRecipe) -> np.ndarray:
    """Expected counts above the sky, NaN on the rim."""
    row, column = np.indices(recipe.shape)
    image = np.zeros(recipe.shape)
    for (x, y), flux in zip(recipe.xy, recipe.flux, strict=True):
        distance = np.hypot(column - x, row - y)
        image += flux * profile(distance, recipe.fwhm_px, recipe.moffat_beta)
    if recipe.standard_xy is not None:
        x, y = recipe.standard_xy
        distance = np.hypot(column - x, row - y)
        image += recipe.standard_flux * profile(distance, recipe.fwhm_px, recipe.moffat_beta)
        image += recipe.standard_flux * _spikes(column - x, row - y, recipe)
    rim = recipe.border_px
    if rim:
        image[:rim] = image[-rim:] = image[:, :rim] = image[:, -rim:] = np.nan
    return image


def _spikes(dx: np.ndarray, dy: np.ndarray, recipe: FieldRecipe) -> np.ndarray:
    """Two crossed lines of light through the standard, brightness falling from the centre."""
    light = np.zeros(dx.shape)
    for angle in np.deg2rad([recipe.spike_angle_deg, recipe.spike_angle_deg + 90]):
        along = dx * np.cos(angle) + dy * np.sin(angle)
        across = dy * np.cos(angle) - dx * np.sin(angle)
        light += (
            recipe.spike_share
            * np.exp(-np.abs(along) / recipe.spike_length_px)
            * np.exp(-(across**2) / (2 * SPIKE_WIDTH_PX**2))
            / (recipe.spike_length_px * np.sqrt(2 * np.pi) * SPIKE_WIDTH_PX)
        )
    return light


def noisy(image: np.ndarray, sky: float, rng: np.random.Generator) -> np.ndarray:
    """The image with the noise of its own photons and of the sky's."""
    return image + rng.normal(size=image.shape) * np.sqrt(np.nan_to_num(image).clip(0) + sky)


def moved(recipe: FieldRecipe, affine: np.ndarray) -> FieldRecipe:
    """The same field through x' = a x + b y + c, y' = d x + e y + f; the standard too."""

    def through(xy: np.ndarray) -> np.ndarray:
        return np.asarray(xy) @ affine[:, :2].T + affine[:, 2]

    standard = None if recipe.standard_xy is None else tuple(through(recipe.standard_xy))
    return replace(recipe, xy=through(recipe.xy), standard_xy=standard)


def write_exposure(
    path: Path,
    layers: list[tuple[np.ndarray, np.ndarray]],
    wave_aa: np.ndarray,
    *,
    pixel_scale_arcsec: float = 0.2,
    **keywords: object,
) -> Path:
    """A DATACUBE_FINAL with these (data, stat) layers."""
    primary, spatial = fits.Header(), fits.Header()
    primary["INSTRUME"] = "MUSE"
    primary["MJD-OBS"] = 58552.1
    primary["EXPTIME"] = 120.0
    primary["HIERARCH ESO INS MODE"] = "WFM-AO-N"
    primary.update(keywords)
    spatial["NAXIS2"], spatial["NAXIS1"] = layers[0][0].shape
    spatial["CD1_1"], spatial["CD2_2"] = -pixel_scale_arcsec / 3600, pixel_scale_arcsec / 3600
    write_cube(path, cube_headers(primary, spatial, wave_aa, "count"), layers)
    return path


def study_cube(
    path: Path,
    recipe: FieldRecipe,
    *,
    seed: int,
    wave_aa: np.ndarray,
    **keywords: object,
) -> Cube:
    """A noisy cube whose every layer shows the recipe's image; STAT is the true variance."""
    clean = clean_image(recipe)
    stat = np.nan_to_num(clean).clip(0) + recipe.sky + np.where(np.isnan(clean), np.nan, 0.0)
    rng = np.random.default_rng(seed)
    layers = [(noisy(clean, recipe.sky, rng), stat) for _ in wave_aa]
    return open_cube(write_exposure(path, layers, wave_aa, **keywords))

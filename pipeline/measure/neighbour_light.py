"""The light of neighbours in the apertures of each exposure, so that it can be taken off.

With c(e) the light of all neighbours in the aperture of a star over the star's own, an aperture sum is
1 + c(e) times too large. Places and fluxes of the sources are fitted together to the image of the reference,
which is sharp; the PSF is that of the exposure, learned from all of its bright stars with their neighbours
subtracted: in a crowded field no star is alone. What is left is the error of ln(1 + c)::

    by_psf      change of ln(1 + c) for errors of FWHM and Moffat index, in quadrature
    by_sources  SOURCE_ERROR of the change of ln(1 + c) from its mean over the exposures: places and
                fluxes of the sources are off by the same factor in all of them, which cancels in ratios
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from pipeline.config.settings import Settings
from pipeline.measure.contamination import (
    BETA_RANGE,
    Moffat,
    light_in_aperture,
    pixels_about,
    share_within,
)
from pipeline.measure.crowding import Light, joint_fluxes, psf_of, rendered, sources_of
from pipeline.measure.reference import ReferenceCatalogue
from pipeline.measure.results import Detection
from pipeline.measure.source_fit import fit_sources

N_PSF_STARS = 40  # brightest, from which the PSF is measured
N_ROUNDS = 2  # of fluxes and PSF in turn
FIT_RADIUS_FWHM = 3.0  # of the profile: as far as the light that is subtracted matters
RENDER_FWHM = 5.0
MIN_COMPLETE = 0.9  # of the pixels within that radius
MODEL_ERROR = 0.05  # of the profile in a pixel: places are off by some tenths of a pixel
PEAK_ERROR = 0.002  # of the peak: light of sources that are not known
# 1 sigma, as measured on simulated clusters of 300 stars where the truth is known
FWHM_ERROR = 0.012  # of the PSF of an exposure, relative
BETA_ERROR = 0.1  # of its Moffat index
SOURCE_ERROR = 0.1  # of the light of neighbours, relative
MIN_PAIR = 0.005  # of the star's own light: less from one neighbour does not matter if that varies
STEP_PX, FAR_PX, N_FAR = 0.25, 30.0, 40  # nodes of light over distance: right to 1e-4 of a star's


@dataclass(frozen=True)
class NeighbourLight:
    """What neighbours add to apertures; arrays have shape (exposure, star, aperture)."""

    share: np.ndarray  # [1], light of neighbours over the star's own; NaN: not known
    err: np.ndarray  # [ln], 1 sigma of ln(1 + share) about its mean over the exposures
    own: np.ndarray  # [1], the star's own light over that in an aperture about its fitted place
    pairs: "Pairs"


@dataclass(frozen=True)
class Pairs:
    """Stars of the catalogue in each other's apertures."""

    star: np.ndarray  # (pair,) row of the star whose aperture it is
    other: np.ndarray  # (pair,) row of the neighbour
    share: np.ndarray  # (exposure, pair, aperture), light of that neighbour over the star's own


def psf_among_neighbours(
    image: np.ndarray, xy: np.ndarray, start: Moffat, *, noise: float
) -> Moffat:
    """The Moffat profile of the brightest stars of an image, their neighbours subtracted.

    Parameters
    ----------
    image : ndarray, shape (y, x)
        Above the background, NaN: no data.
    xy : ndarray, shape (source, 2)
        Of all sources [pix]; those off the image are left out.
    start : Moffat
        A first estimate; returned where too few stars are complete.
    noise : float
        Standard deviation of the background.
    """
    size = np.array(image.shape[::-1]) - 1
    with np.errstate(invalid="ignore"):
        xy = xy[((xy >= 0) & (xy <= size)).all(axis=1)]
    psf = start
    for _ in range(N_ROUNDS if len(xy) else 0):
        light = Light(xy, joint_fluxes(image, xy, psf))
        pixels = _cleaned(image, light, psf)
        if pixels is None:
            return psf
        psf = _fitted(*pixels, psf, noise)
    return psf


def _cleaned(
    image: np.ndarray, light: Light, psf: Moffat
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Distance, value over the flux of its star, and that flux (pix,), of stars without neighbours."""
    left = image - rendered(light, psf, image.shape, reach_fwhm=RENDER_FWHM)
    reach = FIT_RADIUS_FWHM * psf.fwhm_px
    radii, values, fluxes = [], [], []
    for star in np.argsort(-light.flux, kind="stable")[:N_PSF_STARS].tolist():
        flux, (x, y) = float(light.flux[star]), light.xy[star]
        distance, value = pixels_about(left, x, y, reach)
        if flux <= 0 or len(distance) < MIN_COMPLETE * np.pi * reach**2:
            continue
        profile = _profile(distance, psf)
        value = value / flux + profile
        scale = float((value * profile).sum() / (profile**2).sum())
        if scale > 0:
            radii.append(distance)
            values.append(value / scale)
            fluxes.append(np.full(len(distance), scale * flux))
    if len(radii) < 3:
        return None
    return np.concatenate(radii), np.concatenate(values), np.concatenate(fluxes)


def _profile(radius: np.ndarray, psf: Moffat) -> np.ndarray:
    """Light in a pixel at distances from a star of flux 1."""
    alpha = psf.alpha_px()
    peak = (psf.beta - 1) / (np.pi * alpha**2)
    return np.asarray(peak * (1 + (radius / alpha) ** 2) ** -psf.beta)


def _fitted(
    radius: np.ndarray, value: np.ndarray, flux: np.ndarray, start: Moffat, noise: float
) -> Moffat:
    """The profile through values of many stars, robust against what was not subtracted."""
    peak = float(_profile(np.zeros(1), start)[0])
    sigma = np.sqrt(
        (noise / flux) ** 2
        + (MODEL_ERROR * _profile(radius, start)) ** 2
        + (PEAK_ERROR * peak) ** 2
    )

    def misfit(parameters: np.ndarray) -> np.ndarray:
        scale, ln_fwhm, beta, level = parameters
        model = scale * _profile(radius, Moffat(float(np.exp(ln_fwhm)), beta)) + level * peak
        return np.asarray((model - value) / sigma)

    ln_fwhm = float(np.log(start.fwhm_px))
    fit = scipy.optimize.least_squares(
        misfit,
        [1.0, ln_fwhm, start.beta, 0.0],
        bounds=(
            [0.3, ln_fwhm - np.log(2), BETA_RANGE[0], -0.1],
            [3.0, ln_fwhm + np.log(2), BETA_RANGE[1], 0.1],
        ),
        loss="soft_l1",
    )
    return Moffat(float(np.exp(fit.x[1])), float(fit.x[2]))


def fitted_sources(
    catalogue: ReferenceCatalogue, detection: Detection, settings: Settings
) -> Light:
    """All light of the reference exposure, the stars of ``stars_here`` first, fitted together."""
    image, noise = detection.image - detection.sources.background, detection.sources.noise
    found = sources_of(catalogue, detection, settings)
    psf = psf_among_neighbours(image, found.xy, psf_of(detection), noise=noise)
    return fit_sources(image, found, psf, noise=noise)


def neighbour_light(
    xy: np.ndarray, sources: Light, psfs: Sequence[Moffat], radii_px: Sequence[float]
) -> NeighbourLight:
    """Light of neighbours in apertures about the first sources.

    Parameters
    ----------
    xy : ndarray, shape (star, 2)
        Where the apertures are; a star without a flux has an error of 1, and nothing is taken off.
    sources : Light
        The stars first; in the frame of the reference: distances are the same in all exposures.
    psfs : sequence of Moffat
        Of the exposures.
    radii_px : sequence of float

    Examples
    --------
    >>> pair = Light(np.array([(0.0, 0.0), (8.0, 0.0)]), np.array([1.0, 0.5]))
    >>> light = neighbour_light(pair.xy, pair, [Moffat(3.0, 2.8), Moffat(6.0, 2.8)], [4.5])
    >>> light.share[:, 0, 0].round(3).tolist()  # more of the neighbour in bad seeing
    [0.013, 0.093]
    """
    n = len(xy)
    distance = np.hypot(*(xy[:, np.newaxis] - sources.xy).transpose(2, 0, 1))
    lit = sources.flux[:n] > 0
    dark = ~lit[:, np.newaxis]

    def ratios(fwhm: float = 1.0, beta: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        """(exposure, aperture, star, source) light over the star's own; that over a centred one's."""
        found, own = [], []
        for one in psfs:
            psf = Moffat(fwhm * one.fwhm_px, one.beta + beta)
            light = np.array([_light(distance, psf, radius) for radius in radii_px])
            itself = light[:, np.arange(n), np.arange(n)]
            centred = np.array([share_within(radius, psf) for radius in radii_px])
            own.append((itself / centred[:, np.newaxis]).T)
            light *= sources.flux
            light[:, np.arange(n), np.arange(n)] = 0.0
            found.append(light / np.where(lit, sources.flux[:n] * itself, np.inf)[..., np.newaxis])
        return np.array(found), np.array(own)

    each, own = ratios()
    logs, wider, steeper = (
        np.log1p(one.sum(axis=3)).transpose(0, 2, 1)
        for one in (each, ratios(fwhm=1 + FWHM_ERROR)[0], ratios(beta=BETA_ERROR)[0])
    )
    by_psf = np.hypot(wider - logs, steeper - logs)
    by_sources = SOURCE_ERROR * (logs - logs.mean(axis=0))
    err = np.where(dark, 1.0, np.hypot(by_psf, by_sources))
    star, other = np.nonzero(each[:, :, :, :n].max(axis=(0, 1)) > MIN_PAIR)
    pairs = Pairs(star, other, each[:, :, star, other].transpose(0, 2, 1))
    return NeighbourLight(np.expm1(logs), err, np.where(dark, 1.0, own), pairs)


def _light(distance: np.ndarray, psf: Moffat, radius_px: float) -> np.ndarray:
    """Share of the light of a source in an aperture so far from it, shape of ``distance``."""
    near = np.arange(0.0, FAR_PX, STEP_PX)
    farthest = max(float(distance.max(initial=0.0)), FAR_PX) + 1
    nodes = np.append(near, np.geomspace(FAR_PX, farthest, N_FAR))
    light = scipy.interpolate.CubicSpline(nodes, light_in_aperture(nodes, radius_px, psf))
    return np.asarray(light(distance))

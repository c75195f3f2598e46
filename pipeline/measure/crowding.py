"""What neighbours do to the stars of a catalogue in the seeing of all its exposures.

The neighbours are those of the catalogue and whatever light is left when all of these are subtracted from
the image of the reference: the second star of a close pair, which DAOFIND takes for one, or a bright
chain of stars, which it takes for none.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy

from pipeline.config.settings import Settings
from pipeline.measure.catalogue import blended_reason
from pipeline.measure.contamination import (
    Moffat,
    contamination_over,
    core_light,
    light_by_distance,
    measure_moffat,
)
from pipeline.measure.detection import edge_distance
from pipeline.measure.reference import ReferenceCatalogue
from pipeline.measure.results import Detection

BLENDED = "blended"
MIN_PSFS = 3  # exposures needed to know how the seeing changes
N_ROUNDS = 3  # of subtraction and search
MIN_SHARE = 0.1  # of the light that was subtracted at a place: less may be the form of the PSF
MIN_APART_FWHM = 0.5  # a new source closer to another is the same star: its place was a little off
REACH_FWHM = 8.0  # of a star that is subtracted


def psf_of(detection: Detection) -> Moffat:
    """The PSF of one exposure."""
    sources = detection.sources
    return measure_moffat(detection.image - sources.background, sources.xy, sources.fwhm_px)


def stars_here(catalogue: ReferenceCatalogue, detection: Detection) -> np.ndarray:
    """Rows of the stars on the image of the reference; others are those of another pointing."""
    return np.flatnonzero(edge_distance(detection.image, catalogue.xy) > 0)


def sources_of(catalogue: ReferenceCatalogue, detection: Detection, settings: Settings) -> "Light":
    """All light of the reference exposure: its stars, the masked ones, and what these leave.

    The first are the stars of ``stars_here``.
    """
    sources, stars = detection.sources, catalogue.xy[stars_here(catalogue, detection)]
    return find_light(
        detection.image - sources.background,
        np.vstack([stars, detection.standard.xy]),
        psf_of(detection),
        noise=sources.noise,
        threshold_sigma=settings.detection.threshold_sigma,
    )


def in_seeing_of_exposures(
    catalogue: ReferenceCatalogue,
    detection: Detection,
    psfs: Sequence[Moffat],
    settings: Settings,
    *,
    sources: "Light | None" = None,
    left: np.ndarray | None = None,
) -> ReferenceCatalogue:
    """The catalogue with contamination and the flag "blended" as the seeing of all exposures has them.

    Parameters
    ----------
    catalogue : ReferenceCatalogue
        A star beyond the image of the reference, which another pointing shows, stays as it is.
    detection : Detection
        Of the reference exposure.
    psfs : sequence of Moffat
        Of the exposures; with fewer than ``MIN_PSFS`` the catalogue is returned as it is.
    settings : Settings
    sources : Light, optional
        Of ``sources_of``, if it is known.
    left : ndarray, shape (star,), optional
        Error of ln F once the light of neighbours is taken off: where it is, it decides about the flag.
    """
    here = stars_here(catalogue, detection)
    if len(psfs) < MIN_PSFS or not len(here):
        return catalogue
    light = sources_of(catalogue, detection, settings) if sources is None else sources
    change = catalogue.contamination.copy()
    change[here] = contamination_over(
        light.xy[: len(here)],
        light.flux[: len(here)],
        psfs,
        settings.statistics.radius_px,
        others_xy=light.xy[len(here) :],
        others_flux=light.flux[len(here) :],
    ).total
    limit = settings.statistics.max_contamination
    flags, reasons = list(catalogue.flags), list(catalogue.reasons)
    decides = change if left is None else left
    for row in here.tolist():
        value = float(decides[row])
        why = blended_reason(value, limit) if left is None else uncertain_reason(value, limit)
        flags[row], reasons[row] = _flagged(flags[row], reasons[row], why if value > limit else "")
    return replace(catalogue, contamination=change, flags=tuple(flags), reasons=tuple(reasons))


def uncertain_reason(left: float, limit: float) -> str:
    """Why a star whose neighbours are subtracted is blended, in words."""
    return (
        f"the light of neighbours is subtracted, but known to {left:.2g} in ln F only, worse than "
        f"{limit:g}"
    )


def _flagged(flags: str, reasons: str, reason: str) -> tuple[str, str]:
    """Flags and reasons of a star with "blended" where there is a reason only."""
    kept = [
        (flag, why)
        for flag, why in zip(flags.split(), reasons.split("; "), strict=False)
        if flag != BLENDED
    ]
    if reason:
        kept.append((BLENDED, reason))
    return " ".join(flag for flag, _ in kept), "; ".join(why for _, why in kept)


@dataclass(frozen=True)
class Light:
    """Point sources that together make the light of an image."""

    xy: np.ndarray  # (source, 2) [pix]; the known ones first
    flux: np.ndarray  # (source,) [cube unit], of the whole profile, 0 or more


def find_light(
    image: np.ndarray, xy: np.ndarray, psf: Moffat, *, noise: float, threshold_sigma: float
) -> Light:
    """Known sources and those that show when they are subtracted, with fluxes fitted to all at once.

    Parameters
    ----------
    image : ndarray, shape (y, x)
        Above the background, NaN: no data.
    xy : ndarray, shape (source, 2)
        Of the known sources [pix].
    psf : Moffat
        Of the image.
    noise : float
        Standard deviation of the background.
    threshold_sigma : float
        Of a source that is new, in standard deviations of its flux on the background.
    """
    kernel = _stamp(psf, 0.0, 0.0, int(np.ceil(2 * psf.fwhm_px)))
    kernel /= (kernel**2).sum()  # what a convolution with it peaks at is the flux
    least = threshold_sigma * noise * float(np.sqrt((kernel**2).sum()))
    blind = ~np.isfinite(image)
    found = Light(xy, joint_fluxes(image, xy, psf))
    for _ in range(N_ROUNDS):
        model = rendered(found, psf, image.shape)
        left, taken = (
            scipy.signal.fftconvolve(np.where(blind, 0.0, one), kernel, mode="same")
            for one in (image - model, model)
        )
        peak = scipy.ndimage.maximum_filter(left, size=3) == left
        row, column = np.nonzero(peak & (left > np.maximum(least, MIN_SHARE * taken)) & ~blind)
        new = np.column_stack([column, row])
        if len(new) and len(found.xy):
            apart = scipy.spatial.cKDTree(found.xy).query(new)[0]
            new = new[apart > MIN_APART_FWHM * psf.fwhm_px]
        if not len(new):
            break
        everything = np.vstack([found.xy, new])
        found = Light(everything, joint_fluxes(image, everything, psf))
    return found


def joint_fluxes(image: np.ndarray, xy: np.ndarray, psf: Moffat) -> np.ndarray:
    """Fluxes (source,) of 0 or more that together make the light in the core of each source."""
    apart = np.hypot(*(xy[:, np.newaxis] - xy).transpose(2, 0, 1))
    radius_px = psf.fwhm_px
    share = light_by_distance(apart, radius_px, psf)
    return np.asarray(scipy.optimize.nnls(share, core_light(image, xy, radius_px))[0])


def rendered(
    light: Light, psf: Moffat, shape: tuple[int, ...], *, reach_fwhm: float = REACH_FWHM
) -> np.ndarray:
    """Image (y, x) of the sources, each as far as so many FWHM."""
    reach = int(np.ceil(reach_fwhm * psf.fwhm_px))
    padded = np.zeros((shape[0] + 2 * reach, shape[1] + 2 * reach))
    for (x, y), flux in zip(light.xy, light.flux, strict=True):
        column, row = round(x), round(y)
        if flux > 0 and 0 <= column < shape[1] and 0 <= row < shape[0]:
            where = (slice(row, row + 2 * reach + 1), slice(column, column + 2 * reach + 1))
            padded[where] += flux * _stamp(psf, x - column, y - row, reach)
    return padded[reach:-reach, reach:-reach]


def _stamp(psf: Moffat, x: float, y: float, reach: int) -> np.ndarray:
    """Light (y, x) in the spaxels about a star of flux 1 that is off the middle one by (x, y) [pix]."""
    alpha = psf.alpha_px()
    dy, dx = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    square = (dx - x) ** 2 + (dy - y) ** 2
    return np.asarray(
        (psf.beta - 1) / (np.pi * alpha**2) * (1 + square / alpha**2) ** -psf.beta, float
    )

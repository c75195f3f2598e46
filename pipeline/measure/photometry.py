"""Fluxes in a passband from extracted spectra, and in the study's own convention.

The reduced spectra carry an arbitrary response, so a single flux means nothing by itself: only
ratios of fluxes from the same exposure are published.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.config.passbands import Band
from pipeline.errors import BandNotCovered

FULL_COVERAGE = 1 - 1e-9  # rounding of a sum of aperture weights
CORE_PX, RING_PX = 1.5, 4  # radii of the core of a star, and of the ring about it
DARK_SIGMA, BRIGHT_SIGMA = 5.0, 10.0  # below and above the background: no noise reaches them


@dataclass(frozen=True)
class BandFlux:
    """Mean flux density in a passband; every array has shape (star, aperture)."""

    flux: np.ndarray  # [cube unit], NaN where coverage < min_coverage
    sigma: np.ndarray  # [cube unit], 1 sigma
    coverage: np.ndarray  # [1], share of aperture and passband weight on finite samples

    @property
    def snr(self) -> np.ndarray:
        """Signal to noise ratio flux / sigma, NaN where either is missing or sigma is 0."""
        snr = np.full_like(self.flux, np.nan)
        np.divide(self.flux, self.sigma, out=snr, where=self.sigma > 0)
        return snr


@dataclass(frozen=True)
class PublishedFlux:
    """What the study calls flux and SNR; every array has shape (star, aperture)."""

    flux: np.ndarray  # [cube unit], sum of passband times spectrum, NaN summed as zero
    snr: np.ndarray  # that sum over the root of the sum of passband squared times variance


def integrate_band(
    flux: np.ndarray,
    variance: np.ndarray,
    coverage: np.ndarray,
    wave_aa: np.ndarray,
    band: Band,
    *,
    min_coverage: float,
) -> BandFlux:
    """Mean flux density of spectra in a passband, with the variance propagated from STAT.

    The weight of a layer is the integral of the passband over its bin: coarse bins are unbiased.
    A layer enters if at least ``min_coverage`` of the aperture lies on finite spaxels there (a sum
    over fewer would be short by what they miss), and the flux is NaN unless such layers hold
    ``min_coverage`` of the passband's weight.

    Parameters
    ----------
    flux, variance, coverage : ndarray, shape (star, aperture, wave)
        Aperture sums [cube unit], their variance, and the share of the aperture that they contain.
        NaN marks a missing sample.
    wave_aa : ndarray, shape (wave,)
        Air wavelength of the layer centres, increasing.

    Raises
    ------
    BandNotCovered
        If the passband is not inside the layers.
    """
    weight = layer_weights(band, wave_aa)
    finite = np.isfinite(flux) & np.isfinite(variance)
    share = np.where(finite, coverage, 0.0) @ weight / weight.sum()
    used = finite & (coverage >= min_coverage)
    norm = used @ weight
    with np.errstate(invalid="ignore", divide="ignore"):  # norm 0 is rejected below
        mean = np.where(used, flux, 0.0) @ weight / norm
        sigma = np.sqrt(np.where(used, variance, 0.0) @ weight**2) / norm
    reject = (share < min_coverage) | (norm < min_coverage * weight.sum())
    return BandFlux(np.where(reject, np.nan, mean), np.where(reject, np.nan, sigma), share)


def not_covered(n_stars: int, n_radii: int) -> BandFlux:
    """The fluxes in a passband that is not inside the wavelengths of an exposure: none."""
    nothing = np.full((n_stars, n_radii), np.nan)
    return BandFlux(nothing, nothing.copy(), np.zeros((n_stars, n_radii)))


def layer_weights(band: Band, wave_aa: np.ndarray) -> np.ndarray:
    """Integral of the passband over each layer [Angstrom], shape (wave,).

    Raises
    ------
    BandNotCovered
        If part of the passband lies beyond the edges of the first or last layer.
    """
    edges = layer_edges(wave_aa)
    if not covers(wave_aa, band):
        raise BandNotCovered(
            f"passband {band.name}, {band.wave_aa[0]:.0f}-{band.wave_aa[-1]:.0f} A, is not inside "
            f"the spectra, {edges[0]:.0f}-{edges[-1]:.0f} A"
        )
    # The passband is linear between knots, so trapezoids over knots and edges together are exact.
    grid = np.union1d(edges, band.wave_aa)
    value = np.interp(grid, band.wave_aa, band.weight, left=0.0, right=0.0)
    integral = np.concatenate([[0.0], np.cumsum(np.diff(grid) * (value[1:] + value[:-1]) / 2)])
    return np.diff(integral[np.searchsorted(grid, edges)])


def covers(wave_aa: np.ndarray, band: Band) -> bool:
    """Whether a passband is inside the layers."""
    edges = layer_edges(wave_aa)
    return bool(band.wave_aa[0] >= edges[0] and band.wave_aa[-1] <= edges[-1])


def layer_edges(wave_aa: np.ndarray) -> np.ndarray:
    """Edges of the layers [Angstrom], half-way between their centres; shape (wave + 1,).

    A single layer has no width that its centre could tell: 0.
    """
    if len(wave_aa) < 2:
        return np.repeat(wave_aa, 2)
    inner = (wave_aa[1:] + wave_aa[:-1]) / 2
    return np.concatenate([[2 * wave_aa[0] - inner[0]], inner, [2 * wave_aa[-1] - inner[-1]]])


def published_band_sum(
    flux: np.ndarray, variance: np.ndarray, wave_aa: np.ndarray, band: Band
) -> PublishedFlux:
    """Band flux and SNR to the letter of the study.

    The passband T is interpolated at the layer centres, NaN in a spectrum count as zero:
    flux = sum(T F), SNR = sum(T F) / sqrt(sum(T^2 V)). Arguments as for ``integrate_band``.
    """
    transmission = np.interp(wave_aa, band.wave_aa, band.weight, left=0.0, right=0.0)
    total = np.nan_to_num(flux, nan=0.0) @ transmission
    noise = np.sqrt(np.nan_to_num(variance, nan=0.0) @ transmission**2)
    snr = np.divide(total, noise, out=np.full_like(total, np.nan), where=noise > 0)
    return PublishedFlux(total, snr)


def flux_flags(
    coverage: np.ndarray, band_flux: BandFlux, dark_core: np.ndarray | None = None
) -> np.ndarray:
    """Why a flux is incomplete, str of shape (star, aperture), "" where it is not.

    "edge": part of the aperture is off the footprint, on spaxels without data in every layer;
    "gap": too little of the passband's weight is on finite samples, the flux is NaN; "core": the
    core of the star is 0 or negative where it must be brightest, as saturated pixels are.

    Parameters
    ----------
    coverage : ndarray, shape (star, aperture, wave)
        Of the spectra.
    dark_core : ndarray of bool, shape (star,), optional
        Of ``dark_cores``.
    """
    edge = np.where(coverage.max(axis=-1) < FULL_COVERAGE, "edge", "")
    gap = np.where(np.isnan(band_flux.flux), "gap", "")
    flags = np.char.add(np.char.add(edge, " "), gap)
    if dark_core is not None:
        flags = np.char.add(flags, np.where(dark_core, " core", "")[:, None])
    return np.char.strip(flags)


def dark_cores(image: np.ndarray, xy: np.ndarray, background: float, noise: float) -> np.ndarray:
    """Whether the core of a star is 0 or negative where it must be brightest, bool (star,).

    Detectors and recipes write such values where a pixel is saturated. A core is dark if a spaxel
    within ``CORE_PX`` of the position is exactly 0, or ``DARK_SIGMA`` below the background, while
    the ring about it is ``BRIGHT_SIGMA`` above.

    Parameters
    ----------
    image : ndarray, shape (y, x)
        Detection image, NaN: no data.
    xy : ndarray, shape (star, 2)
        Positions [pix].
    background, noise : float
        Level of the image and its scatter.
    """
    padded = np.asarray(np.pad(image, RING_PX, constant_values=np.nan))
    place = np.where(np.isfinite(xy), xy, -1.0)
    centre = np.rint(place).astype(int)
    ny, nx = image.shape
    inside = np.asarray(((centre >= 0) & (centre < (nx, ny))).all(axis=1), bool)
    column, row = np.where(inside[:, None], centre, 0).T + RING_PX
    dy, dx = (one.ravel() for one in np.mgrid[-RING_PX : RING_PX + 1, -RING_PX : RING_PX + 1])
    stamps = padded[row[:, None] + dy, column[:, None] + dx]
    offset = np.where(inside[:, None], place - centre, 0.0)
    distance = np.hypot(dx - offset[:, :1], dy - offset[:, 1:])
    low = (stamps == 0) | (stamps < background - DARK_SIGMA * noise)
    ring = np.where((distance > CORE_PX) & (distance <= RING_PX) & np.isfinite(stamps), stamps, 0.0)
    n_ring = np.count_nonzero(ring, axis=1)
    mean = ring.sum(axis=1) / np.maximum(n_ring, 1)
    bright = (n_ring > 0) & (mean > background + BRIGHT_SIGMA * noise)
    return np.asarray(inside & bright & (low & (distance <= CORE_PX)).any(axis=1))

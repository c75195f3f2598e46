"""Fluxes in a passband from extracted spectra, and the study's own convention beside them.

The reduced spectra carry an arbitrary response, so a single flux means nothing by itself: only
ratios of fluxes from the same exposure are published.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.config.passbands import Band
from pipeline.errors import BandNotCovered

FULL_COVERAGE = 1 - 1e-9  # rounding of a sum of aperture weights


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


def covers(band: Band, wave_aa: np.ndarray) -> bool:
    """Whether layers hold a passband from end to end."""
    try:
        layer_weights(band, wave_aa)
    except BandNotCovered:
        return False
    return True


def layer_weights(band: Band, wave_aa: np.ndarray) -> np.ndarray:
    """Integral of the passband over each layer [Angstrom], shape (wave,).

    Raises
    ------
    BandNotCovered
        If part of the passband lies beyond the edges of the first or last layer.
    """
    inner = (wave_aa[1:] + wave_aa[:-1]) / 2
    edges = np.concatenate([[2 * wave_aa[0] - inner[0]], inner, [2 * wave_aa[-1] - inner[-1]]])
    if band.wave_aa[0] < edges[0] or band.wave_aa[-1] > edges[-1]:
        raise BandNotCovered(
            f"passband {band.name}, {band.wave_aa[0]:.0f}-{band.wave_aa[-1]:.0f} A, is not inside "
            f"the spectra, {edges[0]:.0f}-{edges[-1]:.0f} A"
        )
    # The passband is linear between knots, so trapezoids over knots and edges together are exact.
    grid = np.union1d(edges, band.wave_aa)
    value = np.interp(grid, band.wave_aa, band.weight, left=0.0, right=0.0)
    integral = np.concatenate([[0.0], np.cumsum(np.diff(grid) * (value[1:] + value[:-1]) / 2)])
    return np.diff(integral[np.searchsorted(grid, edges)])


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


def flux_flags(coverage: np.ndarray, band_flux: BandFlux) -> np.ndarray:
    """Why a flux is incomplete, str of shape (star, aperture), "" where it is not.

    "edge": part of the aperture is off the footprint, on spaxels without data in every layer;
    "gap": too little of the passband's weight is on finite samples, the flux is NaN.

    Parameters
    ----------
    coverage : ndarray, shape (star, aperture, wave)
        Of the spectra.
    """
    edge = np.where(coverage.max(axis=-1) < FULL_COVERAGE, "edge", "")
    gap = np.where(np.isnan(band_flux.flux), "gap", "")
    return np.char.strip(np.char.add(np.char.add(edge, " "), gap))

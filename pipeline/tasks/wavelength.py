"""Fluxes of all stars in many bands, from the extracted spectra of a campaign."""

from dataclasses import replace
from itertools import pairwise

import numpy as np

from pipeline.config.passbands import Band, known_bands, load_band
from pipeline.config.settings import Settings
from pipeline.config.targets import window_band
from pipeline.measure.photometry import covers, integrate_band, layer_edges
from pipeline.measure.spectra import Spectra
from pipeline.muse.modes import MODES
from pipeline.statistics.fluxes import Fluxes
from pipeline.statistics.wavelength import BandSeries
from pipeline.tasks.collect import Gathered

WIDTH_AA = 100.0  # of a narrow band


def narrow_bands() -> tuple[Band, ...]:
    """Bands of 100 Angstrom over all wavelengths of the instrument, 1 within, 0 outside."""
    first = min(mode.wave_aa[0] for mode in MODES.values())
    last = max(mode.wave_aa[1] for mode in MODES.values())
    edges = np.arange(np.ceil(first / WIDTH_AA), np.floor(last / WIDTH_AA) + 1) * WIDTH_AA
    return tuple(
        window_band((f"{low:.0f}-{high:.0f}", float(low), float(high)))
        for low, high in pairwise(edges.tolist())
    )


def band_series(gathered: Gathered, fluxes: Fluxes, settings: Settings) -> tuple[BandSeries, ...]:
    """Every passband that there is, and bands of 100 Angstrom, where exposures cover them.

    Parameters
    ----------
    gathered : Gathered
    fluxes : Fluxes
        In the passband and aperture of the headlines: axes, flags, and by how much errors exceed
        what STAT gives, which is taken for all bands.
    settings : Settings
        ``statistics.radius_px`` and ``photometry.min_coverage``.
    """
    bands = (*map(load_band, known_bands()), *narrow_bands())
    shape = (len(bands), *fluxes.flux.shape)
    flux, err = np.full(shape, np.nan), np.full(shape, np.nan)
    headline = load_band(fluxes.band)
    for row, exposure_id in enumerate(fluxes.exposure_ids.tolist()):
        measurement = gathered.measured.get(exposure_id)
        if measurement is None:
            continue
        spectra = measurement.spectra
        aperture = int(np.argmin(np.abs(spectra.radii_px - settings.statistics.radius_px)))
        _, from_stat = _integrated(spectra, aperture, headline, settings)
        with np.errstate(invalid="ignore", divide="ignore"):
            excess = fluxes.flux_err[row] / from_stat
        for index, band in enumerate(bands):
            flux[index, row], sigma = _integrated(spectra, aperture, band, settings)
            err[index, row] = sigma * excess
    return tuple(
        BandSeries(band.name, band.range_aa, _with(fluxes, band, flux[k], err[k]))
        for k, band in enumerate(bands)
        if np.isfinite(flux[k]).any()
    )


def _with(fluxes: Fluxes, band: Band, flux: np.ndarray, err: np.ndarray) -> Fluxes:
    return replace(fluxes, flux=flux, flux_err=err, flux_published=flux, band=band.name)


def _integrated(
    spectra: Spectra, aperture: int, band: Band, settings: Settings
) -> tuple[np.ndarray, np.ndarray]:
    """(star,) flux and its error from STAT in a band; NaN where it is not covered."""
    nothing = np.full(len(spectra.flux), np.nan)
    wave = spectra.wave_aa
    band = _clipped(band, wave, settings.photometry.min_coverage)
    if not covers(wave, band):
        return nothing, nothing
    near = _layers(wave, band)
    if np.count_nonzero(near) < 2:
        near = np.ones(len(wave), bool)
    flux, variance, coverage = (
        getattr(spectra, name)[:, [aperture]][:, :, near]
        for name in ("flux", "variance", "coverage")
    )
    found = integrate_band(
        flux,
        variance,
        coverage,
        wave[near],
        band,
        min_coverage=settings.photometry.min_coverage,
    )
    return found.flux[:, 0], found.sigma[:, 0]


def _clipped(band: Band, wave_aa: np.ndarray, min_coverage: float) -> Band:
    """The band within the layers, if hardly any of its weight lies beyond; else as it is.

    The V band begins 50 Angstrom before the nominal modes do, where it weighs next to nothing.
    """
    edges = layer_edges(wave_aa)
    low, high = max(band.range_aa[0], edges[0]), min(band.range_aa[1], edges[-1])
    if not low < high:
        return band
    knots = np.unique(np.concatenate([[low, high], band.wave_aa]))
    knots = knots[(knots >= low) & (knots <= high)]
    weight = np.interp(knots, band.wave_aa, band.weight)
    share = np.trapezoid(weight, knots) / np.trapezoid(band.weight, band.wave_aa)
    return replace(band, wave_aa=knots, weight=weight) if share >= min_coverage else band


def _layers(wave_aa: np.ndarray, band: Band) -> np.ndarray:
    """Mask of the layers whose bins a band may touch, with one more at each side."""
    step = float(np.diff(wave_aa).max()) if len(wave_aa) > 1 else 0.0
    low, high = band.range_aa
    return np.asarray((wave_aa > low - 2 * step) & (wave_aa < high + 2 * step))

"""A night on Paranal: when the field is observed, and what the exposures of a night share."""

from dataclasses import dataclass

import numpy as np
from astropy.time import Time

from pipeline.config.settings import Field
from pipeline.simulation import ephemeris
from pipeline.simulation.atmosphere import seeing_fwhm_arcsec
from pipeline.simulation.draws import stream

SLOT_S = 540.0  # between the starts of two exposures: 120 s of light, a change of mode
N_SLOTS = 4  # a night has one exposure per mode; more follow after these
SUN_BELOW_DEG = -15.0  # standards are taken in late twilight or at night
AIRMASS_LIMIT = 1.8

AO_SHARPENING = 0.80  # ground-layer correction, factor on the FWHM
INSTRUMENT_FWHM_ARCSEC = 0.30
FWHM_WAVE_AA = 8000.0

# The reference exposure. Airmass: a comment in the study's scripts. Width, wings and sky: what
# the five radii of the study's SNR table tell together (fitted on 20 unblended stars, rms of
# the prediction 5, 3, 1.6 and 2 per cent at r = 1.5, 2.5, 3.5 and 5.5 px).
REFERENCE_AIRMASS = 1.0145
REFERENCE_FWHM_PX = 4.5  # at 8000 Angstrom
REFERENCE_BETA = 1.9
REFERENCE_SKY = 10.0  # moon or twilight: continuum in units of the dark sky's


@dataclass(frozen=True)
class Night:
    """What the exposures of one night share."""

    first_start_mjd: float
    dimm_arcsec: float
    throughput: float  # grey, 1 = clear
    haze_mag: float  # aerosol extinction beyond the mean [mag per airmass at 5500 Angstrom]
    sky_continuum: float  # relative to the dark sky
    sky_lines: float  # airglow relative to its mean


def draw_night(seed: int, night: str, field: Field) -> Night:
    """Conditions of a night; seeing about 0.8 arcsec, thin clouds of a few per cent."""
    rng = stream(seed, "night", night)
    return Night(
        first_start_mjd=_first_start(night, field, rng.uniform()),
        dimm_arcsec=float(np.clip(0.8 * np.exp(rng.normal(0, 0.22)), 0.5, 1.6)),
        throughput=float(10 ** (-0.4 * abs(rng.normal(0, 0.03)))),
        haze_mag=float(rng.normal(0, 0.02)),
        sky_continuum=float(4.0 * np.exp(rng.normal(0, 0.6))),
        sky_lines=float(np.exp(rng.normal(0, 0.3))),
    )


def reference_night(seed: int, night: str, slot: int, ao: bool, field: Field) -> Night:
    """The night of the reference exposure: clear, and such that ``slot`` has its airmass and width."""
    drawn = draw_night(seed, night, field)
    start, dark = _dark_starts(night)
    airmass = _airmass(start + slot * SLOT_S / 86400, field)
    best = int(np.argmin(np.where(dark, np.abs(airmass - REFERENCE_AIRMASS), np.inf)))
    scale = field.pixel_scale_arcsec
    seeing = np.sqrt((REFERENCE_FWHM_PX * scale) ** 2 - INSTRUMENT_FWHM_ARCSEC**2)
    unit = float(seeing_fwhm_arcsec(1.0, float(airmass[best]), np.array(FWHM_WAVE_AA)))
    return Night(
        first_start_mjd=float(start[best]),
        dimm_arcsec=float(seeing / unit / (AO_SHARPENING if ao else 1.0)),
        throughput=1.0,
        haze_mag=0.0,
        sky_continuum=REFERENCE_SKY,
        sky_lines=drawn.sky_lines,
    )


def delivered_fwhm_px(dimm_arcsec: float, airmass: float, ao: bool, scale_arcsec: float) -> float:
    """FWHM of the stars at 8000 Angstrom: seeing, adaptive optics and instrument."""
    seeing = float(seeing_fwhm_arcsec(dimm_arcsec, airmass, np.array(FWHM_WAVE_AA)))
    return float(
        np.hypot(seeing * (AO_SHARPENING if ao else 1.0), INSTRUMENT_FWHM_ARCSEC) / scale_arcsec
    )


def _first_start(night: str, field: Field, uniform: float) -> float:
    """Start of the first exposure: dark, and the field high enough for all slots."""
    start, dark = _dark_starts(night)
    last = start + N_SLOTS * SLOT_S / 86400
    airmass = np.maximum(_airmass(start, field), _airmass(last, field))
    usable = np.flatnonzero(dark & (airmass < AIRMASS_LIMIT))
    if usable.size == 0:  # out of season: as high as it gets in the dark
        return float(start[np.argmin(np.where(dark, airmass, np.inf))])
    return float(start[usable[int(uniform * usable.size)]])


def _dark_starts(night: str) -> tuple[np.ndarray, np.ndarray]:
    """Times of a night in steps of two minutes, and whether all slots that follow are dark."""
    noon = float(Time(f"{night}T12:00:00", format="isot", scale="utc").mjd)
    start = noon + np.arange(0, 1440, 2) / 1440
    last = start + N_SLOTS * SLOT_S / 86400
    sun = np.maximum(ephemeris.sun_altitude_deg(start), ephemeris.sun_altitude_deg(last))
    return start, sun < SUN_BELOW_DEG


def _airmass(mjd: np.ndarray, field: Field) -> np.ndarray:
    """Airmass of the field; 99 below the horizon."""
    airmass = ephemeris.direction(mjd, field.ra_deg, field.dec_deg).airmass
    return np.asarray(np.nan_to_num(airmass, nan=99.0))

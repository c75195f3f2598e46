"""When each exposure is taken and under which conditions: everything random but the noise.

Every number is drawn from a stream named after the night or the exposure, so an exposure does not
change when others are added, left out or reordered.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from astropy.time import Time

from pipeline.campaign import MODES
from pipeline.settings import Field, SimulationSettings
from pipeline.simulation import ephemeris
from pipeline.simulation.atmosphere import seeing_fwhm_arcsec
from pipeline.simulation.draws import stream
from pipeline.simulation.instrument import FIELD_CENTRE_XY
from pipeline.simulation.psf import Profile

EXPTIME_S = (
    120.0  # the standard then peaks near 1e4 electrons and outshines the field stars fivefold
)
MODE_CHANGE_S = 420.0  # between the starts of two modes of one night, on top of the exposure
SUN_BELOW_DEG = -15.0  # standards are taken in late twilight or at night
AIRMASS_LIMIT = 1.8

AO_SHARPENING = 0.80  # ground-layer correction, factor on the FWHM
BETA = {True: 2.0, False: 2.6}  # Moffat index with and without adaptive optics
INSTRUMENT_FWHM_ARCSEC = 0.30

# The reference exposure, as the five radii of the study's SNR table tell (see tests/simulation).
REFERENCE_FWHM_8000_PX = 4.4
REFERENCE_BETA = 1.9
REFERENCE_SKY = 12.0  # moon or twilight: continuum in units of the dark sky's

# Two exposures of the real record go wrong here as well, on purpose and labelled in the truth.
# The real 2019-04-27 is an outlier of unknown cause; a probe's shadow is one that would do it.
EVENTS = {
    ("2019-02-19", "WFM-NOAO-N"): "cloud",
    ("2019-04-27", "WFM-NOAO-N"): "vignetting",
}
CLOUD_THROUGHPUT = 0.45


Affine = tuple[float, float, float, float, float, float]  # a, b, c, d, e, f


@dataclass(frozen=True)
class PlannedExposure:
    """An exposure that is to be simulated."""

    night: str  # ISO date: UT date of the start minus 12 h
    mode: str  # ESO INS MODE


@dataclass(frozen=True)
class SimulatedExposure:
    """One exposure with all its circumstances; only the noise is drawn later."""

    exposure_id: str
    date_obs: str  # UTC of the start, to the millisecond
    night: str
    mode: str
    mjd_start: float
    exptime_s: float
    airmass: tuple[float, float]  # at start and end
    parallactic_deg: float  # at mid-exposure
    dimm_arcsec: tuple[float, float]  # at start and end; what the header says
    affine: Affine  # a..f, reference -> exposure
    field_shift_px: tuple[float, float]  # of the field of view in the grid, from the reference's
    fwhm_8000_px: float  # of the stars at 8000 Angstrom
    instrument_fwhm_px: float  # the part of it that does not follow the seeing
    beta: float  # Moffat index of the stars
    throughput: float  # grey; 1 = clear
    haze_mag: float  # aerosol extinction beyond the mean curve [mag per airmass at 5500 A]
    sky_continuum: float  # relative to the dark sky
    sky_lines: float  # relative to the mean airglow
    sky_residual: float  # share of the sky that subtraction leaves behind, the same in all channels
    refraction_px: float  # differential refraction left between 4750 and 7000 Angstrom
    event: str  # "", "cloud" or "vignetting"
    is_reference: bool

    @property
    def mjd_mid(self) -> float:
        """Middle of the exposure."""
        return self.mjd_start + self.exptime_s / 2 / 86400

    @property
    def mean_airmass(self) -> float:
        """Mean of start and end."""
        return sum(self.airmass) / 2

    def profile(self, wave_aa: float) -> Profile:
        """Shape of a star at a wavelength: seeing of the header's slope, and the instrument."""
        fixed = self.instrument_fwhm_px
        free = np.sqrt(self.fwhm_8000_px**2 - fixed**2)
        slope = seeing_fwhm_arcsec(1.0, 1.0, np.array([wave_aa, 8000.0]))
        return Profile(float(np.hypot(free * slope[0] / slope[1], fixed)), self.beta)


def plan_exposures(
    planned: Sequence[PlannedExposure],
    field: Field,
    settings: SimulationSettings,
    reference_index: int | None,
    with_events: bool,
) -> tuple[SimulatedExposure, ...]:
    """The exposures with date, conditions and pointing, in the given order."""
    seen: dict[PlannedExposure, int] = {}
    exposures = []
    for index, plan in enumerate(planned):
        repeat = seen[plan] = seen.get(plan, -1) + 1
        exposures.append(
            _draw(plan, repeat, field, settings, index == reference_index, with_events)
        )
    return tuple(exposures)


def _draw(
    plan: PlannedExposure,
    repeat: int,
    field: Field,
    settings: SimulationSettings,
    is_reference: bool,
    with_events: bool,
) -> SimulatedExposure:
    night_rng = stream(settings.seed, "night", plan.night)
    rng = stream(settings.seed, "exposure", plan.night, plan.mode, repeat)
    slot = MODES.index(plan.mode) + len(MODES) * repeat
    first = _first_start(plan.night, field, night_rng.uniform())
    lag_s = slot * (EXPTIME_S + MODE_CHANGE_S) + rng.uniform(0.0, 60.0)
    date_obs = str(Time(first + lag_s / 86400, format="mjd", precision=3).isot)
    mjd = float(Time(date_obs, format="isot", scale="utc").mjd)
    above = ephemeris.direction(
        mjd + np.array([0.0, 0.5, 1.0]) * EXPTIME_S / 86400, field.ra_deg, field.dec_deg
    )
    airmass = (round(float(above.airmass[0]), 3), round(float(above.airmass[2]), 3))

    dimm = float(np.clip(0.85 * np.exp(night_rng.normal(0, 0.22) + rng.normal(0, 0.08)), 0.4, 2.0))
    dimm_end = dimm * float(np.exp(rng.normal(0, 0.04)))
    with_ao = "-AO-" in plan.mode
    fwhm = _delivered_fwhm_px(dimm, sum(airmass) / 2, with_ao, field.pixel_scale_arcsec)
    event = EVENTS.get((plan.night, plan.mode), "") if with_events and not is_reference else ""
    grey = 10 ** (-0.4 * (abs(night_rng.normal(0, 0.03)) + abs(rng.normal(0, 0.01))))
    haze = night_rng.normal(0, 0.02)
    sky = float(np.exp(night_rng.normal(np.log(4.0), 0.6)))
    airglow = float(np.exp(night_rng.normal(0, 0.3)))
    affine = _affine(rng, settings.offset_arcsec / field.pixel_scale_arcsec)
    field_shift = tuple(float(v) for v in rng.normal(0, 0.3, 2))
    if is_reference:
        affine, field_shift, grey, haze, sky = (
            (1.0, 0, 0, 0, 1.0, 0),
            (0.0, 0.0),
            1.0,
            0.0,
            REFERENCE_SKY,
        )
        dimm *= REFERENCE_FWHM_8000_PX / fwhm
        dimm_end, fwhm = dimm, REFERENCE_FWHM_8000_PX
    return SimulatedExposure(
        exposure_id=f"MUSE.{date_obs}",
        date_obs=date_obs,
        night=plan.night,
        mode=plan.mode,
        mjd_start=mjd,
        exptime_s=EXPTIME_S,
        airmass=airmass,
        parallactic_deg=float(above.parallactic_deg[1]),
        dimm_arcsec=(round(dimm, 2), round(dimm_end, 2)),
        affine=affine,
        field_shift_px=(field_shift[0], field_shift[1]),
        fwhm_8000_px=fwhm,
        instrument_fwhm_px=INSTRUMENT_FWHM_ARCSEC / field.pixel_scale_arcsec,
        beta=REFERENCE_BETA if is_reference else BETA[with_ao],
        throughput=float(grey) * (CLOUD_THROUGHPUT if event == "cloud" else 1.0),
        haze_mag=float(haze),
        sky_continuum=sky,
        sky_lines=airglow,
        sky_residual=float(rng.normal(0, 2e-4)),
        refraction_px=float(rng.normal(0, 0.05)),
        event=event,
        is_reference=is_reference,
    )


def _first_start(night: str, field: Field, uniform: float) -> float:
    """Start of the night's first exposure: dark, and the field high enough for all modes."""
    noon = float(Time(f"{night}T12:00:00", format="isot", scale="utc").mjd)
    start = noon + np.arange(0, 1440, 2) / 1440
    last = start + len(MODES) * (EXPTIME_S + MODE_CHANGE_S) / 86400
    dark = np.maximum(ephemeris.sun_altitude_deg(start), ephemeris.sun_altitude_deg(last))
    airmass = [
        np.nan_to_num(ephemeris.direction(when, field.ra_deg, field.dec_deg).airmass, nan=99.0)
        for when in (start, last)
    ]
    score = np.maximum(*airmass)
    usable = np.flatnonzero((dark < SUN_BELOW_DEG) & (score < AIRMASS_LIMIT))
    if usable.size == 0:  # out of season: as high as it gets in the dark
        return float(start[np.argmin(np.where(dark < SUN_BELOW_DEG, score, 1e3))])
    return float(start[usable[int(uniform * usable.size)]])


def _delivered_fwhm_px(dimm_arcsec: float, airmass: float, with_ao: bool, scale: float) -> float:
    """FWHM of the stars at 8000 Angstrom: seeing, adaptive optics and instrument."""
    seeing = float(seeing_fwhm_arcsec(dimm_arcsec, airmass, np.array(8000.0)))
    return float(
        np.hypot(seeing * (AO_SHARPENING if with_ao else 1.0), INSTRUMENT_FWHM_ARCSEC) / scale
    )


def _affine(rng: np.random.Generator, offset_px: float) -> Affine:
    """a..f of a telescope offset with a slight rotation, shear and change of scale.

    Sizes as between the study's two catalogues: a-1, e-1 about 1e-3, b and d up to 6e-3. The
    linear part turns about the centre of the field.
    """
    shift_x, shift_y = rng.normal(0, offset_px, 2)
    rotation, shear = rng.normal(0, [1.5e-3, 2e-3])
    stretch_x, stretch_y = rng.normal(0, 7e-4, 2)
    a, b, d, e = 1 + stretch_x, shear - rotation, shear + rotation, 1 + stretch_y
    x, y = FIELD_CENTRE_XY
    return (a, b, x + shift_x - a * x - b * y, d, e, y + shift_y - d * x - e * y)

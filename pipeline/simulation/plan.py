"""When each exposure is taken and under which conditions: everything random but the noise.

Every number is drawn from a stream named after the night or the exposure, so an exposure does not
change when others are added, left out or reordered.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from astropy.time import Time

from pipeline.config.settings import Field, SimulationSettings
from pipeline.muse.geometry import FIELD_WIDTH_PX
from pipeline.muse.modes import WIDE_MODES
from pipeline.simulation import ephemeris
from pipeline.simulation.atmosphere import seeing_fwhm_arcsec
from pipeline.simulation.draws import stream
from pipeline.simulation.instrument import FIELD_CENTRE_XY
from pipeline.simulation.night import (
    FWHM_WAVE_AA,
    INSTRUMENT_FWHM_ARCSEC,
    REFERENCE_BETA,
    SLOT_S,
    Night,
    delivered_fwhm_px,
    draw_night,
    reference_night,
)
from pipeline.simulation.psf import Profile

# The standard then peaks near 1e4 electrons and outshines every field star fivefold.
EXPTIME_S = 120.0
OFFSET_LIMIT = 2.5  # standard deviations: larger ones are corrected at acquisition
BETA = {True: 2.0, False: 2.6}  # Moffat index with and without adaptive optics

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
    fwhm_gradient: tuple[float, float]  # relative change of the FWHM per pixel in x and y
    position_angle_deg: (
        float  # of the field of view in the grid, anticlockwise: ESO INS DROT POSANG
    )
    dither_px: tuple[float, float]  # of the stars in the grid, known to the header's coordinates
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

    def profile(self, wave_aa: float, xy: Sequence[float] = FIELD_CENTRE_XY) -> Profile:
        """Shape of a star at a wavelength and place: seeing, instrument and a gradient over the field."""
        fixed = self.instrument_fwhm_px
        free = np.sqrt(self.fwhm_8000_px**2 - fixed**2)
        slope = seeing_fwhm_arcsec(1.0, 1.0, np.array([wave_aa, FWHM_WAVE_AA]))
        fwhm = float(np.hypot(free * slope[0] / slope[1], fixed))
        offset = np.subtract(xy, FIELD_CENTRE_XY)
        return Profile(fwhm * (1 + float(np.dot(self.fwhm_gradient, offset))), self.beta)


def plan_exposures(
    planned: Sequence[PlannedExposure],
    field: Field,
    settings: SimulationSettings,
    reference_index: int | None,
    with_events: bool,
) -> tuple[SimulatedExposure, ...]:
    """The exposures with date, conditions and pointing, in the given order."""
    reference = None if reference_index is None else planned[reference_index]
    seen: dict[PlannedExposure, int] = {}
    exposures = []
    for index, plan in enumerate(planned):
        repeat = seen[plan] = seen.get(plan, -1) + 1
        if reference is not None and plan.night == reference.night:
            slot, with_ao = WIDE_MODES.index(reference.mode), _has_ao(reference.mode)
            night = reference_night(settings.seed, plan.night, slot, with_ao, field)
        else:
            night = draw_night(settings.seed, plan.night, field)
        event = EVENTS.get((plan.night, plan.mode), "") if with_events else ""
        if index == reference_index:
            exposures.append(_reference(plan, repeat, night, field, settings))
        else:
            exposures.append(_draw(plan, repeat, night, event, field, settings))
    return tuple(exposures)


def _has_ao(mode: str) -> bool:
    return "-AO-" in mode


def _draw(
    plan: PlannedExposure,
    repeat: int,
    night: Night,
    event: str,
    field: Field,
    settings: SimulationSettings,
) -> SimulatedExposure:
    """An exposure with its own departures from the night."""
    rng = stream(settings.seed, "exposure", plan.night, plan.mode, repeat)
    slot = WIDE_MODES.index(plan.mode) + len(WIDE_MODES) * repeat
    date_obs, mjd = _date(night.first_start_mjd + (slot * SLOT_S + rng.uniform(0, 60.0)) / 86400)
    above = ephemeris.direction(
        mjd + np.array([0.0, 0.5, 1.0]) * EXPTIME_S / 86400, field.ra_deg, field.dec_deg
    )
    airmass = (round(float(above.airmass[0]), 4), round(float(above.airmass[2]), 4))
    dimm = night.dimm_arcsec * float(np.exp(rng.normal(0, 0.08)))
    dimm_end = dimm * float(np.exp(rng.normal(0, 0.04)))
    cloud = CLOUD_THROUGHPUT if event == "cloud" else 1.0
    shift_x, shift_y = rng.normal(0, 0.3, 2)
    extra = _draw_extra(plan, repeat, field, settings)
    with_ao = _has_ao(plan.mode)
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
        affine=_dithered(
            _affine(rng, settings.offset_arcsec / field.pixel_scale_arcsec), extra.dither_px
        ),
        field_shift_px=(float(shift_x), float(shift_y)),
        fwhm_8000_px=delivered_fwhm_px(dimm, sum(airmass) / 2, with_ao, field.pixel_scale_arcsec),
        instrument_fwhm_px=INSTRUMENT_FWHM_ARCSEC / field.pixel_scale_arcsec,
        beta=BETA[with_ao],
        throughput=night.throughput * float(10 ** (-0.4 * abs(rng.normal(0, 0.01)))) * cloud,
        haze_mag=night.haze_mag,
        sky_continuum=night.sky_continuum,
        sky_lines=night.sky_lines,
        sky_residual=float(rng.normal(0, 2e-4)),
        refraction_px=float(rng.normal(0, 0.05)),
        fwhm_gradient=extra.fwhm_gradient,
        position_angle_deg=extra.position_angle_deg,
        dither_px=extra.dither_px,
        event=event,
        is_reference=False,
    )


@dataclass(frozen=True)
class _Extra:
    """What settings switch on, drawn from a stream of its own: the rest does not change with it."""

    fwhm_gradient: tuple[float, float]
    position_angle_deg: float
    dither_px: tuple[float, float]


def _draw_extra(
    plan: PlannedExposure, repeat: int, field: Field, settings: SimulationSettings
) -> _Extra:
    rng = stream(settings.seed, "extra", plan.night, plan.mode, repeat)
    gradient = settings.psf_gradient / np.sqrt(2) / FIELD_WIDTH_PX * rng.standard_normal(2)
    angle = rng.choice(settings.position_angles_deg)
    half = settings.dither_arcsec / field.pixel_scale_arcsec
    dither_x, dither_y = half * rng.uniform(-1, 1, 2)
    return _Extra(
        (float(gradient[0]), float(gradient[1])), float(angle), (float(dither_x), float(dither_y))
    )


def _dithered(affine: Affine, dither_px: tuple[float, float]) -> Affine:
    a, b, c, d, e, f = affine
    return (a, b, c + dither_px[0], d, e, f + dither_px[1])


def _reference(
    plan: PlannedExposure, repeat: int, night: Night, field: Field, settings: SimulationSettings
) -> SimulatedExposure:
    """The reference exposure: where the catalogue's positions and SNR hold, and nothing is amiss."""
    exposure = _draw(plan, repeat, night, "", field, settings)
    return replace(
        exposure,
        dimm_arcsec=(round(night.dimm_arcsec, 2),) * 2,
        affine=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
        field_shift_px=(0.0, 0.0),
        fwhm_8000_px=delivered_fwhm_px(
            night.dimm_arcsec,
            exposure.mean_airmass,
            _has_ao(plan.mode),
            field.pixel_scale_arcsec,
        ),
        beta=REFERENCE_BETA,
        throughput=night.throughput,
        position_angle_deg=0.0,
        dither_px=(0.0, 0.0),
        is_reference=True,
    )


def _date(mjd: float) -> tuple[str, float]:
    """DATE-OBS to the millisecond and the MJD that it stands for."""
    date_obs = str(Time(mjd, format="mjd", precision=3).isot)
    return date_obs, float(Time(date_obs, format="isot", scale="utc").mjd)


def _affine(rng: np.random.Generator, offset_px: float) -> Affine:
    """a..f of a telescope offset with a slight rotation, shear and change of scale.

    Sizes as between the study's two catalogues: a-1, e-1 about 1e-3, b and d up to 6e-3. The
    linear part turns about the centre of the field.
    """
    shift_x, shift_y = offset_px * np.clip(rng.normal(0, 1, 2), -OFFSET_LIMIT, OFFSET_LIMIT)
    rotation, shear = rng.normal(0, [1.5e-3, 2e-3])
    stretch_x, stretch_y = rng.normal(0, 7e-4, 2)
    a, b, d, e = 1 + stretch_x, shear - rotation, shear + rotation, 1 + stretch_y
    x, y = FIELD_CENTRE_XY
    return (a, b, x + shift_x - a * x - b * y, d, e, y + shift_y - d * x - e * y)

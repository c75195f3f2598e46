"""From the campaign's sky model to what the telescope delivers in one exposure.

The stars, the atmosphere and the drifting channels are those of the simulated cubes, so truth
reaches from the photon on the CCD to the point in the timeline.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.simulation import atmosphere, sky
from pipeline.simulation.raw import headers, spectra
from pipeline.simulation.raw.exposure import PIXEL_ARCSEC, RawScene, refraction_arcsec
from pipeline.simulation.raw.headers import Pointing


@dataclass(frozen=True)
class FieldStars:
    """The stars of a field."""

    star_id: np.ndarray  # (star,)
    east_px: np.ndarray  # (star,), from the pointing [0.2 arcsec]
    north_px: np.ndarray  # (star,)
    flux: np.ndarray  # (star,), at sky.PIVOT_AA above the atmosphere [1e-20 erg/s/cm2/Angstrom]


@dataclass(frozen=True)
class Conditions:
    """What distinguishes one exposure of the field from another."""

    mode: str
    pointing: Pointing  # at mid-exposure
    exptime_s: float
    seeing_arcsec: float  # as the DIMM sees it
    beta: float = 2.8  # Moffat index of the profile
    haze_mag: float = 0.0  # what the mean extinction curve does not know of [mag/airmass]


def field_position(
    east_px: np.ndarray, north_px: np.ndarray, posang_deg: float
) -> tuple[np.ndarray, np.ndarray]:
    """Place in the field, along and across the slices, of an offset on the sky [same unit].

    The recipes turn a field of angle POSANG anticlockwise into a cube with north up (measured).
    """
    angle = np.radians(posang_deg)
    x = -(east_px * np.cos(angle) - north_px * np.sin(angle))
    y = north_px * np.cos(angle) + east_px * np.sin(angle)
    return np.asarray(x), np.asarray(y)


def make_scene(
    stars: FieldStars,
    conditions: Conditions,
    *,
    seed: int,
    response: np.ndarray,
    standard_px: tuple[float, float] | None = None,
    standard_flux: float = 1.0,
    sky_scale: tuple[float, float] = (1.0, 1.0),
) -> RawScene:
    """What the telescope sees.

    Parameters
    ----------
    seed : int
        Of the campaign: stars have the spectra that they have in its cubes.
    response : ndarray, shape (24, 48)
        Response to the sky of channel and slice (in sky order) relative to what the calibration
        lamps see: what no flat-field can take out.
    standard_px : tuple of float or None
        Place of the standard east and north of the pointing [0.2 arcsec]; None: none in the field.
    standard_flux : float
        Relative to ``sky.standard_spectrum``.
    sky_scale : tuple of float
        Continuum and airglow lines relative to a dark sky.
    """
    wave = sky.FINE_WAVE_AA
    airmass = conditions.pointing.airmass
    electrons = (
        np.interp(wave, spectra.GRID_AA, spectra.electrons_per_unit_aa(conditions.mode))
        * conditions.exptime_s
    )
    transmission = 10 ** (-0.4 * atmosphere.extinction_mag(wave) * airmass)
    transmission *= atmosphere.haze_transmission(wave, conditions.haze_mag, airmass)
    transmission *= atmosphere.telluric_transmission(wave, airmass)
    spectra_above = [
        flux * sky.star_spectrum(seed, int(star))
        for star, flux in zip(stars.star_id, stars.flux, strict=True)
    ]
    east, north = stars.east_px, stars.north_px
    if standard_px is not None:
        spectra_above.append(standard_flux * sky.standard_spectrum())
        east, north = np.append(east, standard_px[0]), np.append(north, standard_px[1])
    spectrum = np.array(spectra_above).reshape(-1, len(wave))
    night = sky.sky_emission()
    posang = conditions.pointing.position_angle_deg
    x, y = field_position(east, north, posang)
    refraction_px = (
        refraction_arcsec(
            wave,
            airmass,
            temperature_c=headers.TEMPERATURE_C,
            humidity_percent=headers.HUMIDITY_PERCENT,
            pressure_hpa=headers.PRESSURE_HPA,
        )
        / PIXEL_ARCSEC
    )
    zenith = np.radians(conditions.pointing.parallactic_deg)
    shift_x, shift_y = field_position(np.sin(zenith), np.cos(zenith), posang)
    return RawScene(
        wave_aa=wave,
        x_field_px=x,
        y_field_px=y,
        star_electrons=spectrum * electrons * transmission,
        sky_electrons=(sky_scale[0] * night.continuum + sky_scale[1] * night.lines) * electrons,
        fwhm_px=atmosphere.seeing_fwhm_arcsec(conditions.seeing_arcsec, airmass, wave)
        / PIXEL_ARCSEC,
        beta=conditions.beta,
        shift_x_px=refraction_px * shift_x,
        shift_y_px=refraction_px * shift_y,
        response=response,
    )

"""Headers as the MUSE pipeline writes them, with SIMULATED = T in every extension."""

import numpy as np
from astropy.io import fits

from pipeline.config.settings import Field
from pipeline.muse.cube import cube_headers
from pipeline.simulation import ephemeris
from pipeline.simulation.instrument import FIELD_CENTRE_XY, GRID_SHAPE
from pipeline.simulation.plan import SimulatedExposure
from pipeline.simulation.sky import STANDARD_XY

UNIT = "10**(-20)*erg/s/cm**2/Angstrom"
_SIMULATED = ("HIERARCH SIMULATED", True, "made by pipeline.simulation: not an observation")


def exposure_headers(
    exposure: SimulatedExposure, field: Field, wave_aa: np.ndarray
) -> tuple[fits.Header, fits.Header, fits.Header]:
    """Primary, DATA and STAT header of a simulated DATACUBE_FINAL."""
    spatial = _spatial(field, exposure.dither_px)
    return cube_headers(primary_header(exposure, field), spatial, wave_aa, UNIT)


def _pointing_deg(field: Field) -> tuple[float, float]:
    """Coordinates of the field of view's centre; the standard stands at the field's position."""
    scale_deg = field.pixel_scale_arcsec / 3600
    dx, dy = FIELD_CENTRE_XY[0] - STANDARD_XY[0], FIELD_CENTRE_XY[1] - STANDARD_XY[1]
    ra = field.ra_deg - dx * scale_deg / np.cos(np.radians(field.dec_deg))
    return float(ra % 360), float(field.dec_deg + dy * scale_deg)


def _spatial(field: Field, dither_px: tuple[float, float]) -> fits.Header:
    """The grid's celestial coordinates, as commanded: the telescope's error is not in them."""
    scale_deg = field.pixel_scale_arcsec / 3600
    header = fits.Header()
    header["NAXIS1"], header["NAXIS2"] = GRID_SHAPE[1], GRID_SHAPE[0]
    header["CRPIX1"] = STANDARD_XY[0] + 1 + dither_px[0]
    header["CRPIX2"] = STANDARD_XY[1] + 1 + dither_px[1]
    header["CRVAL1"], header["CRVAL2"] = field.ra_deg, field.dec_deg
    header["CD1_1"], header["CD1_2"] = -scale_deg, 0.0
    header["CD2_1"], header["CD2_2"] = 0.0, scale_deg
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
    header["CUNIT1"], header["CUNIT2"] = "deg", "deg"
    header["RADESYS"], header["EQUINOX"] = "FK5", 2000.0
    header[_SIMULATED[0]] = _SIMULATED[1:]
    return header


def primary_header(exposure: SimulatedExposure, field: Field) -> fits.Header:
    """The primary header of a simulated DATACUBE_FINAL."""
    ra, dec = _pointing_deg(field)
    start, end = exposure.mjd_start, exposure.mjd_start + exposure.exptime_s / 86400
    header = fits.Header()
    header["ORIGIN"] = ("SIMULATION", "not a file of the observatory")
    header["TELESCOP"] = "ESO-VLT-U4"
    header["INSTRUME"] = "MUSE"
    header[_SIMULATED[0]] = _SIMULATED[1:]
    header["OBJECT"] = field.name.replace(" ", "")
    header["RA"] = (round(ra, 6), "[deg] pointing (J2000.0)")
    header["DEC"] = (round(dec, 6), "[deg] pointing (J2000.0)")
    header["EQUINOX"] = 2000.0
    header["RADESYS"] = "FK5"
    header["EXPTIME"] = (exposure.exptime_s, "[s] total integration time")
    header["MJD-OBS"] = (exposure.mjd_start, "start of the exposure (UTC)")
    header["DATE-OBS"] = (exposure.date_obs, "start of the exposure (UTC)")
    header["UTC"] = (round(float(start % 1) * 86400, 3), "[s] at start")
    header["LST"] = (round(float(ephemeris.sidereal_time_deg(np.array(start))) * 240, 3), "[s]")
    header["ARCFILE"] = f"MUSE.{exposure.date_obs}.fits"
    header["PRODCATG"] = "SCIENCE.CUBE.IFS"
    middle = ephemeris.direction(np.array([start, end]), field.ra_deg, field.dec_deg)
    seeing = exposure.dimm_arcsec
    keywords: dict[str, object] = {
        "DPR CATG": "CALIB",
        "DPR TYPE": "STD",
        "DPR TECH": "IFU",
        "TPL ID": "MUSE_wfm_cal_specphot",
        "OBS TARG NAME": field.name.replace(" ", ""),
        "INS MODE": exposure.mode,
        "INS DROT MODE": "SKY",
        "INS DROT POSANG": exposure.position_angle_deg,
        "TEL GEOLAT": ephemeris.LATITUDE_DEG,
        "TEL GEOLON": ephemeris.LONGITUDE_DEG,
        "TEL AIRM START": exposure.airmass[0],
        "TEL AIRM END": exposure.airmass[1],
        "TEL ALT": round(float(middle.altitude_deg[0]), 3),
        "TEL PARANG START": round(float(middle.parallactic_deg[0]), 3),
        "TEL PARANG END": round(float(middle.parallactic_deg[1]), 3),
        "TEL AMBI FWHM START": seeing[0],
        "TEL AMBI FWHM END": seeing[1],
        "PRO CATG": "DATACUBE_FINAL",
        "PRO TYPE": "REDUCED",
        "PRO REC1 ID": "muse_scipost",
        "PRO REC1 PIPE ID": "simulated",
        "PRO REC1 RAW1 NAME": f"MUSE.{exposure.date_obs}.fits",
        "PRO REC1 RAW1 CATG": "STD",
    }
    for key, value in keywords.items():
        header[f"HIERARCH ESO {key}"] = value
    return header

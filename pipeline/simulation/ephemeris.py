"""Where the field and the sun stand above Paranal: enough to date an exposure plausibly.

Low-precision formulae of the Astronomical Almanac (section C): the sun to 0.01 degree, sidereal
time to 0.1 s; refraction, nutation and polar motion are left out. No table from the network.
"""

from dataclasses import dataclass

import numpy as np

LATITUDE_DEG = -24.6270  # VLT UT4, as in MUSE headers (ESO TEL GEOLAT)
LONGITUDE_DEG = -70.4040  # east positive (ESO TEL GEOLON)
_MJD_J2000 = 51544.5


@dataclass(frozen=True)
class Direction:
    """Horizontal position of a target; arrays of one shape."""

    altitude_deg: np.ndarray
    airmass: np.ndarray  # NaN below the horizon
    parallactic_deg: np.ndarray  # from north through east


def sidereal_time_deg(mjd: np.ndarray) -> np.ndarray:
    """Local mean sidereal time [deg]."""
    days = np.asarray(mjd, float) - _MJD_J2000
    return np.mod(280.46061837 + 360.98564736629 * days + LONGITUDE_DEG, 360.0)


def direction(
    mjd: np.ndarray, ra_deg: float | np.ndarray, dec_deg: float | np.ndarray
) -> Direction:
    """Altitude, airmass (plane-parallel with the correction of Hardie 1962) and parallactic angle."""
    hour_angle = np.radians(sidereal_time_deg(mjd) - ra_deg)
    dec, lat = np.radians(dec_deg), np.radians(LATITUDE_DEG)
    sine = np.sin(lat) * np.sin(dec) + np.cos(lat) * np.cos(dec) * np.cos(hour_angle)
    up = sine > 0.05
    secant = 1.0 / np.where(up, sine, 1.0) - 1.0
    airmass = 1 + secant * (1 - 0.0018167 - secant * (0.002875 + 0.0008083 * secant))
    parallactic = np.arctan2(
        np.sin(hour_angle), np.tan(lat) * np.cos(dec) - np.sin(dec) * np.cos(hour_angle)
    )
    return Direction(
        np.degrees(np.arcsin(sine)), np.where(up, airmass, np.nan), np.degrees(parallactic)
    )


def sun_altitude_deg(mjd: np.ndarray) -> np.ndarray:
    """Altitude of the sun [deg]."""
    days = np.asarray(mjd, float) - _MJD_J2000
    anomaly = np.radians(357.528 + 0.9856003 * days)
    longitude = np.radians(
        280.460 + 0.9856474 * days + 1.915 * np.sin(anomaly) + 0.020 * np.sin(2 * anomaly)
    )
    obliquity = np.radians(23.439 - 4e-7 * days)
    ra = np.degrees(np.arctan2(np.cos(obliquity) * np.sin(longitude), np.cos(longitude)))
    dec = np.degrees(np.arcsin(np.sin(obliquity) * np.sin(longitude)))
    return direction(mjd, ra, dec).altitude_deg

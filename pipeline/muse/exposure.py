"""The nouns of a campaign: mode, night, exposure.

``identify`` turns the header of a cube into an ``Exposure``; file names are labels and are never
parsed for science.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from astropy.io import fits

from pipeline.errors import CubeUnreadable, ImplausibleValue, UnknownMode, WrongField
from pipeline.muse.combined import mid_time
from pipeline.muse.modes import MODES, canonical_mode
from pipeline.muse.numbers import number as _number
from pipeline.muse.times import mjd_of, night_of

DECLARE = (
    "give it in a table exposures.ecsv beside the cubes (columns file, mode, start, exptime_s)"
)
_DECLARED = ("RA", "DEC", "MJD-OBS", "EXPTIME", "ESO INS DROT POSANG")  # wins over the header
_DATE, _TIME = re.compile(r"\d{4}-\d\d-\d\d"), re.compile(r"\d\d:\d\d:\d\d(\.\d*)?")
# What no exposure of any instrument exceeds; NaN: not said. Times from 1967 to 2132.
LIMITS = {
    "RA": (-360.0, 360.0),
    "DEC": (-90.0, 90.0),
    "MJD-OBS": (40_000.0, 100_000.0),
    "EXPTIME": (1e-3, 1e7),  # [s]; deep combined cubes have up to 1e6
    # Of these 0 and less stand for a value that was not known; an airmass of 40 is the horizon
    **dict.fromkeys(("ESO TEL AIRM START", "ESO TEL AIRM END"), (-1e4, 100.0)),
    **dict.fromkeys(("ESO TEL AMBI FWHM START", "ESO TEL AMBI FWHM END"), (-1e4, 1e3)),
    "ESO INS DROT POSANG": (-3600.0, 3600.0),  # [deg]
}


class SkyField(Protocol):
    """A field on the sky: what an exposure points at."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def ra_deg(self) -> float:
        """Right ascension, ICRS."""

    @property
    def dec_deg(self) -> float:
        """Declination, ICRS."""

    @property
    def radius_arcmin(self) -> float:
        """What points farther away is of another field."""

    @property
    def modes(self) -> tuple[str, ...]:
        """Instrument modes that belong to the campaign."""


@dataclass(frozen=True)
class Exposure:
    """One exposure as described by its header; NaN where the header is silent."""

    exposure_id: str
    dp_id: str  # "" where the header has neither ARCFILE nor DATE-OBS
    night: str  # ISO date
    mode: str
    mjd_mid: float
    airmass: float
    seeing_arcsec: float
    exptime_s: float
    simulated: bool
    mjd_start: float = np.nan
    ra_deg: float = np.nan  # where it points: RA and DEC, else the reference of its grid
    dec_deg: float = np.nan

    @property
    def name(self) -> str:
        """ "NIGHT MODE", as people call an exposure in ``report.toml``."""
        return f"{self.night} {self.mode}"


def dp_id(header: fits.Header) -> str:
    """The archive's identity of the exposure, "" if the header has none."""
    archive_file = str(header.get("ARCFILE", "") or "").strip()
    if archive_file:
        return archive_file.removesuffix(".fz").removesuffix(".fits")
    date = str(header.get("DATE-OBS", "") or "").strip()
    return f"MUSE.{date}" if date else ""


def night_of_identity(identity: str) -> str:
    """The night in which a frame of that archive identity was taken, "unknown" if it holds no time."""
    try:
        return night_of(mjd_of(identity.partition(".")[2]))
    except ValueError:
        return "unknown"


def identify(header: fits.Header, file_name: str) -> Exposure:
    """The exposure that a primary header describes.

    Parameters
    ----------
    header : Header
        Primary header of a cube.
    file_name : str
        Label that stands in for an identity where the header has none.

    Raises
    ------
    CubeUnreadable
        If no time of exposure can be read.
    UnknownMode
        If ``ESO INS MODE`` is none of the instrument's modes.
    ImplausibleValue
        If a time or coordinate is beyond its limits.
    """
    identity = dp_id(header)
    label = identity or file_name
    given = str(header.get("ESO INS MODE", "") or "").strip()
    mode = canonical_mode(given)
    if mode not in MODES:
        remedy = f"{DECLARE}, or all of them as cubes.mode" if not given else DECLARE
        raise UnknownMode(
            f"{label}: ESO INS MODE = {given!r}; known are {', '.join(MODES)}; {remedy}"
        )
    for key, limits in LIMITS.items():
        _check_limits(label, key, _number(header, key), limits)
    exptime = _number(header, "EXPTIME")
    mjd = start_mjd(header, label)
    return Exposure(
        exposure_id=label,
        dp_id=identity,
        night=night_of(mjd),
        mode=mode,
        mjd_mid=mid_time(header, mjd, exptime),
        airmass=_mean(header, "ESO TEL AIRM START", "ESO TEL AIRM END"),
        seeing_arcsec=_mean(header, "ESO TEL AMBI FWHM START", "ESO TEL AMBI FWHM END"),
        exptime_s=exptime,
        simulated=header.get("SIMULATED", False) is True,
        mjd_start=mjd,
        **dict(zip(("ra_deg", "dec_deg"), pointing_deg(header), strict=True)),
    )


def pointing_deg(header: fits.Header) -> tuple[float, float]:
    """Right ascension and declination of an exposure [deg]; NaN, NaN where its header is silent."""
    found = (_number(header, "RA"), _number(header, "DEC"))
    if not np.isfinite(found).all() and str(header.get("CTYPE1", "")).startswith("RA--"):
        found = (_number(header, "CRVAL1"), _number(header, "CRVAL2"))
    return found if np.isfinite(found).all() and abs(found[1]) <= 90 else (np.nan, np.nan)


def start_mjd(header: fits.Header, label: str) -> float:
    """Start of an exposure [MJD], from the first of its keywords that can be read.

    Raises
    ------
    CubeUnreadable
        If there is none, or it holds a date alone: half a day of uncertainty is no epoch.
    ImplausibleValue
        If it is beyond its limits.
    """
    for key in ("MJD-OBS", "MJD-BEG"):
        if np.isfinite(mjd := _number(header, key)):
            _check_limits(label, key, mjd, LIMITS["MJD-OBS"])
            return mjd
    for key in ("DATE-OBS", "DATE-BEG"):
        text = str(header.get(key, "") or "").strip().removesuffix("Z").replace(" ", "T")
        time = str(header.get("TIME-OBS", "") or "").strip()
        if _DATE.fullmatch(text) and _TIME.fullmatch(time):
            text = f"{text}T{time}"
        if _DATE.fullmatch(text):
            raise CubeUnreadable(
                f"{label}: {key} = {text!r} has no time of day, and MJD-OBS is missing; {DECLARE}"
            )
        try:
            mjd = mjd_of(text)
        except ValueError:
            continue
        _check_limits(label, f"{key}, as MJD", mjd, LIMITS["MJD-OBS"])
        return mjd
    raise CubeUnreadable(f"{label}: neither MJD-OBS nor DATE-OBS can be read; {DECLARE}")


def _check_limits(label: str, key: str, value: float, limits: tuple[float, float]) -> None:
    lowest, highest = limits
    if not np.isnan(value) and not lowest <= value <= highest:
        remedy = f"; {DECLARE}" if key in _DECLARED else ""
        raise ImplausibleValue(
            f"{label}: {key} = {value:g}; {lowest:g} to {highest:g} are possible{remedy}"
        )


def check_pointing(header: fits.Header, target: SkyField) -> None:
    """Make sure that the exposure points at the field.

    Raises
    ------
    WrongField
        If RA and DEC lie farther from the field than its radius. A header without coordinates
        passes: the match to the reference catalogue decides.
    """
    from astropy.coordinates import SkyCoord  # where it is needed: a tenth of a second

    ra, dec = _number(header, "RA"), _number(header, "DEC")
    if not (np.isfinite(ra) and np.isfinite(dec)):
        return
    separation = SkyCoord(ra, dec, unit="deg").separation(
        SkyCoord(target.ra_deg, target.dec_deg, unit="deg")
    )
    if separation.arcmin > target.radius_arcmin:
        raise WrongField(
            f"RA = {ra:.4f}, DEC = {dec:.4f} is {separation.arcmin:.1f} arcmin from {target.name}; "
            f"the limit is field.radius_arcmin = {target.radius_arcmin:g}"
        )


def check_mode(exposure: Exposure, target: SkyField) -> None:
    """Make sure that the exposure was taken in a mode of the campaign.

    Raises
    ------
    UnknownMode
        If its mode is not among those of the field.
    """
    if exposure.mode not in target.modes:
        raise UnknownMode(
            f"{exposure.exposure_id}: ESO INS MODE = {exposure.mode!r} is not among field.modes = "
            f"{list(target.modes)}; add it there, or give cubes of another pixel scale a "
            "configuration of their own"
        )


def field_of(header: fits.Header, fields: Sequence[SkyField]) -> int:
    """Number of the field that an exposure points at: of those near enough, the nearest.

    Raises
    ------
    WrongField
        If it points at none. With several fields a header without coordinates (RA and DEC, else the
        reference of its grid) points at none: the match could only tell after a reference was
        chosen from the wrong field.
    """
    from astropy.coordinates import SkyCoord  # where it is needed: a tenth of a second

    if len(fields) == 1:
        check_pointing(header, fields[0])
        return 0
    ra, dec = pointing_deg(header)
    names = ", ".join(one.name for one in fields)
    if not (np.isfinite(ra) and np.isfinite(dec)):
        raise WrongField(f"no RA and DEC in the header, which decide between the fields {names}")
    pointing = SkyCoord(ra, dec, unit="deg")
    centres = SkyCoord([(one.ra_deg, one.dec_deg) for one in fields], unit="deg")
    apart = pointing.separation(centres).arcmin
    nearest = int(np.argmin(apart))
    limit = fields[nearest].radius_arcmin
    if apart[nearest] > limit:
        raise WrongField(
            f"RA = {ra:.4f}, DEC = {dec:.4f} is none of the fields {names}; the nearest, "
            f"{fields[nearest].name}, is {apart[nearest]:.1f} arcmin away; the limit is "
            f"field.radius_arcmin = {limit:g}"
        )
    return nearest


def _mean(header: fits.Header, *keys: str) -> float:
    """Mean of the keywords that hold a positive number; the DIMM writes -1 when it was blind."""
    values = [value for key in keys if (value := _number(header, key)) > 0]
    return float(np.mean(values)) if values else np.nan

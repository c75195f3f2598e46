"""Whether a cube is one exposure or several combined: a combined one has no epoch.

Marks that combining leaves in headers: the archive's products say SINGLEXP = F, count exposures in
NCOMBINE, observing blocks in OBIDn and files of origin in PROVn, and have a TEXPTIME beyond EXPTIME
for a mosaic; recipes list what they read in PRO REC1 RAWn; mpdaf writes NFILES. Whatever made it,
exposures take longer from the first start to the last end than the light that was collected, and
hours of exposure are of no single one.
"""

import re

import numpy as np
from astropy.io import fits

from pipeline.muse.numbers import number

LONGEST_EXPOSURE_S = 7200.0  # MUSE's are of an hour at most: cosmic rays
OVERHEAD_S = 300.0  # between start and end of a single exposure beyond its light
OVERHEAD_SHARE = 0.5  # the same, in exposure times: nodding, several readouts
_RAW_NAME = re.compile(r"MUSE[._]\d{4}-\d\d-\d\dT[\d:_.-]+\d")
_PIXEL_TABLE = re.compile(r"PIXTABLE_(?:OBJECT|REDUCED|COMBINED)_(\d{3,})(?:-\d\d)?\.fits")
_SCIENCE = ("OBJECT", "STD", "PIXTABLE_OBJECT", "PIXTABLE_REDUCED", "DATACUBE_FINAL", "ASTROMETRY")
MAX_LISTED = 2000  # RAWn or PROVn that are looked at


def why_combined(header: fits.Header) -> str:
    """What says that a cube holds several exposures, "" if nothing does.

    Parameters
    ----------
    header : Header
        Of the exposure.
    """
    if header.get("SINGLEXP") is False:
        return "SINGLEXP = F"
    recipe = str(header.get("ESO PRO REC1 ID", "")).strip()
    if recipe in ("muse_exp_combine", "muse_cube_combine"):
        return f"made by {recipe}"
    if header.get("M_EPOCH") is True:
        return "M_EPOCH = T: several epochs"
    for key in ("NCOMBINE", "NFILES", "NEXP"):
        if number(header, key) > 1:
            return f"{key} = {header[key]}"
    if header.get("OBID2") is not None:
        return "OBID2 is there: several observing blocks"
    if n := _listed(header):
        return f"made of {n} exposures, by the files it names"
    return _by_time(header)


def _listed(header: fits.Header) -> int:
    """Number of exposures among the files of origin, 0 if they name one or none."""
    exposures: set[str] = set()
    for prefix in ("PROV", "FILE"):
        for name in _texts(header, f"{prefix}{{}}", f"{prefix}{{:03d}}"):
            match = _RAW_NAME.search(name)
            exposures |= {match[0]} if match else set()
    names = _texts(header, "ESO PRO REC1 RAW{} NAME")
    categories = _texts(header, "ESO PRO REC1 RAW{} CATG")
    for name, category in zip(names, categories, strict=False):
        if category in _SCIENCE:
            match = _RAW_NAME.search(name) or _PIXEL_TABLE.search(name)
            exposures |= {match[match.lastindex or 0]} if match else set()
    return len(exposures) if len(exposures) > 1 else 0


def _texts(header: fits.Header, *patterns: str) -> list[str]:
    """Values of keywords that are numbered from 1 on, up to the first that is missing."""
    found = []
    for count in range(1, MAX_LISTED + 1):
        values = (header.get(pattern.format(count)) for pattern in patterns)
        value = next((one for one in values if one is not None), None)
        if value is None:
            break
        found.append(str(value).strip())
    return found


def _by_time(header: fits.Header) -> str:
    exptime, total = number(header, "EXPTIME"), number(header, "TEXPTIME")
    if total > 1.05 * exptime + 1:
        return f"TEXPTIME = {total:g} s, EXPTIME = {exptime:g} s"
    span = (number(header, "MJD-END") - number(header, "MJD-OBS")) * 86400
    if span > (1 + OVERHEAD_SHARE) * exptime + OVERHEAD_S:
        return f"{span:.0f} s from MJD-OBS to MJD-END, EXPTIME = {exptime:g} s"
    if exptime > LONGEST_EXPOSURE_S:
        return f"EXPTIME = {exptime:g} s, {LONGEST_EXPOSURE_S:g} s is the most of one exposure"
    return ""


def mid_time(header: fits.Header, mjd_start: float, exptime_s: float) -> float:
    """Middle of an exposure [MJD]: half-way to MJD-END where that is known and the cube combined."""
    end = number(header, "MJD-END")
    if np.isfinite(end) and end > mjd_start and why_combined(header):
        return (mjd_start + end) / 2
    return mjd_start + (exptime_s / 2 / 86400 if np.isfinite(exptime_s) else 0.0)

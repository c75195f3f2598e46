"""Which lamp flat of the illumination (ILLUM) belongs to an exposure.

The edges of a channel change with temperature by up to 5 % within a night (see the figures of 2014
in ``tests/reduction/data``), so an ILLUM helps only if it was taken near. It is taken without laser
filter in the same field: five of five real ones of nights in WFM-AO-N are WFM-NOAO-N.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.muse.times import mjd_of

NEAR_HOURS = 2.0  # within which the nearest in time is taken
LIMIT_HOURS = 4.0  # beyond which none is
HOURS_PER_DAY = 24.0
_TIME_IN_NAME = re.compile(r"MUSE\.(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?)")


@dataclass(frozen=True)
class FrameFacts:
    """What decides whether a lamp flat suits an exposure."""

    name: str  # identity in the archive
    mjd: float  # of the start; NaN: not known
    field: str = ""  # "WFM" or "NFM"; "": not known, and taken to agree
    readout: str = ""  # ESO DET READ CURNAME; "": not known, and taken to agree
    temperature_c: float = math.nan  # inside the instrument; NaN: not known


def facts_of(
    name: str, mode: str = "", readout: str = "", temperature_c: float = math.nan
) -> FrameFacts:
    """The facts of a frame of which name and mode are known; the name holds the time.

    Parameters
    ----------
    mode : str
        ESO INS MODE, or "".

    Examples
    --------
    >>> facts_of("MUSE.2017-06-18T03:10:00.000", "WFM-NOAO-N").field
    'WFM'
    """
    return FrameFacts(name, mjd_of_name(name), mode.partition("-")[0], readout, temperature_c)


def mjd_of_name(name: str) -> float:
    """MJD of the start of a raw frame by its identity in the archive; NaN if it has no time."""
    match = _TIME_IN_NAME.match(name)
    if match is None:
        return math.nan
    try:
        return mjd_of(match[1])
    except ValueError:
        return math.nan


def suits(one: FrameFacts, other: FrameFacts) -> bool:
    """Whether field and readout of two frames agree, as far as they are known."""
    pairs = ((one.field, other.field), (one.readout, other.readout))
    return all(not a or not b or a == b for a, b in pairs)


def hours_apart(one: FrameFacts, other: FrameFacts) -> float:
    """Hours between the starts of two frames."""
    return abs(one.mjd - other.mjd) * HOURS_PER_DAY


def choose_illum(exposure: FrameFacts, flats: Iterable[FrameFacts]) -> FrameFacts | None:
    """The illumination flat for an exposure, None if there is none near enough.

    Of the same field and readout: the nearest in time within 2 hours; else, within 4 hours, the
    nearest in temperature (where that is not known, in time).

    Examples
    --------
    >>> flats = [facts_of(f"MUSE.2017-06-18T{time}") for time in ("03:10:00", "08:21:00")]
    >>> choose_illum(facts_of("MUSE.2017-06-18T09:32:00"), flats).name
    'MUSE.2017-06-18T08:21:00'
    """
    near = [
        (hours_apart(exposure, one), abs(one.temperature_c - exposure.temperature_c), one)
        for one in flats
        if suits(exposure, one) and hours_apart(exposure, one) <= LIMIT_HOURS
    ]
    best = [found for found in near if found[0] <= NEAR_HOURS]
    if best:
        return min(best, key=lambda found: (found[0], found[2].name))[2]
    if not near:
        return None

    def by_temperature(found: tuple[float, float, FrameFacts]) -> tuple[float, float, str]:
        hours, kelvin, one = found
        return (math.inf if math.isnan(kelvin) else kelvin, hours, one.name)

    return min(near, key=by_temperature)[2]

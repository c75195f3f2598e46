"""Times of exposures, as text and as Modified Julian Date, without warnings about odd ones.

Whether a time is plausible is checked against limits where it is read; ERFA's warnings of a year whose
leap seconds nobody knows, or of a second after the end of a day, would come besides.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from astropy.time import Time, TimeDelta


def mjd_of(text: str) -> float:
    """MJD of an instant.

    Parameters
    ----------
    text : str
        UTC as ``2019-03-09T01:02:03.4``.

    Raises
    ------
    ValueError
        If the text has another form.

    Examples
    --------
    >>> mjd_of("2019-03-09T12:00:00")
    58551.5
    """
    with _no_warnings():
        return float(Time(text, format="isot", scale="utc").mjd)


def night_of(mjd_start: float) -> str:
    """The night of an exposure: UT date of its start minus 12 h."""
    with _no_warnings():
        return str((Time(mjd_start, format="mjd") - TimeDelta(0.5, format="jd")).iso[:10])


@contextmanager
def _no_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="ERFA function")
        yield

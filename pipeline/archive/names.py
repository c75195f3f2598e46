"""Where an object of some name is: SIMBAD through astroquery, over our own connections.

astroquery writes the query; left alone it asks the service for its capabilities first, without a limit
on time, and an unknown name is a warning.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.archive.tap import KeepResponse, query_table
from pipeline.config.standards import find_standard
from pipeline.errors import ArchiveRefused, NameUnknown
from pipeline.http import HttpClient

MAX_ROWS = 10  # a name is that of one object


@dataclass(frozen=True)
class Place:
    """An object and its position."""

    name: str  # as SIMBAD, or the table of standards, writes it
    ra_deg: float  # ICRS
    dec_deg: float


def resolve_name(name: str, client: HttpClient, simbad_url: str, keep: KeepResponse) -> Place:
    """The position of the object of that name: a known standard star, else what SIMBAD says.

    Raises
    ------
    NameUnknown
        If SIMBAD knows no such object, or no position of it.
    ArchiveUnreachable, ArchiveRefused
        If there is no response, or it is not the table that was asked for.
    """
    star = find_standard(name)
    if star is not None:
        return Place(star.name, star.ra_deg, star.dec_deg)
    table = query_table(client, simbad_url, name_adql(name), keep, MAX_ROWS)
    try:
        found = [
            Place(str(row["main_id"]).strip(), float(row["ra"]), float(row["dec"]))
            for row in table
            if not (np.ma.is_masked(row["ra"]) or np.ma.is_masked(row["dec"]))
        ]
    except (KeyError, ValueError) as error:
        raise ArchiveRefused(f"{simbad_url}: not the table asked for ({error})") from error
    if not found or not np.isfinite((found[0].ra_deg, found[0].dec_deg)).all():
        raise NameUnknown(
            f"{name!r}: SIMBAD knows no position of that name; give ra_deg and dec_deg"
        )
    return found[0]


def name_adql(name: str) -> str:
    """astroquery's query for an object, with identifier and position."""
    from astroquery.simbad import SimbadClass  # on demand: it takes a second to import

    class Offline(SimbadClass):  # type: ignore[misc]
        """SIMBAD, not asked how many rows it would give."""

        hardlimit = MAX_ROWS

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of astroquery's own deprecations
        query: dict[str, Any] = Offline().query_object(name, get_query_payload=True)
    return str(query["QUERY"])

"""Raw frames as the archive's catalogue describes them.

``dbo.raw`` has no column for the night and its ``mjd_obs`` is good to five minutes only, so the night
is computed from ``exp_start``. That is not UTC to the millisecond either: leading zeros of fractions
are lost, and real rows are off by up to 0.6 s. Exposures are told apart by ``dp_id``, never by time.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from astropy.table import Table

from pipeline.archive import queries
from pipeline.archive.service import ArchiveService
from pipeline.archive.tap import SIMULATED, QueryRefused
from pipeline.config.settings import Field
from pipeline.errors import ArchiveRefused, AssociationRefused
from pipeline.muse.association import plain_name
from pipeline.muse.modes import WIDE_MODES

IDS_PER_QUERY = 400  # keeps a query below 20 kB
KILOBYTE = 1000  # unit of access_estsize

_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,9})?Z?")


@dataclass(frozen=True)
class Observation:
    """One raw frame as the archive's catalogue describes it."""

    dp_id: str
    start: str  # UTC, ISO, to the millisecond as far as the catalogue goes
    night: str  # ISO date: UT date of the start minus 12 h
    mode: str
    dp_type: str
    target: str
    template: str  # start of its template: frames of one calibration sequence share it
    exptime_s: float
    size_bytes: float  # the archive's estimate, NaN if it gives none
    ra_deg: float = np.nan  # of the pointing; NaN where the catalogue gives none
    dec_deg: float = np.nan
    release_date: str = ""  # from when on it is public; "" if the catalogue does not say
    simulated: bool = False  # says a test archive; see SIMULATED


@dataclass(frozen=True)
class FileInfo:
    """What the catalogue knows of a file."""

    size_bytes: float
    release_date: str  # ISO date; "" if unknown


def query_observations(archive: ArchiveService, adql: str) -> list[Observation]:
    """The observations that a query selects, each once, by time.

    Raises
    ------
    ArchiveUnreachable, ArchiveRefused
        If there is no response, or it is not the table that was asked for.
    """
    table = archive.query(adql)
    try:
        starts = [iso_instant(text) for text in texts(table, "exp_start")]
        rows = zip(
            (plain_name(text) for text in texts(table, "dp_id")),
            starts,
            nights_of(starts),
            texts(table, "ins_mode"),
            texts(table, "dp_type"),
            texts(table, "target"),
            texts(table, "tpl_start"),
            numbers(table, "exposure"),
            numbers(table, "access_estsize") * KILOBYTE,
            numbers(table, "ra"),
            numbers(table, "dec"),
            (text[:10] for text in texts(table, "release_date")),
            strict=True,
        )
        simulated = bool(table.meta[SIMULATED])
        observations = {row[0]: replace(Observation(*row), simulated=simulated) for row in rows}
    except (KeyError, ValueError, AssociationRefused) as error:
        raise ArchiveRefused(f"the response is not the table asked for: {error}") from error
    return sorted(observations.values(), key=lambda one: (one.start, one.dp_id))


def query_in_cone(
    archive: ArchiveService, field: Field, cone_arcmin: float, bounds: tuple[str, str]
) -> list[Observation]:
    """The exposures of a standard star in a cone around the field.

    The region of an exposure is what the archive's own clients query; a service that refuses that, or
    finds nothing so, is asked for positions. A row whose position is known must lie in the cone.
    """
    region = queries.standards_adql(bounds, queries.region_clause(field, cone_arcmin))
    point = queries.standards_adql(bounds, queries.point_clause(field, cone_arcmin))
    try:
        found = query_observations(archive, region)
    except QueryRefused:
        found = []
    found = found or query_observations(archive, point)
    apart = separations_arcmin(found, field)
    return [one for one, distance in zip(found, apart, strict=True) if not distance > cone_arcmin]


def separations_arcmin(observations: Sequence[Observation], field: Field) -> np.ndarray:
    """Distance of each frame's pointing from the field [arcmin]; NaN where it is unknown."""
    from astropy.coordinates import SkyCoord  # where it is needed: a tenth of a second

    ra = np.array([one.ra_deg for one in observations])
    dec = np.array([one.dec_deg for one in observations])
    known = np.isfinite(ra) & np.isfinite(dec) & (np.abs(dec) <= 90)
    apart = np.full(len(ra), np.nan)
    pointings = SkyCoord(ra[known], dec[known], unit="deg")
    centre = SkyCoord(field.ra_deg, field.dec_deg, unit="deg")
    apart[known] = pointings.separation(centre).arcmin
    return apart


def wide_field(observations: Iterable[Observation]) -> list[Observation]:
    """Those in one of the four modes of the study; the archive's pattern admits more."""
    return [one for one in observations if one.mode in WIDE_MODES]


def query_files(archive: ArchiveService, dp_ids: Sequence[str]) -> dict[str, FileInfo]:
    """What the catalogue knows of each file with a size; statics are not in it."""
    found: dict[str, FileInfo] = {}
    for start in range(0, len(dp_ids), IDS_PER_QUERY):
        table = archive.query(queries.sizes_adql(dp_ids[start : start + IDS_PER_QUERY]))
        sizes = numbers(table, "access_estsize") * KILOBYTE
        released = (text[:10] for text in texts(table, "release_date"))
        for name, size, date in zip(texts(table, "dp_id"), sizes, released, strict=True):
            if np.isfinite(size) and size > 0:
                found[name] = FileInfo(float(size), date)
    return found


def texts(table: Table, name: str) -> list[str]:
    """A column as text, "" where it is empty."""
    column = table[name]
    column = column.filled("") if hasattr(column, "filled") else column
    return [str(value).strip() for value in column]


def numbers(table: Table, name: str) -> np.ndarray:
    """A column as numbers, NaN where it is empty."""
    column = np.ma.asarray(table[name])
    return np.ma.filled(column.astype(float), np.nan)


def iso_instant(text: str) -> str:
    """An ISO time to the millisecond; raises ValueError for anything else."""
    if not _TIME.fullmatch(text):
        raise ValueError(f"exp_start = {text[:40]!r} is not a time")
    return str(np.datetime64(text.removesuffix("Z"), "ms"))


def nights_of(starts: Sequence[str]) -> list[str]:
    """The night of each start: UT date of the start minus 12 h."""
    instants = np.array(starts, "datetime64[ms]")
    return [str(night) for night in (instants - np.timedelta64(12, "h")).astype("datetime64[D]")]

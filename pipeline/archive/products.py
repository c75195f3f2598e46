"""Cubes that the observatory has reduced: which exist, and what their headers say about their origin.

The catalogue of reduced data, ``ivoa.ObsCore``, does not name the instrument mode. A cube has that of
the raw exposure that began with it: ``t_min`` is the start of its first exposure.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.table import Table, vstack
from astropy.time import Time

from pipeline.archive import queries
from pipeline.archive.observations import (
    KILOBYTE,
    FileInfo,
    Observation,
    nights_of,
    numbers,
    query_observations,
    texts,
)
from pipeline.archive.service import ArchiveService
from pipeline.archive.store import write_table
from pipeline.archive.tap import SIMULATED, QueryRefused
from pipeline.config.settings import Field
from pipeline.errors import ArchiveRefused, AssociationRefused, FileRefused
from pipeline.muse.association import plain_name
from pipeline.muse.modes import WIDE_MODES

START_TOLERANCE_S = 30.0  # between t_min and exp_start; exposures of a star begin minutes apart
TABLE = "products.ecsv"  # in the campaign's folder
CUBE_CATEGORY = "SCIENCE.CUBE.IFS"  # PRODCATG of a cube in the archive
MAX_PROVENANCE = 10_000  # PROVn keywords that are read


@dataclass(frozen=True)
class ReducedCube:
    """A reduced cube as the archive's catalogue describes it."""

    dp_id: str
    collection: str
    start: str  # of its first exposure; UTC, ISO, milliseconds
    night: str
    mode: str  # "" if no raw exposure began with it
    raw_dp_id: str  # that exposure
    target: str
    exptime_s: float
    size_bytes: float  # the archive's estimate, NaN if it gives none
    release_date: str
    simulated: bool = False

    @property
    def file(self) -> FileInfo:
        """What a download needs to know."""
        return FileInfo(self.size_bytes, self.release_date)


@dataclass(frozen=True)
class CubeProvenance:
    """What the header of a reduced cube says about its origin."""

    category: str  # PRODCATG
    pipeline: str  # version of the recipes, as "muse/2.8.7"
    raw: tuple[str, ...]  # PROV1, PROV2, ...: files that it was made of
    mode: str  # ESO INS MODE
    original_name: str  # ORIGFILE


def query_cubes(
    archive: ArchiveService,
    field: Field,
    collection: str,
    years: Collection[int],
    cone_arcmin: float,
) -> list[ReducedCube]:
    """The cubes of a collection in a cone around the field, each once, by time; without modes.

    Raises
    ------
    ArchiveUnreachable, ArchiveRefused
        If there is no response, or it is not the table that was asked for.
    """
    found: dict[str, ReducedCube] = {}
    for year in sorted(set(years)):
        adql = queries.products_adql(field, collection, mjd_bounds(year), cone_arcmin)
        table = archive.query(adql)
        try:
            starts = [_iso(mjd) for mjd in numbers(table, "t_min")]
            rows = zip(
                (plain_name(text) for text in texts(table, "dp_id")),
                starts,
                nights_of(starts),
                texts(table, "target_name"),
                numbers(table, "t_exptime"),
                numbers(table, "access_estsize") * KILOBYTE,
                (text[:10] for text in texts(table, "obs_release_date")),
                strict=True,
            )
            simulated = bool(table.meta[SIMULATED])
            for dp_id, start, night, target, exptime_s, size, date in rows:
                found[dp_id] = ReducedCube(
                    dp_id,
                    collection,
                    start,
                    night,
                    "",
                    "",
                    target,
                    exptime_s,
                    size,
                    date,
                    simulated,
                )
        except (KeyError, ValueError, AssociationRefused) as error:
            raise ArchiveRefused(f"the response is not the table asked for: {error}") from error
    return sorted(found.values(), key=lambda one: (one.start, one.dp_id))


def mjd_bounds(year: int) -> tuple[float, float]:
    """First and last instant (exclusive) of a year of nights [MJD]."""
    first, last = (Time(instant, scale="utc").mjd for instant in queries.year_bounds(year))
    return float(first), float(last)


def with_modes(cubes: Iterable[ReducedCube], raw: Sequence[Observation]) -> list[ReducedCube]:
    """The cubes, each with the mode and identity of the raw exposure that began with it, if any did."""
    starts = np.array([one.start for one in raw], "datetime64[ms]")
    found = []
    for cube in cubes:
        apart = np.abs((starts - np.datetime64(cube.start)) / np.timedelta64(1, "s"))
        if len(apart) and apart.min() <= START_TOLERANCE_S:
            nearest = raw[int(apart.argmin())]
            cube = replace(cube, mode=nearest.mode, raw_dp_id=nearest.dp_id)
        found.append(cube)
    return found


def query_field(
    archive: ArchiveService, field: Field, years: Collection[int], cone_arcmin: float
) -> list[Observation]:
    """The science exposures in a cone around the field in some years, by time."""
    found: list[Observation] = []
    for year in sorted(set(years)):
        bounds = queries.year_bounds(year)
        try:
            region = queries.region_clause(field, cone_arcmin)
            found += query_observations(archive, queries.sciences_adql(bounds, region))
        except QueryRefused:
            point = queries.point_clause(field, cone_arcmin)
            found += query_observations(archive, queries.sciences_adql(bounds, point))
    return found


RAW, PRODUCT, BOTH = "raw", "product", "both"  # what the archive holds of a night and mode


def holdings(
    raw: Iterable[Observation], cubes: Iterable[ReducedCube]
) -> dict[tuple[str, str], str]:
    """What the archive holds of each night and mode: raw frames, a reduced cube, or both."""
    with_raw = {(one.night, one.mode) for one in raw}
    with_cube = {(one.night, one.mode) for one in cubes if one.mode in WIDE_MODES}
    found = dict.fromkeys(sorted(with_raw | with_cube), RAW)
    for key in with_cube:
        found[key] = BOTH if key in with_raw else PRODUCT
    return found


def read_provenance(path: Path) -> CubeProvenance:
    """The origin of a reduced cube, from its primary header.

    Raises
    ------
    FileRefused
        If it is not a reduced cube of the instrument.
    """
    with fits.open(path, memmap=True) as file:
        header = file[0].header
        has_cube = any(hdu.name == "DATA" and hdu.header.get("NAXIS") == 3 for hdu in file)
    category = str(header.get("PRODCATG", "")).strip()
    if not has_cube or category not in ("", CUBE_CATEGORY):
        raise FileRefused(
            f"{path.name}: PRODCATG = {category!r} without a cube in an extension DATA; of use is "
            f"{CUBE_CATEGORY} only"
        )
    raw = []
    for number in range(1, MAX_PROVENANCE):
        if f"PROV{number}" not in header:
            break
        raw.append(str(header[f"PROV{number}"]).removesuffix(".fz").removesuffix(".fits"))
    recipe = header.get("ESO PRO REC1 PIPE ID", header.get("PROCSOFT", ""))
    return CubeProvenance(
        category,
        str(recipe).strip(),
        tuple(raw),
        str(header.get("ESO INS MODE", "")).strip(),
        str(header.get("ORIGFILE", "")).strip(),
    )


def write_cubes(
    cubes: Sequence[ReducedCube],
    files: Mapping[str, Path],
    reasons: Mapping[str, str],
    folder: Path,
) -> Table:
    """The table of reduced cubes that is written into a campaign's folder, earlier runs included."""
    path = folder / TABLE
    table = cubes_table(cubes, files, reasons)
    if path.is_file():
        kept = Table.read(path, format="ascii.ecsv").filled("")
        new = set(table["dp_id"])
        earlier = kept[[str(name) not in new for name in kept["dp_id"]]]
        table = vstack([earlier, table], metadata_conflicts="silent") if len(earlier) else table
        table.sort(["start", "dp_id"])
    write_table(table, path)
    return table


def cubes_table(
    cubes: Sequence[ReducedCube], files: Mapping[str, Path], reasons: Mapping[str, str]
) -> Table:
    """One row per reduced cube: what it is, what it was made of, and where it lies.

    Parameters
    ----------
    files : mapping
        Path of each cube that is here and was verified, by identity.
    reasons : mapping
        Why a cube is not here, by identity.
    """
    origins = {dp_id: read_provenance(path) for dp_id, path in files.items()}
    nothing = CubeProvenance("", "", (), "", "")
    rows = [
        (
            one.night,
            origins.get(one.dp_id, nothing).mode or one.mode,
            one.dp_id,
            one.collection,
            one.target,
            one.start,
            origins.get(one.dp_id, nothing).category,
            origins.get(one.dp_id, nothing).pipeline,
            " ".join(origins.get(one.dp_id, nothing).raw) or one.raw_dp_id,
            origins.get(one.dp_id, nothing).original_name,
            files[one.dp_id].name if one.dp_id in files else "",
            reasons.get(one.dp_id, ""),
        )
        for one in cubes
    ]
    names = ["night", "mode", "dp_id", "collection", "target", "start", "prodcatg", "pipeline"]
    return Table(rows=rows or None, names=[*names, "provenance", "origfile", "file", "reason"])


def _iso(mjd: float) -> str:
    """A Modified Julian Date as ISO time to the millisecond; raises ValueError for NaN."""
    if not np.isfinite(mjd):
        raise ValueError("t_min is empty")
    return str(Time(mjd, format="mjd", scale="utc").isot)

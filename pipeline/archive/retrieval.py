"""The steps of a retrieval, in order: survey, select, plan, fetch.

Each takes what the one before returned; the archive and the folders are arguments.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import numpy as np

from pipeline.archive import assembly, products, queries
from pipeline.archive.observations import (
    FileInfo,
    Observation,
    query_files,
    query_in_cone,
    query_observations,
    wide_field,
)
from pipeline.archive.products import ReducedCube
from pipeline.archive.selection import QUERY, FetchTree, KeptTree, Selection, choose
from pipeline.archive.service import ArchiveService
from pipeline.archive.store import Store, now
from pipeline.config.settings import Settings
from pipeline.config.standards import same_star
from pipeline.errors import AssociationRefused, CalibrationMissing
from pipeline.muse.association import File

RENEW_AFTER = timedelta(days=2)  # when the archive replaces what was not certified at first
UNKNOWN_SIZE_BYTES = 10e6  # a static calibration; the catalogue of raw frames does not know it


@dataclass(frozen=True)
class Survey:
    """The exposures that the catalogue holds for a field."""

    standards: tuple[Observation, ...]  # of the star, in the years asked for
    sciences: tuple[Observation, ...]  # of any target; with the neighbouring nights of those years

    @property
    def simulated(self) -> bool:
        """Whether it comes from a test archive."""
        return any(one.simulated for one in self.standards)

    def other_names(self, name: str) -> list[Observation]:
        """The star's exposures whose target is named like another star."""
        return [one for one in self.standards if one.target and not same_star(one.target, name)]


@dataclass(frozen=True)
class DownloadPlan:
    """The files that are to be fetched."""

    names: tuple[str, ...]  # each once, by identity
    sizes: dict[str, float]  # of those not here yet [byte]; estimates
    release_dates: dict[str, str]  # of those not here yet, where the catalogue knows it
    n_unknown: int  # how many of them have no estimate

    @property
    def total_bytes(self) -> float:
        """What is to be fetched."""
        return sum(self.sizes.values())


def survey_queries(settings: Settings, years: Iterable[int]) -> list[tuple[str, str]]:
    """The two queries of each year, standards and sciences, in ADQL."""
    cone = queries.region_clause(settings.field, settings.archive.cone_arcmin)
    margin = settings.archive.neighbour_nights
    return [
        (
            queries.standards_adql(queries.year_bounds(year), cone),
            queries.sciences_adql(queries.year_bounds(year, margin)),
        )
        for year in sorted(set(years))
    ]


def survey(settings: Settings, years: Collection[int], archive: ArchiveService) -> Survey:
    """What the catalogue holds for the field in some years, from two queries a year."""
    standards: dict[str, Observation] = {}
    sciences: dict[str, Observation] = {}
    cone_arcmin, margin = settings.archive.cone_arcmin, settings.archive.neighbour_nights
    for year in sorted(set(years)):
        bounds = queries.year_bounds(year)
        found = query_in_cone(archive, settings.field, cone_arcmin, bounds)
        standards.update((one.dp_id, one) for one in wide_field(found))
        adql = queries.sciences_adql(queries.year_bounds(year, margin))
        found = query_observations(archive, adql)
        sciences.update((one.dp_id, one) for one in wide_field(found))
    return Survey(_by_time(standards.values()), _by_time(sciences.values()))


def all_queries(settings: Settings, years: Iterable[int], collection: str) -> list[str]:
    """Every query of an overview, in ADQL: raw frames, then reduced cubes."""
    years = sorted(set(years))
    raw = [query for pair in survey_queries(settings, years) for query in pair]
    bounds = [products.mjd_bounds(year) for year in years]
    cone_arcmin = settings.archive.cone_arcmin
    return raw + [
        queries.products_adql(settings.field, collection, one, cone_arcmin) for one in bounds
    ]


def survey_cubes(
    settings: Settings, years: Collection[int], archive: ArchiveService, collection: str
) -> list[ReducedCube]:
    """The reduced cubes of the field in some years, from one query a year; without modes."""
    cone_arcmin = settings.archive.cone_arcmin
    return products.query_cubes(archive, settings.field, collection, years, cone_arcmin)


def preferred(
    found: Survey, cubes: Sequence[ReducedCube], prefer: str, nights: Collection[str] = ()
) -> tuple[Survey, list[ReducedCube]]:
    """The raw exposures to calibrate and the reduced cubes to fetch.

    Parameters
    ----------
    prefer : str
        Where a night and mode has both: "products", "raw" or "both". A cube whose mode is not known
        counts as one more product.
    nights : collection of str
        Only these; empty: all.
    """
    cubes = [one for one in cubes if not nights or one.night in nights]
    raw = [one for one in found.standards if not nights or one.night in nights]
    held = products.holdings(raw, cubes)
    if prefer == "products":
        raw = [one for one in raw if held[one.night, one.mode] == products.RAW]
    if prefer == "raw":
        cubes = [one for one in cubes if held.get((one.night, one.mode)) == products.PRODUCT]
    return replace(found, standards=tuple(raw)), cubes


def select(
    found: Survey,
    settings: Settings,
    archive: ArchiveService,
    store: Store,
    *,
    again: bool = False,
) -> list[Selection]:
    """One selection per night and mode with the star, by night and mode; each is kept at once.

    Parameters
    ----------
    again : bool
        Request also what an earlier run has settled.
    """
    groups: dict[tuple[str, str], list[Observation]] = defaultdict(list)
    for one in found.standards:
        groups[one.night, one.mode].append(one)
    fetch_tree = _tree_fetcher(archive, store)

    def settle(key: tuple[str, str]) -> Selection:
        known = None if again else store.read_selection(*key)
        if known is not None and _still_good(known, groups[key]):
            return known
        selection = choose(
            groups[key],
            found.sciences,
            fetch_tree,
            neighbour_nights=settings.archive.neighbour_nights,
            max_requests=settings.archive.max_questions,
        )
        selection = replace(selection, requested_at=now())
        store.write_selection(selection)
        return selection

    with ThreadPoolExecutor(settings.archive.connections, "select") as pool:
        selections = list(pool.map(settle, sorted(groups)))
    return [_assembled(one, selections, found, archive, store) for one in selections]


def plan(
    selections: Iterable[Selection],
    archive: ArchiveService,
    store: Store,
    cubes: Mapping[str, FileInfo] = MappingProxyType({}),
) -> DownloadPlan:
    """The files that are needed, each once, and the sizes of those not here yet.

    Parameters
    ----------
    cubes : mapping
        Reduced cubes to fetch, by identity.
    """
    wanted = {name for selection in selections for name in selection.files()}
    names = tuple(sorted(wanted | set(cubes)))
    absent = [name for name in names if store.find(name) is None]
    raw = [
        name for name in absent if not name.startswith(assembly.STATIC_PREFIX) and name not in cubes
    ]
    known = query_files(archive, raw) | dict(cubes)
    sizes = {name: known[name].size_bytes if name in known else np.nan for name in absent}
    n_unknown = sum(not np.isfinite(size) for size in sizes.values())
    sizes = {n: size if np.isfinite(size) else UNKNOWN_SIZE_BYTES for n, size in sizes.items()}
    dates = {name: known[name].release_date for name in absent if name in known}
    return DownloadPlan(names, sizes, dates, n_unknown)


def _tree_fetcher(archive: ArchiveService, store: Store) -> FetchTree:
    """Requests the tree of an exposure, and keeps it."""

    def fetch(dp_id: str) -> KeptTree:
        kept = store.keep_tree(dp_id, archive.association_tree(dp_id))
        if dp_id not in (file.name for file in kept.tree.root.files):
            raise AssociationRefused(f"{kept.file_name}: the tree is not that of {dp_id}")
        return kept

    return fetch


def _still_good(known: Selection, standards: Sequence[Observation]) -> bool:
    """Whether a selection of an earlier run need not be requested again."""
    if known.group is None or known.dp_id not in (one.dp_id for one in standards):
        return False
    if known.settled:
        return True
    if any(request.failure for request in known.requests):
        return False
    requested_at = datetime.fromisoformat(known.requested_at)
    return datetime.now(UTC) - requested_at < RENEW_AFTER


def _assembled(
    selection: Selection,
    others: Iterable[Selection],
    found: Survey,
    archive: ArchiveService,
    store: Store,
) -> Selection:
    """The selection, with a set from the catalogue if every tree was requested in vain."""
    if selection.group is not None or selection.unreached:
        return selection
    standard = next(one for one in found.standards if one.dp_id == selection.dp_id)
    window = np.timedelta64(assembly.WINDOW_NIGHTS, "D")
    night = np.datetime64(selection.night)
    bounds = f"{night - window}T12:00:00", f"{night + window}T12:00:00"
    adql = queries.calibrations_adql(bounds, assembly.DP_TYPES)
    try:
        frames = query_observations(archive, adql)
        group = assembly.assemble(standard, frames, _statics_for(selection, others))
        selection = replace(selection, way=QUERY, group=group, reason="")
    except CalibrationMissing as failure:
        selection = replace(selection, reason=f"{selection.reason}; {failure}")
    store.write_selection(selection)
    return selection


def _statics_for(selection: Selection, others: Iterable[Selection]) -> tuple[File, ...]:
    """The static calibrations of the nearest night in that mode whose tree is known."""
    known = [
        (abs(np.datetime64(one.night) - np.datetime64(selection.night)), one.night, one.group)
        for one in others
        if one.mode == selection.mode and one.group is not None and one.way != QUERY
    ]
    return assembly.statics_of(min(known, key=lambda one: one[:2])[2]) if known else ()


def _by_time(observations: Iterable[Observation]) -> tuple[Observation, ...]:
    return tuple(sorted(observations, key=lambda one: (one.start, one.dp_id)))

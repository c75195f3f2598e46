"""The steps of a retrieval, in order: survey, select, plan, fetch.

Each takes what the one before returned; connections and folders are handed in.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from pipeline.archive import assembly, queries
from pipeline.archive.queries import Keep, Observation
from pipeline.archive.selection import QUERY, KeptTree, Selection, choose
from pipeline.archive.store import Store, now
from pipeline.archive.web import Web
from pipeline.config.settings import Settings
from pipeline.config.standards import same_star
from pipeline.errors import ArchiveRefused, AssociationRefused, CalibrationMissing
from pipeline.muse.association import MAX_BYTES, File

RENEW_AFTER = timedelta(days=2)  # when the archive replaces what was not certified at first
UNKNOWN_SIZE_BYTES = 10e6  # a static calibration; the catalogue of raw frames does not know it


@dataclass(frozen=True)
class Survey:
    """What the catalogue holds for a field."""

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
class Plan:
    """The files that are to be fetched."""

    names: tuple[str, ...]  # each once, by identity
    sizes: dict[str, float]  # of those not here yet [byte]; estimates
    n_unknown: int  # how many of them have no estimate

    @property
    def total_bytes(self) -> float:
        """What is to be fetched."""
        return sum(self.sizes.values())


def survey_questions(settings: Settings, years: Iterable[int]) -> list[tuple[str, str]]:
    """The two questions of each year, standards and sciences, in ADQL."""
    archive = settings.archive
    return [
        (
            queries.standards_adql(settings.field, queries.year_bounds(year), archive.cone_arcmin),
            queries.sciences_adql(queries.year_bounds(year, archive.neighbour_nights)),
        )
        for year in sorted(set(years))
    ]


def survey(settings: Settings, years: Collection[int], web: Web, keep: Keep) -> Survey:
    """What the catalogue holds for the field in some years, from two questions a year."""
    standards: dict[str, Observation] = {}
    sciences: dict[str, Observation] = {}
    for about_standards, about_sciences in survey_questions(settings, years):
        for adql, into in ((about_standards, standards), (about_sciences, sciences)):
            answer = queries.ask_observations(web, settings.archive.tap_url, adql, keep)
            into.update((one.dp_id, one) for one in queries.wide_field(answer))
    return Survey(_by_time(standards.values()), _by_time(sciences.values()))


def select(
    found: Survey,
    settings: Settings,
    web: Web,
    store: Store,
    *,
    nights: Collection[str] = (),
    again: bool = False,
) -> list[Selection]:
    """One selection per night and mode with the star, by night and mode; each is kept at once.

    Parameters
    ----------
    nights : collection of str
        Only these; empty: all.
    again : bool
        Ask also for what an earlier run has settled.
    """
    groups: dict[tuple[str, str], list[Observation]] = defaultdict(list)
    for one in found.standards:
        if not nights or one.night in nights:
            groups[one.night, one.mode].append(one)
    ask = _tree_asker(web, store)

    def settle(key: tuple[str, str]) -> Selection:
        known = None if again else store.read_selection(*key)
        if known is not None and _still_good(known, groups[key]):
            return known
        selection = choose(
            groups[key],
            found.sciences,
            ask,
            neighbour_nights=settings.archive.neighbour_nights,
            max_questions=settings.archive.max_questions,
        )
        selection = replace(selection, asked_at=now())
        store.write_selection(selection)
        return selection

    with ThreadPoolExecutor(settings.archive.connections, "select") as pool:
        selections = list(pool.map(settle, sorted(groups)))
    return [_assembled(one, selections, found, settings, web, store) for one in selections]


def plan(selections: Iterable[Selection], settings: Settings, web: Web, store: Store) -> Plan:
    """The files that the selections need, each once, and the sizes of those not here yet."""
    names = tuple(sorted({name for selection in selections for name in selection.files()}))
    absent = [name for name in names if store.find(name) is None]
    raw = [name for name in absent if not name.startswith(assembly.STATIC_PREFIX)]
    known = queries.ask_sizes(web, settings.archive.tap_url, raw, store.keep_answer)
    sizes = {name: known.get(name, UNKNOWN_SIZE_BYTES) for name in absent}
    return Plan(names, sizes, sum(name not in known for name in absent))


def _tree_asker(web: Web, store: Store) -> Callable[[str], KeptTree]:
    """Asks CalSelector for the tree of an exposure, and keeps the answer."""

    def ask(dp_id: str) -> KeptTree:
        url = web.settings.calselector_url
        form = {"dp_id": dp_id, "mode": "Raw2Raw"}
        answer = web.ask("POST", url, data=form, max_bytes=MAX_BYTES)
        if answer.status != 200:
            raise ArchiveRefused(f"{url}: HTTP {answer.status} for {dp_id}")
        kept = store.keep_tree(dp_id, answer)
        if dp_id not in (file.name for file in kept.tree.root.files):
            raise AssociationRefused(f"{kept.file_name}: the tree is not that of {dp_id}")
        return kept

    return ask


def _still_good(known: Selection, standards: Sequence[Observation]) -> bool:
    """Whether a selection of an earlier run need not be asked for again."""
    if known.group is None or known.dp_id not in (one.dp_id for one in standards):
        return False
    if known.settled:
        return True
    if any(question.failure for question in known.asked):
        return False
    asked_at = datetime.fromisoformat(known.asked_at)
    return datetime.now(UTC) - asked_at < RENEW_AFTER


def _assembled(
    selection: Selection,
    others: Iterable[Selection],
    found: Survey,
    settings: Settings,
    web: Web,
    store: Store,
) -> Selection:
    """The selection, with a set from the catalogue if every tree was asked in vain."""
    if selection.group is not None or selection.unreached:
        return selection
    standard = next(one for one in found.standards if one.dp_id == selection.dp_id)
    window = np.timedelta64(assembly.WINDOW_NIGHTS, "D")
    night = np.datetime64(selection.night)
    bounds = f"{night - window}T12:00:00", f"{night + window}T12:00:00"
    adql = queries.calibrations_adql(bounds, tuple(assembly.KINDS))
    try:
        frames = queries.ask_observations(web, settings.archive.tap_url, adql, store.keep_answer)
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

"""Which calibrations belong to a standard-star exposure, and how we know.

CalSelector gives each science exposure the standard that suits it: maybe another star, maybe one of
another night. So a tree counts only if it names *our* exposure. Trees are requested, in this order, for: the
standard itself, which the archive may not support; the science exposures of its night and mode,
the nearest in time first; those of neighbouring nights. What is left is assembled from the
catalogue (``pipeline.archive.assembly``).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from pipeline.archive.observations import Observation
from pipeline.errors import ArchiveUnreachable, PipelineError
from pipeline.muse.association import Association, AssociationTree
from pipeline.muse.calibrations import calibrations_of

STANDARD, SCIENCE, NEIGHBOUR, QUERY = "standard", "science", "neighbour", "query"  # the four ways
RAW_MODE = "raw2raw"


@dataclass(frozen=True)
class KeptTree:
    """A tree and the file in which it is kept as it came."""

    tree: AssociationTree
    file_name: str


FetchTree = Callable[[str], KeptTree]


@dataclass(frozen=True)
class TreeRequest:
    """One exposure whose tree was requested, and the outcome."""

    way: str
    dp_id: str
    outcome: str
    failure: str = ""  # type of the error if no usable tree came


@dataclass(frozen=True)
class Selection:
    """The standard-star exposure of a night and mode and its calibrations."""

    night: str
    mode: str
    dp_id: str  # the standard-star exposure
    start: str  # its start, UTC
    size_bytes: float  # the archive's estimate for it
    way: str = ""  # how the calibrations were found; "" if they were not
    group: Association | None = None  # the exposure and everything below it
    tree_file: str = ""  # the file of the tree that it is from
    requests: tuple[TreeRequest, ...] = ()
    others: tuple[str, ...] = ()  # further exposures of the star in that night and mode, not used
    reason: str = ""  # why there are no calibrations
    requested_at: str = ""  # UTC

    @property
    def settled(self) -> bool:
        """Whether another request could not better it: all found, all certified."""
        return self.group is not None and self.group.complete and self.group.certified

    @property
    def unreached(self) -> int:
        """How many requests got no response at all: nothing follows from silence."""
        return sum(one.failure == ArchiveUnreachable.__name__ for one in self.requests)

    def files(self) -> tuple[str, ...]:
        """Identities of the files that the reduction needs, each once; none if there is no set."""
        return tuple(dict.fromkeys(f.name for f in self.group.all_files())) if self.group else ()


def choose(
    standards: Sequence[Observation],
    sciences: Sequence[Observation],
    fetch_tree: FetchTree,
    *,
    neighbour_nights: int,
    max_requests: int,
) -> Selection:
    """The selection for one night and mode; its ``group`` is None if no tree names the standard.

    Parameters
    ----------
    standards : sequence of Observation, at least one
        The star's exposures of that night and mode.
    sciences : sequence of Observation
        Science exposures of any night and mode.
    fetch_tree : callable
        The association tree of an exposure; an expected failure counts as no tree.
    neighbour_nights : int
        How many nights before and after are tried.
    max_requests : int
        How many trees are requested on each of the ways.
    """
    standards = sorted(standards, key=lambda one: (one.start, one.dp_id))
    first = standards[0]
    ours = {one.dp_id: one for one in standards}
    requests: list[TreeRequest] = []
    second_best: tuple[str, Association, str] | None = None
    for way, candidate in _candidates(first, standards, sciences, neighbour_nights, max_requests):
        try:
            kept = fetch_tree(candidate)
        except PipelineError as failure:
            requests.append(TreeRequest(way, candidate, str(failure), type(failure).__name__))
            continue
        group, outcome = judge(kept.tree, ours)
        requests.append(TreeRequest(way, candidate, outcome))
        if group is not None and group.complete:
            return _selection(ours, way, group, kept.file_name, requests)
        if group is not None and second_best is None:
            second_best = way, group, kept.file_name
    if second_best is not None:
        return _selection(ours, *second_best, requests)
    others = tuple(name for name in ours if name != first.dp_id)
    nothing = Selection(
        first.night,
        first.mode,
        first.dp_id,
        first.start,
        first.size_bytes,
        requests=tuple(requests),
        others=others,
        reason=f"none of {len(requests)} association trees names the exposure with its calibrations",
    )
    if not nothing.unreached:
        return nothing
    silent = f"{nothing.unreached} requests got no response, run the command again"
    return replace(nothing, reason=f"{nothing.reason}; {silent}")


def judge(tree: AssociationTree, ours: dict[str, Observation]) -> tuple[Association | None, str]:
    """The group of a tree that calibrates one of our exposures, or None; and the reason in words.

    The group is cut down to one exposure, the earliest of ours that it names, and to what its
    reduction reads: the same rule as the reduction's own decides (``calibrations_of``).
    """
    if tree.mode.lower() != RAW_MODE:
        return None, f"came in mode {tree.mode[:40]!r}, not Raw2Raw"
    standards = tree.standards()
    if not standards:
        said = "; ".join(text for group in tree.root.walk() for text in group.messages)
        return None, f"names no standard{': ' + said[:200] if said else ''}"
    for group in standards:
        named = sorted((f for f in group.files if f.name in ours), key=lambda f: ours[f.name].start)
        if not named:
            continue
        found = calibrations_of(replace(group, files=tuple(named[:1])), tree.root)
        if not found.suffice:
            return None, f"names {named[0].name} without {', '.join(found.missing)}"
        incomplete = "" if found.group.complete else ", incomplete"
        return found.group, f"names {named[0].name}{incomplete}"
    names = ", ".join(file.name for group in standards for file in group.files)
    return None, f"names a standard that is not ours: {names[:200]}"


def _selection(
    ours: dict[str, Observation],
    way: str,
    group: Association,
    tree_file: str,
    requests: Sequence[TreeRequest],
) -> Selection:
    used = ours[group.files[0].name]
    return Selection(
        used.night,
        used.mode,
        used.dp_id,
        used.start,
        used.size_bytes,
        way,
        group,
        tree_file,
        tuple(requests),
        tuple(name for name in ours if name != used.dp_id),
    )


def _candidates(
    first: Observation,
    standards: Sequence[Observation],
    sciences: Sequence[Observation],
    neighbour_nights: int,
    max_requests: int,
) -> Iterator[tuple[str, str]]:
    """Way and identity of the exposures whose trees are requested, in that order."""
    instant = np.datetime64(first.start)

    def nearness(one: Observation) -> tuple[float, str]:
        return abs(float((np.datetime64(one.start) - instant) / np.timedelta64(1, "s"))), one.dp_id

    same_mode = sorted((one for one in sciences if one.mode == first.mode), key=nearness)
    apart = [abs(_nights_apart(one.night, first.night)) for one in same_mode]
    for one in islice(standards, max_requests):
        yield STANDARD, one.dp_id
    near = (one for one, n in zip(same_mode, apart, strict=True) if n == 0)
    for one in islice(near, max_requests):
        yield SCIENCE, one.dp_id
    far = (one for one, n in zip(same_mode, apart, strict=True) if 0 < n <= neighbour_nights)
    for one in islice(far, max_requests):
        yield NEIGHBOUR, one.dp_id


def _nights_apart(one: str, other: str) -> int:
    return int((np.datetime64(one) - np.datetime64(other)) / np.timedelta64(1, "D"))

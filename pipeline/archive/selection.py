"""Which calibrations belong to a standard-star exposure, and how we know.

CalSelector gives each science exposure the standard that suits it: maybe another star, maybe one of
another night. So a tree counts only if it names *our* exposure. Asked are, in this order: the
standard itself, which the archive may not support; the science exposures of its night and mode,
the nearest in time first; those of neighbouring nights. What is left is assembled from the
catalogue (``pipeline.archive.assembly``).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from pipeline.archive.queries import Observation
from pipeline.errors import ArchiveUnreachable, PipelineError
from pipeline.muse.association import Association, AssociationTree

STANDARD, SCIENCE, NEIGHBOUR, QUERY = "standard", "science", "neighbour", "query"  # the four ways
RAW_MODE = "raw2raw"


@dataclass(frozen=True)
class KeptTree:
    """A tree and the file in which the answer is kept as it came."""

    tree: AssociationTree
    file_name: str


AskTree = Callable[[str], KeptTree]


@dataclass(frozen=True)
class Question:
    """One exposure whose tree was asked for, and what came of it."""

    way: str
    dp_id: str
    outcome: str
    failure: str = ""  # type of the error if there was no answer that can be used


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
    tree_file: str = ""  # the answer that it is from
    asked: tuple[Question, ...] = ()
    others: tuple[str, ...] = ()  # further exposures of the star in that night and mode, not used
    reason: str = ""  # why there are no calibrations
    asked_at: str = ""  # UTC

    @property
    def settled(self) -> bool:
        """Whether asking again could not better it: all found, all certified."""
        return self.group is not None and self.group.complete and self.group.certified

    @property
    def unreached(self) -> int:
        """How many questions got no answer at all: nothing follows from silence."""
        return sum(question.failure == ArchiveUnreachable.__name__ for question in self.asked)

    def files(self) -> tuple[str, ...]:
        """Identities of the files that the reduction needs, each once; none if there is no set."""
        return tuple(dict.fromkeys(f.name for f in self.group.all_files())) if self.group else ()


def choose(
    standards: Sequence[Observation],
    sciences: Sequence[Observation],
    ask: AskTree,
    *,
    neighbour_nights: int,
    max_questions: int,
) -> Selection:
    """The selection for one night and mode; its ``group`` is None if no tree names the standard.

    Parameters
    ----------
    standards : sequence of Observation, at least one
        The star's exposures of that night and mode.
    sciences : sequence of Observation
        Science exposures of any night and mode.
    ask : callable
        The association tree of an exposure; an expected failure counts as no answer.
    neighbour_nights : int
        How many nights before and after are tried.
    max_questions : int
        How many trees are asked for on each of the ways.
    """
    standards = sorted(standards, key=lambda one: (one.start, one.dp_id))
    first = standards[0]
    ours = {one.dp_id: one for one in standards}
    asked: list[Question] = []
    second_best: tuple[str, Association, str] | None = None
    for way, candidate in _candidates(first, standards, sciences, neighbour_nights, max_questions):
        try:
            kept = ask(candidate)
        except PipelineError as failure:
            asked.append(Question(way, candidate, str(failure), type(failure).__name__))
            continue
        group, outcome = judge(kept.tree, ours)
        asked.append(Question(way, candidate, outcome))
        if group is not None and group.complete:
            return _selection(ours, way, group, kept.file_name, asked)
        if group is not None and second_best is None:
            second_best = way, group, kept.file_name
    if second_best is not None:
        return _selection(ours, *second_best, asked)
    others = tuple(name for name in ours if name != first.dp_id)
    nothing = Selection(
        first.night,
        first.mode,
        first.dp_id,
        first.start,
        first.size_bytes,
        asked=tuple(asked),
        others=others,
        reason=f"none of {len(asked)} association trees names the exposure with its calibrations",
    )
    if not nothing.unreached:
        return nothing
    words = f"{nothing.unreached} questions got no answer, run the command again"
    return replace(nothing, reason=f"{nothing.reason}; {words}")


def judge(tree: AssociationTree, ours: dict[str, Observation]) -> tuple[Association | None, str]:
    """The group of a tree that calibrates one of our exposures, or None; and the verdict in words.

    The group is cut down to one exposure: the earliest of ours that it names.
    """
    if tree.mode.lower() != RAW_MODE:
        return None, f"answered in mode {tree.mode[:40]!r}, not Raw2Raw"
    standards = tree.standards()
    if not standards:
        said = "; ".join(text for group in tree.root.walk() for text in group.messages)
        return None, f"names no standard{': ' + said[:200] if said else ''}"
    for group in standards:
        named = sorted((f for f in group.files if f.name in ours), key=lambda f: ours[f.name].start)
        if not named:
            continue
        group = replace(group, files=tuple(named[:1]))
        missing = group.missing()
        if missing:
            return None, f"names {named[0].name} without {', '.join(missing)}"
        return group, f"names {named[0].name}" + ("" if group.complete else ", incomplete")
    names = ", ".join(file.name for group in standards for file in group.files)
    return None, f"names a standard that is not ours: {names[:200]}"


def _selection(
    ours: dict[str, Observation],
    way: str,
    group: Association,
    tree_file: str,
    asked: Sequence[Question],
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
        tuple(asked),
        tuple(name for name in ours if name != used.dp_id),
    )


def _candidates(
    first: Observation,
    standards: Sequence[Observation],
    sciences: Sequence[Observation],
    neighbour_nights: int,
    max_questions: int,
) -> Iterator[tuple[str, str]]:
    """Way and identity of the exposures to ask about, in the order of asking."""
    instant = np.datetime64(first.start)

    def nearness(one: Observation) -> tuple[float, str]:
        return abs(float((np.datetime64(one.start) - instant) / np.timedelta64(1, "s"))), one.dp_id

    same_mode = sorted((one for one in sciences if one.mode == first.mode), key=nearness)
    apart = [abs(_nights_apart(one.night, first.night)) for one in same_mode]
    for one in islice(standards, max_questions):
        yield STANDARD, one.dp_id
    near = (one for one, n in zip(same_mode, apart, strict=True) if n == 0)
    for one in islice(near, max_questions):
        yield SCIENCE, one.dp_id
    far = (one for one, n in zip(same_mode, apart, strict=True) if 0 < n <= neighbour_nights)
    for one in islice(far, max_questions):
        yield NEIGHBOUR, one.dp_id


def _nights_apart(one: str, other: str) -> int:
    return int((np.datetime64(one) - np.datetime64(other)) / np.timedelta64(1, "D"))

"""Files of the same light: of those with one start and mode one is taken, the readable, better one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pipeline.errors import DuplicateExposure, ExposureError, NoEpoch
from pipeline.muse.combined import why_combined
from pipeline.muse.compressed_file import is_compressed
from pipeline.muse.cube import Cube, open_cube
from pipeline.tasks.boundary import limits_of, reason_of
from pipeline.tasks.entry import InputExposure
from pipeline.workflow.supervise import supervise

SAME_START_S = 1.0 + 1e-3  # two starts of one exposure, and the rounding of an MJD
SECONDS_PER_DAY = 86400
MORE_DATA = 1.01  # times the samples: better
_SAMPLED_SHARES = (0.25, 0.5, 0.75)  # of the layers


@dataclass(frozen=True)
class Candidate:
    """One of several files of the same light."""

    path: Path
    label: str
    why_not: str = ""  # why it cannot be measured; "" if it can
    combined: bool = False  # of several exposures, of which this is the first
    n_samples: float = 0.0  # with data and a variance
    compressed: bool = False  # as a whole: it is expanded for each reading


# what makes a file better, in this order: (whether it is as good as the best, what to say if not)
_Rule = tuple[Callable[[Candidate, Sequence[Candidate]], bool], str]
_RULES: tuple[_Rule, ...] = (
    (lambda one, _: not one.why_not, "can be measured"),
    (lambda one, _: not one.combined, "is the single exposure"),
    (
        lambda one, all_: one.n_samples * MORE_DATA >= max(c.n_samples for c in all_),
        "has more data",
    ),
    (lambda one, _: not one.compressed, "is not compressed"),
    (lambda one, all_: one.label == min(c.label for c in all_), "comes first by name"),
)


def without_copies(
    entries: Mapping[Path, InputExposure],
    labels: Mapping[Path, str],
    fields: Mapping[Path, int | None],
) -> dict[Path, InputExposure]:
    """The entries; of several files of one light all but the best are ``DuplicateExposure``.

    The row of the one that is taken names the others. Files whose identity is that of another light
    go by their names.

    Parameters
    ----------
    entries : mapping
        By file.
    labels : mapping
        What each file is called.
    fields : mapping
        Number of the field that it points at, None if unknown.
    """
    found = dict(entries)
    for paths in _groups(entries, fields):
        if len(paths) > 1:
            _settle([_candidate(path, entries[path], labels[path]) for path in paths], found)
    taken: set[str] = set()
    for path, entry in found.items():
        if entry.exposure is None or isinstance(entry.error, NoEpoch):
            continue
        if entry.exposure_id in taken:
            exposure = replace(entry.exposure, exposure_id=labels[path])
            found[path] = replace(entry, exposure_id=labels[path], exposure=exposure)
        taken.add(entry.exposure_id)
    return found


def _groups(
    entries: Mapping[Path, InputExposure], fields: Mapping[Path, int | None]
) -> list[list[Path]]:
    """Files of one mode and field whose starts are within a second of the one before."""
    timed = [
        (f"{entry.exposure.mode} {fields[path]}", entry.exposure.mjd_start, path)
        for path, entry in entries.items()
        if entry.exposure is not None and not isinstance(entry.error, NoEpoch)
    ]
    groups: list[list[Path]] = []
    before = ("", -np.inf)
    for mode, start, path in sorted(timed):
        apart_s = (start - before[1]) * SECONDS_PER_DAY
        if mode == before[0] and apart_s <= SAME_START_S:
            groups[-1].append(path)
        else:
            groups.append([path])
        before = (mode, start)
    return groups


def _settle(group: Sequence[Candidate], found: dict[Path, InputExposure]) -> None:
    """Mark all files of a group but the best; both rows say what made it the best."""
    left, lost, said = list(group), [], ""
    for as_good, virtue in _RULES:
        good = [one for one in left if as_good(one, left)]
        if good and len(good) < len(left):
            lost += [(one, virtue) for one in left if one not in good]
            said, left = said or virtue, good
    (best,) = left
    for one, virtue in lost:
        why = f"{one.why_not}; " if one.why_not else ""
        error = DuplicateExposure(
            f"{one.label}: {why}the same exposure as {best.label} ({found[best.path].exposure_id}), "
            f"which {virtue} and is taken"
        )
        found[one.path] = InputExposure(one.label, None, error, one.path)
    others = ", ".join(one.label for one in group if one is not best)
    note = f"of {len(group)} files of this light {best.label} was taken: it {said} (not {others})"
    found[best.path] = replace(found[best.path], note=note)


def _candidate(path: Path, entry: InputExposure, label: str) -> Candidate:
    """What a file is worth; whatever happens while it is read says that it cannot be measured."""
    if entry.error is not None:
        return Candidate(path, label, str(entry.error))
    try:
        combined, n_samples, compressed = supervise(_looked_at, path, limits_of(path))
    except ExposureError as error:
        return Candidate(path, label, str(error).removeprefix(f"{path.name}: "))
    except Exception as error:  # the one boundary of this look, as ``run_job`` is of a measurement
        kind, said = reason_of(error, path)
        return Candidate(path, label, f"{kind}: {said}")
    return Candidate(path, label, "", combined, n_samples, compressed)


def _looked_at(path: Path) -> tuple[bool, float, bool]:
    """Whether it is of several exposures, its number of samples, whether it is compressed."""
    cube = open_cube(path)
    return bool(why_combined(cube.header)), _n_samples(cube), is_compressed(path)


def _n_samples(cube: Cube) -> float:
    """Samples with data and a variance, from three layers; 0 where there are none."""
    shares = []
    for share in _SAMPLED_SHARES:
        layer = int(share * (len(cube.data) - 1))
        data, variance = np.asarray(cube.data[layer]), np.asarray(cube.stat[layer])
        with np.errstate(invalid="ignore"):
            seen = np.isfinite(data) & (variance > 0)
        if cube.fill is not None:
            seen &= data != cube.fill
        if cube.dq is not None:
            seen &= cube.dq[layer] == 0
        shares.append(float(np.count_nonzero(seen)))
    return float(np.mean(shares)) * len(cube.data)

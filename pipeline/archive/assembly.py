"""A set of calibrations assembled from the catalogue, for an exposure that no tree names.

Of each kind the sequence (frames of one template) nearest in time is taken, in the exposure's own
instrument mode where the mode matters. The result has the shape of an association tree, so that
the reduction has one way to read calibrations; it is never ``certified``.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.archive.observations import Observation
from pipeline.errors import CalibrationMissing
from pipeline.muse.association import Association, File
from pipeline.muse.illumination import FrameFacts, choose_illum, facts_of

MATCH = "query"  # marks a group that no rule of the archive chose
STATIC_PREFIX = "M.MUSE."  # identities of master and static calibrations


@dataclass(frozen=True)
class _Kind:
    group: str  # RAW_TYPE of the group
    tag: str  # the recipes' tag of its files
    least: int  # frames below which a sequence is of no use
    window_days: float  # twice to four times the interval of MUSE's calibration plan
    any_mode: bool = False


KINDS = {
    "BIAS": _Kind("BIAS", "BIAS", 5, 3.0, any_mode=True),  # the detectors know no mode
    "FLAT,LAMP": _Kind("LAMP_FLAT", "FLAT", 5, 3.0),
    "WAVE": _Kind("ARC", "ARC", 3, 3.0),  # one of each lamp at least
    "FLAT,SKY": _Kind("SKY_FLAT", "SKYFLAT", 3, 14.0),
}
ILLUM_TYPE = (
    "FLAT,LAMP,ILLUM"  # follows the temperature: exposure and twilights have each their own
)
DP_TYPES = (*KINDS, ILLUM_TYPE)
WINDOW_NIGHTS = 14


def assemble(
    standard: Observation, calibrations: Iterable[Observation], statics: Iterable[File] = ()
) -> Association:
    """The exposure with the nearest usable sequence of each kind.

    Parameters
    ----------
    calibrations : iterable of Observation
        Raw calibrations of the nights around, all modes.
    statics : iterable of File
        Static calibrations that other exposures of that mode use; the catalogue of raw frames does
        not know them. Without any the recipes take those of their own installation.

    Raises
    ------
    CalibrationMissing
        If a kind that is needed has no usable sequence near enough.
    """
    by_type: dict[str, list[Observation]] = defaultdict(list)
    for one in calibrations:
        by_type[one.dp_type].append(one)
    found: dict[str, tuple[File, ...]] = {}
    missing = []
    for dp_type, kind in KINDS.items():
        sequence = _nearest(standard, by_type[dp_type], kind)
        if sequence:
            found[kind.group] = tuple(File(one.dp_id, kind.tag) for one in sequence)
        else:
            missing.append(f"{kind.tag} (at least {kind.least} within {kind.window_days:g} days)")
    if missing:
        raise CalibrationMissing(
            f"{standard.dp_id}: the archive has no {', no '.join(missing)} for {standard.mode}"
        )
    bias = _group("BIAS", found["BIAS"])
    flat = _group("LAMP_FLAT", found["LAMP_FLAT"], bias)
    arc = _group("ARC", found["ARC"], bias, flat)
    flats = [facts_of(one.dp_id, one.mode) for one in by_type[ILLUM_TYPE]]
    illum = _illum(facts_of(standard.dp_id, standard.mode), flats)
    middle = found["SKY_FLAT"][len(found["SKY_FLAT"]) // 2].name
    own = _illum(facts_of(middle, standard.mode), flats)
    sky_flat = _group("SKY_FLAT", found["SKY_FLAT"], bias, flat, arc, *own)
    fixed = [_group(file.category, (file,)) for file in statics]
    star = (File(standard.dp_id, "STD"),)
    return _group("STD", star, *illum, bias, flat, arc, sky_flat, *fixed)


def _illum(frame: FrameFacts, flats: Sequence[FrameFacts]) -> list[Association]:
    """The group of the illumination flat near a frame; none if there is none near enough."""
    flat = choose_illum(frame, flats)
    return [] if flat is None else [_group("ILLUM", (File(flat.name, "ILLUM"),))]


def statics_of(group: Association) -> tuple[File, ...]:
    """The static calibrations of a tree, one of each category."""
    by_category = {
        file.category: file for file in group.all_files() if file.name.startswith(STATIC_PREFIX)
    }
    return tuple(by_category[category] for category in sorted(by_category))


def _nearest(
    standard: Observation, frames: Sequence[Observation], kind: _Kind
) -> list[Observation]:
    """The usable sequence whose middle is nearest to the exposure; empty if there is none."""
    sequences: dict[tuple[str, str], list[Observation]] = defaultdict(list)
    for one in frames:
        if kind.any_mode or one.mode == standard.mode:
            sequences[one.mode, one.template or one.night].append(one)
    instant = np.datetime64(standard.start)
    usable = []
    for key in sorted(sequences):
        sequence = sorted(sequences[key], key=lambda one: (one.start, one.dp_id))
        middle = np.datetime64(sequence[len(sequence) // 2].start)
        days = abs(float((middle - instant) / np.timedelta64(1, "D")))
        if len(sequence) >= kind.least and days <= kind.window_days:
            usable.append((days, key, sequence))
    return min(usable, key=lambda one: one[:2])[2] if usable else []


def _group(category: str, files: tuple[File, ...], *children: Association) -> Association:
    return Association(category, files, children, complete=True, certified=False, match=MATCH)

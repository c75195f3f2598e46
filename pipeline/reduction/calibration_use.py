"""What a plan uses of an exposure's calibrations, as a record with ages and temperatures."""

from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.muse.association import AssociationTree
from pipeline.muse.calibrations import Calibrations
from pipeline.muse.exposure import night_of_identity
from pipeline.muse.illumination import HOURS_PER_DAY, FrameFacts, facts_of
from pipeline.reduction.plan import Call, Plan
from pipeline.schema.calibration_record import KINDS, WAYS, CalibrationRecord, CalibrationUse

# Product that scibasic reads: the raw frames that it was made of
_MADE_OF = {
    "MASTER_BIAS": "BIAS",
    "MASTER_FLAT": "FLAT",
    "WAVECAL_TABLE": "ARC",
    "TWILIGHT_CUBE": "SKYFLAT",
}


def frames_used(plan: Plan) -> dict[str, tuple[str, ...]]:
    """Identities of the raw frames that calibrate the exposure itself, by their tag."""
    calls = {call.id: call for call in plan.calls}
    basic = next(call for call in plan.calls if _reduces(call, plan.standard))
    found: dict[str, tuple[str, ...]] = {}
    for one in basic.inputs:
        tag = _MADE_OF.get(one.tag, one.tag)
        if one.call and tag in KINDS:
            found[tag] = tuple(i.name for i in calls[one.call].inputs if i.tag == tag)
        elif one.tag == "ILLUM" or one.tag in _MADE_OF:
            found[tag] = (one.name,)
    return {tag: found[tag] for tag in KINDS if tag in found}


def calibration_record(
    plan: Plan,
    tree: AssociationTree,
    calibrations: Calibrations,
    facts: Mapping[str, FrameFacts],
    channels: Sequence[int],
) -> CalibrationRecord:
    """How the calibrations of a plan were found, and how far they are from the exposure.

    Parameters
    ----------
    facts : mapping of str to FrameFacts
        What is known of raw frames beyond the time in their names.
    """
    exposure = facts.get(plan.standard) or facts_of(plan.standard)
    uses = tuple(
        _use(tag, [facts.get(name) or facts_of(name) for name in names], exposure)
        for tag, names in frames_used(plan).items()
    )
    return CalibrationRecord(
        way_of(tree, calibrations, plan.standard),
        calibrations.certified,
        tuple(channels),
        uses,
        plan.installed,
    )


def way_of(tree: AssociationTree, calibrations: Calibrations, standard: str) -> str:
    """How the calibrations were found: a key of ``calibration_record.WAYS``."""
    if calibrations.group.match in WAYS:  # of a tree that retrieval has left
        return calibrations.group.match
    names = [file.name for file in tree.root.files]
    if standard in names:
        return "standard"
    night = night_of_identity(standard)
    return "science" if any(night_of_identity(name) == night for name in names) else "neighbour"


def _reduces(call: Call, standard: str) -> bool:
    return any(one.tag == "STD" and one.name == standard for one in call.inputs)


def _use(tag: str, frames: Sequence[FrameFacts], exposure: FrameFacts) -> CalibrationUse:
    hours = [(frame.mjd - exposure.mjd) * HOURS_PER_DAY for frame in frames]
    kelvin = [frame.temperature_c - exposure.temperature_c for frame in frames]
    return CalibrationUse(
        tag,
        len(frames),
        min(frame.name for frame in frames),
        _mean(hours, 3),
        _mean(kelvin, 3),
    )


def _mean(values: Sequence[float], digits: int) -> float | None:
    """The mean of what is known, None if nothing is."""
    known = [value for value in values if np.isfinite(value)]
    return round(float(np.mean(known)), digits) if known else None

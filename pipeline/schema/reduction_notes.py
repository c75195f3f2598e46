"""What a reader of the numbers must know about the reduction, as sentences."""

from collections.abc import Mapping

from pipeline.schema.calibration_record import CalibrationRecord
from pipeline.schema.recipe_messages import meaning_of
from pipeline.schema.reduction_log import ReductionLog


def reduction_notes(
    logs: Mapping[str, ReductionLog], calibrations: Mapping[str, CalibrationRecord]
) -> tuple[str, ...]:
    """Warnings of recipes that matter, missing corrections and unusual quality, with their number.

    Parameters
    ----------
    logs : mapping of str to ReductionLog
        By exposure.
    calibrations : mapping of str to CalibrationRecord
        By exposure.
    """
    reduced = {name: log for name, log in logs.items() if log.steps}
    notes = [
        *(f"Reduction: {text}" for text in _missing_corrections(calibrations)),
        *(f"Recipes warn: {text}" for text in _warnings(reduced, calibrations)),
        *(f"Quality control: {text}" for text in _quality(reduced)),
    ]
    return tuple(notes)


def _missing_corrections(calibrations: Mapping[str, CalibrationRecord]) -> list[str]:
    n = len(calibrations)
    without = {
        "no illumination flat near in time was applied; rows at the edges of channels are those of "
        "the lamp flats' temperature": sum(not one.illum_applied for one in calibrations.values()),
        "no twilight flats were applied; the levels of channels against each other are those of the "
        "calibration lamps": sum(not one.twilight_applied for one in calibrations.values()),
        "calibrations are not certified by the observatory": sum(
            not one.certified for one in calibrations.values()
        ),
    }
    return [f"{text} ({k} of {n} exposures)." for text, k in without.items() if k]


def _warnings(
    logs: Mapping[str, ReductionLog], calibrations: Mapping[str, CalibrationRecord]
) -> list[str]:
    """Meanings of warnings that matter and that the calibrations do not state already."""
    exposures: dict[str, set[str]] = {}
    for name, log in logs.items():
        record = calibrations.get(name)
        for step in log.steps:
            for text in step.warnings:
                known = meaning_of(text)
                if known is None or not known.matters:
                    continue
                told = bool(known.about) and record is not None and record.use(known.about) is None
                if not told:
                    exposures.setdefault(known.meaning, set()).add(name)
    return [f"{text} ({len(who)} of {len(logs)} exposures)." for text, who in exposures.items()]


def _quality(logs: Mapping[str, ReductionLog]) -> list[str]:
    """Checks beyond their limits, each with the exposures whose calibrations have it."""
    exposures: dict[tuple[str, str, str], set[str]] = {}
    for name, log in logs.items():
        for step in log.steps:
            for check in step.checks:
                if check.verdict != "ok" and check.n_values:
                    key = (step.recipe, check.meaning, check.keyword)
                    exposures.setdefault(key, set()).add(name)
    return [
        f"{recipe}: {meaning} is unusual (QC {keyword}; {len(who)} of {len(logs)} exposures)."
        for (recipe, meaning, keyword), who in exposures.items()
    ]

"""What readers are told of reductions."""

from dataclasses import replace

import numpy as np

from pipeline.schema.calibration_record import CalibrationRecord, CalibrationUse
from pipeline.schema.recipe_messages import KNOWN, meaning_of
from pipeline.schema.reduction_log import CheckedQuality, RecipeStep, ReductionLog
from pipeline.schema.reduction_notes import reduction_notes
from pipeline.tasks.collect import calibrations_table

RELATIVE = (
    "muse_pixtable_load_merge_channels: only found relative lamp-flat flux (1.2e11) in "
    '"PIXTABLE_STD-12.fits", flux levels may vary between IFUs!'
)
ASTROMETRY = (
    "muse_postproc_process_exposure: Using default MUSE WFM astrometry, output world coordinates "
    "will be inaccurate!"
)
STEP = RecipeStep("muse_scipost", (), 1, (), (), (), (), (), (), (), 1.0, 1.0, 1.0, 1.0)
CHECK = CheckedQuality(
    *("WAVECAL SLICE# FIT RMS", "usual scatter", "median", 0.05, 0.0, 0.04),
    *("Angstrom", "warn", (12,), 48),
)
USES = tuple(CalibrationUse(tag, 1, "MUSE.x", 1.0, 0.1) for tag in ("ILLUM", "SKYFLAT"))
COMPLETE = CalibrationRecord("science", True, (12,), USES)


def log(*warnings, checks=()):
    return ReductionLog(steps=(replace(STEP, warnings=warnings, checks=checks),))


def test_a_complete_quiet_reduction_needs_no_note():
    assert reduction_notes({"a": log(ASTROMETRY)}, {"a": COMPLETE}) == ()


def test_missing_corrections_are_reported_with_their_number():
    bare = replace(COMPLETE, uses=(), certified=False)
    logs = {"a": log(RELATIVE), "b": log()}
    notes = reduction_notes(logs, {"a": bare, "b": COMPLETE})
    assert [note.rpartition("(")[2] for note in notes] == ["1 of 2 exposures)."] * 3
    assert "illumination" in notes[0]
    assert "twilight" in notes[1]
    assert "not certified" in notes[2]


def test_a_recipe_that_warns_although_twilights_were_applied_is_reported():
    (note,) = reduction_notes({"a": log(RELATIVE), "b": log()}, {"a": COMPLETE, "b": COMPLETE})
    assert note.startswith("Recipes warn: no twilight flats were applied")
    assert "(1 of 2 exposures)" in note


def test_unusual_quality_is_reported():
    (note,) = reduction_notes({"a": log(checks=(CHECK,))}, {"a": COMPLETE})
    assert "muse_scipost: usual scatter is unusual (QC WAVECAL SLICE# FIT RMS; 1 of 1" in note
    fine = replace(CHECK, verdict="ok")
    assert reduction_notes({"a": log(checks=(fine,))}, {"a": COMPLETE}) == ()


def test_harmless_warnings_are_known_and_an_unknown_one_is_not_judged():
    assert not meaning_of(ASTROMETRY).matters
    assert meaning_of(RELATIVE).matters
    assert meaning_of("muse_x: something new") is None
    assert len({one.meaning for one in KNOWN}) == len(KNOWN)


def test_a_log_survives_the_way_through_json():
    kept = log(RELATIVE, checks=(CHECK,))
    assert ReductionLog.from_json(kept.as_json()) == kept


def test_the_table_of_calibrations_has_a_row_for_every_exposure():
    bare = replace(COMPLETE, uses=(), certified=False, way="query")
    table = calibrations_table({"b": bare, "a": COMPLETE})
    assert list(table["exposure_id"]) == ["a", "b"]
    assert list(table["illum_applied"]) == [True, False]
    assert table["illum_age_hours"].unit == "h"
    assert table["skyflat_temperature_difference_k"][0].value == 0.1
    assert np.isnan(table["skyflat_temperature_difference_k"][1].value)
    assert list(table["calibrations_way"]) == ["science", "query"]

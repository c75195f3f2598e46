"""A set of calibrations from the catalogue: what an exposure and its twilights are given."""

import pytest

from pipeline.archive.assembly import assemble
from pipeline.archive.observations import Observation
from pipeline.errors import CalibrationMissing
from pipeline.muse.calibrations import calibrations_of

STD = "MUSE.2017-06-19T09:32:26.112"
EVENING, MORNING = "MUSE.2017-06-18T23:25:24.112", "MUSE.2017-06-19T08:21:48.110"


def seen(dp_id, dp_type, mode="WFM-AO-N", template="one"):
    start = dp_id.removeprefix("MUSE.")
    return Observation(dp_id, start, "2017-06-18", mode, dp_type, "", template, 1.0, 1e9)


def series(dp_type, start, n, **more):
    return [seen(f"MUSE.2017-06-{start}:{k:02d}.000", dp_type, **more) for k in range(n)]


CALIBRATIONS = [
    *series("BIAS", "20T10:39", 11),
    *series("FLAT,LAMP", "19T12:05", 11),
    *series("WAVE", "19T12:20", 15),
    *series("FLAT,SKY", "18T22:07", 4),
    seen(EVENING, "FLAT,LAMP,ILLUM", "WFM-NOAO-N"),
    seen(MORNING, "FLAT,LAMP,ILLUM", "WFM-NOAO-N"),
]


def illum_of(group, category):
    part = next(one for one in group.walk() if one.category == category)
    return [f.name for c in part.children if c.category == "ILLUM" for f in c.files]


def test_exposure_and_twilights_have_each_the_flat_near_them_whatever_its_mode():
    group = assemble(seen(STD, "STD"), CALIBRATIONS)
    assert illum_of(group, "STD") == [MORNING]
    assert illum_of(group, "SKY_FLAT") == [EVENING]


def test_a_flat_of_the_narrow_field_or_of_ten_hours_before_is_none():
    others = [one for one in CALIBRATIONS if one.dp_id != MORNING]
    narrow = seen(MORNING, "FLAT,LAMP,ILLUM", "NFM-AO-N")
    group = assemble(seen(STD, "STD"), [*others, narrow])
    assert illum_of(group, "STD") == []
    assert illum_of(group, "SKY_FLAT") == [EVENING]


def test_the_set_suffices_for_a_reduction_with_the_installations_tables():
    group = assemble(seen(STD, "STD"), CALIBRATIONS)
    found = calibrations_of(group, group)
    assert found.suffice
    assert not found.certified
    assert len(found.names()) == 1 + 11 + 11 + 15 + 4 + 2


def test_without_arcs_there_is_no_set():
    with pytest.raises(CalibrationMissing, match="ARC"):
        assemble(seen(STD, "STD"), [one for one in CALIBRATIONS if one.dp_type != "WAVE"])

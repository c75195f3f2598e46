"""Trees as the observatory sends them, of the frames of a real night, in all five modes.

The frames are those of 2017-06-18 (``data/raw_frames.ecsv``): a standard at 09:32, illumination
flats at 23:25 and 08:21, 4 twilights, 11 lamp flats, 15 arcs, 11 biases of the next day, 5 darks.
"""

from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from pipeline.errors import CalibrationMissing
from pipeline.muse.association import Association, AssociationTree, File, parse_tree, tree_xml
from pipeline.muse.calibrations import calibrations_of
from pipeline.reduction.association import RequestedStandard
from pipeline.reduction.exposures import ReductionRequest, plan_request
from pipeline.reduction.plan import Choices, Input

MODES = ("WFM-NOAO-N", "WFM-NOAO-E", "WFM-AO-N", "WFM-AO-E", "NFM-AO-N")
TAGS = {
    "BIAS": "BIAS",
    "DARK": "DARK",
    "FLAT,LAMP": "FLAT",
    "WAVE": "ARC",
    "FLAT,SKY": "SKYFLAT",
    "FLAT,LAMP,ILLUM": "ILLUM",
    "STD": "STD",
}
FRAMES = Table.read(Path(__file__).with_name("data") / "raw_frames.ecsv", format="ascii.ecsv")
STATICS = ("GEOMETRY_TABLE", "LINE_CATALOG", "EXTINCT_TABLE", "FILTER_LIST", "ASTROMETRY_WCS")
RESPONSE = Choices(response=Input("STD_RESPONSE", "response"))


@cache
def frames(kind, first="2017-06-18", last="2017-06-19"):
    """Identities of the real frames of a kind in some nights."""
    rows = FRAMES[FRAMES["dpr_type"] == kind]
    chosen = rows[(rows["night"] >= first) & (rows["night"] <= last)]
    return tuple(str(name).removesuffix(".fits") for name in chosen["arcfile"])


STD = frames("STD")[0]
EVENING, MORNING = frames("FLAT,LAMP,ILLUM")


def group(category, tag, names, *children, **changes):
    return Association(category, tuple(File(name, tag) for name in names), children, **changes)


def static(tag, suffix=""):
    return group(tag, tag, [f"M.MUSE.{tag}{suffix}"], match="N/A")


def bias():
    return group("BIAS", "BIAS", frames("BIAS"), match="calib_plan")


def lamp_flat():
    return group("LAMP_FLAT", "FLAT", frames("FLAT,LAMP"), bias())


def arc():
    return group("ARC", "ARC", frames("WAVE"), bias(), lamp_flat(), static("LINE_CATALOG"))


def sky_flat(*more):
    return group("SKY_FLAT", "SKYFLAT", frames("FLAT,SKY"), bias(), lamp_flat(), arc(), *more)


def dark(**changes):
    """Darks have biases of their own and are often incomplete."""
    own = group("BIAS", "BIAS", frames("BIAS", "2017-06-13", "2017-06-13"))
    return group("DARK", "DARK", frames("DARK", "2017-06-13", "2017-06-13"), own, **changes)


def standard(*children):
    return group("STD", "STD", [STD], *children)


def full(*more):
    illum = group("ILLUM", "ILLUM", [EVENING, MORNING])
    return standard(illum, bias(), lamp_flat(), arc(), sky_flat(), *map(static, STATICS), *more)


def tree(star, *at_root):
    science = [File("MUSE.2017-06-19T03:00:00.000", "OBJECT")]
    return AssociationTree("Raw2Raw", Association("SCI_WFM_AO_N", tuple(science), (star, *at_root)))


@pytest.fixture(scope="module", params=MODES)
def night(request, tmp_path_factory):
    """Headers of the real frames, as of a night in some mode: (mode, folder)."""
    folder = tmp_path_factory.mktemp(request.param)
    for row in FRAMES:
        if row["dpr_catg"] != "CALIB":
            continue
        field = request.param.split("-")[0]
        illum_mode = "WFM-NOAO-N" if field == "WFM" else request.param
        header = fits.Header({"MJD-OBS": row["mjd_obs"], "RA": 130.3854, "DEC": -32.9428})
        header["HIERARCH ESO INS MODE"] = (
            illum_mode if row["dpr_type"].endswith("ILLUM") else request.param
        )
        header["HIERARCH ESO DET READ CURNAME"] = "SCI1.0"
        header["HIERARCH ESO INS TEMP7 VAL"] = row["ins_temp7_val"]
        fits.PrimaryHDU(header=header).writeto(folder / str(row["arcfile"]))
    return request.param, folder


def planned(night, a_tree, choices=RESPONSE, tables=None):
    """The plan of the standard, through XML as it comes from the archive."""
    wanted = RequestedStandard(STD, "LTT 3218", 130.3854, -32.9428)
    return plan_request(ReductionRequest(tree_xml(a_tree), wanted), night[1], choices, tables)


def n_calls(plan):
    return dict(Counter(call.recipe for call in plan.calls))


def inputs(plan, recipe):
    """How many files of each kind go into the first call of a recipe."""
    call = next(call for call in plan.calls if call.recipe == recipe)
    return Counter(one.tag for one in call.inputs)


def illum_of(plan, recipe):
    call = next(call for call in plan.calls if call.recipe == recipe)
    return [one.name for one in call.inputs if one.tag == "ILLUM"]


FULL_PLAN = {
    "muse_bias": 24,
    "muse_flat": 24,
    "muse_wavecal": 24,
    "muse_twilight": 1,
    "muse_scibasic": 24,
    "muse_scipost": 1,
}


def test_a_complete_tree_is_planned_with_real_numbers_of_frames(night):
    plan = planned(night, tree(full())).plan
    assert n_calls(plan) == FULL_PLAN
    assert inputs(plan, "muse_bias") == {"BIAS": 11}
    assert inputs(plan, "muse_flat")["FLAT"] == 11
    assert inputs(plan, "muse_wavecal")["ARC"] == 15
    assert inputs(plan, "muse_twilight")["SKYFLAT"] == 4
    assert inputs(plan, "muse_twilight")["MASTER_FLAT"] == 24
    assert inputs(plan, "muse_scibasic")["STD"] == 1


def test_exposure_and_twilights_have_each_the_illumination_flat_near_them(night):
    """Their mode is WFM-NOAO-N whatever the night's; 08:21 for 09:32, 23:25 for the twilights."""
    plan = planned(night, tree(full())).plan
    assert illum_of(plan, "muse_scibasic") == [MORNING]
    assert illum_of(plan, "muse_twilight") == [EVENING]


def test_a_flat_of_ten_hours_before_is_not_used_and_that_is_said(night):
    evening = group("ILLUM", "ILLUM", [EVENING])
    children = (evening, *(c for c in full().children if c.category != "ILLUM"))
    found = planned(night, tree(standard(*children)))
    assert illum_of(found.plan, "muse_scibasic") == []
    assert illum_of(found.plan, "muse_twilight") == [EVENING]
    assert any("no illumination flat near the exposure" in note for note in found.plan.notes)
    assert not found.calibrations.illum_applied


def test_twilights_do_not_borrow_the_standards_illumination_flat(night):
    children = (
        group("ILLUM", "ILLUM", [MORNING]),
        *(c for c in full().children if c.category != "ILLUM"),
    )
    plan = planned(night, tree(standard(*children))).plan
    assert illum_of(plan, "muse_scibasic") == [MORNING]
    assert illum_of(plan, "muse_twilight") == []


def test_twilights_may_come_with_a_flat_of_their_own(night):
    own = sky_flat(group("ILLUM", "ILLUM", [EVENING]))
    others = [c for c in full().children if c.category not in ("SKY_FLAT", "ILLUM")]
    star = standard(group("ILLUM", "ILLUM", [MORNING]), own, *others)
    plan = planned(night, tree(star)).plan
    assert illum_of(plan, "muse_scibasic") == [MORNING]
    assert illum_of(plan, "muse_twilight") == [EVENING]


def test_a_tree_without_illumination_flat_says_so(night):
    children = [c for c in full().children if c.category != "ILLUM"]
    found = planned(night, tree(standard(*children)))
    assert any("no illumination flat" in note for note in found.plan.notes)
    assert n_calls(found.plan) == FULL_PLAN


def test_darks_and_their_biases_are_neither_fetched_nor_in_the_way(night):
    a_tree = tree(full(dark(complete=False, messages=("only 3 darks",))))
    found = planned(night, a_tree)
    assert n_calls(found.plan) == FULL_PLAN
    assert "DARK: not used, ignored (16 files)" in found.plan.notes
    names = set(calibrations_of(a_tree.standards()[0], a_tree.root).names())
    assert names.isdisjoint(
        frames("DARK", "2017-06-13") + frames("BIAS", "2017-06-13", "2017-06-13")
    )
    assert len(names) == len(set(full().all_files()))


def test_static_tables_may_hang_at_the_root(night):
    bare = [c for c in full().children if c.category not in STATICS]
    at_root = [*map(static, STATICS), static("ASTROMETRY_REFERENCE")]
    found = planned(night, tree(standard(*bare), *at_root))
    used = {i.name for call in found.plan.calls for i in call.inputs if i.tag == "EXTINCT_TABLE"}
    assert used == {"M.MUSE.EXTINCT_TABLE"}
    assert found.calibrations.installed == ()


def test_static_tables_that_the_tree_lacks_are_those_of_the_installation(night, tmp_path):
    children = [c for c in full().children if c.category not in STATICS]
    star = standard(*map(_without_static, children))
    tables = {}
    for tag in STATICS:
        path = tmp_path / f"{tag.lower()}.fits"
        fits.PrimaryHDU(header=fits.Header({"MJD-OBS": 57000.0})).writeto(path)
        tables[tag] = (path,)
    found = planned(night, tree(star), tables=tables)
    assert n_calls(found.plan) == FULL_PLAN
    assert set(found.calibrations.installed) == set(STATICS)
    assert found.tables["installed/extinct_table.fits"] == tmp_path / "extinct_table.fits"
    assert any("GEOMETRY_TABLE is not in the tree" in note for note in found.plan.notes)
    with pytest.raises(CalibrationMissing, match="no GEOMETRY_TABLE, no LINE_CATALOG, no EXTINCT"):
        planned(night, tree(star), tables={})


def _without_static(part):
    kept = tuple(_without_static(c) for c in part.children if c.category not in STATICS)
    return replace(part, children=kept)


def test_an_incomplete_kind_that_is_not_needed_is_left_out(night):
    few = replace(sky_flat(), files=sky_flat().files[:2], complete=False)
    others = [c for c in full().children if c.category != "SKY_FLAT"]
    found = planned(night, tree(standard(few, *others)))
    assert "muse_twilight" not in n_calls(found.plan)
    assert not found.calibrations.twilight_applied
    assert "SKY_FLAT: 2 frames are too few, not used" in found.plan.notes


def test_what_the_archive_calls_incomplete_is_used_if_the_recipes_can(night):
    short = replace(bias(), files=bias().files[:9], complete=False, messages=("9 of 11",))
    others = [c for c in full().children if c.category != "BIAS"]
    found = planned(night, tree(standard(short, *others)))
    assert inputs(found.plan, "muse_scibasic")["MASTER_BIAS"] == 1
    assert found.calibrations.use("BIAS").n_frames == 9
    assert any("incomplete (9 of 11): used as it is" in note for note in found.plan.notes)


def test_biases_that_only_the_lamp_flats_have_are_used(night):
    others = [c for c in full().children if c.category != "BIAS"]
    found = planned(night, tree(standard(*others)))
    assert n_calls(found.plan) == FULL_PLAN
    assert any("BIAS is not below the standard" in note for note in found.plan.notes)


@pytest.mark.parametrize("tag", ["BIAS", "FLAT", "ARC"])
def test_a_needed_kind_that_is_nowhere_is_missing(night, tag):
    with pytest.raises(CalibrationMissing, match=f"no {tag}"):
        planned(night, tree(_lacking(full(), tag)))


def _lacking(part, tag):
    kept = tuple(_lacking(c, tag) for c in part.children if all(f.category != tag for f in c.files))
    return replace(part, children=kept)


def test_a_kind_that_nobody_knows_is_ignored_with_a_note(night):
    found = planned(night, tree(full(static("FANCY_TABLE"))))
    assert n_calls(found.plan) == FULL_PLAN
    assert "FANCY_TABLE: unknown kind of file, ignored (1 files)" in found.plan.notes


def test_a_group_of_several_standards_is_cut_to_the_one_that_was_asked_for(night):
    other = File("MUSE.2017-06-19T01:00:00.000", "STD")
    both = replace(full(), files=(other, *full().files))
    assert planned(night, tree(both)).plan.standard == STD


def test_the_record_holds_ages_and_temperatures_as_they_were(night):
    record = planned(night, tree(full())).calibrations
    assert (record.way, record.certified, len(record.channels)) == ("science", True, 24)
    ages = {use.tag: use.age_hours for use in record.uses}
    warmer = {use.tag: use.temperature_difference_k for use in record.uses}
    assert ages == pytest.approx(
        {"BIAS": 25.218, "FLAT": 2.66, "ARC": 2.96, "ILLUM": -1.177, "SKYFLAT": -11.39}, abs=0.01
    )
    assert warmer == pytest.approx(
        {"BIAS": 2.17, "FLAT": 0.03, "ARC": 0.05, "ILLUM": -0.03, "SKYFLAT": -0.94}, abs=0.01
    )
    row = record.as_row()
    assert (row["flat_frames"], row["arc_frames"], row["illum_applied"]) == (11, 15, True)
    assert type(record).from_json(record.as_json()) == record


def test_a_record_of_fewer_kinds_has_nan_for_what_was_not_applied(night):
    children = [c for c in full().children if c.category not in ("ILLUM", "SKY_FLAT")]
    row = planned(night, tree(standard(*children))).calibrations.as_row()
    assert (row["illum_applied"], row["twilight_applied"]) == (False, False)
    assert np.isnan(row["illum_age_hours"])
    assert np.isnan(row["skyflat_temperature_difference_k"])


@pytest.mark.parametrize(
    ("change", "way"),
    [
        ({"files": (File(STD, "STD"),)}, "standard"),
        ({"files": (File("MUSE.2017-06-20T03:00:00.000", "OBJECT"),)}, "neighbour"),
    ],
)
def test_the_record_says_how_the_calibrations_were_found(night, change, way):
    a_tree = tree(full())
    a_tree = replace(a_tree, root=replace(a_tree.root, **change))
    assert planned(night, a_tree).calibrations.way == way


def test_a_set_from_the_catalogue_is_a_query_and_not_certified(night):
    star = _uncertified(full())
    record = planned(night, AssociationTree("Raw2Raw", star)).calibrations
    assert (record.way, record.certified) == ("query", False)


def _uncertified(part):
    children = tuple(map(_uncertified, part.children))
    return replace(part, children=children, certified=False, match="query")


def test_an_uncertified_kind_that_is_not_used_does_not_count(night):
    record = planned(night, tree(full(dark(certified=False)))).calibrations
    assert record.certified


def test_every_real_tree_survives_the_way_through_xml():
    a_tree = tree(full(dark()))
    assert parse_tree(tree_xml(a_tree)) == a_tree

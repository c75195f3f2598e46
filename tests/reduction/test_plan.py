"""A plan follows from the tree alone."""

from collections import Counter
from dataclasses import replace

import pytest

from pipeline.errors import CalibrationMissing
from pipeline.reduction.describe import describe
from pipeline.reduction.plan import ALL_CHANNELS, Choices, Input, merge, plan_reduction
from tests.reduction.trees import OTHER, STD, standard, static, without_everywhere

TWO = Choices(channels=(12, 13), response=Input("STD_RESPONSE", "response"))
FULL = Choices(response=Input("STD_RESPONSE", "response"))


def _counts(plan):
    return Counter(call.recipe for call in plan.calls)


def _call(plan, recipe, channel=0):
    return next(c for c in plan.calls if c.recipe == recipe and c.channel == channel)


def test_two_channels_need_every_recipe_once_and_two_biases_per_channel():
    assert _counts(plan_reduction(standard(), TWO)) == {
        "muse_bias": 4,
        "muse_flat": 2,
        "muse_wavecal": 2,
        "muse_scibasic": 2,
        "muse_scipost": 1,
    }


def test_lamp_flats_use_their_own_biases_and_the_standard_uses_its_own():
    plan = plan_reduction(standard(), TWO)
    of_flat = next(i for i in _call(plan, "muse_flat", 12).inputs if i.tag == "MASTER_BIAS")
    of_std = next(i for i in _call(plan, "muse_scibasic", 12).inputs if i.tag == "MASTER_BIAS")
    names = {call.id: {i.name for i in call.inputs} for call in plan.calls}
    assert names[of_flat.call].isdisjoint(names[of_std.call])


def test_twilight_waits_for_all_channels_and_is_left_out_for_a_subset():
    full = plan_reduction(standard(), FULL)
    tables = [i for i in _call(full, "muse_twilight").inputs if i.tag == "WAVECAL_TABLE"]
    assert len(tables) == len(ALL_CHANNELS) == 24
    assert any(i.tag == "TWILIGHT_CUBE" for i in _call(full, "muse_scibasic", 1).inputs)
    subset = plan_reduction(standard(), TWO)
    assert "muse_twilight" not in _counts(subset)
    assert "muse_twilight needs all 24 channels: no twilight correction" in subset.notes


def test_a_ready_made_twilight_cube_is_used_for_a_subset():
    plan = plan_reduction(standard(static("TWILIGHT_CUBE")), TWO)
    assert Input("TWILIGHT_CUBE", "M.MUSE.TWILIGHT_CUBE") in _call(plan, "muse_scibasic", 12).inputs


def test_every_call_comes_after_those_it_needs():
    seen = set()
    for call in plan_reduction(standard(), FULL).calls:
        assert {one.call for one in call.inputs if one.call} <= seen
        seen.add(call.id)


def test_exposures_that_share_calibrations_share_the_calls():
    plans = [plan_reduction(standard(name=name), TWO) for name in (STD, OTHER)]
    counts = Counter(call.recipe for call in merge(plans))
    assert counts["muse_wavecal"] == 2
    assert counts["muse_scibasic"] == 4


def test_a_changed_parameter_changes_its_call_and_what_follows_and_nothing_else():
    before = {c.id for c in plan_reduction(standard(), TWO).calls}
    changed = Choices(("muse_flat.nsum=16",), (12, 13), TWO.response)
    after = plan_reduction(standard(), changed).calls
    fresh = {c.recipe for c in after if c.id not in before}
    assert fresh == {"muse_flat", "muse_wavecal", "muse_scibasic", "muse_scipost"}


def test_without_a_response_one_is_derived_and_noted():
    plan = plan_reduction(standard(), Choices(channels=(12,)))
    assert _counts(plan)["muse_standard"] == 1
    assert "the response is derived from this exposure" in plan.notes


def test_the_uncalibrated_cube_is_made_from_one_merged_table():
    choices = Choices(channels=(12, 13), response=TWO.response, uncalibrated=True)
    plan = plan_reduction(standard(), choices)
    make_cube = _call(plan, "muse_scipost_make_cube")
    assert make_cube.id == plan.uncalibrated
    assert [i.tag for i in make_cube.inputs].count("PIXTABLE_OBJECT") == 1


@pytest.mark.parametrize("tag", ["BIAS", "FLAT", "ARC"])
def test_missing_frames_are_named(tag):
    with pytest.raises(CalibrationMissing, match=tag):
        plan_reduction(without_everywhere(standard(), tag), TWO)


def test_frames_that_only_another_calibration_has_are_used():
    """The standard lacks biases and arcs of its own: those of the lamp flats, of the twilights."""
    lacking = replace(
        standard(),
        children=tuple(c for c in standard().children if c.category not in ("BIAS", "ARC")),
    )
    plan = plan_reduction(lacking, TWO)
    basic = _call(plan, "muse_scibasic", 12)
    assert {"MASTER_BIAS", "WAVECAL_TABLE"} <= {i.tag for i in basic.inputs}


def test_the_description_names_recipes_channels_parameters_and_notes():
    choices = Choices(("muse_scipost.skymethod=simple",), (12, 13), TWO.response)
    text = describe(plan_reduction(standard(), choices))
    assert "muse_bias #2 channels 12,13" in text
    assert "muse_scipost #1 --skymethod=simple" in text
    assert "PIXTABLE_OBJECT from muse_scibasic #1 x 2" in text
    assert "note: this exposure defines the grid" in text

"""Which calibrations are chosen, and that the way is recorded."""

from datetime import timedelta

import numpy as np
import pytest

from pipeline.archive.observations import Observation
from pipeline.archive.selection import KeptTree, choose, judge
from pipeline.archive.store import Store
from pipeline.errors import ArchiveUnreachable, AssociationRefused
from pipeline.muse.association import parse_tree
from tests.archive.conftest import assert_identical
from tests.archive.server import CALSELECTOR, TREE_FAULTS, TestArchive
from tests.archive.world import EG274, World


def observation(world, name):
    row = world.rows[name]
    start = row["exp_start"].removesuffix("Z")
    return Observation(
        name, start, row["night"], row["ins_mode"], row["dp_type"], row["target"], "", 60.0, np.nan
    )


def chosen(world, ask=None, **options):
    """The selection for the first standard's night and mode."""
    everything = [observation(world, name) for name in world.rows]
    standards = [one for one in everything if one.dp_type == "STD"]
    first = standards[0]
    ours = [one for one in standards if (one.night, one.mode) == (first.night, first.mode)]
    sciences = [one for one in everything if one.dp_type == "OBJECT"]
    ask = ask or (lambda name: KeptTree(parse_tree(world.tree(name)), f"{name}.xml"))
    options = {"neighbour_nights": 3, "max_requests": 12, **options}
    return choose(ours, sciences, ask, **options)


def asked(selection):
    return [(request.way, request.dp_id) for request in selection.requests]


def test_the_standard_itself_is_asked_first_and_enough():
    world = World().night("2019-03-09", "WFM-AO-N", supported=True)
    selection = chosen(world)
    assert selection.way == "standard"
    assert asked(selection) == [("standard", world.last_standard)]
    assert set(selection.files()) == world.needed(world.last_standard)


def test_then_science_exposures_from_the_nearest_in_time_until_one_names_ours():
    world = World().standard("2019-03-09", "WFM-AO-N").calibrations("2019-03-09", "WFM-AO-N")
    ours = world.last_standard
    other = World().standard("2019-03-01", "WFM-AO-N", radec=EG274).last_standard
    world.rows[other] = World().standard("2019-03-01", "WFM-AO-N").rows[other] | {"dp_type": "X"}
    world.science("2019-03-09", "WFM-AO-N", names=other, hours=20.0)
    near = world.last_science
    world.science("2019-03-09", "WFM-AO-N", names=ours, hours=13.0)
    far = world.last_science
    world.science("2019-03-09", "WFM-AO-N", names=ours, hours=12.5)  # not needed any more
    selection = chosen(world)
    assert asked(selection) == [("standard", ours), ("science", near), ("science", far)]
    assert "not ours" in selection.requests[1].outcome
    assert (selection.way, selection.tree_file) == ("science", f"{far}.xml")


def test_then_neighbouring_nights_of_the_same_mode():
    world = World().night("2019-03-09", "WFM-AO-N", science=False)
    ours = world.last_standard
    world.science("2019-03-11", "WFM-AO-N", names=ours)
    neighbour = world.last_science
    world.science("2019-03-10", "WFM-AO-E", names=ours)  # another mode
    world.science("2019-03-13", "WFM-AO-N", names=ours)  # four nights away
    selection = chosen(world)
    assert asked(selection) == [("standard", ours), ("neighbour", neighbour)]
    assert selection.way == "neighbour"


def test_a_complete_tree_is_preferred_and_an_incomplete_one_better_than_none():
    world = World().night("2019-03-09", "WFM-AO-N").science("2019-03-09", "WFM-AO-N")
    world.incomplete.add(world.last_standard)
    selection = chosen(world)
    assert len(selection.requests) == 3
    assert selection.way == "science"
    assert "incomplete" in selection.requests[1].outcome
    assert not selection.settled


def test_a_tree_that_lacks_a_kind_of_calibration_does_not_serve():
    world = World().night("2019-03-09", "WFM-AO-N")
    world.lacking[world.last_standard] = ("ARC",)
    selection = chosen(world)
    assert selection.group is None
    assert selection.requests[-1].outcome == (
        f"names {world.last_standard} without ARC (at least 3 frames)"
    )


def test_of_two_standards_of_a_night_and_mode_the_named_one_is_used_and_the_other_recorded():
    world = World().standard("2019-03-09", "WFM-AO-N", hours=11.0)
    first = world.last_standard
    world.night("2019-03-09", "WFM-AO-N")
    selection = chosen(world)
    assert (selection.dp_id, selection.others) == (world.last_standard, (first,))
    assert first not in selection.files()


def test_a_response_in_another_mode_than_asked_does_not_serve():
    world = World().night("2019-03-09", "WFM-AO-N")
    text = world.tree(world.last_science).replace(b'mode="Raw2Raw"', b'mode="Raw2Master"')
    ours = {world.last_standard: observation(world, world.last_standard)}
    group, reason = judge(parse_tree(text), ours)
    assert group is None
    assert "Raw2Master" in reason


def test_no_more_questions_are_asked_than_allowed():
    world = World().night("2019-03-09", "WFM-AO-N", science=False)
    for _ in range(5):
        world.science("2019-03-09", "WFM-AO-N", names="MUSE.2019-01-01T00:00:00.000")
    selection = chosen(naming_a_foreign_standard(world), max_requests=3)
    assert [request.way for request in selection.requests] == ["standard"] + ["science"] * 3


def naming_a_foreign_standard(world):
    """The same world; its trees name a standard that it has no row for."""
    world.rows["MUSE.2019-01-01T00:00:00.000"] = world.rows[world.last_standard] | {"dp_type": "X"}
    return world


@pytest.mark.parametrize("error", [AssociationRefused, ArchiveUnreachable])
def test_a_question_without_a_good_response_is_recorded_and_the_next_one_asked(error):
    world = World().night("2019-03-09", "WFM-AO-N")

    def ask(name):
        if name == world.last_standard:
            raise error("broken")
        return KeptTree(parse_tree(world.tree(name)), "")

    selection = chosen(world, ask)
    assert selection.way == "science"
    assert selection.requests[0].failure == error.__name__


def test_what_no_tree_names_is_assembled_from_the_catalogue(workspace, capsys):
    world = World().night("2019-03-05", "WFM-AO-N")  # lends its static calibrations
    world.night("2019-03-12", "WFM-AO-N", science=False)
    assembled = world.last_standard
    with TestArchive(world) as archive:
        assert workspace.point_at(archive).run("retrieve") == 0
    assert "science 1, query 1" in capsys.readouterr().out
    store = Store(workspace.work / "archive", "ltt3218-2019")
    selection = store.read_selection("2019-03-12", "WFM-AO-N")
    assert selection.way == "query"
    assert selection.dp_id == assembled
    assert set(selection.files()) == world.needed(assembled)
    assert not selection.group.certified
    assert_identical(workspace, world)


def test_what_cannot_be_assembled_either_is_named(workspace, capsys):
    world = World().standard("2019-03-12", "WFM-AO-N")
    with TestArchive(world) as archive:
        assert workspace.point_at(archive).run("retrieve") == 1
    said = capsys.readouterr().err
    assert f"missing: calibrations of {world.last_standard}" in said
    assert "no BIAS (at least 5 within 3 days)" in said


@pytest.mark.slow
@pytest.mark.parametrize("fault", TREE_FAULTS)
def test_a_hostile_or_changed_tree_writes_nothing_outside_and_misleads_nobody(
    workspace, fault, tmp_path
):
    world = World().night("2019-03-09", "WFM-AO-N").science("2019-03-09", "WFM-AO-N")
    outside = {path for path in tmp_path.parent.rglob("*") if workspace.work not in path.parents}
    with TestArchive(world) as archive:
        archive.faults.queue[CALSELECTOR] = [fault, fault]
        status = workspace.point_at(archive).run("retrieve")
        assert_identical(workspace, world)
        # the tree that was used is the tree that is kept, under a name of its own content
        store = Store(workspace.work / "archive", "ltt3218-2019")
        (selection,) = store.selections()
        kept = store.associations / selection.tree_file
        assert {f.name for f in parse_tree(kept.read_bytes()).root.all_files()} >= set(
            selection.files()
        )
        if fault == "changed_tree":  # it names a file that the archive does not have
            assert status == 1
            assert workspace.run("retrieve", "--ask-again") == 0
            (selection,) = store.selections()
            assert len(list(store.associations.glob(f"{selection.requests[-1].dp_id}*.xml"))) == 2
        else:
            assert status == 0
            assert selection.requests[-1].failure == ""
    assert set(selection.files()) == world.needed(world.last_standard)
    now = {path for path in tmp_path.parent.rglob("*") if workspace.work not in path.parents}
    assert now - outside <= {workspace.config, workspace.work}


def test_an_uncertified_tree_is_asked_for_again_after_two_days_only(workspace, monkeypatch):
    world = World().night("2019-03-09", "WFM-AO-N")
    world.uncertified.add(world.last_standard)
    with TestArchive(world) as archive:
        assert workspace.point_at(archive).run("retrieve") == 0
        assert workspace.run("retrieve") == 0
        assert archive.count(CALSELECTOR) == 2
        monkeypatch.setattr("pipeline.archive.retrieval.RENEW_AFTER", timedelta(0))
        assert workspace.run("retrieve") == 0
        assert archive.count(CALSELECTOR) == 4

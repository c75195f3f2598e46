"""What is there to reduce: the standards of a field whose files are all on disk."""

import pytest

from pipeline.archive.retrieved import retrieved
from pipeline.config.loader import read_settings
from pipeline.errors import SourceUnavailable
from pipeline.sources import campaigns_of
from pipeline.sources.request import Request
from pipeline.workflow.executors import Workers
from tests.archive.server import TestArchive
from tests.archive.world import EG274, World

TWO_FIELDS = '[[more_fields]]\nname = "EG 274"\n'


def request_for(workspace):
    return Request(
        read_settings(workspace.config),
        workspace.folder,
        ("archive",),
        None,
        None,
        workspace.work,
        Workers(1),
        (),
    )


@pytest.fixture
def two_fields(workspace):
    """Two nights of the first field, one of the second, retrieved."""
    world = World().night("2019-03-09", "WFM-AO-N").night("2019-03-11", "WFM-NOAO-N")
    world.night("2019-04-01", "WFM-AO-N", radec=EG274, target="EG 274")
    with TestArchive(world) as archive:
        workspace.point_at(archive, TWO_FIELDS, read_timeout_s=20.0)
        assert workspace.run("retrieve") == 0
    return world


def test_each_field_has_its_complete_standards_by_night_and_mode(workspace, two_fields):
    first, second = read_settings(workspace.config).campaigns()
    found = retrieved(workspace.work, first)
    assert [(one.night, one.mode, one.way) for one in found] == [
        ("2019-03-09", "WFM-AO-N", "science"),
        ("2019-03-11", "WFM-NOAO-N", "science"),
    ]
    assert all(one.tree == workspace.raw / f"{one.dp_id}_raw2raw.xml" for one in found)
    (other,) = retrieved(workspace.work, second)
    assert {one.dp_id for one in (*found, other)} == set(two_fields.standards())


@pytest.mark.parametrize("harm", ["removed", "cut off"])
def test_a_standard_with_a_file_gone_or_cut_off_is_not_complete(workspace, two_fields, harm):
    first, _ = read_settings(workspace.config).campaigns()
    (bias,) = [
        path
        for path in workspace.files()
        if path.name.startswith(sorted(two_fields.needed(two_fields.standards()[0]))[-1])
    ]
    if harm == "removed":
        bias.unlink()
    else:
        bias.write_bytes(bias.read_bytes()[:-1])
    left = {one.dp_id for one in retrieved(workspace.work, first)}
    assert left < set(two_fields.standards())
    assert len(left) == 1


def test_of_a_folder_without_responses_nothing_is_complete_and_nothing_is_made(workspace):
    with TestArchive(World()) as archive:
        workspace.point_at(archive)
    assert retrieved(workspace.work, read_settings(workspace.config)) == ()
    assert not workspace.work.exists()


@pytest.mark.usefixtures("two_fields")
def test_the_raw_frames_of_each_field_are_a_campaign(workspace):
    first, second = campaigns_of(request_for(workspace))
    assert (first.name, second.name) == ("ltt3218-2019-archive", "eg-274-2019-archive")
    assert [job.night for job in first.nights] == ["2019-03-09", "2019-03-11"]
    assert [job.night for job in second.nights] == ["2019-04-01"]
    assert second.nights[0].field.name == "EG 274"


def test_a_field_of_which_nothing_was_retrieved_is_said_and_left_out(workspace, capsys):
    with TestArchive(World().night("2019-03-09", "WFM-AO-N")) as archive:
        workspace.point_at(archive, TWO_FIELDS, read_timeout_s=20.0)
        assert workspace.run("retrieve") == 0
    (campaign,) = campaigns_of(request_for(workspace))
    assert campaign.name == "ltt3218-2019-archive"
    assert "EG 274: no retrieved exposure is complete" in capsys.readouterr().err


def test_without_any_frames_the_remedy_is_named(workspace):
    with TestArchive(World()) as archive:
        workspace.point_at(archive, TWO_FIELDS)
    (campaign,) = campaigns_of(request_for(workspace))
    with pytest.raises(SourceUnavailable, match="pipeline retrieve"):
        campaign.nights  # noqa: B018

"""Reduced cubes: which the archive holds, which are fetched, and what they were made of."""

import numpy as np
import pytest
from astropy.table import Table

from pipeline.archive.availability import availability
from pipeline.archive.calendar import page_html
from pipeline.archive.observations import Observation
from pipeline.archive.products import ReducedCube, holdings, with_modes
from pipeline.archive.retrieved import retrieved, retrieved_cubes
from pipeline.config.loader import read_settings
from tests.archive.conftest import assert_identical
from tests.archive.server import DATA, TAP, TestArchive
from tests.archive.world import EG274, World

NIGHT, MODE = "2019-03-09", "WFM-AO-N"


def both_kinds():
    """Three nights: both kinds, raw frames only, and a cube without raw frames."""
    world = World().night(NIGHT, MODE).product(NIGHT, MODE)
    world.night("2019-03-10", MODE)
    return world.product("2019-03-11", MODE, raw=False)


def cubes_of(workspace):
    return retrieved_cubes(workspace.work, read_settings(workspace.config))


def raw_of(workspace):
    return retrieved(workspace.work, read_settings(workspace.config))


def observation(dp_id, start, mode):
    night = str((np.datetime64(start) - np.timedelta64(12, "h")).astype("datetime64[D]"))
    return Observation(dp_id, start, night, mode, "STD", "", "", 60.0, np.nan)


def cube_at(start):
    night = str((np.datetime64(start) - np.timedelta64(12, "h")).astype("datetime64[D]"))
    return ReducedCube("ADP.x", "MUSE-STD", start, night, "", "", "", 60.0, np.nan, "")


def test_a_cube_has_the_mode_of_the_raw_exposure_that_began_with_it():
    raw = [
        observation("MUSE.a", "2019-03-10T01:00:00.000", "WFM-AO-N"),
        observation("MUSE.b", "2019-03-10T01:02:00.500", "WFM-AO-E"),
    ]
    (found,) = with_modes([cube_at("2019-03-10T01:02:00.000")], raw)
    assert (found.mode, found.raw_dp_id) == ("WFM-AO-E", "MUSE.b")
    (late,) = with_modes([cube_at("2019-03-10T01:02:31.000")], raw)
    assert (late.mode, late.raw_dp_id) == ("", "")
    assert with_modes([cube_at("2019-03-10T01:02:00.000")], [])[0].mode == ""


def test_a_night_and_mode_holds_raw_frames_a_product_or_both():
    raw = [
        observation("MUSE.a", "2019-03-10T01:00:00.000", "WFM-AO-N"),
        observation("MUSE.b", "2019-03-11T01:00:00.000", "WFM-AO-N"),
    ]
    cubes = with_modes([cube_at("2019-03-10T01:00:00.000")], raw)
    assert holdings(raw, cubes) == {
        ("2019-03-09", "WFM-AO-N"): "both",
        ("2019-03-10", "WFM-AO-N"): "raw",
    }


def test_overview_shows_what_the_archive_holds_of_each_night(workspace, capsys):
    with TestArchive(both_kinds()) as archive:
        assert workspace.point_at(archive).run("overview") == 0
    said = capsys.readouterr().out
    assert f"{NIGHT}{' ' * 26}both\n" in said
    assert f"2019-03-10{' ' * 26}raw\n" in said
    assert "1 raw, 0 product, 1 both" in said
    assert "1 reduced cubes belong to no raw exposure" in said
    page = (workspace.campaign / "availability.html").read_text()
    assert "SCI (both)" in page
    assert page.count(", SIMULATED<") == 2  # title and head: the test archive's nights are made up


def test_the_page_of_a_real_archive_does_not_say_simulated():
    table = availability([], [])
    assert "SIMULATED" not in page_html(table, "LTT 3218")
    table.meta["simulated"] = True
    assert "SIMULATED" in page_html(table, "LTT 3218")


@pytest.mark.parametrize(
    ("options", "n_raw", "nights"),
    [
        ((), 1, [NIGHT, "2019-03-11"]),
        (("--prefer", "products"), 1, [NIGHT, "2019-03-11"]),
        (("--prefer", "raw"), 2, []),
        (("--prefer", "both"), 2, [NIGHT, "2019-03-11"]),
    ],
)
def test_retrieve_fetches_the_preferred_kind_where_there_are_both(
    workspace, options, n_raw, nights
):
    world = both_kinds()
    with TestArchive(world) as archive:
        assert workspace.point_at(archive).run("retrieve", *options) == 0
    assert [one.night for one in cubes_of(workspace)] == nights
    assert len(raw_of(workspace)) == n_raw
    assert_identical(workspace, world)
    for one in cubes_of(workspace):
        assert one.path.read_bytes() == world.file(one.dp_id)


def test_the_table_of_products_names_their_origin(workspace, capsys):
    world = both_kinds()
    with TestArchive(world) as archive:
        assert workspace.point_at(archive).run("retrieve") == 0
    table = Table.read(workspace.campaign / "products.ecsv")
    first = table[0]
    assert first["provenance"] == next(iter(world.rows))
    assert (first["pipeline"], first["prodcatg"]) == ("muse/2.8.7", "SCIENCE.CUBE.IFS")
    assert first["mode"] == MODE
    assert table["mode"][1] == MODE  # of the header: no raw exposure tells it
    assert "2 of 2 reduced cubes are here, made with muse/2.8.7" in capsys.readouterr().out


def test_a_second_run_fetches_no_cube_again_and_keeps_those_of_other_nights(workspace):
    world = both_kinds()
    with TestArchive(world) as archive:
        workspace.point_at(archive)
        assert workspace.run("retrieve", "--night", NIGHT) == 0
        assert len(cubes_of(workspace)) == 1
        assert workspace.run("retrieve", "--night", "2019-03-11") == 0
        assert len(cubes_of(workspace)) == 2
        before = archive.count(DATA)
        assert workspace.run("retrieve") == 0
        fetched = [path for _, path, _, _ in archive.requests[before:] if "ADP." in path]
        assert len([path for _, path, _, _ in archive.requests if "ADP." in path]) == 2, fetched


def test_a_product_that_is_not_a_cube_is_named_and_not_measured(workspace, capsys):
    world = World().standard(NIGHT, MODE).product(NIGHT, MODE)
    good = world.cubes[world.last_product]
    world.cubes[world.last_product] = good.replace(b"SCIENCE.CUBE.IFS", b"SCIENCE.SPECTRUM")
    with TestArchive(world) as archive:
        assert workspace.point_at(archive).run("retrieve") == 1
    assert "not a cube: " in capsys.readouterr().err
    assert cubes_of(workspace) == ()
    table = Table.read(workspace.campaign / "products.ecsv")
    assert "SCIENCE.SPECTRUM" in table["reason"][0]


def test_a_science_field_comes_as_cubes_of_its_own_collection(workspace):
    text = '[[more_fields]]\nname = "mine"\nra_deg = 150.0\ndec_deg = 2.0\n'
    world = World().night(NIGHT, MODE)  # its science exposure points at 150, +2
    world.product(NIGHT, MODE, hours=14.0, collection="MUSE")
    with TestArchive(world) as archive:
        workspace.point_at(archive, text)
        options = ("--field", "mine", "--collection", "MUSE")
        assert workspace.run("retrieve", *options) == 0
        assert workspace.run("retrieve", *options, "--prefer", "raw") == 2
    settings = read_settings(workspace.config).campaigns()[1]
    (cube,) = retrieved_cubes(workspace.work, settings)
    assert (cube.night, cube.mode) == (NIGHT, MODE)
    assert workspace.names() == set()  # no raw frame
    folder = workspace.work / "archive" / "mine-2019"
    assert Table.read(folder / "products.ecsv")["collection"][0] == "MUSE"


def test_a_cube_of_another_star_is_not_ours(workspace):
    world = World().standard(NIGHT, MODE, radec=EG274).product(NIGHT, MODE)
    with TestArchive(world) as archive:
        assert workspace.point_at(archive).run("retrieve") == 0
    assert cubes_of(workspace) == ()


def test_a_service_without_reduced_data_leaves_the_raw_frames(workspace, capsys):
    world = World().night(NIGHT, MODE)
    with TestArchive(world) as archive:
        archive.refuse = "ivoa.ObsCore"
        assert workspace.point_at(archive).run("retrieve") == 0
        assert archive.count(TAP) >= 3
    assert "note: no reduced cubes are known: " in capsys.readouterr().err
    assert len(raw_of(workspace)) == 1

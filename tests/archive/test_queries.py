"""Questions to the catalogue and what is made of the answers."""

import io
import sqlite3

import pytest
from astropy.io import fits
from astropy.table import Table

from pipeline.archive import queries, tap
from pipeline.archive.calendar import calendar_svg
from pipeline.archive.observations import query_observations
from pipeline.archive.service import EsoArchive, archive_client
from pipeline.archive.store import Store
from pipeline.archive.transfer import Transfer
from pipeline.config.settings import ArchiveSettings, Field
from pipeline.errors import ArchiveRefused
from tests.archive.folder import FolderWorld
from tests.archive.server import TestArchive, votable
from tests.archive.world import MODES, World

CONE = queries.point_clause(Field(), 5.0)


@pytest.fixture
def ask():
    """Observations that a test archive holds."""

    def observations(archive, adql):
        settings = ArchiveSettings(**archive.settings())
        with archive_client(settings) as client:
            return query_observations(EsoArchive(client, settings, lambda *_: None), adql)

    return observations


def test_a_year_of_nights_begins_and_ends_at_noon_of_the_first_of_january():
    assert queries.year_bounds(2019) == ("2019-01-01T12:00:00", "2020-01-01T12:00:00")
    assert queries.year_bounds(2019, 3) == ("2018-12-29T12:00:00", "2020-01-04T12:00:00")


def test_the_night_changes_at_noon_and_not_at_midnight(ask):
    world = World()
    for hours in (0.0, 11.9999, 12.0, 23.9999):
        world.standard("2019-03-09", "WFM-AO-N", hours=hours)
    with TestArchive(world) as archive:
        adql = queries.standards_adql(queries.year_bounds(2019), CONE)
        assert [one.night for one in ask(archive, adql)] == ["2019-03-09"] * 4


def test_a_quote_in_a_value_cannot_end_it():
    adql = queries.sizes_adql(["x') OR ('1'='1"])
    assert "'x'') OR (''1''=''1'" in adql
    with TestArchive(World().standard("2019-03-09", "WFM-AO-N")) as archive:
        assert archive.select(adql, 10)[2] == []


def test_an_incomplete_response_is_refused_and_not_taken_for_all(ask, monkeypatch):
    monkeypatch.setattr(tap.query_table, "__defaults__", (tap.query_table.__defaults__[0], 3))
    world = World()
    for mode in MODES:
        world.standard("2019-03-09", mode)
    with TestArchive(world) as archive, pytest.raises(ArchiveRefused, match="cut off after 3 rows"):
        ask(archive, queries.standards_adql(queries.year_bounds(2019), CONE))


def test_a_refused_question_is_reported_in_the_words_of_the_service(ask):
    with TestArchive(World()) as archive, pytest.raises(ArchiveRefused, match="no such column"):
        ask(archive, "SELECT nonesuch FROM dbo.raw")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("exp_start", "yesterday"),
        ("exp_start", ""),
        ("exp_start", "today"),
        ("dp_id", "../../x"),
        ("exposure", None),
    ],
)
def test_a_row_that_cannot_be_right_refuses_the_response(ask, column, value):
    world = World().standard("2019-03-09", "WFM-AO-N")
    world.rows[world.last_standard][column] = value
    with TestArchive(world) as archive:
        adql = f"SELECT {', '.join(queries.COLUMNS)} FROM dbo.raw"
        if column == "exposure":  # a missing number is a missing number
            assert str(ask(archive, adql)[0].exptime_s) == "nan"
            return
        with pytest.raises(ArchiveRefused, match="not the table asked for"):
            ask(archive, adql)


def test_a_table_without_the_columns_asked_for_is_refused(ask):
    with TestArchive(World()) as archive, pytest.raises(ArchiveRefused, match="exp_start"):
        ask(archive, "SELECT dp_id FROM dbo.raw")


def test_a_response_with_an_entity_is_refused_unread(ask, monkeypatch):
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'

    def spoilt(*arguments):
        return votable(*arguments).replace(b"?>", b"?>" + bomb, 1)

    monkeypatch.setattr("tests.archive.server.votable", spoilt)
    with TestArchive(World()) as archive, pytest.raises(ArchiveRefused, match="document type"):
        ask(archive, f"SELECT {', '.join(queries.COLUMNS)} FROM dbo.raw")


def test_the_cone_is_round_on_the_sky_and_a_row_without_position_is_in_none(ask):
    world = World().calibrations("2019-03-09", "WFM-AO-N")
    ra, dec = 130.3854, -32.9428
    inside, outside = 4.9 / 60, 5.1 / 60
    for number, (d_ra, d_dec) in enumerate(((inside / 0.839, 0), (0, inside), (outside, 0))):
        world.standard("2019-03-09", "WFM-AO-N", hours=1.0 + number, radec=(ra + d_ra, dec + d_dec))
    world.standard("2019-03-09", "WFM-AO-N", hours=9.0, radec=(ra, dec + outside))
    with TestArchive(world) as archive:
        adql = queries.standards_adql(queries.year_bounds(2019), CONE)
        assert len(ask(archive, adql)) == 3  # 5.1 arcmin of right ascension are 4.3 on the sky


@pytest.mark.parametrize(
    "adql", ["SELECT dp_id FROM dbo.raw LIMIT 3", "SELECT dp_id FROM dbo.raw; DROP TABLE x"]
)
def test_the_test_archive_takes_no_sql_that_is_not_adql(adql):
    with TestArchive(World()) as archive, pytest.raises(sqlite3.OperationalError, match="not ADQL"):
        archive.select(adql, 10)


def test_progress_shows_files_bytes_rate_and_time_left():
    now = [0.0]
    out = io.StringIO()
    transfer = Transfer({"a": 10e6, "b": 20e6, "c": 5e6}, out, lambda: now[0])
    transfer.announce("a", 12_000_000)
    transfer.begin("a", 2_000_000)  # were here already
    now[0] = 5.0
    transfer.receive("a", 10_000_000)
    transfer.finish("a")
    assert transfer.line() == "1/3 files, 12.0 MB of 37.0 MB, 2.0 MB/s, 0:00:12 left"
    transfer.finish("c", failed=True)
    assert transfer.line() == "1/3 files, 12.0 MB of 32.0 MB, 1 failed, 2.0 MB/s, 0:00:10 left"
    transfer.receive("b", 20_000_000)
    transfer.finish("b")
    assert out.getvalue().count("\n") == 1


def test_the_calendar_has_a_place_for_every_day_of_the_year():
    table = Table(
        {name: ["SCI"] for name in ("wfm_noao_n", "wfm_noao_e", "wfm_ao_n", "wfm_ao_e")}
        | {"date": ["2020-02-29"]}
    )
    svg = calendar_svg(table, 2020)
    assert svg.count('stroke="#ddd"') == 366
    assert svg.count("<title>2020-02-29") == 4
    assert calendar_svg(table, 2019).count("<title>") == 0


def test_an_archive_can_be_made_of_a_folder_of_raw_frames(workspace):
    sky = workspace.folder / "sky"
    sky.mkdir()
    world = World().night("2019-03-09", "WFM-AO-N")
    for name in world.needed(world.last_standard):
        path = sky / f"{name}.fits"
        path.write_bytes(world.file(name))
        if name in world.rows:
            row = world.rows[name]
            with fits.open(path, mode="update", checksum=True) as file:
                header = file[0].header
                header["DATE-OBS"] = row["exp_start"].removesuffix("Z")
                header["EXPTIME"], header["MJD-OBS"] = 60.0, row["mjd_obs"]
                header["HIERARCH ESO INS MODE"] = row["ins_mode"]
                header["HIERARCH ESO DPR CATG"] = row["dp_cat"]
                if row["ra"] is not None:
                    header["RA"], header["DEC"] = row["ra"], row["dec"]
    tree = world.tree(world.last_science)
    (sky / f"{world.last_standard}_raw2raw.xml").write_bytes(tree)
    folder = FolderWorld(sky)
    with TestArchive(folder) as archive:
        assert workspace.point_at(archive).run("retrieve") == 0
    ((selection, path),) = Store(workspace.work / "archive", "ltt3218-2019").ready()
    assert selection.way == "science"
    assert path.name == f"{world.last_standard}_raw2raw.xml"
    assert workspace.names() == world.needed(world.last_standard)
    assert isinstance(folder.file(world.last_standard), memoryview)  # gigabytes are not held


def test_a_service_without_intersects_is_asked_for_positions(workspace):
    world = World().night("2019-03-09", "WFM-AO-N")
    with TestArchive(world) as archive:
        archive.refuse = "INTERSECTS"
        assert workspace.point_at(archive).run("overview") == 0
        asked = [form["query"] for _, path, form, _ in archive.requests if "query" in form]
    assert ["INTERSECTS" in query for query in asked[:2]] == [True, False]
    assert "CONTAINS(POINT('', ra, dec)" in asked[1]
    assert len(Table.read(workspace.campaign / "availability.ecsv")) == 1


def test_frames_without_a_region_are_found_by_their_position(workspace):
    world = World().night("2019-03-09", "WFM-AO-N")
    for row in world.rows.values():
        row["s_region"] = None
    with TestArchive(world) as archive:
        assert workspace.point_at(archive).run("overview") == 0
    assert len(Table.read(workspace.campaign / "availability.ecsv")) == 1


def test_a_region_that_contradicts_the_position_is_not_believed(workspace):
    world = World().standard("2019-03-09", "WFM-AO-N").standard("2019-03-10", "WFM-AO-N")
    row = world.rows[world.last_standard]
    row["ra"], row["dec"] = 0.0, 0.0  # as of a frame whose header had no position
    with TestArchive(world) as archive:
        assert workspace.point_at(archive).run("overview") == 0
    assert list(Table.read(workspace.campaign / "availability.ecsv")["date"]) == ["2019-03-09"]


def test_a_table_that_ends_exactly_at_the_limit_counts_as_cut_off(ask, monkeypatch):
    defaults = (tap.query_table.__defaults__[0], 4)
    monkeypatch.setattr(tap.query_table, "__defaults__", defaults)
    world = World()
    for mode in MODES:
        world.standard("2019-03-09", mode)
    with TestArchive(world) as archive, pytest.raises(ArchiveRefused, match="cut off after 4"):
        ask(archive, queries.standards_adql(queries.year_bounds(2019), CONE))

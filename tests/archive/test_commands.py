"""The two commands as a reader runs them, over real HTTP."""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from astropy.table import QTable, Table

from tests.archive.conftest import assert_identical
from tests.archive.server import CALSELECTOR, DATA, TAP, TestArchive
from tests.archive.world import EG274, World

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "pipeline/published/data/availability_2018.ecsv"


def test_retrieve_fetches_the_standard_and_its_calibrations_each_once(workspace):
    world = World().night("2019-03-09", "WFM-AO-N").night("2019-03-09", "WFM-NOAO-N")
    with TestArchive(world) as archive:
        assert workspace.point_at(archive).run("retrieve") == 0
        needed = set().union(*(world.needed(name) for name in world.standards()))
        assert workspace.names() == needed
        assert archive.count(DATA) == len(needed)  # statics belong to both modes
        assert_identical(workspace, world)
        assert not any("OBJECT" in str(world.rows.get(name, {}).get("dp_type")) for name in needed)
        # a second run asks the catalogue, fetches nothing, asks for no settled tree
        trees = archive.count(CALSELECTOR)
        assert workspace.run("retrieve") == 0
        assert (archive.count(DATA), archive.count(CALSELECTOR)) == (len(needed), trees)
        assert archive.most_at_once <= 3
    released = sorted(path.name for path in workspace.raw.glob("*_raw2raw.xml"))
    assert released == sorted(f"{name}_raw2raw.xml" for name in world.standards())


def test_every_file_carries_its_provenance_and_every_response_is_kept(workspace):
    world = World().night("2019-03-09", "WFM-AO-N")
    with TestArchive(world) as archive:
        assert workspace.point_at(archive).run("retrieve") == 0
    for path in workspace.files():
        record = json.loads(path.with_name(path.name + ".json").read_text())
        assert record["size"] == path.stat().st_size
        assert record["n_checksums"] == 4
        assert record["url"].startswith(archive.base)
    trees = sorted((workspace.work / "archive" / "associations").glob("*.xml"))
    assert trees[-1].read_bytes() in (world.tree(n) for n in (*world.standards(), *world.names))
    selection = Table.read(workspace.campaign / "selection.ecsv")
    assert list(selection["way"]) == ["science"]
    assert selection["tree_file"][0] in [tree.name for tree in trees]
    assert len(list((workspace.campaign / "responses").glob("*.vot"))) == 4


def test_a_dry_run_lists_the_gigabytes_and_fetches_nothing(workspace, capsys):
    world = World().night("2019-03-09", "WFM-AO-N")
    with TestArchive(world) as archive:
        assert workspace.point_at(archive).run("retrieve", "--dry-run") == 0
        assert archive.count(DATA) == 0
    said = capsys.readouterr().out
    estimate = sum(
        row["access_estsize"] * 1e3 for name, row in world.rows.items() if name not in world.names
    )
    estimate += 6 * 10e6  # the statics, unknown to the catalogue
    assert f"28 files are needed, 28 of them to be fetched: about {estimate / 1e9:.2f} GB" in said
    assert "6 files of unknown size" in said
    assert not list(workspace.raw.iterdir())


def test_a_dry_overview_prints_three_queries_a_year_and_sends_none(workspace, capsys):
    with TestArchive(World()) as archive:
        workspace.point_at(archive)
        assert workspace.run("overview", "--dry-run", "--year", "2018", "--year", "2019") == 0
        assert not archive.requests
    assert capsys.readouterr().out.count("SELECT") == 6


def test_overview_sends_three_queries_a_year_and_writes_table_and_page(workspace, capsys):
    world = World().night("2018-03-09", "WFM-AO-N").night("2018-12-31", "WFM-NOAO-E", science=False)
    world.standard("2019-01-01", "WFM-AO-N").standard("2018-05-01", "WFM-AO-N", radec=EG274)
    with TestArchive(world) as archive:
        assert workspace.point_at(archive).run("overview", "--year", "2018") == 0
        assert archive.count("/") == archive.count(TAP) == 3
    table = QTable.read(workspace.campaign / "availability.ecsv")
    # 2018-12-31 was taken on the morning of 1 January; 1 January's night belongs to 2019
    assert list(table["date"]) == ["2018-03-09", "2018-12-31"]
    assert list(table["wfm_ao_n"].filled("")) == ["SCI", ""]
    assert list(table["wfm_noao_e"].filled("")) == ["", "NOSCI"]
    page = (workspace.campaign / "availability.html").read_text()
    assert "<title>2018-03-09 WFM-AO-N: SCI</title>" in page
    assert page.count("<svg") == 1
    assert "2018-12-31              NOSCI" in capsys.readouterr().out


def test_the_published_nights_of_2018_come_out_cell_by_cell(workspace):
    published = Table.read(PUBLISHED).filled("")
    with TestArchive(World().table(published)) as archive:
        assert workspace.point_at(archive).run("overview", "--year", "2018") == 0
        assert archive.count(TAP) == 3
    table = Table.read(workspace.campaign / "availability.ecsv").filled("")
    assert table.colnames == published.colnames
    assert [tuple(row) for row in table] == [tuple(row) for row in published]


def test_a_thousand_nights_are_listed_within_two_seconds(workspace):
    world = World()
    first = np.datetime64("2017-01-01")
    for index in range(1000):
        night = str(first + index)
        world.standard(night, "WFM-AO-N").science(night, "WFM-AO-N").standard(night, "WFM-NOAO-N")
    with TestArchive(world) as archive:
        workspace.point_at(archive)
        started = time.process_time()
        assert workspace.run("overview", "--year", "2017", "--year", "2018", "--year", "2019") == 0
        assert time.process_time() - started < 2 * 2  # with the server's own share of the work
        assert archive.count(TAP) == 9
    assert len(QTable.read(workspace.campaign / "availability.ecsv")) == 1000


def test_each_further_field_is_a_campaign_of_its_own(workspace):
    world = World().night("2019-03-09", "WFM-AO-N")
    world.standard("2019-04-01", "WFM-AO-N", radec=EG274, target="EG 274")
    text = '[[more_fields]]\nname = "EG 274"\n'
    with TestArchive(world) as archive:
        assert workspace.point_at(archive, text).run("overview") == 0
    eg274 = QTable.read(workspace.work / "archive" / "eg-274-2019" / "availability.ecsv")
    assert list(eg274["date"]) == ["2019-04-01"]
    ltt3218 = QTable.read(workspace.campaign / "availability.ecsv")
    assert list(ltt3218["date"]) == ["2019-03-09"]


def test_a_target_named_like_another_star_is_pointed_out(workspace, capsys):
    world = World().standard("2019-03-09", "WFM-AO-N", target="LTT3218")
    world.standard("2019-03-10", "WFM-AO-N", target="WD-0839-327")
    world.standard("2019-03-11", "WFM-AO-N", target="EG-274")
    with TestArchive(world) as archive:
        assert workspace.point_at(archive).run("overview") == 0
    notes = [line for line in capsys.readouterr().err.splitlines() if "note:" in line]
    assert len(notes) == 1
    assert "'EG-274'" in notes[0]


def test_no_archive_is_a_message_and_status_two(workspace, capsys):
    with TestArchive(World()) as archive:
        workspace.point_at(archive, attempts=2)
    assert workspace.run("retrieve") == 2
    said = capsys.readouterr().err
    assert said.partition("error: ")[2].startswith("ArchiveUnreachable: ")
    assert "connection refused (attempt 2 of 2)" in said


@pytest.mark.parametrize("fault", ["html", "truncate", "503", "429", "hang", "reset", "slow"])
def test_a_query_to_the_catalogue_survives_or_ends_in_a_message(workspace, capsys, fault):
    world = World().night("2019-03-09", "WFM-AO-N")
    with TestArchive(world) as archive:
        archive.faults.queue[TAP] = [fault]
        status = workspace.point_at(archive).run("overview")
    assert status == (2 if fault == "html" else 0)
    assert ("ArchiveRefused" in capsys.readouterr().err) == (fault == "html")


def test_a_year_before_muse_is_refused(workspace, capsys):
    with TestArchive(World()) as archive:
        assert workspace.point_at(archive).run("overview", "--year", "2009") == 2
    assert "MUSE observes since 2014" in capsys.readouterr().err


@pytest.mark.slow
def test_the_demonstration_runs_through(tmp_path):
    command = [
        sys.executable,
        "-m",
        "tests.archive.demo",
        "--files-only",
        "--work",
        str(tmp_path / "w"),
    ]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "equal to the published table, cell by cell: 46 nights x 4 modes" in done.stdout
    assert "fetched 170 files" in done.stdout
    assert "25 of 25 stars identified; variable: 4" in done.stdout


def test_files_without_checksums_are_counted(workspace, capsys, monkeypatch):
    def bare(world, name):
        content = world_file(world, name)
        return content and content.replace(b"CHECKSUM=", b"CHECKSIM=").replace(
            b"DATASUM =", b"DATASIM ="
        )

    world_file = World.file
    monkeypatch.setattr(World, "file", bare)
    with TestArchive(World().night("2019-03-09", "WFM-AO-N")) as archive:
        assert workspace.point_at(archive).run("retrieve") == 0
    assert "28 of them carry no checksum" in capsys.readouterr().out

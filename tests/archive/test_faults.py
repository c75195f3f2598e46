"""Whatever goes wrong: in the end every file is there and verified, or the run named it."""

import json
import random
import signal
import subprocess
import sys
import time

import pytest

from pipeline.archive.store import Store
from pipeline.workflow.products import exclusive
from tests.archive.conftest import assert_identical
from tests.archive.server import CALSELECTOR, DATA, LIE_FAULTS, WIRE_FAULTS, Faults, TestArchive
from tests.archive.world import World


def two_nights():
    return World().night("2019-03-09", "WFM-AO-N").night("2019-03-10", "WFM-NOAO-N")


def needed_by(world):
    return set().union(*(world.needed(name) for name in world.standards()))


@pytest.mark.slow
@pytest.mark.parametrize("fault", WIRE_FAULTS)
def test_a_fault_of_the_wire_is_retried_until_the_file_is_there(workspace, fault):
    world = two_nights()
    with TestArchive(world) as archive:
        archive.faults.queue[DATA] = [fault] * 3
        assert workspace.point_at(archive).run("retrieve") == 0
        extra = archive.count(DATA) - len(needed_by(world))
    assert workspace.names() == needed_by(world)
    assert_identical(workspace, world)
    assert extra == (0 if fault == "slow" else 3)


@pytest.mark.parametrize("fault", [*LIE_FAULTS, "404"])
def test_a_response_that_is_not_the_file_is_never_accepted(workspace, capsys, fault):
    world = two_nights()
    with TestArchive(world) as archive:
        archive.faults.queue[DATA] = [fault]
        status = workspace.point_at(archive).run("retrieve")
        asked = archive.count(DATA)
        missing = needed_by(world) - workspace.names()
        said = capsys.readouterr().err
        assert_identical(workspace, world)
        if fault == "long_length":  # looks like a connection that broke: the rest is asked for
            assert (status, missing) == (0, set())
            return
        assert status == 1
        assert len(missing) == 1
        assert missing.pop() in said
        assert asked == len(needed_by(world))  # not retried in this run
        assert len(list(workspace.raw.glob("*_raw2raw.xml"))) < 2  # not ready to be reduced
        assert workspace.run("retrieve") == 0
    assert workspace.names() == needed_by(world)
    assert_identical(workspace, world)


def test_what_keeps_failing_is_tried_as_often_as_the_settings_say_and_named(workspace, capsys):
    world = World().night("2019-03-09", "WFM-AO-N")
    with TestArchive(world) as archive:
        archive.faults = Faults(share=1.0, kinds=("503",))
        assert workspace.point_at(archive, attempts=2, connections=1).run("retrieve") == 1
        assert archive.count(DATA) == 2 * 10  # then the archive counts as down
    assert not workspace.names()
    said = capsys.readouterr().err
    listed = (workspace.campaign / "missing.txt").read_text()
    assert all(name in listed for name in world.needed(world.last_standard))
    assert "HTTP 503 (attempt 2 of 2)" in said
    assert "not tried" in said


def test_a_transfer_that_breaks_goes_on_where_it_stopped(workspace):
    world = World(image_px=200).night("2019-03-09", "WFM-AO-N")
    with TestArchive(world) as archive:
        archive.faults.queue[DATA] = ["truncate"] * 4
        assert workspace.point_at(archive).run("retrieve") == 0
        resumed = [headers for _, _, _, headers in archive.requests if "Range" in headers]
        assert len(resumed) == 4
        assert all(headers["If-Range"].startswith('"') for headers in resumed)
    assert_identical(workspace, world)


def test_without_a_validator_a_broken_transfer_begins_anew(workspace):
    world = World().night("2019-03-09", "WFM-AO-N")
    with TestArchive(world, resume=False) as archive:
        archive.faults.queue[DATA] = ["truncate"] * 4
        assert workspace.point_at(archive).run("retrieve") == 0
        assert not [headers for _, _, _, headers in archive.requests if "Range" in headers]
    assert_identical(workspace, world)


@pytest.mark.parametrize("resume", [True, False])
def test_a_file_whose_size_is_not_announced_is_complete_all_the_same(workspace, resume):
    world = World(image_px=150).night("2019-03-09", "WFM-AO-N")
    with TestArchive(world, chunked=True, resume=resume) as archive:
        archive.faults.queue[DATA] = ["truncate"] * 4
        assert workspace.point_at(archive).run("retrieve") == 0
        resumed = [headers for _, _, _, headers in archive.requests if "Range" in headers]
        assert len(resumed) == (4 if resume else 0)
    assert workspace.names() == needed_by(world)
    assert_identical(workspace, world)


def test_a_file_whose_last_byte_came_before_the_kill_is_not_asked_for_again(workspace):
    world = World().night("2019-03-09", "WFM-AO-N")
    with TestArchive(world) as archive:
        assert workspace.point_at(archive).run("retrieve") == 0
        path = workspace.files()[5]
        name = path.name.removesuffix(".fz").removesuffix(".fits")
        size = path.stat().st_size
        path.with_name(path.name + ".json").unlink()
        partial = path.rename(workspace.raw / f"{name}.partial")
        record = json.dumps({"validator": '"x"', "total": size})
        partial.with_name(partial.name + ".json").write_text(record)
        before = archive.count(DATA)
        assert workspace.run("retrieve") == 0
        assert archive.count(DATA) == before
    assert workspace.names() == needed_by(world)


def test_a_file_without_a_record_is_verified_and_taken_or_set_aside(workspace):
    world = World().night("2019-03-09", "WFM-AO-N")
    with TestArchive(world) as archive:
        assert workspace.point_at(archive).run("retrieve") == 0
        good, bad = workspace.files()[5:7]
        for path in (good, bad):
            path.with_name(path.name + ".json").unlink()
        bad.write_bytes(bad.read_bytes()[:-10])
        before = archive.count(DATA)
        assert workspace.run("retrieve") == 0
        assert archive.count(DATA) == before + 1
    assert bad.with_name(bad.name + ".rejected").exists()
    assert_identical(workspace, world)


def test_a_file_that_changed_while_it_was_half_here_is_fetched_anew(workspace):
    world = World(image_px=100).night("2019-03-09", "WFM-AO-N")
    changed = World(image_px=120).night("2019-03-09", "WFM-AO-N")
    with TestArchive(world, Faults(share=1.0, kinds=("truncate",))) as archive:
        assert workspace.point_at(archive, attempts=1).run("retrieve") == 1
        assert list(workspace.raw.glob("*.partial"))
    with TestArchive(changed) as archive:
        assert workspace.point_at(archive).run("retrieve") == 0
    assert_identical(workspace, changed)


def test_a_partial_file_with_foreign_bytes_is_found_out_and_fetched_whole(workspace):
    world = World(image_px=100).night("2019-03-09", "WFM-AO-N")
    with TestArchive(world, Faults(share=1.0, kinds=("truncate",))) as archive:
        assert workspace.point_at(archive, attempts=1).run("retrieve") == 1
        for partial in workspace.raw.glob("*.partial"):
            partial.write_bytes(partial.read_bytes()[:-200] + bytes(200))  # as after a power cut
        archive.faults.share = 0.0
        assert workspace.run("retrieve") == 0
    assert_identical(workspace, world)


def test_a_slow_drip_counts_as_a_broken_connection(workspace, capsys):
    world = World(image_px=200).night("2019-03-09", "WFM-AO-N")
    with TestArchive(world) as archive:
        archive.faults = Faults(share=1.0, kinds=("slow",), chunk_pause_s=0.2)
        workspace.point_at(archive, attempts=1, slowest_kb_per_s=100.0)
        assert workspace.run("retrieve") == 1
    assert "slower than 100 kB/s" in capsys.readouterr().err


def test_a_file_takes_no_longer_than_its_limit(workspace, capsys):
    world = World(image_px=200).night("2019-03-09", "WFM-AO-N")
    with TestArchive(world) as archive:
        archive.faults = Faults(share=1.0, kinds=("slow",), chunk_pause_s=0.1)
        workspace.point_at(archive, attempts=1, file_limit_s=0.5)
        assert workspace.run("retrieve") == 1
    assert "not complete after 0.5 s" in capsys.readouterr().err


def test_a_file_that_was_damaged_on_disk_is_found_by_verify(workspace, capsys):
    world = World().night("2019-03-09", "WFM-AO-N")
    with TestArchive(world) as archive:
        assert workspace.point_at(archive).run("retrieve") == 0
        path = workspace.files()[-1]
        path.write_bytes(path.read_bytes()[:-100] + b"x" * 100)
        assert workspace.run("retrieve", "--verify") == 0
    assert "set aside and fetched again" in capsys.readouterr().err
    assert_identical(workspace, world)


def test_a_short_file_on_disk_does_not_count_as_here(workspace):
    world = World().night("2019-03-09", "WFM-AO-N")
    with TestArchive(world) as archive:
        assert workspace.point_at(archive).run("retrieve") == 0
        workspace.files()[3].write_bytes(b"SIMPL")
        assert workspace.run("retrieve") == 0
    assert_identical(workspace, world)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_a_fifth_of_all_responses_faulty_ends_complete_or_named(workspace, capsys, seed):
    world = two_nights().night("2019-03-11", "WFM-AO-E")
    faults = Faults(share=0.2, seed=seed, services=(DATA, CALSELECTOR), hang_s=1.0)
    with TestArchive(world, faults) as archive:
        workspace.point_at(archive)
        for _ in range(12):
            status = workspace.run("retrieve")
            said = capsys.readouterr().err
            assert_identical(workspace, world)
            selections = Store(workspace.work / "archive", "ltt3218-2019").selections()
            missing = {name for one in selections for name in one.files()} - workspace.names()
            lacking = [one for one in selections if one.group is None]
            assert len(selections) == 3
            assert (status == 0) == (not missing and not lacking)
            assert all(name in said for name in missing)
            assert all(one.dp_id in said for one in lacking)
            if status == 0:
                break
        assert status == 0
        faults.share = 0.0
        assert workspace.run("retrieve", "--ask-again") == 0
    assert workspace.names() == needed_by(world)


@pytest.mark.slow
def test_killed_at_random_and_started_again_every_file_is_there(workspace):
    world = World(image_px=150).night("2019-03-09", "WFM-AO-N").night("2019-03-10", "WFM-AO-N")
    rng = random.Random(5)
    faults = Faults(share=0.7, kinds=("slow", "slow", "truncate", "503"), chunk_pause_s=0.01)
    command = [sys.executable, "-m", "pipeline", "retrieve"]
    with TestArchive(world, faults) as archive:
        workspace.point_at(archive)
        command += ["--config", str(workspace.config), "--work", str(workspace.work)]
        for _ in range(4):
            kill_at = archive.count(DATA) + rng.randint(1, 20)
            with subprocess.Popen(
                command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            ) as run:
                while archive.count(DATA) < kill_at and run.poll() is None:
                    time.sleep(0.01)
                time.sleep(0.05 * rng.random())
                run.send_signal(signal.SIGKILL)
            assert run.returncode == -signal.SIGKILL
            assert_identical(workspace, world)
        faults.share = 0.0
        assert workspace.run("retrieve") == 0
        assert workspace.names() == needed_by(world)
        assert_identical(workspace, world)
        assert not list(workspace.work.rglob("*.part*"))


@pytest.mark.slow
def test_ctrl_c_ends_a_run_soon_and_the_next_one_goes_on(workspace):
    world = World(image_px=400).night("2019-03-09", "WFM-AO-N")
    command = [sys.executable, "-m", "pipeline", "retrieve"]
    with TestArchive(world, Faults(share=1.0, kinds=("slow",), chunk_pause_s=1.0)) as archive:
        workspace.point_at(archive, read_timeout_s=5.0)
        command += ["--config", str(workspace.config), "--work", str(workspace.work)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as run:
            while archive.count(DATA) < 2:
                time.sleep(0.01)
            time.sleep(0.5)
            started = time.monotonic()
            run.send_signal(signal.SIGINT)
            said = run.stderr.read().decode()
        assert run.returncode == 130
        assert time.monotonic() - started < 5
        assert "finished work is kept" in said
        assert "Traceback" not in said
        assert list(workspace.raw.glob("*.partial"))
        archive.faults.share = 0.0
        assert workspace.run("retrieve") == 0
    assert_identical(workspace, world)
    assert workspace.names() == needed_by(world)


def test_a_full_disk_ends_the_run_with_the_folder_named(workspace, capsys, monkeypatch):
    world = World().night("2019-03-09", "WFM-AO-N")
    monkeypatch.setattr("pipeline.cli.archive_steps.shutil.disk_usage", lambda _path: Space())
    with TestArchive(world) as archive:
        assert workspace.point_at(archive).run("retrieve") == 2
        assert archive.count(DATA) == 0
    said = capsys.readouterr().err
    assert "1.0 MB are free" in said
    assert str(workspace.raw) in said


class Space:
    free = 1_000_000


def test_two_runs_do_not_share_a_workspace(workspace, capsys):
    with TestArchive(World()) as archive, exclusive(workspace.work / "archive"):
        assert workspace.point_at(archive).run("retrieve") == 2
    assert "in use by another run" in capsys.readouterr().err


def test_a_header_that_changed_within_a_broken_transfer_is_fetched_whole(workspace):
    world = World(image_px=100).night("2019-03-09", "WFM-AO-N")
    with TestArchive(world, Faults(share=1.0, kinds=("truncate",))) as archive:
        assert workspace.point_at(archive, attempts=1).run("retrieve") == 1
        for partial in workspace.raw.glob("*.partial"):
            content = partial.read_bytes()
            assert b"MUSE" in content
            partial.write_bytes(content.replace(b"'MUSE ", b"'NUSE "))
        archive.faults.share = 0.0
        assert workspace.run("retrieve") == 0
    assert_identical(workspace, world)


def test_headers_that_the_archive_corrects_while_it_sends_them_are_a_note(workspace, capsys):
    world = World().night("2019-03-09", "WFM-AO-N")
    with TestArchive(world) as archive:
        archive.corrected = True
        assert workspace.point_at(archive).run("retrieve") == 0
    assert workspace.names() == needed_by(world)
    said = capsys.readouterr().err
    assert "note: 28 files have headers that were changed after their CHECKSUM was written" in said
    record = json.loads(next(iter(workspace.raw.glob("*.fits*.json"))).read_text())
    assert record["notes"] == ["CHECKSUM of extension 0 fails, DATASUM holds: header corrected"]

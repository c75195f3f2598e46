"""A real Slurm cluster: two shapes, lost blocks, a killed run, and the bytes of a run without one."""

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from pipeline.workflow.executors import MEASURE, REDUCE, Workers, open_pool
from tests.reliability.cubes import tables_of, write_campaign, write_config
from tests.reliability.slurm_runs import (
    LIMIT_S,
    MANAGER,
    command,
    executor_file,
    parsl_children,
    parsl_processes,
    start,
    wait_for,
)

pytestmark = pytest.mark.slurm
N_EXPOSURES = 6
ODD = "wo rk 'quoted' \"twice\" $(touch PWNED) `touch PWNED` {x} %n ü\ntwo;a&b|c"  # a folder's name


@pytest.fixture(scope="module")
def campaign(tmp_path_factory):
    """Cubes, configuration, and what a run without a cluster makes of them."""
    folder = tmp_path_factory.mktemp("campaign")
    write_campaign(folder / "cubes", N_EXPOSURES)
    write_config(folder)
    done = subprocess.run(
        [*command(folder, folder / "expected"), "--jobs", "1"], check=False, cwd=folder
    )
    assert done.returncode == 0
    return folder, tables_of(folder / "expected")


def test_the_bytes_are_those_of_a_run_without_a_cluster_and_nothing_is_left(
    cluster, campaign, tmp_path
):
    odd = tmp_path / ODD
    odd.mkdir()
    (odd / "cubes").symlink_to(campaign[0] / "cubes")
    shutil.copy(campaign[0] / "report.toml", odd)
    work = odd / "/".join(["w" * 120] * 5)
    run = start(cluster, (odd,), work, executor_file(odd), tmp_path / "cwd")
    assert run.wait(LIMIT_S) == 0, (tmp_path / "cwd" / "run.log").read_text()
    found = tables_of(work)
    assert found.keys() == campaign[1].keys()
    assert [name for name in found if found[name] != campaign[1][name]] == []
    assert [path.name for path in (tmp_path / "cwd").iterdir()] == ["run.log"]
    assert not list(work.rglob(".parsl*"))
    assert not list(tmp_path.rglob("PWNED"))
    wait_for(lambda: not cluster.jobs(), "blocks are left", 15)


def where(_):
    time.sleep(0.5)
    return os.environ.get("SLURMD_NODENAME", ""), os.environ.get("SLURM_JOB_ID", "")


def test_each_shape_has_its_own_executor_on_nodes(cluster, tmp_path, monkeypatch):
    for name, value in cluster.environment.items():
        monkeypatch.setenv(name, value)
    workers = Workers(1, str(executor_file(tmp_path)))
    jobs = {}
    for shape in (MEASURE, REDUCE):
        with open_pool(workers, tmp_path / "work" / ".parsl", shape) as pool:
            answers = [answer for _, answer in pool.stream(where, list(range(4)), shape)]
        assert all(node.startswith("node") for node, _ in answers), answers
        jobs[shape] = {job for _, job in answers}
    assert not jobs[MEASURE] & jobs[REDUCE]
    wait_for(lambda: not cluster.jobs(), "blocks are left", 15)


@pytest.mark.parametrize(
    "delay_s",
    [4, pytest.param(1, marks=pytest.mark.nightly), pytest.param(6, marks=pytest.mark.nightly)],
)
def test_blocks_end_with_a_killed_run_whatever_they_were_just_doing(
    cluster, campaign, tmp_path, delay_s
):
    """Before the worker pool starts, while it starts, and when it has just started."""
    executor = executor_file(tmp_path, init="sleep 3")
    run = start(cluster, campaign, tmp_path / "work", executor, tmp_path / "cwd")
    wait_for(cluster.running, "no block started")
    time.sleep(delay_s)
    run.kill()
    run.wait(60)
    wait_for(lambda: not cluster.jobs(), "blocks are left", 65)
    assert parsl_processes(tmp_path / "work") == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_blocks_end_with_the_run_however_it_ends_and_the_next_goes_on(
    cluster, campaign, tmp_path, number
):
    work = tmp_path / "work"
    run = start(cluster, campaign, work, executor_file(tmp_path, init="sleep 3"), tmp_path / "cwd")
    wait_for(cluster.running, "no block started")
    time.sleep(4)
    os.kill(run.pid, number)
    run.wait(60)
    wait_for(lambda: not cluster.jobs(), "blocks are left", 60)
    assert parsl_processes(work) == []
    again = start(cluster, campaign, work, executor_file(tmp_path), tmp_path / "cwd")
    assert again.wait(LIMIT_S) == 0, (tmp_path / "cwd" / "run.log").read_text()
    found = tables_of(work)
    assert found.keys() == campaign[1].keys()
    assert [name for name in found if found[name] != campaign[1][name]] == []


def test_a_cancelled_block_and_a_drained_node_lose_no_exposure(cluster, campaign, tmp_path):
    work = tmp_path / "work"
    run = start(cluster, campaign, work, executor_file(tmp_path), tmp_path / "cwd")
    wait_for(cluster.running, "no block started")
    cluster.update_node("node1", "drain")
    cluster.cancel(*cluster.running()[:1])
    try:
        assert run.wait(LIMIT_S) == 0, (tmp_path / "cwd" / "run.log").read_text()
    finally:
        cluster.update_node("node1", "resume")
    found = tables_of(work)
    assert found.keys() == campaign[1].keys()
    assert [name for name in found if found[name] != campaign[1][name]] == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"partition": "nowhere"}, "invalid partition"),
        ({"init": "echo no such module >&2; exit 1"}, "no such module"),
    ],
)
def test_a_cluster_that_runs_nothing_is_an_error_in_words_within_a_minute(
    cluster, campaign, tmp_path, change, reason
):
    started = time.monotonic()
    executor = executor_file(tmp_path, **change)
    run = start(cluster, campaign, tmp_path / "work", executor, tmp_path / "cwd")
    try:
        assert run.wait(120) == 2
    finally:
        run.kill()
        run.wait()
    assert time.monotonic() - started < 90  # of which some are imports on a busy machine
    said = (tmp_path / "cwd" / "run.log").read_text()
    assert "look at partition, account and worker_init" in said
    assert reason in said
    assert "Traceback" not in said


def test_a_dead_interchange_is_an_error_in_words_within_a_minute(cluster, campaign, tmp_path):
    work = tmp_path / "work"
    run = start(cluster, campaign, work, executor_file(tmp_path, init="sleep 20"), tmp_path / "cwd")
    wait_for(cluster.jobs, "no block was asked for")
    listed = subprocess.run(
        ["ps", "--ppid", str(run.pid), "-o", "pid=,args="],
        capture_output=True,
        text=True,
        check=True,
    )
    for line in listed.stdout.splitlines():
        pid = int(line.split()[0])
        if "interchange" in line:
            os.kill(pid, signal.SIGKILL)
    killed = time.monotonic()
    assert run.wait(90) == 2
    assert time.monotonic() - killed < 60
    said = (tmp_path / "cwd" / "run.log").read_text()
    assert re.search("Parsl's interchange has ended .*run the same command again", said)
    assert "Traceback" not in said
    wait_for(lambda: not cluster.jobs(), "blocks are left", 60)


def slow_once(path_and_seconds):
    """Sleep in the first block that it runs in."""
    path, seconds = path_and_seconds
    first = not Path(path).exists()
    with Path(path).open("a") as file:
        file.write(f"{os.environ['SLURM_JOB_ID']}\n")
    if first:
        time.sleep(seconds)
    return seconds


def test_a_job_whose_block_meets_its_walltime_is_run_again(cluster, tmp_path, monkeypatch):
    """A job that would take 300 s in a block of a minute: it is cut, and done in another block."""
    for name, value in cluster.environment.items():
        monkeypatch.setenv(name, value)
    path = executor_file(tmp_path, walltime="00:01:00")
    path.write_text(path.read_text().replace("max_blocks=3", "max_blocks=1"))
    tasks = [(str(tmp_path / name), seconds) for name, seconds in (("one", 1), ("two", 300))]
    with open_pool(Workers(1, str(path)), tmp_path / "work" / ".parsl", REDUCE) as pool:
        answers = dict(pool.stream(slow_once, tasks, REDUCE))
    assert answers == {task: task[1] for task in tasks}
    blocks = [(tmp_path / name).read_text().split() for name in ("one", "two")]
    assert [len(set(one)) for one in blocks] == [1, 2]


def sleepy(_):
    time.sleep(8)
    return os.environ["SLURM_JOB_ID"]


def test_a_manager_that_lost_a_process_of_its_own_is_replaced(cluster, tmp_path, monkeypatch):
    """It goes on sending heartbeats, does nothing, and would write its log until the disk is full."""
    for name, value in cluster.environment.items():
        monkeypatch.setenv(name, value)
    work = tmp_path / "work"
    with open_pool(Workers(1, str(executor_file(tmp_path))), work / ".parsl", REDUCE) as pool:
        answers = pool.stream(sleepy, list(range(12)), REDUCE)
        _, sick = next(answers)
        (manager,) = (
            one for one in parsl_children(work, MANAGER) if one.environ()["SLURM_JOB_ID"] == sick
        )
        spawned = [one for one in manager.children() if "spawn_main" in " ".join(one.cmdline())]
        min(spawned, key=lambda one: (one.create_time(), one.pid)).kill()
        found = dict(answers)
        logs = [path.stat().st_size for path in work.rglob("manager.log")]
    assert len(found) == 11
    assert sick not in list(found.values())[-3:]
    assert max(logs) < 60_000_000
    wait_for(lambda: not cluster.jobs(), "blocks are left", 65)

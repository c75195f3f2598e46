"""A real Slurm cluster: two shapes, lost blocks, a killed run, and the bytes of a run without one."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from pipeline.config.paths import ROOT
from pipeline.workflow.executors import MEASURE, REDUCE, Workers, open_pool
from tests.reliability.cubes import tables_of, write_campaign, write_config
from tests.reliability.injuries import end_the_run, kill_the_run, spoil
from tests.reliability.slurm import N_NODES, Cluster, is_installed

pytestmark = pytest.mark.slurm
N_EXPOSURES = 6
N_CHAOS = int(os.environ.get("CHAOS_EXPOSURES", "30"))
CHAOS_SEED = int(os.environ.get("CHAOS_SEED", "1"))
LIMIT_S = 240
CONFIG = """
import sys
from pathlib import Path
from parsl.config import Config
from parsl.executors import HighThroughputExecutor
from parsl.providers import SlurmProvider

def executor(label, workers):
    return HighThroughputExecutor(
        label=label, address="127.0.0.1", max_workers_per_node=workers, cores_per_worker=1,
        provider=SlurmProvider(
            partition={partition!r}, exclusive=False, nodes_per_block=1, init_blocks=0, max_blocks=3,
            walltime={walltime!r}, worker_init={worker_init!r},
        ),
    )

config = Config(executors=[executor("measure", 2), executor("reduce", 1)], strategy_period=1)
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    if not is_installed():
        assert not os.environ.get("CI"), "install slurm-wlm and munge"
        pytest.skip("slurm-wlm and munge are not installed")
    running = Cluster(tmp_path_factory.mktemp("slurm"))
    try:
        running.start()
        yield running
    finally:
        running.stop()


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


def executor_file(folder, *, partition="normal", walltime="00:20:00", init=""):
    environment = f"export PATH='{ROOT / '.venv' / 'bin'}':$PATH PYTHONPATH='{ROOT}'"
    path = folder / f"slurm-{time.monotonic_ns()}.py"
    path.write_text(
        CONFIG.format(
            partition=partition, walltime=walltime, worker_init=f"{environment}\n{init}\n"
        )
    )
    return path


def command(folder, work):
    return [
        sys.executable, str(ROOT / "build_report.py"), "--source", "cubes",
        "--cubes", str(folder / "cubes"), "--config", str(folder / "report.toml"),
        "--work", str(work), "--until", "statistics",
    ]  # fmt: skip


def start(cluster, campaign, work, executor, cwd):
    """A run on the cluster in a process group of its own; its log lies beside the work folder."""
    cwd.mkdir(exist_ok=True)
    with (cwd / "run.log").open("a") as log:
        return subprocess.Popen(
            [*command(campaign[0], work), "--executor", str(executor)],
            env={**cluster.environment, "PYTHONPATH": str(ROOT)},
            cwd=cwd,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def wait_for(condition, what, limit_s=LIMIT_S):
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.3)


def parsl_processes(work):
    """Processes of Parsl that belong to a work folder."""
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    return [
        line
        for line in listed.stdout.splitlines()
        if ("parsl" in line or "pipeline.workflow.interchange" in line) and str(work) in line
    ]


def test_the_bytes_are_those_of_a_run_without_a_cluster_and_nothing_is_left(
    cluster, campaign, tmp_path
):
    work = tmp_path / "wo rk 'quoted' $(touch PWNED) {x} ü"
    run = start(cluster, campaign, work, executor_file(tmp_path), tmp_path / "cwd")
    assert run.wait(LIMIT_S) == 0, (tmp_path / "cwd" / "run.log").read_text()
    found = tables_of(work)
    assert found.keys() == campaign[1].keys()
    assert [name for name in found if found[name] != campaign[1][name]] == []
    assert [path.name for path in (tmp_path / "cwd").iterdir()] == ["run.log"]
    assert not list(work.rglob(".parsl*"))
    assert not list(work.rglob("PWNED"))
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
    path, seconds = path_and_seconds
    with Path(path).open("a") as file:
        file.write(f"{os.environ['SLURM_JOB_ID']}\n")
    time.sleep(seconds)
    return seconds


@pytest.mark.nightly
def test_a_job_whose_block_meets_its_walltime_is_run_again(cluster, tmp_path, monkeypatch):
    """Two jobs of 50 s in blocks of a minute: the second one of a block is cut, and done again."""
    for name, value in cluster.environment.items():
        monkeypatch.setenv(name, value)
    path = executor_file(tmp_path, walltime="00:01:00")
    path.write_text(path.read_text().replace("max_blocks=3", "max_blocks=1"))
    tasks = [(str(tmp_path / name), 50) for name in ("one", "two")]
    with open_pool(Workers(1, str(path)), tmp_path / "work" / ".parsl", REDUCE) as pool:
        answers = dict(pool.stream(slow_once, tasks, REDUCE))
    assert answers == dict.fromkeys(tasks, 50)
    tries = [len((tmp_path / name).read_text().splitlines()) for name in ("one", "two")]
    assert sorted(tries) == [1, 2]


def parsl_children(work, kind):
    """Managers and workers of blocks, or the interchange, that belong to a work folder."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or [])
        if kind in line and str(work) in line:
            found.append(process)
    return found


def kill_a_manager(_run, work, rng):
    with suppress(psutil.NoSuchProcess, IndexError):
        rng.choice(parsl_children(work, "process_worker_pool.py")).kill()
    return True


def kill_a_worker(_run, work, rng):
    with suppress(psutil.NoSuchProcess, IndexError):
        manager = rng.choice(parsl_children(work, "process_worker_pool.py"))
        rng.choice(manager.children(recursive=True)).kill()
    return True


def kill_the_interchange(run, _work, _rng):
    with suppress(psutil.NoSuchProcess):
        for child in psutil.Process(run.pid).children():
            if "pipeline.workflow.interchange" in " ".join(child.cmdline()):
                child.kill()
    return False


def cancel_a_block(cluster):
    def injury(_run, _work, _rng):
        cluster.cancel(*cluster.running()[:1])
        return True

    return injury


def drain_a_node(cluster):
    def injury(_run, _work, rng):
        cluster.update_node(f"node{rng.randint(1, N_NODES)}", "drain")
        return True

    return injury


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_chaos_on_a_cluster_loses_nothing_and_leaves_nothing(cluster, tmp_path):
    """Workers, managers, blocks, nodes, the interchange and the run killed, one after the other."""
    rng = random.Random(CHAOS_SEED)
    n_bad = spoil(write_campaign(tmp_path / "cubes", N_CHAOS), rng)
    write_config(tmp_path)
    limit_s = LIMIT_S + 20 * N_CHAOS
    expected = tmp_path / "expected"
    done = subprocess.run([*command(tmp_path, expected), "--jobs", "2"], check=False, cwd=tmp_path)
    assert done.returncode == 0
    work, cwd = tmp_path / "work", tmp_path / "cwd"
    injuries = (
        kill_a_worker, kill_a_manager, kill_the_interchange, cancel_a_block(cluster), kill_the_run,
        drain_a_node(cluster), end_the_run,
    )  # fmt: skip
    for injury in (*injuries, None):
        run = start(cluster, (tmp_path,), work, executor_file(tmp_path), cwd)
        try:
            if injury is not None:
                ended = lambda run=run: run.poll() is not None or cluster.running()  # noqa: E731
                wait_for(ended, "no block started")
                time.sleep(rng.uniform(2, 5 + N_CHAOS / 20))
            goes_on = injury(run, work, rng) if injury is not None else True
            status = run.wait(limit_s)
        finally:
            run.kill()
            for number in range(1, N_NODES + 1):
                cluster.update_node(f"node{number}", "resume")  # says no where it was not drained
        said = (cwd / "run.log").read_text()
        assert status == 0 or not goes_on, said
        assert "Traceback" not in said
        wait_for(lambda: not cluster.jobs(), "blocks are left", 65)
        wait_for(lambda: not parsl_processes(work), "processes are left", 15)
        (cwd / "run.log").unlink()
        if goes_on and injury is not None:  # it is done: the next has something to do again
            for path in rng.sample(sorted(work.rglob("measurement.fits")), N_CHAOS // 2):
                path.unlink()
    found, wanted = tables_of(work), tables_of(expected)
    assert found.keys() == wanted.keys()
    assert [name for name in found if found[name] != wanted[name]] == []
    assert sum(name.endswith("measurement.fits") for name in found) == N_CHAOS - n_bad

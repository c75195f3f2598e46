"""Chaos on a Slurm cluster: whatever is killed, cancelled, drained, full or moved, nothing is lost.

``CHAOS_EXPOSURES`` (default 30) and ``CHAOS_SEED`` make larger campaigns and other sequences.
"""

import os
import random
import subprocess
import time
from contextlib import suppress

import psutil
import pytest

from tests.reliability.cubes import summary_of, tables_of, write_campaign, write_config
from tests.reliability.injuries import (
    damage_a_product,
    end_the_run,
    fill_the_disk,
    kill_the_run,
    move_the_clock,
    small_disk,
    spoil,
)
from tests.reliability.slurm import N_NODES
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

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.slow,
    pytest.mark.timeout(7200),
]
N_EXPOSURES = int(os.environ.get("CHAOS_EXPOSURES", "30"))
SEED = int(os.environ.get("CHAOS_SEED", "1"))
BLOCKS_END_S = 65.0  # 60, and a look of Slurm at its jobs


def kill_a_manager(_run, work, rng):
    with suppress(psutil.NoSuchProcess, IndexError):
        rng.choice(parsl_children(work, MANAGER)).kill()
    return True


def kill_a_worker(_run, work, rng):
    with suppress(psutil.NoSuchProcess, IndexError):
        manager = rng.choice(parsl_children(work, MANAGER))
        rng.choice(manager.children(recursive=True)).kill()
    return True


def kill_the_interchange(run, _work, _rng):
    with suppress(psutil.NoSuchProcess):
        for child in psutil.Process(run.pid).children():
            if "pipeline.workflow.interchange" in " ".join(child.cmdline()):
                child.kill()
    return False


def cancel_a_block(cluster):
    def cancel(_run, _work, _rng):
        cluster.cancel(*cluster.running()[:1])
        return True

    return cancel


def drain_a_node(cluster):
    def drain(_run, _work, rng):
        cluster.update_node(f"node{rng.randint(1, N_NODES)}", "drain")
        return True

    return drain


def injuries(cluster):
    """What happens to one run after the other."""
    return (
        kill_a_worker, kill_a_manager, kill_the_interchange, cancel_a_block(cluster), kill_the_run,
        fill_the_disk, drain_a_node(cluster), move_the_clock, end_the_run, damage_a_product,
    )  # fmt: skip


def test_chaos_on_a_cluster_loses_nothing_and_leaves_nothing(cluster, tmp_path):
    """Ten injuries, one a run, and a last run; every measurement is that of an undisturbed one."""
    rng = random.Random(SEED)
    n_bad = spoil(write_campaign(tmp_path / "cubes", N_EXPOSURES), rng)
    write_config(tmp_path)
    expected = tmp_path / "expected"
    done = subprocess.run([*command(tmp_path, expected), "--jobs", "2"], check=False, cwd=tmp_path)
    assert done.returncode == 0
    with small_disk(tmp_path / "disk", N_EXPOSURES) as disk:
        work = disk / "work"
        for injury in injuries(cluster):
            injured_run(cluster, tmp_path, work, injury, rng)
            leave_something_to_do(work, rng)
        run = start(cluster, (tmp_path,), work, executor_file(tmp_path), tmp_path / "cwd")
        assert run.wait(LIMIT_S + 20 * N_EXPOSURES) == 0, said_in(tmp_path)
        assert_as_expected(work, expected, N_EXPOSURES - n_bad)
    wait_for(lambda: not cluster.jobs(), "blocks are left", BLOCKS_END_S)


def injured_run(cluster, folder, work, injury, rng):
    """A run that something happens to; nothing of it is left."""
    started = time.monotonic()
    run = start(cluster, (folder,), work, executor_file(folder), folder / "cwd")
    try:
        wait_for(lambda: run.poll() is not None or cluster.running(), "no block started")
        time.sleep(rng.uniform(2, 5 + N_EXPOSURES / 20))
        goes_on = injury(run, work, rng)
        status = run.wait(LIMIT_S + 20 * N_EXPOSURES)
    finally:
        run.kill()
        for number in range(1, N_NODES + 1):
            cluster.update_node(f"node{number}", "resume")  # says no where it was not drained
    ended = time.monotonic()
    said = said_in(folder)
    assert status == 0 or not goes_on, said
    assert "Traceback" not in said
    if injury is fill_the_disk:
        assert status == 0 or "free space" in said, said
    wait_for(lambda: not cluster.jobs(), "blocks are left", BLOCKS_END_S)
    gone_s = time.monotonic() - ended
    wait_for(lambda: not parsl_processes(work), "processes are left", 15)
    name = injury.__name__.replace("_", " ")
    print(
        f"{name}: status {status} after {ended - started:.0f} s, blocks gone {gone_s:.0f} s later"
    )


def said_in(folder):
    return (folder / "cwd" / "run.log").read_text()


def leave_something_to_do(work, rng):
    """A third of the measurements removed: the next run has work to be disturbed in."""
    (work.parents[1] / "cwd" / "run.log").unlink()
    found = sorted(work.rglob("measurement.fits"))
    for path in rng.sample(found, min(len(found), N_EXPOSURES // 3)):
        path.unlink()


def assert_as_expected(work, expected, n_good):
    """Byte by byte, with every good exposure, and nothing half-written."""
    found, wanted = tables_of(work), tables_of(expected)
    assert found.keys() == wanted.keys()
    assert [name for name in found if found[name] != wanted[name]] == []
    assert sum(name.endswith("measurement.fits") for name in found) == n_good
    assert summary_of(work) == summary_of(expected)
    assert not list(work.rglob("*.part"))

"""Runs, workers and jobs killed at random, products damaged, clocks moved: nothing is lost.

``CHAOS_EXPOSURES`` (default 30) and ``CHAOS_SEED`` make larger campaigns and other sequences.
"""

import os
import random
import signal
import subprocess
import sys
import time

import psutil
import pytest

from pipeline.config.paths import ROOT
from tests.reliability.cubes import summary_of, tables_of, write_campaign, write_config

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
N_EXPOSURES = int(os.environ.get("CHAOS_EXPOSURES", "30"))
SEED = int(os.environ.get("CHAOS_SEED", "1"))
BAD_SHARE = 0.05
N_ROUNDS = 8
LIMIT_S = 1200


def command(folder, work, jobs):
    return [
        sys.executable, str(ROOT / "build_report.py"), "--source", "cubes", "--jobs", str(jobs),
        "--cubes", str(folder / "cubes"), "--config", str(folder / "report.toml"),
        "--work", str(work), "--until", "statistics",
    ]  # fmt: skip


def spoil(paths, rng):
    """Cut or blank a few cubes; returns how many."""
    chosen = rng.sample(paths, max(1, round(BAD_SHARE * len(paths))))
    for path in chosen:
        size = path.stat().st_size
        if rng.random() < 0.5:
            os.truncate(path, size // 2)
        else:
            content = bytearray(path.read_bytes())
            content[len(content) // 20 :] = b"\x7f\xc0\x00\x00" * ((size - size // 20) // 4)
            path.write_bytes(content)
    return len(chosen)


def kill_the_run(run, _work, _rng):
    run.kill()


def end_the_run(run, _work, rng):
    run.send_signal(rng.choice((signal.SIGTERM, signal.SIGINT, signal.SIGHUP)))


def kill_a_process_of_it(run, _work, rng):
    try:
        found = psutil.Process(run.pid).children(recursive=True)
        rng.choice(found).kill()
    except (psutil.NoSuchProcess, IndexError):
        pass  # it was faster


def damage_a_product(run, work, rng):
    run.kill()
    run.wait()
    found = sorted(work.rglob("*.fits")) + sorted(work.rglob("*.stamp.json"))
    if found:
        path = rng.choice(found)
        path.write_bytes(path.read_bytes()[: rng.randrange(1, 5000)])


def move_the_clock(run, work, rng):
    run.kill()
    run.wait()
    for path in work.rglob("*"):
        if path.is_file():
            moved = time.time() + 86400 * rng.choice((400, -4000))
            os.utime(path, (moved, moved))


INJURIES = (kill_the_run, end_the_run, kill_a_process_of_it, damage_a_product, move_the_clock)


def test_what_is_left_after_the_last_run_is_what_an_undisturbed_run_makes(tmp_path):
    rng = random.Random(SEED)
    n_bad = spoil(write_campaign(tmp_path / "cubes", N_EXPOSURES), rng)
    write_config(tmp_path)
    work, undisturbed = tmp_path / "work", tmp_path / "undisturbed"
    done = subprocess.run(command(tmp_path, undisturbed, 2), check=False, timeout=LIMIT_S)
    assert done.returncode == 0
    for number in range(N_ROUNDS):
        with (tmp_path / "log").open("a") as log:
            run = subprocess.Popen(command(tmp_path, work, 2), stderr=log, start_new_session=True)
        time.sleep(rng.uniform(3, 12))
        found = psutil.Process(run.pid).children(recursive=True) if run.poll() is None else []
        INJURIES[number % len(INJURIES)](run, work, rng)
        if INJURIES[number % len(INJURIES)] is not kill_a_process_of_it:
            run.wait(LIMIT_S)
            assert psutil.wait_procs(found, 15)[1] == []
        else:
            assert run.wait(LIMIT_S) == 0, (tmp_path / "log").read_text()
    done = subprocess.run(command(tmp_path, work, 2), check=False, timeout=LIMIT_S)
    assert done.returncode == 0
    found, expected = tables_of(work), tables_of(undisturbed)
    assert found.keys() == expected.keys()
    assert [name for name in found if found[name] != expected[name]] == []
    assert sum(name.endswith("measurement.fits") for name in found) == N_EXPOSURES - n_bad
    assert summary_of(work) == summary_of(undisturbed)
    assert not list(work.rglob("*.part"))

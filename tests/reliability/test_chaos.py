"""Runs, workers and jobs killed at random, products damaged, clocks moved: nothing is lost.

``CHAOS_EXPOSURES`` (default 30) and ``CHAOS_SEED`` make larger campaigns and other sequences.
"""

import os
import random
import subprocess
import sys
import time

import psutil
import pytest

from pipeline.config.paths import ROOT
from tests.reliability.cubes import summary_of, tables_of, write_campaign, write_config
from tests.reliability.injuries import (
    damage_a_product,
    end_the_run,
    fill_the_disk,
    kill_a_process_of_it,
    kill_the_run,
    move_the_clock,
    small_disk,
    spoil,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200)]
N_EXPOSURES = int(os.environ.get("CHAOS_EXPOSURES", "30"))
SEED = int(os.environ.get("CHAOS_SEED", "1"))
N_ROUNDS = 12
AFTER_S = (1, 3 + N_EXPOSURES / 10)  # until something happens: early and late
LIMIT_S = 1200 + 10 * N_EXPOSURES


def command(folder, work, jobs):
    return [
        sys.executable, str(ROOT / "build_report.py"), "--source", "cubes", "--jobs", str(jobs),
        "--cubes", str(folder / "cubes"), "--config", str(folder / "report.toml"),
        "--work", str(work), "--until", "statistics",
    ]  # fmt: skip


INJURIES = (
    kill_the_run,
    end_the_run,
    kill_a_process_of_it,
    damage_a_product,
    fill_the_disk,
    move_the_clock,
)


def test_what_is_left_after_the_last_run_is_what_an_undisturbed_run_makes(tmp_path):
    rng = random.Random(SEED)
    n_bad = spoil(write_campaign(tmp_path / "cubes", N_EXPOSURES), rng)
    write_config(tmp_path)
    undisturbed = tmp_path / "undisturbed"
    done = subprocess.run(command(tmp_path, undisturbed, 2), check=False, timeout=LIMIT_S)
    assert done.returncode == 0
    with small_disk(tmp_path / "disk", N_EXPOSURES) as disk:
        work = disk / "work"
        for number in range(N_ROUNDS):
            injured_run(tmp_path, work, INJURIES[number % len(INJURIES)], rng)
        done = subprocess.run(command(tmp_path, work, 2), check=False, timeout=LIMIT_S)
        assert done.returncode == 0
        assert_as_undisturbed(work, undisturbed, N_EXPOSURES - n_bad)


def injured_run(folder, work, injury, rng):
    """A run that something happens to; nothing of it is left."""
    log_path = folder / "log"
    with log_path.open("w") as log:
        run = subprocess.Popen(command(folder, work, 2), stderr=log, start_new_session=True)
    time.sleep(rng.uniform(*AFTER_S))
    found = psutil.Process(run.pid).children(recursive=True) if run.poll() is None else []
    goes_on = injury(run, work, rng)
    status = run.wait(LIMIT_S)
    said = log_path.read_text()
    assert status == 0 or not goes_on, said
    assert "Traceback" not in said
    assert psutil.wait_procs(found, 15)[1] == []
    if injury is fill_the_disk:
        assert status == 0 or "free space" in said, said


def assert_as_undisturbed(work, undisturbed, n_good):
    """Byte by byte, with every good exposure, and nothing half-written."""
    found, expected = tables_of(work), tables_of(undisturbed)
    assert found.keys() == expected.keys()
    assert [name for name in found if found[name] != expected[name]] == []
    assert sum(name.endswith("measurement.fits") for name in found) == n_good
    assert summary_of(work) == summary_of(undisturbed)
    assert not list(work.rglob("*.part"))

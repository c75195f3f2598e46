"""A run that is interrupted or killed loses nothing: the same command goes on and ends the same."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.config.paths import ROOT
from pipeline.workflow.products import exclusive

pytestmark = pytest.mark.slow

DEADLINE_S = 120


@dataclass(frozen=True)
class Run:
    """A run of the build script in a process group of its own."""

    process: subprocess.Popen
    log: Path

    @property
    def said(self):
        return self.log.read_text(encoding="utf-8")

    def status(self):
        return self.process.wait(DEADLINE_S)


def accept_interrupts():
    """A shell's background job inherits an ignored Ctrl-C; these runs must hear it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start(cube_folder, work, config, jobs):
    log = work.parent / f"{work.name}-{time.monotonic_ns()}.log"
    with log.open("w") as file:
        process = subprocess.Popen(
            [
                sys.executable, str(ROOT / "build_report.py"), "--source", "cubes",
                "--cubes", str(cube_folder), "--config", str(config), "--work", str(work),
                "--jobs", str(jobs), "--until", "statistics",
            ],
            cwd=ROOT,
            stderr=file,
            start_new_session=True,
            preexec_fn=accept_interrupts,
        )  # fmt: skip
    return Run(process, log)


def products_of(work):
    return {
        path.relative_to(work).as_posix(): path.read_bytes()
        for path in sorted(work.rglob("*"))
        if path.suffix in (".fits", ".ecsv") and not path.name.startswith(".")
    }


def wait_for(condition, run):
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert run.process.poll() is None, run.said
        assert time.monotonic() < deadline, "the run did not get that far"
        time.sleep(0.01)


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    path = tmp_path_factory.mktemp("config") / "report.toml"
    registry = ROOT / "pipeline" / "published" / "data" / "reference_positions.ecsv"
    path.write_text(f'[field]\nstar_registry = "{registry}"\n')
    return path


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, cube_files, config):
    """What an undisturbed run makes."""
    work = tmp_path_factory.mktemp("undisturbed")
    run = start(cube_files[0].parent, work, config, 1)
    assert run.status() == 0, run.said
    return products_of(work)


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_the_same_command_goes_on_and_ends_the_same(
    tmp_path, cube_folder, config, undisturbed, jobs, number
):
    work = tmp_path / "work"
    run = start(cube_folder, work, config, jobs)
    wait_for(lambda: list(work.rglob("detection.fits.stamp.json")), run)
    os.killpg(run.process.pid, number)  # Ctrl-C reaches the whole group, as in a terminal
    assert run.status() == (130 if number == signal.SIGINT else -signal.SIGKILL)
    if number == signal.SIGINT:
        assert "the same command continues from here" in run.said
    half_done = products_of(work)
    assert all(half_done[name] == undisturbed[name] for name in half_done)
    again = start(cube_folder, work, config, jobs)
    assert again.status() == 0, again.said
    ended = products_of(work)
    assert ended.keys() == undisturbed.keys()
    assert [name for name in ended if ended[name] != undisturbed[name]] == []
    assert not list(work.rglob(".*.part"))


def test_two_runs_do_not_share_a_work_folder(tmp_path, cube_folder, config):
    with exclusive(tmp_path / "work"):
        run = start(cube_folder, tmp_path / "work", config, 1)
        assert run.status() == 2
    assert "in use by another run" in run.said


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--source", "archive"], "fetch them with `python -m pipeline retrieve`"),
        (["--raw", "x"], "only read with --source archive"),
        (["--source", "cubes"], "needs --cubes DIR"),
        (["--cubes", "x"], "only read with --source cubes"),
        (["--config", "nowhere.toml"], "nowhere.toml: cannot be read"),
        (["--jobs", "0"], "0 is not in the range"),
        (["--until", "lunch"], "is not one of"),
    ],
)
def test_a_request_that_cannot_be_carried_out_ends_with_status_2_and_no_traceback(
    tmp_path, options, message
):
    done = subprocess.run(
        [sys.executable, str(ROOT / "build_report.py"), "--work", str(tmp_path / "work"), *options],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_passband_that_does_not_exist_is_named_with_the_known_ones(tmp_path, cube_folder):
    config = tmp_path / "report.toml"
    config.write_text('[photometry]\nbands = ["I_Bessell"]\n[statistics]\nband = "I_Bessell"\n')
    run = start(cube_folder, tmp_path / "work", config, 1)
    assert run.status() == 2
    assert "I_Bessell" in run.said
    assert "I_Bessel" in run.said.replace("I_Bessell", "")


def test_a_folder_that_cannot_be_written_is_named(tmp_path, cube_folder, config):
    (tmp_path / "work").write_text("a file, not a folder")
    run = start(cube_folder, tmp_path / "work", config, 1)
    assert run.status() == 2
    assert "is not a folder" in run.said

"""A block's script ends when the run's heartbeat stands still, and not before."""

import subprocess
import time

import pytest

from pipeline.workflow import heartbeat as module
from pipeline.workflow.heartbeat import heartbeat, watch_script


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(module, "INTERVAL_S", 0.2)
    monkeypatch.setattr(module, "LOST_AFTER", 15)


def block(file):
    """A script that would work for a minute."""
    script = watch_script(str(file)) + "sleep 60\n"
    return subprocess.Popen(["bash", "-c", script], start_new_session=True)


def test_a_script_goes_on_as_long_as_the_run_does_and_ends_soon_after(tmp_path):
    file = tmp_path / "alive"
    with heartbeat(file):
        script = block(file)
        time.sleep(6)
        assert script.poll() is None
    started = time.monotonic()
    assert script.wait(30) < 0
    assert time.monotonic() - started > 0.2


def test_a_script_whose_run_has_removed_its_folder_ends(tmp_path):
    assert block(tmp_path / "nowhere").wait(30) < 0


def test_the_loop_ends_with_its_script(tmp_path):
    file = tmp_path / "alive"
    with heartbeat(file):
        script = subprocess.Popen(
            ["bash", "-c", watch_script(str(file)) + "sleep 1; echo done"],
            stdout=subprocess.PIPE, start_new_session=True, text=True,
        )  # fmt: skip
        assert script.communicate(timeout=30)[0] == "done\n"
        time.sleep(2)
        listed = subprocess.run(["pgrep", "-g", str(script.pid)], capture_output=True, check=False)
        assert listed.stdout == b""


def test_what_a_script_left_running_ends_after_it(tmp_path):
    """A manager that is killed leaves a process of its own, whose parent is then no part of the block."""
    file = tmp_path / "alive"
    with heartbeat(file):
        script = subprocess.Popen(
            ["bash", "-c", watch_script(str(file)) + "(sleep 60 >/dev/null 2>&1 &); sleep 0.5"],
            start_new_session=True,
        )
        assert script.wait(30) == 0
        deadline = time.monotonic() + 10
        while (
            subprocess.run(
                ["pgrep", "-g", str(script.pid)], check=False, stdout=subprocess.DEVNULL
            ).returncode
            == 0
        ):
            assert time.monotonic() < deadline
            time.sleep(0.1)

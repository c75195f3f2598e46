"""Children of a run: signals, and that they end when it does."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from pipeline.workflow import processes
from pipeline.workflow.processes import die_with_parent, ended_in_order, fork


def test_a_fork_returns_its_id_here_and_zero_there():
    child = fork()
    if child == 0:
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_a_child_ignores_the_keyboard_and_ends_by_sigterm():
    child = fork()
    if child == 0:
        ignored = (
            signal.getsignal(signal.SIGINT) == signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
        )
        plain = signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
        os._exit(0 if ignored and plain and not signal.pthread_sigmask(0, []) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, [])


@pytest.mark.parametrize(("shift", "status"), [(0, 5), (1, 1)])
def test_a_child_whose_parent_has_ended_before_it_was_told_ends(shift, status):
    parent = os.getpid()
    child = fork()
    if child == 0:
        die_with_parent(parent + shift)
        os._exit(5)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == status


def test_without_a_parent_to_compare_with_a_child_goes_on():
    child = fork()
    if child == 0:
        die_with_parent()
        os._exit(5)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5


ORPHAN = """
    import os, sys, time
    from pathlib import Path
    from pipeline.workflow import processes
    {change}
    processes._WATCH_INTERVAL_S = 0.05
    child = processes.fork()
    if child == 0:
        processes.{call}
        print(os.getpid(), flush=True)
        time.sleep(60)
        os._exit(0)
    sys.stdin.read()
    os._exit(0)
"""


@pytest.mark.parametrize(
    ("change", "call"),
    [("", "die_with_parent()"), ("processes._LIBC = None", "watch_parent()")],
)
def test_a_child_is_killed_when_its_parent_ends(change, call):
    code = textwrap.dedent(ORPHAN.format(change=change, call=call))
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as run:
        child = int(run.stdout.readline())
        os.kill(child, 0)
        time.sleep(0.2)
        os.kill(child, 0)  # it lives as long as its parent
        run.stdin.close()
        deadline = time.monotonic() + 20
        while _alive(child):
            assert time.monotonic() < deadline
            time.sleep(0.02)


def _alive(pid):
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] != "Z"


def test_sigterm_ends_a_run_as_the_keyboard_does_and_handlers_are_put_back():
    before = signal.getsignal(signal.SIGTERM)

    def ended():
        with ended_in_order():
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)

    with pytest.raises(KeyboardInterrupt):
        ended()
    assert signal.getsignal(signal.SIGTERM) == before
    processes.forget_interrupt()


def test_a_hangup_that_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ended_in_order():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            assert signal.getsignal(signal.SIGTERM) is not before
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)

"""Everything that a run starts ends with it, however it ends."""

import fcntl
import os
import pty
import signal
import subprocess
import sys
import termios
import textwrap
import time

import psutil
import pytest

from pipeline.config.paths import ROOT
from pipeline.errors import WorkspaceError
from pipeline.workflow.products import locked
from tests.reliability.cubes import write_config

LIMIT_S = 15.0
SCRIPT = textwrap.dedent(
    """
    import sys, time
    from pathlib import Path
    from pipeline.workflow.executors import Workers, open_pool
    from pipeline.workflow.supervise import Limits, supervise

    def job(_):
        return supervise(lambda _: time.sleep(1000), None, Limits(1000.0, 1 << 34))

    with open_pool(Workers(int(sys.argv[1])), Path(sys.argv[2])) as pool:
        for _ in pool.stream(job, [1, 2, 3]):
            pass
    """
)


def start(tmp_path, jobs):
    with (tmp_path / "said").open("w") as said:
        return _start(tmp_path, jobs, said)


def _start(tmp_path, jobs, said):
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(jobs), str(tmp_path / "parsl")],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        start_new_session=True,
        stderr=said,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def descendants(process, n_expected):
    """Workers and their jobs, once all are there."""
    deadline = time.monotonic() + 60
    while True:
        found = psutil.Process(process.pid).children(recursive=True)
        if len(found) >= n_expected:
            return found
        assert time.monotonic() < deadline, f"only {len(found)} processes"
        time.sleep(0.05)


@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL], ids=lambda n: n.name
)
@pytest.mark.parametrize(("jobs", "n_processes"), [(1, 1), (2, 4)])
def test_workers_and_their_jobs_end_with_the_run(tmp_path, jobs, n_processes, number):
    run = start(tmp_path, jobs)
    found = descendants(run, n_processes)
    os.kill(run.pid, number)  # the run alone: a job on another terminal would hear nothing
    run.wait(LIMIT_S)
    _, alive = psutil.wait_procs(found, LIMIT_S)
    assert alive == []
    assert not (tmp_path / "parsl").exists()


def test_a_worker_that_is_killed_takes_its_job_with_it(tmp_path):
    run = start(tmp_path, 2)
    try:
        descendants(run, 4)
        workers = [one for one in psutil.Process(run.pid).children() if one.children()]
        (job,) = workers[0].children()
        workers[0].kill()
        assert psutil.wait_procs([job], LIMIT_S)[1] == []
    finally:
        run.kill()
        run.wait()


READY = "import runpy, sys; print('ready', flush=True); sys.argv = sys.argv[1:]; "
READY += "runpy.run_path(sys.argv[0], run_name='__main__')"


@pytest.mark.slow
@pytest.mark.parametrize("delay_s", [0.05, 0.3, 0.8, 1.5, 3.0])
def test_ctrl_c_in_the_first_seconds_ends_the_run_in_words(tmp_path, cubes, delay_s):
    config = write_config(tmp_path)
    run = subprocess.Popen(
        [
            sys.executable, "-c", READY, str(ROOT / "build_report.py"), "--source", "cubes",
            "--cubes", str(cubes), "--config", str(config), "--work", str(tmp_path / "work"),
            "--site", str(tmp_path / "site"), "--jobs", "2",
        ],
        cwd=tmp_path, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL), text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert run.stdout.readline() == "ready\n"
    time.sleep(delay_s)
    os.killpg(run.pid, signal.SIGINT)  # as a terminal does
    _, said = run.communicate(timeout=60)
    assert run.returncode in (130, -signal.SIGINT), said
    assert "Traceback" not in said


def begin_on_a_terminal(tmp_path, cubes):
    """A build on a terminal of its own: the run, and the other end of the terminal."""
    master, terminal = pty.openpty()

    def take_the_terminal():
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    run = subprocess.Popen(
        [
            sys.executable, str(ROOT / "build_report.py"), "--source", "cubes", "--cubes", str(cubes),
            "--config", str(write_config(tmp_path)), "--work", str(tmp_path / "work"),
            "--site", str(tmp_path / "site"), "--jobs", "2",
        ],
        cwd=tmp_path, start_new_session=True, stdin=terminal, stdout=terminal, stderr=terminal,
        preexec_fn=take_the_terminal, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    os.close(terminal)
    return run, master


def is_free(work):
    """Whether another run may hold the work folder and its campaign."""
    try:
        for folder in (work, *(path.parent for path in work.glob("*/.lock"))):
            with locked(folder):
                pass
    except WorkspaceError:
        return False
    return True


@pytest.mark.slow
@pytest.mark.parametrize("how", ["closed terminal", "SIGKILL", "SIGTERM", "Ctrl-C on the terminal"])
def test_neither_process_nor_lock_is_left_of_a_run_on_a_terminal(tmp_path, cubes, how):
    run, master = begin_on_a_terminal(tmp_path, cubes)
    found = descendants(run, 3)  # two workers, and a job at least
    assert not is_free(tmp_path / "work")
    match how:
        case "closed terminal":
            os.close(master)
        case "Ctrl-C on the terminal":
            os.write(master, b"\x03")
        case _:
            os.kill(run.pid, getattr(signal, how))
    deadline = time.monotonic() + LIMIT_S
    try:
        run.wait(LIMIT_S)
        assert psutil.wait_procs(found, deadline - time.monotonic())[1] == []
        assert is_free(tmp_path / "work")
        assert time.monotonic() < deadline
    finally:
        run.kill()
        run.wait()
        if how != "closed terminal":
            os.close(master)


LOST = """
import os, signal, weakref
from pipeline.workflow.interrupt import interrupt, raise_if_interrupted
from pipeline.workflow.processes import fork
signal.signal(signal.SIGINT, interrupt)
ctrl_c = lambda *_: os.kill(os.getpid(), signal.SIGINT)
"""
IN_A_CALLBACK = """
class Thing: pass
thing = Thing()
watched = weakref.ref(thing, ctrl_c)
raise_if_interrupted()  # nothing happened yet
del thing
print("lost", flush=True)
raise_if_interrupted()
"""
AT_A_FORK = """
os.register_at_fork(before=ctrl_c)
try:
    fork()
except KeyboardInterrupt:
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        print("no child", flush=True)
    raise
"""


@pytest.mark.parametrize(
    ("script", "printed"), [(IN_A_CALLBACK, "lost\n"), (AT_A_FORK, "no child\n")]
)
def test_ctrl_c_is_not_lost_where_python_drops_what_is_raised(script, printed):
    run = subprocess.run(
        [sys.executable, "-c", LOST + script],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert run.stdout == printed, run.stderr
    assert run.returncode == -signal.SIGINT, run.stderr

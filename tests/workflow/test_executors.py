"""Jobs come back whatever happens to their workers."""

import os
import signal
import time
from pathlib import Path

import pytest

from pipeline.errors import ConfigError
from pipeline.workflow.executors import LOST_WORKER, Workers, open_pool


def double(number):
    return 2 * number


def fail_on_three(number):
    if number == 3:
        raise ValueError("three")
    return number


def die_once(path):
    marker = Path(path)
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "survived"


def own_pid(_):
    return os.getpid()


def unsendable(_):
    return lambda: None


def die_always(_):
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("jobs", [1, 2])
def test_every_task_yields_its_result_or_its_exception(tmp_path, jobs):
    with open_pool(Workers(jobs), tmp_path / "parsl") as pool:
        assert dict(pool.stream(double, list(range(20)))) == {n: 2 * n for n in range(20)}
        outcomes = dict(pool.stream(fail_on_three, [1, 3, 5]))
    assert (outcomes[1], outcomes[5]) == (1, 5)
    assert isinstance(outcomes[3], ValueError)
    assert not (tmp_path / "parsl").exists()


def test_a_killed_worker_costs_one_retry_and_a_deadly_job_only_itself(tmp_path):
    with open_pool(Workers(2), tmp_path / "parsl") as pool:
        assert dict(pool.stream(die_once, [str(tmp_path / "marker")])) == {
            str(tmp_path / "marker"): "survived"
        }
        ((_, error),) = pool.stream(die_always, [1])
        assert isinstance(error, LOST_WORKER)
        assert dict(pool.stream(double, [1, 2])) == {1: 2, 2: 4}


def test_a_job_in_this_process_runs_in_this_process(tmp_path):
    with open_pool(Workers(1), tmp_path / "parsl") as pool:
        ((_, pid),) = pool.stream(own_pid, [0])
    assert pid == os.getpid()


CONFIG = """
from parsl.config import Config
from parsl.executors import ThreadPoolExecutor
config = Config(executors=[ThreadPoolExecutor(label={label!r})], run_dir={run_dir!r},
                initialize_logging=False, usage_tracking=0)
"""


def test_a_configuration_file_brings_its_own_executors(tmp_path):
    path = tmp_path / "site.py"
    path.write_text(CONFIG.format(label="measure", run_dir=str(tmp_path / "run")))
    with open_pool(Workers(1, str(path)), tmp_path / "parsl") as pool:
        assert dict(pool.stream(double, [4])) == {4: 8}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("config = 3", "defines no `config`"),
        (CONFIG.format(label="other", run_dir="x"), "no executor labelled 'measure'"),
    ],
)
def test_a_configuration_without_the_executors_is_refused(tmp_path, text, message):
    path = tmp_path / "site.py"
    path.write_text(text)
    with (
        pytest.raises(ConfigError, match=message),
        open_pool(Workers(1, str(path)), tmp_path / "parsl"),
    ):
        pass


def test_a_missing_configuration_is_named(tmp_path):
    with (
        pytest.raises(ConfigError, match=r"nowhere\.py: cannot be read"),
        open_pool(Workers(1, str(tmp_path / "nowhere.py")), tmp_path / "parsl"),
    ):
        pass


def test_only_a_few_jobs_are_submitted_ahead_so_an_interrupt_loses_little(tmp_path):
    started = []

    def slow(number):
        started.append(number)
        time.sleep(0.01)

    with open_pool(Workers(1), tmp_path / "parsl") as pool:
        stream = pool.stream(slow, list(range(100)))
        next(stream)
        stream.close()
    assert started == [0]


def interrupt_after_the_first_result(run_dir, number):
    """Ids of the workers that had answered when the signal came."""
    with open_pool(Workers(2), run_dir) as pool:
        for _, pid in pool.stream(own_pid, [1, 2]):
            print(pid)
            os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_ends_the_run_ends_its_workers_first(tmp_path, number, capsys):
    with pytest.raises(KeyboardInterrupt):
        interrupt_after_the_first_result(tmp_path / "parsl", number)
    assert not Path(f"/proc/{int(capsys.readouterr().out)}").exists()
    assert signal.getsignal(number) is signal.SIG_DFL


def test_a_worker_that_was_killed_while_idle_is_replaced(tmp_path):
    with open_pool(Workers(2), tmp_path / "parsl") as pool:
        ((_, pid),) = pool.stream(own_pid, [0])
        os.kill(pid, signal.SIGKILL)
        assert dict(pool.stream(double, [1, 2, 3])) == {1: 2, 2: 4, 3: 6}


def test_a_result_that_cannot_be_sent_is_an_error_of_its_task(tmp_path):
    with open_pool(Workers(2), tmp_path / "parsl") as pool:
        ((_, error),) = pool.stream(unsendable, [0])
    assert isinstance(error, Exception)


def deadly(path):
    with path.open("a") as file:
        file.write("tried\n")
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_job_that_kills_its_worker_is_tried_twice(tmp_path):
    with open_pool(Workers(2), tmp_path / "parsl") as pool:
        ((_, error),) = pool.stream(deadly, [tmp_path / "tries"])
    assert isinstance(error, LOST_WORKER)
    assert (tmp_path / "tries").read_text() == "tried\n" * 2

"""What is set, watched and ended on a cluster, without one: the parts that decide."""

import contextlib
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from parsl.config import Config
from parsl.executors import HighThroughputExecutor
from parsl.executors.high_throughput.errors import ManagerLost, WorkerLost
from parsl.jobs.error_handlers import noop_error_handler
from parsl.jobs.states import JobState, JobStatus
from parsl.providers import LocalProvider

from pipeline.errors import ExecutorFailed, WorkspaceError
from pipeline.workflow import cluster


class Blocks:
    """An executor whose blocks have these states; ``spoken`` had workers."""

    label = "measure"

    def __init__(self, states, spoken=()):
        self.status_facade = {
            str(number): JobStatus(state, message=f"said {number}")
            for number, state in enumerate(states)
        }
        self._spoken = [str(one) for one in spoken]

    def connected_blocks(self):
        return self._spoken


FAILED, RUNNING = JobState.FAILED, JobState.RUNNING


@pytest.mark.parametrize(
    ("states", "spoken"),
    [
        ([], ()),
        ([FAILED], ()),
        ([FAILED, RUNNING], ()),
        ([FAILED, FAILED, RUNNING], (2,)),  # one is at work
        ([FAILED, FAILED], (1,)),  # it had worked before it ended
        ([FAILED, FAILED], (0,)),
        ([FAILED, FAILED, FAILED], (1,)),
    ],
)
def test_a_run_goes_on_while_blocks_work_or_have_worked(states, spoken):
    cluster._check_blocks(Blocks(states, spoken))


@pytest.mark.parametrize(
    ("states", "spoken"),
    [
        ([FAILED, FAILED], ()),
        ([FAILED, FAILED, RUNNING], ()),  # asked for, and not yet there
        ([FAILED, FAILED, FAILED], (0,)),  # the last two have not
        ([JobState.COMPLETED, JobState.MISSING], ()),
        ([JobState.TIMEOUT, FAILED], ()),
    ],
)
def test_two_blocks_in_turn_that_never_started_a_worker_end_the_run(states, spoken):
    with pytest.raises(ExecutorFailed, match="2 blocks ended without starting a worker"):
        cluster._check_blocks(Blocks(states, spoken))


def test_blocks_are_in_the_order_of_their_numbers():
    states = [RUNNING] * 9 + [FAILED, FAILED]
    with pytest.raises(ExecutorFailed, match="The last said: said 10"):
        cluster._check_blocks(Blocks(states))


def test_what_a_block_said_last_is_in_the_message():
    said = [JobStatus(FAILED, message="first"), JobStatus(FAILED, message="")]
    assert cluster._what_blocks_said(Blocks([]), said).endswith("The last said: first")
    assert cluster._what_blocks_said(Blocks([]), said[1:]).endswith("The last said: nothing")


def executor(label="measure", **options):
    return HighThroughputExecutor(
        label=label, address="127.0.0.1", provider=LocalProvider(**options)
    )


def pool_of(*executors):
    return cluster.ClusterPool(SimpleNamespace(executors={one.label: one for one in executors}))


def ended():
    process = subprocess.Popen([sys.executable, "-S", "-c", "raise SystemExit(3)"])
    process.wait()
    return process


def test_an_interchange_that_has_ended_is_named_with_its_status():
    gone = executor()
    gone.interchange_proc = ended()
    with pytest.raises(
        ExecutorFailed, match=r"'measure': Parsl's interchange has ended \(status 3\)"
    ):
        pool_of(gone).check("reduce")


def test_only_blocks_of_the_shape_that_runs_are_looked_at(monkeypatch):
    looked = []
    monkeypatch.setattr(cluster, "_check_blocks", looked.append)
    one, other = executor("measure"), executor("reduce")
    running = SimpleNamespace(poll=lambda: None, returncode=None)
    one.interchange_proc, other.interchange_proc = running, None
    pool_of(one, other).check("reduce")
    assert looked == [other]


def test_what_is_ours_is_set_whatever_the_configuration_says(tmp_path):
    one = executor(worker_init="module load muse\n")
    config = Config(executors=[one], retries=0, strategy_period=60, usage_tracking=3)
    cluster._prepare(config, str(tmp_path))
    assert (config.run_dir, config.retries, config.strategy_period) == (str(tmp_path), 1, 3)
    assert (config.initialize_logging, config.usage_tracking) == (False, 0)
    assert config.retry_handler is cluster._retry_cost
    assert (one.heartbeat_period, one.heartbeat_threshold) == (5, 30)
    assert one.block_error_handler is noop_error_handler
    assert one.provider.worker_init.endswith("module load muse\n")
    assert f"cat {tmp_path}/alive" in one.provider.worker_init
    program, option, text = one.interchange_launch_cmd
    assert (program, option) == (sys.executable, "-c")
    assert repr(str(Path(cluster.__file__).parents[2])) in text


def test_blocks_start_by_a_module_and_other_commands_stay(tmp_path):
    """The first line of a script cannot name an environment with a blank in its path."""
    one, own = executor(), executor("reduce")
    own.launch_cmd = "srun process_worker_pool.py --block_id={block_id}"
    rest = one.launch_cmd.removeprefix("process_worker_pool.py ")
    cluster._prepare(Config(executors=[one, own]), str(tmp_path))
    words = one.launch_cmd.split()
    assert words[:3] == ["python3", "-P", "-m"]
    assert one.launch_cmd.endswith(f" {rest}")
    done = subprocess.run([sys.executable, *words[1:4], "--help"], capture_output=True, text=True)
    assert "--block_id" in done.stdout
    assert own.launch_cmd == "srun process_worker_pool.py --block_id={block_id}"


def test_more_tries_and_shorter_periods_of_the_configuration_stay(tmp_path):
    one = executor()
    one.heartbeat_period, one.heartbeat_threshold = 2, 10
    config = Config(executors=[one], retries=4, strategy_period=1)
    cluster._prepare(config, str(tmp_path))
    assert (config.retries, config.strategy_period) == (4, 1)
    assert (one.heartbeat_period, one.heartbeat_threshold) == (2, 10)


class Slow:
    status_polling_interval = 60


class Quick:
    status_polling_interval = 15


def test_a_cluster_is_asked_every_quarter_of_a_minute_at_least():
    slow, quick = Slow(), Quick()
    cluster._poll_sooner(slow)
    cluster._poll_sooner(quick)
    assert (slow.status_polling_interval, type(slow).__name__) == (15, "Slow")
    assert type(quick) is Quick


def test_only_a_lost_worker_is_worth_another_try():
    assert cluster._retry_cost(WorkerLost(1, "node"), None) == 1.0
    assert cluster._retry_cost(ManagerLost(b"1", "node"), None) == 1.0
    assert cluster._retry_cost(ValueError(), None) > cluster.RETRIES


def test_no_shell_reads_anything_into_a_path_that_a_command_is_filled_with():
    command = cluster._Quoted("run {cert_dir} {debug} {logdir}")
    first = command.format(cert_dir="a b", logdir="c{d}; rm", debug="{debug}")
    assert shlex.split(first.format(debug="-d")) == ["run", "a b", "-d", "c{d}; rm"]


def test_a_harmless_folder_is_used_as_it_is_and_gone_afterwards(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "old").touch()
    with cluster._harmless(tmp_path / "run") as place:
        assert Path(place) == (tmp_path / "run").resolve()
        assert not list((tmp_path / "run").iterdir())
    assert not (tmp_path / "run").exists()


def test_a_folder_with_a_blank_is_reached_by_a_link_without_and_both_are_gone_afterwards(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    (tmp_path / "home").mkdir()
    with cluster._harmless(tmp_path / "my run") as place:
        assert " " not in place
        assert Path(place).resolve() == (tmp_path / "my run").resolve()
        assert Path(place).parent.parent == tmp_path / "home"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["home"]
    assert not list((tmp_path / "home").iterdir())


def test_a_link_lies_among_temporary_files_where_home_has_a_blank_too(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "my home")
    monkeypatch.setattr(cluster.tempfile, "gettempdir", lambda: str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    link = cluster._link_to(tmp_path / "my run")
    assert link.parent.parent == tmp_path / "tmp"
    monkeypatch.setattr(cluster.tempfile, "gettempdir", lambda: str(tmp_path / "my tmp"))
    with pytest.raises(WorkspaceError, match="choose a work folder whose path has letters"):
        cluster._link_to(tmp_path / "my run")


class Kernel:
    """Of Parsl, with one executor whose interchange sleeps."""

    def __init__(self, process, jobs):
        self.cancelled, self.cleaned = [], 0
        provider = SimpleNamespace(cancel=self.cancelled.append)
        blocks = {str(k): job for k, job in enumerate(jobs)}
        self.executors = {
            "measure": SimpleNamespace(
                blocks_to_job_id=blocks, provider=provider, interchange_proc=process
            ),
            "threads": SimpleNamespace(label="threads"),
        }

    def cleanup(self):
        self.cleaned += 1
        raise RuntimeError("as it may")


@pytest.mark.parametrize(("jobs", "cancelled"), [(["7", "8"], [["7", "8"]]), ([], [])])
def test_blocks_are_cancelled_and_the_interchange_is_ended(jobs, cancelled):
    process = subprocess.Popen(["sleep", "60"])
    kernel = Kernel(process, jobs)
    cluster._close(kernel)
    assert kernel.cancelled == cancelled
    assert (kernel.cleaned, process.returncode) == (1, -9)


def test_an_interchange_that_has_ended_is_not_killed_again():
    process = ended()
    kernel = Kernel(process, [])
    cluster._close(kernel)
    assert process.returncode == 3
    kernel.executors["measure"].interchange_proc = None
    cluster._close(kernel)


def test_a_parsl_that_does_not_close_is_left_and_said(monkeypatch, caplog):
    monkeypatch.setattr(cluster, "CLOSE_LIMIT_S", 0.05)
    kernel = Kernel(None, [])
    kernel.cleanup = lambda: __import__("time").sleep(0.5)
    cluster._close(kernel)
    assert "did not close within 0.05 s" in caplog.text


def test_a_parsl_that_closes_in_time_is_waited_for(monkeypatch, caplog):
    monkeypatch.setattr(cluster, "CLOSE_LIMIT_S", 5.0)
    kernel, closed = Kernel(None, []), []

    def cleanup():
        __import__("time").sleep(0.25)
        closed.append(True)

    kernel.cleanup = cleanup
    cluster._close(kernel)
    assert closed == [True]
    assert caplog.text == ""


def test_a_folder_for_parsl_is_made_with_those_above_it_and_emptied_of_a_killed_run(tmp_path):
    left = tmp_path / "a" / "b" / "left"
    with cluster._harmless(tmp_path / "a" / "b") as place:
        assert Path(place) == (tmp_path / "a" / "b").resolve()
        left.touch()
    left.parent.mkdir()
    left.touch()
    with cluster._harmless(tmp_path / "a" / "b"):
        assert not left.exists()
    assert not left.parent.exists()


@pytest.fixture
def managers(tmp_path, monkeypatch):
    """A pool with one executor; ``write`` gives the log of a block's manager so many bytes."""
    monkeypatch.setattr(cluster, "SICK_LOG_BYTES", 1000)
    cancelled = []
    executor = SimpleNamespace(
        label="measure", worker_debug=False, worker_logdir=tmp_path,
        blocks_to_job_id={"0": "j0", "1": "j1"}, provider=SimpleNamespace(cancel=cancelled.append),
    )  # fmt: skip

    def write(block, size):
        folder = tmp_path / f"block-{block}" / "manager"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "manager.log").write_bytes(bytes(size))

    pool = cluster.ClusterPool(SimpleNamespace(executors={}))
    return pool, executor, write, cancelled


def test_a_block_whose_manager_writes_nothing_but_errors_is_cancelled_once(managers):
    pool, executor, write, cancelled = managers
    write("0", 999)
    write("1", 1000)
    write("7", 5000)  # of a run before, or asked for by nobody
    for _ in range(2):
        pool._cancel_sick_blocks(executor)
    assert cancelled == [["j1"]]
    write("0", 1001)
    pool._cancel_sick_blocks(executor)
    assert cancelled == [["j1"], ["j0"]]


def test_a_configuration_that_asks_for_long_logs_may_have_them(managers):
    pool, executor, write, cancelled = managers
    executor.worker_debug = True
    write("0", 5000)
    pool._cancel_sick_blocks(executor)
    assert cancelled == []


def test_what_was_loaded_is_closed_and_what_was_not_is_no_second_error(tmp_path, monkeypatch):
    closed = []
    monkeypatch.setattr(cluster, "_config_from", lambda *_: None)
    monkeypatch.setattr(cluster, "_prepare", lambda *_: None)
    monkeypatch.setattr(cluster, "heartbeat", lambda _: contextlib.nullcontext())
    monkeypatch.setattr(cluster, "_close", closed.append)
    kernel = SimpleNamespace(executors={})
    monkeypatch.setattr(cluster, "_load", lambda _: kernel)
    with cluster.open_cluster(tmp_path / "c.py", tmp_path / "run", "measure"):
        assert closed == []
    assert closed == [kernel]

    def fail(_):
        raise ExecutorFailed("Parsl does not start")

    monkeypatch.setattr(cluster, "_load", fail)
    with (
        pytest.raises(ExecutorFailed, match="Parsl does not start"),
        cluster.open_cluster(tmp_path / "c.py", tmp_path / "run", "measure"),
    ):
        pass
    assert closed == [kernel]

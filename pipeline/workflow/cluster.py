"""Jobs on a cluster: Parsl runs them with a configuration of the user's, and ends with this run.

What is set here whatever the configuration says: Parsl's files lie in the work folder; its
interchange ends with this process, and without it the blocks end, too; what goes wrong with
interchange or blocks is an error in words, not a wait without end; no shell sees a path that it
could misread.
"""

import contextlib
import functools
import os
import re
import runpy
import shlex
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import parsl
from parsl.config import Config
from parsl.dataflow.dflow import DataFlowKernel
from parsl.executors import HighThroughputExecutor
from parsl.executors.high_throughput.errors import ManagerLost, WorkerLost
from parsl.jobs.error_handlers import noop_error_handler
from parsl.jobs.states import JobState, JobStatus

from pipeline.errors import ConfigError, ExecutorFailed, WorkspaceError, printable
from pipeline.workflow.heartbeat import heartbeat, watch_script
from pipeline.workflow.pool import MEASURE, Task, WorkerKilled
from pipeline.workflow.progress import LOGGER

LOST_WORKER = (WorkerLost, ManagerLost)  # killed from outside, or by a crash in C
RETRIES = 1
HEARTBEAT_S, HEARTBEAT_LOST_S = 5, 30  # a block without the run's interchange ends that soon
ALIVE = "alive"  # the file that tells blocks that the run goes on
STRATEGY_PERIOD_S = 3  # between Parsl's looks at how many blocks are needed
CHECK_INTERVAL_S = 2.0  # between looks at interchange and blocks while jobs run
CLOSE_LIMIT_S = 20.0  # for Parsl to close what it started
COMMAND_LIMIT_S = 15.0  # for an answer of the interchange
STATUS_POLL_S = 15  # between questions to the cluster; 60 would make a failed start take minutes
SICK_LOG_BYTES = 500_000  # of a manager: at work it writes some kB in all
LOG_INTERVAL_S = 10.0  # between looks at their logs
FAILED_BLOCKS = 2  # one after another that never started a worker, before the run gives up
_HARMLESS = re.compile(r"[A-Za-z0-9_./+,:@-]{1,200}")  # no shell reads anything into it
_ROOT = Path(__file__).parents[2]
# Parsl starts a block by the name of a script, whose first line cannot hold an environment with a blank in
# its path; the script is this module
_SCRIPT, _MODULE = (
    "process_worker_pool.py ",
    "python3 -P -m parsl.executors.high_throughput.process_worker_pool ",
)
_INTERCHANGE = (
    "import runpy, sys; sys.path.insert(0, {root!r}); "
    "runpy.run_module('pipeline.workflow.interchange', run_name='__main__')"
)


class _Quoted(str):
    """A command template that quotes what it is filled with, twice over for the next filling."""

    def format(self, *_: object, **values: object) -> str:
        places = ("cert_dir", "logdir", "logconf")
        for name in places:
            if name in values:
                quoted = shlex.quote(str(values[name]))
                values[name] = quoted.replace("{", "{{").replace("}", "}}")
        return super().format(**values)


class ClusterPool:
    """Parsl's executors at work."""

    def __init__(self, kernel: DataFlowKernel) -> None:
        self._kernel = kernel
        self._executors = [
            one for one in kernel.executors.values() if isinstance(one, HighThroughputExecutor)
        ]
        self._sick: set[tuple[str, str]] = set()  # blocks that were cancelled, by executor
        self._looked = time.monotonic()

    def stream(
        self, function: Callable[[Task], Any], tasks: Sequence[Task], shape: str = MEASURE
    ) -> Iterator[tuple[Task, Any]]:
        """Yield (task, result or exception) as jobs finish; an exception is not raised here.

        Raises
        ------
        ExecutorFailed
            If the interchange has ended, or blocks end without having started a worker.
        """
        running = {self._submit(function, task, shape): task for task in tasks}
        while running:
            done, _ = wait(running, timeout=CHECK_INTERVAL_S, return_when=FIRST_COMPLETED)
            self.check(shape)
            for future in done:
                error = future.exception()
                if isinstance(error, LOST_WORKER):
                    error = WorkerKilled(f"its worker was lost, more than once ({error})")
                yield running.pop(future), error or future.result()

    def _submit(self, function: Callable[[Task], Any], task: Task, shape: str) -> Future[Any]:
        future: Future[Any] = self._kernel.submit(
            function,
            app_args=(task,),
            executors=[shape],
            cache=False,
            ignore_for_cache=None,
            app_kwargs={},
        )
        return future

    def check(self, shape: str) -> None:
        """Make sure that jobs can still be run.

        Raises
        ------
        ExecutorFailed
            If not; the message says what the cluster said.
        """
        for executor in self._executors:
            process = executor.interchange_proc
            if process is not None and process.poll() is not None:
                raise ExecutorFailed(
                    f"executor {executor.label!r}: Parsl's interchange has ended (status "
                    f"{process.returncode}); finished work is kept, run the same command again to resume"
                )
            if executor.label == shape:
                _check_blocks(executor)
        if time.monotonic() - self._looked > LOG_INTERVAL_S:
            self._looked = time.monotonic()
            for executor in self._executors:
                self._cancel_sick_blocks(executor)

    def _cancel_sick_blocks(self, executor: HighThroughputExecutor) -> None:
        """Cancel blocks whose manager does nothing but write errors; their jobs run elsewhere.

        A manager that has lost a process of its own still sends heartbeats, does nothing, and fills
        the disk with its log: 60 GB a day were measured.
        """
        if executor.worker_debug:  # then logs are long
            return
        for log in sorted(Path(executor.worker_logdir).glob("block-*/*/manager.log")):
            block = log.parents[1].name.removeprefix("block-")
            job = executor.blocks_to_job_id.get(block)
            seen = job is None or (executor.label, block) in self._sick
            if seen or not log.exists() or log.stat().st_size < SICK_LOG_BYTES:
                continue
            self._sick.add((executor.label, block))
            LOGGER.warning(
                "executor %r: block %s is cancelled: it does nothing but write errors; its jobs run "
                "again in another one", executor.label, block,
            )  # fmt: skip
            executor.provider.cancel([job])


def _check_blocks(executor: HighThroughputExecutor) -> None:
    """Give up when none is at work and the last that ended did so before a worker of them spoke.

    Blocks that were cancelled, met their walltime or lost their node have spoken before: Parsl asks
    for others.
    """
    status: dict[str, JobStatus] = dict(executor.status_facade)
    ended = [one for one in sorted(status, key=int) if status[one].state in _ENDED]
    last = ended[-FAILED_BLOCKS:]
    if len(last) < FAILED_BLOCKS:
        return
    spoken = set(executor.connected_blocks())
    at_work = spoken & (status.keys() - set(ended))
    if not at_work and not spoken & set(last):
        raise ExecutorFailed(_what_blocks_said(executor, [status[one] for one in last]))


_ENDED = (JobState.FAILED, JobState.COMPLETED, JobState.MISSING, JobState.TIMEOUT)


def _what_blocks_said(executor: HighThroughputExecutor, ended: Sequence[JobStatus]) -> str:
    said = [str(text) for one in ended for text in (one.stderr_summary or one.message,) if text]
    last = printable(said[-1].strip())[-600:] if said else "nothing"
    return (
        f"executor {executor.label!r}: {len(ended)} blocks ended without starting a worker; look "
        f"at partition, account and worker_init of the configuration. The last said: {last}"
    )


@contextmanager
def open_cluster(path: Path, run_dir: Path, shape: str) -> Iterator[ClusterPool]:
    """Executors of a user's configuration; everything that they started ends with the block.

    Parameters
    ----------
    path : Path
        A Python file that defines ``config``, a ``parsl.config.Config`` with an executor for each
        shape of job, labelled "measure" and "reduce".
    run_dir : Path
        Folder for Parsl's own files, which all nodes must see; removed at the end.

    Raises
    ------
    ConfigError
        If the file cannot be run or defines no such configuration.
    ExecutorFailed
        If the executors cannot be started, or end before their jobs.
    """
    config = _config_from(path, shape)
    with _harmless(run_dir) as place:
        _prepare(config, place)
        # Parsl starts its helper programs by name: those of this environment must be found first
        os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        kernel: DataFlowKernel | None = None
        with heartbeat(Path(place) / ALIVE):
            try:
                kernel = _load(config)
                yield ClusterPool(kernel)
            finally:
                if kernel is not None:
                    _close(kernel)


def _prepare(config: Config, run_dir: str) -> None:
    """Settings that are ours whatever the configuration says."""
    config.run_dir = run_dir
    config.retries = max(config.retries, RETRIES)
    config.retry_handler = _retry_cost
    config.initialize_logging = False
    config.usage_tracking = 0
    config.strategy_period = min(config.strategy_period, STRATEGY_PERIOD_S)
    for executor in config.executors:
        if isinstance(executor, HighThroughputExecutor):
            executor.heartbeat_period = min(executor.heartbeat_period, HEARTBEAT_S)
            executor.heartbeat_threshold = min(executor.heartbeat_threshold, HEARTBEAT_LOST_S)
            executor.block_error_handler = (
                noop_error_handler  # it gives up at the first cancelled one
            )
            launch = executor.launch_cmd
            if launch.startswith(_SCRIPT):
                launch = _MODULE + launch.removeprefix(_SCRIPT)
            executor.launch_cmd = _Quoted(launch)
            _poll_sooner(executor.provider)
            if hasattr(executor.provider, "worker_init"):
                watch = watch_script(f"{run_dir}/{ALIVE}")
                executor.provider.worker_init = watch + executor.provider.worker_init
            executor.interchange_launch_cmd = [
                sys.executable,
                "-c",
                _INTERCHANGE.format(root=str(_ROOT)),
            ]


def _poll_sooner(provider: Any) -> None:
    """Ask the cluster for the state of blocks more often than the provider's class would."""
    kind = type(provider)
    if provider.status_polling_interval > STATUS_POLL_S:
        sooner = {"status_polling_interval": STATUS_POLL_S}
        provider.__class__ = type(kind.__name__, (kind,), sooner)


def _retry_cost(error: Exception, _task: object) -> float:
    """Only a lost worker is worth another try; whatever Python raised would be raised again."""
    return 1.0 if isinstance(error, LOST_WORKER) else RETRIES + 1.0


def _load(config: Config) -> DataFlowKernel:
    try:
        kernel = parsl.load(config)
    except KeyboardInterrupt:
        _kill_interchanges(config)
        raise
    except Exception as error:
        _kill_interchanges(config)
        raise ExecutorFailed(f"Parsl does not start: {printable(str(error))}") from error
    for executor in config.executors:
        if isinstance(executor, HighThroughputExecutor):
            client = executor.command_client  # which would wait for ever for a dead interchange
            client.run = functools.partial(client.run, timeout_s=COMMAND_LIMIT_S)
    return kernel


def _kill_interchanges(config: Config) -> None:
    for executor in config.executors:
        process = getattr(executor, "interchange_proc", None)
        if process is not None:
            process.kill()
            process.wait()
    parsl.clear()


def _close(kernel: DataFlowKernel) -> None:
    """End blocks, interchange and Parsl, in bounded time, whatever has ended before."""
    executors = [one for one in kernel.executors.values() if hasattr(one, "blocks_to_job_id")]
    for executor in executors:
        jobs = list(executor.blocks_to_job_id.values())
        if jobs:
            with contextlib.suppress(Exception):  # the cluster may not answer: the blocks end alone
                executor.provider.cancel(jobs)

    def cleanup() -> None:
        try:
            kernel.cleanup()
        except Exception as error:
            LOGGER.debug("Parsl does not close in order: %s", error)

    closing = threading.Thread(target=cleanup, name="close-parsl", daemon=True)
    closing.start()
    deadline = time.monotonic() + CLOSE_LIMIT_S
    while closing.is_alive() and time.monotonic() < deadline:
        closing.join(0.1)  # a second Ctrl-C is heard
    if closing.is_alive():
        LOGGER.warning("Parsl did not close within %g s; its processes are killed", CLOSE_LIMIT_S)
    for executor in executors:
        process = getattr(executor, "interchange_proc", None)
        if process is not None and process.poll() is None:
            process.kill()
            process.wait()
    parsl.clear()


@contextmanager
def _harmless(run_dir: Path) -> Iterator[str]:
    """The path of a folder, or of a link to it, that no shell can misread; removed at the end.

    Raises
    ------
    WorkspaceError
        If neither the folder nor a place for a link has such a path.
    """
    shutil.rmtree(run_dir, ignore_errors=True)  # of a run that was killed
    run_dir.mkdir(parents=True)
    target = run_dir.resolve()
    link: Path | None = None
    if not _HARMLESS.fullmatch(str(target)):
        link = _link_to(target)
    try:
        yield str(link or target)
    finally:
        if link is not None:
            link.unlink(missing_ok=True)
            link.parent.rmdir()
        shutil.rmtree(run_dir, ignore_errors=True)


def _link_to(target: Path) -> Path:
    """A link in the home folder, which clusters share, or else in that of temporary files."""
    for place in (Path.home(), Path(tempfile.gettempdir())):
        if _HARMLESS.fullmatch(str(place)):
            with contextlib.suppress(OSError):
                folder = Path(tempfile.mkdtemp(prefix=".muse-photometry-", dir=place))
                link = folder / "run"
                link.symlink_to(target, target_is_directory=True)
                return link
    raise WorkspaceError(
        f"{target}: Parsl hands this path to shells; choose a work folder whose path has letters, "
        "digits and _./+,:@- only"
    )


def _config_from(path: Path, shape: str) -> Config:
    if not path.is_file():  # a pipe or a device would be read without end
        raise ConfigError(f"--executor {path}: cannot be read (no such file)")
    try:
        config = runpy.run_path(str(path)).get("config")
    except OSError as error:
        raise ConfigError(f"--executor {path}: cannot be read ({error.strerror})") from error
    except Exception as error:
        raise ConfigError(f"--executor {path}: {type(error).__name__}: {error}") from error
    if not isinstance(config, Config):
        raise ConfigError(
            f"--executor {path}: defines no `config` of type parsl.config.Config; "
            "see examples/slurm.py"
        )
    if shape not in _labels(config.executors):
        raise ConfigError(
            f"--executor {path}: no executor labelled {shape!r}; see examples/slurm.py"
        )
    return config


def _labels(executors: Iterable[Any]) -> set[str]:
    return {one.label for one in executors}

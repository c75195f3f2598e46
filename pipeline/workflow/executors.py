"""Where jobs run: in this process, in local worker processes, or on a cluster. Parsl runs them.

A job is a function of the package and picklable arguments; its result or its exception comes back
in the order of completion. A worker that dies costs its job one retry, not the run.
"""

import os
import runpy
import shlex
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import parsl
from parsl.config import Config
from parsl.dataflow.dflow import DataFlowKernel
from parsl.executors import HighThroughputExecutor, ThreadPoolExecutor
from parsl.executors.high_throughput.errors import ManagerLost, WorkerLost
from parsl.providers import LocalProvider

from pipeline.errors import ConfigError

MEASURE = "measure"  # the resource shape of a job: two cores, 2 GB
REDUCE = "reduce"  # a node: all its cores, 20 GB
LOST_WORKER = (WorkerLost, ManagerLost)  # killed from outside, or by a crash in C
RETRIES = 1
HEARTBEAT_S, HEARTBEAT_LOST_S = 2, 15  # orphaned workers notice the death of the run that soon
LOCAL_WINDOW = 4  # jobs in flight per worker: enough to keep it busy, few to lose on Ctrl-C

Task = TypeVar("Task")


@dataclass(frozen=True)
class Pool:
    """Running executors; ``window`` bounds how many jobs are submitted ahead (0: no bound)."""

    kernel: DataFlowKernel
    window: int

    def stream(
        self, function: Callable[[Task], Any], tasks: Sequence[Task], shape: str = MEASURE
    ) -> Iterator[tuple[Task, Any]]:
        """Yield (task, result or exception) as jobs finish; an exception is not raised here."""
        waiting = iter(tasks)
        running: dict[Future[Any], Task] = {}
        self._submit(function, waiting, running, shape)
        while running:
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield running.pop(future), future.exception() or future.result()
            self._submit(function, waiting, running, shape)

    def _submit(
        self,
        function: Callable[[Task], Any],
        waiting: Iterable[Task],
        running: dict[Future[Any], Task],
        shape: str,
    ) -> None:
        if self.window and len(running) >= self.window:
            return
        for task in waiting:
            future = self.kernel.submit(
                function,
                app_args=(task,),
                executors=[shape],
                cache=False,
                ignore_for_cache=None,
                app_kwargs={},
            )
            running[future] = task
            if self.window and len(running) >= self.window:
                return


@dataclass(frozen=True)
class Workers:
    """How many workers, and where they run."""

    jobs: int  # local worker processes; 1 runs the jobs in this process
    executor: str = "local"  # or the path of a Python file with a Parsl configuration

    @property
    def local(self) -> bool:
        """Whether everything runs on this machine."""
        return self.executor == "local"


@contextmanager
def open_pool(workers: Workers, run_dir: Path, shape: str = MEASURE) -> Iterator[Pool]:
    """Executors for a run.

    Parameters
    ----------
    workers : Workers
        A configuration file defines ``config``, a ``parsl.config.Config`` with an executor
        for each shape of job, labelled "measure" and "reduce".
    shape : str
        The shape of the jobs to come.
    run_dir : Path
        Folder for Parsl's own files; emptied when the run ends well.

    Raises
    ------
    ConfigError
        If the file cannot be run or defines no such configuration.
    """
    # Parsl starts its helper programs by name: those of this very environment must be found first
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    config = (
        _local_config(workers.jobs, run_dir)
        if workers.local
        else _config_from(Path(workers.executor), shape)
    )
    with _unheard_interrupts():
        kernel = parsl.load(config)
    with kernel:
        yield Pool(kernel, LOCAL_WINDOW * workers.jobs if workers.local else 0)
    shutil.rmtree(run_dir, ignore_errors=True)


@contextmanager
def _unheard_interrupts() -> Iterator[None]:
    """Processes that are started here ignore Ctrl-C: this process hears it and ends them in order.

    A terminal sends it to all of them, and a helper that died first would leave Parsl waiting.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # handlers can only be set in the main thread
        return
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


def _local_config(jobs: int, run_dir: Path) -> Config:
    if jobs == 1:
        executor = ThreadPoolExecutor(label=MEASURE, max_threads=1)
    else:
        executor = HighThroughputExecutor(
            label=MEASURE,
            address="127.0.0.1",
            loopback_address="127.0.0.1",
            max_workers_per_node=jobs,
            heartbeat_period=HEARTBEAT_S,
            heartbeat_threshold=HEARTBEAT_LOST_S,
            worker_logdir_root=str(run_dir),
            # one thread a worker: there are as many workers as cores
            provider=LocalProvider(
                init_blocks=1,
                max_blocks=1,
                worker_init="export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 "
                f"PYTHONPATH={shlex.quote(str(Path(__file__).parents[2]))}:$PYTHONPATH",
            ),
        )
    return Config(
        executors=[executor],
        run_dir=str(run_dir),
        retries=RETRIES,
        retry_handler=_retry_cost,
        initialize_logging=False,
        usage_tracking=0,
    )


def _retry_cost(error: Exception, _task: object) -> float:
    """Only a lost worker is worth another try; whatever Python raised would be raised again."""
    return 1.0 if isinstance(error, LOST_WORKER) else RETRIES + 1.0


def _config_from(path: Path, shape: str) -> Config:
    try:
        config = runpy.run_path(str(path)).get("config")
    except OSError as error:
        raise ConfigError(f"--executor {path}: cannot be read ({error.strerror})") from error
    if not isinstance(config, Config):
        raise ConfigError(
            f"--executor {path}: defines no `config` of type parsl.config.Config; "
            "see examples/slurm.py"
        )
    if shape not in {one.label for one in config.executors}:
        raise ConfigError(
            f"--executor {path}: no executor labelled {shape!r}; see examples/slurm.py"
        )
    return config

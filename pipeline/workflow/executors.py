"""Where jobs run: in this process, in local worker processes, or on a cluster.

A job is a function of the package and picklable arguments; its result or its exception comes back
in the order of completion. A worker that dies costs its job one retry, not the run.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.workflow.local_pool import LocalPool
from pipeline.workflow.pool import MEASURE, REDUCE, InThisProcess, Pool, WorkerKilled
from pipeline.workflow.processes import ended_in_order

__all__ = ["LOST_WORKER", "MEASURE", "REDUCE", "Pool", "Workers", "open_pool"]

LOST_WORKER = (WorkerKilled,)  # what a pool yields for a task whose worker died more than once


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
    """Workers for a run; SIGTERM and a closed terminal end them and the run as Ctrl-C does.

    Parameters
    ----------
    workers : Workers
        A configuration file defines ``config``, a ``parsl.config.Config`` with an executor
        for each shape of job, labelled "measure" and "reduce".
    shape : str
        The shape of the jobs to come.
    run_dir : Path
        Folder for Parsl's own files; removed at the end.

    Raises
    ------
    ConfigError
        If the file cannot be run or defines no such configuration.
    ExecutorFailed
        If executors of a configuration cannot be started, or end before their jobs.
    """
    with ended_in_order():
        if not workers.local:
            from pipeline.workflow.cluster import open_cluster  # Parsl takes a second to import

            with open_cluster(Path(workers.executor), run_dir, shape) as cluster:
                yield cluster
        elif workers.jobs == 1:
            yield InThisProcess()
        else:
            with LocalPool(workers.jobs) as pool:
                yield pool

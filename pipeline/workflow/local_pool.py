"""Worker processes on this machine: forks of this process, one task at a time each.

They start in milliseconds, share what is imported, and need no port, no file and no shell. A worker
that dies costs its task one retry; all of them end with this process, however it ends.
"""

import contextlib
import multiprocessing
import os
import pickle
import signal
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any

from pipeline.workflow.interrupt import raise_if_interrupted
from pipeline.workflow.pool import MEASURE, Task, WorkerKilled
from pipeline.workflow.processes import die_with_parent, fork
from pipeline.workflow.progress import LOGGER

TRIES = 2  # of a task whose worker dies under it


class _Worker:
    """One forked process and the pipe to it."""

    def __init__(self, others: Sequence["_Worker"]) -> None:
        self.pipe, far_end = multiprocessing.Pipe()
        parent = os.getpid()
        self.pid = fork()
        if self.pid == 0:
            for other in others:
                other.pipe.close()  # else their ends would stay open when this process dies
            self.pipe.close()
            _serve(far_end, parent)  # does not return
        far_end.close()

    def end(self) -> None:
        """Kill it and wait; its jobs are children of its own and die with it."""
        self.pipe.close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def _serve(pipe: Connection, parent: int) -> None:
    """Work on tasks until the pipe is closed; never returns into the caller's code."""
    status = 1
    try:
        die_with_parent(parent)
        LOGGER.handlers.clear()  # the terminal and the log are the run's
        while True:
            function, task = pickle.loads(pipe.recv_bytes())
            pipe.send_bytes(_answer(function, task))
    except EOFError:
        status = 0
    finally:
        os._exit(status)


def _answer(function: Callable[[Any], Any], task: Any) -> bytes:
    try:
        return pickle.dumps(function(task))
    except Exception as error:
        try:
            content = pickle.dumps(error)
            pickle.loads(content)
        except Exception:
            return pickle.dumps(RuntimeError(f"{type(error).__name__}: {error}"))
        return content


class LocalPool:
    """Some worker processes; they start with the first task.

    Parameters
    ----------
    n_workers : int
    """

    def __init__(self, n_workers: int) -> None:
        self._n_workers = n_workers
        self._workers: list[_Worker] = []

    def __enter__(self) -> "LocalPool":
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.end()
        self._workers.clear()

    def stream(
        self, function: Callable[[Task], Any], tasks: Sequence[Task], shape: str = MEASURE
    ) -> Iterator[tuple[Task, Any]]:
        """Yield (task, result or exception) as jobs finish; an exception is not raised here."""
        del shape
        waiting = [(task, TRIES) for task in reversed(tasks)]
        busy: dict[Connection, tuple[_Worker, Task, int]] = {}
        try:
            while waiting or busy:
                raise_if_interrupted()
                self._hand_out(function, waiting, busy)
                for pipe in wait(list(busy)):
                    assert isinstance(pipe, Connection)
                    worker, task, tries = busy.pop(pipe)
                    try:
                        result = pickle.loads(pipe.recv_bytes())
                    except (EOFError, ConnectionResetError):
                        self._bury(worker)
                        if tries > 1:
                            waiting.append((task, tries - 1))
                            continue
                        result = WorkerKilled("its worker process was killed, more than once")
                    yield task, result
        finally:
            for worker, _, _ in busy.values():  # left early: what they do is nobody's any more
                self._bury(worker)

    def _hand_out(
        self,
        function: Callable[[Task], Any],
        waiting: list[tuple[Task, int]],
        busy: dict[Connection, tuple[_Worker, Task, int]],
    ) -> None:
        """Give every idle worker a task."""
        while waiting and len(busy) < self._n_workers:
            idle = next((one for one in self._workers if one.pipe not in busy), None)
            if idle is None:
                idle = _Worker(self._workers)
                self._workers.append(idle)
            task, tries = waiting.pop()
            try:
                idle.pipe.send_bytes(pickle.dumps((function, task)))
            except (BrokenPipeError, ConnectionResetError):  # it was killed while it was idle
                self._bury(idle)
                waiting.append((task, tries))
                continue
            busy[idle.pipe] = (idle, task, tries)

    def _bury(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        worker.end()

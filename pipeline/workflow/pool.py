"""What every way to run jobs has in common: tasks go in, results or exceptions come back."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

from pipeline.errors import JobCrashed

MEASURE = "measure"  # the resource shape of a job: two cores, 2 GB
REDUCE = "reduce"  # a node: all its cores, 32 GB

Task = TypeVar("Task")


class WorkerKilled(JobCrashed):
    """The worker process of a job was killed, more than once."""


class Pool(Protocol):
    """Running workers."""

    def stream(
        self, function: Callable[[Task], Any], tasks: Sequence[Task], shape: str = MEASURE
    ) -> Iterator[tuple[Task, Any]]:
        """Yield (task, result or exception) as jobs finish; an exception is not raised here."""


class InThisProcess:
    """One job after another, here: for few exposures, and for a debugger."""

    def stream(
        self, function: Callable[[Task], Any], tasks: Sequence[Task], shape: str = MEASURE
    ) -> Iterator[tuple[Task, Any]]:
        """Yield (task, result or exception) in order."""
        del shape
        for task in tasks:
            yield task, _outcome(function, task)


def _outcome(function: Callable[[Task], Any], task: Task) -> Any:
    try:
        return function(task)
    except Exception as error:
        return error

"""One job in a child process: whatever happens, the caller gets a result or an exception.

A crash in C, an access beyond the end of a file that was cut (SIGBUS), a hang or memory without
bound end the child, not the run. The child is a fork: it starts in milliseconds and shares what
the caller has imported and cached.
"""

import contextlib
import faulthandler
import gc
import os
import pickle
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from pipeline.errors import JobCrashed, JobHung
from pipeline.workflow.processes import die_with_parent, fork

_CHUNK = 1 << 16

Task = TypeVar("Task")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Limits:
    """What one job may take."""

    time_s: float
    memory_bytes: int  # of its own: files that are mapped do not count


class RaisedInJob(Exception):
    """An exception of a job that cannot be sent between processes: its type and text."""


def supervise(function: Callable[[Task], Result], task: Task, limits: Limits) -> Result:
    """What ``function(task)`` returns, computed in a child process.

    Raises
    ------
    Exception
        Whatever the function raises; the child's traceback is its note.
    JobHung
        If it takes longer than the limit.
    JobCrashed
        If the child is killed by a signal, or ends without a word.
    """
    reading, writing = os.pipe()
    parent = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    child = fork()
    if child == 0:
        os.close(reading)
        _in_child(function, task, limits, writing, parent)  # does not return
    os.close(writing)
    try:
        answer = _read_all(reading, time.monotonic() + limits.time_s)
    finally:
        os.close(reading)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)  # it has said all it had to say, or never will
        _, status = os.waitpid(child, 0)
    if answer is None:
        raise JobHung(f"not done after {limits.time_s:g} s")
    if not answer:
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        raise JobCrashed(_how_it_ended(number, status, limits))
    try:
        good, result = pickle.loads(answer)
    except Exception as error:
        raise JobCrashed(f"its result cannot be read ({type(error).__name__})") from error
    if good:
        return result  # type: ignore[no-any-return]
    raise result


def _how_it_ended(number: int, status: int, limits: Limits) -> str:
    if not number:
        return f"ended with status {os.waitstatus_to_exitcode(status)} and no result"
    why = f"killed by {signal.strsignal(number)}"
    if number == signal.SIGBUS:
        why += ": a file was cut while it was read, or its disk failed"
    if number == signal.SIGKILL:
        why += f": probably for want of memory (its limit is {limits.memory_bytes / 2**30:.0f} GiB)"
    return why


def _in_child(
    function: Callable[[Task], Result], task: Task, limits: Limits, writing: int, parent: int
) -> None:
    """Run the job, send its result, end; never returns into the caller's code."""
    status = 1
    try:
        die_with_parent(parent)
        gc.freeze()  # the caller's objects are not looked through: that would copy their memory
        faulthandler.disable()  # the caller says what happened
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        soft = limits.memory_bytes if hard < 0 else min(limits.memory_bytes, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
        _send(writing, _run(function, task))
        status = 0
    finally:
        os._exit(status)


def _run(function: Callable[[Task], Result], task: Task) -> bytes:
    try:
        return pickle.dumps((True, function(task)))
    except Exception as error:
        error.add_note(traceback.format_exc())
        return _pickled(error)


def _pickled(error: Exception) -> bytes:
    """An exception as bytes that surely become an exception again."""
    with contextlib.suppress(Exception):
        content = pickle.dumps((False, error))
        _, again = pickle.loads(content)
        if type(again) is type(error):
            return content
    substitute = RaisedInJob(f"{type(error).__name__}: {error}")
    for note in getattr(error, "__notes__", ()):
        substitute.add_note(note)
    return pickle.dumps((False, substitute))


def _send(writing: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(writing, view) :]


def _read_all(reading: int, deadline: float) -> bytes | None:
    """Everything until the child closes the pipe, None if that takes too long."""
    parts: list[Any] = []
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            return None
        ready, _, _ = select.select([reading], [], [], left)
        if ready:
            part = os.read(reading, _CHUNK)
            if not part:
                return b"".join(parts)
            parts.append(part)

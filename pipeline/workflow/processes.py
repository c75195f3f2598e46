"""Processes that end with the one that started them, however that one ends."""

import ctypes
import os
import signal
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.workflow.interrupt import forget_interrupt, interrupt

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)
_WATCH_INTERVAL_S = 1.0
_ENDING = (signal.SIGTERM, signal.SIGHUP)


def fork() -> int:
    """As ``os.fork``, with Ctrl-C held back meanwhile; the child leaves it to its parent.

    Returns
    -------
    int
        The child's id in the parent, 0 in the child, which ignores what a terminal sends to the whole
        group and ends at SIGTERM.

    Raises
    ------
    KeyboardInterrupt
        If the run was interrupted meanwhile; the child is ended.
    """
    held = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, *_ENDING))
    with warnings.catch_warnings():
        # Python 3.12 warns of a fork beside threads; ours draw a progress bar or wait for jobs
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, held)
        return 0
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)
    except BaseException:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise
    return child


def die_with_parent(parent: int | None = None) -> None:
    """In a child: be killed when the process that started this one ends.

    Parameters
    ----------
    parent : int, optional
        Its id: if it has ended before this call, this process ends now.
    """
    prctl = getattr(_LIBC, "prctl", None)
    if prctl is not None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if parent is not None and os.getppid() != parent:
        os._exit(1)


def watch_parent() -> None:
    """End this process soon after its parent, also where the kernel does not do it for us."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_WATCH_INTERVAL_S)
        os._exit(1)

    die_with_parent(parent)
    threading.Thread(target=watch, name="watch-parent", daemon=True).start()


@contextmanager
def ended_in_order() -> Iterator[None]:
    """SIGTERM and a closed terminal end the run as Ctrl-C does: what it started is ended first."""
    if threading.current_thread() is not threading.main_thread():
        yield  # handlers can only be set in the main thread
        return

    previous = {number: signal.getsignal(number) for number in _ENDING}
    for number, handler in previous.items():
        if handler is not signal.SIG_IGN:  # nohup: a closed terminal shall not end the run
            signal.signal(number, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        forget_interrupt()  # it arrived
        raise
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)

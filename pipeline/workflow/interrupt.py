"""Ctrl-C that is not lost: C code that calls Python may clear the exception that it raises.

An import of a compiled module or a ``hasattr`` is enough. So the interrupt is remembered, and raised
again at the next product and at the end of the run.
"""

import signal
from types import FrameType

_seen = False


def catch_interrupts() -> None:
    """From here on Ctrl-C raises KeyboardInterrupt, and is remembered."""
    forget_interrupt()
    signal.signal(signal.SIGINT, interrupt)


def forget_interrupt() -> None:
    """Forget an interrupt that has been dealt with."""
    global _seen
    _seen = False


def interrupt(_number: int, _frame: FrameType | None) -> None:
    """Remember the signal and raise KeyboardInterrupt; a handler."""
    global _seen
    _seen = True
    raise KeyboardInterrupt


def raise_if_interrupted() -> None:
    """Raise the KeyboardInterrupt that was raised before and lost, if there was one."""
    if _seen:
        raise KeyboardInterrupt

"""Progress of long work on standard error: one line that renews itself, or a line now and then."""

import sys
import time
from collections.abc import Callable
from typing import TextIO

QUIET_INTERVAL_S = 10.0  # between lines in a log file


class Progress:
    """Counts finished jobs and says how long the rest will take.

    Parameters
    ----------
    title : str
        What is being done, for example "measure".
    total : int
        Number of jobs.
    """

    def __init__(
        self,
        title: str,
        total: int,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._title, self._total = title, total
        self._stream = stream or sys.stderr
        self._clock = clock
        self._started = self._shown = clock()
        self._done = self._failed = 0
        self._renew = self._stream.isatty()

    def step(self, failed: bool = False) -> None:
        """Count one finished job."""
        self._done += 1
        self._failed += failed
        now = self._clock()
        last = self._done == self._total
        if not (self._renew or last or now - self._shown >= QUIET_INTERVAL_S):
            return
        self._shown = now
        elapsed = now - self._started
        left = elapsed / self._done * (self._total - self._done)
        text = f"{self._title} {self._done}/{self._total}"
        if self._failed:
            text += f", {self._failed} failed"
        text += f", {_clock_time(elapsed)}" + ("" if last else f", {_clock_time(left)} left")
        end = "\n" if last or not self._renew else ""
        start = "\r\033[K" if self._renew else ""
        print(start + text, end=end, file=self._stream, flush=True)


def say(text: str) -> None:
    """A line on standard error."""
    print(text, file=sys.stderr, flush=True)


def _clock_time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"

"""Log records and the progress of long work: a bar on a terminal, a line every ten seconds elsewhere."""

import logging
import sys
import time
from collections.abc import Callable
from typing import TextIO

from tqdm import tqdm

from pipeline.errors import printable_lines

LOGGER = logging.getLogger("pipeline")
QUIET_INTERVAL_S = 10.0  # between lines in a log file


class TerminalHandler(logging.Handler):
    """Writes records to standard error as it is at that time, above the progress bar if there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        try:
            with tqdm.external_write_mode(file=sys.stderr):
                print(printable_lines(self.format(record)), file=sys.stderr, flush=True)
        except Exception:
            self.handleError(record)


def say(text: str) -> None:
    """Log what a user should know."""
    LOGGER.info(text)


def log_error(text: str) -> None:
    """Log why a run ends."""
    LOGGER.error(text)


class Progress:
    """Counts finished jobs and says how long the rest will take.

    Parameters
    ----------
    title : str
        What is being done, for example "measure".
    total : int
        Number of jobs.
    stream : file, optional
        Where a bar is drawn if it is a terminal; standard error if left out. Elsewhere a log record
        is written every ten seconds.
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
        self._bar = (
            tqdm(total=total, desc=title, file=self._stream, unit="job", dynamic_ncols=True)
            if self._stream.isatty()
            else None
        )

    def step(self, failed: bool = False) -> None:
        """Count one finished job."""
        self._done += 1
        self._failed += failed
        last = self._done == self._total
        if self._bar is not None:
            if self._failed:
                self._bar.set_postfix_str(f"{self._failed} failed", refresh=False)
            self._bar.update()
            if last:
                self._bar.close()
            return
        now = self._clock()
        if last or now - self._shown >= QUIET_INTERVAL_S:
            self._shown = now
            LOGGER.info(self._line(now - self._started, last))

    def _line(self, elapsed: float, last: bool) -> str:
        text = f"{self._title} {self._done}/{self._total}"
        if self._failed:
            text += f", {self._failed} failed"
        left = elapsed / self._done * (self._total - self._done)
        return (
            text
            + f", {tqdm.format_interval(elapsed)}"
            + ("" if last else f", {tqdm.format_interval(left)} left")
        )

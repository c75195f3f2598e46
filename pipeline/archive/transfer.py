"""Progress of a transfer on standard error: files, bytes, rate and time left."""

import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import TextIO

QUIET_INTERVAL_S = 10.0  # between lines in a log file
RENEW_INTERVAL_S = 0.2  # between renewals on a terminal


class Transfer:
    """Counts bytes as they come; may be called from several threads.

    Parameters
    ----------
    sizes : mapping of name to bytes
        Every file that is to come, with its estimated size.
    """

    def __init__(
        self,
        sizes: Mapping[str, float],
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._expected = dict(sizes)
        self._here: dict[str, float] = {}
        self._stream = stream or sys.stderr
        self._clock = clock
        self._lock = threading.Lock()
        self._started = self._shown = clock()
        self._new = self._done = self._failed = 0
        self._renew = self._stream.isatty()

    def announce(self, name: str, size: int) -> None:
        """The server says how large the file is."""
        with self._lock:
            self._expected[name] = size

    def begin(self, name: str, offset: int) -> None:
        """A file starts, or continues after the bytes that have already arrived."""
        with self._lock:
            self._here[name] = offset

    def receive(self, name: str, n_bytes: int) -> None:
        """Bytes of a file have come."""
        with self._lock:
            self._here[name] = self._here.get(name, 0) + n_bytes
            self._new += n_bytes
            self._show(last=False)

    def finish(self, name: str, failed: bool = False) -> None:
        """A file is verified, or will not come."""
        with self._lock:
            self._expected[name] = 0 if failed else self._here.get(name, self._expected[name])
            self._here[name] = self._expected[name]
            self._done += not failed
            self._failed += failed
            self._show(last=self._done + self._failed == len(self._expected))

    def line(self) -> str:
        """The state as text."""
        elapsed = max(self._clock() - self._started, 1e-9)
        here, total = sum(self._here.values()), sum(self._expected.values())
        rate = self._new / elapsed
        text = f"{self._done}/{len(self._expected)} files, {size_text(here)} of {size_text(total)}"
        if self._failed:
            text += f", {self._failed} failed"
        if self._new:
            left = round(max(0.0, total - here) / rate)
            text += (
                f", {size_text(rate)}/s, {left // 3600}:{left // 60 % 60:02d}:{left % 60:02d} left"
            )
        return text

    def _show(self, last: bool) -> None:
        now = self._clock()
        if not last and now - self._shown < (RENEW_INTERVAL_S if self._renew else QUIET_INTERVAL_S):
            return
        self._shown = now
        end = "\n" if last or not self._renew else ""
        start = "\r\033[K" if self._renew else ""
        print(f"{start}retrieve {self.line()}", end=end, file=self._stream, flush=True)


def size_text(n_bytes: float) -> str:
    """A number of bytes in a readable unit."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n_bytes >= size:
            return f"{n_bytes / size:.1f} {unit}"
    return f"{n_bytes:.0f} B"

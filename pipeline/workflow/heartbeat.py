"""Blocks of a cluster that end when the run that asked for them has ended.

The run writes a number into a file, another one every few seconds; beside each block a loop of the
shell reads it, and ends the block when it stands still. Parsl's own heartbeats do not do that: a
worker pool that starts when its interchange has just ended waits for it without end.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

INTERVAL_S = 5.0
LOST_AFTER = 8  # readings without a change: 40 s, so that a block is gone within a minute
# ``$$`` is the block's script, also in the loop, which ends with it and what it left running (a manager
# that was killed leaves a process of its own); group 0 is that of the script
_WATCH = """
( last= ; still=0; group=$(ps -o pgid= -p $$ | tr -d ' ')
  while sleep {interval:g} && kill -0 $$ 2>/dev/null; do
    now=$(cat {file} 2>/dev/null)
    if [ -n "$now" ] && [ "$now" != "$last" ]; then last=$now; still=0; else still=$((still + 1)); fi
    if [ $still -ge {lost_after} ]; then kill -TERM 0; sleep {interval:g}; kill -KILL 0; fi
  done
  if [ "$group" = $$ ]; then kill -KILL 0; fi ) </dev/null >/dev/null 2>&1 &
"""


def watch_script(file: str) -> str:
    """Lines of shell that end their process group when the file stands still.

    Parameters
    ----------
    file : str
        Path of the heartbeat, harmless to a shell.
    """
    return _WATCH.format(file=file, interval=INTERVAL_S, lost_after=LOST_AFTER)


@contextmanager
def heartbeat(file: Path) -> Iterator[None]:
    """Write a new number into the file every few seconds until the block of code ends."""
    stop = threading.Event()
    file.write_text("0\n")

    def beat() -> None:
        number = 0
        while not stop.wait(INTERVAL_S):
            number += 1
            part = file.with_name(f"{file.name}.part")
            try:
                part.write_text(f"{number}\n")
                part.replace(file)
            except OSError:
                return  # the folder is gone or full: blocks end, and the run says why

    beating = threading.Thread(target=beat, name="heartbeat", daemon=True)
    beating.start()
    try:
        yield
    finally:
        stop.set()
        beating.join()

"""Parsl's interchange, which ends with the run that started it.

Left alone it would outlive the run and go on feeding heartbeats to the blocks of a cluster, which
would then keep their nodes until their time is up. Once it is gone they end within
``cluster.HEARTBEAT_LOST_S``.
"""

import logging
import runpy
import signal
import sys

from pipeline.workflow.processes import watch_parent

_show_defect = logging.Handler.handleError


def leave_out_what_cannot_be_written(handler: logging.Handler, record: logging.LogRecord) -> None:
    """Cut a log short on a full disk, which the run says in words; a defect is shown.

    Takes the place of ``logging.Handler.handleError`` in the process of the interchange, whose log is
    Parsl's.
    """
    if not isinstance(sys.exc_info()[1], OSError):
        _show_defect(handler, record)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the run hears Ctrl-C and ends us in order
    watch_parent()
    logging.Handler.handleError = leave_out_what_cannot_be_written  # type: ignore[method-assign,assignment]
    runpy.run_module("parsl.executors.high_throughput.interchange", run_name="__main__")

"""Parsl's interchange, which ends with the run that started it.

Left alone it would outlive the run and go on feeding heartbeats to the blocks of a cluster, which
would then keep their nodes until their time is up. Once it is gone they end within
``cluster.HEARTBEAT_LOST_S``.
"""

import logging
import runpy
import signal

from pipeline.workflow.full_disk import leave_out_what_cannot_be_written
from pipeline.workflow.processes import watch_parent

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the run hears Ctrl-C and ends us in order
    watch_parent()
    # the log of this process is Parsl's
    logging.Handler.handleError = leave_out_what_cannot_be_written  # type: ignore[method-assign,assignment]
    runpy.run_module("parsl.executors.high_throughput.interchange", run_name="__main__")

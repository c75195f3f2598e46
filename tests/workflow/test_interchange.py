"""Parsl's interchange: it ends with its parent, and its log with the disk."""

import errno
import io
import logging
import runpy
import signal

import pytest

from pipeline.workflow import processes
from pipeline.workflow.full_disk import leave_out_what_cannot_be_written


class FullDisk(io.StringIO):
    def write(self, _text):
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.setattr(logging.Handler, "handleError", leave_out_what_cannot_be_written)


def logger(stream):
    one = logging.Logger("interchange")
    one.addHandler(logging.StreamHandler(stream))
    return one


def test_a_log_that_a_full_disk_refuses_is_cut_without_a_traceback(capfd):
    logger(FullDisk()).warning("a line for a full disk")
    assert capfd.readouterr().err == ""


def test_a_defect_of_a_record_is_shown(capfd):
    logger(io.StringIO()).warning("%d", "no number")
    assert "Logging error" in capfd.readouterr().err


@pytest.fixture
def started(monkeypatch):
    """What the program does, in order; Ctrl-C and the programs that it starts are left alone."""
    found = []
    run_module = runpy.run_module
    monkeypatch.setattr(logging.Handler, "handleError", lambda *_: None)
    monkeypatch.setattr(signal, "signal", lambda *what: found.append(what))
    monkeypatch.setattr(processes, "watch_parent", lambda: found.append("watch"))
    monkeypatch.setattr(runpy, "run_module", lambda name, run_name: found.append((name, run_name)))
    return found, lambda name: run_module("pipeline.workflow.interchange", run_name=name)


def test_it_watches_its_parent_and_leaves_ctrl_c_to_it_before_it_becomes_parsls(started):
    found, run = started
    run("__main__")
    parsls = ("parsl.executors.high_throughput.interchange", "__main__")
    assert found == [(signal.SIGINT, signal.SIG_IGN), "watch", parsls]
    assert logging.Handler.handleError is leave_out_what_cannot_be_written


def test_an_import_starts_nothing(started):
    found, run = started
    run("pipeline.workflow.interchange")
    assert found == []

"""The log of Parsl's interchange on a full disk."""

import errno
import io
import logging

import pytest

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

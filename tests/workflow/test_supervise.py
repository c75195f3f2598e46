"""One job in a child process: its result, its exception, or how it ended."""

import os
import resource
import signal
import time

import psutil
import pytest

from pipeline.errors import JobCrashed, JobHung
from pipeline.workflow.supervise import Limits, RaisedInJob, supervise

LIMITS = Limits(30.0, 4 << 30)


class NotToBeSent(Exception):
    """Its arguments are not those of its class."""

    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


def fail(error):
    raise error


def give_up(_):
    raise NotToBeSent("one", "two")


def test_a_result_of_any_size_comes_back_from_another_process():
    assert supervise(lambda n: bytes(n), 300_000, LIMITS) == bytes(300_000)
    assert supervise(lambda _: os.getpid(), None, LIMITS) != os.getpid()


def test_an_exception_is_raised_with_the_traceback_of_the_job_as_a_note():
    with pytest.raises(KeyError, match="star 7") as caught:
        supervise(fail, KeyError("star 7"), LIMITS)
    assert type(caught.value) is KeyError
    assert "in fail" in caught.value.__notes__[0]


def test_an_exception_that_cannot_be_sent_is_told_by_type_and_text():
    with pytest.raises(RaisedInJob, match="NotToBeSent: one and two") as caught:
        supervise(give_up, None, LIMITS)
    assert "in give_up" in caught.value.__notes__[0]


def test_a_job_that_takes_too_long_is_ended():
    started = time.monotonic()
    with pytest.raises(JobHung, match=r"not done after 0\.2 s"):
        supervise(time.sleep, 60, Limits(0.2, 4 << 30))
    assert 0.2 <= time.monotonic() - started < 20


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (signal.SIGSEGV, r"killed by Segmentation fault$"),
        (signal.SIGBUS, r"killed by Bus error: a file was cut while it was read"),
        (signal.SIGKILL, r"killed by Killed: probably for want of memory \(its limit is 4 GiB\)"),
    ],
)
def test_a_job_that_is_killed_says_by_what(number, words):
    with pytest.raises(JobCrashed, match=words):
        supervise(lambda n: os.kill(os.getpid(), n), number, LIMITS)


def test_a_job_that_ends_without_a_word_says_its_status():
    with pytest.raises(JobCrashed, match="ended with status 7 and no result"):
        supervise(os._exit, 7, LIMITS)


def limits(_):
    return resource.getrlimit(resource.RLIMIT_DATA)[0], resource.getrlimit(resource.RLIMIT_CORE)


def test_a_job_has_its_limit_of_memory_and_leaves_no_core():
    assert supervise(limits, None, Limits(30.0, 3 << 30)) == (3 << 30, (0, 0))
    with pytest.raises(MemoryError):
        supervise(lambda n: len(bytearray(n)), 1 << 30, Limits(30.0, 500 << 20))


def test_no_child_is_left_behind():
    before = set(psutil.Process().children())
    supervise(abs, -1, LIMITS)
    assert set(psutil.Process().children()) <= before

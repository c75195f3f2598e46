"""Manners of the connections: what is retried, how long, how many at a time."""

import email.utils
import time

import pytest
import requests

from pipeline.archive.web import LONGEST_RETRY_AFTER_S, Web
from pipeline.archive.wire import Transient, retry_after_s
from pipeline.config.settings import ArchiveSettings
from pipeline.errors import ArchiveRefused, ArchiveUnreachable
from tests.archive.server import DATA, TestArchive
from tests.archive.world import STATICS, World

NAME = STATICS["LINE_CATALOG"]


class Pauses(list):
    """Records pauses instead of making them; the clock goes on by them."""

    def __call__(self, seconds):
        if seconds:
            self.append(seconds)


def web_of(archive, **changes):
    pauses = Pauses()
    web = Web(
        ArchiveSettings(**archive.settings(backoff_s=1.0, **changes)),
        sleep=pauses,
        clock=lambda: sum(pauses),
        chance=lambda: 1.0,
    )
    return web, pauses


def ask(web, archive, max_bytes=1 << 20):
    return web.ask("GET", f"{archive.base}{DATA}/file/{NAME}", max_bytes=max_bytes)


def test_pauses_double_up_to_a_minute():
    with TestArchive(World()) as archive:
        web, pauses = web_of(archive, attempts=9)
        archive.faults.queue[DATA] = ["503"] * 9
        with pytest.raises(ArchiveUnreachable, match=r"HTTP 503 \(attempt 9 of 9\)"):
            ask(web, archive)
        web.close()
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]


def test_jitter_keeps_at_least_half_of_a_pause():
    with TestArchive(World()) as archive:
        pauses = Pauses()
        web = Web(ArchiveSettings(**archive.settings()), sleep=pauses, chance=lambda: 0.0)
        archive.faults.queue[DATA] = ["500"]
        assert ask(web, archive).status == 200
        web.close()
    assert pauses == [0.0025]


@pytest.mark.parametrize("status", ["400", "401", "403", "404", "410"])
def test_a_refusal_is_not_retried(status):
    with TestArchive(World()) as archive:
        web, pauses = web_of(archive)
        archive.faults.queue[DATA] = [status]
        assert ask(web, archive).status == int(status)
        assert (archive.count(DATA), pauses) == (1, [])
        web.close()


def test_the_pause_that_the_server_asks_for_holds_for_all_and_too_long_a_one_ends_the_wait():
    with TestArchive(World()) as archive:
        web, pauses = web_of(archive)
        url = f"{archive.base}{DATA}/file/{NAME}"
        answers = [Transient("HTTP 429", 7.0), None]

        def attempt():
            if answer := answers.pop(0):
                raise answer

        web.retrying(attempt, url)
        assert pauses == [7.0]
        assert web._gate(url).closed_until == 7.0
        with pytest.raises(ArchiveUnreachable):
            web.retrying(_raise(Transient("HTTP 429", LONGEST_RETRY_AFTER_S + 1)), url)
        assert pauses == [7.0]
        web.close()


def _raise(error):
    def attempt():
        raise error

    return attempt


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("7", 7.0), ("", 0.0), ("soon", 0.0), ("-3", 0.0), ("9" * 50, 999_999_999.0)],
)
def test_a_pause_is_asked_for_in_seconds(text, seconds):
    response = requests.Response()
    response.headers["Retry-After"] = text
    assert retry_after_s(response) == seconds


@pytest.mark.parametrize(("from_now_s", "seconds"), [(1000, 1000), (-1000, 0)])
def test_a_pause_may_be_asked_for_as_a_date(from_now_s, seconds):
    response = requests.Response()
    date = email.utils.formatdate(time.time() + from_now_s, usegmt=True)
    response.headers["Retry-After"] = date
    assert retry_after_s(response) == pytest.approx(seconds, abs=30)


def test_an_answer_larger_than_agreed_is_refused():
    with TestArchive(World()) as archive:
        web, _ = web_of(archive)
        with pytest.raises(ArchiveRefused, match="more than 100 bytes"):
            ask(web, archive, max_bytes=100)
        web.close()


def test_a_defect_is_not_mistaken_for_a_broken_connection():
    with TestArchive(World()) as archive:
        web, pauses = web_of(archive)
        with pytest.raises(ZeroDivisionError):
            web.retrying(_raise(ZeroDivisionError()), archive.base)
        assert not pauses
        web.close()

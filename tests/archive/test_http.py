"""Manners of the connections: what is retried, how long, how many at a time."""

import email.utils
import logging
import time

import pytest
import requests

from pipeline.archive.service import archive_client
from pipeline.config.settings import ArchiveSettings
from pipeline.errors import ArchiveRefused, ArchiveUnreachable
from pipeline.http import HttpClient, HttpLimits, TransientError, retry_after_s, strip_query
from tests.archive.server import DATA, TestArchive
from tests.archive.world import STATICS, World

NAME = STATICS["LINE_CATALOG"]


class Pauses(list):
    """Records pauses instead of making them; the clock goes on by them."""

    def __call__(self, seconds):
        if seconds:
            self.append(seconds)


def client_of(archive, chance=1.0, **changes):
    pauses = Pauses()
    settings = ArchiveSettings(**archive.settings(**{"backoff_s": 1.0, **changes}))
    with archive_client(settings) as client:
        limits = client.limits
    errors = {"unreachable": ArchiveUnreachable, "refused": ArchiveRefused}
    client = HttpClient(
        limits, **errors, sleep=pauses, clock=lambda: sum(pauses), chance=lambda: chance
    )
    return client, pauses


def ask(client, archive, max_bytes=1 << 20):
    return client.request("GET", f"{archive.base}{DATA}/file/{NAME}", max_bytes=max_bytes)


def test_pauses_double_up_to_a_minute():
    with TestArchive(World()) as archive:
        client, pauses = client_of(archive, attempts=9)
        archive.faults.queue[DATA] = ["503"] * 9
        with pytest.raises(ArchiveUnreachable, match=r"HTTP 503 \(attempt 9 of 9\)"):
            ask(client, archive)
        client.close()
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]


def test_jitter_keeps_at_least_half_of_a_pause():
    with TestArchive(World()) as archive:
        client, pauses = client_of(archive, chance=0.0, backoff_s=0.005)
        archive.faults.queue[DATA] = ["500"]
        assert ask(client, archive).status == 200
        client.close()
    assert pauses == [0.0025]


@pytest.mark.parametrize("status", ["400", "401", "403", "404", "410"])
def test_a_refusal_is_not_retried(status):
    with TestArchive(World()) as archive:
        client, pauses = client_of(archive)
        archive.faults.queue[DATA] = [status]
        assert ask(client, archive).status == int(status)
        assert (archive.count(DATA), pauses) == (1, [])
        client.close()


def test_the_pause_that_the_server_asks_for_holds_for_all_and_too_long_a_one_ends_the_wait():
    with TestArchive(World()) as archive:
        client, pauses = client_of(archive)
        url = f"{archive.base}{DATA}/file/{NAME}"
        answers = [TransientError("HTTP 429", 7.0), None]

        def attempt():
            if answer := answers.pop(0):
                raise answer

        client.retry(attempt, url)
        assert pauses == [7.0]
        assert client._host(url).closed_until == 7.0
        with pytest.raises(ArchiveUnreachable):
            client.retry(
                _raise(TransientError("HTTP 429", HttpLimits().longest_retry_after_s + 1)), url
            )
        assert pauses == [7.0]
        client.close()


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


def test_a_response_larger_than_agreed_is_refused():
    with TestArchive(World()) as archive:
        client, _ = client_of(archive)
        with pytest.raises(ArchiveRefused, match="more than 100 bytes"):
            ask(client, archive, max_bytes=100)
        client.close()


def test_a_defect_is_not_mistaken_for_a_broken_connection():
    with TestArchive(World()) as archive:
        client, pauses = client_of(archive)
        with pytest.raises(ZeroDivisionError):
            client.retry(_raise(ZeroDivisionError()), archive.base)
        assert not pauses
        client.close()


@pytest.mark.parametrize("status", [301, 302, 303])
def test_a_query_that_is_sent_on_as_a_get_is_refused_with_the_new_address(status):
    with TestArchive(World()) as archive, TestArchive(World()) as other:
        archive.redirect["/tap_obs"], archive.redirect_status = other.base, status
        client, _ = client_of(archive)
        with client, pytest.raises(ArchiveRefused, match=f"has moved to {other.base}/tap_obs"):
            client.request("POST", f"{archive.base}/tap_obs/sync", data={"a": "b"}, max_bytes=100)


def test_an_address_that_has_moved_for_good_is_followed_and_said_once(caplog):
    with TestArchive(World()) as archive, TestArchive(World()) as other:
        archive.redirect[DATA], archive.redirect_status = other.base, 308
        client, _ = client_of(archive)
        with client:
            for _ in range(2):
                assert ask(client, archive).status == 200
    (said,) = [one.getMessage() for one in caplog.records if "has moved" in one.getMessage()]
    assert f"has moved to {other.base}{DATA}" in said


def test_a_request_that_may_have_been_acted_on_is_sent_again_only_if_it_may_be():
    attempts = []

    def attempt():
        attempts.append(1)
        raise TransientError("connection broken")

    with TestArchive(World()) as archive:
        client, _ = client_of(archive, attempts=3)
        with client:
            with pytest.raises(ArchiveUnreachable, match="attempt 1 of 3"):
                client.retry(attempt, archive.base, repeatable=False)
            assert len(attempts) == 1
            with pytest.raises(ArchiveUnreachable, match="attempt 3 of 3"):
                client.retry(attempt, archive.base)
    assert len(attempts) == 1 + 3


def test_a_secret_in_a_query_is_in_no_log_and_no_message(caplog):
    caplog.set_level(logging.DEBUG)
    with TestArchive(World()) as archive:
        client, _ = client_of(archive, attempts=2)
        url = f"{archive.base}{DATA}/file/{NAME}?password=s3cret"
        archive.faults.queue[DATA] = ["reset", "503", "503", "503"]
        with client:
            with pytest.raises(ArchiveUnreachable) as failure:
                client.request("GET", url, params={"more": "s3cret"}, max_bytes=100)
            archive.faults.queue[DATA] = []
            client.request("GET", url, params={"more": "s3cret"}, max_bytes=1 << 20)
    assert any("dataPortal" in one.getMessage() for one in caplog.records)
    assert "s3cret" not in caplog.text
    assert "s3cret" not in str(failure.value)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://user:pw@host:1/a/b?c=d#e", "https://host:1/a/b"),
        ("http://[::1]:80/a?b", "http://[::1]:80/a"),
        ("no address?x", "no address"),
    ],
)
def test_an_address_is_said_without_what_may_be_secret(url, said):
    assert strip_query(url) == said

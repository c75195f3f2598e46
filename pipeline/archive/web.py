"""Requests to the archive: few at a time, with time limits, retried when that can help.

Retried are answers 429 and 5xx and broken or silent connections, after a growing pause with jitter
or the pause that the server asks for; nothing else is. A password file of the user's (.netrc) is
never read: its line for the host would replace our token. Proxies and certificates from the
environment are respected.
"""

import os
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

import requests

from pipeline import __version__
from pipeline.archive.wire import Bounded, Transient, bare, read_piece, retry_after_s, words
from pipeline.config.settings import ArchiveSettings
from pipeline.errors import ArchiveRefused, ArchiveUnreachable

PROJECT = "muse-differential-photometry"
LONGEST_PAUSE_S = 60.0
LONGEST_RETRY_AFTER_S = 600.0  # who asks for more is not waited for
MAX_REDIRECTS = 5

T = TypeVar("T")


class Sink(Protocol):
    """What a body is written into."""

    def write(self, data: bytes, /) -> object:
        """Take the next bytes."""


@dataclass(frozen=True)
class Answer:
    """A complete answer of moderate size; its status may be an error of the asker's, 4xx."""

    status: int
    url: str
    headers: Mapping[str, str]
    body: bytes


class _Gate:
    """Lets a bounded number of requests to one host through, none while the host wants a rest."""

    def __init__(self, places: int) -> None:
        self.places = threading.BoundedSemaphore(places)
        self.closed_until = 0.0


class Web:
    """The connections of one run.

    Parameters
    ----------
    settings : ArchiveSettings
        Limits and patience.
    sleep, clock, chance : callable
        For tests: pausing, a monotonic clock [s], and a random number in 0 to 1.
    """

    def __init__(
        self,
        settings: ArchiveSettings,
        *,
        sleep: Callable[[float], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.stopping = threading.Event()  # once set, transfers and pauses end at once
        self._sleep = self.stopping.wait if sleep is None else sleep
        self._chance = chance
        self._gates: dict[str, _Gate] = {}
        self._lock = threading.Lock()
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.max_redirects = MAX_REDIRECTS
        self._session.verify = (
            os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
        )
        self._session.headers["User-Agent"] = f"{PROJECT}/{__version__}"
        self._session.headers["Accept-Encoding"] = "identity"  # sizes are those of the files
        adapter = requests.adapters.HTTPAdapter(pool_maxsize=settings.connections, max_retries=0)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def ask(
        self,
        method: str,
        url: str,
        *,
        max_bytes: int,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, str] | None = None,
        follow: bool = True,
    ) -> Answer:
        """The answer to a question, after as many attempts as it takes.

        Raises
        ------
        ArchiveUnreachable
            If every attempt failed.
        ArchiveRefused
            If the answer is larger than ``max_bytes``, or redirects without end.
        """

        def attempt() -> Answer:
            with self.open(method, url, params=params, data=data, follow=follow) as response:
                body = Bounded(max_bytes, url)
                self.receive(response, body, self.settings.answer_limit_s)
                headers = {key.lower(): value for key, value in response.headers.items()}
                return Answer(response.status_code, url, headers, bytes(body.data))

        return self.retrying(attempt, url)

    def retrying(self, attempt: Callable[[], T], url: str) -> T:
        """The result of the first attempt that is not ``Transient``.

        Raises
        ------
        ArchiveUnreachable
            If all were, or the server asks for too long a pause.
        """
        for number in range(1, self.settings.attempts + 1):
            if self.stopping.is_set():
                raise ArchiveUnreachable(f"{bare(url)}: not tried, the run was stopped")
            try:
                return attempt()
            except Transient as failure:
                last = failure
            pause = self._pause(number, last.retry_after_s)
            if number == self.settings.attempts or last.retry_after_s > LONGEST_RETRY_AFTER_S:
                break
            if last.retry_after_s:
                self._gate(url).closed_until = self.clock() + pause
            self._sleep(pause)
        raise ArchiveUnreachable(
            f"{bare(url)}: {last} (attempt {number} of {self.settings.attempts}); "
            "run the same command again later, it goes on where it stopped"
        )

    def _pause(self, number: int, retry_after_s: float) -> float:
        growing = min(LONGEST_PAUSE_S, self.settings.backoff_s * 2.0 ** (number - 1))
        return max(retry_after_s, growing * (0.5 + 0.5 * self._chance()))

    @contextmanager
    def open(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        follow: bool = True,
    ) -> Iterator[requests.Response]:
        """One attempt at a request, redirected if it may be; its body is yet to be received.

        Raises
        ------
        Transient
            On 429, 5xx, a broken or a silent connection.
        ArchiveRefused
            If the address cannot be used or redirects without end, or its certificate is wrong.
        """
        gate = self._gate(url)
        with gate.places:
            self._sleep(max(0.0, gate.closed_until - self.clock()))
            try:
                response = self._session.request(
                    method,
                    url,
                    params=params,
                    data=data,
                    headers=headers,
                    stream=True,
                    allow_redirects=follow,
                    timeout=(self.settings.connect_timeout_s, self.settings.read_timeout_s),
                    proxies=requests.utils.get_environ_proxies(url),
                )
            except requests.exceptions.SSLError as error:
                raise ArchiveRefused(f"{bare(url)}: certificate not accepted") from error
            except (
                requests.ConnectionError,
                requests.Timeout,
                requests.exceptions.ChunkedEncodingError,
            ) as error:
                raise Transient(words(error)) from error
            except (requests.RequestException, ValueError) as error:
                raise ArchiveRefused(f"{bare(url)}: {type(error).__name__}") from error
            with response:
                if response.status_code == 429 or response.status_code >= 500:
                    raise Transient(f"HTTP {response.status_code}", retry_after_s(response))
                yield response

    def receive(self, response: requests.Response, sink: Sink, limit_s: float) -> int:
        """Number of bytes of a body that were written into ``sink``, which is all of them.

        Raises
        ------
        Transient
            If the connection breaks, is silent or too slow, or takes longer than ``limit_s``.
        """
        started = window = self.clock()
        received = in_window = 0
        slowest = self.settings.slowest_kb_per_s * 1000 * self.settings.read_timeout_s
        while chunk := read_piece(response):
            sink.write(chunk)
            if self.stopping.is_set():
                raise Transient("the run was stopped")
            received += len(chunk)
            in_window += len(chunk)
            now = self.clock()
            if now - started > limit_s:
                raise Transient(f"not complete after {limit_s:g} s")
            if now - window >= self.settings.read_timeout_s:
                if in_window < slowest:
                    raise Transient(f"slower than {self.settings.slowest_kb_per_s:g} kB/s")
                window, in_window = now, 0
        return received

    def _gate(self, url: str) -> _Gate:
        host = urlsplit(url).netloc
        with self._lock:
            return self._gates.setdefault(host, _Gate(self.settings.connections))

"""Requests over HTTP: one client and one retry policy for every service that the pipeline uses.

Retried are the statuses 429 and 5xx and broken, silent or too slow connections, after a pause that
grows with jitter or that the server asks for; nothing else is. urllib3's ``Retry`` reads the server's
request for a pause; it does not make the attempts, because it cannot resume a body that broke half
way, share a pause between threads, or be woken from one when the run is stopped.

A password file of the user's (.netrc) is never read: its line for the host would replace our token.
Proxies and certificates from the environment are respected. No query string, which may hold a secret,
gets into a message or a log.
"""

import logging
import os
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

import requests
import urllib3

from pipeline import __version__
from pipeline.errors import RequestError

PROJECT = "muse-differential-photometry"
CHUNK_BYTES = 1 << 16
LONGEST_PAUSE_S = 60.0  # between two attempts, unless the server asks for a longer one
MAX_REDIRECTS = 5
MOVED_FOR_GOOD = (301, 308)
TURNED_INTO_GET = (301, 302, 303)  # what every client makes of a POST that is redirected so
BROKEN = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
IDEMPOTENT = ("GET", "HEAD", "PUT", "DELETE")  # may be sent again after a broken connection

T = TypeVar("T")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class HttpLimits:
    """How patient a client is, and how many requests it makes at a time."""

    attempts: int = 6
    backoff_s: float = 1.0  # pause before the second attempt; doubled before each further one
    longest_retry_after_s: float = 600.0  # a server that asks for a longer pause is given up
    connections: int = 3  # at a time to one host
    connect_timeout_s: float = 20.0
    read_timeout_s: float = 60.0  # of silence
    response_limit_s: float = 600.0  # for a complete response that is kept in memory
    slowest_kb_per_s: float = 2.0  # a slower transfer counts as broken


@dataclass(frozen=True)
class HttpResponse:
    """A complete response of moderate size; its status may be a client error, 4xx."""

    status: int
    url: str
    headers: Mapping[str, str]  # names in lower case
    body: bytes


class Sink(Protocol):
    """What a body is written into."""

    def write(self, data: bytes, /) -> object:
        """Take the next bytes."""


class TransientError(Exception):
    """An attempt failed in a way that another may not.

    Parameters
    ----------
    cause : str
        In words.
    retry_after_s : float
        Pause that the server asks for [s], 0 if it asks for none.
    acted : bool
        Whether the server may have acted on the request nevertheless.
    """

    def __init__(self, cause: str, retry_after_s: float = 0.0, *, acted: bool = True) -> None:
        super().__init__(cause)
        self.retry_after_s = retry_after_s
        self.acted = acted


class _Host:
    """Lets a bounded number of requests to one host through, none while it asks for a pause."""

    def __init__(self, connections: int) -> None:
        self.places = threading.BoundedSemaphore(connections)
        self.closed_until = 0.0


class _BoundedBody:
    """Collects a body in memory up to a limit."""

    def __init__(self, max_bytes: int, url: str, refused: type[RequestError]) -> None:
        self.data = bytearray()
        self._max_bytes, self._url, self._refused = max_bytes, url, refused

    def write(self, data: bytes) -> None:
        self.data += data
        if len(self.data) > self._max_bytes:
            raise self._refused(
                f"{strip_query(self._url)}: the response has more than {self._max_bytes} bytes"
            )


class HttpClient:
    """The connections of one run.

    Parameters
    ----------
    limits : HttpLimits
        Patience and number of connections.
    unreachable, refused : subclass of RequestError
        Raised if every attempt failed, and if the response or the address cannot be used.
    sleep, clock, chance : callable
        For tests: pausing, a monotonic clock [s], and a random number in 0 to 1.
    """

    def __init__(
        self,
        limits: HttpLimits,
        *,
        unreachable: type[RequestError],
        refused: type[RequestError],
        sleep: Callable[[float], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.limits = limits
        self.clock = clock
        self.stopping = threading.Event()  # once set, transfers and pauses end at once
        self._unreachable, self._refused = unreachable, refused
        self._sleep = self.stopping.wait if sleep is None else sleep
        self._chance = chance
        self._hosts: dict[str, _Host] = {}
        self._moved: set[str] = set()
        self._lock = threading.Lock()
        self._session = _session(limits.connections)

    def __enter__(self) -> "HttpClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def request(
        self, method: str, url: str, *, max_bytes: int, repeatable: bool = True, **options: Any
    ) -> HttpResponse:
        """The response to a request, after as many attempts as it takes.

        Parameters
        ----------
        max_bytes : int
            A longer response is refused.
        repeatable : bool
            Whether the request may be sent again when the server may have acted on it: True for
            every question, False for a POST that makes something.
        **options
            As of ``stream``.

        Raises
        ------
        RequestError
            The client's ``unreachable`` if every attempt failed; ``refused`` if the response is too
            long, the address cannot be used, or it redirects without end.
        """

        def attempt() -> HttpResponse:
            with self.stream(method, url, **options) as response:
                body = _BoundedBody(max_bytes, url, self._refused)
                self.receive(response, body, self.limits.response_limit_s)
                headers = {key.lower(): value for key, value in response.headers.items()}
                return HttpResponse(response.status_code, url, headers, bytes(body.data))

        return self.retry(attempt, url, repeatable=repeatable)

    def retry(self, attempt: Callable[[], T], url: str, *, repeatable: bool = True) -> T:
        """The result of the first attempt that does not fail with ``TransientError``.

        Raises
        ------
        RequestError
            The client's ``unreachable`` if all failed, or the server asks for too long a pause.
        """
        attempts, where = self.limits.attempts, strip_query(url)
        for number in range(1, attempts + 1):
            if self.stopping.is_set():
                raise self._unreachable(f"{where}: not tried, the run was stopped")
            try:
                return attempt()
            except TransientError as failure:
                last = failure
            _log.debug("%s: %s (attempt %d of %d)", where, last, number, attempts)
            too_long = last.retry_after_s > self.limits.longest_retry_after_s
            if number == attempts or too_long or (last.acted and not repeatable):
                break
            self._pause(number, last.retry_after_s, url)
        raise self._unreachable(
            f"{where}: {last} (attempt {number} of {attempts}); run the same command again later, "
            "it resumes where it stopped"
        )

    def _pause(self, number: int, retry_after_s: float, url: str) -> None:
        growing = min(LONGEST_PAUSE_S, self.limits.backoff_s * 2.0 ** (number - 1))
        pause = max(retry_after_s, growing * (0.5 + 0.5 * self._chance()))
        if retry_after_s:
            self._host(url).closed_until = self.clock() + pause
        self._sleep(pause)

    @contextmanager
    def stream(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, str] | str | None = None,
        json: Any = None,
        upload: Path | None = None,
        headers: Mapping[str, str] | None = None,
        follow: bool = True,
    ) -> Iterator[requests.Response]:
        """One attempt at a request; its body is yet to be received.

        Parameters
        ----------
        params, data, json : mapping
            Query, form (or its text) or JSON that the request carries.
        upload : Path
            A file whose bytes are the request's body.
        follow : bool
            Whether redirects are followed; a token in ``headers`` never goes to another host.

        Raises
        ------
        TransientError
            On 429, 5xx, a broken or a silent connection.
        RequestError
            The client's ``refused`` if the address cannot be used or redirects without end, or its
            certificate is not valid.
        """
        host = self._host(url)
        with host.places, ExitStack() as stack:
            self._sleep(max(0.0, host.closed_until - self.clock()))
            body = stack.enter_context(upload.open("rb")) if upload is not None else data
            request = {"params": params, "data": body, "json": json, "headers": headers}
            response = self._send(url, method=method, allow_redirects=follow, **request)
            stack.enter_context(response)
            self._note_redirects(method, url, response)
            if response.status_code == 429 or response.status_code >= 500:
                pause = retry_after_s(response)
                raise TransientError(f"HTTP {response.status_code}", pause, acted=False)
            yield response

    def _send(self, url: str, **request: Any) -> requests.Response:
        """The head of a response; errors are described without their texts, which quote requests."""
        where = strip_query(url)
        try:
            return self._session.request(
                url=url,
                stream=True,
                timeout=(self.limits.connect_timeout_s, self.limits.read_timeout_s),
                proxies=requests.utils.get_environ_proxies(url),
                **request,
            )
        except requests.exceptions.SSLError:
            raise self._refused(f"{where}: the certificate is not accepted") from None
        except BROKEN as error:
            raise TransientError(describe_error(error)) from None
        except (requests.RequestException, ValueError) as error:
            raise self._refused(f"{where}: {type(error).__name__}") from None

    def _note_redirects(self, method: str, url: str, response: requests.Response) -> None:
        """Say that an address has moved; a question that a redirect has emptied is not an answer."""
        statuses = [one.status_code for one in response.history]
        target = strip_query(response.url)
        if method == "POST" and any(status in TURNED_INTO_GET for status in statuses):
            raise self._refused(
                f"{strip_query(url)} has moved to {target}; set that address in report.toml"
            )
        if any(status in MOVED_FOR_GOOD for status in statuses):
            host = urlsplit(url).netloc
            if host not in self._moved:  # once is enough
                self._moved.add(host)
                where = strip_query(url)
                _log.warning("%s has moved to %s; set that address in report.toml", where, target)

    def receive(self, response: requests.Response, sink: Sink, limit_s: float) -> int:
        """Number of bytes of a body that were written into ``sink``, which is all of them.

        Raises
        ------
        TransientError
            If the connection breaks, is silent or too slow, or takes longer than ``limit_s``.
        """
        started = window = self.clock()
        received = in_window = 0
        slowest = self.limits.slowest_kb_per_s * 1000 * self.limits.read_timeout_s
        while chunk := _read_chunk(response):
            sink.write(chunk)
            if self.stopping.is_set():
                raise TransientError("the run was stopped")
            received += len(chunk)
            in_window += len(chunk)
            now = self.clock()
            if now - started > limit_s:
                raise TransientError(f"not complete after {limit_s:g} s")
            if now - window >= self.limits.read_timeout_s:
                if in_window < slowest:
                    raise TransientError(f"slower than {self.limits.slowest_kb_per_s:g} kB/s")
                window, in_window = now, 0
        return received

    def _host(self, url: str) -> _Host:
        name = urlsplit(url).netloc
        with self._lock:
            return self._hosts.setdefault(name, _Host(self.limits.connections))


def _session(connections: int) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.max_redirects = MAX_REDIRECTS
    session.verify = (
        os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
    )
    session.headers["User-Agent"] = f"{PROJECT}/{__version__}"
    session.headers["Accept-Encoding"] = "identity"  # sizes are those of the files
    adapter = requests.adapters.HTTPAdapter(pool_maxsize=connections, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _read_chunk(response: requests.Response) -> bytes:
    """The bytes that are there, b"" at the end; what is slow to come is not waited for in bulk."""
    try:
        return bytes(response.raw.read1(CHUNK_BYTES, decode_content=False) or b"")
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise TransientError(describe_error(error)) from None


def retry_after_s(response: requests.Response) -> float:
    """The pause that a server asks for [s], given as seconds or as a date; 0 if it asks for none."""
    policy = urllib3.Retry(retry_after_max=999_999_999)
    try:
        return float(policy.parse_retry_after(response.headers.get("Retry-After", "")))
    except urllib3.exceptions.InvalidHeader:
        return 0.0


def describe_error(error: Exception) -> str:
    """Description of a broken connection; the library's own text may quote headers and addresses."""
    text = f"{type(error).__name__} {error}"
    causes = {
        "NameResolution": "host name not found",
        "timed out": "no answer in time",
        "Timeout": "no answer in time",
        "refused": "connection refused",
        "IncompleteRead": "connection broke before the end",
    }
    return next((cause for key, cause in causes.items() if key in text), "connection broken")


def strip_query(url: str) -> str:
    """The address without user, query and fragment, which may hold a secret."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}" if host else url.partition("?")[0]


class _StripQueries(logging.Filter):
    """Takes query strings out of urllib3's own log, where a password may stand in one."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                one.partition("?")[0] if isinstance(one, str) else one for one in record.args
            )
        return True


for _name in ("urllib3.connectionpool", "urllib3.util.retry"):
    logging.getLogger(_name).addFilter(_StripQueries())

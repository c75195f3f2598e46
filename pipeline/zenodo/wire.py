"""Requests to the deposit service: over https, with time limits, retried when that can help.

Retried are 429 and 5xx, after the pause that the server asks for, and broken connections of requests
that may be sent twice. Redirects are not followed, nor are addresses of another server used that an
answer names: the token goes nowhere else.
"""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

import requests

from pipeline import __version__
from pipeline.errors import DepositRefused, DepositUnreachable, TokenRefused
from pipeline.zenodo.files import LocalFile
from pipeline.zenodo.token import Token

ATTEMPTS = 5
PAUSE_S = 2.0  # before the second attempt; then twice as long each time
LONGEST_PAUSE_S = 120.0  # who asks for more is not waited for
TIMEOUT_S = (20.0, 120.0)  # to connect and to send a block; of silence before the answer
MAX_ANSWER_BYTES = 10_000_000
QUOTED = 500  # characters of a server's explanation in a message
TWICE = ("GET", "PUT", "DELETE")  # may be sent again after a broken connection


class Wire(Protocol):
    """Whatever answers requests: the service, or a dry run."""

    server: str

    def send(self, method: str, url: str, body: Mapping[str, Any] | LocalFile | None = None) -> Any:
        """The answer's JSON."""


class _Failure(Exception):
    """An attempt that may be repeated; ``broken``: the server may have done what was asked."""

    def __init__(self, said: str, pause_s: float = 0.0, *, broken: bool = False) -> None:
        super().__init__(said)
        self.said, self.pause_s, self.broken = said, pause_s, broken


def checked_server(url: str) -> str:
    """The server's address without a slash at its end.

    Raises
    ------
    DepositRefused
        If it is not https, other than 127.0.0.1, or holds more than a host.
    """
    parts = urlsplit(url)
    local = parts.scheme == "http" and parts.hostname == "127.0.0.1"
    if not (parts.scheme == "https" or local) or not parts.hostname:
        raise DepositRefused(
            f"--server {url!r}: tokens go over https only, as in https://zenodo.org"
        )
    if parts.username or parts.password or parts.query or parts.fragment or parts.path.strip("/"):
        raise DepositRefused(f"--server {url!r}: only scheme and host, as in https://zenodo.org")
    return f"{parts.scheme}://{parts.netloc}"


class Http:
    """The service itself.

    Parameters
    ----------
    server : str
        As ``checked_server`` returns it.
    sleep : callable
        For tests.
    """

    def __init__(
        self, server: str, token: Token, *, sleep: Callable[[float], object] = time.sleep
    ) -> None:
        self.server = server
        self._token, self._sleep = token, sleep
        self._session = requests.Session()
        self._session.trust_env = False  # a .netrc would replace the token
        self._session.headers["User-Agent"] = f"muse-differential-photometry/{__version__}"
        self._session.headers["Accept"] = "application/json"

    def send(self, method: str, url: str, body: Mapping[str, Any] | LocalFile | None = None) -> Any:
        """The answer's JSON; None if the answer is empty.

        Raises
        ------
        TokenRefused, DepositRefused
            On an answer 401 or 403, or any other that is not a success.
        DepositUnreachable
            If no attempt was answered.
        """
        if not url.startswith(f"{self.server}/"):
            raise DepositRefused(f"{_bare(url)}: not on {self.server}; the token is not sent there")
        what = f"{method} {_bare(url)}"
        for number in range(1, ATTEMPTS + 1):
            try:
                return self._attempt(method, url, body, what)
            except _Failure as failure:
                last = failure
            if last.pause_s > LONGEST_PAUSE_S or (last.broken and method not in TWICE):
                break
            if number < ATTEMPTS:
                self._sleep(max(last.pause_s, PAUSE_S * 2.0 ** (number - 1)))
        raise DepositUnreachable(
            f"{what}: {last.said} (attempt {number} of {ATTEMPTS}); run the same command again "
            "later, it goes on where it stopped"
        )

    def _attempt(
        self, method: str, url: str, body: Mapping[str, Any] | LocalFile | None, what: str
    ) -> Any:
        try:
            if isinstance(body, LocalFile):
                with body.path.open("rb") as file:
                    headers = {"Content-Type": "application/octet-stream"}
                    response = self._request(method, url, data=file, headers=headers)
            else:
                response = self._request(method, url, json=body)
            with response:
                content = _bounded(response, what)
        except (requests.ConnectionError, requests.Timeout) as error:
            raise _Failure(_words(error), broken=True) from None  # its text quotes the request
        except requests.exceptions.ChunkedEncodingError:
            raise _Failure("the connection broke within the answer", broken=True) from None
        except requests.RequestException as error:
            raise DepositRefused(f"{what}: {type(error).__name__}") from None
        return self._judge(response, content, what)

    def _request(self, method: str, url: str, **more: Any) -> requests.Response:
        headers = self._token.header | more.pop("headers", {})
        return self._session.request(
            method,
            url,
            headers=headers,
            timeout=TIMEOUT_S,
            allow_redirects=False,
            stream=True,
            proxies=requests.utils.get_environ_proxies(url),
            **more,
        )

    def _judge(self, response: requests.Response, content: bytes, what: str) -> Any:
        status = response.status_code
        if status == 429 or status >= 500:
            raise _Failure(f"HTTP {status}", _retry_after_s(response))
        said = _one_line(self._token.hidden(content.decode("utf-8", "replace")))[:QUOTED]
        if status in (401, 403):
            raise TokenRefused(
                f"{what}: HTTP {status}, the token is not accepted; it must be of this server and "
                "allow deposit:write and deposit:actions"
            )
        if not 200 <= status < 300:
            raise DepositRefused(f"{what}: HTTP {status}: {said or 'no explanation'}")
        try:
            return json.loads(content) if content.strip() else None
        except ValueError:
            raise DepositRefused(f"{what}: the answer is not JSON: {said}") from None


def _bounded(response: requests.Response, what: str) -> bytes:
    content = b""
    for block in response.iter_content(1 << 16):
        content += block
        if len(content) > MAX_ANSWER_BYTES:
            raise DepositRefused(f"{what}: the answer is longer than {MAX_ANSWER_BYTES} bytes")
    return content


def _retry_after_s(response: requests.Response) -> float:
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isdigit() else 0.0


def _words(error: Exception) -> str:
    silent = isinstance(error, requests.Timeout)
    return "no answer in time" if silent else "the connection broke or could not be made"


def _one_line(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)


def _bare(url: str) -> str:
    """The address without anything that could be a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"

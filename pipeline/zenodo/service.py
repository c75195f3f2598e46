"""The deposit service: requests that carry the token, responses judged and read as JSON.

Redirects are not followed, nor are addresses of another server used that a response names: the token
goes nowhere else. What is retried is in ``pipeline.http``; a POST whose connection broke is not, since
the service may have made a draft.
"""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

from pipeline.errors import DepositRefused, DepositUnreachable, TokenRefused
from pipeline.http import IDEMPOTENT, HttpClient, HttpLimits, HttpResponse, strip_query
from pipeline.zenodo.files import LocalFile
from pipeline.zenodo.token import Token

LIMITS = HttpLimits(
    attempts=5,
    backoff_s=2.0,
    longest_retry_after_s=120.0,
    read_timeout_s=120.0,
    slowest_kb_per_s=0.0,  # responses are small; uploads are limited by the time to the next byte
)
MAX_RESPONSE_BYTES = 10_000_000
QUOTED = 500  # characters of a server's explanation in a message


class Service(Protocol):
    """Whatever responds to requests: the deposit service, or a dry run."""

    server: str

    def send(self, method: str, url: str, body: Mapping[str, Any] | LocalFile | None = None) -> Any:
        """The JSON of the response."""


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


class HttpService:
    """The deposit service over HTTP.

    Parameters
    ----------
    server : str
        As ``checked_server`` returns it.
    limits : HttpLimits
        Patience, by default ``LIMITS``.
    sleep : callable
        For tests.
    """

    def __init__(
        self,
        server: str,
        token: Token,
        *,
        limits: HttpLimits | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.server = server
        self._token = token
        self._client = HttpClient(
            limits or LIMITS, unreachable=DepositUnreachable, refused=DepositRefused, sleep=sleep
        )

    def send(self, method: str, url: str, body: Mapping[str, Any] | LocalFile | None = None) -> Any:
        """The JSON of the response; None if it is empty.

        Raises
        ------
        TokenRefused, DepositRefused
            On a status 401 or 403, or any other that is not a success.
        DepositUnreachable
            If no attempt got a response.
        """
        where = strip_query(url)
        if not url.startswith(f"{self.server}/"):
            raise DepositRefused(f"{where}: not on {self.server}; the token is not sent there")
        is_file = isinstance(body, LocalFile)
        headers = {"Accept": "application/json", **self._token.header}
        if is_file:
            headers["Content-Type"] = "application/octet-stream"
        response = self._client.request(
            method,
            url,
            max_bytes=MAX_RESPONSE_BYTES,
            repeatable=method in IDEMPOTENT,
            headers=headers,
            json=None if is_file else body,
            upload=body.path if isinstance(body, LocalFile) else None,
            follow=False,
        )
        return self._judge(response, f"{method} {where}")

    def _judge(self, response: HttpResponse, request: str) -> Any:
        """The JSON of a response that is a success."""
        status, content = response.status, response.body
        explanation = self._token.hidden(content.decode("utf-8", "replace"))
        explanation = "".join(c if c.isprintable() else " " for c in explanation)[:QUOTED]
        if status in (401, 403):
            raise TokenRefused(
                f"{request}: HTTP {status}, the token is not accepted; it must be of this server "
                "and allow deposit:write and deposit:actions"
            )
        if not 200 <= status < 300:
            explanation = explanation or "no explanation"
            raise DepositRefused(f"{request}: HTTP {status}: {explanation}")
        try:
            return json.loads(content) if content.strip() else None
        except ValueError:
            raise DepositRefused(f"{request}: the response is not JSON: {explanation}") from None

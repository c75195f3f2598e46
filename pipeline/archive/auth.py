"""A token for files that are not public yet, only when one is refused without it.

Standards and their calibrations are public, so most runs never log in. User name and password come
from the environment (ESO_USERNAME, ESO_PASSWORD) or the system's keyring. The password is sent in the
body of one POST over TLS; a service that says that it takes only GET, as ESO documents it, gets it in
the query of one address. The token is kept in memory only. Neither appears in messages, logs, files or
the arguments of a process.
"""

import base64
import json
import os
import threading
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from pipeline.errors import LoginFailed
from pipeline.http import HttpClient, HttpResponse, strip_query

KEYRING_SERVICE = "astroquery:www.eso.org"  # who has stored it for astroquery need not do it again
MARGIN_S = 60.0  # a token this near to its end is renewed
MAX_RESPONSE_BYTES = 1 << 20
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Login:
    """Logs in when asked, at most once at a time, and remembers the token."""

    def __init__(
        self, client: HttpClient, login_url: str, environment: Mapping[str, str] = os.environ
    ) -> None:
        self._client, self._url, self._environment = client, login_url, environment
        self._lock = threading.Lock()
        self._token = ""
        self._expires = 0.0
        self._failure: LoginFailed | None = None

    def headers(self) -> dict[str, str]:
        """The header that carries the token; empty before the first login and after its end."""
        with self._lock:
            return self._header()

    def log_in(self, refused: Mapping[str, str]) -> None:
        """Get a token, unless another thread has renewed the one that was refused.

        Raises
        ------
        LoginFailed
            If there are no credentials, the address is not safe, or the archive refuses them.
        """
        with self._lock:
            if self._header() not in ({}, dict(refused)):
                return
            if self._failure is not None:  # a second try may lock the account
                raise self._failure
            user, password = self._credentials()
            try:
                self._token, self._expires = self._read(self._send(user, password), user)
            except LoginFailed as failure:
                self._failure = failure
                raise

    def _send(self, user: str, password: str) -> HttpResponse:
        """The response to one login: by POST, then by GET if the service takes nothing else."""
        url = self._safe_address()
        form = login_form() | {"username": user, "password": password}
        # follow: wherever it redirects to, the password does not go there
        options: dict[str, Any] = {"max_bytes": MAX_RESPONSE_BYTES, "follow": False}
        response = self._client.request("POST", url, data=form, **options)
        if takes_only_get(response):
            response = self._client.request("GET", url, params=form, **options)
        return response

    def _header(self) -> dict[str, str]:
        if self._token and time.time() < self._expires - MARGIN_S:
            return {"Authorization": f"Bearer {self._token}"}
        return {}

    def _credentials(self) -> tuple[str, str]:
        user = self._environment.get("ESO_USERNAME", "")
        password = self._environment.get("ESO_PASSWORD", "")
        if user and not password:
            password = _from_keyring(user)
        if not (user and password):
            raise LoginFailed(
                "a login is needed: set ESO_USERNAME, and ESO_PASSWORD or a password in the "
                f"keyring (keyring set {KEYRING_SERVICE} USERNAME)"
            )
        return user, password

    def _safe_address(self) -> str:
        parts = urlsplit(self._url)
        if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
            raise LoginFailed(f"archive.login_url = {self._url!r}: passwords go over https only")
        return self._url

    def _read(self, response: HttpResponse, user: str) -> tuple[str, float]:
        """The token and its end; the response itself is never quoted."""
        if 300 <= response.status < 400:
            raise LoginFailed(
                f"{self._url} has moved to {strip_query(response.headers.get('location', '?'))}; if "
                "that is the archive's, set archive.login_url to it"
            )
        try:
            token = str(json.loads(response.body)["id_token"]) if response.status == 200 else ""
            payload = token.split(".")[1]
            claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
            return token, float(claims["exp"])
        except (ValueError, KeyError, TypeError, IndexError):
            # the cause would quote the response, and with it a token
            raise LoginFailed(
                f"{self._url}: HTTP {response.status}, no token for user {user!r}; check the password"
            ) from None


def login_form() -> dict[str, str]:
    """The fields of a login without user and password: the archive's public values for programs."""
    return {
        "grant_type": "password",
        "response_type": "id_token token",
        "client_id": "clientid",
        "client_secret": "clientSecret",
    }


def takes_only_get(response: HttpResponse) -> bool:
    """Whether a service says in its response to a POST that it wants a GET."""
    allowed = response.headers.get("allow", "").upper()
    return response.status in (405, 501) or (response.status == 400 and allowed == "GET")


def _from_keyring(user: str) -> str:
    """The password that the system's keyring holds, "" if it has none or there is no keyring."""
    import keyring  # asks the desktop's services: only when it is needed
    from keyring.errors import KeyringError

    try:
        return keyring.get_password(KEYRING_SERVICE, user) or ""
    except KeyringError:
        return ""

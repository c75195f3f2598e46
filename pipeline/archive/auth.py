"""A token for files that are not public yet, only when one is refused without it.

Standards and their calibrations are public, so most runs never log in. User name and password come
from the environment (ESO_USERNAME, ESO_PASSWORD) or the system's keyring; the password is sent in
the body of one request over TLS, the token is kept in memory only. Neither appears in messages,
logs, addresses, files or the arguments of a process.
"""

import base64
import json
import os
import threading
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from pipeline.archive.web import Answer, Web
from pipeline.errors import LoginFailed

KEYRING_SERVICE = "astroquery:www.eso.org"  # who has stored it for astroquery need not do it again
MARGIN_S = 60.0  # a token this near to its end is renewed
MAX_ANSWER_BYTES = 1 << 20
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Login:
    """Logs in when asked, at most once at a time, and remembers the token."""

    def __init__(self, web: Web, login_url: str, environment: Mapping[str, str] = os.environ):
        self._web, self._url, self._environment = web, login_url, environment
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
            answer = self._web.ask(
                "POST",
                self._safe_address(),
                data={
                    "grant_type": "password",
                    "response_type": "id_token token",
                    "client_id": "clientid",  # the archive's own public values for programs
                    "client_secret": "clientSecret",
                    "username": user,
                    "password": password,
                },
                max_bytes=MAX_ANSWER_BYTES,
                follow=False,  # wherever it points, the password does not go there
            )
            try:
                self._token, self._expires = self._read(answer, user)
            except LoginFailed as failure:
                self._failure = failure
                raise

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

    def _read(self, answer: Answer, user: str) -> tuple[str, float]:
        """The token and its end; the answer itself is never quoted."""
        try:
            token = str(json.loads(answer.body)["id_token"]) if answer.status == 200 else ""
            payload = token.split(".")[1]
            claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
            return token, float(claims["exp"])
        except (ValueError, KeyError, TypeError, IndexError):
            # the cause would quote the answer, and with it a token
            raise LoginFailed(
                f"{self._url}: HTTP {answer.status}, no token for user {user!r}; check the password"
            ) from None


def _from_keyring(user: str) -> str:
    """The password that the system's keyring holds, "" if it has none or there is no keyring."""
    import keyring  # asks the desktop's services: only when it is needed
    from keyring.errors import KeyringError

    try:
        return keyring.get_password(KEYRING_SERVICE, user) or ""
    except KeyringError:
        return ""

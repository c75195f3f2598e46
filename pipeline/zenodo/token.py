"""The token of the deposit service: from the environment or the system's keyring, nowhere else."""

import os
from collections.abc import Mapping

from pipeline.errors import TokenRefused

VARIABLE = "ZENODO_TOKEN"
KEYRING_SERVICE = "muse-differential-photometry zenodo"


class Token:
    """A secret that prints as asterisks and can be removed from other text."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def __repr__(self) -> str:
        return "Token(***)"

    __str__ = __repr__

    @property
    def header(self) -> dict[str, str]:
        """What a request carries."""
        return {"Authorization": f"Bearer {self._secret}"}

    def hidden(self, text: str) -> str:
        """The text with the token replaced, should a server have sent it back."""
        return text.replace(self._secret, "***")


def token_for(host: str, environment: Mapping[str, str] = os.environ) -> Token:
    """The token for a server; each server's is kept under its own name in the keyring.

    Raises
    ------
    TokenRefused
        If there is none, or it holds characters that no token has.
    """
    secret = environment.get(VARIABLE, "").strip() or _from_keyring(host)
    if not secret:
        raise TokenRefused(
            f"a token for {host} is needed: set {VARIABLE}, or store it with "
            f"keyring set '{KEYRING_SERVICE}' {host}; it needs deposit:write and deposit:actions"
        )
    if not (secret.isascii() and secret.isprintable()) or " " in secret:
        raise TokenRefused(f"{VARIABLE}: holds characters that no token has; copy it again")
    return Token(secret)


def _from_keyring(host: str) -> str:
    import keyring  # asks the desktop's services: only when it is needed
    from keyring.errors import KeyringError

    try:
        return keyring.get_password(KEYRING_SERVICE, host) or ""
    except KeyringError:
        return ""

"""What goes over a connection: pieces of a body, pauses that a server asks for, causes in words."""

import email.utils
import time

import requests
import urllib3

from pipeline.errors import ArchiveRefused

CHUNK_BYTES = 1 << 16


class Transient(Exception):
    """An attempt failed in a way that another may not."""

    def __init__(self, cause: str, retry_after_s: float = 0.0) -> None:
        super().__init__(cause)
        self.retry_after_s = retry_after_s


class Bounded:
    """Collects a body in memory up to a limit."""

    def __init__(self, max_bytes: int, url: str) -> None:
        self.data = bytearray()
        self._max_bytes, self._url = max_bytes, url

    def write(self, data: bytes) -> None:
        self.data += data
        if len(self.data) > self._max_bytes:
            raise ArchiveRefused(f"{bare(self._url)}: answers more than {self._max_bytes} bytes")


def read_piece(response: requests.Response) -> bytes:
    """The bytes that are there, b"" at the end; what is slow to come is not waited for in bulk."""
    try:
        return bytes(response.raw.read1(CHUNK_BYTES, decode_content=False) or b"")
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise Transient(words(error)) from error


def retry_after_s(response: requests.Response) -> float:
    """The pause that a server asks for, as seconds or as a date; 0 if it asks for none."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError):
        return 0.0


def words(error: Exception) -> str:
    """A broken connection in words; the library's own text may quote headers and addresses."""
    text = f"{type(error).__name__} {error}"
    causes = {
        "NameResolution": "host name not found",
        "timed out": "no answer in time",
        "Timeout": "no answer in time",
        "refused": "connection refused",
        "IncompleteRead": "connection broke before the end",
    }
    return next((cause for key, cause in causes.items() if key in text), "connection broken")


def bare(url: str) -> str:
    """The address without what may follow it."""
    return url.split("?", 1)[0]

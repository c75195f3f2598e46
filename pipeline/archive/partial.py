"""A partial download: what has arrived, and whether it can be resumed."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from pipeline.archive.store import write_bytes, write_json
from pipeline.archive.transfer import Transfer
from pipeline.archive.uncompress import is_compressed, uncompress
from pipeline.archive.verify import looks_like_fits
from pipeline.errors import FileRefused

MAX_FILE_BYTES = 16 << 30  # a MUSE raw frame has 0.1 to 1 GB
_STATUS = {
    404: "the archive does not have it",
    410: "the archive does not have it any more",
    301: "it has moved, and the archive does not say where to",
    302: "it has moved, and the archive does not say where to",
}
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


class Restart(Exception):
    """The partial file cannot be resumed: the download must start again from the first byte."""


class PartialFile:
    """The bytes of a file that have arrived, and which file the server said they belong to.

    Parameters
    ----------
    path : Path
        Where the bytes grow; a record lies beside it.
    name : str
        Identity of the file, for messages.
    """

    def __init__(self, path: Path, name: str) -> None:
        self.path, self.name = path, name
        self._record = path.with_name(path.name + ".json")
        self._validator, self._total = self._read()
        here = path.stat().st_size if path.exists() else 0
        self.offset = here if self._validator else 0

    @property
    def whole(self) -> bool:
        """Whether the last run was stopped after the last byte."""
        return self.offset > 0 and self.offset == self._total

    def resume_headers(self) -> dict[str, str]:
        """Request headers for the rest, or for the whole file if it has changed."""
        if not self.offset:
            return {}
        return {"Range": f"bytes={self.offset}-", "If-Range": self._validator}

    def accept(self, status: int, headers: Mapping[str, str]) -> int | None:
        """Size of the whole file, None if the server does not say; bytes may follow from here on.

        Raises
        ------
        Restart
            If the server's part does not begin where ours ends.
        FileRefused
            If it sends something else than a file of reasonable size.
        """
        kind = headers.get("Content-Type", "")
        if status not in (200, 206) and not (status == 416 and self.offset):
            raise FileRefused(f"{self.name}: {_STATUS.get(status, 'refused')} (HTTP {status})")
        if status != 416 and "html" in kind.lower():
            raise FileRefused(f"{self.name}: the server sends a page ({kind}), not data")
        if headers.get("Content-Encoding", "identity") != "identity":
            raise FileRefused(f"{self.name}: comes in an encoding that was not asked for")
        if status == 200:
            self._begin(headers)
        elif not self.offset:
            raise FileRefused(
                f"{self.name}: the server sends a part although the whole file was requested"
            )
        else:
            total = self._part_of(headers) if status == 206 else -1
            if total < 0 or self._total not in (None, total):
                raise Restart
            self._total = total
        if (self._total or 0) > MAX_FILE_BYTES:
            raise FileRefused(f"{self.name}: {self._total} bytes; the limit is {MAX_FILE_BYTES}")
        return self._total

    def discard(self) -> None:
        """Remove the partial file."""
        self.path.unlink(missing_ok=True)
        self._record.unlink(missing_ok=True)
        self._validator, self._total, self.offset = "", None, 0

    def expand(self) -> bool:
        """Decompress a file that was sent compressed as a whole; returns whether it was.

        Raises
        ------
        FileRefused
            If it is damaged, or too large for that.
        """
        with self.path.open("rb") as file:
            if not is_compressed(file.read(2)):
                return False
        try:
            content = uncompress(self.path.read_bytes())
        except ValueError as error:
            raise FileRefused(f"{self.name}: {error}") from error
        self._record.unlink(missing_ok=True)  # first: it describes the compressed bytes
        write_bytes(self.path, content)
        return True

    def publish(self, path: Path) -> None:
        """Give the complete file its name."""
        with self.path.open("rb") as file:
            os.fsync(file.fileno())
        self.path.replace(path)
        self._record.unlink(missing_ok=True)

    def _begin(self, headers: Mapping[str, str]) -> None:
        self.discard()  # first: old bytes must never stand beside the record of a new file
        length = headers.get("Content-Length", "")
        self._total = int(length) if length.isdecimal() else None
        tag = headers.get("ETag", "")
        strong = tag if tag and not tag.startswith("W/") else ""
        self._validator = strong or headers.get("Last-Modified", "")
        write_json(self._record, {"validator": self._validator, "total": self._total})

    def _part_of(self, headers: Mapping[str, str]) -> int:
        """Size of the whole file if the part that is sent continues ours, else -1."""
        found = _RANGE.fullmatch(headers.get("Content-Range", ""))
        return int(found[3]) if found and int(found[1]) == self.offset else -1

    def _read(self) -> tuple[str, int | None]:
        try:
            record = json.loads(self._record.read_text(encoding="utf-8"))
            total = record["total"]
            return str(record["validator"]), None if total is None else int(total)
        except (OSError, ValueError, KeyError, TypeError):
            return "", None


class FitsSink:
    """Appends a body to a partial file; refuses at once what does not begin like FITS."""

    def __init__(self, partial: PartialFile, transfer: Transfer) -> None:
        self._file = partial.path.open("ab" if partial.offset else "wb")
        self._partial, self._transfer = partial, transfer
        self._size = partial.offset
        transfer.begin(partial.name, partial.offset)

    def write(self, data: bytes) -> None:
        """Take the next bytes."""
        name = self._partial.name
        if self._size == 0 and not (looks_like_fits(data) or is_compressed(data)):
            raise FileRefused(f"{name}: what comes is not FITS; it begins with {data[:20]!r}")
        self._size += len(data)
        if self._size > MAX_FILE_BYTES:
            raise FileRefused(f"{name}: more than {MAX_FILE_BYTES} bytes")
        self._file.write(data)
        self._transfer.receive(name, len(data))

    def __enter__(self) -> "FitsSink":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

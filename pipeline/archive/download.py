"""Files of the archive on disk: every one verified, or named as missing.

A file grows under ``<dp_id>.partial``. An attempt that breaks goes on where it stopped, in this run
or a later one, if the server vouches (``If-Range``) that it is still the same file; else it begins
anew. Only a file whose size, structure and checksums hold gets its name. What the server calls the
file is never used for a path.
"""

import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

from pipeline.archive.auth import Login
from pipeline.archive.partial import FitsSink, PartialFile, Restart
from pipeline.archive.store import (
    SUFFIXES,
    FileRecord,
    Store,
    file_sha256,
    now,
    read_record,
    write_record,
)
from pipeline.archive.transfer import Transfer
from pipeline.archive.verify import Verified, verify_fits
from pipeline.config.settings import ArchiveSettings
from pipeline.errors import (
    ArchiveUnreachable,
    FileRefused,
    LoginFailed,
    PipelineError,
    WorkspaceError,
)
from pipeline.http import HttpClient, TransientError

GIVE_UP_AFTER = 10  # files in a row that no attempt reached: the archive is down
COMPRESSED, PLAIN = SUFFIXES


@dataclass(frozen=True)
class DownloadResult:
    """Outcome of one download."""

    name: str  # dp_id
    path: Path | None  # None: it is missing
    size: int = 0
    error: str = ""
    was_here: bool = False  # from an earlier run
    n_checksums: int = 0  # that the file carries and that hold; 0: only its structure was verified
    notes: tuple[str, ...] = ()  # what is unusual about it


class _Denied(Exception):
    """The file is refused to a guest, or the token is no longer good, or not good for this file."""

    def __init__(self, status: int) -> None:
        super().__init__()
        self.status = status


class Downloads:
    """Fetches files into a store.

    Parameters
    ----------
    client : HttpClient
        Connections; their limit per host is the number of files that come at the same time.
    settings : ArchiveSettings
        Address of the files, and how long one may take.
    store : Store
        Where the files lie.
    login : Login
        Gets a token when a file is refused without one.
    transfer : Transfer
        Shows the progress.
    release_dates : mapping
        From when on each file is public, where the catalogue knows it.
    """

    def __init__(
        self,
        client: HttpClient,
        settings: ArchiveSettings,
        store: Store,
        login: Login,
        transfer: Transfer,
        release_dates: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._client, self._settings, self._store = client, settings, store
        self._login, self._transfer, self._release_dates = login, transfer, release_dates
        self._unreached = 0
        self._lock = threading.Lock()

    def fetch_all(self, names: Iterable[str]) -> list[DownloadResult]:
        """Outcome of each file, in the order given; one that fails does not stop the others.

        Raises
        ------
        WorkspaceError
            If the disk is full or cannot be written.
        """
        pool = ThreadPoolExecutor(self._client.limits.connections, "retrieve")
        try:
            futures = [pool.submit(self._outcome, name) for name in dict.fromkeys(names)]
            return [future.result() for future in futures]
        except OSError as error:
            raise WorkspaceError(
                f"{error.filename or self._store.raw}: {error.strerror}; free space or choose "
                "another folder with --work; what is here already is kept"
            ) from error
        except KeyboardInterrupt:
            self._client.stopping.set()
            raise
        finally:
            pool.shutdown(cancel_futures=True)

    def _outcome(self, name: str) -> DownloadResult:
        path = self._store.find(name)
        was_here = path is not None
        try:
            path = path or self._adopt(name) or self._fetch(name)
        except PipelineError as failure:
            self._count_unreached(isinstance(failure, ArchiveUnreachable))
            self._transfer.finish(name, failed=True)
            return DownloadResult(name, None, error=f"{type(failure).__name__}: {failure}")
        self._transfer.finish(name)
        record = read_record(path)
        n_checksums, notes = (record.n_checksums, record.notes) if record else (0, ())
        return DownloadResult(name, path, path.stat().st_size, "", was_here, n_checksums, notes)

    def _count_unreached(self, unreached: bool) -> None:
        with self._lock:
            self._unreached = self._unreached + 1 if unreached else 0

    def _adopt(self, name: str) -> Path | None:
        """A file without a record: the run was killed before it wrote it, or a reader put it here."""
        for path in (self._store.folder_of(name) / f"{name}{suffix}" for suffix in SUFFIXES):
            if not path.is_file():
                continue
            try:
                self._record(name, path, verify_fits(path, name))
                return path
            except FileRefused:
                path.replace(path.with_name(path.name + ".rejected"))
        return None

    def _fetch(self, name: str) -> Path:
        """A new file, complete and verified."""
        if self._unreached >= GIVE_UP_AFTER:
            raise ArchiveUnreachable(f"{name}: not tried, the archive does not respond")
        while True:
            partial, resumed = self._client.retry(lambda: self._attempt(name), self._url(name))
            self._count_unreached(False)
            try:
                expanded = partial.expand()
                verified = verify_fits(partial.path, name)
            except FileRefused:
                partial.discard()
                if resumed:  # the two parts may be of different files: once more, whole
                    continue
                raise
            if (
                resumed and verified.notes
            ):  # a header that is wrong since the transfer broke looks so
                partial.discard()
                continue
            suffix = COMPRESSED if verified.compressed else PLAIN
            path = self._store.folder_of(name) / f"{name}{suffix}"
            partial.publish(path)
            notes = ("came compressed as a whole; uncompressed here",) if expanded else ()
            self._record(name, path, verified, notes)
            return path

    def _record(
        self, name: str, path: Path, verified: Verified, notes: tuple[str, ...] = ()
    ) -> None:
        record = FileRecord(
            name,
            path.stat().st_size,
            file_sha256(path),
            self._url(name),
            now(),
            verified.n_hdus,
            verified.n_checksums,
            (*notes, *verified.notes),
        )
        write_record(path, record)

    def _attempt(self, name: str) -> tuple[PartialFile, bool]:
        """The complete partial file, and whether it began in an earlier attempt."""
        logged_in = False
        while True:
            partial = PartialFile(self._store.folder_of(name) / f"{name}.partial", name)
            resumed = partial.offset > 0
            headers = self._login.headers()
            try:
                if not partial.whole:
                    resumed = self._receive(partial, headers)
                return partial, resumed
            except Restart:
                partial.discard()
            except _Denied as denied:
                if logged_in:
                    raise FileRefused(self._denial(name, denied.status)) from None
                try:
                    self._login.log_in(headers)
                except LoginFailed as failure:
                    raise LoginFailed(f"{failure}{self._until(name)}") from None
                logged_in = True

    def _denial(self, name: str, status: int) -> str:
        """Why a file is refused although somebody has logged in."""
        reason = "this account may not have it" if status == 403 else "the token is not accepted"
        until = self._until(name)
        return f"{name}: access denied, also with a login (HTTP {status}): {reason}{until}"

    def _until(self, name: str) -> str:
        """When the file becomes public, if that is known and still to come."""
        date = self._release_dates.get(name, "")
        return f"; proprietary until {date}" if date > now()[:10] else ""

    def _receive(self, partial: PartialFile, token: dict[str, str]) -> bool:
        """Download the rest of a file; returns whether an earlier part was continued."""
        headers = token | partial.resume_headers()
        with self._client.stream("GET", self._url(partial.name), headers=headers) as response:
            if response.status_code in (401, 403):
                raise _Denied(response.status_code)
            total = partial.accept(response.status_code, response.headers)
            if total is not None:
                self._transfer.announce(partial.name, total)
            with FitsSink(partial, self._transfer) as sink:
                self._client.receive(response, sink, self._settings.file_limit_s)
        if total is not None and partial.path.stat().st_size != total:
            raise TransientError("connection broke before the end")
        return partial.offset > 0

    def _url(self, name: str) -> str:
        return self._settings.data_url.rstrip("/") + "/" + quote(name, safe=":")

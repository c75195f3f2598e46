"""The requests of the deposit API; docs/zenodo.md says what is assumed of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from pipeline.errors import DepositCorrupted, DepositRefused
from pipeline.zenodo.files import LocalFile
from pipeline.zenodo.service import Service

PATH = "/api/deposit/depositions"
MANY = 100  # drafts or versions in one list


@dataclass(frozen=True)
class RemoteFile:
    """A file as the service lists it."""

    file_id: str
    name: str
    n_bytes: int
    md5: str


@dataclass(frozen=True)
class Draft:
    """A deposition as the service describes it."""

    deposition_id: str
    doi: str  # the reserved one
    bucket: str  # address that files are put under
    page: str  # where a human sees it
    title: str
    version: str
    submitted: bool
    files: tuple[RemoteFile, ...]


class Deposits:
    """The depositions of the token's owner."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._base = service.server + PATH

    def drafts(self) -> list[Draft]:
        """All unpublished depositions."""
        return [one for one in self._list(status="draft") if not one.submitted]

    def latest_of(self, concept: str) -> str:
        """The id of the newest published version of a concept record.

        Raises
        ------
        DepositRefused
            If the owner of the token has none.
        """
        query = urlencode({"q": f"conceptrecid:{concept}", "all_versions": "true", "size": MANY})
        response = self._service.send("GET", f"{self._base}?{query}")
        ids = [
            int(one["id"])
            for one in _entries(response)
            if str(one.get("conceptrecid")) == concept and one.get("submitted")
        ]
        if not ids:
            raise DepositRefused(
                f"--concept {concept}: no published version of it belongs to this token's owner"
            )
        return str(max(ids))

    def create(self, metadata: Mapping[str, Any]) -> Draft:
        """A new draft with a reserved DOI."""
        return draft_from(self._service.send("POST", self._base, {"metadata": metadata}))

    def new_version(self, deposition_id: str) -> Draft:
        """The draft of a new version; the one that exists already, if there is one."""
        response = self._service.send("POST", f"{self._base}/{deposition_id}/actions/newversion")
        link = str(_mapping(_mapping(response).get("links")).get("latest_draft", ""))
        return self.get(link.rstrip("/").rpartition("/")[2])

    def get(self, deposition_id: str) -> Draft:
        """A deposition."""
        return draft_from(self._service.send("GET", f"{self._base}/{_checked_id(deposition_id)}"))

    def describe(self, draft: Draft, metadata: Mapping[str, Any]) -> Draft:
        """The draft with new metadata."""
        url = f"{self._base}/{draft.deposition_id}"
        return draft_from(self._service.send("PUT", url, {"metadata": metadata}))

    def put(self, draft: Draft, file: LocalFile) -> None:
        """Upload a file.

        Raises
        ------
        DepositCorrupted
            If the response states another size or checksum.
        """
        response = _mapping(self._service.send("PUT", f"{draft.bucket}/{quote(file.name)}", file))
        stated = str(response.get("checksum", "")).removeprefix("md5:"), response.get("size")
        if stated != (file.md5, file.n_bytes):
            raise DepositCorrupted(
                f"{file.name}: sent {file.n_bytes} bytes of md5 {file.md5}, the service states "
                f"{stated[1]} bytes of md5 {stated[0] or 'none'}; run the same command again"
            )

    def delete(self, draft: Draft, file: RemoteFile) -> None:
        """Remove a file from a draft."""
        self._service.send(
            "DELETE", f"{self._base}/{draft.deposition_id}/files/{quote(file.file_id)}"
        )

    def publish(self, draft: Draft) -> Draft:
        """Make it public, for good."""
        url = f"{self._base}/{draft.deposition_id}/actions/publish"
        return draft_from(self._service.send("POST", url))

    def _list(self, **query: str) -> list[Draft]:
        response = self._service.send("GET", f"{self._base}?{urlencode({**query, 'size': MANY})}")
        return [draft_from(one) for one in _entries(response)]


def draft_from(response: Any) -> Draft:
    """The draft that a response describes.

    Raises
    ------
    DepositRefused
        If the response is no deposition.
    """
    document = _mapping(response)
    metadata, links = _mapping(document.get("metadata")), _mapping(document.get("links"))
    reserved = _mapping(metadata.get("prereserve_doi")).get("doi") or document.get("doi", "")
    try:
        return Draft(
            _checked_id(str(document["id"])),
            str(reserved),
            str(links.get("bucket", "")),
            str(links.get("html", "")),
            str(metadata.get("title", "")),
            str(metadata.get("version", "")),
            bool(document.get("submitted", False)),
            tuple(_remote_file(one) for one in _entries(document.get("files", []))),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DepositRefused(
            f"the service's response is no deposition: {error} is missing"
        ) from error


def _remote_file(entry: Mapping[str, Any]) -> RemoteFile:
    md5 = str(entry.get("checksum", "")).removeprefix("md5:")
    return RemoteFile(str(entry["id"]), str(entry["filename"]), int(entry["filesize"]), md5)


def _checked_id(text: str) -> str:
    if not text.isalnum():
        raise DepositRefused(f"{text!r}: not the number of a deposition")
    return text


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _entries(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []

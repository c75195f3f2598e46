"""A dry run: the same steps, but every request is printed and none is sent."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from pipeline.zenodo.files import LocalFile

UNKNOWN = "ID"  # stands for the number that the service will give


class DryRun:
    """Prints what would be sent; responds like a service that has one draft, or none.

    Parameters
    ----------
    metadata : mapping
        Of the draft.
    doi : str
        Its reserved DOI; "" if it is not reserved yet.
    exists : bool
        Whether the service shall know the draft already.
    number : str
        The draft's, if it is known.
    """

    def __init__(
        self,
        server: str,
        metadata: Mapping[str, Any],
        doi: str,
        *,
        exists: bool,
        number: str = "",
        say: Callable[[str], None],
    ) -> None:
        self.server = server
        self._say, self._metadata, self._exists = say, metadata, exists
        self._number = number or UNKNOWN
        self._doi = doi or f"10.5281/zenodo.{self._number}"
        self._files: list[dict[str, Any]] = []

    def send(self, method: str, url: str, body: Mapping[str, Any] | LocalFile | None = None) -> Any:
        """Print the request; returns a response with which the steps continue."""
        self._say(f"{method} {url}")
        if isinstance(body, LocalFile):
            self._say(f"  {body.path}: {body.n_bytes} bytes, md5 {body.md5}")
            entry = {"id": body.name, "filename": body.name, "filesize": body.n_bytes}
            self._files.append(entry | {"checksum": body.md5})
            return {"checksum": f"md5:{body.md5}", "size": body.n_bytes}
        if body is not None:
            self._say(json.dumps(body, indent=1, ensure_ascii=False))
        if method == "GET" and "conceptrecid" in url:
            concept = url.partition("conceptrecid%3A")[2].partition("&")[0]
            return [{"id": 0, "conceptrecid": concept, "submitted": True}]
        if method == "GET" and "?" in url:
            return [self._draft()] if self._exists else []
        return self._draft(submitted=url.endswith("/publish"))

    def _draft(self, *, submitted: bool = False) -> dict[str, Any]:
        return {
            "id": self._number,
            "submitted": submitted,
            "metadata": {**self._metadata, "prereserve_doi": {"doi": self._doi}},
            "links": {
                "bucket": f"{self.server}/api/files/BUCKET",
                "html": f"{self.server}/deposit/{self._number}",
                "latest_draft": f"{self.server}/api/deposit/depositions/{self._number}",
            },
            "files": list(self._files),
        }

"""First contact: checks every assumption about the archives with the smallest possible requests.

Nothing is logged in to and no credentials are sent, so that the recording of all exchanges can be
handed on. A check whose ground is missing is not made; one difference does not hide as many.
"""

import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from dataclasses import field as default
from pathlib import Path
from typing import Any

from pipeline import __version__
from pipeline.archive.service import archive_client
from pipeline.archive.store import now, write_json
from pipeline.config.settings import ArchiveSettings, Field, Settings
from pipeline.errors import AssociationRefused, FileRefused, RequestError
from pipeline.http import HttpClient, HttpResponse, strip_query

HELD, DIFFERS, NOT_CHECKED = "held", "differs", "not checked"
RECORDING_VERSION = 1
KEPT_HEADERS = (
    "content-type", "content-length", "content-range", "content-disposition", "etag",
    "last-modified", "accept-ranges", "allow", "location", "retry-after",
)  # fmt: skip
SENT_HEADERS = ("range", "if-range")  # what a request may carry that shapes its response
_IP_ADDRESS = re.compile(r"\b\d{1,3}(\.\d{1,3}){3}\b")  # an error page may name that of the reader
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+")


class DifferenceError(Exception):
    """What was seen is not what the assumption says."""


@dataclass(frozen=True)
class CheckResult:
    """What one check came to."""

    name: str
    assumption: str
    state: str  # HELD, DIFFERS or NOT_CHECKED
    seen: str


@dataclass(frozen=True)
class Exchange:
    """One request and its response, without anything that identifies the user."""

    service: (
        str  # name of the setting that holds its address, "" if a table of the archive named it
    )
    method: str
    path: str  # behind the service's address, with its query
    form: Mapping[str, str]
    sent: Mapping[str, str]  # headers of the request that shape the response
    status: int
    headers: Mapping[str, str]
    text: str = ""  # body, if it is text
    base64: str = ""  # body, if it is not

    @property
    def body(self) -> bytes:
        """The response's bytes."""
        return base64.b64decode(self.base64) if self.base64 else self.text.encode()


class RecordingClient:
    """A client that keeps every exchange.

    Parameters
    ----------
    client : HttpClient
        Makes the requests.
    services : mapping
        Address of each service, by the name of its setting.
    """

    def __init__(self, client: HttpClient, services: Mapping[str, str]) -> None:
        self._client, self._services = client, services
        self.exchanges: list[Exchange] = []

    def request(self, method: str, url: str, **options: Any) -> HttpResponse:
        """The response to a request, as of ``HttpClient.request``."""
        response = self._client.request(method, url, **options)
        service, path = self._place(url)
        content = _body(response)
        self.exchanges.append(
            Exchange(
                service,
                method,
                path,
                _form(options.get("data") or options.get("params")),
                _chosen(options.get("headers") or {}, SENT_HEADERS),
                response.status,
                {
                    key: strip_query(value) if key == "location" else value
                    for key, value in _chosen(response.headers, KEPT_HEADERS).items()
                },
                **content,
            )
        )
        return response

    def _place(self, url: str) -> tuple[str, str]:
        """The service that an address belongs to, and the rest of the address."""
        for name, base in self._services.items():
            if url.startswith(base.rstrip("/")):
                return name, url.removeprefix(base.rstrip("/"))
        return "", url


@dataclass
class Contact:
    """What is known in the course of a contact; each check adds to it."""

    client: RecordingClient
    settings: ArchiveSettings
    field: Field
    facts: dict[str, Any] = default(default_factory=dict)


Run = Callable[[Contact], str]  # says what was seen; raises DifferenceError


@dataclass(frozen=True)
class AssumptionCheck:
    """One assumption and how it is checked."""

    name: str
    assumption: str
    needs: tuple[str, ...]  # checks that must have held before
    run: Run


def checks_of() -> tuple[list[AssumptionCheck], Callable[..., Callable[[Run], Run]]]:
    """An empty list of checks, and the decorator that adds one: name, assumption, what it needs."""
    checks: list[AssumptionCheck] = []

    def check(name: str, assumption: str, *needs: str) -> Callable[[Run], Run]:
        def register(run: Run) -> Run:
            checks.append(AssumptionCheck(name, assumption, needs, run))
            return run

        return register

    return checks, check


def make_contact(
    settings: Settings, checks: Sequence[AssumptionCheck]
) -> tuple[list[CheckResult], list[Exchange]]:
    """What every check came to, in their order, and all exchanges."""
    archive = settings.archive
    services = {
        name: getattr(archive, name)
        for name in ("data_url", "calselector_url", "tap_url", "login_url", "gaia_url")
        if getattr(archive, name)
    }
    with archive_client(archive) as client:
        contact = Contact(RecordingClient(client, services), archive, settings.field)
        findings: dict[str, CheckResult] = {}
        for check in checks:
            missing = [name for name in check.needs if findings[name].state != HELD]
            if missing:
                state, seen = NOT_CHECKED, f"needs: {', '.join(missing)}"
            else:
                state, seen = _outcome(check, contact)
            findings[check.name] = CheckResult(check.name, check.assumption, state, seen)
        return list(findings.values()), contact.client.exchanges


def _outcome(check: AssumptionCheck, contact: Contact) -> tuple[str, str]:
    try:
        return HELD, check.run(contact)
    except (DifferenceError, RequestError, AssociationRefused, FileRefused) as error:
        return DIFFERS, str(error)[:500]


def write_recording(
    path: Path, findings: Sequence[CheckResult], exchanges: Sequence[Exchange], settings: Settings
) -> None:
    """Write what was found and exchanged into one file that a maintainer can replay."""
    names = ("tap_url", "calselector_url", "data_url", "login_url", "gaia_url")
    document = {
        "version": RECORDING_VERSION,
        "software": __version__,
        "made": now(),
        "services": {name: getattr(settings.archive, name) for name in names},
        "findings": [asdict(one) for one in findings],
        "exchanges": [asdict(one) for one in exchanges],
    }
    write_json(path, document)


def read_recording(path: Path) -> tuple[list[CheckResult], list[Exchange]]:
    """Findings and exchanges of a recording.

    Raises
    ------
    ValueError
        If the file is not a recording of this version.
    """
    document = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(document, dict) or document.get("version") != RECORDING_VERSION:
        raise ValueError(f"{path}: not a recording of version {RECORDING_VERSION}")
    findings = [CheckResult(**one) for one in document["findings"]]
    return findings, [Exchange(**one) for one in document["exchanges"]]


def _body(response: HttpResponse) -> dict[str, str]:
    try:
        text = response.body.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(response.body).decode()}
    if "\0" in text:
        return {"base64": base64.b64encode(response.body).decode()}
    if "html" in response.headers.get("content-type", ""):
        text = _EMAIL.sub("reader@example.org", _IP_ADDRESS.sub("192.0.2.1", text))
    return {"text": text}


def _form(data: object) -> dict[str, str]:
    """The fields of a form; those of a login that could name somebody are never kept."""
    if not isinstance(data, Mapping):
        return {"body": data} if isinstance(data, str) else {}
    secret = ("username", "password")
    return {str(key): str(value) for key, value in data.items() if key not in secret}


def _chosen(headers: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    lower = {key.lower(): value for key, value in headers.items()}
    return {name: lower[name] for name in names if name in lower}

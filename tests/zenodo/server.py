"""A deposit service on 127.0.0.1 that speaks what docs/zenodo.md assumes, and fails on request."""

import hashlib
import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "s3cret-t0ken-for-tests"
PATH = "/api/deposit/depositions"


@dataclass
class Request:
    """What came in."""

    method: str
    path: str  # with its query
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Fault:
    """What goes wrong the next time a request fits."""

    method: str
    part: str  # of the path
    kind: str  # "status", "break", "after", "checksum", "not json", "bucket", "long", or
    # "silent" for `status` seconds
    status: int = 503
    headers: dict[str, str] = field(default_factory=dict)
    text: str = "{}"


class Deposition(dict[str, Any]):
    """One record, as JSON."""


class Service:
    """The service; use it as a context manager."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self.depositions: dict[int, Deposition] = {}
        self.contents: dict[tuple[int, str], bytes] = {}
        self._next = 1000
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                """Say nothing."""

            def _serve(self) -> None:
                outer._serve(self)

            do_GET = do_POST = do_PUT = do_DELETE = _serve

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "Service":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._server.shutdown()
        self._server.server_close()

    def fail(self, method: str, part: str, kind: str, **more: Any) -> None:
        """Let the next fitting request go wrong; call again for the one after."""
        self.faults.append(Fault(method, part, kind, **more))

    def sent(self, method: str, part: str = "") -> list[Request]:
        """Requests of a method whose path holds a text."""
        return [one for one in self.requests if one.method == method and part in one.path]

    def published(self, version: str, concept: int = 900) -> Deposition:
        """A published version with one file, as an earlier deposit left it."""
        one = self._new({"title": "An old title", "version": version}, concept)
        one["submitted"] = True
        name = f"muse-differential-photometry-{version}.tgz"
        self._store(one, name, b"old")
        return one

    def _new(self, metadata: dict[str, Any], concept: int | None = None) -> Deposition:
        self._next += 1
        number = self._next
        reserved = {"doi": f"10.5072/zenodo.{number}", "recid": number}
        one = Deposition(
            id=number,
            conceptrecid=str(concept or number - 1),
            submitted=False,
            metadata={**metadata, "prereserve_doi": reserved},
            files=[],
            links={
                "bucket": f"{self.url}/api/files/bucket-{number}",
                "html": f"{self.url}/deposit/{number}",
            },
        )
        self.depositions[number] = one
        return one

    def _store(self, one: Deposition, name: str, content: bytes) -> dict[str, Any]:
        md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
        one["files"] = [file for file in one["files"] if file["filename"] != name]
        entry = {"id": f"f{len(self.contents)}", "filename": name, "checksum": md5}
        one["files"].append(entry | {"filesize": len(content)})
        self.contents[one["id"], name] = content
        return {"key": name, "checksum": f"md5:{md5}", "size": len(content)}

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        fault = self._fault(handler.command, handler.path)
        length = int(handler.headers.get("Content-Length") or 0)
        if fault and fault.kind == "silent":
            time.sleep(fault.status)
            return
        if fault and fault.kind == "break":
            handler.rfile.read(min(length, 1000))
            self._hang_up(handler)
            return
        body = handler.rfile.read(length)
        request = Request(handler.command, handler.path, dict(handler.headers), body)
        self.requests.append(request)
        if fault and fault.kind == "status":
            self._answer(handler, fault.status, fault.text.encode(), fault.headers)
            return
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._answer(handler, 401, b'{"message": "Unauthorized"}')
            return
        status, answer = self._do(request)
        if fault and fault.kind == "after":  # done, but nobody hears of it
            self._hang_up(handler)
            return
        content = b"" if answer is None else json.dumps(answer).encode()
        if fault and fault.kind == "checksum":
            content = json.dumps({**answer, "checksum": "md5:" + "0" * 32}).encode()
        elif fault and fault.kind == "not json":
            content = b"<html>maintenance</html>"
        elif fault and fault.kind == "bucket":
            content = content.replace(self.url.encode(), b"https://elsewhere.example")
        elif fault and fault.kind == "long":
            content = b" " * 11_000_000
        self._answer(handler, status, content)

    def _fault(self, method: str, path: str) -> Fault | None:
        for fault in self.faults:
            if fault.method == method and fault.part in path:
                self.faults.remove(fault)
                return fault
        return None

    @staticmethod
    def _hang_up(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        handler.connection.close()

    @staticmethod
    def _answer(
        handler: BaseHTTPRequestHandler, status: int, content: bytes, headers: Any = None
    ) -> None:
        handler.send_response(status)
        for name, value in (headers or {}).items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    def _do(self, request: Request) -> tuple[int, Any]:
        parts = urlsplit(request.path)
        routes: tuple[tuple[str, str, Callable[..., tuple[int, Any]]], ...] = (
            ("GET", PATH, self._list),
            ("POST", PATH, self._create),
            ("GET", PATH + r"/(\d+)", self._get),
            ("PUT", PATH + r"/(\d+)", self._describe),
            ("POST", PATH + r"/(\d+)/actions/newversion", self._new_version),
            ("POST", PATH + r"/(\d+)/actions/publish", self._publish),
            ("DELETE", PATH + r"/(\d+)/files/(\w+)", self._delete),
            ("PUT", r"/api/files/bucket-(\d+)/([^/]+)", self._put),
        )
        for method, pattern, route in routes:
            match = re.fullmatch(pattern, parts.path)
            if method == request.method and match:
                return route(request, *match.groups())
        return 404, {"message": "no such address"}

    def _list(self, request: Request) -> tuple[int, Any]:
        query = {key: values[0] for key, values in parse_qs(urlsplit(request.path).query).items()}
        found = list(self.depositions.values())
        if query.get("status") == "draft":
            found = [one for one in found if not one["submitted"]]
        if concept := query.get("q", "").removeprefix("conceptrecid:"):
            found = [one for one in found if one["conceptrecid"] == concept]
        return 200, found

    def _create(self, request: Request) -> tuple[int, Any]:
        return 201, self._new(request.json["metadata"])

    def _get(self, _: Request, number: str) -> tuple[int, Any]:
        one = self.depositions.get(int(number))
        return (200, one) if one else (404, {"message": "no such deposition"})

    def _describe(self, request: Request, number: str) -> tuple[int, Any]:
        one = self.depositions[int(number)]
        reserved = one["metadata"]["prereserve_doi"]
        one["metadata"] = request.json["metadata"] | {"prereserve_doi": reserved}
        return 200, one

    def _new_version(self, _: Request, number: str) -> tuple[int, Any]:
        old = self.depositions[int(number)]
        drafts = [one for one in self.depositions.values() if not one["submitted"]]
        drafts = [one for one in drafts if one["conceptrecid"] == old["conceptrecid"]]
        draft = drafts[0] if drafts else self._new(old["metadata"], int(old["conceptrecid"]))
        if not drafts:
            for file in old["files"]:
                self._store(draft, file["filename"], self.contents[old["id"], file["filename"]])
        links = {**old["links"], "latest_draft": f"{self.url}{PATH}/{draft['id']}"}
        return 201, {**old, "links": links}

    def _publish(self, _: Request, number: str) -> tuple[int, Any]:
        one = self.depositions[int(number)]
        one["submitted"] = True
        one["doi"] = one["metadata"]["prereserve_doi"]["doi"]
        return 202, one

    def _delete(self, _: Request, number: str, file_id: str) -> tuple[int, Any]:
        one = self.depositions[int(number)]
        one["files"] = [file for file in one["files"] if file["id"] != file_id]
        return 204, None

    def _put(self, request: Request, number: str, name: str) -> tuple[int, Any]:
        return 201, self._store(self.depositions[int(number)], unquote(name), request.body)

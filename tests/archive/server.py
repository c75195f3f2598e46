"""The test archive: TAP, CalSelector, data portal and login over real HTTP on 127.0.0.1.

It speaks what the archive speaks, as far as the tool asks: ADQL on an in-memory table, VOTables
with the archive's types, association trees, ranges with validators, tokens. Faults come on demand,
one per request: queued for a service (``faults.queue``), or by chance (``faults.share``).
"""

import base64
import hashlib
import json
import random
import re
import socket
import sqlite3
import struct
import sys
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from tests.archive.tables import Tables, envelope, votable

TAP, CALSELECTOR, DATA, LOGIN, GAIA = "/tap_obs", "/calselector", "/dataPortal", "/sso", "/gaia"
DATALINK = "/datalink"
WIRE_FAULTS = ("503", "429", "500", "reset", "truncate", "hang", "slow")  # another attempt may help
LIE_FAULTS = ("html", "short_length", "long_length", "damaged")  # status 200, but not the file
TREE_FAULTS = ("changed_tree", "other_star", "entities", "path", "deep", "huge")


@dataclass
class Faults:
    """What goes wrong: queued by service, or by chance."""

    queue: dict[str, list[str]] = field(default_factory=dict)  # path prefix -> faults in order
    share: float = 0.0
    kinds: tuple[str, ...] = WIRE_FAULTS + LIE_FAULTS
    services: tuple[str, ...] = (DATA,)
    seed: int = 0
    hang_s: float = 30.0
    chunk_pause_s: float = 0.02

    def __post_init__(self):
        self._random = random.Random(self.seed)
        self._lock = threading.Lock()

    def next(self, path):
        """The fault for a request, "" for none."""
        with self._lock:
            for prefix, faults in self.queue.items():
                if path.startswith(prefix) and faults:
                    return faults.pop(0)
            if path.startswith(self.services) and self._random.random() < self.share:
                return self._random.choice(self.kinds)
        return ""


class TestArchive:
    """The content and the state of a test archive; ``with`` serves it.

    Parameters
    ----------
    world : World
        Rows, trees and files.
    """

    __test__ = False  # pytest: not a class of tests

    def __init__(self, world, faults=None, users=None, gaia=(), resume=True, chunked=False):
        self.world = world
        self.faults = faults or Faults()
        self.users = users or {"tester": "s3cret-pa55"}
        self.gaia, self.resume, self.chunked = gaia, resume, chunked
        self.requests = []  # (method, path, form, headers)
        self.redirect = {}  # path prefix: base address that answers in our place
        self.redirect_status = 307
        self.login_takes = ("POST", "GET")
        self.no_range = False
        self.forbidden = set()  # proprietary files that no account of the test may have
        self.corrected = False  # headers are changed while they are sent, checksums are not
        self.compressor = None  # makes of a file's bytes what is sent
        self.errors = []  # defects of the double itself
        self.unlisted = ()  # columns that TAP_SCHEMA does not list, and no table has
        self.alter = None  # (path, status, headers, body) -> what is sent: a deviation
        self.refuse = ""  # a query that holds this text is refused
        self.tokens = {}  # every token ever given: how often it may still be used
        self.token_uses = 1000
        self.token_life_s = 28800
        self.at_once = self.most_at_once = 0
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self._tables = None

    def __enter__(self):
        self._tables = Tables(self.world.rows.values(), self.gaia, self.world.products.values())
        self.server = _Server(("127.0.0.1", 0), _Handler)
        self.server.archive = self
        self.base = f"http://127.0.0.1:{self.server.server_port}"
        link = f"{self.base}{DATALINK}/links?ID="
        rows = [{"datalink_url": f"{link}{name}", **r} for name, r in self.world.rows.items()]
        self._tables = Tables(rows, self.gaia, self.world.products.values(), self.unlisted)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.server.shutdown()
        self.server.server_close()
        self._tables.close()
        if self.errors:
            raise self.errors[0]

    def settings(self, **changes):
        """Section [archive] of a report.toml that points here, with a test's patience."""
        return {
            "tap_url": f"{self.base}{TAP}",
            "calselector_url": f"{self.base}{CALSELECTOR}/v1/associations",
            "data_url": f"{self.base}{DATA}/file/",
            "login_url": f"{self.base}{LOGIN}/oidc/token",
            "gaia_url": f"{self.base}{GAIA}" if self.gaia else "",
            "backoff_s": 0.005,
            "read_timeout_s": 1.0,
            "connect_timeout_s": 2.0,
            **changes,
        }

    def count(self, prefix):
        """Number of requests to a service."""
        return sum(path.startswith(prefix) for _, path, _, _ in self.requests)

    def select(self, adql, max_rows):
        """Column names, types and rows that answer a question, and whether rows are left out."""
        return self._tables.select(adql, max_rows)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """A client that hangs up early is not an error here; anything else is the double's own."""
        error = sys.exception()
        if not isinstance(error, OSError):
            self.archive.errors.append(error)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body go in two writes

    def log_message(self, *_):
        pass

    def do_GET(self):
        archive = self.server.archive
        with archive.lock:
            archive.at_once += 1
            archive.most_at_once = max(archive.most_at_once, archive.at_once)
        try:
            self._answer(archive)
        except (ConnectionError, TimeoutError):
            self.close_connection = True
        finally:
            with archive.lock:
                archive.at_once -= 1

    do_POST = do_GET

    def _answer(self, archive):
        url = urlsplit(self.path)
        path = unquote(url.path)
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        form = parse_qs(url.query) | parse_qs(raw)
        form = {key.lower(): values[0] for key, values in form.items()}
        archive.requests.append((self.command, self.path, form, dict(self.headers)))
        for prefix, base in archive.redirect.items():
            if path.startswith(prefix):
                return self._send(b"", status=archive.redirect_status, Location=base + self.path)
        fault = archive.faults.next(path)
        if fault.isdigit():
            pause = {"Retry-After": "0"} if fault == "429" else {}
            return self._send(b"fault", status=int(fault), **pause)
        if fault == "reset":
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            return self.connection.close()
        if fault == "hang":
            with archive.lock:
                archive.at_once -= 1  # the client gives up long before
            archive.stopping.wait(archive.faults.hang_s)
            with archive.lock:
                archive.at_once += 1
            raise ConnectionError
        if fault == "html":
            page = b"<!doctype html><html><form action='/sso/login'>Please log in</form></html>"
            return self._send(page, "text/html;charset=UTF-8")
        for prefix, service in (
            (TAP, self._tap), (GAIA, self._tap), (CALSELECTOR, self._tree), (DATA, self._file),
            (LOGIN, self._token), (DATALINK, self._links),
        ):  # fmt: skip
            if path.startswith(prefix + "/"):
                return service(archive, path, form, fault)
        return self._send(b"no such service", status=404)

    def _send(self, body, kind="text/plain", status=200, fault="", **headers):
        headers = {"Content-Type": kind, **headers}
        if self.server.archive.alter:
            path = urlsplit(self.path).path
            status, headers, body = self.server.archive.alter(path, status, headers, bytes(body))
        claimed = len(body)
        if fault == "damaged":  # one bit in the middle, behind the headers
            middle = len(body) - 40
            body = b"".join((body[:middle], bytes([body[middle] ^ 4]), body[middle + 1 :]))
        elif fault == "short_length":
            body = body[: len(body) - 700]
            claimed = len(body)
        elif fault == "long_length":
            claimed += 700
        elif fault == "truncate":
            body = body[: len(body) // 2]
        self.send_response(status)
        chunked = self.server.archive.chunked and kind == "application/fits"
        length = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(claimed)}
        headers = {**length, **headers}
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()
        if chunked:
            self._send_chunks(body, whole=len(body) == claimed)
        elif fault == "slow":
            for start in range(0, len(body), 2048):
                self.wfile.write(body[start : start + 2048])
                self.wfile.flush()
                time.sleep(self.server.archive.faults.chunk_pause_s)
        else:
            self.wfile.write(body)
        if len(body) != claimed:
            self.close_connection = True

    def _send_chunks(self, body, whole):
        for start in range(0, len(body), 5000):
            piece = body[start : start + 5000]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        if whole:
            self.wfile.write(b"0\r\n\r\n")

    def _tap(self, archive, path, form, fault):
        if not path.endswith("/sync") or "query" not in form:
            return self._send(b"bad request", status=400)
        kind = "application/x-votable+xml"
        try:
            if archive.refuse and path.startswith(TAP) and archive.refuse in form["query"]:
                raise sqlite3.OperationalError(f"unknown: {archive.refuse}")
            names, types, rows, more = archive.select(form["query"], int(form.get("maxrec", 2000)))
        except (sqlite3.Error, KeyError) as error:
            text = f'<INFO name="QUERY_STATUS" value="ERROR">{escape(str(error))}</INFO>'
            return self._send(envelope(text), kind, status=400)
        return self._send(votable(names, types, rows, more), kind, fault=fault)

    def _links(self, archive, _path, form, fault):
        name = form.get("id", "")
        if name not in archive.world.rows:
            return self._send(b"not found", status=404)
        rows = [(name, f"{archive.base}{DATA}/file/{name}", "#this")]
        table = votable(["ID", "access_url", "semantics"], ["char"] * 3, rows)
        return self._send(table, "application/x-votable+xml", fault=fault)

    def _tree(self, archive, _path, form, fault):
        name = form.get("dp_id", "")
        if form.get("mode", "").lower() != "raw2raw" or not name:
            return self._send(b"bad request", status=400)
        body = spoil_tree(archive.world.tree(name), fault)
        return self._send(
            body,
            "application/xml; content=calselector",
            fault=fault,
            **{"Content-Disposition": f'attachment; filename="{name}_raw2raw.xml"'},
        )

    def _file(self, archive, path, _form, fault):
        name = path.rsplit("/", 1)[1]
        body = archive.world.file(name)
        if body is None:
            return self._send(b"not found", status=404)
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if name in archive.world.proprietary:
            if archive.tokens.get(token, 0) < 1:
                return self._send(b"unauthorized", status=401)
            archive.tokens[token] -= 1
            if name in archive.forbidden:
                return self._send(b"forbidden", status=403)
        if archive.corrected:
            body = bytes(body).replace(b"INSTRUME= 'MUSE    '", b"INSTRUME= 'MUSE2   '")
        if archive.compressor:
            body = archive.compressor(bytes(body))
        tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        # the name is a trap: nobody may make a path of it
        headers = {"Content-Disposition": f'attachment; filename="../../{name}.fits"'}
        if archive.resume:
            headers |= {"ETag": tag, "Accept-Ranges": "bytes"}
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if (
            wanted
            and archive.resume
            and not archive.no_range
            and self.headers.get("If-Range", tag) == tag
        ):
            first = int(wanted[1])
            if wanted[2]:
                last = min(int(wanted[2]), len(body) - 1)
                headers["Content-Range"] = f"bytes {first}-{last}/{len(body)}"
                part = body[first : last + 1]
                return self._send(part, "application/fits", 206, fault, **headers)
            if first >= len(body):
                headers["Content-Range"] = f"bytes */{len(body)}"
                return self._send(b"", status=416, **headers)
            headers["Content-Range"] = f"bytes {first}-{len(body) - 1}/{len(body)}"
            return self._send(body[first:], "application/fits", 206, fault, **headers)
        return self._send(body, "application/fits", 200, fault, **headers)

    def _token(self, archive, _path, form, _fault):
        if self.command not in archive.login_takes:
            return self._send(b"", status=405, Allow=", ".join(archive.login_takes))
        known = archive.users.get(form.get("username", ""))
        if known is None or known != form.get("password"):
            return self._send(b'{"error":"invalid_grant"}', "application/json", status=401)
        claims = {"sub": form["username"], "exp": int(time.time() + archive.token_life_s)}
        head, body = (
            base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
            for part in ({"alg": "none"}, claims)
        )
        token = f"{head}.{body}.token{time.time_ns()}"
        archive.tokens[token] = archive.token_uses
        answer = {"id_token": token, "access_token": token, "token_type": "bearer"}
        return self._send(json.dumps(answer).encode(), "application/json")


def spoil_tree(tree, fault):
    """A tree as a broken or hostile server might send it."""
    text = tree.decode()
    head = "<?xml version='1.0' encoding='UTF-8'?>"
    if fault == "changed_tree":  # of the calibrations one is another today
        return re.sub(
            r'(category="ILLUM" name="MUSE\.\d+-\d+-\d+T\d+:\d+:\d+\.)\d+', r"\g<1>999", text
        ).encode()
    if fault == "other_star":
        return re.sub(
            r'(category="STD" name="MUSE\.\d+-\d+-\d+T\d+:\d+:\d+\.)\d+', r"\g<1>998", text
        ).encode()
    if fault == "entities":
        levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
        doctype = f'<!DOCTYPE association [<!ENTITY e0 "bomb">{levels}]>'
        return (
            text.replace(head, head + doctype)
            .replace("<messages/>", "<messages>&e11;</messages>")
            .encode()
        )
    if fault == "path":
        return re.sub(r'(category="BIAS" name=")MUSE', r"\g<1>../../x/MUSE", text).encode()
    if fault == "deep":
        return text.replace(
            "<messages/>", "<messages>" + "<a>" * 10_000 + "</a>" * 10_000 + "</messages>", 1
        ).encode()
    if fault == "huge":
        return text.replace(
            "<messages/>", "<messages>" + "<message/>" * 5_000_000 + "</messages>", 1
        ).encode()
    return tree

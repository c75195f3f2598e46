"""A recording of a first contact, served again: a difference that a user met becomes a test."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from pipeline.archive.contact import read_recording

PREFIX = {"tap_url": "/tap", "calselector_url": "/calselector", "data_url": "/data",
          "login_url": "/login", "gaia_url": "/gaia", "": "/elsewhere"}  # fmt: skip


class Replay:
    """Serves each recorded response to the request that it was for; ``with`` serves it.

    Parameters
    ----------
    path : Path
        The recording.
    """

    def __init__(self, path):
        self.findings, exchanges = read_recording(path)
        self.unknown = []  # requests that the recording does not have
        self._responses = {}
        self._moved = {}  # an address that a table of the archive names: its place here
        for one in exchanges:
            place = PREFIX[one.service] + one.path
            if not one.service:
                place = self._moved.setdefault(one.path, f"{PREFIX['']}/{len(self._moved)}")
            self._responses.setdefault(self._key(one.method, place, one.form, one.sent), one)

    @staticmethod
    def _key(method, place, form, sent):
        return method, place, tuple(sorted(form.items())), tuple(sorted(sent.items()))

    def settings(self):
        """Addresses for [archive] of a report.toml."""
        return {name: self.base + prefix for name, prefix in PREFIX.items() if name}

    def __enter__(self):
        replay = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                replay._serve(self)

            do_POST = do_GET

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.base = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def _serve(self, handler):
        length = int(handler.headers.get("Content-Length") or 0)
        raw = handler.rfile.read(length).decode()
        sent = {k: handler.headers[k] for k in ("range", "if-range") if k in handler.headers}
        keys = [
            self._key(handler.command, handler.path, form, sent)
            for form in (dict(parse_qsl(raw, keep_blank_values=True)), {"body": raw}, {})
        ]
        found = next((self._responses[key] for key in keys if key in self._responses), None)
        if found is None:
            self.unknown.append((handler.command, handler.path, raw))
        status, headers = (found.status, dict(found.headers)) if found else (404, {})
        body = found.body if found else b"not in the recording"
        for url, place in self._moved.items():
            for written in (url, escape(url)):
                body = body.replace(written.encode(), f"{self.base}{place}".encode())
        headers["content-length"] = str(len(body))
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

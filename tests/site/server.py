"""A web server on 127.0.0.1 that serves a site as GitHub Pages does: gzipped, 404.html for the rest."""

import gzip
import http.server
import threading
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

# What Pages compresses; pictures and .gz go as they are.
TEXT = {".html", ".css", ".js", ".json", ".svg", ".xml", ".txt", ".ecsv", ".csv", ".cff"}
GZIP_LEVEL = 6  # what web servers use for what they compress on the way


@lru_cache(maxsize=512)
def on_the_wire(path: Path) -> bytes:
    """The body that goes over the wire for a file."""
    content = path.read_bytes()
    return gzip.compress(content, GZIP_LEVEL, mtime=0) if path.suffix in TEXT else content


class Site:
    """A folder that is being served, and how many bytes it sent."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        self.sent: dict[str, int] = {}  # path as asked for -> bytes of its body
        site = self

        class Handler(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *arguments: Any) -> None:
                super().__init__(*arguments, directory=str(folder))

            def do_GET(self) -> None:
                path = Path(self.translate_path(self.path))
                path = path / "index.html" if path.is_dir() else path
                found = path.is_file()
                path = path if found else folder / "404.html"
                body = on_the_wire(path)
                site.sent[self.path] = len(body)
                self.send_response(HTTPStatus.OK if found else HTTPStatus.NOT_FOUND)
                self.send_header("Content-Type", self.guess_type(str(path)))
                self.send_header("Content-Length", str(len(body)))
                if path.suffix in TEXT:
                    self.send_header("Content-Encoding", "gzip")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

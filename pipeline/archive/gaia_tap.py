"""Gaia's archive through astroquery.gaia, over our own connections.

astroquery 0.4.11 left alone has no time limit on its connections, ignores that a table was cut off
(which it does itself at 2000 rows of a query without TOP), and contacts Gaia's archive for messages
when it is imported. So it is imported only when a query is made, with that contact refused, and its
requests go through our client, which has limits and retries, refuses entities and keeps the response.
"""

import contextlib
import io
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from astropy.io import votable
from astropy.table import Table

from pipeline.archive.tap import MAX_RESPONSE_BYTES, SIMULATED, KeepResponse
from pipeline.errors import ArchiveRefused, AssociationRefused
from pipeline.http import HttpClient, HttpResponse
from pipeline.muse.association import check_xml


def query_gaia(
    client: HttpClient, gaia_url: str, adql: str, keep: KeepResponse, max_rows: int
) -> Table:
    """The complete table that answers a query; ``meta`` says whether it is simulated.

    Parameters
    ----------
    gaia_url : str
        Address of the TAP service, without ``/sync``.
    keep : callable
        Receives the response as it came, and the query.
    max_rows : int
        As the query has it after TOP. A table that reaches it counts as cut off.

    Raises
    ------
    ArchiveUnreachable, ArchiveRefused
        If there is no response, it is not a table, or only a part of the rows came.
    """
    connections = _Connections(client, gaia_url)
    try:
        job = _gaia(connections).launch_job(adql, output_format="votable")
        table = job.get_results()
    except ArchiveRefused:
        raise
    except Exception as error:  # astroquery lets errors of parsers and of requests pass
        if connections.failure is not None:
            raise connections.failure from None
        raise ArchiveRefused(f"{gaia_url}: {type(error).__name__}: {str(error)[:300]}") from error
    response = connections.response
    assert response is not None
    infos = _infos(response.body)
    if infos.get("QUERY_STATUS") == "OVERFLOW" or len(table) >= max_rows:
        raise ArchiveRefused(f"{gaia_url}: the table was cut off after {len(table)} rows (MAXREC)")
    keep(response, adql)
    table.meta[SIMULATED] = SIMULATED.upper() in infos
    return table


def _gaia(connections: "_Connections") -> Any:
    """astroquery's Gaia class, which sends its requests through us."""
    from astroquery.utils.tap.conn.tapconn import TapConn

    with _no_contact():
        from astroquery.gaia import GaiaClass

    parts = urlsplit(connections.url)
    server, _, tap = parts.path.strip("/").rpartition("/")
    handler = TapConn(
        parts.scheme == "https",
        parts.hostname,
        server_context=server or None,
        tap_context=tap,
        connhandler=connections,
    )
    return GaiaClass(tap_plus_conn_handler=handler, show_server_messages=False)


@contextlib.contextmanager
def _no_contact() -> Iterator[None]:
    """Keep the import of astroquery.gaia, which makes an instance, from connecting or printing."""
    from astroquery.utils.tap.conn.tapconn import ConnectionHandler

    def refuse(*_: object) -> None:
        raise OSError("no contact on import")  # which astroquery expects and prints

    original = ConnectionHandler.get_connection_secure
    ConnectionHandler.get_connection_secure = refuse
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        ConnectionHandler.get_connection_secure = original


class _Connections:
    """Stands in for astroquery's connection factory and for its connections."""

    def __init__(self, client: HttpClient, url: str) -> None:
        self._client, self.url = client, url
        self.response: HttpResponse | None = None
        self.failure: Exception | None = None

    def get_connection(self, **_: object) -> "_Connections":
        """A connection."""
        return self

    def request(self, method: str, path: str, body: str, headers: Mapping[str, str]) -> None:
        """Send a request and receive its response."""
        parts = urlsplit(self.url)
        url = f"{parts.scheme}://{parts.netloc}{path}"
        content_type = {"Content-Type": headers.get("Content-type", "")} if body else {}
        try:
            self.response = self._client.request(
                method, url, data=body, headers=content_type, max_bytes=MAX_RESPONSE_BYTES
            )
            check_xml(self.response.body)
        except AssociationRefused as error:
            self.failure = ArchiveRefused(f"{url}: not a table of the archive ({error})")
            raise self.failure from error
        except Exception as error:
            self.failure = error
            raise

    def getresponse(self) -> "_Received":
        """The response as http.client gives it."""
        assert self.response is not None
        return _Received(self.response)


class _Received(io.BytesIO):
    """A received response that looks like one of http.client."""

    def __init__(self, response: HttpResponse) -> None:
        super().__init__(response.body)
        self.status, self.reason = response.status, ""
        self._headers = response.headers

    def getheaders(self) -> list[tuple[str, str]]:
        """All headers."""
        return list(self._headers.items())


def _infos(document: bytes) -> dict[str, str]:
    """The INFO elements of a VOTable's resources, by name in capitals; the last of a name counts."""
    tree = votable.parse(io.BytesIO(document))
    return {
        info.name.upper(): str(info.value) for resource in tree.resources for info in resource.infos
    }

"""One query to a TAP service: ADQL in, the complete table out.

pyvo makes the request and reads errors and tables; the connection is ours, with its limits and
retries.
"""

import io
import warnings
from collections.abc import Callable
from typing import Any

import requests
from astropy.table import Table

from pipeline.errors import ArchiveRefused, AssociationRefused
from pipeline.http import HttpClient, HttpResponse
from pipeline.muse.association import check_xml

MAX_ROWS = 1_000_000  # asked for explicitly: a service's own default may be small
MAX_RESPONSE_BYTES = 1 << 30
SIMULATED = (
    "simulated"  # key in a table's meta: whether the service says that nothing in it is real
)

KeepResponse = Callable[[HttpResponse, str], None]  # stores a response and its query as provenance


class QueryRefused(ArchiveRefused):
    """The service understands the request, but not the query: an unknown column or function."""


def query_table(
    client: HttpClient,
    tap_url: str,
    adql: str,
    keep: KeepResponse = lambda _response, _query: None,
    max_rows: int = MAX_ROWS,
) -> Table:
    """The complete table that answers a query; ``meta`` says whether it is simulated.

    A test archive says so in its responses (INFO name="SIMULATED"): what it makes up must never pass
    for an observation.

    Parameters
    ----------
    keep : callable
        Receives the response as it came, and the query.
    max_rows : int
        MAXREC of the request. A table that reaches it counts as cut off.

    Raises
    ------
    ArchiveUnreachable, ArchiveRefused
        If there is no response, it is not a table, or only a part of the rows came.
    QueryRefused
        If the service says that the query is wrong.
    """
    import pyvo  # slow to import, and only a query needs it

    session = _Session(client, adql, keep)
    service = pyvo.dal.TAPService(tap_url, session=session)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # small deviations of a response from the VOTable standard
        try:
            result = service.run_sync(adql, maxrec=max_rows)
        except pyvo.dal.DALAccessError as error:
            if session.failure is not None:  # pyvo makes an error of its own of whatever is raised
                raise session.failure from None
            is_query = isinstance(error, pyvo.dal.DALQueryError) or session.status == 400
            kind = QueryRefused if is_query else ArchiveRefused
            raise kind(f"{tap_url}: {str(error)[:500]} (query: {adql})") from error
        if result.query_status == "OVERFLOW" or len(result) >= max_rows:
            raise ArchiveRefused(
                f"{tap_url}: the table was cut off after {len(result)} rows (MAXREC); ask for fewer "
                "years at a time"
            )
        table = result.to_table()
        infos = [info for resource in result.votable.resources for info in resource.infos]
        table.meta[SIMULATED] = any(info.name.upper() == "SIMULATED" for info in infos)
        return table


class _Session:
    """Our client in the form of a requests session, as pyvo expects."""

    def __init__(self, client: HttpClient, adql: str, keep: KeepResponse) -> None:
        self._client, self._adql, self._keep = client, adql, keep
        self.failure: Exception | None = None
        self.status = 0

    def post(self, url: str, data: dict[str, Any], **_: object) -> requests.Response:
        """The response to a posted form, complete and free of entities."""
        try:
            return self._post(url, data)
        except Exception as failure:
            self.failure = failure
            raise

    def _post(self, url: str, data: dict[str, Any]) -> requests.Response:
        form = {key: str(value) for key, value in data.items()}
        received = self._client.request("POST", url, data=form, max_bytes=MAX_RESPONSE_BYTES)
        self.status = received.status
        try:
            check_xml(received.body)
        except AssociationRefused as error:
            raise ArchiveRefused(
                f"{url}: HTTP {received.status}, not a table of the archive ({error})"
            ) from error
        self._keep(received, self._adql)
        response = requests.Response()
        response.status_code, response.url = received.status, received.url
        response.headers.update(received.headers)
        response.raw = _Body(received.body)
        return response


class _Body(io.BytesIO):
    """A received body that can be read like a connection."""

    def read(self, size: int | None = -1, decode_content: bool = True) -> bytes:  # noqa: ARG002
        """The next bytes; they came undecoded, since we accept nothing else."""
        return super().read(size)

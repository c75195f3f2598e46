"""What the pipeline needs of ESO's archive: a table for a query, an association tree for an exposure.

astroquery.eso can take this place with its first release that queries by TAP and fetches trees
(0.4.12; the releases up to 0.4.11 fill in web forms). Ours alone stays what it lacks: transfers that
resume and are verified, and the check that a tree names the right star.
"""

from typing import Protocol

from astropy.table import Table

from pipeline.archive.tap import KeepResponse, query_table
from pipeline.config.settings import ArchiveSettings
from pipeline.errors import ArchiveRefused, ArchiveUnreachable
from pipeline.http import HttpClient, HttpLimits, HttpResponse
from pipeline.muse.association import MAX_BYTES

RAW_MODE = "Raw2Raw"  # as CalSelector writes it


class ArchiveService(Protocol):
    """A catalogue that takes ADQL, and the associations of its raw frames."""

    def query(self, adql: str) -> Table:
        """The complete table that answers a query.

        Raises
        ------
        ArchiveUnreachable, ArchiveRefused
            If there is none; ``QueryRefused`` if the query is wrong.
        """

    def association_tree(self, dp_id: str) -> HttpResponse:
        """The association tree of an exposure, as XML.

        Raises
        ------
        ArchiveUnreachable, ArchiveRefused
            If there is none.
        """


class EsoArchive:
    """ESO's archive through our own client.

    Parameters
    ----------
    client : HttpClient
        Connections.
    settings : ArchiveSettings
        Addresses.
    keep : callable
        Stores every table as it came, as provenance.
    """

    def __init__(self, client: HttpClient, settings: ArchiveSettings, keep: KeepResponse) -> None:
        self._client, self._settings, self._keep = client, settings, keep

    def query(self, adql: str) -> Table:
        """The complete table that answers a query."""
        return query_table(self._client, self._settings.tap_url, adql, self._keep)

    def association_tree(self, dp_id: str) -> HttpResponse:
        """The association tree of an exposure, as XML."""
        url = self._settings.calselector_url
        form = {"dp_id": dp_id, "mode": RAW_MODE}
        response = self._client.request("POST", url, data=form, max_bytes=MAX_BYTES)
        if response.status != 200:
            raise ArchiveRefused(f"{url}: HTTP {response.status} for {dp_id}")
        return response


def archive_client(settings: ArchiveSettings) -> HttpClient:
    """A client with the limits of the section [archive]."""
    limits = HttpLimits(
        attempts=settings.attempts,
        backoff_s=settings.backoff_s,
        connections=settings.connections,
        connect_timeout_s=settings.connect_timeout_s,
        read_timeout_s=settings.read_timeout_s,
        response_limit_s=settings.answer_limit_s,
        slowest_kb_per_s=settings.slowest_kb_per_s,
    )
    return HttpClient(limits, unreachable=ArchiveUnreachable, refused=ArchiveRefused)

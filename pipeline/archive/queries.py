"""What the archive holds: questions in ADQL, answers as observations.

Two questions a year, joined here: the standard star's exposures, and the science exposures of all
wide-field modes. The archive's table ``dbo.raw`` has no column for the night and its ``mjd_obs``
is good to five minutes only, so the night is computed from ``exp_start``; the star is found by its
position, since its name is spelt freely.
"""

import io
import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from xml.parsers import expat

import numpy as np
import pyvo
import requests
from astropy.table import Table

from pipeline.archive.web import Answer, Web
from pipeline.config.settings import Field
from pipeline.errors import ArchiveRefused, AssociationRefused
from pipeline.muse.association import plain_name, safe_parser
from pipeline.muse.modes import WIDE_FIELD

MAX_ROWS = 1_000_000  # asked for explicitly: a service's own default may be small
MAX_ANSWER_BYTES = 1 << 30
IDS_PER_QUESTION = 400  # keeps a question below 20 kB
KILOBYTE = 1000  # unit of access_estsize
SIMULATED = "simulated"  # key in a table's meta: whether the answer says that nothing in it is real

_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,9})?Z?")

Keep = Callable[[Answer, str], None]  # stores an answer and its question as provenance

_COLUMNS = (
    "dp_id, target, exp_start, ins_mode, dp_type, exposure, tpl_start, release_date, access_estsize"
)
_RAW = "FROM dbo.raw WHERE instrument = 'MUSE'"


@dataclass(frozen=True)
class Observation:
    """One raw frame as the archive's catalogue tells of it."""

    dp_id: str
    start: str  # UTC, ISO, milliseconds
    night: str  # ISO date: UT date of the start minus 12 h
    mode: str
    dp_type: str
    target: str
    template: str  # start of its template: frames of one calibration sequence share it
    exptime_s: float
    size_bytes: float  # the archive's estimate, NaN if it gives none
    simulated: bool = False  # says a test archive; see SIMULATED


def year_bounds(year: int, margin_nights: int = 0) -> tuple[str, str]:
    """First and last instant (exclusive) of a year of nights, widened by whole nights."""
    margin = timedelta(days=margin_nights)
    first, last = date(year, 1, 1) - margin, date(year + 1, 1, 1) + margin
    return f"{first}T12:00:00", f"{last}T12:00:00"


def standards_adql(field: Field, bounds: tuple[str, str], cone_arcmin: float) -> str:
    """The question for the exposures of a standard star: by position, in all wide-field modes."""
    return (
        f"SELECT {_COLUMNS} {_RAW} AND dp_cat = 'CALIB' AND dp_type = 'STD'"
        f" AND ins_mode LIKE 'WFM-%' AND {_between(bounds)}"
        f" AND CONTAINS(POINT('', ra, dec), CIRCLE('', {field.ra_deg:.6f}, {field.dec_deg:.6f},"
        f" {cone_arcmin / 60:.6f})) = 1 ORDER BY exp_start"
    )


def sciences_adql(bounds: tuple[str, str]) -> str:
    """The question for every science exposure in a wide-field mode."""
    return (
        f"SELECT {_COLUMNS} {_RAW} AND dp_cat = 'SCIENCE' AND dp_type = 'OBJECT'"
        f" AND ins_mode LIKE 'WFM-%' AND {_between(bounds)} ORDER BY exp_start"
    )


def calibrations_adql(bounds: tuple[str, str], dp_types: Sequence[str]) -> str:
    """The question for raw calibrations of some types in all modes."""
    types = ", ".join(_quoted(dp_type) for dp_type in dp_types)
    return (
        f"SELECT {_COLUMNS} {_RAW} AND dp_cat = 'CALIB' AND dp_type IN ({types})"
        f" AND {_between(bounds)} ORDER BY exp_start"
    )


def sizes_adql(dp_ids: Sequence[str]) -> str:
    """The question for the sizes of files."""
    names = ", ".join(_quoted(dp_id) for dp_id in dp_ids)
    return f"SELECT dp_id, access_estsize FROM dbo.raw WHERE dp_id IN ({names})"


def ask_observations(web: Web, tap_url: str, adql: str, keep: Keep) -> list[Observation]:
    """The observations that answer a question, each once, by time.

    Raises
    ------
    ArchiveUnreachable, ArchiveRefused
        If there is no answer, or it is not the table that was asked for.
    """
    table = ask_table(web, tap_url, adql, keep)
    try:
        starts = [_instant(text) for text in _texts(table, "exp_start")]
        nights = _nights(starts)
        rows = zip(
            (plain_name(text) for text in _texts(table, "dp_id")),
            starts,
            nights,
            _texts(table, "ins_mode"),
            _texts(table, "dp_type"),
            _texts(table, "target"),
            _texts(table, "tpl_start"),
            _numbers(table, "exposure"),
            _numbers(table, "access_estsize") * KILOBYTE,
            strict=True,
        )
        simulated = bool(table.meta[SIMULATED])
        observations = {row[0]: replace(Observation(*row), simulated=simulated) for row in rows}
    except (KeyError, ValueError, AssociationRefused) as error:
        raise ArchiveRefused(
            f"{tap_url}: the answer is not the table asked for: {error}"
        ) from error
    return sorted(observations.values(), key=lambda one: (one.start, one.dp_id))


def wide_field(observations: Iterable[Observation]) -> list[Observation]:
    """Those in one of the four modes of the study; the archive's pattern admits more."""
    return [one for one in observations if one.mode in WIDE_FIELD]


def ask_sizes(web: Web, tap_url: str, dp_ids: Sequence[str], keep: Keep) -> dict[str, float]:
    """Estimated size of each file that the catalogue knows [byte]; statics are not in it."""
    sizes: dict[str, float] = {}
    for start in range(0, len(dp_ids), IDS_PER_QUESTION):
        table = ask_table(web, tap_url, sizes_adql(dp_ids[start : start + IDS_PER_QUESTION]), keep)
        numbers = _numbers(table, "access_estsize") * KILOBYTE
        sizes |= zip(_texts(table, "dp_id"), (float(n) for n in numbers), strict=True)
    return {name: size for name, size in sizes.items() if np.isfinite(size) and size > 0}


def ask_table(web: Web, tap_url: str, adql: str, keep: Keep) -> Table:
    """The complete table that answers a question; ``meta`` tells whether it is simulated.

    A test archive says so in its answers (INFO name="SIMULATED"): what it makes up must never pass
    for an observation.

    Raises
    ------
    ArchiveUnreachable, ArchiveRefused
        If there is no answer, an error, or only a part of the rows.
    """
    session = _Session(web, adql, keep)
    service = pyvo.dal.TAPService(tap_url, session=session)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # small deviations of an answer from the VOTable standard
        try:
            result = service.run_sync(adql, maxrec=MAX_ROWS)
        except pyvo.dal.DALAccessError as error:
            if session.failure is not None:  # pyvo makes an error of its own of whatever is raised
                raise session.failure from None
            raise ArchiveRefused(f"{tap_url}: {str(error)[:500]} (question: {adql})") from error
        if result.query_status == "OVERFLOW":
            raise ArchiveRefused(f"{tap_url}: answers only {len(result)} rows of more; ask less")
        table = result.to_table()
        infos = [info for resource in result.votable.resources for info in resource.infos]
        table.meta[SIMULATED] = any(info.name.upper() == "SIMULATED" for info in infos)
        return table


class _Session:
    """What pyvo takes for a session: our connections, with their limits and retries."""

    def __init__(self, web: Web, adql: str, keep: Keep) -> None:
        self._web, self._adql, self._keep = web, adql, keep
        self.failure: Exception | None = None

    def post(self, url: str, data: dict[str, Any], **_: object) -> requests.Response:
        """The answer to a posted form, complete and free of entities."""
        try:
            return self._post(url, data)
        except Exception as failure:
            self.failure = failure
            raise

    def _post(self, url: str, data: dict[str, Any]) -> requests.Response:
        form = {key: str(value) for key, value in data.items()}
        answer = self._web.ask("POST", url, data=form, max_bytes=MAX_ANSWER_BYTES)
        try:
            safe_parser().Parse(answer.body, True)
        except (AssociationRefused, expat.ExpatError, ValueError, LookupError) as error:
            raise ArchiveRefused(
                f"{url}: HTTP {answer.status}, not a table of the archive ({error})"
            ) from error
        self._keep(answer, self._adql)
        response = requests.Response()
        response.status_code, response.url = answer.status, answer.url
        response.headers.update(answer.headers)
        response.raw = _Body(answer.body)
        return response


class _Body(io.BytesIO):
    """A received body that can be read like a connection."""

    def read(self, size: int | None = -1, decode_content: bool = True) -> bytes:  # noqa: ARG002
        """The next bytes; they came undecoded, since we accept nothing else."""
        return super().read(size)


def _between(bounds: tuple[str, str]) -> str:
    return f"exp_start >= {_quoted(bounds[0])} AND exp_start < {_quoted(bounds[1])}"


def _quoted(text: str) -> str:
    """A text constant of ADQL."""
    return "'" + text.replace("'", "''") + "'"


def _texts(table: Table, name: str) -> list[str]:
    column = table[name]
    column = column.filled("") if hasattr(column, "filled") else column
    return [str(value).strip() for value in column]


def _numbers(table: Table, name: str) -> np.ndarray:
    column = np.ma.asarray(table[name])
    return np.ma.filled(column.astype(float), np.nan)


def _instant(text: str) -> str:
    """An ISO time to the millisecond; raises ValueError for anything else."""
    if not _TIME.fullmatch(text):
        raise ValueError(f"exp_start = {text[:40]!r} is not a time")
    return str(np.datetime64(text.removesuffix("Z"), "ms"))


def _nights(starts: Sequence[str]) -> list[str]:
    instants = np.array(starts, "datetime64[ms]")
    return [str(night) for night in (instants - np.timedelta64(12, "h")).astype("datetime64[D]")]

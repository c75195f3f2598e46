"""``data/report.json`` of a version that was published before, read back with suspicion.

The file may come from anywhere, so nothing in it is believed before its type and limits are
checked; texts stay foreign and are made inert where a page prints them.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import PreviousReportInvalid
from pipeline.schema.labels import is_version, order
from pipeline.schema.results import Provenance, ReportedValue

REPORT_SCHEMA = 3  # of data/report.json; raise it when a key changes its meaning or is needed
READABLE = (2, REPORT_SCHEMA)  # 2 had neither conventions nor bounds of intervals
TEXTS = ("key", "symbol", "name", "unit", "formula", "source", "note")
BOUNDS = ("low68", "high68", "low95", "high95")
SIZE_LIMIT = 4_000_000  # bytes; a report has some 20 kB per campaign
TEXT_LIMIT = 4000  # characters of one text
REMEDY = "take data/report.json of the site of the version before"


@dataclass(frozen=True)
class CampaignRecord:
    """One campaign of a version, as far as the next version compares it."""

    name: str
    title: str
    simulated: bool
    origin: Provenance
    settings: Mapping[str, str]  # "section.key": value as JSON
    numbers: tuple[ReportedValue, ...]


@dataclass(frozen=True)
class ReportFile:
    """What a version says of itself."""

    version: str
    commit: str
    date: str
    campaigns: tuple[CampaignRecord, ...]
    sha256: str  # of the file


def read_previous(path: Path, label: str) -> ReportFile | None:
    """The version before the one called ``label``; None if the file is empty: there is none.

    Raises
    ------
    PreviousReportInvalid
        If it cannot be read, is no report.json of this schema, or is not of an earlier version.
    """
    try:
        with path.open("rb") as file:
            content = file.read(SIZE_LIMIT + 1)
    except OSError as error:
        raise PreviousReportInvalid(f"--previous {path}: {error.strerror}; {REMEDY}") from error
    if not content:
        return None
    previous = parse_report(content, f"--previous {path}")
    old = previous.version
    if old == label or (is_version(old) and is_version(label) and order(old) > order(label)):
        raise PreviousReportInvalid(
            f"--previous {path}: is of {old}, which is not before {label}; {REMEDY}"
        )
    return previous


def parse_report(content: bytes, name: str = "report.json") -> ReportFile:
    """The report in the bytes of a report.json.

    Parameters
    ----------
    name : str
        What the messages call it.

    Raises
    ------
    PreviousReportInvalid
        If it is not what this build writes.
    """
    if len(content) > SIZE_LIMIT:
        raise PreviousReportInvalid(f"{name}: over {SIZE_LIMIT / 1e6:.0f} MB; {REMEDY}")
    try:
        document = json.loads(content.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise PreviousReportInvalid(f"{name}: no JSON ({error}); {REMEDY}") from error
    top = _Reader(document, name, "")
    schema = top.get("schema", int)
    if schema not in READABLE:
        known = " and ".join(map(str, READABLE))
        raise PreviousReportInvalid(f"{name}: schema {schema}, this build reads {known}; {REMEDY}")
    campaigns = tuple(_campaign(one) for one in top.items("campaigns"))
    _check_unique(name, "campaigns", [one.name for one in campaigns])
    return ReportFile(
        top.text("version"),
        top.text("commit"),
        top.text("date"),
        campaigns,
        hashlib.sha256(content).hexdigest(),
    )


def flat_settings(settings: Mapping[str, Any]) -> dict[str, str]:
    """Every setting as ``section.key`` with its value as JSON."""
    return {
        f"{section}.{key}": json.dumps(value, sort_keys=True)
        for section, values in sorted(settings.items())
        for key, value in sorted(values.items())
    }


class _Reader:
    """One JSON object; every value is checked when it is asked for."""

    def __init__(self, value: object, name: str, place: str) -> None:
        self._name, self.place = name, place
        self._values: dict[str, Any] = self._checked(value, dict, place or "the document")

    def has(self, key: str) -> bool:
        """Whether the key is there and not null."""
        return self._values.get(key) is not None

    def get(self, key: str, kind: type) -> Any:
        if key not in self._values:
            raise PreviousReportInvalid(f"{self._name}: {self.place}{key} is missing; {REMEDY}")
        return self._checked(self._values[key], kind, f"{self.place}{key}")

    def text(self, key: str) -> str:
        text: str = self.get(key, str)
        if len(text) > TEXT_LIMIT:
            raise PreviousReportInvalid(
                f"{self._name}: {self.place}{key} has {len(text)} characters, at most {TEXT_LIMIT}"
            )
        return text

    def number(self, key: str) -> float:
        """A finite number; null, which stands for a missing one, becomes NaN."""
        if self._values.get(key, 0) is None:
            return math.nan
        value = self.get(key, object)
        try:
            number = float(value) if type(value) in (int, float) else math.inf
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise PreviousReportInvalid(
                f"{self._name}: {self.place}{key} = {str(value)[:40]!r}: a finite number or null expected"
            )
        return number

    def inside(self, key: str) -> "_Reader":
        return _Reader(self.get(key, dict), self._name, f"{self.place}{key}.")

    def items(self, key: str) -> list["_Reader"]:
        return [
            _Reader(value, self._name, f"{self.place}{key}[{index}].")
            for index, value in enumerate(self.get(key, list))
        ]

    def texts(self, key: str) -> dict[str, str]:
        inside = self.inside(key)
        return {one: inside.text(one) for one in sorted(inside._values)}

    def settings(self, key: str) -> dict[str, str]:
        inside = self.inside(key)
        return flat_settings({one: inside.get(one, dict) for one in inside._values})

    def check_unique(self, key: str, values: list[str]) -> None:
        _check_unique(self._name, f"{self.place}{key}", values)

    def _checked(self, value: object, kind: type, what: str) -> Any:
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise PreviousReportInvalid(
                f"{self._name}: {what} is {type(value).__name__}, expected {kind.__name__}; {REMEDY}"
            )
        return value


def _campaign(reader: _Reader) -> CampaignRecord:
    digests = reader.inside("digests")
    numbers = tuple(_number(one) for one in reader.items("numbers"))
    reader.check_unique("numbers", [one.key for one in numbers])
    return CampaignRecord(
        reader.text("name"),
        reader.text("title"),
        reader.get("simulated", bool),
        Provenance(digests.text("data"), digests.text("code"), reader.texts("libraries")),
        reader.settings("settings"),
        numbers,
    )


def _number(reader: _Reader) -> ReportedValue:
    known: dict[str, Any] = {key: reader.text(key) for key in TEXTS}
    known |= {
        key: reader.text(key) for key in ("convention", "entered", "provenance") if reader.has(key)
    }
    known |= {key: reader.number(key) for key in ("value", "uncertainty")}
    known |= {key: reader.number(key) for key in BOUNDS if reader.has(key)}
    known["n"] = reader.get("n", int) if reader.has("n") else None
    return ReportedValue(**known)


def _check_unique(name: str, what: str, values: list[str]) -> None:
    twice = sorted({one for one in values if values.count(one) > 1})
    if twice:
        raise PreviousReportInvalid(f"{name}: {what} holds {twice[0]!r} twice; {REMEDY}")


def _refuse_constant(text: str) -> float:
    raise ValueError(f"{text} is no JSON number")

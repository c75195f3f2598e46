"""What is reported of a reduction: its steps, which are calls that differ in their channel only.

The records of single calls hold the quality of every slice: a megabyte for an exposure of 24
channels. They are summed up here once, when the exposure has been reduced.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

Record = Mapping[str, Any]
VERDICTS = ("ok", "warn", "reject")  # of checks, the worst last
_SERIAL = re.compile(r"^\d+ ")  # of an input, in the record's labels
_OF_CALL = re.compile(r"^(?P<recipe>[a-z_]+)-[0-9a-f]{10}-\d\d$")  # identity of a call
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True)
class FileUsed:
    """A raw frame or table that went into a family of calls."""

    tag: str
    name: str  # identity in the archive, or "muse_flat" for its products
    digest: str  # of the content; "" for products of other calls, which the record names one by one
    count: int = 1


@dataclass(frozen=True)
class Quality:
    """One quality-control keyword over all slices and channels; texts have no middle."""

    keyword: str  # numbers of slices and the like are #
    lowest: str
    middle: str
    highest: str
    count: int


@dataclass(frozen=True)
class CheckedQuality:
    """One quality check of a recipe, the worst of its calls; see ``pipeline.reduction.gates``."""

    keyword: str  # numbers of slices and the like are #
    meaning: str
    statistic: str  # each, count, median, spread
    value: float | None  # farthest from what is accepted; None: the products do not say
    low: float | None  # the limits that decided; None: open
    high: float | None
    unit: str
    verdict: str  # ok, warn, reject
    channels: tuple[int, ...]  # that have this verdict; (): all at once
    n_values: int  # over all calls


@dataclass(frozen=True)
class CallCost:
    """One call of a recipe and what it took."""

    call: str
    recipe: str
    channel: int  # 0: all at once
    pipeline: str  # version, as the products say; "" if there are none
    wall_s: float
    cpu_s: float
    peak_rss_mb: float
    size_mb: float  # of all products
    n_warnings: int
    error: str  # type and message; "" if it ended well


@dataclass(frozen=True)
class RecipeStep:
    """Calls of one recipe on the same frames, a call per channel."""

    recipe: str
    channels: tuple[int, ...]  # (): all at once
    n_calls: int
    parameters: tuple[str, ...]  # name = value, those not at their default
    inputs: tuple[FileUsed, ...]
    products: tuple[str, ...]  # tags
    quality: tuple[Quality, ...]
    checks: tuple[CheckedQuality, ...]
    warnings: tuple[str, ...]
    errors: tuple[str, ...]
    wall_s: float  # sum over the calls
    cpu_s: float
    peak_rss_mb: float  # highest of a call
    size_mb: float  # of all products

    @property
    def n_warnings(self) -> int:
        """How many different warnings there are."""
        return len(self.warnings)


@dataclass(frozen=True)
class ReductionLog:
    """How one exposure's raw frames became its cube."""

    steps: tuple[RecipeStep, ...] = ()  # in order
    calls: tuple[CallCost, ...] = ()  # in order
    versions: tuple[str, ...] = ()  # of pipeline and library
    notes: tuple[str, ...] = ()
    error: str = ""  # type and message of what went wrong; "" if there is a cube

    def as_json(self) -> dict[str, Any]:
        """The log in plain lists and dicts."""
        return asdict(self)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "ReductionLog":
        """The log that ``as_json`` made."""
        steps = (
            one
            | {key: tuple(one[key]) for key in ("channels", "parameters", "products")}
            | {key: tuple(one[key]) for key in ("warnings", "errors")}
            | {"inputs": tuple(FileUsed(**file) for file in one["inputs"])}
            | {"quality": tuple(Quality(**keyword) for keyword in one["quality"])}
            | {"checks": tuple(map(_read_check, one.get("checks", ())))}
            for one in kept["steps"]
        )
        return cls(
            tuple(RecipeStep(**one) for one in steps),
            tuple(CallCost(**one) for one in kept["calls"]),
            tuple(kept["versions"]),
            tuple(kept["notes"]),
            kept["error"],
        )


def summed_up(
    records: Sequence[Record], notes: Sequence[str] = (), error: str = ""
) -> ReductionLog:
    """The log of an exposure from the records of its calls, in order."""
    return ReductionLog(
        _steps(records), tuple(map(_cost, records)), _versions(records), tuple(notes), error
    )


def _cost(record: Record) -> CallCost:
    return CallCost(
        call=str(record["call"]),
        recipe=str(record["recipe"]),
        channel=int(record["channel"]),
        pipeline=str(record["provenance"].get("pipeline", "")),
        wall_s=float(record["wall_s"]),
        cpu_s=float(record["cpu_s"]),
        peak_rss_mb=float(record["peak_rss_mb"]),
        size_mb=float(record["size_mb"]),
        n_warnings=len(record["warnings"]),
        error=_error(record),
    )


def _error(record: Record) -> str:
    return f"{record['error_type']}: {record['error']}" if record["error"] else ""


def _steps(records: Sequence[Record]) -> tuple[RecipeStep, ...]:
    groups: dict[tuple[Any, ...], list[Record]] = {}
    for record in records:
        inputs = tuple(sorted({_used(label, "")[:2] for label in record["inputs"]}))
        groups.setdefault((record["recipe"], inputs), []).append(record)
    return tuple(_step(members) for members in groups.values())


def _step(members: Sequence[Record]) -> RecipeStep:
    first = members[0]
    used: Counter[tuple[str, str, str]] = Counter(
        _used(label, digest) for label, digest in first["inputs"].items()
    )
    return RecipeStep(
        recipe=str(first["recipe"]),
        channels=tuple(int(one["channel"]) for one in members if one["channel"]),
        n_calls=len(members),
        parameters=tuple(f"{key} = {value}" for key, value in first["parameters"].items()),
        inputs=tuple(FileUsed(*key, count) for key, count in used.items()),
        products=tuple(first["products"]),
        quality=tuple(_quality(members)),
        checks=tuple(_checks(members)),
        warnings=_said(members, lambda one: one["warnings"]),
        errors=_said(members, lambda one: [_error(one)] if one["error"] else []),
        wall_s=sum(float(one["wall_s"]) for one in members),
        cpu_s=sum(float(one["cpu_s"]) for one in members),
        peak_rss_mb=max(float(one["peak_rss_mb"]) for one in members),
        size_mb=sum(float(one["size_mb"]) for one in members),
    )


def _used(label: str, digest: str) -> tuple[str, str, str]:
    """Tag, name and digest of an input as the record labels it ("003 BIAS MUSE.2019-...")."""
    tag, _, name = _SERIAL.sub("", label).partition(" ")
    made = _OF_CALL.match(name)
    return (tag, f"muse_{made['recipe']}", "") if made else (tag, name, digest)


def _said(members: Sequence[Record], texts: Any) -> tuple[str, ...]:
    """Distinct messages of all calls, each with the channels that it comes from."""
    found: dict[str, list[int]] = {}
    for one in members:
        for text in texts(one):
            found.setdefault(str(text), []).append(int(one["channel"]))
    return tuple(
        text + (f" [{channel_list(who)}]" if any(who) and len(members) > 1 else "")
        for text, who in found.items()
    )


def _quality(members: Sequence[Record]) -> Iterable[Quality]:
    values: dict[str, list[Any]] = {}
    for one in members:
        for key, value in one["qc"].items():
            values.setdefault(_DIGITS.sub("#", str(key)), []).append(value)
    for keyword, found in sorted(values.items()):
        numbers = [v for v in found if isinstance(v, int | float) and not isinstance(v, bool)]
        if len(numbers) == len(found):
            low, middle, high = (
                f"{value:.5g}" for value in (min(numbers), median(numbers), max(numbers))
            )
            yield Quality(keyword, low, middle, high, len(found))
        else:
            texts = sorted({str(value) for value in found})
            yield Quality(keyword, texts[0], "", texts[-1], len(found))


def _checks(members: Sequence[Record]) -> Iterable[CheckedQuality]:
    """A row for every check: that of the call which is farthest off, with all that share its verdict."""
    by_check: dict[tuple[str, str, str], list[tuple[int, Mapping[str, Any]]]] = {}
    for one in members:
        for check in one.get("checks", ()):
            key = (check["keyword"], check["meaning"], check["statistic"])
            by_check.setdefault(key, []).append((int(one["channel"]), check))
    for found in by_check.values():
        worst = max((check for _, check in found), key=_badness)
        alike = {channel for channel, check in found if check["verdict"] == worst["verdict"]}
        yield CheckedQuality(
            keyword=str(worst["keyword"]),
            meaning=str(worst["meaning"]),
            statistic=str(worst["statistic"]),
            value=worst["value"],
            low=worst["low"],
            high=worst["high"],
            unit=str(worst["unit"]),
            verdict=str(worst["verdict"]),
            channels=tuple(sorted(alike - {0})),
            n_values=sum(int(check["n"]) for _, check in found),
        )


def _badness(check: Mapping[str, Any]) -> tuple[int, float]:
    """Order of checks: by verdict, then by the distance to the nearer limit."""
    value, low, high = check["value"], check["low"], check["high"]
    beyond = [] if value is None or low is None else [low - value]
    beyond += [] if value is None or high is None else [value - high]
    return VERDICTS.index(str(check["verdict"])), max(beyond, default=-math.inf)


def _read_check(kept: Mapping[str, Any]) -> CheckedQuality:
    return CheckedQuality(**{**kept, "channels": tuple(kept["channels"])})


def channel_list(channels: Iterable[int]) -> str:
    """Channels as text: ranges are joined ("channels 1-5, 8")."""
    numbers = sorted(set(channels))
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    shown = [str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs]
    return f"channel{'s' if len(numbers) > 1 else ''} {', '.join(shown)}"


def _versions(records: Sequence[Record]) -> tuple[str, ...]:
    said = {str(text) for one in records for text in one["provenance"].values()}
    return tuple(sorted(text for text in said if "/" in text))

"""The accepted numbers of the default report: ``python -m tests.gate.numbers --accept REPORT_JSON``.

``numbers.json`` holds for each number what it has been, the last entry being what it is: [value,
uncertainty], null for missing. A change is accepted by appending to it (`make accept-numbers`), and
each step from one entry to the next must be explained by a line of CHANGELOG.md in one of two forms

    - number CAMPAIGN/KEY: OLD -> NEW: why it changed
    - number CAMPAIGN/KEY: at most 0.3 %: why it changed

where KEY may hold ``*`` and OLD and NEW have two significant digits or more. An uncertainty is a
number of its own, CAMPAIGN/KEY.uncertainty; ``CAMPAIGN/KEY*`` speaks of both.
"""

import argparse
import fnmatch
import itertools
import json
import math
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
ACCEPTED = Path(__file__).with_name("numbers.json")
CHANGELOG = ROOT / "CHANGELOG.md"
# Another processor adds in another order: 4e-14 of a value is the most that was seen, with numpy's
# AVX2, AVX512 and FMA3 switched off and OpenBLAS set to the kernels of another processor. The rest is
# a margin for compilers; a changed setting, draw or exposure moves numbers by far more than 1e-7.
RELATIVE_TOLERANCE = 1e-7

LINE = re.compile(r"^- number (?P<pattern>\S+): (?P<size>[^:]+): (?P<why>.+)$", re.MULTILINE)
STEP = re.compile(r"^(?P<old>\S+) -> (?P<new>\S+)$")
BOUND = re.compile(r"^at most (?P<percent>[\d.]+) %$")

History = dict[str, list[list[float | None]]]  # key -> entries of [value, uncertainty]
Flat = dict[str, float | None]  # key or key.uncertainty -> number


@dataclass(frozen=True)
class Change:
    """A number that is not what it was; None: it was or is missing."""

    key: str
    old: float | None
    new: float | None

    def __str__(self) -> str:
        return f"{self.key}: {_text(self.old)} -> {_text(self.new)}"


def read_report(path: Path) -> dict[str, list[float | None]]:
    """Every number of a built report, [value, uncertainty] by campaign and key."""
    report = json.loads(path.read_text(encoding="utf-8"))
    return {
        f"{campaign['name']}/{number['key']}": [number["value"], number["uncertainty"]]
        for campaign in report["campaigns"]
        for number in campaign["numbers"]
    }


def pair(value: float, uncertainty: float) -> list[float | None]:
    """An entry as JSON holds it: null for NaN."""
    return [one if math.isfinite(one) else None for one in (value, uncertainty)]


def read_history(text: str) -> History:
    """The accepted numbers, as ``numbers.json`` holds them."""
    history: History = json.loads(text)
    return history


def latest(history: History) -> dict[str, list[float | None]]:
    """The numbers as they are accepted now; one that was taken out of the report is left out."""
    return {key: steps[-1] for key, steps in history.items() if steps[-1] != [None, None]}


def changes(
    old: Mapping[str, list[float | None]], new: Mapping[str, list[float | None]]
) -> list[Change]:
    """Every number and uncertainty that differs by more than rounding, sorted by key."""
    before, after = _flat(old), _flat(new)
    return [
        Change(key, before.get(key), after.get(key))
        for key in sorted(before.keys() | after.keys())
        if not _same(before.get(key), after.get(key))
    ]


def steps(history: History) -> Iterator[Change]:
    """Every change that was ever accepted."""
    for key in sorted(history):
        entries = history[key]
        for old, new in itertools.pairwise(entries):
            yield from changes({key: old}, {key: new})


def unexplained(history: History, changelog: str) -> list[Change]:
    """The accepted changes that no line of the changelog names and measures.

    A line with old and new values speaks of the steps that have them; one with a bound, of one step
    of each number: an old line does not excuse a later change.
    """
    lines = list(LINE.finditer(changelog))
    silent = []
    for key, group in itertools.groupby(sorted(steps(history), key=_key), key=_key):
        mine = [line["size"].strip() for line in lines if fnmatch.fnmatchcase(key, line["pattern"])]
        bounds = sorted(float(found["percent"]) for one in mine if (found := BOUND.match(one)))
        open_steps = [one for one in group if not any(_states(size, one) for size in mine)]
        for change in sorted(open_steps, key=_percent, reverse=True):
            if not (bounds and _percent(change) <= bounds.pop()):
                silent.append(change)
    return silent


def append(history: History, fresh: Mapping[str, list[float | None]]) -> History:
    """The history with what changed as new last entries; a number that is gone ends in nulls."""
    now = latest(history)
    longer = {key: list(entries) for key, entries in history.items()}
    for key in sorted(now.keys() | fresh.keys()):
        value = fresh.get(key, [None, None])
        if key not in longer:
            longer[key] = [value]
        elif changes({key: longer[key][-1]}, {key: value}):
            longer[key].append(value)
    return longer


def dump(history: History) -> str:
    """``numbers.json``: a line for each number."""
    lines = [f"{json.dumps(key)}: {json.dumps(history[key])}" for key in sorted(history)]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _flat(numbers: Mapping[str, list[float | None]]) -> Flat:
    flat: Flat = {}
    for key, (value, uncertainty) in numbers.items():
        flat |= {key: value, f"{key}.uncertainty": uncertainty}
    return flat


def _same(old: float | None, new: float | None) -> bool:
    if old is None or new is None:
        return old is new
    return math.isclose(old, new, rel_tol=RELATIVE_TOLERANCE, abs_tol=0.0)


def _key(change: Change) -> str:
    return change.key


def _percent(change: Change) -> float:
    """Size of a change in per cent of what was; infinite where something came from or went to nothing."""
    if change.new is None or not change.old:
        return math.inf
    return abs(change.new / change.old - 1) * 100


def _states(size: str, change: Change) -> bool:
    """Whether "OLD -> NEW" is what happened."""
    step = STEP.match(size)
    return bool(
        step
        and step["old"] != step["new"]
        and _says(step["old"], change.old)
        and _says(step["new"], change.new)
    )


def _says(text: str, value: float | None) -> bool:
    """Whether a text is the value, rounded to as many digits as it shows but no fewer than two."""
    if value is None:
        return text == "missing"
    try:
        stated = float(text)
    except ValueError:
        return False
    digits = len(re.sub(r"[eE].*|[-+.]", "", text).lstrip("0"))
    exact = stated == value  # a count may have one digit
    return exact or (digits >= 2 and stated == float(f"{value:.{digits}g}"))


def _text(value: float | None) -> str:
    return "missing" if value is None else f"{value:.6g}"


def accept(report: Path) -> str:
    """Append what changed to ``numbers.json``; returns the lines that CHANGELOG.md needs."""
    history = read_history(ACCEPTED.read_text(encoding="utf-8")) if ACCEPTED.is_file() else {}
    fresh = read_report(report)
    found = [change for change in changes(latest(history), fresh) if _base(change) in history]
    ACCEPTED.write_text(dump(append(history, fresh)), encoding="utf-8")
    lines = [f"- number {change}: WHY" for change in found]
    return "\n".join(
        ["CHANGELOG.md must say, with the reason:", *lines] if lines else ["no change"]
    )


def _base(change: Change) -> str:
    return change.key.removesuffix(".uncertainty")


def main(arguments: list[str]) -> int:
    """Accept the numbers of a built report."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.gate.numbers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--accept", type=Path, required=True, metavar="REPORT_JSON")
    options: Any = parser.parse_args(arguments)
    print(accept(options.accept))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

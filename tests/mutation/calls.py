"""A pytest plugin that records which functions each test calls, and what the test costs.

``pytest -p tests.mutation.calls`` with ``CALLS=FILE`` appends a line of JSON for every test that
passed: its name, its CPU seconds (children included), and the functions of this project that it
called, as ``FILE:QUALIFIED NAME``: edits elsewhere in a file leave the record as it is. What a shared
fixture called counts for every test that uses it; its cost is told apart, by fixture, as it is paid
once. Forked children are followed as long as they end by ``os._exit``.
"""

import json
import os
import sys
import time
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

ROOT = str(Path(__file__).parents[2]) + os.sep
WATCHED = (ROOT + "pipeline" + os.sep, ROOT + "kdmatch" + os.sep)


def cpu_seconds() -> float:
    """CPU seconds of this process and of its children that have ended."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


class Recorder:
    """The functions that were called since a point in time, one set within another."""

    def __init__(self, report: Path) -> None:
        self.report = report
        self.children = report.with_suffix(".children")
        self.codes: list[dict[int, CodeType]] = [{}]
        self.fixtures: dict[tuple[str, str], tuple[set[str], float]] = {}
        self.shared = 0.0  # CPU seconds of shared fixtures that the running test set up
        self.main = os.getpid()
        leave = os._exit

        def leave_recorded(status: int) -> None:
            if os.getpid() != self.main:
                self._write_child()
            leave(status)

        os._exit = leave_recorded  # type: ignore[assignment]

    def profile(self, frame: FrameType, event: str, _: Any) -> None:
        """Take note of a call; for ``sys.setprofile``."""
        if event == "call":
            code = frame.f_code
            self.codes[-1][id(code)] = code

    def begin(self) -> float:
        """Start a set of its own; returns the CPU seconds so far."""
        self.codes.append({})
        sys.setprofile(self.profile)
        return cpu_seconds()

    def end(self, begun: float) -> tuple[set[str], float]:
        """The functions called, and the CPU seconds spent, since ``begin``."""
        sys.setprofile(None)
        found = _names(self.codes.pop())
        if self.children.exists():
            found |= set(self.children.read_text(encoding="utf-8").split("\n")) - {""}
            self.children.unlink()
        if len(self.codes) > 1:
            sys.setprofile(self.profile)
        return found, cpu_seconds() - begun

    def _write_child(self) -> None:
        sys.setprofile(None)
        names = sorted(_names({key: code for own in self.codes for key, code in own.items()}))
        with self.children.open("a", encoding="utf-8") as file:
            file.write("\n".join(names) + "\n")

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Any:
        """Keep what setting up a fixture called: whoever uses it needs that, too."""
        begun = self.begin()
        try:
            return (yield)
        finally:
            found = self.end(begun)
            self.fixtures[fixturedef.argname, fixturedef.baseid] = found
            self.shared += found[1] if fixturedef.scope != "function" else 0.0

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Any:
        """Write the line of a test."""
        start, begun = time.monotonic(), self.begin()
        self.failed, self.shared = False, 0.0
        try:
            return (yield)
        finally:
            calls, seconds = self.end(begun)
            fixtures: dict[str, float] = {}
            for name, definitions in item._fixtureinfo.name2fixturedefs.items():  # type: ignore[attr-defined]
                for one in definitions:
                    found, cost = self.fixtures.get((name, one.baseid), (set(), 0.0))
                    calls |= found
                    if one.scope != "function":
                        fixtures[f"{one.baseid}::{name}"] = round(cost, 3)
            line = {
                "test": item.nodeid,
                "seconds": round(max(seconds - self.shared, 0.0), 3),
                "wall": round(time.monotonic() - start, 3),
                "passed": not self.failed,
                "fixtures": fixtures,
                "calls": sorted(calls),
            }
            with self.report.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Remember a failure."""
        self.failed |= report.failed


def _names(codes: dict[int, CodeType]) -> set[str]:
    return {
        f"{code.co_filename.removeprefix(ROOT)}:{code.co_qualname}"
        for code in codes.values()
        if code.co_filename.startswith(WATCHED)
    }


def pytest_configure(config: pytest.Config) -> None:
    """Record if ``CALLS`` names a file."""
    if report := os.environ.get("CALLS"):
        config.pluginmanager.register(Recorder(Path(report).resolve()), "calls-recorder")

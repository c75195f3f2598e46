"""Draw mutations and run the nearest tests on each: ``python -m tests.mutation``.

In a copy of the tree that nobody else uses, for files are changed and put back:

    CALLS=work/calls.jsonl .venv/bin/python -m pytest -p tests.mutation.calls -m 'not nightly'
    .venv/bin/python -m tests.mutation --calls work/calls.jsonl --log work/mutations.jsonl

The nearest tests are those that call the function, those of its package first, then by cost, up to
``--seconds`` of CPU. Every outcome is a line of the log; a run that was interrupted goes on where it
stopped.
"""

import argparse
import gc
import inspect
import json
import os
import resource
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Set
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from tests.mutation.draw import Mutation, draw

ROOT = Path(__file__).parents[2]
SEED = 11
EACH = 40  # of five groups
CPU_LIMIT_S = 120  # of a process that runs the tests of one mutation
WALL_LIMIT_S = 600.0
MAX_TESTS = 120  # of one mutation
PYTEST_OPTIONS = (
    *("-q", "-p", "no:cacheprovider"),
    *("-p", "pytest_timeout", "-p", "_hypothesis_pytestplugin"),
)
TARGETS: Mapping[str, tuple[str, ...]] = {
    "measure": ("pipeline/measure",),
    "statistics": ("pipeline/statistics",),
    "workflow": ("pipeline/workflow",),
    "tasks": ("pipeline/tasks",),
    "labels": (
        "pipeline/schema/labels.py",
        "pipeline/schema/definitions.py",
        "pipeline/report/rows.py",
        "pipeline/report/tables.py",
        "pipeline/report/text.py",
    ),
}
PRELOADED = (
    "numpy", "scipy.sparse", "scipy.stats", "scipy.linalg", "scipy.optimize", "scipy.ndimage",
    "astropy.table", "astropy.io.fits", "astropy.coordinates", "astropy.units", "photutils.aperture",
    "photutils.detection", "hypothesis", "yaml", "click", "tqdm", "requests", "markupsafe", "jinja2",
)  # fmt: skip


def files_of(parts: Iterable[str]) -> list[Path]:
    """The Python files of folders and files below the root."""
    return [
        path
        for part in parts
        for path in ([ROOT / part] if part.endswith(".py") else sorted((ROOT / part).rglob("*.py")))
    ]


class NearestTests:
    """Which tests call a function, from the record of ``tests.mutation.calls``.

    Tests of the record that no longer exist are left out: pytest would end with an error whatever the
    mutation does.
    """

    def __init__(self, record: Path, existing: Set[str]) -> None:
        self._cost: dict[str, float] = {}
        self._fixtures: dict[str, dict[str, float]] = {}
        self._callers: dict[str, set[str]] = {}
        for text in record.read_text(encoding="utf-8").splitlines():
            line = json.loads(text)
            if not line["passed"] or line["test"] not in existing:
                continue
            self._cost[line["test"]] = line["seconds"]
            self._fixtures[line["test"]] = line["fixtures"]
            for function in line["calls"]:
                self._callers.setdefault(function, set()).add(line["test"])

    def of(self, mutation: Mutation, seconds: float) -> tuple[list[str], bool]:
        """The tests of a mutation, of so many CPU seconds altogether; whether they call the function.

        A constant of a module, and a function that is called when a module is imported, have the tests
        of the whole file; a program that only its own process runs has the tests named after it.
        """
        found: set[str] = set()
        for first in mutation.functions:
            found = self._callers.get(f"{mutation.path}:{first}", set())
            if found:
                break
        direct = bool(found)
        if not direct:
            for function, tests in self._callers.items():
                if function.startswith(f"{mutation.path}:"):
                    found = found | tests
        if not found:
            named = f"test_{Path(mutation.path).name}"
            found = {one for one in self._cost if Path(one.partition("::")[0]).name == named}
        package = f"tests/{mutation.path.split('/')[1]}/"
        chosen: list[str] = []
        spent, paid = 0.0, set[str]()
        for test in sorted(
            found, key=lambda one: (not one.startswith(package), self._alone(one), one)
        ):
            fixtures = self._fixtures[test]
            cost = self._cost[test] + sum(v for k, v in fixtures.items() if k not in paid)
            if len(chosen) == MAX_TESTS:
                break
            if not chosen or spent + cost <= seconds:
                chosen.append(test)
                spent, paid = spent + cost, paid | set(fixtures)
        return chosen, direct

    def _alone(self, test: str) -> float:
        """CPU seconds of a test that nothing runs before."""
        return self._cost[test] + sum(self._fixtures[test].values())


class Collected:
    """Remembers the names of all tests."""

    def __init__(self) -> None:
        self.tests: frozenset[str] = frozenset()

    def pytest_collection_finish(self, session: Any) -> None:
        """Take note."""
        self.tests = frozenset(item.nodeid for item in session.items)


def existing_tests() -> frozenset[str]:
    """The names of all tests of the tree, imported into this process."""
    import pytest

    found = Collected()
    status = pytest.main([*PYTEST_OPTIONS, "--collect-only", "-qq", "tests"], plugins=[found])
    if status:
        sys.exit("tests cannot be collected")
    return found.tests


class FirstFailure:
    """Remembers the test that failed first."""

    name = ""

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Take note."""
        if report.failed and not self.name:
            self.name = report.nodeid

    def pytest_collectreport(self, report: Any) -> None:
        """Take note of a module that can no longer be imported."""
        self.pytest_runtest_logreport(report)


def run_tests(tests: list[str], forget: Iterable[str] = ()) -> tuple[str, str]:
    """``killed`` or ``survived``, and the test that failed, from a child that runs the tests.

    ``forget`` names modules that the child must import anew.
    """
    if not tests:
        return "survived", "no test calls it"
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        os.close(reading)
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_LIMIT_S, CPU_LIMIT_S + 5))
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        import pytest

        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        for name in forget:
            if name != __name__:
                del sys.modules[name]
        first = FirstFailure()
        status = int(pytest.main([*PYTEST_OPTIONS, "-x", *tests], plugins=[first]))
        os.write(writing, first.name.encode()[:4000])
        os._exit(status)
    os.close(writing)
    deadline, status = time.monotonic() + WALL_LIMIT_S, None
    while status is None:
        done, code = os.waitpid(child, os.WNOHANG)
        if done:
            status = os.waitstatus_to_exitcode(code)
        elif time.monotonic() > deadline:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            status = -signal.SIGALRM
        else:
            time.sleep(0.02)
    with os.fdopen(reading, "rb") as file:
        name = file.read().decode()
    if status < 0:
        return "killed", f"ended by signal {-status}"
    return ("survived", "") if status == 0 else ("killed", name or f"pytest ends with {status}")


def try_mutation(mutation: Mutation, tests: list[str], in_memory: bool) -> tuple[str, str]:
    """The outcome of a mutation: of a function in memory, of anything else in its file.

    A function that is changed in memory spares the child the import of everything else. A file is put
    back with the time it had.
    """
    path = ROOT / mutation.path
    source, times = path.read_bytes(), path.stat()
    changed = mutation.applied(source)
    swapped = swap_code(path, mutation, changed) if in_memory else []
    if swapped:
        try:
            return run_tests(tests)
        finally:
            for function, code in swapped:
                function.__code__ = code
    forget = [
        name for name in sys.modules if name.split(".")[0] in ("pipeline", "kdmatch", "tests")
    ]
    try:
        path.write_bytes(changed)
        return run_tests(tests, forget)
    finally:
        path.write_bytes(source)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def swap_code(
    path: Path, mutation: Mutation, changed: bytes
) -> list[tuple[FunctionType, CodeType]]:
    """The functions that were given the changed code, with the code that they had; else none."""
    outermost = mutation.functions[-1]
    new = {
        (code.co_qualname, code.co_firstlineno): code
        for code in _codes(compile(changed, str(path), "exec", dont_inherit=True))
    }
    found = []
    for one in gc.get_objects():
        if isinstance(one, FunctionType) and one.__code__.co_filename == str(path):
            code = one.__code__
            other = new.get((code.co_qualname, code.co_firstlineno), code)
            if code.co_qualname == outermost and other != code:
                found.append((one, code))
    for function, code in found:
        function.__code__ = new[code.co_qualname, code.co_firstlineno]
    return found


def _codes(code: CodeType) -> Iterator[CodeType]:
    """All code objects within one, without those within functions."""
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield one
            if not one.co_flags & inspect.CO_NEWLOCALS:  # the body of a class
                yield from _codes(one)


def main() -> int:
    """Run what the log does not hold yet, and print a summary; 0 if nine of ten are killed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=Path, required=True, help="record of tests.mutation.calls")
    parser.add_argument("--log", type=Path, required=True, help="outcomes, a line of JSON each")
    parser.add_argument("--only", choices=sorted(TARGETS), action="append", help="group of files")
    parser.add_argument("--each", type=int, default=EACH, help="mutations of each group")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--seconds", type=float, default=25.0, help="CPU seconds of tests for one")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended from outside"))  # puts the file back
    sys.dont_write_bytecode = True
    os.environ |= {"PYTHONDONTWRITEBYTECODE": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    for name in PRELOADED:
        __import__(name)
    nearest = NearestTests(options.calls, existing_tests())
    groups = {name: files_of(parts) for name, parts in TARGETS.items()}
    done = _outcomes(options.log)
    for group, mutation in draw(groups, ROOT, each=options.each, seed=options.seed):
        if mutation.name in done or (options.only and group not in options.only):
            continue
        tests, direct = nearest.of(mutation, options.seconds)
        outcome, why = try_mutation(mutation, tests, direct)
        line = {"group": group, "mutation": mutation.name, "kind": mutation.kind,
                "outcome": outcome, "by": why, "tests": len(tests)}  # fmt: skip
        done[mutation.name] = line
        with options.log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        print(f"{outcome:8} {mutation.name}  {why}", flush=True)
    counts = Counter((line["group"], line["outcome"]) for line in done.values())
    for group in TARGETS:
        print(f"{group}: {counts[group, 'killed']} killed, {counts[group, 'survived']} survived")
    killed = sum(n for (_, outcome), n in counts.items() if outcome == "killed")
    print(f"{killed} of {len(done)} killed")
    return 0 if killed >= 0.9 * len(done) else 1


def _outcomes(log: Path) -> dict[str, dict[str, Any]]:
    if not log.exists():
        return {}
    lines = (json.loads(text) for text in log.read_text(encoding="utf-8").splitlines())
    return {line["mutation"]: line for line in lines}


if __name__ == "__main__":
    sys.exit(main())

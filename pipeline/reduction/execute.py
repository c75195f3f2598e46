"""Runs the calls of plans: what is done stays done, what fails takes only its own exposures along.

One loop starts children, watches them and publishes what they made; there is no thread and no
lock. This is the only module of the room that knows stamps.
"""

import json
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pipeline import products
from pipeline.errors import DiskFull, ExposureError, RecipeFailed
from pipeline.reduction import files
from pipeline.reduction.plan import Call, Input
from pipeline.reduction.recipes import RECIPES
from pipeline.reduction.runners import LOG_NAME, OUTPUT_NAME, RecipeRun, Request, Runner, Running, plugin_folder

STAMPED = "products"  # the stamp of a call is products.stamp.json
RECORD = "record.json"
POLL_S = 0.05
# Failures of circumstances, not of data: the next run tries again.
PASSING = ("RecipeTimeout", "RecipeCrashed", "DiskFull", "RawFrameUnreadable")


@dataclass(frozen=True)
class Workshop:
    """Where calls run and what they may use."""

    folder: Path  # of products, one folder a call
    raw: Path  # folder of raw frames and tables
    extra: Mapping[str, Path] = field(default_factory=dict)  # files that go by a name of their own
    runner: Runner = field(kw_only=True)
    jobs: int = 1  # recipes at a time
    memory_mb: float = float("inf")  # that all recipes together may use
    time_limit_factor: float = 1.0

    def product_folder(self, call_id: str) -> Path:
        """Where the products of a call live."""
        return self.folder / call_id

    def find(self, name: str) -> Path:
        """The file of that name among the campaign's own and the raw frames."""
        return self.extra[name] if name in self.extra else files.find_file(self.raw, name)


@dataclass
class Outcome:
    """What became of the calls of a run."""

    done: set[str] = field(default_factory=set)
    failed: dict[str, ExposureError] = field(default_factory=dict)
    ran: list[str] = field(default_factory=list)
    recipe_wall_s: float = 0.0  # sum over the recipes that ran


def available_memory_mb() -> float:
    """Memory that is free for recipes now [MB]."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) / 1024
    return float("inf")


def run_calls(
    calls: Sequence[Call],
    workshop: Workshop,
    *,
    wanted: Sequence[str],
    keep: Sequence[str] = (),
    purge: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Run what is stale of some calls.

    Parameters
    ----------
    calls : sequence of Call
        Each after those that it needs.
    wanted : sequence of str
        Ids of the calls whose products are needed in the end.
    keep : sequence of str
        Ids of further calls whose products stay.
    purge : bool
        Remove the products of all other calls once nothing needs them any more.
    tell : callable
        Receives a line for every call that ends.
    """
    loop = _Loop(calls, workshop, tell)
    loop.find_stale(wanted)
    users = _users(calls) if purge else {}
    try:
        while loop.step():
            for call_id in [*loop.just_ended]:
                _purge_unused(call_id, loop, users, {*wanted, *keep})
            loop.just_ended.clear()
            time.sleep(POLL_S)
    finally:
        loop.stop()
    return loop.outcome


def product_paths(workshop: Workshop, call_id: str, tag: str) -> tuple[Path, ...]:
    """The products of a call with that tag, () if it has none (any more)."""
    folder = workshop.product_folder(call_id)
    record = read_record(workshop, call_id)
    names = record.get("products", {}).get(tag, [])
    return tuple(folder / name for name in names if (folder / name).exists())


def read_record(workshop: Workshop, call_id: str) -> dict[str, Any]:
    """What is kept of a call for ever: recipe, inputs, QC, warnings, cost; {} if it never ran."""
    try:
        text = (workshop.product_folder(call_id) / RECORD).read_text(encoding="utf-8")
        return dict(json.loads(text))
    except (OSError, ValueError):
        return {}


def _users(calls: Sequence[Call]) -> dict[str, set[str]]:
    """For every call those that use its products."""
    users: dict[str, set[str]] = {call.id: set() for call in calls}
    for call in calls:
        for one in call.inputs:
            if one.call in users:
                users[one.call].add(call.id)
    return users


def _purge_unused(ended: str, loop: "_Loop", users: Mapping[str, set[str]], stay: set[str]) -> None:
    """Remove what nobody needs after a call has ended: inputs of which it was the last user."""
    for call_id, using in users.items():
        if call_id not in stay and ended in using and not using & loop.pending:
            products.purge(loop.workshop.product_folder(call_id) / STAMPED)


class _Loop:
    """State of one run."""

    def __init__(
        self, calls: Sequence[Call], workshop: Workshop, tell: Callable[[str], None]
    ) -> None:
        self.workshop, self.outcome, self._tell = workshop, Outcome(), tell
        self._calls = {call.id: call for call in calls}
        self._keys: dict[str, dict[str, Any]] = {}
        self._checked: dict[Path, str] = {}  # raw file: its fingerprint
        self._running: dict[str, Running] = {}
        self.pending: set[str] = set()  # stale and not ended
        self.just_ended: list[str] = []
        self._scratch = workshop.folder / ".scratch"
        shutil.rmtree(self._scratch, ignore_errors=True)  # of a run that was killed
        self._scratch.mkdir(parents=True, exist_ok=True)

    def find_stale(self, wanted: Sequence[str]) -> None:
        """Decide which calls must run: stale ones, and whoever makes what they need."""
        stale: dict[str, bool] = {}
        for call in self._calls.values():
            stale[call.id] = self._stale(call, stale)
            if not stale[call.id]:
                self._recall(call.id)
        todo = [call_id for call_id in wanted if stale[call_id]]
        while todo:
            call = self._calls[todo.pop()]
            if call.id in self.pending or call.id in self.outcome.failed:
                continue
            self.pending.add(call.id)
            self.outcome.done.discard(call.id)
            todo += [
                one.call
                for one in call.inputs
                if one.call and (stale[one.call] or not self._products_of(one))
            ]

    def step(self) -> bool:
        """Publish what has ended, start what can start; False when nothing is left."""
        for call_id in [i for i, running in self._running.items() if running.ended()]:
            self._publish(self._calls[call_id], self._running.pop(call_id))
        for call in self._calls.values():
            if call.id in self.pending and call.id not in self._running:
                self._consider(call)
        return bool(self.pending)

    def stop(self) -> None:
        """Kill what still runs."""
        for running in self._running.values():
            running.abandon()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _stale(self, call: Call, stale: Mapping[str, bool]) -> bool:
        if any(one.call and stale[one.call] for one in call.inputs):
            return True
        try:
            ingredients = self._ingredients(call)
        except ExposureError:
            return True  # the reason is found again, and recorded, when it is its turn
        product = self.workshop.product_folder(call.id) / STAMPED
        if products.staleness(product, ingredients):
            return True
        stamp = products.read_stamp(product)
        return stamp is not None and stamp.error_type in PASSING

    def _recall(self, call_id: str) -> None:
        """What is on record stands: done is done, and a failure is a failure until its cause goes."""
        stamp = products.read_stamp(self.workshop.product_folder(call_id) / STAMPED)
        if stamp is not None and stamp.state == products.FAILED:
            self.outcome.failed[call_id] = RecipeFailed(stamp.error)
        else:
            self.outcome.done.add(call_id)

    def _consider(self, call: Call) -> None:
        """Start a call if its inputs are there and the machine has room; or fail it."""
        makers = [one.call for one in call.inputs if one.call]
        broken = next((i for i in makers if i in self.outcome.failed), None)
        if broken:
            self._fail(call, self.outcome.failed[broken], recorded=False)
            return
        if any(maker in self.pending for maker in makers) or not self._has_room(call):
            return
        try:
            self._start(call)
        except ExposureError as error:
            self._fail(call, error)

    def _has_room(self, call: Call) -> bool:
        if not self._running:
            return True
        used = sum(self._memory(self._calls[i]) for i in self._running)
        fits = used + self._memory(call) <= self.workshop.memory_mb
        return fits and len(self._running) < self.workshop.jobs

    @staticmethod
    def _memory(call: Call) -> float:
        return RECIPES[call.recipe].memory_for(call.n_channels)

    def _start(self, call: Call) -> None:
        self._ingredients(call)  # checks the raw files
        paths = [(one.tag, path) for one in call.inputs for path in self._products_of(one)]
        folder = self._scratch / call.id
        folder.mkdir()
        recipe = RECIPES[call.recipe]
        limit = recipe.time_limit_s * self.workshop.time_limit_factor
        request = Request(recipe, call.channel, tuple(paths), call.parameters, folder, limit)
        self._running[call.id] = self.workshop.runner.start(request)

    def _publish(self, call: Call, running: Running) -> None:
        """Move the products of a recipe to their place, with record, log and stamp."""
        target = self.workshop.product_folder(call.id)
        error: ExposureError | None = None
        run: RecipeRun | None = None
        try:
            run = running.result()
        except ExposureError as failure:
            error = failure
        self.outcome.recipe_wall_s += running.cost[0]
        self.outcome.ran.append(call.id)
        target.mkdir(parents=True, exist_ok=True)
        self._keep_log(running, target)
        if run is None:
            shutil.rmtree(running.request.folder, ignore_errors=True)
            assert error is not None
            self._fail(call, error, running)
            return
        made = run

        def build(output: products.Output) -> None:
            for tag in call.makes:
                for path in made.products[tag]:
                    path.replace(output.path(path.name))

        self._record(call, running, made, None)
        stamp = self._stamp(call, build, running)
        shutil.rmtree(running.request.folder, ignore_errors=True)
        if stamp.state == products.FAILED:
            self._ended(call, RecipeFailed(stamp.error))
            return
        self.outcome.done.add(call.id)
        self._ended(call, None, running.cost)

    def _fail(
        self, call: Call, error: ExposureError, running: Running | None = None, recorded: bool = True
    ) -> None:
        """Note that a call cannot be done; a follow-up of another failure is not recorded."""

        def build(_: products.Output) -> None:
            raise error

        if recorded:
            try:
                self._record(call, running, None, error)
                if not isinstance(error, DiskFull):
                    self._stamp(call, build, running)
            except (OSError, ExposureError):
                pass  # no space for the note, or no key without the raw file: tried again next time
        self._ended(call, error)

    def _ended(
        self, call: Call, error: ExposureError | None, cost: tuple[float, float, float] | None = None
    ) -> None:
        self.pending.discard(call.id)
        self.just_ended.append(call.id)
        if error is not None:
            self.outcome.failed[call.id] = error
        shown = f"failed: {error}" if error else f"{cost[0]:.0f} s" if cost else ""
        self._tell(f"{call.id} {shown}")

    def _stamp(
        self, call: Call, build: Callable[[products.Output], None], running: Running | None
    ) -> products.Stamp:
        product = self.workshop.product_folder(call.id) / STAMPED
        # fingerprints, not digests of gigabytes: most products are removed within the hour
        stamp = products.make(product, call.recipe, self._ingredients(call), build, transient=True)
        if running is not None:
            stamp = replace(stamp, wall_s=running.cost[0], peak_rss_mb=running.cost[2])
            products.write_stamp(product, stamp)
        return stamp

    def _keep_log(self, running: Running, target: Path) -> None:
        text = running.log()
        output = (running.request.folder / OUTPUT_NAME).read_text(errors="replace")
        try:
            (target / LOG_NAME).write_text(text + ("\n" + output if output not in text else ""))
        except OSError:
            (target / LOG_NAME).unlink(missing_ok=True)  # the disk is full: the message remains

    def _record(
        self, call: Call, running: Running | None, run: RecipeRun | None, error: Exception | None
    ) -> None:
        cost = running.cost if running else (0.0, 0.0, 0.0)
        try:
            inputs = self._ingredients(call)["inputs"]
        except ExposureError:
            inputs = {}
        folder = self.workshop.product_folder(call.id)
        folder.mkdir(parents=True, exist_ok=True)
        content = {
            "call": call.id,
            "recipe": call.recipe,
            "channel": call.channel,
            "runner": self.workshop.runner.name,
            "provenance": dict(run.provenance) if run else {},
            "parameters": dict(call.parameters),
            "inputs": inputs,
            "products": {t: [p.name for p in run.products[t]] for t in call.makes} if run else {},
            "qc": dict(run.qc) if run else {},
            "warnings": run.warnings if run else (),
            "wall_s": cost[0],
            "cpu_s": cost[1],
            "peak_rss_mb": cost[2],
            "error_type": type(error).__name__ if error else "",
            "error": str(error or ""),
        }
        with products.atomic_file(folder / RECORD) as file:
            json.dump(content, file, sort_keys=True, default=str)

    def _products_of(self, one: Input) -> tuple[Path, ...]:
        if one.call:
            return product_paths(self.workshop, one.call, one.made_as)
        return (self.workshop.find(one.name),)

    def _ingredients(self, call: Call) -> dict[str, Any]:
        """What shapes the products of a call: recipe, parameters, every input by content."""
        if call.id not in self._keys:
            inputs: dict[str, str] = {}
            for number, one in enumerate(call.inputs):
                label = f"{number:03d} {one.tag} {one.name or one.call}"
                if one.call:
                    inputs[label] = products.digest(self._ingredients(self._calls[one.call]))
                else:
                    inputs[label] = self._fingerprint(self.workshop.find(one.name))
            self._keys[call.id] = {
                "recipe": call.recipe,
                "pipeline": _pipeline_version(),
                "channel": call.channel,
                "parameters": dict(call.parameters),
                "inputs": inputs,
            }
        return self._keys[call.id]

    def _fingerprint(self, path: Path) -> str:
        if path not in self._checked:
            files.check_file(path)
            self._checked[path] = products.fingerprint(path)
        return self._checked[path]


def _pipeline_version() -> str:
    """Version of the installed recipes: another one makes other products."""
    versions = sorted(path.name for path in plugin_folder().iterdir())
    return os.pathsep.join(versions)

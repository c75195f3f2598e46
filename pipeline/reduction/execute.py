"""Runs the calls of plans: what is done stays done, what fails takes only its own exposures along.

One loop starts children, watches them and publishes what they made; there is no thread and no
lock. This is the only module of the package that knows stamps.
"""

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pipeline import errors
from pipeline.errors import DiskFull, ExposureError, MemoryShort, RecipeFailed, WorkspaceError
from pipeline.reduction.child import RecipeCall, RecipeRun, Running
from pipeline.reduction.cost import memory_mb, slowness, time_limit_s
from pipeline.reduction.plan import Call
from pipeline.reduction.recipes import RECIPES
from pipeline.reduction.workspace import (
    STAMPED,
    Ingredients,
    RecipeWorkspace,
    input_paths,
    keep_log,
    write_record,
)
from pipeline.workflow import products

POLL_S = 0.05
# Failures of circumstances, not of data: the next run tries again.
PASSING = ("RecipeTimeout", "RecipeCrashed", "DiskFull", "MemoryShort", "RawFrameUnreadable")


@dataclass
class Outcome:
    """Outcome of the calls of a run."""

    done: set[str] = field(default_factory=set)
    failed: dict[str, ExposureError] = field(default_factory=dict)
    ran: list[str] = field(default_factory=list)


def run_calls(
    calls: Sequence[Call],
    workspace: RecipeWorkspace,
    *,
    wanted: Sequence[str],
    keep: Sequence[str] = (),
    purge: bool = False,
    log: Callable[[str], None] = lambda _: None,
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
        Receives a line for every call that ends, and one where memory may not suffice.
    """
    loop = _Loop(calls, workspace, log)
    loop.find_stale(wanted)
    users = _users(calls) if purge else {}
    try:
        busy = True
        while busy:
            busy = loop.step()
            for call_id in loop.just_ended:
                _purge_unused(call_id, loop, users, {*wanted, *keep})
            loop.just_ended.clear()
            time.sleep(POLL_S if busy else 0)
    except OSError as error:
        raise WorkspaceError(
            f"{error.filename or workspace.folder}: {error.strerror}; "
            "free space or choose another folder with --work"
        ) from error
    finally:
        loop.stop()
    return loop.outcome


def _users(calls: Sequence[Call]) -> dict[str, set[str]]:
    """For every call those that use its products."""
    users: dict[str, set[str]] = {call.id: set() for call in calls}
    for call in calls:
        for one in call.inputs:
            if one.call in users:
                users[one.call].add(call.id)
    return users


def _purge_unused(ended: str, loop: "_Loop", users: Mapping[str, set[str]], stay: set[str]) -> None:
    """Remove the inputs that no later call needs.

    What failed by circumstances will be tried again and finds its inputs: a night's are an hour's
    work.
    """
    needed = loop.pending | {
        name for name, error in loop.outcome.failed.items() if type(error).__name__ in PASSING
    }
    for call_id, using in users.items():
        if call_id not in stay and ended in using and not using & needed:
            products.purge(loop.workspace.product_folder(call_id) / STAMPED)


class _Loop:
    """State of one run."""

    def __init__(
        self, calls: Sequence[Call], workspace: RecipeWorkspace, log: Callable[[str], None]
    ) -> None:
        self.workspace, self.outcome, self._log = workspace, Outcome(), log
        self._calls = {call.id: call for call in calls}
        self._ingredients = Ingredients(self._calls, workspace)
        self._running: dict[str, Running] = {}
        self.pending: set[str] = set()  # stale and not ended
        self.just_ended: list[str] = []
        self._scratch = workspace.folder / ".scratch"
        shutil.rmtree(self._scratch, ignore_errors=True)  # of a run that was killed
        self._scratch.mkdir(parents=True, exist_ok=True)

    def find_stale(self, wanted: Sequence[str]) -> None:
        """Decide which calls must run: stale ones, and those that make their inputs."""
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
                if one.call and (stale[one.call] or not input_paths(self.workspace, one))
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
            ingredients = self._ingredients.of(call)
        except ExposureError:
            return True  # the reason is found again, and recorded, when it is its turn
        product = self.workspace.product_folder(call.id) / STAMPED
        if products.staleness(product, ingredients):
            return True
        stamp = products.read_stamp(product)
        return stamp is not None and stamp.error_type in PASSING

    def _recall(self, call_id: str) -> None:
        """What is on record stands: done is done, and a failure is a failure until its cause goes."""
        stamp = products.read_stamp(self.workspace.product_folder(call_id) / STAMPED)
        if stamp is not None and stamp.state == products.FAILED:
            kind = getattr(errors, stamp.error_type, RecipeFailed)
            self.outcome.failed[call_id] = kind(stamp.error)
        else:
            self.outcome.done.add(call_id)

    def _consider(self, call: Call) -> None:
        """Start a call if its inputs are there and memory and a job slot are free; or fail it."""
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
        used = sum(memory_mb(self._calls[i]) for i in self._running)
        fits = used + memory_mb(call) <= self.workspace.memory_mb
        return fits and len(self._running) < self.workspace.jobs

    def _start(self, call: Call) -> None:
        self._ingredients.of(call)  # checks the raw files
        self._check_memory(call)
        paths = [
            (one.tag, path) for one in call.inputs for path in input_paths(self.workspace, one)
        ]
        folder = self._scratch / call.id
        folder.mkdir()
        recipe = RECIPES[call.recipe]
        limit = time_limit_s(call, slowness()) * self.workspace.time_limit_factor
        request = RecipeCall(recipe, call.channel, tuple(paths), call.parameters, folder, limit)
        self._running[call.id] = self.workspace.runner.start(request)

    def _check_memory(self, call: Call) -> None:
        """Refuse calls that would run out of memory after many minutes; log those that need swap."""
        need, there, swap = memory_mb(call), self.workspace.memory_mb, self.workspace.swap_mb
        if need > there + swap:
            raise MemoryShort(
                f"{call.id}: needs {need / 1024:.1f} GB of memory, {(there + swap) / 1024:.1f} GB are "
                "free for recipes: not started. Free memory, add swap, choose fewer channels, or "
                f"narrow {call.recipe}.lambdamin and lambdamax in [reduction] parameters"
            )
        if need > there:
            self._log(
                f"{call.id}: needs {need / 1024:.1f} GB of memory, {there / 1024:.1f} GB are free: "
                "it will swap"
            )

    def _publish(self, call: Call, running: Running) -> None:
        """Move the products of a recipe to their place, with record, log and stamp."""
        target = self.workspace.product_folder(call.id)
        error: ExposureError | None = None
        run: RecipeRun | None = None
        try:
            run = running.result()
        except ExposureError as failure:
            error = failure
        self.outcome.ran.append(call.id)
        target.mkdir(parents=True, exist_ok=True)
        keep_log(running, target)
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

        write_record(self.workspace, call, self._inputs(call), running, made)
        stamp = self._stamp(call, build, running)
        shutil.rmtree(running.request.folder, ignore_errors=True)
        if stamp.state == products.FAILED:
            self._ended(call, RecipeFailed(stamp.error))
            return
        self.outcome.done.add(call.id)
        self._ended(call, None, running.cost)

    def _fail(
        self,
        call: Call,
        error: ExposureError,
        running: Running | None = None,
        recorded: bool = True,
    ) -> None:
        """Note that a call cannot be done; a follow-up of another failure is not recorded."""

        def build(_: products.Output) -> None:
            raise error

        if recorded:
            try:
                write_record(self.workspace, call, self._inputs(call), running, error)
                if not isinstance(error, DiskFull):
                    self._stamp(call, build, running)
            except (OSError, ExposureError):
                pass  # no space for the note, or no key without the raw file: tried again next time
        self._ended(call, error)

    def _inputs(self, call: Call) -> dict[str, str]:
        try:
            return dict(self._ingredients.of(call)["inputs"])
        except ExposureError:
            return {}

    def _ended(
        self,
        call: Call,
        error: ExposureError | None,
        cost: tuple[float, float, float] | None = None,
    ) -> None:
        self.pending.discard(call.id)
        self.just_ended.append(call.id)
        if error is not None:
            self.outcome.failed[call.id] = error
        shown = f"failed: {error}" if error else f"{cost[0]:.0f} s" if cost else ""
        self._log(f"{call.id} {shown}")

    def _stamp(
        self, call: Call, build: Callable[[products.Output], None], running: Running | None
    ) -> products.Stamp:
        product = self.workspace.product_folder(call.id) / STAMPED
        # fingerprints, not digests of gigabytes: most products are removed within the hour
        stamp = products.make(
            product, call.recipe, self._ingredients.of(call), build, transient=True
        )
        if running is not None:
            stamp = replace(stamp, wall_s=running.cost[0], peak_rss_mb=running.cost[2])
            products.write_stamp(product, stamp)
        return stamp

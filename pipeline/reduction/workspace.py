"""Where recipes work: raw frames in, products by call out, and what is kept of every call."""

import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pipeline.errors import CalibrationRejected, ExposureError
from pipeline.reduction import files
from pipeline.reduction.child import LOG_NAME, OUTPUT_NAME, RecipeRun, Running
from pipeline.reduction.plan import Call, Input
from pipeline.reduction.quality import QualityCheck
from pipeline.reduction.runners import Runner, recipes_version
from pipeline.workflow import products

STAMPED = "products"  # the stamp of a call is products.stamp.json
RECORD = "record.json"
CONTROL_GROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class RecipeWorkspace:
    """Where calls run and what they may use."""

    folder: Path  # of products, one folder a call
    raw: Path  # folder of raw frames and tables
    extra: Mapping[str, Path] = field(default_factory=dict)  # files that go by a name of their own
    runner: Runner = field(kw_only=True)
    jobs: int = 1  # recipes at a time
    memory_mb: float = float("inf")  # that all recipes together may use
    swap_mb: float = 0.0  # what a single one may use beyond that
    time_limit_factor: float = 1.0
    campaign: Path | None = None  # folder of grid and response, where several workspaces share them

    def product_folder(self, call_id: str) -> Path:
        """Where the products of a call live."""
        return self.folder / call_id

    def find(self, name: str) -> Path:
        """The file of that name among the campaign's own and the raw frames."""
        return self.extra[name] if name in self.extra else files.find_file(self.raw, name)


def available_memory_mb() -> float:
    """Memory that is free for recipes now [MB]; in a container or a job, of its share."""
    return min(_meminfo_mb("MemAvailable"), _control_group_mb("memory"))


def available_swap_mb() -> float:
    """Swap that is free now [MB]."""
    free = min(_meminfo_mb("SwapFree"), _control_group_mb("memory.swap"))
    return free if math.isfinite(free) else 0.0


def _meminfo_mb(key: str) -> float:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) / 1024
    return math.inf


def _control_group_mb(controller: str) -> float:
    """What the limits of this process's control group leave [MB], infinite if there is none."""
    try:
        name = Path("/proc/self/cgroup").read_text().strip().rpartition("::")[2]
    except OSError:
        return math.inf
    left = math.inf
    folder = CONTROL_GROUPS / name.lstrip("/")
    for group in (folder, *folder.parents):
        if group == CONTROL_GROUPS.parent:
            break
        try:
            limit = (group / f"{controller}.max").read_text().strip()
            used = int((group / f"{controller}.current").read_text())
        except (OSError, ValueError):
            continue
        if limit.isdigit():
            left = min(left, (int(limit) - used) / 2**20)
    return left


def available_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0))


class Ingredients:
    """What shapes the products of calls: recipe, parameters, every input by its content."""

    def __init__(self, calls: Mapping[str, Call], workspace: RecipeWorkspace) -> None:
        self._calls, self._workspace = calls, workspace
        self._keys: dict[str, dict[str, Any]] = {}
        self._checked: dict[Path, str] = {}  # file: its fingerprint

    def of(self, call: Call) -> dict[str, Any]:
        """What shapes the products of a call: recipe, parameters, every input by content."""
        if call.id not in self._keys:
            inputs: dict[str, str] = {}
            for number, one in enumerate(call.inputs):
                label = f"{number:03d} {one.tag} {one.name or one.call}"
                if one.call:
                    inputs[label] = products.digest(self.of(self._calls[one.call]))
                else:
                    inputs[label] = self._fingerprint(self._workspace.find(one.name))
            self._keys[call.id] = {
                "recipe": call.recipe,
                "pipeline": recipes_version(self._workspace.runner),
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


def product_paths(workspace: RecipeWorkspace, call_id: str, tag: str) -> tuple[Path, ...]:
    """The products of a call with that tag, () if it has none (any more)."""
    folder = workspace.product_folder(call_id)
    record = read_record(workspace.folder, call_id)
    names = record.get("products", {}).get(tag, [])
    return tuple(folder / name for name in names if (folder / name).exists())


def read_record(folder: Path, call_id: str) -> dict[str, Any]:
    """What is kept of a call for ever: recipe, inputs, QC, warnings, cost; {} if it never ran.

    Parameters
    ----------
    folder : Path
        Of the workspace.
    """
    try:
        text = (folder / call_id / RECORD).read_text(encoding="utf-8")
        return dict(json.loads(text))
    except (OSError, ValueError):
        return {}


def input_paths(workspace: RecipeWorkspace, one: Input) -> tuple[Path, ...]:
    """The files of an input, () if the call that makes them has not, or they are removed."""
    if one.call:
        return product_paths(workspace, one.call, one.made_as)
    return (workspace.find(one.name),)


def write_record(
    workspace: RecipeWorkspace,
    call: Call,
    inputs: Mapping[str, str],
    running: Running | None,
    made: RecipeRun | ExposureError,
) -> None:
    """Keep the record of a call, next to its products and longer than they are kept."""
    run = made if isinstance(made, RecipeRun) else None
    wall_s, cpu_s, peak_rss_mb = running.cost if running else (0.0, 0.0, 0.0)
    folder = workspace.product_folder(call.id)
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        "call": call.id,
        "recipe": call.recipe,
        "channel": call.channel,
        "runner": workspace.runner.name,
        "provenance": dict(run.provenance) if run else {},
        "parameters": dict(call.parameters),
        "inputs": dict(inputs),
        "products": {tag: [p.name for p in run.products[tag]] for tag in call.makes} if run else {},
        "qc": dict(run.qc) if run else {},
        "checks": [_plain(asdict(check)) for check in _checks(made)],
        "warnings": run.warnings if run else (),
        "wall_s": wall_s,
        "cpu_s": cpu_s,
        "peak_rss_mb": peak_rss_mb,
        "size_mb": run.size_mb if run else 0.0,
        "error_type": "" if run else type(made).__name__,
        "error": "" if run else str(made),
    }
    with products.atomic_file(folder / RECORD) as file:
        json.dump(content, file, sort_keys=True, default=str)


def _checks(made: RecipeRun | ExposureError) -> tuple[QualityCheck, ...]:
    """The checks of a run, also of one that they rejected."""
    if isinstance(made, RecipeRun):
        return made.checks
    kept = made.checks if isinstance(made, CalibrationRejected) else ()
    return tuple(check for check in kept if isinstance(check, QualityCheck))


def _plain(check: dict[str, Any]) -> dict[str, Any]:
    """A check without numbers that JSON does not know: None stands for an open limit."""
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in check.items()
    }


def keep_log(running: Running, folder: Path) -> None:
    """Keep a recipe's log, and what it printed."""
    folder.mkdir(parents=True, exist_ok=True)
    text = running.log()
    output = (running.request.folder / OUTPUT_NAME).read_text(errors="replace")
    try:
        (folder / LOG_NAME).write_text(text + ("\n" + output if output not in text else ""))
    except OSError:
        (folder / LOG_NAME).unlink(missing_ok=True)  # the disk is full: the message remains

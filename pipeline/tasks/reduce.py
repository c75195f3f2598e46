"""The reduction: from a night's raw frames to cubes, with a product per exposure.

Exposures of one night share calibrations, so a night is a job. The products of single recipes have
stamps of their own (``pipeline.reduction``). What is kept here, ``reduction.json``, says of one
exposure which calls made its cube, at what cost and quality, or why there is none; it is all that a
later run and the report have to read.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from astropy.io import fits

from pipeline import errors
from pipeline.config.setting import read_by
from pipeline.config.settings import Field, ReductionSettings
from pipeline.errors import (
    AssociationRefused,
    ExposureCrashed,
    ExposureError,
    RecipesMissing,
    UnknownMode,
    WorkerLost,
    without_folders,
)
from pipeline.muse.association import parse_tree
from pipeline.muse.exposure import (
    Exposure,
    check_mode,
    field_of,
    identify,
    night_of_identity,
)
from pipeline.reduction import (
    RecipeWorkspace,
    Reduction,
    ReductionRequest,
    RequestedStandard,
    call_records,
    plan_only,
    reduce_exposures,
)
from pipeline.reduction.describe import describe
from pipeline.reduction.execute import PASSING
from pipeline.reduction.exposures import shared_identity
from pipeline.reduction.files import find_file
from pipeline.reduction.runners import recipes_version
from pipeline.reduction.workspace import (
    STAMPED,
    available_cores,
    available_memory_mb,
    available_swap_mb,
)
from pipeline.schema.calibration_record import CalibrationRecord
from pipeline.schema.reduction_log import ReductionLog, summed_up
from pipeline.tasks.inputs import RAW, InputExposure
from pipeline.tasks.installed import installed_tables, runner_of
from pipeline.tasks.measure import exposure_folder
from pipeline.workflow import products
from pipeline.workflow.progress import say

TREES = "*_raw2raw.xml"
STAGE = "reduce"
FOLDER = "reduction"  # of all nights, within a campaign's workspace
MEMORY_SHARE = 0.9  # of what is free, for all recipes together
CODE = (
    "pipeline/reduction",
    "pipeline/tasks/reduce.py",
    "pipeline/schema/reduction_log.py",
    "pipeline/schema/calibration_record.py",
    "pipeline/muse/association.py",
    "pipeline/muse/calibrations.py",
    "pipeline/muse/illumination.py",
    "pipeline/muse/wavelengths.py",
)


@dataclass(frozen=True)
class RawExposure:
    """A standard's exposure and its association tree, which lies next to the raw frames."""

    dp_id: str
    tree: Path
    night: str  # by its identity: only says which exposures are reduced together


@dataclass(frozen=True)
class NightJob:
    """The exposures of one night on their way to cubes."""

    exposures: tuple[RawExposure, ...]
    raw: Path  # folder of raw frames and tables
    workspace: Path  # of the campaign
    field: Field
    settings: ReductionSettings
    n_recipes: int  # at a time; 0: as many as the machine that runs the job has cores

    @property
    def night(self) -> str:
        """The night of all exposures."""
        return self.exposures[0].night

    @property
    def folder(self) -> Path:
        """Where the recipes of this night work and leave their products."""
        return self.workspace / FOLDER / products.safe_name(self.night)

    @property
    def shared(self) -> Path:
        """Where grid and response live: common to all nights, and to one choice of settings."""
        shaping = {**read_by(STAGE, self.settings), "response": self.settings.response}
        return self.workspace / FOLDER / f"shared-{products.digest(shaping)[:8]}"

    def product(self, exposure: RawExposure) -> Path:
        """What is kept of an exposure's reduction."""
        return exposure_folder(self.workspace, exposure.dp_id) / "reduction.json"


def night_jobs(
    raw: Path, workspace: Path, field: Field, settings: ReductionSettings, n_recipes: int
) -> list[NightJob]:
    """One job per night for all exposures whose trees lie next to their frames, in order of time."""
    nights: dict[str, list[RawExposure]] = {}
    for path in sorted(raw.glob(TREES)):
        dp_id = path.name.removesuffix(TREES[1:])
        night = night_of_identity(dp_id)
        nights.setdefault(night, []).append(RawExposure(dp_id, path, night))
    return [
        NightJob(tuple(members), raw, workspace, field, settings, n_recipes)
        for _, members in sorted(nights.items())
    ]


def frames_by_field(raw: Path, fields: Sequence[Field]) -> list[frozenset[str]]:
    """For each field the exposures of a folder whose raw frames point at it, by identity.

    What points at none, or cannot be read, is of the first field that has an exposure: it becomes a
    row with its reason there.
    """
    found: list[set[str]] = [set() for _ in fields]
    of_no_field = set()
    for path in raw.glob(TREES):
        dp_id = path.name.removesuffix(TREES[1:])
        try:
            found[field_of(fits.getheader(find_file(raw, dp_id)), fields)].add(dp_id)
        except (OSError, ExposureError):
            of_no_field.add(dp_id)
    first = next((n for n, names in enumerate(found) if names), 0)
    found[first] |= of_no_field
    return [frozenset(names) for names in found]


def reduction_requests(job: NightJob) -> list[ReductionRequest]:
    """The reductions that a job asks for."""
    field = job.field
    return [
        ReductionRequest(
            one.tree.read_bytes(),
            RequestedStandard(
                one.dp_id, field.name, field.ra_deg, field.dec_deg, field.radius_arcmin
            ),
        )
        for one in job.exposures
    ]


def stale(job: NightJob) -> dict[str, str]:
    """Why exposures of the night must be reduced (again), by identity; empty if none must."""
    found = {}
    for exposure in job.exposures:
        product = job.product(exposure)
        reason = products.staleness(product, reduce_ingredients(job, exposure))
        if not reason:
            kept = _read(product)
            if kept["error_type"] in PASSING or kept["error_type"] == WorkerLost.__name__:
                reason = f"failed by circumstances: {kept['error']}"
            elif kept["cube"] and not (job.workspace / kept["cube"]).exists():
                reason = f"missing: {kept['cube']}"
        if reason:
            found[exposure.dp_id] = reason
    return found


def dry_run(nights: Sequence[NightJob]) -> list[str]:
    """What a run would do, exposure by exposure, as text; nothing is run."""
    defined = bool(nights) and is_defined(nights[0])
    texts = []
    for job in nights:
        found = plan_only(
            reduction_requests(job),
            job.raw,
            job.settings,
            defined=defined,
            tables=installed_tables(job.settings),
        )
        for exposure, planned in zip(job.exposures, found, strict=True):
            if isinstance(planned, ExposureError):
                texts.append(f"{exposure.dp_id}: {type(planned).__name__}: {planned}")
                continue
            texts.append(describe(planned.plan))
            defined = True
    return texts


def run_night(job: NightJob) -> None:
    """Reduce what is stale of a night; a failure of an exposure is in its product."""
    workspace = _workspace(job)
    results = reduce_exposures(
        reduction_requests(job), workspace, job.settings, lambda text: say(f"{job.night}: {text}")
    )
    for exposure, reduction in zip(job.exposures, results, strict=True):
        _keep(job, exposure, _content(job, reduction))
    if all(one.calls for one in results):
        _sweep(workspace.folder, {call for one in results for call in one.calls})


def mark_lost(job: NightJob, error: Exception) -> None:
    """Write down that the worker of a night was killed more than once; the next run tries again."""
    for exposure in job.exposures:
        lost = WorkerLost(f"{exposure.dp_id}: the worker was killed ({error})")
        _keep(job, exposure, _content(job, Reduction(exposure.dp_id, None, lost)))


def mark_failed(job: NightJob, error: Exception) -> None:
    """Record an unexpected exception in the reduction of a night for each of its exposures."""
    said = without_folders(str(error), str(job.raw), str(job.workspace))
    for exposure in job.exposures:
        crashed = ExposureCrashed(f"{exposure.dp_id}: {type(error).__name__}: {said}")
        _keep(job, exposure, _content(job, Reduction(exposure.dp_id, None, crashed)))


def is_defined(job: NightJob) -> bool:
    """Whether some exposure has defined the campaign's grid and response."""
    return bool(shared_identity(job.shared))


def forget(job: NightJob) -> None:
    """Make every exposure of the night stale; recipes whose products are there do not run again."""
    for exposure in job.exposures:
        products.forget(job.product(exposure))


def inputs(job: NightJob) -> dict[str, str]:
    """Digest of the tree and the frames of every exposure of the night."""
    found = {}
    for exposure in job.exposures:
        tree = exposure.tree.read_bytes()
        found[exposure.dp_id] = products.digest(
            [tree.decode(errors="replace"), _sizes(job.raw, tree)]
        )
    return found


def entries(job: NightJob) -> list[InputExposure]:
    """The exposures of a night as inputs of the measurement: cubes, or reasons why there are none."""
    return [_entry(job, exposure) for exposure in job.exposures]


def logs(job: NightJob) -> dict[str, ReductionLog]:
    """What ran on what, at what cost, with what result, for every exposure of the night."""
    return {
        one.dp_id: ReductionLog.from_json(_read(job.product(one))["log"]) for one in job.exposures
    }


def calibrations(job: NightJob) -> dict[str, CalibrationRecord]:
    """With what each exposure of the night was calibrated, by identity; only those with a plan."""
    kept = {one.dp_id: _read(job.product(one)).get("calibrations") for one in job.exposures}
    return {name: CalibrationRecord.from_json(content) for name, content in kept.items() if content}


def _entry(job: NightJob, exposure: RawExposure) -> InputExposure:
    product = job.product(exposure)
    try:
        header = fits.getheader(find_file(job.raw, exposure.dp_id))
        seen: Exposure | None = identify(header, exposure.dp_id)
    except (OSError, ExposureError):
        seen = None  # the reason is the reduction's own
    if seen is not None:
        try:
            check_mode(seen, job.field)
        except UnknownMode as error:
            return InputExposure(exposure.dp_id, seen, error, origin=RAW)
    if products.read_stamp(product) is None:
        missing = errors.NotReduced(f"{exposure.dp_id}: not reduced yet")
        return InputExposure(exposure.dp_id, seen, missing, origin=RAW)
    kept = _read(product)
    if kept["error_type"]:
        kind = getattr(errors, kept["error_type"], ExposureError)
        return InputExposure(exposure.dp_id, seen, kind(kept["error"]), origin=RAW)
    return InputExposure(
        seen.exposure_id if seen else exposure.dp_id,
        seen,
        cube_path=job.workspace / kept["cube"],
        cube_key=kept["cube_key"],
        origin=RAW,
    )


def _workspace(job: NightJob) -> RecipeWorkspace:
    return RecipeWorkspace(
        job.folder.resolve(),
        job.raw.resolve(),
        runner=runner_of(job.settings),
        jobs=job.n_recipes or available_cores(),
        memory_mb=MEMORY_SHARE * available_memory_mb(),
        swap_mb=available_swap_mb(),
        time_limit_factor=job.settings.time_limit_factor,
        campaign=job.shared.resolve(),
    )


def reduce_ingredients(job: NightJob, exposure: RawExposure) -> dict[str, Any]:
    """What shapes an exposure's cube; raw frames by identity and size, as the archive keeps them.

    ``pipeline.reduction`` compares the frames by content before it trusts a product of its own.
    """
    tree = exposure.tree.read_bytes()
    response = job.settings.response
    return {
        "stage": STAGE,
        "code": products.code_digest(*CODE),
        "recipes": _recipes(job, exposure),
        "settings": read_by(STAGE, job.field, job.settings),
        "response": products.file_sha256(Path(response)) if response else "",
        "tree": products.digest(tree.decode(errors="replace")),
        "frames": _sizes(job.raw, tree),
        "shared": shared_identity(job.shared),
    }


def _recipes(job: NightJob, exposure: RawExposure) -> str:
    """Version of the recipes; where none are installed, those that made the product will do."""
    try:
        return recipes_version(runner_of(job.settings))
    except RecipesMissing:
        stamp = products.read_stamp(job.product(exposure))
        return str(stamp.ingredients.get("recipes", "")) if stamp else ""


def _sizes(raw: Path, tree: bytes) -> dict[str, int]:
    """Size of every file of a tree [byte], -1 where it is not there."""
    try:
        names = sorted({file.name for file in parse_tree(tree).root.all_files()})
    except AssociationRefused:
        return {}
    sizes = {}
    for name in names:
        try:
            sizes[name] = find_file(raw, name).stat().st_size
        except ExposureError:
            sizes[name] = -1
    return sizes


def _content(job: NightJob, reduction: Reduction) -> dict[str, Any]:
    """What is kept of a reduction."""
    cube, error = reduction.cube, reduction.error
    log = summed_up(
        call_records(job.folder, reduction.calls),
        reduction.notes,
        f"{type(error).__name__}: {error}" if error else "",
    )
    stamp = products.read_stamp(cube.parent / STAMPED) if cube else None
    workspace = job.workspace.resolve()
    return {
        "dp_id": reduction.dp_id,
        "log": log.as_json(),
        "calibrations": reduction.calibrations.as_json() if reduction.calibrations else None,
        "cube": cube.relative_to(workspace).as_posix() if cube else "",
        "cube_key": stamp.key if stamp else "",
        "error_type": type(error).__name__ if error else "",
        "error": str(error) if error else "",
    }


def _keep(job: NightJob, exposure: RawExposure, content: dict[str, Any]) -> None:
    product = job.product(exposure)

    def build(output: products.Output) -> None:
        output.path(product.name).write_text(json.dumps(content, indent=1), encoding="utf-8")

    products.make(product, STAGE, reduce_ingredients(job, exposure), build)


def _read(product: Path) -> dict[str, Any]:
    return dict(json.loads(product.read_text(encoding="utf-8")))


def _sweep(folder: Path, wanted: set[str]) -> None:
    """Remove products of calls that no exposure of the night needs any more: settings changed."""
    for place in sorted(folder.iterdir()):
        if place.is_dir() and not place.name.startswith(".") and place.name not in wanted:
            shutil.rmtree(place)

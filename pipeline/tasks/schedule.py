"""Which job is stale, in what order, on which executor: from entries to measured exposures."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from pathlib import Path

from pipeline.config.settings import Settings
from pipeline.errors import NoReferenceExposure, RequestError
from pipeline.tasks import measure as measure_tasks
from pipeline.tasks import reduce as reduce_tasks
from pipeline.tasks.inputs import InputExposure
from pipeline.tasks.measure import Job, SimulationPlan
from pipeline.tasks.reduce import NightJob
from pipeline.workflow import products
from pipeline.workflow.executors import LOST_WORKER, REDUCE, Pool, Workers, open_pool
from pipeline.workflow.interrupt import raise_if_interrupted
from pipeline.workflow.processes import ended_in_order
from pipeline.workflow.progress import Progress, say
from pipeline.workflow.shards import Shard, one_at_a_time

FORCEABLE = ("reduce", "simulate", "detect", "reference", "measure")  # stages, in their order


def plan_jobs(
    entries: Sequence[InputExposure],
    settings: Settings,
    workspace: Path,
    plan: SimulationPlan | None,
) -> list[Job]:
    """One job for every entry, none of them run yet."""
    return [
        Job(entry, settings, measure_tasks.job_folder(workspace, entry), plan) for entry in entries
    ]


def reference_path(workspace: Path) -> Path:
    """Where a campaign keeps its reference catalogue."""
    return workspace / "reference" / "catalogue.ecsv"


def measure_campaign(
    jobs: Sequence[Job],
    settings: Settings,
    workspace: Path,
    root: Path,
    workers: Workers,
    shard: Shard | None = None,
) -> list[Job]:
    """Measure every exposure that can be; returns the jobs with their reference.

    First the candidates are detected and the reference is chosen, then each exposure goes through
    all its stages in one job. Failures are in the stamps of the exposures.

    Parameters
    ----------
    shard : Shard, optional
        Measure this part only, beside other runs on the same folder; all of them need the
        reference, which the first of them chooses.

    Raises
    ------
    NoReferenceExposure
        If no exposure can serve as the reference.
    """
    swept = products.sweep_parts(workspace) if shard is None else 0  # others may be writing
    if swept:
        say(f"removed {swept} half-written file(s) of a run that was killed")
    usable = [job for job in jobs if job.entry.error is None]
    if not usable:
        reasons = "; ".join(str(job.entry.error) for job in jobs[:3])
        raise NoReferenceExposure(
            f"none of the {len(jobs)} exposures can be used, for example: {reasons}"
        )
    catalogue = reference_path(workspace)
    with ExitStack() as stack:

        @cache  # the workers start with the first stale job: nothing stale, nothing started
        def pool() -> Pool:
            if usable[0].plan is not None:  # what cannot be simulated ends the run, not an exposure
                measure_tasks.build_simulation(usable[0].plan, settings)
            if workers.local:
                measure_tasks.import_libraries()  # they are forks of this process
            return stack.enter_context(open_pool(workers, _run_dir(workspace, shard)))

        with one_at_a_time(catalogue.parent, "chooses the reference"):
            _choose_reference(pool, usable, settings, catalogue, root)
        referred = [replace(job, reference=catalogue) for job in jobs]
        mine = shard.part(referred) if shard else referred
        _run(pool, "measure", [job for job in mine if measure_tasks.staleness(job)])
    return referred


def _run_dir(workspace: Path, shard: Shard | None) -> Path:
    """Where Parsl keeps its files; each shard in a folder of its own."""
    return workspace / (f".parsl-{shard.number}" if shard else ".parsl")


def _choose_reference(
    pool: Callable[[], Pool],
    usable: Sequence[Job],
    settings: Settings,
    catalogue: Path,
    root: Path,
) -> None:
    """Detect on the candidates and choose; if none is suitable, continue with the next ones."""
    looked_at: list[Job] = []
    groups = measure_tasks.candidates(usable, settings)
    others = measure_tasks.other_pointings(usable)
    for number, group in enumerate(groups, start=1):
        more = [job for job in others if number == 1 and job not in group]
        stale = [job for job in (*group, *more) if "detect" in measure_tasks.staleness(job)]
        _run(pool, "detect candidates", stale)
        looked_at += group
        try:
            measure_tasks.run_reference(catalogue, looked_at, settings, root, others)
        except NoReferenceExposure:
            if number == len(groups):
                raise
        else:
            return


def reduce_nights(
    nights: Sequence[NightJob], workspace: Path, workers: Workers, shard: Shard | None = None
) -> None:
    """Bring every night's raw frames to cubes, if they are not; failures are in its products.

    On this machine one night after another, several recipes at a time; on a cluster a node a
    night, all at once as soon as one exposure has defined the campaign's grid and response.
    """
    todo = [job for job in nights if reduce_tasks.stale(job)]
    if not todo:
        return
    if shard is not None:
        with one_at_a_time(todo[0].shared, "defines grid and response"):
            first = [job for job in todo[:1] if not reduce_tasks.is_defined(job)]
            _reduce(first, workspace, workers, shard)
        todo = [job for job in shard.part(nights) if reduce_tasks.stale(job)]
    _reduce(todo, workspace, workers, shard)


def _reduce(
    todo: Sequence[NightJob], workspace: Path, workers: Workers, shard: Shard | None
) -> None:
    if not todo:
        return
    todo = list(todo)
    progress = Progress("reduce nights", len(todo))
    if workers.local:
        with ended_in_order():
            for job in todo:
                _ended_night(job, _reduced(job))
                progress.step(_failed_night(job))
        return
    with open_pool(workers, _run_dir(workspace, shard), REDUCE) as pool:
        while todo:
            first = 1 if not reduce_tasks.is_defined(todo[0]) else len(todo)
            for job, outcome in pool.stream(reduce_tasks.run_night, todo[:first], REDUCE):
                _ended_night(job, outcome)
                progress.step(_failed_night(job))
            del todo[:first]


def _reduced(job: NightJob) -> BaseException | None:
    try:
        reduce_tasks.run_night(job)
    except Exception as error:
        return error
    return None


def _ended_night(job: NightJob, outcome: object) -> None:
    """Write down what ended the work on a night; what is no exposure's fault is raised."""
    if isinstance(outcome, LOST_WORKER):
        reduce_tasks.mark_lost(job, outcome)
    elif isinstance(outcome, RequestError) or not isinstance(outcome, Exception | None):
        raise outcome  # type: ignore[misc]
    elif outcome is not None:
        reduce_tasks.mark_failed(job, outcome)


def _failed_night(job: NightJob) -> bool:
    return any(entry.error is not None for entry in reduce_tasks.entries(job))


def _run(pool: Callable[[], Pool], title: str, jobs: Sequence[Job]) -> None:
    """Run jobs; whatever one exposure does is in its stamp.

    Raises
    ------
    Exception
        What is no exposure's fault: a full disk, executors that do not start, a defect.
    """
    if not jobs:
        return
    for job in jobs:
        _tell_if_damaged(job)
    progress = Progress(title, len(jobs))
    for job, outcome in pool().stream(measure_tasks.run_job, jobs):
        raise_if_interrupted()
        stamp = outcome
        if isinstance(outcome, LOST_WORKER):
            stamp = measure_tasks.mark_lost(job, outcome)
        elif isinstance(outcome, BaseException):
            outcome.add_note(f"while working on {job.entry.exposure_id}")
            raise outcome
        progress.step(stamp.state != products.DONE)


def _tell_if_damaged(job: Job) -> None:
    reasons = measure_tasks.staleness(job)
    for stage, product in (("detect", job.detection), ("measure", job.measurement)):
        products.tell_if_damaged(product, reasons.get(stage, ""))


def force(jobs: Sequence[Job], workspace: Path, stage: str) -> None:
    """Forget that a stage was done, for every exposure; what depends on it follows."""
    if stage == "reference":
        products.forget(reference_path(workspace))
    for job in jobs:
        if stage == "simulate" and job.plan is not None:
            products.forget(job.cube)
        if stage in ("simulate", "detect"):
            products.forget(job.detection)
        if stage in ("simulate", "detect", "measure"):
            products.forget(job.measurement)

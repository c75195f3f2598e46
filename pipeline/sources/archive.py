"""Raw frames as a campaign: reduced here, then measured."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from astropy.table import QTable

from pipeline.archive.retrieved import retrieved
from pipeline.errors import SourceUnavailable
from pipeline.schema.reduction_log import ReductionLog
from pipeline.sources.base import Campaign, FolderOption
from pipeline.sources.measured import MEASURED_CODE, MeasuredCampaign
from pipeline.sources.request import Request
from pipeline.tasks import measure as measure_tasks
from pipeline.tasks import reduce as reduce_tasks
from pipeline.tasks import schedule
from pipeline.tasks.collect import recipe_calls_table
from pipeline.tasks.inputs import InputExposure, by_time
from pipeline.tasks.measure import Job
from pipeline.tasks.reduce import NightJob
from pipeline.workflow import products
from pipeline.workflow.progress import say


class ArchiveFrames(MeasuredCampaign):
    """Raw frames that were retrieved from the archive, or lie in a folder, reduced here."""

    source = "archive"
    description = "raw frames of the archive, or of a folder, reduced here"
    folder = FolderOption(
        "raw",
        "folder of raw frames and association trees (default: what `python -m pipeline retrieve` "
        "left in the work folder)",
        required=False,
    )
    takes_availability = True
    sections = (*MeasuredCampaign.sections, "reduction")
    code = (*reduce_tasks.CODE, *MEASURED_CODE)

    @classmethod
    def of_request(cls, request: Request) -> Iterator[tuple[int, Campaign]]:
        """One campaign for each field with frames.

        What ``retrieve`` fetched for a field is known; frames in a folder of the reader's point at one.
        """
        campaigns = request.settings.campaigns()
        if len(campaigns) == 1:
            yield 0, cls(replace(request, settings=campaigns[0]))
            return
        missing = "no retrieved exposure is complete"
        if request.raw is not None:
            missing = f"no exposure in {request.raw} points at it"
            here = reduce_tasks.frames_by_field(request.raw, [one.field for one in campaigns])
        else:
            standards = [retrieved(request.work, settings) for settings in campaigns]
            here = [frozenset(one.dp_id for one in group) for group in standards]
        if not any(here):
            yield 0, cls(request)  # which says what is missing
        for number, (settings, names) in enumerate(zip(campaigns, here, strict=True)):
            if names:
                yield number, cls(replace(request, settings=settings), names)
            elif any(here):
                say(f"{settings.field.name}: {missing}")

    def __init__(self, request: Request, dp_ids: frozenset[str] | None = None) -> None:
        """``dp_ids``: the exposures of this field; left out, all in the folder are."""
        super().__init__(request)
        self._dp_ids = dp_ids

    @property
    def raw(self) -> Path:
        """Folder of raw frames, tables and association trees."""
        return (self.request.raw or self.request.work / "archive" / "raw").resolve()

    @cached_property
    def nights(self) -> list[NightJob]:
        """The exposures, night by night."""
        workers, settings = self.request.workers, self.settings
        n_recipes = workers.jobs if workers.local else 0
        nights = reduce_tasks.night_jobs(
            self.raw, self.workspace.resolve(), settings.field, settings.reduction, n_recipes
        )
        if self._dp_ids is not None:
            kept = [[one for one in job.exposures if one.dp_id in self._dp_ids] for job in nights]
            nights = [
                replace(job, exposures=tuple(exposures))
                for job, exposures in zip(nights, kept, strict=True)
                if exposures
            ]
        if not nights:
            raise SourceUnavailable(
                f"{self.raw}: no association tree ({reduce_tasks.TREES}) there; fetch frames with "
                "`python -m pipeline retrieve`, or name their folder with --raw"
            )
        return nights

    def measure(self) -> None:
        """Reduce what is stale, then measure the cubes."""
        self.reduce()
        missing = [job.night for job in self.nights if reduce_tasks.stale(job)]
        if self.request.shard is not None and missing:
            say(f"{len(missing)} nights are left to other shards; when they are reduced, run again")
            return
        super().measure()

    def reduce(self) -> None:
        """Bring raw frames to cubes, where that is not done."""
        if "reduce" in self.request.force:
            for night in self.nights:
                reduce_tasks.forget(night)
        shard = self.request.shard
        with products.exclusive(self.workspace, shared=shard is not None):
            schedule.reduce_nights(self.nights, self.workspace, self.request.workers, shard)

    def entries(self) -> list[InputExposure]:
        """The exposures by time: cubes, or reasons why there are none."""
        found = [entry for night in self.nights for entry in reduce_tasks.entries(night)]
        return sorted(found, key=by_time)

    @cached_property
    def planned_jobs(self) -> list[Job]:
        """One job per exposure; those without a cube have the reason."""
        return schedule.plan_jobs(self.entries(), self.settings, self.workspace, None)

    @cached_property
    def _logs(self) -> Mapping[str, ReductionLog]:
        found = [reduce_tasks.logs(night) for night in self.nights]
        return {key: one for night in found for key, one in night.items()}

    def reductions(self) -> Mapping[str, ReductionLog]:
        """How each exposure's raw frames became its cube."""
        return self._logs

    def further_tables(self) -> dict[str, QTable]:
        """What every call of a recipe took."""
        return {"recipe_calls": recipe_calls_table(self._logs)}

    def data(self) -> Mapping[str, str]:
        """Tree and frames of every exposure."""
        found = {
            key: one for night in self.nights for key, one in reduce_tasks.inputs(night).items()
        }
        registry = measure_tasks.registry_digest(self.settings, self.request.root)
        return {**found, **registry, **self.answer_digests()}

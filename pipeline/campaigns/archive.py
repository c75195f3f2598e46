"""Raw frames as a campaign: reduced here, then measured."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from astropy.table import QTable

from pipeline import products, reducing, run, stages
from pipeline.campaigns.measured import MEASURED_CODE, MeasuredCampaign
from pipeline.cli import Request
from pipeline.errors import SourceUnavailable
from pipeline.gather import (
    recipe_calls_table,
)
from pipeline.reducing import NightJob
from pipeline.reduction_log import ReductionLog
from pipeline.sources import Entry, by_time
from pipeline.stages import Job


class ArchiveFrames(MeasuredCampaign):
    """Raw frames that were retrieved from the archive, or lie in a folder, reduced here."""

    source = "archive"
    takes_availability = True
    sections = (*MeasuredCampaign.sections, "reduction")
    code = (*reducing.CODE, *MEASURED_CODE)

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
        nights = reducing.night_jobs(
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
                f"{self.raw}: no association tree ({reducing.TREES}) there; fetch frames with "
                "`python -m pipeline retrieve`, or name their folder with --raw"
            )
        return nights

    def measure(self) -> None:
        """Reduce what is stale, then measure the cubes."""
        self.reduce()
        super().measure()

    def reduce(self) -> None:
        """Bring raw frames to cubes, where that is not done."""
        if "reduce" in self.request.force:
            for night in self.nights:
                reducing.forget(night)
        with products.exclusive(self.workspace):
            run.reduce_nights(self.nights, self.workspace, self.request.workers)

    def entries(self) -> list[Entry]:
        """The exposures by time: cubes, or reasons why there are none."""
        found = [entry for night in self.nights for entry in reducing.entries(night)]
        return sorted(found, key=by_time)

    @cached_property
    def planned_jobs(self) -> list[Job]:
        """One job per exposure; those without a cube have the reason."""
        return run.plan_jobs(self.entries(), self.settings, self.workspace, None)

    @cached_property
    def _logs(self) -> Mapping[str, ReductionLog]:
        found = [reducing.logs(night) for night in self.nights]
        return {key: one for night in found for key, one in night.items()}

    def reductions(self) -> Mapping[str, ReductionLog]:
        """How each exposure's raw frames became its cube."""
        return self._logs

    def further_tables(self) -> dict[str, QTable]:
        """What every call of a recipe took."""
        return {"recipe_calls": recipe_calls_table(self._logs)}

    def data(self) -> Mapping[str, str]:
        """Tree and frames of every exposure."""
        found = {key: one for night in self.nights for key, one in reducing.inputs(night).items()}
        registry = stages.registry_digest(self.settings, self.request.root)
        return {**found, **registry, **self.answer_digests()}

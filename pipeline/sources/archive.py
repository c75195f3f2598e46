"""What was retrieved as a campaign: raw frames, reduced here, and reduced cubes, then measured."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from astropy.table import QTable

from pipeline.archive.retrieved import retrieved, retrieved_cubes
from pipeline.errors import RecipesMissing, SourceUnavailable
from pipeline.reduction.runners import find_runner
from pipeline.schema.calibration_record import CalibrationRecord
from pipeline.schema.reduction_log import ReductionLog
from pipeline.schema.reduction_notes import reduction_notes
from pipeline.simulation.raw.truth import TRUTH_FILE, read_truth
from pipeline.sources.base import Campaign, FolderOption
from pipeline.sources.measured import MEASURED_CODE, MeasuredCampaign
from pipeline.sources.request import Request
from pipeline.statistics.checks import recovery_table
from pipeline.statistics.injection import injection_checks, injection_note
from pipeline.statistics.selection import select_fluxes
from pipeline.statistics.twins import compare_reductions, compared_note
from pipeline.tasks import measure as measure_tasks
from pipeline.tasks import reduce as reduce_tasks
from pipeline.tasks import schedule
from pipeline.tasks.collect import calibrations_table, recipe_calls_table
from pipeline.tasks.inputs import (
    PRODUCT,
    InputExposure,
    by_time,
    cube_entry,
    without_doubles,
)
from pipeline.tasks.measure import Job
from pipeline.tasks.reduce import NightJob
from pipeline.tasks.summarise import Summary
from pipeline.workflow import products
from pipeline.workflow.progress import say


class ArchiveFrames(MeasuredCampaign):
    """What was retrieved from the archive: raw frames, reduced here, and cubes reduced there.

    Or raw frames in a folder.
    """

    source = "archive"
    description = "reduced cubes and raw frames of the archive; the latter are reduced here"
    folder = FolderOption(
        "raw",
        "folder of raw frames and association trees",
        required=False,
        default="what `python -m pipeline retrieve` left in the work folder",
    )
    takes_availability = True
    sections = (*MeasuredCampaign.sections, "reduction")
    code = (*reduce_tasks.CODE, *MEASURED_CODE)

    @classmethod
    def of_request(cls, request: Request) -> Iterator[tuple[int, Campaign]]:
        """One campaign for each field with frames or reduced cubes.

        What ``retrieve`` fetched for a field is known; frames in a folder of the reader's point at one.
        """
        campaigns = request.settings.campaigns()
        if len(campaigns) == 1:
            yield 0, cls(replace(request, settings=campaigns[0]))
            return
        missing = "no retrieved exposure is complete"
        with_cubes = [False for _ in campaigns]
        if request.raw is not None:
            missing = f"no exposure in {request.raw} points at it"
            here = reduce_tasks.frames_by_field(request.raw, [one.field for one in campaigns])
        else:
            standards = [retrieved(request.work, settings) for settings in campaigns]
            here = [frozenset(one.dp_id for one in group) for group in standards]
            with_cubes = [bool(retrieved_cubes(request.work, one)) for one in campaigns]
        found = [bool(names) or cubes for names, cubes in zip(here, with_cubes, strict=True)]
        if not any(found):
            yield 0, cls(request)  # which says what is missing
        for number, (settings, names) in enumerate(zip(campaigns, here, strict=True)):
            if found[number]:
                yield number, cls(replace(request, settings=settings), names)
            elif any(found):
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
        if not nights and not self.cubes:
            raise SourceUnavailable(
                f"{self.raw}: no association tree ({reduce_tasks.TREES}) there and no reduced cube was "
                "retrieved; fetch them with `python -m pipeline "
                "retrieve`, or name their folder with --raw"
            )
        return nights

    @cached_property
    def cubes(self) -> list[InputExposure]:
        """The cubes of the field that the observatory has reduced, as they were retrieved."""
        if self.request.raw is not None:
            return []
        found = retrieved_cubes(self.request.work.resolve(), self.settings)
        entries = (cube_entry(one.path, [self.settings.field])[0] for one in found)
        return [replace(entry, origin=PRODUCT) for entry in entries]

    def measure(self) -> None:
        """Reduce what is stale, then measure the cubes."""
        self.reduce()
        missing = [job.night for job in self.nights if reduce_tasks.stale(job)]
        if self.request.shard is not None and missing:
            say(f"{len(missing)} nights are left to other shards; when they are reduced, run again")
            return
        super().measure()

    def reduce(self) -> None:
        """Bring raw frames to cubes, where that is not done.

        Raises
        ------
        RecipesMissing
            If the recipes are not installed, unless there are reduced cubes to go on with.
        """
        if not self.nights or (self.cubes and self._recipes_are_missing()):
            return
        if "reduce" in self.request.force:
            for night in self.nights:
                reduce_tasks.forget(night)
        shard = self.request.shard
        with products.exclusive(self.workspace, shared=shard is not None):
            schedule.reduce_nights(self.nights, self.workspace, self.request.workers, shard)

    def _recipes_are_missing(self) -> bool:
        try:
            reduction = self.settings.reduction
            find_runner(reduction.runner, reduction.recipe_dir, reduction.static_dir)
        except RecipesMissing as missing:
            say(f"the raw frames of {len(self.nights)} nights are not reduced: {missing}")
            return True
        return False

    def entries(self) -> list[InputExposure]:
        """The exposures by time: cubes, or reasons why there are none."""
        found = [entry for night in self.nights for entry in reduce_tasks.entries(night)]
        return sorted(without_doubles([*found, *self.cubes]), key=by_time)

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
        """What every call of a recipe took, and with what every exposure was calibrated."""
        tables = {"recipe_calls": recipe_calls_table(self._logs)}
        if self._calibrations:
            tables["calibrations"] = calibrations_table(self._calibrations)
        if self._truth_path.is_file():
            tables["truth_channels"] = read_truth(self._truth_path)
        return tables

    def summarise(self) -> Summary:
        """As of any cubes; and what both reductions of an exposure, and a change put in, say."""
        summary = super().summarise()
        how, tables = self.settings.statistics, dict(summary.tables)
        fluxes = select_fluxes(
            self.flux_array,
            tables["exposures"],
            tables["catalogue"],
            band=how.band,
            radius_px=how.radius_px,
            reference_exposure=summary.reference_exposure,
        )
        notes: list[str] = []
        compared = compare_reductions(fluxes, tables["exposures"])
        if len(compared):
            tables["reductions_compared"] = compared
            notes.append(compared_note(compared))
        if "truth_channels" in tables:
            checks = injection_checks(fluxes, tables["truth_channels"])
            notes += [injection_note(one) for one in checks]
            if checks:
                tables["recovery"] = recovery_table(checks)
        return replace(summary, tables=tables, notes=(*notes, *summary.notes))

    def answer_digests(self) -> dict[str, str]:
        """Digests of the archives' responses, and of what the simulator left with its frames."""
        digests = super().answer_digests()
        path = self._truth_path
        return {**digests, "truth": products.file_sha256(path)} if path.is_file() else digests

    @property
    def _truth_path(self) -> Path:
        return self.raw / TRUTH_FILE

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know before using the numbers, the reductions' own included."""
        return (*super().notes, *reduction_notes(self._logs, self._calibrations))

    @cached_property
    def _calibrations(self) -> Mapping[str, CalibrationRecord]:
        found = [reduce_tasks.calibrations(night) for night in self.nights]
        return {key: one for night in found for key, one in night.items()}

    def data(self) -> Mapping[str, str]:
        """Tree and frames of every exposure."""
        found = {
            key: one for night in self.nights for key, one in reduce_tasks.inputs(night).items()
        }
        found |= {
            one.exposure_id: str(one.error or products.fingerprint(one.cube_path))
            for one in self.cubes
            if one.cube_path is not None
        }
        registry = measure_tasks.registry_digest(self.settings, self.request.root)
        return {**found, **registry, **self.answer_digests()}

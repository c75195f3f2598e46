"""The campaigns of a report, one per source: how each is measured and summarised."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from astropy.table import QTable, vstack

from pipeline import products, reducing, run, stages
from pipeline.answers import Answers, with_answers
from pipeline.archive.retrieved import retrieved
from pipeline.cli import Request
from pipeline.cube import open_cube
from pipeline.errors import SourceUnavailable
from pipeline.gather import (
    Gathered,
    detection_image,
    detections_table,
    gather,
    photometry_table,
    published_fluxes,
    recipe_calls_table,
    snr_table,
    spectra_by_mode,
)
from pipeline.measure.bands import load_band
from pipeline.progress import say
from pipeline.published import read_record
from pipeline.reducing import NightJob
from pipeline.results import Image, Origin, ReductionLog, Results, SpectrumSet
from pipeline.settings import Settings
from pipeline.simulation import PlannedExposure, StarSpec
from pipeline.sources import Entry, by_time, cubes_by_field, cubes_in, simulated_entries
from pipeline.stages import Job, SimulationPlan
from pipeline.statistics.fluxes import fluxes_from_tables
from pipeline.statistics.summaries import campaign_statistics, record_statistics
from pipeline.summary import Summary, keep_summary

FORCEABLE = (*run.FORCEABLE, "statistics")
_STATISTICS_CODE = (
    "pipeline/statistics",
    "pipeline/schema",
    "pipeline/campaigns.py",
    "pipeline/gather.py",
    "pipeline/answers.py",
)
_RECORD_CODE = ("pipeline/published", *_STATISTICS_CODE)
_MEASURED_CODE = (*stages.MEASURED_CODE, *_STATISTICS_CODE)
RECORD_DATA = Path(__file__).parent / "published" / "data"


class Campaign(ABC):
    """One source's exposures, on their way to one section of the report."""

    source: str
    takes_availability = False  # whether the nights that ``overview`` found are shown with it
    sections: tuple[str, ...] = ("campaign", "field", "statistics")  # of report.toml that shape it
    code: tuple[str, ...] = _RECORD_CODE  # source files and folders that shape it

    def __init__(self, request: Request) -> None:
        self.settings: Settings = request.settings
        self.request = request
        self.name = request.settings.campaign.of_source(self.source)
        self.workspace = request.work / self.name

    @property
    @abstractmethod
    def title(self) -> str:
        """Heading of the campaign's section."""

    @property
    @abstractmethod
    def simulated(self) -> bool:
        """Whether any of it was made by the simulator."""

    @property
    def answers(self) -> Answers:
        """What the archives were asked about it."""
        folder = self.request.work / "archive" / self.settings.campaign.name
        return Answers(folder, self.source, self.simulated)

    def answer_digests(self) -> dict[str, str]:
        """Content of the answers: ingredients of the summary; empty if nobody has asked."""
        return self.answers.digests(with_availability=self.takes_availability)

    def answered(self, tables: Mapping[str, QTable]) -> tuple[dict[str, QTable], tuple[str, ...]]:
        """The tables with what the archives know of the campaign, and notes on that."""
        return with_answers(
            tables,
            self.answers,
            self.settings.statistics.pairs,
            with_availability=self.takes_availability,
        )

    def measure(self) -> None:  # noqa: B027  # a record is measured already
        """Bring every exposure as far as it can get."""

    @abstractmethod
    def ingredients(self) -> dict[str, Any]:
        """What shapes the summary."""

    @abstractmethod
    def summarise(self) -> Summary:
        """Tables and numbers, from the products of the exposures."""

    @abstractmethod
    def data(self) -> Mapping[str, str]:
        """Name and digest of every input, before anything was computed from it."""

    @property
    def summary_product(self) -> Path:
        """Where the summary is kept."""
        return self.workspace / "summary" / "summary.json"

    @cached_property
    def summary(self) -> Summary:
        """The summary, computed if the kept one is stale."""
        if "statistics" in self.request.force:
            products.forget(self.summary_product)
        return keep_summary(self.summary_product, self.ingredients(), self.summarise)

    def exit_summary(self) -> str:
        """How many exposures are ok, and what is wrong with each of the others."""
        table = self.summary.tables["exposures"]
        wrong = [row for row in table if row["status"] != "ok"]
        lines = [f"{self.name}: {len(table)} exposures, {len(table) - len(wrong)} ok"]
        lines += [f"  {row['status']}: {row['exposure_id']}: {row['reason']}" for row in wrong]
        return "\n".join(lines)

    def image(self) -> Image | None:
        """Detection image of the reference exposure."""
        return None

    def spectra(self) -> Mapping[str, SpectrumSet]:
        """All extracted spectra, by mode."""
        return {}

    def reductions(self) -> Mapping[str, ReductionLog]:
        """How each exposure's raw frames became its cube, where that was done here."""
        return {}

    def results(self) -> Results:
        """Everything that the report needs."""
        summary = self.summary
        return Results(
            name=self.name,
            title=self.title,
            source=self.source,
            simulated=self.simulated,
            field_name=self.settings.field.name,
            first_night=summary.first_night,
            last_night=summary.last_night,
            tables=summary.tables,
            numbers=summary.numbers,
            notes=summary.notes,
            reference_exposure=summary.reference_exposure,
            image=self.image(),
            spectra=self.spectra(),
            reductions=self.reductions(),
            inputs_digest=products.digest(self.ingredients()),
            settings={name: asdict(getattr(self.settings, name)) for name in self.sections},
            origin=Origin(
                products.digest(self.data()),
                products.code_digest(*self.code),
                products.library_versions(),
            ),
        )


class PublishedRecord(Campaign):
    """The 2021 study: read off its figures, analysed anew."""

    source = "published"
    title = "The record of 2019"
    simulated = False

    def ingredients(self) -> dict[str, Any]:
        """The digitised files and the code that reads and analyses them."""
        return {
            "stage": "statistics",
            "code": products.code_digest(*_RECORD_CODE),
            "libraries": products.library_versions(),
            "settings": asdict(self.settings.statistics),
            "inputs": self.data(),
        }

    def data(self) -> Mapping[str, str]:
        """The digitised files, and what archives answered about its stars."""
        return {**record_files(), **self.answer_digests()}

    def summarise(self) -> Summary:
        """The record's own tables, its re-analysis, and where data and text differ."""
        record = read_record(blend_distance_px=self.settings.statistics.blend_distance_px)
        tables, notes = self.answered(record.tables)
        found = record_statistics(tables, self.settings.statistics.pairs, record.reference_exposure)
        nights = sorted(str(night) for night in record.tables["exposures"]["night"])
        return Summary(
            {**tables, **found.tables},
            found.numbers,
            (*record.notes, *notes),
            record.reference_exposure,
            nights[0],
            nights[-1],
        )


class MeasuredCampaign(Campaign):
    """Exposures that went through the whole chain."""

    sections: tuple[str, ...] = (
        *("campaign", "field", "detection", "reference", "matching"),
        *("extraction", "photometry", "statistics", "review"),
    )
    code: tuple[str, ...] = _MEASURED_CODE
    numbers_from = "photometry of the cubes"
    jobs: list[Job]  # with their reference, once measured

    @property
    def title(self) -> str:
        """The configured title."""
        return self.settings.campaign.title + (", simulated" if self.simulated else "")

    @property
    def simulated(self) -> bool:
        """Whether the header of any exposure says so."""
        return self._n_simulated > 0

    @property
    def _n_simulated(self) -> int:
        exposures = [job.entry.exposure for job in self.planned_jobs]
        return sum(one.simulated for one in exposures if one)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know before using the numbers."""
        n, n_all = self._n_simulated, len(self.planned_jobs)
        if not n:
            return ()
        return (f"{n} of {n_all} exposures are simulated: their headers say SIMULATED = T.",)

    @cached_property
    @abstractmethod
    def planned_jobs(self) -> list[Job]:
        """One job per input."""

    def measure(self) -> None:
        """Detect, choose the reference, match, extract and integrate."""
        for band in self.settings.photometry.bands:
            load_band(band)  # a name that does not exist is told now, not after the first cube
        for stage in self.request.force:
            run.force(self.planned_jobs, self.workspace, stage)
        with products.exclusive(self.workspace):
            self.jobs = run.measure_campaign(
                self.planned_jobs,
                self.settings,
                self.workspace,
                self.request.root,
                self.request.workers,
            )

    @property
    def reference(self) -> Path:
        """The reference catalogue."""
        return run.reference_path(self.workspace)

    @cached_property
    def gathered(self) -> Gathered:
        """All exposures together."""
        return gather(self.jobs, self.reference)

    def ingredients(self) -> dict[str, Any]:
        """Keys and outcomes of all exposures, and the code that summarises them."""
        return {
            "stage": "statistics",
            "code": products.code_digest(*_STATISTICS_CODE),
            "libraries": products.library_versions(),
            "settings": {
                "statistics": asdict(self.settings.statistics),
                "review": asdict(self.settings.review),
            },
            "inputs": {
                "reference": stages.reference_key(self.reference),
                "exposures": products.digest([stages.outcome(job) for job in self.jobs]),
                **self.answer_digests(),
            },
        }

    def summarise(self) -> Summary:
        """Photometry of every exposure, statistics of every pair."""
        gathered, how = self.gathered, self.settings.statistics
        catalogue = gathered.catalogue.table()
        snr = snr_table(gathered, gathered.catalogue.exposure_id, how.band)
        photometry = photometry_table(gathered)
        fluxes = fluxes_from_tables(
            gathered.exposures,
            catalogue,
            photometry,
            snr,
            band=how.band,
            radius_px=how.radius_px,
            flux_published=published_fluxes(gathered, load_band(how.band), how.radius_px),
        )
        tables, notes = self.answered(
            {
                "exposures": gathered.exposures,
                "catalogue": catalogue,
                "snr": snr,
                "photometry": photometry,
                "detections": detections_table(gathered),
                **self.further_tables(),
            }
        )
        found = campaign_statistics(
            fluxes, self.comparable(tables), how.pairs, source=self.numbers_from
        )
        nights = sorted(str(night) for night in gathered.exposures["night"] if night)
        return Summary(
            {**tables, **found.tables},
            found.numbers,
            (*self.notes, *notes),
            gathered.catalogue.exposure_id,
            nights[0],
            nights[-1],
        )

    def further_tables(self) -> dict[str, QTable]:
        """What only this source has."""
        return {}

    def comparable(self, tables: Mapping[str, QTable]) -> Mapping[str, QTable]:
        """The tables that statistics may compare with what was measured."""
        return tables

    def image(self) -> Image | None:
        """Detection image of the reference exposure."""
        wanted = self.summary.reference_exposure
        return next(detection_image(job) for job in self.jobs if job.entry.exposure_id == wanted)

    def spectra(self) -> Mapping[str, SpectrumSet]:
        """All extracted spectra, by mode."""
        return spectra_by_mode(self.gathered, self.unit())

    def unit(self) -> str:
        """Unit of the reference exposure's cube."""
        wanted = self.summary.reference_exposure
        job = next(job for job in self.jobs if job.entry.exposure_id == wanted)
        return open_cube(job.cube).unit


class SimulatedCampaign(MeasuredCampaign):
    """The record's dates, modes, positions and SNR, with drifting channels of known truth."""

    source = "simulated"
    simulated = True
    sections = (*MeasuredCampaign.sections, "simulation")
    code = ("pipeline/simulation", "pipeline/published", *_MEASURED_CODE)
    numbers_from = "photometry of the simulated cubes"
    notes = (
        "Everything here is simulated: the nights, modes, star positions and signal-to-noise ratios "
        "are those of the real record, the fluxes and their drifts are not.",
        "Two exposures go wrong on purpose, as exposures do: a cloud on 2019-02-19 and a vignetted "
        "corner on 2019-04-27.",
    )

    @cached_property
    def plan(self) -> SimulationPlan:
        """What is simulated."""
        return simulation_plan()

    @cached_property
    def planned_jobs(self) -> list[Job]:
        """One job per exposure of the record."""
        campaign = stages.build_simulation(self.plan, self.settings)
        entries = simulated_entries(
            len(campaign.exposures), lambda index: campaign.headers(index)[0]
        )
        return run.plan_jobs(entries, self.settings, self.workspace, self.plan)

    def data(self) -> Mapping[str, str]:
        """The record, whose dates, modes, positions and SNR are simulated."""
        return record_files()

    def further_tables(self) -> dict[str, QTable]:
        """The truth, and the SNR in the exposure that was given the record's."""
        campaign = stages.build_simulation(self.plan, self.settings)
        fluxes = [
            QTable.read(job.truth, format="ascii.ecsv") for job in self.jobs if job.truth.exists()
        ]
        return {
            **campaign.truth(with_fluxes=False),
            "truth_fluxes": vstack(fluxes, metadata_conflicts="silent"),
        }

    def comparable(self, tables: Mapping[str, QTable]) -> Mapping[str, QTable]:
        """All, but the truth only where it was summed over the same spaxels."""
        if self.settings.extraction.mask == "center":
            return tables
        return {name: table for name, table in tables.items() if not name.startswith("truth_")}

    def unit(self) -> str:
        """Unit of the simulated cubes."""
        campaign = stages.build_simulation(self.plan, self.settings)
        return str(campaign.headers(0)[1]["BUNIT"])


class CubeFolder(MeasuredCampaign):
    """A folder of cubes that were reduced elsewhere."""

    source = "cubes"
    takes_availability = True

    def __init__(self, request: Request, entries: Sequence[Entry] | None = None) -> None:
        """``entries``: those of this field; left out, the folder is that of one field."""
        super().__init__(request)
        self._entries = entries

    @cached_property
    def planned_jobs(self) -> list[Job]:
        """One job per file of the folder."""
        if self.request.cubes is None:
            raise SourceUnavailable("--source cubes needs --cubes DIR")
        entries = self._entries
        if entries is None:
            entries = cubes_in(self.request.cubes, self.settings)
        return run.plan_jobs(entries, self.settings, self.workspace, None)

    def data(self) -> Mapping[str, str]:
        """Every file of the folder, those that cannot be read by what is wrong with them."""
        return {
            **{
                job.entry.exposure_id: str(job.entry.error or products.fingerprint(job.cube))
                for job in self.planned_jobs
            },
            **stages.registry_digest(self.settings, self.request.root),
            **self.answer_digests(),
        }


class ArchiveFrames(MeasuredCampaign):
    """Raw frames that were retrieved from the archive, or lie in a folder, reduced here."""

    source = "archive"
    takes_availability = True
    sections = (*MeasuredCampaign.sections, "reduction")
    code = (*reducing.CODE, *_MEASURED_CODE)

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


def record_files() -> dict[str, str]:
    """Name and digest of every file of the digitised record."""
    return {path.name: products.file_sha256(path) for path in sorted(RECORD_DATA.glob("*.ecsv"))}


def simulation_plan() -> SimulationPlan:
    """The record of 2019 as a plan: its nights and modes, its stars with their SNR."""
    tables = read_record().tables
    exposures, catalogue, snr = (tables[name] for name in ("exposures", "catalogue", "snr"))
    planned = tuple(PlannedExposure(str(row["night"]), str(row["mode"])) for row in exposures)
    columns = [name for name in snr.colnames if name != "star_id"]
    snr_of = {int(row["star_id"]): tuple(float(row[name]) for name in columns) for row in snr}
    stars = tuple(
        StarSpec(int(star), float(x), float(y), snr_of[int(star)])
        for star, x, y in zip(
            catalogue["star_id"], catalogue["x"].value, catalogue["y"].value, strict=True
        )
    )
    ids = [str(name) for name in exposures["exposure_id"]]
    return SimulationPlan(planned, stars, ids.index(read_record().reference_exposure))


def campaigns_of(request: Request) -> list[Campaign]:
    """The campaigns that the request asks for: field by field, of each the real ones first.

    The record and its simulation are of the first field.
    """
    frames = dict(_frames_by_field(request)) if "archive" in request.sources else {}
    cubes = dict(_cubes_by_field(request)) if "cubes" in request.sources else {}
    found: list[Campaign] = []
    for number, settings in enumerate(request.settings.campaigns()):
        of_field = replace(request, settings=settings)
        if number == 0 and "published" in request.sources:
            found.append(PublishedRecord(of_field))
        if number in frames:
            found.append(frames[number])
        if number in cubes:
            found.append(cubes[number])
        if number == 0 and "simulated" in request.sources:
            found.append(SimulatedCampaign(of_field))
    return found


def _frames_by_field(request: Request) -> Iterator[tuple[int, ArchiveFrames]]:
    """Number of each field and the campaign of its raw frames; a field without any has none.

    What ``retrieve`` fetched for a field is known; a folder of the reader's is that of the first.
    """
    campaigns = request.settings.campaigns()
    if len(campaigns) == 1 or request.raw is not None:
        yield 0, ArchiveFrames(replace(request, settings=campaigns[0]))
        return
    here = [retrieved(request.work, settings) for settings in campaigns]
    if not any(here):
        yield 0, ArchiveFrames(request)  # which says what is missing
    for number, (settings, standards) in enumerate(zip(campaigns, here, strict=True)):
        if standards:
            names = frozenset(one.dp_id for one in standards)
            yield number, ArchiveFrames(replace(request, settings=settings), names)
        elif any(here):
            say(f"{settings.field.name}: no retrieved exposure is complete")


def _cubes_by_field(request: Request) -> Iterator[tuple[int, CubeFolder]]:
    """Number of each field and the campaign of its cubes; a field without any has none."""
    campaigns = request.settings.campaigns()
    if len(campaigns) == 1 or request.cubes is None:
        yield 0, CubeFolder(request)
        return
    entries = cubes_by_field(request.cubes, [one.field for one in campaigns])
    for number, (settings, group) in enumerate(zip(campaigns, entries, strict=True)):
        if group:
            yield number, CubeFolder(replace(request, settings=settings), group)
        else:
            say(f"{settings.field.name}: no cube in {request.cubes} points at it")

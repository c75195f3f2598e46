"""The campaigns of a report, one per source: how each is measured and summarised."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

from astropy.table import QTable, vstack

from pipeline import products, run, stages
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
    snr_table,
    spectra_by_mode,
)
from pipeline.measure.bands import load_band
from pipeline.published import read_record
from pipeline.results import Image, Origin, Results, SpectrumSet
from pipeline.settings import Settings
from pipeline.simulation import PlannedExposure, StarSpec
from pipeline.sources import cubes_in, simulated_entries
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
)
_RECORD_CODE = ("pipeline/published", *_STATISTICS_CODE)
_MEASURED_CODE = (*stages.MEASURED_CODE, *_STATISTICS_CODE)
RECORD_DATA = Path(__file__).parent / "published" / "data"


class Campaign(ABC):
    """One source's exposures, on their way to one section of the report."""

    source: str
    simulated = False
    sections: tuple[str, ...] = ("campaign", "field", "statistics")  # of report.toml that shape it
    code: tuple[str, ...] = _RECORD_CODE  # source files and folders that shape it

    def __init__(self, request: Request) -> None:
        self.settings: Settings = request.settings
        self.request = request
        self.name = f"{request.settings.campaign.name}-{self.source}"
        self.workspace = request.work / self.name

    @property
    @abstractmethod
    def title(self) -> str:
        """Heading of the campaign's section."""

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
        """The digitised files."""
        return record_files()

    def summarise(self) -> Summary:
        """The record's own tables, its re-analysis, and where data and text differ."""
        record = read_record(blend_distance_px=self.settings.statistics.blend_distance_px)
        found = record_statistics(
            record.tables, self.settings.statistics.pairs, record.reference_exposure
        )
        nights = sorted(str(night) for night in record.tables["exposures"]["night"])
        return Summary(
            {**record.tables, **found.tables},
            found.numbers,
            record.notes,
            record.reference_exposure,
            nights[0],
            nights[-1],
        )


class MeasuredCampaign(Campaign):
    """Exposures that went through the whole chain."""

    title_suffix = ""
    sections: tuple[str, ...] = (
        *("campaign", "field", "detection", "reference", "matching"),
        *("extraction", "photometry", "statistics", "review"),
    )
    code: tuple[str, ...] = _MEASURED_CODE
    numbers_from = "photometry of the cubes"
    notes: tuple[str, ...] = ()
    jobs: list[Job]  # with their reference, once measured

    @property
    def title(self) -> str:
        """The configured title."""
        return self.settings.campaign.title + self.title_suffix

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
        tables = {
            "exposures": gathered.exposures,
            "catalogue": catalogue,
            "snr": snr,
            "photometry": photometry,
            "detections": detections_table(gathered),
            **self.further_tables(),
        }
        found = campaign_statistics(
            fluxes, self.comparable(tables), how.pairs, source=self.numbers_from
        )
        nights = sorted(str(night) for night in gathered.exposures["night"] if night)
        return Summary(
            {**tables, **found.tables},
            found.numbers,
            self.notes,
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

    @abstractmethod
    def unit(self) -> str:
        """Unit of the cubes."""


class SimulatedCampaign(MeasuredCampaign):
    """The record's dates, modes, positions and SNR, with drifting channels of known truth."""

    source = "simulated"
    simulated = True
    title_suffix = ", simulated"
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

    @cached_property
    def planned_jobs(self) -> list[Job]:
        """One job per file of the folder."""
        if self.request.cubes is None:
            raise SourceUnavailable("--source cubes needs --cubes DIR")
        entries = cubes_in(self.request.cubes, self.settings)
        return run.plan_jobs(entries, self.settings, self.workspace, None)

    def data(self) -> Mapping[str, str]:
        """Every file of the folder, those that cannot be read by what is wrong with them."""
        return {
            job.entry.exposure_id: str(job.entry.error or products.fingerprint(job.cube))
            for job in self.planned_jobs
        } | stages.registry_digest(self.settings, self.request.root)

    def unit(self) -> str:
        """Unit of the first measured cube."""
        wanted = self.summary.reference_exposure
        job = next(job for job in self.jobs if job.entry.exposure_id == wanted)
        return open_cube(job.cube).unit


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


CAMPAIGNS: Mapping[str, type[Campaign]] = {
    one.source: one for one in (PublishedRecord, SimulatedCampaign, CubeFolder)
}


def campaigns_of(request: Request) -> list[Campaign]:
    """The campaigns that the request asks for, in reading order: real ones first."""
    return [
        CAMPAIGNS[source](request)
        for source in ("published", "cubes", "simulated")
        if source in request.sources
    ]

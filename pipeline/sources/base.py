"""What every campaign has: one source's exposures on their way to one section of the report."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from astropy.table import QTable

from pipeline.config.settings import Settings
from pipeline.config.standards import find_standard
from pipeline.schema.measured import NOT_A_CUBE
from pipeline.schema.reduction_log import ReductionLog
from pipeline.schema.results import DetectionImage, Provenance, Results, SpectrumSet
from pipeline.sources.request import Request
from pipeline.tasks.identification import IdentificationStore, with_identifications
from pipeline.tasks.summarise import Summary, keep_summary
from pipeline.workflow import products

STATISTICS_CODE = (
    "pipeline/statistics",
    "pipeline/schema",
    "pipeline/sources",
    "pipeline/tasks/collect.py",
    "pipeline/tasks/crowding.py",
    "pipeline/tasks/exports.py",
    "pipeline/tasks/flux_product.py",
    "pipeline/tasks/identification.py",
    "pipeline/tasks/targets.py",
)
RECORD_CODE = ("pipeline/published", *STATISTICS_CODE)


@dataclass(frozen=True)
class FolderOption:
    """The option of the command line that names a source's folder; ``Request.folder`` has it."""

    name: str  # without the dashes
    help: str
    required: bool
    default: str = ""  # what is read without it, in words; "" if it is required


class Campaign(ABC):
    """One source's exposures, on their way to one section of the report."""

    source: str  # name of the source on the command line
    description: str  # of the source, for help and errors
    by_default = False  # whether the source is shown if none is asked for
    folder: FolderOption | None = None  # where the source's files are, if the reader brings them
    short_title = ""  # for where space is short; "": as ``title``
    introduction = ""  # what it is, in a sentence of the summary
    is_measured = True  # from cubes here, not taken over from a publication
    takes_availability = False  # whether the nights that ``overview`` found are shown with it
    sections: tuple[str, ...] = ("campaign", "field", "statistics")  # of report.toml that shape it
    code: tuple[str, ...] = RECORD_CODE  # source files and folders that shape it

    @classmethod
    def of_request(cls, request: Request) -> Iterator[tuple[int, "Campaign"]]:
        """The campaigns of this source, each with the number of its field among those configured.

        Here one, of the first field.
        """
        yield 0, cls(request)

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
    def of_standard(self) -> bool:
        """Whether the field is that of a standard star: then the study's conventions mean something."""
        return find_standard(self.settings.field.name) is not None

    @property
    def identification_store(self) -> IdentificationStore:
        """What the archives were asked about it."""
        folder = self.request.work / "archive" / self.settings.campaign.name
        return IdentificationStore(folder, self.source, self.simulated)

    def answer_digests(self) -> dict[str, str]:
        """Digests of the archives' responses: ingredients of the summary; empty without any."""
        return self.identification_store.digests(with_availability=self.takes_availability)

    def answered(self, tables: Mapping[str, QTable]) -> tuple[dict[str, QTable], tuple[str, ...]]:
        """The tables with what the archives know about the campaign, and notes."""
        return with_identifications(
            tables,
            self.identification_store,
            self.headline_pairs,
            with_availability=self.takes_availability,
        )

    @property
    def headline_pairs(self) -> tuple[tuple[int, int], ...]:
        """The pairs of stars whose ratios are headlines."""
        return self.settings.statistics.pairs

    def used_settings(self) -> dict[str, dict[str, Any]]:
        """The sections of ``report.toml`` that shape it, with what was chosen by rule filled in."""
        used = {name: asdict(getattr(self.settings, name)) for name in self.sections}
        used["statistics"]["pairs"] = self.headline_pairs
        if self.is_measured and self.settings.targets:
            used["targets"] = {
                one.name: {key: v for key, v in asdict(one).items() if v == v}  # NaN: not given
                for one in self.settings.targets
            }
        return used

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
        others = sum(str(row["reason"]).startswith(NOT_A_CUBE) for row in wrong)
        n_exposures = len(table) - others
        lines = [f"{self.name}: {n_exposures} exposures, {len(table) - len(wrong)} ok"]
        lines[0] += f"; {others} other file(s)" if others else ""
        lines += [f"  {row['status']}: {row['exposure_id']}: {row['reason']}" for row in wrong]
        return "\n".join(lines)

    def image(self) -> DetectionImage | None:
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
            settings=self.used_settings(),
            origin=Provenance(
                products.digest(self.data()),
                products.code_digest(*self.code),
                products.library_versions(),
            ),
            short_title=self.short_title,
            introduction=self.introduction,
            is_measured=self.is_measured,
            of_standard=self.of_standard,
        )

"""The 2021 study as a campaign: read off its figures, analysed anew."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.published import PAIRS, read_record
from pipeline.schema.publications import STUDY
from pipeline.sources.base import RECORD_CODE, Campaign
from pipeline.statistics.summaries import record_statistics
from pipeline.tasks.summarise import Summary
from pipeline.workflow import products

RECORD_DATA = Path(__file__).parents[1] / "published" / "data"


class PublishedRecord(Campaign):
    """The 2021 study: read off its figures, analysed anew."""

    source = "published"
    description = "the record of 2019: the numbers of the study, read off its figures"
    by_default = True
    title = "The record of 2019"
    short_title = "study"
    introduction = f"The numbers of {STUDY.short}, digitised from their figures and analysed again."
    is_measured = False
    simulated = False

    @property
    def headline_pairs(self) -> tuple[tuple[int, int], ...]:
        """The configured pairs, else all that the record has."""
        return self.settings.statistics.pairs or PAIRS

    def ingredients(self) -> dict[str, Any]:
        """The digitised files and the code that reads and analyses them."""
        return {
            "stage": "statistics",
            "code": products.code_digest(*RECORD_CODE),
            "libraries": products.library_versions(),
            "settings": self.settings.read_by("record"),
            "inputs": self.data(),
        }

    def data(self) -> Mapping[str, str]:
        """The digitised files, and what archives answered about its stars."""
        return {**record_files(), **self.answer_digests()}

    def summarise(self) -> Summary:
        """The record's own tables, its re-analysis, and where data and text differ."""
        record = read_record(blend_distance_px=self.settings.statistics.blend_distance_px)
        tables, notes = self.answered(record.tables)
        found = record_statistics(tables, self.headline_pairs, record.reference_exposure)
        nights = sorted(str(night) for night in record.tables["exposures"]["night"])
        return Summary(
            {**tables, **found.tables},
            found.numbers,
            (*record.notes, *notes),
            record.reference_exposure,
            nights[0],
            nights[-1],
        )


def record_files() -> dict[str, str]:
    """Name and digest of every file of the digitised record."""
    return {path.name: products.file_sha256(path) for path in sorted(RECORD_DATA.glob("*.ecsv"))}

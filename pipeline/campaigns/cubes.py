"""A folder of cubes as a campaign of each field that they point at."""

from collections.abc import Mapping, Sequence
from functools import cached_property

from pipeline import products, run, stages
from pipeline.campaigns.measured import MeasuredCampaign
from pipeline.cli import Request
from pipeline.errors import SourceUnavailable
from pipeline.sources import Entry, cubes_in
from pipeline.stages import Job


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

"""A folder of cubes as a campaign of each field that they point at."""

from collections.abc import Mapping, Sequence
from functools import cached_property

from pipeline.errors import SourceUnavailable
from pipeline.sources.measured import MeasuredCampaign
from pipeline.sources.request import Request
from pipeline.tasks import measure as measure_tasks
from pipeline.tasks import schedule
from pipeline.tasks.inputs import InputExposure, cubes_in
from pipeline.tasks.measure import Job
from pipeline.workflow import products


class CubeFolder(MeasuredCampaign):
    """A folder of cubes that were reduced elsewhere."""

    source = "cubes"
    takes_availability = True

    def __init__(self, request: Request, entries: Sequence[InputExposure] | None = None) -> None:
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
        return schedule.plan_jobs(entries, self.settings, self.workspace, None)

    def data(self) -> Mapping[str, str]:
        """Every file of the folder, those that cannot be read by what is wrong with them."""
        return {
            **{
                job.entry.exposure_id: str(job.entry.error or products.fingerprint(job.cube))
                for job in self.planned_jobs
            },
            **measure_tasks.registry_digest(self.settings, self.request.root),
            **self.answer_digests(),
        }

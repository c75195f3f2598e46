"""A folder of cubes as a campaign of each field that they point at."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cached_property

from pipeline.errors import SourceUnavailable
from pipeline.sources.base import Campaign, FolderOption
from pipeline.sources.measured import MeasuredCampaign
from pipeline.sources.request import Request
from pipeline.tasks import measure as measure_tasks
from pipeline.tasks import schedule
from pipeline.tasks.cube_cache import CubeCache
from pipeline.tasks.inputs import InputExposure, cubes_by_field, cubes_in
from pipeline.tasks.measure import Job
from pipeline.workflow import products
from pipeline.workflow.progress import say

CACHE_FILE = "cubes.json"  # in the work folder


def cube_cache(request: Request) -> CubeCache:
    """What an earlier run read from the headers of the cubes."""
    fields = [asdict(one.field) for one in request.settings.campaigns()]
    return CubeCache(request.work / CACHE_FILE, [fields, asdict(request.settings.cubes)])


class CubeFolder(MeasuredCampaign):
    """A folder of cubes that were reduced elsewhere."""

    source = "cubes"
    description = "a folder of cubes that were reduced elsewhere"
    folder = FolderOption("cubes", "folder of cubes, in folders of its own or not", required=True)
    takes_availability = True

    @classmethod
    def of_request(cls, request: Request) -> Iterator[tuple[int, Campaign]]:
        """One campaign for each field that a cube points at."""
        campaigns = request.settings.campaigns()
        if len(campaigns) == 1 or request.cubes is None:
            yield 0, cls(request)
            return
        fields = [one.field for one in campaigns]
        cache = cube_cache(request)
        entries = cubes_by_field(request.cubes, fields, request.settings.cubes, request.root, cache)
        for number, (settings, group) in enumerate(zip(campaigns, entries, strict=True)):
            if group:
                yield number, cls(replace(request, settings=settings), group, cache)
            else:
                say(f"{settings.field.name}: no cube in {request.cubes} points at it")

    def __init__(
        self,
        request: Request,
        entries: Sequence[InputExposure] | None = None,
        cache: CubeCache | None = None,
    ) -> None:
        """``entries``: those of this field; left out, the folder is that of one field."""
        super().__init__(request)
        self._entries = entries
        self._cache = cache or cube_cache(request)

    @cached_property
    def planned_jobs(self) -> list[Job]:
        """One job per file of the folder."""
        if self.request.cubes is None:
            raise SourceUnavailable("--source cubes needs --cubes DIR")
        entries = self._entries
        if entries is None:
            entries = cubes_in(self.request.cubes, self.settings, self.request.root, self._cache)
        return schedule.plan_jobs(entries, self.settings, self.workspace, None)

    def _measure(self) -> None:
        super()._measure()
        self.write_cache()

    def write_cache(self) -> None:
        """Keep what was read from the headers, for the next run."""
        self._cache.write()

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

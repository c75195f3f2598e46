"""Which campaigns a request asks for, in reading order."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from pipeline.archive.retrieved import RetrievedCube, retrieved, retrieved_cubes
from pipeline.errors import NoReferenceExposure
from pipeline.sources.archive import ArchiveFrames
from pipeline.sources.base import Campaign
from pipeline.sources.cubes import CubeFolder
from pipeline.sources.published import PublishedRecord
from pipeline.sources.request import Request
from pipeline.sources.simulated import SimulatedCampaign
from pipeline.tasks import reduce as reduce_tasks
from pipeline.tasks.inputs import cubes_by_field
from pipeline.workflow.progress import say


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


def measure_all(campaigns: Sequence[Campaign]) -> None:
    """Measure every campaign: one without a reference does not keep the others from theirs.

    Raises
    ------
    NoReferenceExposure
        At the end, if a campaign has no exposure that can serve as its reference.
    """
    reasons = []
    for campaign in campaigns:
        try:
            campaign.measure()
        except NoReferenceExposure as error:
            reasons.append(f"{campaign.name}: {error}")
    if reasons:
        raise NoReferenceExposure("; ".join(reasons))


def _frames_by_field(request: Request) -> Iterator[tuple[int, ArchiveFrames]]:
    """Number of each field and the campaign of its raw frames; a field without any has none.

    What ``retrieve`` fetched for a field is known; frames in a folder of the reader's point at one.
    """
    campaigns = request.settings.campaigns()
    if len(campaigns) == 1:
        yield 0, ArchiveFrames(replace(request, settings=campaigns[0]))
        return
    missing = "no retrieved exposure is complete"
    cubes: list[tuple[RetrievedCube, ...]] = [() for _ in campaigns]
    if request.raw is not None:
        missing = f"no exposure in {request.raw} points at it"
        here = reduce_tasks.frames_by_field(request.raw, [one.field for one in campaigns])
    else:
        standards = [retrieved(request.work, settings) for settings in campaigns]
        here = [frozenset(one.dp_id for one in group) for group in standards]
        cubes = [retrieved_cubes(request.work, settings) for settings in campaigns]
    if not any(here) and not any(cubes):
        yield 0, ArchiveFrames(request)  # which says what is missing
    for number, (settings, names) in enumerate(zip(campaigns, here, strict=True)):
        if names or cubes[number]:
            yield number, ArchiveFrames(replace(request, settings=settings), names)
        elif any(here) or any(cubes):
            say(f"{settings.field.name}: {missing}")


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

"""The sources of exposures, and the campaigns that a request asks for.

A new source is a module with a subclass of ``Campaign`` and a line in ``SOURCES``.
"""

from collections.abc import Mapping, Sequence

from pipeline.errors import ConfigError, NoReferenceExposure
from pipeline.sources.archive import ArchiveFrames
from pipeline.sources.base import Campaign
from pipeline.sources.cubes import CubeFolder
from pipeline.sources.published import PublishedRecord
from pipeline.sources.request import Request
from pipeline.sources.simulated import SimulatedCampaign
from pipeline.workflow.interrupt import raise_if_interrupted

SOURCES: Mapping[str, type[Campaign]] = {
    campaign.source: campaign  # in the order of the pages: the real ones first
    for campaign in (
        PublishedRecord,
        ArchiveFrames,
        CubeFolder,
        SimulatedCampaign,
    )
}
FOLDER_OPTIONS = {name: source.folder for name, source in SOURCES.items() if source.folder}
DEFAULT_SOURCES = tuple(name for name, campaign in SOURCES.items() if campaign.by_default)


def campaigns_of(request: Request) -> list[Campaign]:
    """The campaigns that the request asks for: field by field, of each in the order of ``SOURCES``.

    Raises
    ------
    ConfigError
        As ``check_folders`` says.
    """
    check_folders(request)
    found = [
        (number, place, campaign)
        for place, (name, source) in enumerate(SOURCES.items())
        if name in request.sources
        for number, campaign in source.of_request(request)
    ]
    found.sort(key=lambda one: one[:2])
    return [campaign for _, _, campaign in found]


def check_folders(request: Request) -> None:
    """Make sure that every folder that is needed is given, and none that nothing reads.

    Raises
    ------
    ConfigError
        If a source lacks its folder, or a folder is given without its source.
    """
    for name, option in FOLDER_OPTIONS.items():
        given = request.folder(option.name) is not None
        if option.required and name in request.sources and not given:
            raise ConfigError(f"--source {name} needs --{option.name} DIR, the {option.help}")
        if given and name not in request.sources:
            raise ConfigError(f"--{option.name} is only read with --source {name}")


def measure_all(campaigns: Sequence[Campaign]) -> None:
    """Measure every campaign: one without a reference does not keep the others from theirs.

    Raises
    ------
    NoReferenceExposure
        At the end, if a campaign has no exposure that can serve as its reference.
    """
    reasons = []
    for campaign in campaigns:
        raise_if_interrupted()
        try:
            campaign.measure()
        except NoReferenceExposure as error:
            reasons.append(f"{campaign.name}: {error}")
    if reasons:
        raise NoReferenceExposure("; ".join(reasons))

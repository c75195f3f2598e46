"""The campaigns of a report, one per source and field: how each is measured and summarised."""

from pipeline.sources.archive import ArchiveFrames
from pipeline.sources.base import Campaign
from pipeline.sources.cubes import CubeFolder
from pipeline.sources.measured import MeasuredCampaign
from pipeline.sources.published import PublishedRecord
from pipeline.sources.registry import DEFAULT_SOURCES, SOURCES, campaigns_of, measure_all
from pipeline.sources.simulated import SimulatedCampaign, simulation_plan
from pipeline.tasks import schedule

FORCEABLE = (*schedule.FORCEABLE, "statistics")  # steps that can be asked for again, in their order

__all__ = [
    "DEFAULT_SOURCES",
    "FORCEABLE",
    "SOURCES",
    "ArchiveFrames",
    "Campaign",
    "CubeFolder",
    "MeasuredCampaign",
    "PublishedRecord",
    "SimulatedCampaign",
    "campaigns_of",
    "measure_all",
    "simulation_plan",
]

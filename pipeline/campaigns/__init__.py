"""The campaigns of a report, one per source and field: how each is measured and summarised."""

from pipeline import run
from pipeline.campaigns.archive import ArchiveFrames
from pipeline.campaigns.base import Campaign
from pipeline.campaigns.choice import campaigns_of, measure_all
from pipeline.campaigns.cubes import CubeFolder
from pipeline.campaigns.measured import MeasuredCampaign
from pipeline.campaigns.record import PublishedRecord
from pipeline.campaigns.simulated import SimulatedCampaign, simulation_plan

FORCEABLE = (*run.FORCEABLE, "statistics")  # steps that can be asked for again, in their order

__all__ = [
    "FORCEABLE",
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

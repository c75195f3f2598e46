"""Simulated campaigns: star field, atmosphere, an instrument with 24 drifting channels, cubes.

``sky`` and ``atmosphere`` know nothing of cubes: raw CCD frames can be made from the same light.
"""

from pipeline.simulation.plan import PlannedExposure, SimulatedExposure
from pipeline.simulation.rendering import RenderedLayers
from pipeline.simulation.simulate import CampaignRealization, TruthApertures, simulate_campaign
from pipeline.simulation.stars import StarSpec

__all__ = [
    "CampaignRealization",
    "PlannedExposure",
    "RenderedLayers",
    "SimulatedExposure",
    "StarSpec",
    "TruthApertures",
    "simulate_campaign",
]

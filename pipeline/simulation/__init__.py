"""Simulated campaigns: star field, atmosphere, an instrument with 24 drifting channels, cubes.

``sky`` and ``atmosphere`` know nothing of cubes: raw CCD frames can be made from the same light.
"""

from pipeline.simulation.headers import primary_header
from pipeline.simulation.plan import PlannedExposure, SimulatedExposure
from pipeline.simulation.rendering import RenderedLayers
from pipeline.simulation.simulate import (
    CampaignRealization,
    TruthApertures,
    draw_exposures,
    simulate_campaign,
)
from pipeline.simulation.stars import StarSpec

__all__ = [
    "CampaignRealization",
    "PlannedExposure",
    "RenderedLayers",
    "SimulatedExposure",
    "StarSpec",
    "TruthApertures",
    "draw_exposures",
    "primary_header",
    "simulate_campaign",
]

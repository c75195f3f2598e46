"""Campaigns of fluxes drawn from the model, without cubes: for validation and tests."""

from pipeline.statistics.campaigns.draw import FluxCampaign, draw_campaign
from pipeline.statistics.campaigns.scenario import (
    CONFIGURATIONS,
    SCENARIOS,
    Configuration,
    Scenario,
)

__all__ = [
    "CONFIGURATIONS",
    "SCENARIOS",
    "Configuration",
    "FluxCampaign",
    "Scenario",
    "draw_campaign",
]

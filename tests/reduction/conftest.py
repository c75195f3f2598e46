"""The demonstration's two nights, simulated and reduced once for all tests with real recipes."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.config.passbands import load_band
from pipeline.config.settings import ReductionSettings, Settings
from pipeline.errors import RecipesMissing
from pipeline.reduction.association import RequestedStandard
from pipeline.reduction.exposures import Reduction, ReductionRequest, reduce_exposures
from pipeline.reduction.runners import Runner, find_runner
from pipeline.reduction.workspace import RecipeWorkspace
from pipeline.simulation import CampaignRealization
from pipeline.simulation.raw.demo import CHANNELS, demo_campaign, write_demo
from pipeline.simulation.raw.night import RawNight
from tests.machine import lacks

# I_Bessel and nothing more: a third of the layers
BAND_ONLY = ("muse_scipost.lambdamin=6900", "muse_scipost.lambdamax=9350")


def recipes_or_skip(name: str) -> Runner:
    """The runner of that name; without it the test is skipped, in CI it fails."""
    try:
        return find_runner(name)
    except RecipesMissing as error:
        lacks(str(error))


@dataclass(frozen=True)
class Reduced:
    """The nights with their reductions by esorex."""

    campaign: CampaignRealization
    nights: list[RawNight]
    results: tuple[Reduction, ...]
    workspace: RecipeWorkspace
    settings: ReductionSettings
    own_cpu_s: float  # of our code, without the recipes

    def reduction_requests(self, *which: int) -> list[ReductionRequest]:
        """What was asked for."""
        field = self.campaign.field
        return [
            ReductionRequest(
                night.tree.read_bytes(),
                RequestedStandard(night.standard, field.name, field.ra_deg, field.dec_deg),
            )
            for night in (self.nights[index] for index in which or range(len(self.nights)))
        ]


@pytest.fixture(scope="session")
def reduced(tmp_path_factory) -> Iterator[Reduced]:
    """Two nights, two channels, from photons to cubes."""
    runner = recipes_or_skip("esorex")
    base = tmp_path_factory.mktemp("recipes") / "two nights"
    defaults, band = Settings(), load_band("I_Bessel")
    campaign = demo_campaign(defaults.field, defaults.simulation, (band.wave_aa, band.weight))
    nights = write_demo(base / "raw", campaign)
    settings = ReductionSettings(
        channels=CHANNELS,
        response=str(nights[0].tables["STD_RESPONSE"]),
        parameters=(*ReductionSettings().parameters, *BAND_ONLY),
        keep=True,
    )
    workspace = RecipeWorkspace(base / "work", base / "raw", runner=runner, jobs=2)
    ready = Reduced(campaign, nights, (), workspace, settings, 0.0)
    before = os.times()
    results = reduce_exposures(ready.reduction_requests(), workspace, settings)
    after = os.times()
    own_cpu_s = after.user + after.system - before.user - before.system
    yield Reduced(campaign, nights, results, workspace, settings, own_cpu_s)
    shutil.rmtree(base)


def linked(source: Path, target: Path) -> None:
    """A copy of a folder that takes no space: its files are links."""
    shutil.copytree(source, target, copy_function=os.link)

"""A folder of real-sized simulated cubes, made once, and requests that run on it."""

from pathlib import Path

import pytest

from pipeline.config.paths import ROOT
from pipeline.config.settings import Settings, SimulationSettings
from pipeline.muse.cube import write_cube
from pipeline.sources import simulation_plan
from pipeline.sources.request import Request
from pipeline.tasks.measure import build_simulation
from pipeline.workflow.executors import Workers

WAVE_STEP_AA = 50.0  # the coarsest: 92 layers


@pytest.fixture(scope="session")
def settings():
    return Settings(simulation=SimulationSettings(wave_step_aa=WAVE_STEP_AA))


@pytest.fixture(scope="session")
def cube_files(tmp_path_factory, settings):
    """Four cubes of the simulated campaign: the reference exposure and three of other nights."""
    folder = tmp_path_factory.mktemp("cubes")
    plan = simulation_plan()
    campaign = build_simulation(plan, settings)
    for index in (plan.reference_index, 0, 22, 60):
        path = folder / f"cube-{index:02d}.fits"
        write_cube(path, campaign.headers(index), campaign.layers(index))
    return sorted(folder.iterdir())


@pytest.fixture
def cube_folder(tmp_path, cube_files):
    """A folder of its own with the cubes, as links: a test may add to it or take away."""
    folder = tmp_path / "input"
    folder.mkdir()
    for path in cube_files:
        (folder / path.name).hardlink_to(path)
    return folder


@pytest.fixture
def request_for(tmp_path, settings):
    """A request on a folder of cubes, run in this process."""

    def make(cubes: Path | None = None, sources=("cubes",), chosen=settings, force=(), jobs=1):
        return Request(chosen, ROOT, sources, cubes, None, tmp_path / "work", Workers(jobs), force)

    return make

"""Plain cubes, a folder for others, and a campaign on it."""

import pytest

from pipeline.config.loader import read_settings
from pipeline.sources import CubeFolder
from pipeline.sources.request import Request
from pipeline.workflow.executors import Workers
from tests.campaign.any_cubes.folder import N, fluxes_of
from tests.reliability.cubes import write_config, write_exposure


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """Four plain cubes; not to be changed."""
    folder = tmp_path_factory.mktemp("any")
    return [write_exposure(folder / f"cube-{n}.fits", n) for n in range(N)]


@pytest.fixture
def cubes(tmp_path):
    folder = tmp_path / "cubes"
    folder.mkdir()
    return folder


@pytest.fixture
def run(tmp_path, cubes):
    """Measure the folder; returns the campaign."""

    def measured(more="", folder=cubes, pairs="[[1, 2], [3, 7]]", modes=""):
        config = write_config(tmp_path, more)
        text = config.read_text().replace("[[1, 2], [3, 7]]", pairs)
        config.write_text(
            text.replace("[field]", f"[field]\nmodes = {modes}" if modes else "[field]")
        )
        request = Request(
            read_settings(config), tmp_path, ("cubes",), folder, None, tmp_path / "work", Workers(1), ()
        )  # fmt: skip
        campaign = CubeFolder(request)
        campaign.measure()
        return campaign

    return measured


@pytest.fixture(scope="module")
def plain_fluxes(made, tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain")
    config = write_config(folder)
    request = Request(
        read_settings(config), folder, ("cubes",), made[0].parent, None, folder / "work", Workers(1), ()
    )  # fmt: skip
    campaign = CubeFolder(request)
    campaign.measure()
    return fluxes_of(campaign)

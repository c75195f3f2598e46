"""Small cubes made once, and runs on them in this process."""

import shutil

import pytest

from pipeline.config.loader import read_settings
from pipeline.sources import CubeFolder
from pipeline.sources.request import Request
from pipeline.workflow.executors import Workers
from tests.machine import lacks
from tests.reliability.cubes import write_campaign, write_config
from tests.reliability.slurm import Cluster, is_installed

N_EXPOSURES = 4


@pytest.fixture(scope="session")
def made_cubes(tmp_path_factory):
    """The cubes of the campaign; not to be changed."""
    return write_campaign(tmp_path_factory.mktemp("made"), N_EXPOSURES)


@pytest.fixture
def cubes(tmp_path, made_cubes):
    """A folder of cubes that a test may spoil."""
    folder = tmp_path / "cubes"
    folder.mkdir()
    for path in made_cubes:
        shutil.copy2(path, folder)
    return folder


@pytest.fixture
def run(tmp_path, cubes):
    """Measure and summarise the folder; returns the campaign."""
    path = write_config(tmp_path)

    def measured(folder=cubes, *, force=(), work=tmp_path / "work", more=""):
        path.write_text(path.read_text() + more)
        return _measured(path, folder, work, force)

    return measured


def _measured(config, folder, work, force=()):
    settings = read_settings(config)
    request = Request(
        settings, config.parent, ("cubes",), folder, None, work, Workers(1), tuple(force)
    )
    campaign = CubeFolder(request)
    campaign.measure()
    return campaign


@pytest.fixture(scope="session")
def first_run(tmp_path_factory, made_cubes):
    """The work folder of a run on the cubes as they were made."""
    folder = tmp_path_factory.mktemp("first")
    (folder / "cubes").mkdir()
    for path in made_cubes:
        shutil.copy2(path, folder / "cubes")
    _measured(write_config(folder), folder / "cubes", folder / "work").summary  # noqa: B018
    return folder / "work"


@pytest.fixture
def measured_before(tmp_path, first_run):
    """What that run left, for tests of what a later one does: their first run has nothing to do."""
    shutil.copytree(first_run, tmp_path / "work", copy_function=shutil.copy2)


def rows_of(campaign):
    """Rows of the table of exposures, by file or identity."""
    return {str(row["exposure_id"]): row for row in campaign.summary.tables["exposures"]}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A running Slurm cluster of three nodes on this machine."""
    if not is_installed():
        lacks("no Slurm: apt-get install slurm-wlm munge")
    running = Cluster(tmp_path_factory.mktemp("slurm"))
    try:
        running.start()
        yield running
    finally:
        running.stop()

"""Two small cubes through their stages, in this process; a copy of what they left for each test."""

import shutil
from dataclasses import replace

import pytest

from pipeline.config.loader import read_settings
from pipeline.tasks import measure as measure_tasks
from pipeline.tasks.inputs import cubes_in
from pipeline.tasks.reference import run_reference
from pipeline.tasks.schedule import plan_jobs, reference_path
from tests.reliability.cubes import write_config, write_exposure


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """Folder with cubes, work folder and configuration of two measured exposures."""
    folder = tmp_path_factory.mktemp("two")
    (folder / "cubes").mkdir()
    for number in range(2):
        write_exposure(folder / "cubes" / f"cube-{number}.fits", number)
    write_config(folder)
    jobs, settings = jobs_of(folder)
    for job in jobs:
        measure_tasks._advance(replace(job, reference=None))
    run_reference(reference_path(folder / "work"), jobs, settings, folder)
    for job in jobs:
        measure_tasks._advance(job)
    return folder


def jobs_of(folder, change=lambda settings: settings):
    """The jobs of that folder with their reference, and its settings."""
    settings = change(read_settings(folder / "report.toml"))
    jobs = plan_jobs(cubes_in(folder / "cubes", settings), settings, folder / "work", None)
    return [replace(job, reference=reference_path(folder / "work")) for job in jobs], settings


@pytest.fixture
def campaign(finished, tmp_path):
    """(jobs, settings, folder) of a copy that a test may damage; cubes keep their times."""
    shutil.copytree(finished, tmp_path / "two", copy_function=shutil.copy2)
    return (*jobs_of(tmp_path / "two"), tmp_path / "two")

"""Whatever shapes a product is in its key: code, libraries, and every input."""

from dataclasses import replace

import pytest

from pipeline.config.loader import read_settings
from pipeline.muse.fits_layout import layout
from pipeline.sources import simulation_plan
from pipeline.tasks import job as job_module
from pipeline.tasks import reference as reference_module
from pipeline.tasks.inputs import cubes_in, simulated_entries
from pipeline.tasks.job import Job, build_simulation
from pipeline.workflow import products
from tests.reliability.cubes import write_config


@pytest.fixture
def cube_job(tmp_path, cubes):
    settings = read_settings(write_config(tmp_path))
    return Job(cubes_in(cubes, settings)[0], settings, tmp_path / "work")


@pytest.fixture
def simulated_job(tmp_path):
    settings = read_settings(write_config(tmp_path))
    plan = simulation_plan()
    campaign = build_simulation(plan, settings)
    entry = simulated_entries([campaign.headers(0)[0]])[0]
    return Job(entry, settings, tmp_path / "work", plan)


def keys_of(job):
    """The key of every stage."""
    return {
        "cube": products.digest(job_module.cube_ingredients(job)),
        "detect": products.digest(job_module.detect_ingredients(job)),
        "measure": products.digest(job_module.measure_ingredients(job, "reference")),
        "reference": products.digest(
            reference_module.reference_ingredients([], job.settings, None)
        ),
    }


def changed(before, job):
    after = keys_of(job)
    return {stage for stage in before if before[stage] != after[stage]}


@pytest.mark.parametrize(
    ("place", "stages"),
    [
        ("pipeline/measure", {"detect", "measure", "reference"}),
        ("pipeline/muse/cube.py", {"cube", "detect", "measure", "reference"}),
        ("pipeline/muse/cube_checks.py", {"detect", "measure", "reference"}),
        ("pipeline/tasks/fits_products.py", {"detect", "measure", "reference"}),
        ("pipeline/simulation", {"cube", "detect", "measure"}),
        ("kdmatch", {"measure", "reference"}),
    ],
)
def test_code_that_shapes_a_stage_is_in_its_key(simulated_job, monkeypatch, place, stages):
    before, genuine = keys_of(simulated_job), products.code_digest

    def with_other_code(*places):
        return genuine(*places) + ("other" if place in places else "")

    monkeypatch.setattr(products, "code_digest", with_other_code)
    assert changed(before, simulated_job) == stages


@pytest.mark.parametrize("library", products.SHAPING_LIBRARIES)
def test_the_version_of_every_library_is_in_every_key(simulated_job, monkeypatch, library):
    before = keys_of(simulated_job)
    versions = {**products.library_versions(), library: "0.0"}
    monkeypatch.setattr(products, "library_versions", lambda: versions)
    assert changed(before, simulated_job) == {"cube", "detect", "measure", "reference"}


def test_the_numbers_come_from_the_libraries_that_are_named():
    assert {"numpy", "scipy", "astropy", "photutils"} <= set(products.SHAPING_LIBRARIES)
    assert set(products.library_versions()) == set(products.SHAPING_LIBRARIES)


@pytest.mark.parametrize("header", [0, 1, 2])
def test_every_byte_of_every_header_is_in_the_key(cube_job, header):
    path = cube_job.cube
    before = keys_of(cube_job)
    span = layout(path)[header]
    content = bytearray(path.read_bytes())
    last_card = content.rindex(b"END", span.start, span.data)
    content[last_card - 1] ^= 1  # in the comment of the card before it
    path.write_bytes(content)
    assert changed(before, cube_job) == {"cube", "detect", "measure"}


def test_the_time_of_a_cube_is_in_its_keys_and_not_in_its_content(cube_job):
    before = keys_of(cube_job)
    content = job_module.content_digest(job_module.measure_ingredients(cube_job, "reference"))
    cube_job.cube.touch()
    assert changed(before, cube_job) == {"cube", "detect", "measure"}
    now = job_module.content_digest(job_module.measure_ingredients(cube_job, "reference"))
    assert now == content


def test_the_reference_is_in_the_key_of_a_measurement(cube_job):
    one, other = (
        products.digest(job_module.measure_ingredients(cube_job, key)) for key in ("a", "b")
    )
    assert one != other


def test_a_cube_of_a_recipe_is_known_by_the_key_of_the_recipe(cube_job):
    one, other = (
        keys_of(replace(cube_job, entry=replace(cube_job.entry, cube_key=key))) for key in "ab"
    )
    assert all(one[stage] != other[stage] for stage in ("cube", "detect", "measure"))


def test_the_passbands_of_a_measurement_are_in_its_key(cube_job, monkeypatch):
    before = keys_of(cube_job)
    monkeypatch.setattr(products, "file_sha256", lambda _: "another curve")
    assert changed(before, cube_job) == {"measure"}

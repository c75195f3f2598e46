"""Nights of raw frames products per exposure, rows for failures, nothing twice."""

import json
from dataclasses import replace

import pytest

from pipeline.config.settings import Field
from pipeline.errors import CalibrationMissing, NotReduced, RecipeFailed, RecipesMissing, WorkerLost
from pipeline.muse.association import tree_xml
from pipeline.reduction.recipes import INSTALL_LINE
from pipeline.tasks import installed, schedule
from pipeline.tasks import reduce as reduce_tasks
from pipeline.workflow.executors import Workers
from tests.reduction.fake_esorex import primary
from tests.reduction.site import Site
from tests.reduction.trees import STD, standard, tree, without_everywhere

LATER = "MUSE.2019-03-11T00:30:00.000"  # a night after STD
FIELD = Field()
LOCAL = Workers(1)


@pytest.fixture
def site(tmp_path, monkeypatch):
    made = Site(tmp_path, monkeypatch)
    monkeypatch.setattr(installed, "find_runner", lambda *_: made.runner)
    for name in (STD, LATER):
        made.frame(name)
        (made.raw / f"{name}_raw2raw.xml").write_bytes(tree_xml(tree(standard(name=name))))
    return made


def nights(site, **changes):
    settings = replace(site.settings, **changes)
    return reduce_tasks.night_jobs(site.raw, site.base / "work", FIELD, settings, 2)


def reduce(site, **changes):
    jobs = nights(site, **changes)
    schedule.reduce_nights(jobs, site.base / "work", LOCAL)
    return jobs


def entries(jobs):
    return {one.exposure_id: one for job in jobs for one in reduce_tasks.entries(job)}


def test_exposures_of_one_night_are_one_job(site):
    (first, second) = nights(site)
    assert (first.night, second.night) == ("2019-03-09", "2019-03-10")
    assert [one.dp_id for one in first.exposures] == [STD]


def test_each_exposure_of_a_folder_is_of_the_field_that_its_frame_points_at(site):
    south = replace(FIELD, name="south", ra_deg=131.0, dec_deg=-36.0)
    assert reduce_tasks.frames_by_field(site.raw, [FIELD, south]) == [{STD, LATER}, frozenset()]
    (site.raw / f"{LATER}.fits").write_bytes(primary("RA      = 131.0", "DEC     = -36.0"))
    assert reduce_tasks.frames_by_field(site.raw, [FIELD, south]) == [{STD}, {LATER}]
    (site.raw / f"{STD}.fits").unlink()  # a row with its reason, where something can be used
    assert reduce_tasks.frames_by_field(site.raw, [FIELD, south]) == [frozenset(), {STD, LATER}]
    (site.raw / f"{LATER}.fits").unlink()  # nowhere: of the first field
    assert reduce_tasks.frames_by_field(site.raw, [FIELD, south]) == [{STD, LATER}, frozenset()]


def test_before_a_run_every_exposure_says_that_it_is_not_reduced(site):
    found = entries(nights(site))
    assert set(found) == {STD, LATER}
    assert all(isinstance(one.error, NotReduced) for one in found.values())


@pytest.mark.slow
def test_a_run_leaves_a_cube_with_an_identity_for_every_exposure(site):
    found = entries(reduce(site))
    assert all(one.error is None and one.cube_path.exists() for one in found.values())
    assert found[STD].cube_key != found[LATER].cube_key


@pytest.mark.slow
def test_a_second_run_reads_the_products_and_starts_no_recipe(site):
    reduce(site)
    site.ran()
    jobs = reduce(site)
    assert site.ran() == {}
    assert [reduce_tasks.stale(job) for job in jobs] == [{}, {}]


@pytest.mark.slow
def test_all_nights_share_the_grid_of_the_first(site):
    jobs = reduce(site)
    content = json.loads((jobs[1].shared / "defined_by.json").read_text())
    assert content == {"dp_id": STD}
    assert jobs[0].shared == jobs[1].shared


@pytest.mark.slow
def test_another_parameter_makes_everything_again_and_leaves_no_old_cube(site):
    old = entries(reduce(site))
    new = entries(reduce(site, parameters=("muse_scipost.save=cube,individual",)))
    assert new[STD].cube_path.exists()
    assert not old[STD].cube_path.exists()


@pytest.mark.slow
def test_a_frame_of_another_size_makes_its_exposure_stale_only(site):
    jobs = reduce(site)
    (site.raw / f"{LATER}.fits").write_bytes((site.raw / f"{LATER}.fits").read_bytes() * 2)
    assert reduce_tasks.stale(jobs[0]) == {}
    assert reduce_tasks.stale(jobs[1]) == {LATER: f"changed: frames.{LATER}"}


@pytest.mark.slow
def test_a_lost_cube_is_made_again(site):
    found = entries(reduce(site))
    found[STD].cube_path.unlink()
    (first, _) = nights(site)
    assert "missing" in reduce_tasks.stale(first)[STD]
    assert entries(reduce(site))[STD].cube_path.exists()


def test_a_failure_is_kept_with_its_type_and_not_tried_again(site):
    site.frame(LATER, mood="muse_scibasic:refuse")
    found = entries(reduce(site))
    assert isinstance(found[LATER].error, RecipeFailed)
    assert "CHIP information" in str(found[LATER].error)
    assert found[STD].error is None
    site.ran()
    reduce(site)
    assert site.ran() == {}


@pytest.mark.slow
def test_a_crash_is_tried_again_by_the_next_run(site):
    site.frame(LATER, mood="muse_scibasic:crash")
    jobs = reduce(site)
    assert "failed by circumstances" in reduce_tasks.stale(jobs[1])[LATER]
    site.frame(LATER)
    assert entries(reduce(site))[LATER].error is None


def test_an_incomplete_tree_is_a_typed_error_of_its_exposure(site):
    incomplete = tree_xml(tree(without_everywhere(standard(name=LATER), "ARC")))
    (site.raw / f"{LATER}_raw2raw.xml").write_bytes(incomplete)
    found = entries(reduce(site))
    assert isinstance(found[LATER].error, CalibrationMissing)


@pytest.mark.slow
def test_the_log_of_an_exposure_holds_every_call_and_its_cost(site):
    jobs = reduce(site)
    log = reduce_tasks.logs(jobs[0])[STD]
    assert [one.recipe for one in log.calls].count("muse_bias") == 2
    assert {"muse_scibasic", "muse_scipost"} <= {one.recipe for one in log.calls}
    assert all(one.size_mb >= 0 and one.wall_s > 0 for one in log.calls)
    assert sum(one.n_calls for one in log.steps) == len(log.calls)
    assert "this exposure defines the grid" in log.notes
    assert log.error == ""


def test_a_lost_worker_leaves_a_row_and_is_tried_again(site):
    jobs = nights(site)
    reduce_tasks.mark_lost(jobs[0], RuntimeError("node gone"))
    assert isinstance(entries(jobs)[STD].error, WorkerLost)
    assert "node gone" in reduce_tasks.stale(jobs[0])[STD]


@pytest.mark.slow
def test_a_site_can_be_built_where_no_recipes_are_installed(site, monkeypatch):
    jobs = reduce(site)

    def missing(*_):
        raise RecipesMissing(INSTALL_LINE)

    monkeypatch.setattr(installed, "find_runner", missing)
    assert [reduce_tasks.stale(job) for job in jobs] == [{}, {}]


def test_a_dry_run_names_every_recipe_and_runs_none(site):
    texts = reduce_tasks.dry_run(nights(site))
    assert "defines the grid" in texts[0]
    assert "OUTPUT_WCS grid" in texts[1]
    assert site.ran() == {}

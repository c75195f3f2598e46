"""One exposure as a job: its files, what makes it stale, how it ended, and how it failed."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import CubeEmpty, JobHung, NoReferenceExposure
from pipeline.tasks import measure as measure_tasks
from pipeline.tasks import schedule
from pipeline.tasks.boundary import limits_of, reason_of
from pipeline.tasks.job import (
    content_digest,
    cube_ingredients,
    detect_ingredients,
    done,
    failed,
    final_stamp,
    measure_ingredients,
    outcome,
    reference_key,
    staleness,
)
from pipeline.tasks.reference import candidates, registry_digest, run_reference
from pipeline.workflow import products
from pipeline.workflow.executors import Workers
from pipeline.workflow.shards import Shard
from tests.tasks.made import entry


def test_products_lie_in_the_folder_of_the_exposure(campaign):
    job = campaign[0][0]
    work = campaign[2] / "work"
    name = products.safe_name(job.entry.exposure_id)
    assert job.folder == work / "exposures" / name
    assert (job.detection, job.measurement, job.truth) == (
        job.folder / "detection.fits", job.folder / "measurement.fits", job.folder / "truth.fits"
    )  # fmt: skip
    assert job.cube == campaign[2] / "cubes" / "cube-0.fits"
    assert replace(job, entry=replace(job.entry, cube_path=None)).cube == job.folder / "cube.fits"


def test_what_is_done_is_not_stale_and_its_last_stamp_is_that_of_the_measurement(campaign):
    for job in campaign[0]:
        assert staleness(job) == {}
        assert staleness(job, verify=True) == {}
        assert (done(job.detection), failed(job.detection)) == (True, False)
        assert final_stamp(job) == products.read_stamp(job.measurement)
        assert final_stamp(replace(job, reference=None)) == products.read_stamp(job.detection)


def test_an_input_with_a_reason_has_nothing_to_do(campaign):
    job = replace(campaign[0][0], entry=entry("X", error=CubeEmpty("empty")))
    assert staleness(job) == {}
    assert outcome(job) == ("X", "empty")


def test_another_time_of_a_cube_makes_its_stages_stale_but_not_its_content(campaign):
    job = campaign[0][0]
    before, outcomes = detect_ingredients(job), outcome(job)
    os.utime(job.cube, (0, 0))
    after = detect_ingredients(job)
    assert staleness(job).keys() == {"detect", "measure"}
    assert content_digest(before) == content_digest(after)
    assert products.digest(before) != products.digest(after)
    assert outcome(job) == outcomes


def test_a_lost_product_is_stale_alone(campaign):
    job = campaign[0][0]
    job.measurement.unlink()
    assert staleness(job) == {"measure": "missing: measurement.fits"}
    assert not done(job.measurement)


def test_a_damaged_byte_is_seen_where_everything_is_verified(campaign):
    job = campaign[0][0]
    times, content = job.detection.stat(), bytearray(job.detection.read_bytes())
    content[-3000] ^= 1
    job.detection.write_bytes(content)
    os.utime(job.detection, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert staleness(job) == {}
    assert staleness(job, verify=True) == {
        "detect": "not as it was made: detection.fits (other content)"
    }


def test_a_cube_that_a_recipe_made_is_known_by_the_key_of_the_recipe(campaign):
    made = replace(campaign[0][0].entry, cube_key="k7")
    assert cube_ingredients(replace(campaign[0][0], entry=made)) == {"stage": "cube", "made": "k7"}


def test_a_cube_that_cannot_be_read_is_known_by_the_reason(campaign):
    job = campaign[0][0]
    job.cube.unlink()
    assert cube_ingredients(job) == {
        "stage": "cube",
        "unreadable": "cube-0.fits: cannot be read (No such file or directory)",
    }


def test_what_a_reader_declares_shapes_a_detection(campaign):
    job = campaign[0][0]
    told = replace(job, entry=replace(job.entry, declared=(("EXPTIME", 5.0),)))
    assert detect_ingredients(told)["declared"] == {"EXPTIME": 5.0}
    assert "declared" not in detect_ingredients(job)


def test_the_reference_is_known_by_the_digest_of_its_file(campaign):
    job = campaign[0][0]
    key = reference_key(job.reference)
    assert key == products.file_sha256(job.reference)
    assert measure_ingredients(job, key)["inputs"]["reference"] == key
    products.forget(job.reference)
    assert reference_key(job.reference) == ""
    assert "measure" in staleness(job)


def test_an_outcome_holds_identity_content_state_and_error(campaign):
    one, other = campaign[0]
    assert outcome(one)[0] == one.entry.exposure_id
    assert outcome(one)[1] != outcome(other)[1]
    before = outcome(one)
    stamp = products.read_stamp(one.measurement)
    products.write_stamp(one.measurement, replace(stamp, state=products.FAILED, error="why"))
    assert outcome(one) != before
    products.forget(one.detection)
    assert outcome(one) == (one.entry.exposure_id, "")


def test_a_detection_that_failed_is_the_end(campaign):
    job = campaign[0][0]
    stamp = replace(products.read_stamp(job.detection), state=products.FAILED)
    products.write_stamp(job.detection, stamp)
    assert staleness(job) == {}
    assert failed(job.detection)
    assert final_stamp(job) == stamp


@pytest.mark.parametrize(
    ("error", "kind", "state", "said"),
    [
        (CubeEmpty("cube-0.fits: no value"), "CubeEmpty", products.FAILED, "no value"),
        (JobHung("not done after 9 s"), "JobHung", products.LOST, "not done after 9 s"),
        (ZeroDivisionError("by 0"), "ExposureCrashed", products.FAILED, "ZeroDivisionError: by 0"),
    ],
)
@pytest.mark.parametrize("stage", ["detect", "measure"])
def test_a_failure_is_in_the_stamp_of_the_stage_that_was_at_work(
    campaign, error, kind, state, said, stage
):
    job = campaign[0][0]
    product, other = job.detection, job.measurement
    if stage == "measure":
        product, other = other, product
    products.forget(product)
    error = type(error)(*error.args)  # of this case alone
    error.add_note("where it happened")
    stamp = measure_tasks.mark_failed(job, error)
    kept = products.read_stamp(product)
    assert (kept.key, kept.error, kept.state) == (stamp.key, stamp.error, stamp.state)
    assert (stamp.stage, stamp.error_type, stamp.state) == (stage, kind, state)
    assert stamp.error == f"cube-0.fits: {said}"
    assert not product.exists()
    assert products.read_stamp(other).state == products.DONE
    log = (job.folder / measure_tasks.FAILURE_LOG).read_text()
    assert log == f"cube-0.fits: {said}\nwhere it happened"


def test_a_worker_that_is_killed_when_all_was_done_changes_nothing(campaign):
    job = campaign[0][0]
    assert measure_tasks.mark_lost(job, OSError()) == products.read_stamp(job.measurement)


def test_a_lost_worker_is_tried_again(campaign):
    job = campaign[0][0]
    products.forget(job.measurement)
    stamp = measure_tasks.mark_lost(job, OSError())
    assert (stamp.state, stamp.error_type) == (products.LOST, "WorkerLost")
    assert stamp.error == "cube-0.fits: the worker was killed (OSError)"
    assert "measure" in staleness(job)


def test_an_error_where_nothing_was_at_work_is_raised(campaign):
    job = replace(campaign[0][0], entry=entry("X", error=CubeEmpty("empty")))
    job = replace(job, folder=job.folder.with_name("nothing"))
    with pytest.raises(ValueError, match="defect"):
        measure_tasks.mark_failed(job, ValueError("defect"))


def test_a_reason_fits_a_table_and_names_no_folder_of_this_machine(tmp_path):
    cube, other = tmp_path / "cube-0.fits", tmp_path / "work"
    said = f"cube-0.fits: {cube.parent}/cube-0.fits and {Path.home()}/x\nin {other}/y"
    kind, text = reason_of(CubeEmpty(said), cube, other)
    assert kind == "CubeEmpty"
    assert text.startswith("cube-0.fits: ")
    assert "cube-0.fits: cube-0.fits: " not in text
    assert not [one for one in (str(tmp_path), str(Path.home()), "\n") if one in text]
    assert reason_of(CubeEmpty("x" * 600), cube)[1] == f"cube-0.fits: {'x' * 600}"
    assert reason_of(CubeEmpty("x" * 601), cube)[1] == f"cube-0.fits: {'x' * 600} ..."
    assert reason_of(KeyError("y"), cube) == ("ExposureCrashed", "cube-0.fits: KeyError: 'y'")


def test_limits_grow_with_the_cube(tmp_path):
    cube = tmp_path / "cube.fits"
    assert limits_of(cube).time_s == 900
    cube.write_bytes(bytes(10_000_000))
    assert limits_of(cube).time_s == pytest.approx(900 + 600 * 0.01)
    assert limits_of(cube).memory_bytes == 6 * 2**30


def test_truth_is_summed_as_light_is(campaign):
    settings = campaign[1]
    extraction = settings.extraction
    for method, expected in (("center", "center"), ("exact", "exact"), ("psf", "exact")):
        chosen = replace(settings, extraction=replace(extraction, method=method))
        found = measure_tasks.truth_apertures(chosen)
        assert (found.method, found.radii_px) == (expected, extraction.radii_px)
        assert found.band_name == settings.statistics.band


def test_what_a_stage_depends_on_is_forgotten_with_it(campaign):
    jobs, _, folder = campaign
    work = folder / "work"
    schedule.force(jobs, work, "measure")
    assert [staleness(job).keys() for job in jobs] == [{"measure"}] * 2
    schedule.force(jobs, work, "detect")
    assert [staleness(job).keys() for job in jobs] == [{"detect", "measure"}] * 2
    assert products.read_stamp(jobs[0].reference) is not None
    schedule.force(jobs, work, "reference")
    assert products.read_stamp(jobs[0].reference) is None


def test_a_reference_is_chosen_once_and_kept(campaign):
    jobs, settings, folder = campaign
    assert (jobs[0].reference.parent / "stars.ecsv").is_file()  # the numbers, for later runs
    times = jobs[0].reference.stat().st_mtime_ns
    stamp = run_reference(jobs[0].reference, jobs, settings, folder)
    assert stamp == products.read_stamp(jobs[0].reference)
    assert jobs[0].reference.stat().st_mtime_ns == times
    jobs[0].reference.unlink()
    run_reference(jobs[0].reference, jobs, settings, folder)
    assert reference_key(jobs[0].reference) == products.file_sha256(jobs[0].reference)


def test_headline_pairs_of_stars_that_nobody_sees_are_refused_with_what_is_seen(campaign):
    jobs, settings, folder = campaign
    chosen = replace(settings, statistics=replace(settings.statistics, pairs=((1, 99), (77, 2))))
    with pytest.raises(NoReferenceExposure, match=r"star 77, 99; .* shows stars 1 to 16"):
        run_reference(jobs[0].reference, jobs, chosen, folder)


def test_candidates_come_in_groups_of_the_setting_and_every_exposure_is_in_one(campaign):
    jobs, settings, _ = campaign
    for size, expected in ((1, [1, 1]), (2, [2]), (5, [2])):
        chosen = replace(settings, reference=replace(settings.reference, candidates=size))
        groups = candidates(jobs, chosen)
        assert [len(group) for group in groups] == expected
        assert {job.entry.exposure_id for group in groups for job in group} == {
            job.entry.exposure_id for job in jobs
        }
    assert candidates([], settings) == []
    assert registry_digest(settings, Path()) == {}


def test_a_campaign_without_a_usable_exposure_says_why(campaign):
    jobs, settings, folder = campaign
    lost = [
        replace(job, entry=replace(job.entry, error=CubeEmpty(f"reason {k}")))
        for k, job in enumerate(jobs * 2)
    ]
    with pytest.raises(
        NoReferenceExposure, match=r"none of the 4 .*: reason 0; reason 1; reason 2$"
    ):
        schedule.measure_campaign(lost, settings, folder / "work", folder, schedule.Workers(1))


def test_to_force_a_stage_forgets_what_depends_on_it_and_no_file_of_the_reader_s(campaign):
    jobs, _, folder = campaign
    beside = jobs[0].cube.with_name(f"{jobs[0].cube.name}.stamp.json")
    beside.write_text("the reader's own")
    reference = schedule.reference_path(folder / "work")
    schedule.force(jobs, folder / "work", "measure")
    assert [set(staleness(job)) for job in jobs] == [{"measure"}] * 2
    assert products.read_stamp(reference) is not None
    schedule.force(jobs, folder / "work", "simulate")
    assert beside.read_text() == "the reader's own"
    assert [set(staleness(job)) for job in jobs] == [{"detect", "measure"}] * 2
    schedule.force(jobs, folder / "work", "reference")
    assert products.read_stamp(reference) is None


@pytest.mark.parametrize(("shard", "is_swept"), [(None, True), (Shard(1, 2), False)])
def test_half_written_files_are_swept_by_a_run_that_has_the_folder_alone(
    campaign, caplog, shard, is_swept
):
    caplog.set_level("INFO", "pipeline")
    jobs, settings, folder = campaign
    part = folder / "work" / "exposures" / ".a.1.part"
    part.touch()
    schedule.measure_campaign(jobs, settings, folder / "work", folder, Workers(1), shard)
    assert part.exists() is not is_swept
    assert ("removed 1 half-written" in caplog.text) is is_swept


def test_a_shard_measures_its_part_alone(campaign):
    jobs, settings, folder = campaign
    for job in jobs:
        products.forget(job.measurement)
    referred = schedule.measure_campaign(
        jobs, settings, folder / "work", folder, Workers(1), Shard(2, 2)
    )
    assert [set(staleness(job)) for job in referred] == [{"measure"}, set()]

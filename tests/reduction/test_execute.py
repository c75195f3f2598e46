"""What runs, what is left alone, and what a failure takes along; with a stand-in for the recipes."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from pipeline.config.settings import ReductionSettings
from pipeline.errors import (
    CalibrationRejected,
    DiskFull,
    MemoryShort,
    RawFrameUnreadable,
    RecipeCrashed,
    RecipeFailed,
    RecipeTimeout,
    WorkspaceError,
    WrongStandard,
)
from pipeline.reduction.exposures import call_records
from tests.machine import lacks
from tests.reduction.site import ONE_CHANNEL, Site
from tests.reduction.trees import OTHER, STD, standard


@pytest.fixture
def site(tmp_path, monkeypatch):
    return Site(tmp_path, monkeypatch)


def test_a_reduction_runs_every_recipe_once_and_leaves_a_cube(site):
    (result,) = site.reduce(STD)
    assert result.error is None
    assert result.cube.name == "DATACUBE_FINAL.fits"
    assert site.ran() == {**ONE_CHANNEL, "muse_scipost": 1}


@pytest.mark.parametrize(
    "name", ["my night", "quotes ' \" $(touch PWNED) # ü", "two\nlines\tand a tab", "long" * 60]
)
def test_a_reduction_works_under_any_path(tmp_path, monkeypatch, name):
    """A set-of-frames file ends a path at the first blank."""
    base = tmp_path / name
    base.mkdir()
    odd = Site(base, monkeypatch)
    (result,) = odd.reduce(STD)
    assert result.error is None
    assert odd.ran() == {**ONE_CHANNEL, "muse_scipost": 1}
    odd.reduce(STD)
    assert not odd.ran()
    assert not list((base / "work").rglob("inputs"))  # links stay nowhere
    assert not list(tmp_path.rglob("PWNED"))


def test_a_second_run_runs_nothing(site):
    (first,) = site.reduce(STD)
    site.ran()
    (second,) = site.reduce(STD)
    assert second.cube == first.cube
    assert site.ran() == {}


def test_a_second_exposure_shares_calibrations_grid_and_response(site):
    site.reduce(STD, OTHER, settings=None)
    counts = site.ran()
    assert counts["muse_scibasic"] == counts["muse_scipost"] == 2
    assert (site.shop.folder / "grid.fits").exists()
    assert '"dp_id": "' + STD in (site.shop.folder / "defined_by.json").read_text()


def test_workshops_on_several_nodes_share_grid_and_response(site):
    common = site.base / "campaign"
    site.reduce(STD, work="node1", campaign=common)
    site.ran()
    (result,) = site.reduce(OTHER, work="node2", campaign=common)
    labels = call_records(site.shop.folder, result.calls)[-1]["inputs"]
    assert any("OUTPUT_WCS grid" in label for label in labels)
    assert STD in (common / "defined_by.json").read_text()


def test_intermediate_products_go_and_stay_done(site):
    site.reduce(STD)
    left = [path.name for path in site.shop.folder.rglob("*.fits")]
    assert sorted(left) == ["DATACUBE_FINAL.fits", "grid.fits"]
    kept = [path.name for path in site.shop.folder.rglob("recipe.log")]
    assert len(kept) == sum(ONE_CHANNEL.values()) + 1


def test_intermediate_products_stay_if_they_shall(site):
    keep = ReductionSettings(channels=(12,), response=site.settings.response, keep=True)
    site.reduce(STD, settings=keep)
    assert any(site.shop.folder.rglob("MASTER_FLAT.fits"))


def test_a_new_exposure_makes_removed_calibrations_again_and_no_other_cube(site):
    site.reduce(STD)
    site.ran()
    results = site.reduce(STD, OTHER)
    assert all(result.error is None for result in results)
    assert site.ran() == {**ONE_CHANNEL, "muse_scipost": 1}


@pytest.mark.parametrize(
    ("mood", "error"),
    [
        ("muse_scibasic:crash", RecipeCrashed),
        ("muse_scibasic:refuse", RecipeFailed),
        ("muse_scibasic:nothing", RecipeFailed),
    ],
)
def test_a_failing_recipe_takes_its_own_exposure_only(site, mood, error):
    site.frame(STD, mood)
    bad, good = site.reduce(STD, OTHER)
    assert type(bad.error) is error
    assert bad.cube is None
    assert good.error is None
    assert good.cube.exists()


def test_what_a_crashed_recipe_needs_stays_for_the_next_run(site):
    table = "M.MUSE.EXTINCT_TABLE"  # that muse_scipost alone reads
    site.frame(table, "muse_scipost:crash")
    (crashed,) = site.reduce(STD)
    assert isinstance(crashed.error, RecipeCrashed)
    site.ran()
    site.frame(table)
    (result,) = site.reduce(STD)
    assert result.error is None
    assert site.ran() == {"muse_scipost": 1}


def test_an_endless_recipe_is_stopped_at_its_time_limit(site):
    site.frame(STD, "muse_scibasic:endless")
    started = time.monotonic()
    bad, good = site.reduce(STD, OTHER, factor=2 / 900)
    assert isinstance(bad.error, RecipeTimeout)
    assert good.error is None
    assert time.monotonic() - started < 30


def test_the_reason_in_the_log_is_the_message(site):
    site.frame(STD, "muse_scibasic:refuse")
    (bad,) = site.reduce(STD)
    assert "CHIP information does not match" in str(bad.error)


def test_a_wavelength_solution_of_bad_quality_is_refused(site):
    arc = next(f.name for f in standard().all_files() if f.category == "ARC")
    site.frame(arc, "muse_wavecal:spoilt")
    (bad,) = site.reduce(STD)
    assert isinstance(bad.error, CalibrationRejected)
    assert "lamps with lines: 2, accepted is 3" in str(bad.error)
    checks = call_records(site.shop.folder, bad.calls)[-1]["checks"]
    assert {one["keyword"]: one["verdict"] for one in checks}[
        "WAVECAL SLICE# DWLEN BOTTOM"
    ] == "warn"


def test_a_truncated_frame_is_found_before_a_recipe_sees_it(site):
    frame = site.raw / f"{STD}.fits"
    frame.write_bytes(frame.read_bytes()[:1000])
    bad, good = site.reduce(STD, OTHER)
    assert isinstance(bad.error, RawFrameUnreadable)
    assert good.error is None


def test_a_missing_frame_is_named_and_found_once_it_is_there(site):
    arc = next(f.name for f in standard().all_files() if f.category == "ARC")
    (site.raw / f"{arc}.fits").unlink()
    (bad,) = site.reduce(STD)
    assert isinstance(bad.error, RawFrameUnreadable)
    assert arc in str(bad.error)
    site.frame(arc)
    (good,) = site.reduce(STD)
    assert good.error is None


def test_a_raw_frame_of_another_star_is_refused(site):
    site.frame(STD, target="EG274")
    (bad,) = site.reduce(STD)
    assert isinstance(bad.error, WrongStandard)
    assert site.ran() == {}


def test_a_refusal_is_remembered_and_a_crash_is_tried_again(site):
    for mood, tries in (("muse_scibasic:refuse", 0), ("muse_scibasic:crash", 1)):
        site.frame(STD, mood)
        site.reduce(STD, work=mood[-5:])
        marker = site.shop.folder
        before = {path: path.stat().st_mtime_ns for path in marker.rglob("recipe.log")}
        (again,) = site.reduce(STD, work=mood[-5:])
        changed = [p for p, t in before.items() if p.stat().st_mtime_ns != t]
        assert again.error is not None
        assert any("scibasic" in path.parent.name for path in changed) == bool(tries)


def test_a_repaired_frame_is_reduced(site):
    site.frame(STD, "muse_scibasic:refuse")
    site.reduce(STD)
    site.frame(STD)
    (good,) = site.reduce(STD)
    assert good.error is None


def test_the_log_of_an_exposure_holds_recipe_inputs_quality_warnings_and_cost(site):
    (result,) = site.reduce(STD)
    records = call_records(site.shop.folder, result.calls)
    assert len(records) == len(result.calls)
    last = records[-1]
    assert last["recipe"] == "muse_scipost"
    assert last["provenance"]["pipeline"] == "muse/0"
    assert last["parameters"]["skymethod"] == "simple"
    assert last["warnings"] == ["muse_fake: a warning (2 times)"]
    assert last["wall_s"] > 0
    assert last["peak_rss_mb"] > 0
    assert any("STD_RESPONSE" in label for label in last["inputs"])
    assert records[0]["qc"] == {"ESO QC FAKE": 1.5}


def _command_lines():
    """Of every process that is not this one and not dead."""
    return [
        process.info["cmdline"] or []
        for process in psutil.process_iter(["cmdline", "status"])
        if process.pid != os.getpid() and process.info["status"] != psutil.STATUS_ZOMBIE
    ]


@pytest.mark.slow
def test_a_killed_run_goes_on_where_it_was(site):
    driver = (
        "from pathlib import Path\n"
        "from pipeline.reduction.runners import EsorexRunner\n"
        "from pipeline.config.settings import ReductionSettings\n"
        "from tests.reduction.site import Site\n"
        "site = Site.__new__(Site)\n"
        f"site.base, site.raw = Path({str(site.base)!r}), Path({str(site.raw)!r})\n"
        f"site.runner = EsorexRunner(Path({str(site.base / 'plugins')!r}), {str(site.base / 'esorex')!r})\n"
        f"site.settings = ReductionSettings(channels=(12,), response={site.settings.response!r})\n"
        f"site.reduce({STD!r})\n"
    )
    environment = {**os.environ, "FAKE_SECONDS": "0.5", "PYTHONPATH": str(Path.cwd())}
    run = subprocess.Popen([sys.executable, "-c", driver], env=environment)
    deadline = time.monotonic() + 60
    while not any((site.base / "work").glob("flat-*/products.stamp.json")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    run.send_signal(signal.SIGKILL)
    run.wait()
    while any(str(site.base) in " ".join(one) for one in _command_lines()):
        assert time.monotonic() < deadline  # the recipe it was in outlives it, and is not counted
        time.sleep(0.05)
    site.ran()
    stamped = len(list((site.base / "work").glob("*/products.stamp.json")))
    (result,) = site.reduce(STD)
    assert result.error is None
    assert 2 <= stamped < len(result.calls)
    assert sum(site.ran().values()) == len(result.calls) - stamped


def test_two_runs_do_not_share_a_work_folder(site):
    from pipeline.workflow.products import exclusive

    with exclusive(site.base / "work"), pytest.raises(WorkspaceError, match="in use"):
        site.reduce(STD)


# Needs: 869 MB for three biases or flats, 801 for arcs, 1350 for muse_scibasic, 4110 for muse_scipost
@pytest.mark.slow
@pytest.mark.parametrize(("memory_mb", "at_once"), [(1e6, 4), (4200, 4), (2700, 3), (1400, 1)])
def test_recipes_run_side_by_side_within_memory(site, monkeypatch, memory_mb, at_once):
    spans = site.base / "spans.txt"
    monkeypatch.setenv("FAKE_SECONDS", "0.4")
    monkeypatch.setenv("FAKE_SPANS", str(spans))
    four = ReductionSettings(channels=(1, 2, 3, 4), response=site.settings.response)
    site.reduce(STD, settings=four, jobs=4, memory_mb=memory_mb, swap_mb=3000)
    times = [tuple(map(float, line.split())) for line in spans.read_text().splitlines()]
    overlap = max(sum(a <= start < b for a, b in times) for start, _ in times)
    assert overlap <= at_once
    assert at_once < 4 or overlap > 1


@pytest.mark.slow
def test_what_does_not_fit_into_memory_is_not_started(site):
    """Four channels' muse_scipost needs 4.1 GB, over half of the wavelengths 2.1."""
    four = ReductionSettings(channels=(1, 2, 3, 4), response=site.settings.response)
    narrow = ("muse_scipost.lambdamin=7000", *four.parameters)
    (refused,) = site.reduce(STD, settings=four, memory_mb=3000)
    assert isinstance(refused.error, MemoryShort)
    assert "needs 4.0 GB of memory, 2.9 GB are free" in str(refused.error)
    assert "lambdamin" in str(refused.error)
    assert "muse_scipost" not in site.ran()
    (done,) = site.reduce(STD, settings=replace(four, parameters=narrow), memory_mb=3000)
    assert done.error is None


@pytest.mark.slow
def test_a_refusal_for_want_of_memory_is_tried_again_and_finds_its_inputs(site):
    four = ReductionSettings(channels=(1, 2, 3, 4), response=site.settings.response)
    site.reduce(STD, settings=four, memory_mb=3000)
    site.ran()
    (done,) = site.reduce(STD, settings=four, memory_mb=5000)
    assert done.error is None
    assert site.ran() == {"muse_scipost": 1}


@pytest.mark.slow
def test_what_fits_with_swap_is_started_and_said(site):
    four = ReductionSettings(channels=(1, 2, 3, 4), response=site.settings.response)
    said = []
    (done,) = site.reduce(STD, settings=four, memory_mb=3000, swap_mb=2000, log=said.append)
    assert done.error is None
    assert [text.split("-")[0] for text in said if "swap" in text] == ["scipost"]


def test_a_full_disk_fails_the_exposure_and_leaves_no_half_product(site):
    small = site.base / "work"
    small.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", small], check=False)
    if mount.returncode:
        lacks("no small disk to fill: run as root, who may mount a tmpfs")
    try:
        site.frame(STD, "muse_scibasic:fill")
        bad, good = site.reduce(STD, OTHER)
        assert isinstance(bad.error, DiskFull)
        assert good.error is None
        assert not any(small.rglob("half.fits"))
    finally:
        subprocess.run(["umount", "-l", small], check=True)

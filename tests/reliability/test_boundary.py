"""Whatever one exposure does, it is a row with a reason, and the others are measured."""

import ctypes
import os
import re
import shutil
import signal
import time
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path

import numpy as np
import psutil
import pytest
from astropy.io import fits

from pipeline.cli.log import log_to_file
from pipeline.errors import JobCrashed, JobHung, WorkspaceError
from pipeline.muse.fits_layout import layout
from pipeline.tasks import boundary, inputs
from pipeline.tasks import measure as measure_tasks
from pipeline.workflow import products
from pipeline.workflow.progress import LOGGER
from pipeline.workflow.supervise import Limits, RaisedInJob, supervise
from tests.muse import kinds
from tests.reliability.conftest import rows_of
from tests.reliability.fuzzing import Chain
from tests.reliability.hostile import (
    ACCEPTED,
    CASES,
    FURTHER_CASES,
    HARMLESS,
    put_card,
    set_identity,
)

LIMITS = Limits(60.0, 4 << 30)


def test_a_result_comes_back_whole():
    answer = supervise(lambda n: np.arange(n), 1_000_000, LIMITS)
    np.testing.assert_array_equal(answer, np.arange(1_000_000))


def test_an_exception_comes_back_with_its_type_and_the_traceback_as_a_note():
    def fail(_):
        raise WorkspaceError("the disk is full")

    with pytest.raises(WorkspaceError, match="the disk is full") as caught:
        supervise(fail, None, LIMITS)
    assert "in fail" in caught.value.__notes__[0]


class Stubborn(Exception):
    """It cannot be made from its arguments."""

    def __init__(self, one, other):
        super().__init__(f"{one} and {other}")


def test_an_exception_that_cannot_be_sent_comes_back_as_its_text():
    def fail(_):
        raise Stubborn(1, 2)

    with pytest.raises(RaisedInJob, match="Stubborn: 1 and 2"):
        supervise(fail, None, LIMITS)


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGKILL])
def test_a_signal_ends_the_job_alone_and_is_named(number):
    with pytest.raises(JobCrashed, match=re.escape(f"killed by {signal.strsignal(number)}")):
        supervise(lambda _: os.kill(os.getpid(), number), None, LIMITS)


def test_a_crash_in_c_ends_the_job_alone():
    with pytest.raises(JobCrashed, match="Segmentation fault"):
        supervise(lambda _: ctypes.string_at(0), None, LIMITS)


def test_an_exit_without_a_word_is_a_crash():
    with pytest.raises(JobCrashed, match="ended with status 3 and no result"):
        supervise(lambda _: os._exit(3), None, LIMITS)


def test_a_job_that_hangs_ends_at_its_time_limit():
    started = time.monotonic()
    with pytest.raises(JobHung, match=r"not done after 0\.3 s"):
        supervise(lambda _: time.sleep(30), None, Limits(0.3, 4 << 30))
    assert time.monotonic() - started < 30


def test_a_job_that_wants_memory_without_bound_ends_at_its_limit():
    with pytest.raises(MemoryError):
        supervise(lambda _: np.ones(1 << 28), None, Limits(60.0, 1 << 30))


def test_no_process_is_left_of_any_job():
    before = {child.pid for child in psutil.Process().children()}  # of other tests
    for number in range(3):
        with pytest.raises(JobCrashed):
            supervise(lambda _: os._exit(3), number, LIMITS)
    assert {child.pid for child in psutil.Process().children()} <= before


def spoil_one(run, monkeypatch, made_cubes, function):
    """Measure the second cube anew, with a stage that does something else on it."""
    genuine = measure_tasks.open_cube
    wanted = made_cubes[1].name
    (job,) = [job for job in run().jobs if job.cube.name == wanted]
    shutil.rmtree(job.folder)

    def spoiled(path):
        if path.name == wanted:
            function(path)
        return genuine(path)

    monkeypatch.setattr(measure_tasks, "open_cube", spoiled)
    return run()


def raise_something(_):
    raise RuntimeError("\x1b[31mred\n in /home/someone/data/cube.fits")


@pytest.mark.usefixtures("measured_before")
@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (raise_something, r"ExposureCrashed: cube-001\.fits: RuntimeError: \\x1b\[31mred  in cube\.fits"),
        (lambda _: np.linalg.inv(np.zeros((2, 2))), "ExposureCrashed: .*LinAlgError"),
        (lambda _: os.kill(os.getpid(), signal.SIGBUS), "JobCrashed: .*killed by Bus error"),
        (lambda _: os.kill(os.getpid(), signal.SIGKILL), "JobCrashed: .*killed by Killed"),
        (lambda _: os._exit(0), "JobCrashed: .*no result"),
        (lambda path: path.unlink(missing_ok=True), r"CubeUnreadable: cube-001\.fits: cannot be read"),
        (lambda path: os.truncate(path, 1_000_000), "CubeUnreadable: .*truncated"),
        (lambda _: (_ for _ in ()).throw(MemoryError("array")), "ExposureCrashed: .*MemoryError"),
    ],
)  # fmt: skip
def test_whatever_happens_while_an_exposure_is_read_is_its_row(
    run, monkeypatch, made_cubes, function, reason
):
    campaign = spoil_one(run, monkeypatch, made_cubes, function)
    rows = rows_of(campaign).values()
    assert sum(row["status"] == "ok" for row in rows) == 3
    (failed,) = [row for row in rows if row["status"] == "failed"]
    assert re.search(reason, str(failed["reason"])), failed["reason"]
    assert not re.search(r"[\x00-\x1f]|/home|/tmp", str(failed["reason"]))


@pytest.mark.usefixtures("measured_before")
def test_a_hanging_exposure_is_a_row_and_is_tried_again(run, monkeypatch, made_cubes):
    monkeypatch.setattr(boundary, "TIME_LIMIT_S", 5.0)
    campaign = spoil_one(run, monkeypatch, made_cubes, lambda _: time.sleep(60))
    (failed,) = [row for row in rows_of(campaign).values() if row["status"] == "failed"]
    assert re.search(r"JobHung: cube-001\.fits: not done after \d", str(failed["reason"]))
    monkeypatch.undo()
    assert all(row["status"] == "ok" for row in rows_of(run()).values())


@pytest.mark.usefixtures("measured_before")
def test_the_traceback_of_a_crash_is_kept_in_the_work_folder(
    run, monkeypatch, made_cubes, tmp_path
):
    spoil_one(run, monkeypatch, made_cubes, raise_something)
    (log,) = (tmp_path / "work").rglob("failure.log")
    assert "in raise_something" in log.read_text()


@pytest.mark.usefixtures("measured_before")
def test_a_full_disk_is_no_exposures_fault_and_ends_the_run(run, monkeypatch, made_cubes):
    def full(_):
        raise OSError(28, "No space left on device", "detection.fits")

    with pytest.raises(WorkspaceError, match="free space"):
        spoil_one(run, monkeypatch, made_cubes, full)


@pytest.mark.usefixtures("measured_before")
def test_a_lost_worker_is_a_row_of_its_exposure_and_is_tried_again(run):
    job = run().jobs[1]
    products.forget(job.measurement)
    measure_tasks.mark_lost(job, RuntimeError("worker 3 on host 4"))
    stamp = products.read_stamp(job.measurement)
    assert (stamp.state, stamp.error_type) == (products.LOST, "WorkerLost")
    assert not job.measurement.exists()
    assert measure_tasks.staleness(job)["measure"].startswith("worker was lost")
    assert all(row["status"] == "ok" for row in rows_of(run()).values())


@pytest.mark.usefixtures("measured_before")
@pytest.mark.parametrize("kind", ["pipe", "zero", "folder", "dangling", "loop"])
def test_what_is_no_file_is_a_row_with_its_name_and_is_not_waited_for(cubes, run, kind):
    path = cubes / "odd.fits"
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "zero":
            path.symlink_to("/dev/zero")
        case "folder":
            path.mkdir()
        case "dangling":
            path.symlink_to(cubes / "nowhere")
        case "loop":
            path.symlink_to(path)
    row = rows_of(run())["odd.fits"]
    assert row["status"] == "failed"
    assert row["reason"].startswith("CubeUnreadable: odd.fits: ")


@pytest.mark.usefixtures("measured_before")
def test_of_two_files_of_one_exposure_the_readable_one_is_measured(cubes, made_cubes, run):
    content = made_cubes[1].read_bytes()
    (cubes / "a-damaged-copy.fits").write_bytes(content[: len(content) // 2])
    rows = rows_of(run())
    assert sum(row["status"] == "ok" for row in rows.values()) == 4
    assert "the same exposure as cube-001.fits" in rows["a-damaged-copy.fits"]["reason"]


@pytest.mark.usefixtures("measured_before")
def test_a_file_name_with_control_characters_reaches_no_table(cubes, run, capsys):
    (cubes / "evil\x1b[31m\n.fits").touch()
    campaign = run()
    assert "evil\\x1b[31m .fits" in rows_of(campaign)
    assert "\x1b" not in campaign.exit_summary() + capsys.readouterr().err


@pytest.mark.slow
def test_a_hundred_hostile_headers_are_each_a_row_and_never_a_traceback(cubes, made_cubes, run):
    good = made_cubes[3]
    assert len(CASES) >= 100
    for number, (header, key, value) in enumerate(CASES):
        content = bytearray(good.read_bytes())
        set_identity(content, good, number)
        put_card(content, good, header, key, value)
        (cubes / f"hostile-{number:03d}.fits").write_bytes(content)
    campaign = run()
    status = {
        Path(job.cube).name: (str(row["status"]), str(row["reason"]))
        for job, row in zip(campaign.jobs, campaign.summary.tables["exposures"], strict=True)
    }
    assert len(status) == 4 + len(CASES)
    for number, case in enumerate(CASES):
        found, reason = status[f"hostile-{number:03d}.fits"]
        assert found == ("ok" if case in HARMLESS else "failed"), (case, reason)
        assert not re.search(r"Crashed|Hung|[\x00-\x1f\x7f]|/tmp", reason), (case, reason)


@pytest.mark.slow
def test_a_hundred_further_headers_are_refused_in_words_or_measured(tmp_path):
    """One by one, without a campaign around them: place, scaling, structure, what else is said."""
    chain = Chain(tmp_path)
    plain = tmp_path / "plain.fits"
    good = plain.read_bytes()
    assert len(FURTHER_CASES) >= 100
    for case in FURTHER_CASES:
        content = bytearray(good)
        put_card(content, plain, *case)
        reason = chain.measured(content, keep=False)
        assert bool(reason) == (case not in ACCEPTED), (case, reason)
        assert not re.search(r"[\x00-\x1f\x7f]", reason), (case, reason)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("key", "value"), [("RADESYS", "'FK7'"), ("CTYPE1", "'GLON-CAR'"), ("CTYPE2", "'RA---TAN'")]
)
def test_a_reference_exposure_with_an_odd_frame_ends_no_campaign(
    cubes, made_cubes, run, key, value
):
    """Its stars are known by their pixels alone."""
    path = cubes / made_cubes[0].name  # the best seeing
    content = bytearray(path.read_bytes())
    put_card(content, path, 1, key, value)
    path.write_bytes(content)
    campaign = run()
    assert campaign.summary.reference_exposure == "MUSE.2019-03-11T02:24:00.000"
    assert all(row["status"] == "ok" for row in rows_of(campaign).values())


@pytest.mark.usefixtures("measured_before")
def test_of_two_files_of_one_exposure_that_cannot_be_expanded_the_other_is_measured(
    cubes, made_cubes, run
):
    """The tiles of the first by name are damaged, which shows only where they are read."""
    plain = cubes / made_cubes[1].name
    packed = cubes / "a-packed-copy.fits.fz"
    kinds.rewritten(plain, packed, tiled)
    content = bytearray(packed.read_bytes())
    span = layout(packed)[1]
    content[span.data + span.size // 2 : span.data + span.size] = b"\xff" * (
        span.size - span.size // 2
    )
    packed.write_bytes(content)
    rows = rows_of(run())
    assert sum(row["status"] == "ok" for row in rows.values()) == 4
    assert "cannot be decompressed" in rows["a-packed-copy.fits.fz"]["reason"]


def tiled(hdus):
    packed = [hdus[0]]
    for name in ("DATA", "STAT"):
        data, header = hdus[name].data, hdus[name].header
        packed.append(fits.CompImageHDU(data, header, compression_type="GZIP_1", name=name))
    return fits.HDUList(packed)


@pytest.mark.usefixtures("measured_before")
def test_a_look_at_a_file_that_raises_what_nobody_expected_is_its_row(made_cubes, run, monkeypatch):
    genuine = inputs.cube_header

    def spoiled(path):
        if path.name == made_cubes[1].name:
            raise ZeroDivisionError(f"in {path}\n\x1b[31m")
        return genuine(path)

    monkeypatch.setattr(inputs, "cube_header", spoiled)
    row = rows_of(run())[made_cubes[1].name]
    assert row["status"] == "failed"
    assert row["reason"].startswith(
        "ExposureCrashed: cube-001.fits: ZeroDivisionError: in cube-001"
    )
    assert not re.search(r"[\x00-\x1f]|/tmp", str(row["reason"]))


def test_a_log_on_a_full_disk_ends_in_no_traceback(tmp_path, capsys):
    log_to_file(tmp_path)
    (handler,) = [one for one in LOGGER.handlers if isinstance(one, RotatingFileHandler)]
    handler.stream.close()
    try:
        with Path("/dev/full").open("w") as handler.stream:
            LOGGER.warning("a line for a full disk")
            with suppress(OSError):
                handler.stream.close()
    finally:
        LOGGER.removeHandler(handler)
    assert "Traceback" not in capsys.readouterr().err

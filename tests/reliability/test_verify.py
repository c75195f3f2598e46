"""Checksums and hashes tell what size, time and sampled blocks cannot."""

import json
import os

import numpy as np
import pytest
from astropy.io import fits

from pipeline.cli.main import main
from pipeline.cli.publish import SITE_PRODUCT, damaged_files
from pipeline.errors import CubeUnreadable
from pipeline.muse.checksums import verify_checksums
from pipeline.muse.fits_layout import layout
from pipeline.tasks.verify import verify_jobs
from pipeline.workflow import products
from tests.reliability.conftest import rows_of


@pytest.fixture
def summed(cubes, made_cubes):
    """A cube with the sums that astropy writes."""
    path = cubes / made_cubes[1].name
    with fits.open(path) as hdus:
        hdus.writeto(path.with_suffix(".new"), checksum=True)
    path.with_suffix(".new").replace(path)
    return path


def damage_data(path):
    """One byte of DATA, where no sampled block is; size and time stay."""
    status = path.stat()
    span = layout(path)[1]
    with path.open("r+b") as file:
        file.seek(span.data + span.size // 3)
        byte = file.read(1)
        file.seek(span.data + span.size // 3)
        file.write(bytes([byte[0] ^ 1]))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def edit_header(path):
    content = bytearray(path.read_bytes())
    at = content.index(b"MJD-OBS =")
    content[at + 60] ^= 1  # its comment
    path.write_bytes(content)


def test_sums_as_astropy_writes_them_hold(summed):
    found = verify_checksums(summed)
    assert (found.n_sums, found.wrong_data, found.wrong_header) == (6, (), ())


def test_a_file_without_sums_has_nothing_to_say(made_cubes):
    assert verify_checksums(made_cubes[0]).n_sums == 0


def test_a_damaged_byte_is_a_wrong_datasum_of_its_extension(summed):
    damage_data(summed)
    found = verify_checksums(summed)
    assert (found.wrong_data, found.wrong_header) == (("DATA",), ())


def test_an_edited_header_is_a_wrong_checksum_alone(summed):
    edit_header(summed)
    found = verify_checksums(summed)
    assert (found.wrong_data, found.wrong_header) == ((), ("PRIMARY",))


def test_without_datasum_a_wrong_checksum_cannot_tell_and_counts_as_damage(summed):
    edit_header(summed)
    summed.write_bytes(summed.read_bytes().replace(b"DATASUM =", b"DATASIM ="))
    found = verify_checksums(summed)
    assert (found.n_sums, found.wrong_header) == (3, ())
    assert found.wrong_data == ("PRIMARY", "DATA", "STAT")  # their headers were edited, too


@pytest.mark.parametrize("value", ["-1", "4294967294.5", "none", ""])
def test_a_datasum_that_is_no_number_holds_for_no_data(summed, value):
    with fits.open(summed, mode="update", checksum=False) as hdus:
        hdus["DATA"].header["DATASUM"] = value
    assert verify_checksums(summed).wrong_data == ("DATA",)


def test_a_cut_file_is_refused(summed):
    os.truncate(summed, summed.stat().st_size - 2880)
    with pytest.raises(CubeUnreadable, match="truncated"):
        verify_checksums(summed)


@pytest.mark.slow
def test_nothing_is_said_of_a_sound_campaign(summed, run):
    assert summed.exists()
    assert list(verify_jobs(run().jobs)) == []


@pytest.mark.slow
def test_a_cube_with_damaged_data_is_refused_from_then_on(summed, run):
    campaign = run()
    damage_data(summed)
    (found,) = verify_jobs(campaign.jobs)
    assert "ChecksumMismatch: cube-001.fits: DATASUM of DATA does not hold" in found[1]
    again = run()
    (row,) = [row for row in rows_of(again).values() if row["status"] == "failed"]
    assert "ChecksumMismatch: cube-001.fits: DATASUM of DATA" in row["reason"]
    assert len(again.gathered.measured) == 3


@pytest.mark.slow
def test_an_edited_header_is_a_warning_that_is_kept(summed, run):
    edit_header(summed)
    campaign = run()
    (found,) = verify_jobs(campaign.jobs)
    assert "warning: cube-001.fits: CHECKSUM of PRIMARY" in found[1]
    stamps = [products.read_stamp(job.detection) for job in campaign.jobs]
    assert sum("CHECKSUM of PRIMARY" in " ".join(stamp.warnings) for stamp in stamps) == 1
    assert all(row["status"] == "ok" for row in rows_of(run()).values())


def test_a_product_with_a_flipped_byte_of_the_same_time_is_found(run):
    campaign = run()
    path = campaign.jobs[2].measurement
    status, content = path.stat(), bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    (found,) = verify_jobs(campaign.jobs)
    assert found == (
        campaign.jobs[2].entry.exposure_id,
        "measure: not as it was made: measurement.fits (other content)",
    )


def spoil_quietly(path, content):
    """Other bytes, of the same length and the same time, as a failing disk leaves them."""
    status = path.stat()
    path.write_bytes(content)
    assert path.stat().st_size == status.st_size
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["detection.fits", "measurement.fits", "catalogue.ecsv"])
def test_a_product_that_cannot_be_read_any_more_is_made_again_in_the_same_run(
    tmp_path, run, caplog, name
):
    """Size and time are those of the stamp: that it was damaged shows when it is read."""
    caplog.set_level("INFO", logger="pipeline")
    numbers = run().summary.tables["photometry"]["flux"]
    path = sorted((tmp_path / "work").rglob(name))[0]
    content = path.read_bytes()
    spoil_quietly(path, b"\x00" * len(content))
    next((tmp_path / "work").rglob("summary.json")).unlink()
    next((tmp_path / "work").rglob("fluxes.fits")).unlink()
    again = run().summary.tables["photometry"]["flux"]
    np.testing.assert_array_equal(again, numbers)
    assert path.read_bytes() == content
    assert "made again" in caplog.text


@pytest.mark.slow
def test_a_damaged_detection_is_made_again_by_the_job_that_reads_it(run):
    campaign = run()
    job = campaign.jobs[1]
    content = job.measurement.read_bytes()
    job.measurement.unlink()
    spoil_quietly(job.detection, b"\x00" * job.detection.stat().st_size)
    assert [str(row["reason"]) for row in rows_of(run()).values() if row["status"] != "ok"] == []
    assert job.measurement.read_bytes() == content


@pytest.mark.slow
@pytest.mark.parametrize("name", ["photometry.npz", "pairs.npz", "summary.json"])
def test_a_table_with_one_other_digit_is_made_again(tmp_path, run, name):
    run().summary  # noqa: B018
    path = next((tmp_path / "work").rglob(name))
    content = path.read_bytes()
    at = max(content.rfind(digit) for digit in (b"3", b"7"))
    spoil_quietly(path, content[:at] + bytes([content[at] ^ 2]) + content[at + 1 :])
    run().summary  # noqa: B018
    assert path.read_bytes() == content


@pytest.fixture
def site(tmp_path):
    """A site of three files, and the work folder that remembers them."""
    folder, work = tmp_path / "site", tmp_path / "work"
    (folder / "data").mkdir(parents=True)
    for name in ("index.html", "about.html", "data/report.json"):
        (folder / name).write_text(name)
    listed = {name: products.file_sha256(folder / name) for name in ("index.html", "about.html")}
    listed["data/report.json"] = products.file_sha256(folder / "data/report.json")

    def build(output):
        output.path(SITE_PRODUCT).write_text(json.dumps(listed))

    products.make(work / SITE_PRODUCT, "site", {"site": str(folder)}, build)
    return folder


def test_every_file_of_the_site_is_hashed(site, tmp_path):
    work = tmp_path / "work"
    assert damaged_files(work) == []
    (site / "about.html").write_text("About.html")
    (site / "data/report.json").unlink()
    assert damaged_files(work) == ["about.html (other content)", "data/report.json (missing)"]
    (work / SITE_PRODUCT).write_text("no record")
    assert damaged_files(work) == []  # the stamp says so: the site is stale


@pytest.mark.slow
def test_a_damaged_site_is_named_by_status(site, cubes, run, tmp_path, capsys):
    run()
    (site / "index.html").unlink()
    options = ["--cubes", str(cubes), "--config", str(tmp_path / "report.toml")]
    work = ["--work", str(tmp_path / "work")]
    assert main(["status", "--source", "cubes", "--verify", *options, *work]) == 1
    said = capsys.readouterr().out
    assert "site: index.html (missing)" in said
    assert "verified: 1 products, cubes or files of the site" in said

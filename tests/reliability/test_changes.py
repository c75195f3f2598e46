"""What is shown follows the cube that is there now, never an earlier state of it."""

import os
import re
import shutil

import numpy as np
import pytest
from astropy.io import fits

from pipeline.errors import NoReferenceExposure
from pipeline.workflow import products
from tests.reliability.conftest import rows_of
from tests.reliability.cubes import write_exposure


def all_nan(path):
    with fits.open(path, mode="update") as hdus:
        hdus["DATA"].data[:] = np.nan


def truncated(path):
    os.truncate(path, path.stat().st_size // 2)


def without_variance(path):
    with fits.open(path, mode="update") as hdus:
        hdus["STAT"].data[:] = 0


def a_page(path):
    path.write_text("<html>Please log in</html>")


def coarse_spaxels(path):
    """An edit of the header in place: the size stays."""
    with fits.open(path, mode="update") as hdus:
        for key in ("CD1_1", "CD2_2"):
            hdus["DATA"].header[key] *= 3


def empty(path):
    path.write_bytes(b"")


BAD = {
    all_nan: "CubeEmpty",
    truncated: "CubeUnreadable: .*truncated",
    without_variance: "ImplausibleValue: .*STAT has no positive value",
    a_page: "CubeUnreadable: .*not a readable FITS file",
    coarse_spaxels: "WrongPixelScale",
    empty: "CubeUnreadable",
}


@pytest.mark.slow
@pytest.mark.usefixtures("measured_before")
@pytest.mark.parametrize("spoil", BAD)
def test_a_cube_that_goes_bad_is_a_failed_row_and_good_again_when_it_is(
    cubes, made_cubes, run, spoil
):
    path = cubes / made_cubes[1].name
    before = run()
    numbers, good = before.summary.tables["photometry"], products.digest(before.ingredients())
    spoil(path)
    bad = run()
    rows = rows_of(bad)
    (failed,) = [row for row in rows.values() if row["status"] == "failed"]
    assert len(rows) == 4
    assert re.search(BAD[spoil], str(failed["reason"])), failed["reason"]
    assert str(failed["exposure_id"]) not in set(bad.summary.tables["photometry"]["exposure_id"])
    assert products.digest(bad.ingredients()) != good  # pages and site are stale
    shutil.copy2(made_cubes[1], path)
    again = run()
    assert {str(row["status"]) for row in rows_of(again).values()} == {"ok"}
    np.testing.assert_array_equal(again.summary.tables["photometry"]["flux"], numbers["flux"])
    assert products.digest(again.ingredients()) == good


@pytest.mark.usefixtures("measured_before")
def test_a_header_that_is_edited_in_place_is_seen(cubes, made_cubes, run):
    run()
    path = cubes / made_cubes[1].name
    with fits.open(path, mode="update") as hdus:
        for name in ("DATA", "STAT"):
            hdus[name].header["CRVAL3"] += 100.0
    shutil.copystat(made_cubes[1], path)  # even with the old time
    campaign = run()
    waves = {tuple(one.spectra.wave_aa) for one in campaign.gathered.measured.values()}
    assert len(waves) == 2


@pytest.mark.usefixtures("measured_before")
def test_data_that_are_edited_between_the_blocks_that_are_looked_at_are_seen(
    cubes, made_cubes, run
):
    first = run().summary.tables["photometry"]
    path = cubes / made_cubes[1].name
    with fits.open(path, mode="update") as hdus:
        hdus["DATA"].data[:, 5:20, 5:20] += 1.0
    second = run().summary.tables["photometry"]
    assert not np.array_equal(first["flux"], second["flux"])


@pytest.mark.usefixtures("measured_before")
def test_a_cube_that_was_only_copied_changes_no_number_and_no_table(cubes, made_cubes, run):
    first = run()
    first.summary  # noqa: B018
    summary, good = first.summary_product.stat().st_mtime_ns, products.digest(first.ingredients())
    shutil.copy(made_cubes[1], cubes / made_cubes[1].name)  # another time, the same bytes
    second = run()
    second.summary  # noqa: B018
    assert products.digest(second.ingredients()) == good
    assert second.summary_product.stat().st_mtime_ns == summary


@pytest.mark.usefixtures("measured_before")
@pytest.mark.parametrize("name", ["detection.fits", "measurement.fits", "catalogue.ecsv"])
@pytest.mark.parametrize("how", ["flipped", "cut", "removed", "replaced"])
def test_a_product_that_was_damaged_is_made_again_and_said(tmp_path, run, caplog, name, how):
    caplog.set_level("INFO", logger="pipeline")
    run()
    path = sorted((tmp_path / "work").rglob(name))[0]
    content = path.read_bytes()
    middle = len(content) // 2
    spoiled = {
        "flipped": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
        "cut": content[:middle],
        "removed": None,
        "replaced": b"something else",
    }[how]
    if spoiled is None:
        path.unlink()
    else:
        path.write_bytes(spoiled)
    caplog.clear()
    run()
    assert path.read_bytes() == content
    assert ("made again" in caplog.text) == (how != "removed")


@pytest.mark.usefixtures("measured_before")
def test_a_damaged_summary_is_made_again(tmp_path, run):
    run().summary  # noqa: B018
    path = next((tmp_path / "work").rglob("summary/pairs.npz"))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    run().summary  # noqa: B018
    assert path.read_bytes() == content


def test_the_candidates_with_the_best_seeing_may_all_be_bad(cubes, made_cubes, run):
    """Two are looked at first; the reference is then the next that shows stars."""
    for path in made_cubes[:3]:
        all_nan(cubes / path.name)
    campaign = run()
    assert sum(row["status"] == "ok" for row in rows_of(campaign).values()) == 1
    assert campaign.summary.reference_exposure == "MUSE.2019-03-26T02:24:00.000"


def test_no_candidate_at_all_ends_the_run_in_words(cubes, made_cubes, run):
    for path in made_cubes:
        all_nan(cubes / path.name)
    with pytest.raises(NoReferenceExposure, match="none of 4 exposures shows stars"):
        run()


@pytest.mark.usefixtures("measured_before")
def test_a_failed_exposure_enters_no_statistic(cubes, run):
    first = dict(run().summary.tables)  # read now, before the files change
    (cubes / "empty.fits").touch()
    write_exposure(cubes / "late.fits", 400)
    all_nan(cubes / "late.fits")
    second = run().summary.tables
    assert len(second["exposures"]) == len(first["exposures"]) + 2
    for name in first["pairs"].colnames:
        np.testing.assert_array_equal(
            np.asarray(first["pairs"][name]), np.asarray(second["pairs"][name]), name
        )

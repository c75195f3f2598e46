"""What checksums and stamps say of a finished campaign, and what is kept of it."""

from dataclasses import replace

import numpy as np
import pytest
from astropy.table import MaskedColumn, QTable

from pipeline.errors import CubeEmpty, CubeUnreadable
from pipeline.muse.checksums import Checksums
from pipeline.statistics.fluxes import Fluxes
from pipeline.tasks import comparisons, flux_product, verify
from pipeline.tasks.fits_products import read_table
from pipeline.tasks.flux_product import read_fluxes, write_fluxes
from pipeline.workflow import products
from tests.statistics.factory import campaign as flux_campaign
from tests.statistics.test_flux_array import array as small_array


@pytest.fixture
def sums(monkeypatch):
    """Sets what the checksums of every cube say."""

    def say(**wrong):
        monkeypatch.setattr(verify, "verify_checksums", lambda _: Checksums(4, **wrong))

    say()
    return say


def found(jobs):
    steps = []
    return list(verify.verify_jobs(jobs, lambda: steps.append(1))), len(steps)


def test_a_campaign_that_is_as_it_should_be_has_nothing_to_say(campaign, sums):
    jobs = campaign[0]
    assert found(jobs) == ([], 2)
    bad = replace(jobs[0], entry=replace(jobs[0].entry, error=CubeEmpty("no")))
    sums(wrong_data=("DATA",))
    assert found([bad]) == ([], 1)


def test_a_header_that_was_edited_is_a_warning_that_is_kept_once(campaign, sums):
    job = campaign[0][0]
    sums(wrong_header=("DATA", "STAT"))
    text = "CHECKSUM of DATA, STAT does not hold: the header was edited"
    for _ in range(2):
        assert found([job])[0] == [(job.entry.exposure_id, f"warning: cube-0.fits: {text}")]
        warnings = products.read_stamp(job.detection).warnings
        assert warnings.count(text) == 1
    assert found([campaign[0][1]])[0][0][1].startswith("warning: cube-1.fits")


def test_a_warning_is_not_kept_with_a_detection_of_another_state(campaign, sums):
    job = campaign[0][0]
    stamp = products.read_stamp(job.detection)
    products.write_stamp(job.detection, replace(stamp, key="another"))
    sums(wrong_header=("DATA",))
    (stale, *_, warned) = found([job])[0]
    assert "detect" in stale[1]
    assert "the header was edited" in warned[1]
    assert products.read_stamp(job.detection).warnings == stamp.warnings


def test_damaged_data_make_the_exposure_a_failed_one(campaign, sums):
    job = campaign[0][0]
    sums(wrong_data=("STAT",), wrong_header=("DATA",))
    ((name, text),), _ = found([job])
    assert name == job.entry.exposure_id
    assert text.startswith("ChecksumMismatch: cube-0.fits: DATASUM of STAT does not hold")
    stamp = products.read_stamp(job.detection)
    assert (stamp.state, stamp.error_type) == (products.FAILED, "ChecksumMismatch")


def test_a_cube_that_cannot_be_read_is_said_and_one_that_is_not_a_reader_s_is_not_asked(
    campaign, monkeypatch
):
    job = campaign[0][0]

    def fail(_):
        raise CubeUnreadable("cube-0.fits: gone")

    monkeypatch.setattr(verify, "verify_checksums", fail)
    assert found([job])[0] == [(job.entry.exposure_id, "CubeUnreadable: cube-0.fits: gone")]
    assert verify._cube(replace(job, entry=replace(job.entry, cube_path=None))) == []


def test_as_many_flags_as_an_image_has_bits_are_kept(tmp_path, monkeypatch):
    array = small_array()
    words = 3  # edge, gap, missing
    monkeypatch.setattr(flux_product, "_MOST_FLAGS", words)
    write_fluxes(tmp_path / "f.fits", array)
    np.testing.assert_array_equal(read_fluxes(tmp_path / "f.fits").flags, array.flags)
    monkeypatch.setattr(flux_product, "_MOST_FLAGS", words - 1)
    with pytest.raises(ValueError, match="3 kinds of flags; at most 2"):
        write_fluxes(tmp_path / "g.fits", array)


def test_a_table_that_is_read_back_has_empty_texts_and_keeps_what_is_masked(tmp_path):
    table = QTable()
    table["reason"] = ["", "why", ""]
    table["n"] = MaskedColumn([1, 2, 3], mask=[False, True, False])
    table["wfm_ao_n"] = MaskedColumn(["", "1", "2"], mask=[True, False, False])
    table.write(tmp_path / "t.ecsv", format="ascii.ecsv")
    again = read_table(tmp_path / "t.ecsv")
    assert again["reason"].tolist() == ["", "why", ""]
    assert not hasattr(again["reason"], "mask")
    assert again["n"].mask.tolist() == [False, True, False]
    assert again["wfm_ao_n"].mask.tolist() == [True, False, False]


def test_apertures_and_methods_are_compared_with_those_of_the_headlines(monkeypatch):
    seen = {}
    monkeypatch.setattr(
        comparisons, "scatter_table", lambda choices: seen.setdefault("choices", choices)
    )
    monkeypatch.setattr(
        comparisons, "offsets_table", lambda _, pairs: seen.setdefault("pairs", pairs)
    )
    monkeypatch.setattr(comparisons, "exposure_choices", lambda _: ["seasons"])
    array = small_array()
    fluxes = replace(flux_campaign(8, 4), radius_px=2.0)
    other = {radius: replace(fluxes, radius_px=radius) for radius in array.radii_px}

    def of(array):
        seen.clear()
        comparisons.comparison_tables(array, fluxes, other.__getitem__, [(1, 2), (2, 99)])
        return seen["choices"]

    *choices, last = of(array)
    assert last == "seasons"
    names = [(one.name, two.name) for one, two in choices]
    assert names == [
        ("aperture 1.5 px", "aperture 2 px"), ("aperture 3.25 px", "aperture 2 px"),
        ("aperture 4.5 px", "aperture 2 px"), ("method center", "method exact"),
    ]  # fmt: skip
    assert choices[0][0].fluxes is other[1.5]
    assert choices[0][1].fluxes is fluxes
    np.testing.assert_array_equal(choices[3][0].fluxes.flux, fluxes.flux_published)
    assert seen["pairs"] == [(1, 2)]
    assert len(of(replace(array, method="center"))) == 4
    assert isinstance(fluxes, Fluxes)

"""What is kept in files comes back: detections, measurements, fluxes, numbers of stars, rows."""

from dataclasses import replace

import numpy as np
import pytest
from astropy.table import Table

from pipeline.config.settings import ReferenceSettings
from pipeline.errors import CubeEmpty, NoEpoch, NotACube
from pipeline.measure.channel_share import LightShare
from pipeline.tasks import collect
from pipeline.tasks.collect import KeptMeasurement, gather
from pipeline.tasks.fits_products import (
    read_detection,
    read_measurement,
    write_detection,
    write_measurement,
)
from pipeline.tasks.identification import flag_stars, stars_digest, variable_note, variable_stars
from pipeline.tasks.kept_stars import (
    EXPOSURE,
    keep_stars,
    kept_stars,
    kept_stars_path,
    preferring_kept,
)
from pipeline.tasks.reference import read_reference
from pipeline.workflow import products
from tests.report.tables import fill
from tests.tasks.made import catalogue


def equal(one, other):
    """All fields of two dataclasses, arrays by value."""
    for name, value in vars(one).items():
        others = getattr(other, name)
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(value, others, err_msg=name)
        elif hasattr(value, "__dataclass_fields__"):
            equal(value, others)
        elif isinstance(value, tuple) and value and hasattr(value[0], "__dataclass_fields__"):
            for a, b in zip(value, others, strict=True):
                equal(a, b)
        else:
            assert value == others or value != value, name


def test_a_detection_comes_back_with_every_number(campaign, tmp_path):
    first = read_detection(campaign[0][0].detection)
    standard = replace(first.standard, x=np.nan, further_xy=np.array([[1.0, 2.0], [3.0, 4.0]]))
    written = replace(first, standard=standard, notes=("one", "two"))
    write_detection(tmp_path / "d.fits", written)
    found = read_detection(tmp_path / "d.fits")
    equal(written, found)
    assert np.isnan(found.standard.x)
    assert found.image.dtype.isnative


def test_a_measurement_comes_back_with_every_number(campaign, tmp_path):
    jobs, settings, _ = campaign
    first = read_measurement(jobs[0].measurement)
    slices = np.zeros_like(first.light.slices)
    slices[2, 23, 47], slices[0, 0, 0] = 0.5, 0.25
    written = replace(first, light=LightShare(slices))
    star_id = read_reference(jobs[0].reference).star_id
    write_measurement(tmp_path / "m.fits", written, star_id)
    found = read_measurement(tmp_path / "m.fits")
    equal(written, found)
    assert [band.band for band in found.photometry] == list(settings.photometry.bands)


def test_a_row_of_an_exposure_holds_header_detection_match_and_status(campaign):
    jobs, _, _ = campaign
    gathered = gather(jobs, jobs[0].reference)
    first = gathered.exposures[0]
    measurement = read_measurement(jobs[0].measurement)
    assert list(gathered.measured) == [job.entry.exposure_id for job in jobs]
    assert (first["status"], first["reason"], first["origin"]) == ("ok", "", "cube")
    assert first["n_detected"] == len(gathered.detected[first["exposure_id"]]) >= 16
    assert first["n_matched"] == measurement.match.n_matched
    np.testing.assert_allclose(
        [first[name] if name in "abde" else first[name].value for name in "abcdef"],
        measurement.match.affine.ravel(),
    )


def test_status_and_reason_are_those_of_the_last_failure(campaign):
    jobs, settings, _ = campaign
    one, other = jobs
    named = one.entry.exposure.name
    cases = [
        (replace(one, entry=replace(one.entry, error=CubeEmpty("no"))), "failed", "CubeEmpty: no"),
        (replace(one, entry=replace(one.entry, error=NotACube("no"))), "failed", "not a cube: no"),
        (replace(one, entry=replace(one.entry, error=NoEpoch("no"))), "excluded", "NoEpoch: no"),
        (replace(one, entry=replace(one.entry, excluded="rule")), "excluded", "rule"),
        (one, "ok", ""),
    ]
    for exclude in ((one.entry.exposure_id, "cloud"), (named, "cloud")):
        review = replace(settings.review, exclude=(exclude,))
        excluded = replace(one, settings=replace(settings, review=review))
        cases.append((excluded, "excluded", "cloud"))
        assert collect._status(replace(other, settings=excluded.settings)) == ("ok", "")
    for job, status, reason in cases:
        expected = "excluded" if reason.startswith("not a cube") else status
        assert collect._status(job) == (expected, reason)
    products.write_stamp(
        one.measurement,
        replace(products.read_stamp(one.measurement), state="failed", error_type="T", error="e"),
    )
    assert collect._status(one) == ("failed", "T: e")
    products.forget(one.measurement)
    assert collect._status(one)[1] == "NotMeasured: the run ended before this exposure"
    assert not collect._done(one.measurement)
    other.measurement.unlink()
    assert not collect._done(other.measurement)


def test_fluxes_of_a_campaign_have_their_places_and_an_exposure_that_failed_is_missing(campaign):
    jobs, settings, _ = campaign
    lost = replace(jobs[1], entry=replace(jobs[1].entry, error=CubeEmpty("no")))
    gathered = gather([jobs[0], lost], jobs[0].reference)
    array = collect.flux_array(gathered, settings)
    measured = read_measurement(jobs[0].measurement)
    for k, band in enumerate(measured.photometry):
        np.testing.assert_array_equal(array.flux[0, :, :, k], band.fluxes.flux)
        np.testing.assert_array_equal(array.flux_err[0, :, :, k], band.fluxes.sigma)
        np.testing.assert_array_equal(array.coverage[0, :, :, k], band.fluxes.coverage)
        np.testing.assert_array_equal(array.flags[0, :, :, k], band.flags)
        np.testing.assert_array_equal(array.flux_published[0, :, :, k], band.published.flux)
        assert set(array.noise_source[0, :, :, k].ravel()) == set(band.noise_source)
    assert np.isnan(array.flux[1]).all()
    assert (array.coverage[1] == 0).all()
    assert set(array.flags[1].ravel()) == {"missing"}
    assert set(array.noise_source[1].ravel()) == {""}
    assert array.radii_px == settings.extraction.radii_px
    assert array.method == settings.extraction.method
    assert array.passbands.startswith(f"{settings.photometry.bands[0]}: ")
    shares = collect.channel_shares(gathered)
    np.testing.assert_array_equal(shares[0], measured.light.channels)
    assert (shares[1] == 0).all()


def test_every_detection_is_listed_with_the_star_that_it_is(campaign):
    jobs, _, _ = campaign
    gathered = gather(jobs, jobs[0].reference)
    table = collect.detections_table(gathered)
    counts = [len(xy) for xy in gathered.detected.values()]
    assert len(table) == sum(counts)
    first = table[: counts[0]]
    np.testing.assert_array_equal(
        np.column_stack([first["x"].value, first["y"].value]),
        next(iter(gathered.detected.values())),
    )
    reference, detection = gathered.measured[first["exposure_id"][0]].match.pairs.T
    np.testing.assert_array_equal(
        np.asarray(first["star_id"])[detection], gathered.catalogue.star_id[reference]
    )
    assert np.count_nonzero(first["star_id"]) == len(reference)


def test_of_many_exposures_the_spectra_that_pages_show_are_held(campaign, monkeypatch):
    jobs, _, _ = campaign
    gathered = gather(jobs, jobs[0].reference)
    ((mode, all_of_them),) = collect.spectra_by_mode(gathered, "unit").items()
    assert all_of_them.is_whole
    monkeypatch.setattr(collect, "MOST_STACKED", 1)
    few = collect.spectra_by_mode(gathered, "unit")[mode]
    assert few.exposure_ids == (gathered.catalogue.exposure_id,)
    assert (few.n_measured, few.is_whole) == (2, False)
    at = all_of_them.exposure_ids.index(gathered.catalogue.exposure_id)
    np.testing.assert_array_equal(few.flux[0], all_of_them.flux[at])
    elsewhere = replace(gathered, catalogue=replace(gathered.catalogue, exposure_id="other"))
    with pytest.raises(KeyError):
        collect.spectra_by_mode(elsewhere, "unit")


def test_spectra_are_stacked_by_mode_and_those_on_another_grid_are_left_out(campaign, tmp_path):
    jobs, settings, _ = campaign
    gathered = gather(jobs, jobs[0].reference)
    ((mode, stacked),) = collect.spectra_by_mode(gathered, "unit").items()
    assert (mode, stacked.unit) == ("WFM-AO-N", "unit")
    assert stacked.exposure_ids == tuple(gathered.measured)
    np.testing.assert_array_equal(
        stacked.flux[1], gathered.measured[stacked.exposure_ids[1]].spectra.flux
    )
    assert stacked.radii_px == settings.extraction.radii_px
    last = stacked.exposure_ids[1]
    whole = read_measurement(gathered.measured[last].product)
    other = replace(whole.spectra, wave_aa=stacked.wave_aa + 1)
    write_measurement(
        tmp_path / "m.fits", replace(whole, spectra=other), gathered.catalogue.star_id
    )
    changed = dict(gathered.measured) | {last: KeptMeasurement.of(tmp_path / "m.fits")}
    alone = collect.spectra_by_mode(replace(gathered, measured=changed), "unit")[mode]
    assert alone.exposure_ids == stacked.exposure_ids[:1]


def test_the_detection_image_is_that_of_the_job(campaign):
    job = campaign[0][0]
    image = collect.detection_image(job)
    detection = read_detection(job.detection)
    np.testing.assert_array_equal(image.pixels, detection.image)
    assert (image.exposure_id, image.mode) == (job.entry.exposure_id, "WFM-AO-N")
    assert image.standard_xy == (detection.standard.x, detection.standard.y)
    assert image.standard_radius_px == detection.standard.radius_px


RADEC = [[10.0, 1.0], [11.0, 2.0], [12.0, 3.0], [13.0, 4.0]]


def test_numbers_of_stars_are_kept_with_their_first_positions(tmp_path, campaign):
    settings = campaign[1]
    path = kept_stars_path(tmp_path, settings)
    assert path == tmp_path / "reference" / "stars.ecsv"
    named = replace(settings, field=replace(settings.field, star_registry="mine.ecsv"))
    assert kept_stars_path(tmp_path, named) is None
    assert kept_stars(None) is None
    assert kept_stars(path) is None
    path.parent.mkdir()
    keep_stars(path, catalogue(radec=RADEC, name="first"))
    table = Table.read(path)
    assert table["id"].tolist() == [1, 2, 3, 4]
    assert table["x"].tolist() == [10.0, 20.0, 30.0, 40.0]
    assert table["dec_deg"].tolist() == [1.0, 2.0, 3.0, 4.0]
    assert table.meta[EXPOSURE] == "first"
    assert str(path) in kept_stars(path).name


def test_a_later_run_adds_new_stars_in_the_frame_of_the_first(tmp_path):
    path = tmp_path / "stars.ecsv"
    xy = np.array([[10.0, 20.0], [40.0, 20.0], [10.0, 60.0]])
    keep_stars(path, catalogue((1, 2, 3), xy=xy, name="first"))
    before = path.read_bytes()
    keep_stars(path, catalogue((3, 1), xy=xy[:2] + 5, name="second"))
    assert path.read_bytes() == before
    shifted = catalogue((7, 1, 2, 3), xy=[[105.0, 206.0], *np.add(xy, [5.0, 6.0])], name="second")
    keep_stars(path, shifted)
    table = Table.read(path)
    assert table["id"].tolist() == [1, 2, 3, 7]
    np.testing.assert_allclose(table["x"], [10, 40, 10, 100])
    np.testing.assert_allclose(table["y"], [20, 20, 60, 200])
    assert table.meta[EXPOSURE] == "first"


def test_with_two_common_stars_positions_stay_as_they_are(tmp_path):
    path = tmp_path / "stars.ecsv"
    keep_stars(path, catalogue((1, 2), name="first"))
    keep_stars(path, catalogue((1, 2, 3), xy=[[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]], name="second"))
    assert Table.read(path)["x"].tolist() == [10.0, 20.0, 3.0]


def test_the_reference_of_the_first_run_is_preferred_after_those_of_the_settings(tmp_path):
    path, how = tmp_path / "stars.ecsv", ReferenceSettings(("mine",), 2)
    assert preferring_kept(path, how) is how
    assert preferring_kept(None, how) is how
    keep_stars(path, catalogue(name="first"))
    assert preferring_kept(path, how).prefer == ("mine", "first")


def test_stars_are_flagged_with_a_reason_beside_what_they_carried_before():
    table = catalogue((1, 2, 3), flags=("edge", "", "")).table()
    table.meta["reasons"] = ["near the edge", "", ""]
    found = flag_stars(table, [1, 3])
    assert found["flags"].tolist() == ["edge variable", "", "variable"]
    assert found.meta["reasons"] == [
        "near the edge; variable in Gaia DR3", "", "variable in Gaia DR3"
    ]  # fmt: skip
    assert found["flags"].info.description == table["flags"].info.description
    assert table["flags"].tolist() == ["edge", "", ""]
    assert flag_stars(table, []) is table


def test_variable_stars_are_those_that_gaia_identified_and_calls_so():
    table = fill(
        "identification", 4, star_id=[4, 3, 2, 1],
        status=["identified", "not identified", "identified", "identified"],
        variable=["VARIABLE", "VARIABLE", "NOT_AVAILABLE", "VARIABLE"],
    )  # fmt: skip
    assert variable_stars(table) == (1, 4)


@pytest.mark.parametrize(
    ("pairs", "hit"),
    [([(1, 2), (3, 4)], "; so is the scatter of 1/2, not the instrument's alone"), ([(2, 3)], "")],
)
def test_a_note_on_variable_stars_counts_them_and_names_the_pairs(pairs, hit):
    (note,) = variable_note([1, 9], 25, pairs)
    assert note.startswith("Gaia DR3 calls 2 of 25 stars variable (star 1, 9):")
    assert note.endswith(f"every summary over pairs{hit}.")
    assert variable_note([], 25, pairs) == ()


def test_a_catalogue_is_known_by_numbers_and_positions_to_a_hundredth_of_a_pixel():
    first = catalogue((1, 2))
    backwards = catalogue((2, 1))
    assert stars_digest(first.table()) == stars_digest(backwards.table())
    moved = catalogue((1, 2), xy=first.xy + 0.004)
    assert stars_digest(moved.table()) == stars_digest(first.table())
    assert stars_digest(catalogue((1, 2), xy=first.xy + 0.02).table()) != stars_digest(
        first.table()
    )

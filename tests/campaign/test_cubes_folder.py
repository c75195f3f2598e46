"""Any folder of MUSE cubes: measured, resumed, and every bad input a row with its reason."""

import dataclasses
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from pipeline.config.paths import ROOT
from pipeline.config.settings import Field, ReferenceSettings, ReviewSettings, Settings
from pipeline.errors import NoReferenceExposure, RequestError, SourceUnavailable
from pipeline.muse.cube import open_cube
from pipeline.sources import CubeFolder, PublishedRecord
from pipeline.sources.request import Request
from pipeline.workflow import products
from pipeline.workflow.executors import Workers
from tests.muse.cubes import primary_header, small_cube


def measured(request):
    campaign = CubeFolder(request)
    campaign.measure()
    return campaign


@pytest.fixture(scope="module")
def finished(tmp_path_factory, cube_files, settings):
    """The campaign of the four cubes, measured and summarised once; for those who only look at it."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "input").mkdir()
    for path in cube_files:
        (folder / "input" / path.name).hardlink_to(path)
    before = {path: products.fingerprint(path) for path in (folder / "input").iterdir()}
    campaign = measured(
        Request(settings, ROOT, ("cubes",), folder / "input", None, folder / "work", Workers(1), ())
    )
    campaign.summary  # noqa: B018
    after = {path: products.fingerprint(path) for path in (folder / "input").iterdir()}
    return campaign, folder / "work", before == after


@pytest.fixture
def again(finished, tmp_path):
    """What that campaign left, where ``request_for`` works."""
    shutil.copytree(finished[1], tmp_path / "work", copy_function=shutil.copy2)


def rows_of(campaign):
    return {str(row["exposure_id"]): row for row in campaign.summary.tables["exposures"]}


def spoiled_copy(source, target, spoil):
    """A copy of a cube with another identity and start, changed by ``spoil(hdus)``."""
    with fits.open(source) as hdus:
        header = hdus[0].header
        header["ARCFILE"] = f"{target.stem}.fits"
        header["MJD-OBS"] += (1 + sorted(BAD).index(target.stem)) / 24
        spoil(hdus)
        hdus.writeto(target)


def all_nan(hdus):
    hdus["DATA"].data[:] = np.nan


def one_star(hdus):
    """Blank everything but the standard and one star beside it."""
    data = hdus["DATA"].data
    keep = np.zeros(data.shape[1:], bool)
    keep[130:175, 160:215] = True
    noise = np.random.default_rng(1).normal(0, 5, data.shape).astype("f4")
    hdus["DATA"].data = np.where(keep | np.isnan(data), data, noise)


def other_stars(hdus):
    """The field in a mirror: as many stars, and no rotation or shear makes them the reference's."""
    for name in ("DATA", "STAT"):
        hdus[name].data = np.array(hdus[name].data[:, :, ::-1])


def coarse_spaxels(hdus):
    for key in ("CD1_1", "CD1_2", "CD2_1", "CD2_2"):
        hdus["DATA"].header[key] = hdus["DATA"].header.get(key, 0.0) * 2


def without_stat(hdus):
    del hdus["STAT"]


def elsewhere(hdus):
    hdus[0].header["DEC"] = -10.0


def narrow_field_mode(hdus):
    hdus[0].header["ESO INS MODE"] = "NFM-AO-N"


BAD = {
    "all_nan": (all_nan, "CubeEmpty"),
    "one_star": (one_star, "NoStarsMatched|NoStarsDetected"),
    "other_stars": (other_stars, "NoStarsMatched"),
    "coarse_spaxels": (coarse_spaxels, "WrongPixelScale: .*0.4 arcsec"),
    "without_stat": (without_stat, "CubeUnreadable: .*no extension STAT"),
    "elsewhere": (elsewhere, "WrongField: .*arcmin from LTT 3218"),
    "narrow_field_mode": (narrow_field_mode, "UnknownMode: .*NFM-AO-N"),
}


def test_every_cube_of_a_folder_is_measured_at_the_same_stars(finished):
    tables = finished[0].summary.tables
    assert list(tables["exposures"]["status"]) == ["ok"] * 4
    assert sorted(tables["catalogue"]["star_id"]) == list(range(1, 26))
    assert len(tables["photometry"]) == 4 * 25 * 5
    assert len(tables["pairs"]) == 300
    assert all(tables["exposures"]["simulated"])  # the label travels with the file
    assert np.all(tables["exposures"]["match_rms_px"].value < 0.3)


def test_every_detection_is_listed_with_the_star_that_it_is(finished):
    tables = finished[0].summary.tables
    detections, exposures = tables["detections"], tables["exposures"]
    for row in exposures:
        mine = detections[detections["exposure_id"] == row["exposure_id"]]
        assert len(mine) == row["n_detected"]
        assert np.count_nonzero(mine["star_id"]) == row["n_matched"]
    catalogue = {int(row["star_id"]): row for row in tables["catalogue"]}
    affine = {str(row["exposure_id"]): row for row in exposures}
    for one in detections[detections["star_id"] > 0]:
        star, to = catalogue[int(one["star_id"])], affine[str(one["exposure_id"])]
        x, y = star["x"].value, star["y"].value
        dx = to["a"] * x + to["b"] * y + to["c"].value - one["x"].value
        dy = to["d"] * x + to["e"] * y + to["f"].value - one["y"].value
        # matched within the tolerance; blended stars are paired within half the kernel, 2.5 px
        assert np.hypot(dx, dy) < (2.5 if "blended" in star["flags"] else 1.0)


@pytest.mark.slow
def test_every_bad_input_is_a_row_with_its_reason_and_the_others_are_unharmed(
    cube_folder, cube_files, request_for
):
    for name, (spoil, _) in BAD.items():
        spoiled_copy(cube_files[0], cube_folder / f"{name}.fits", spoil)
    whole = cube_files[0].read_bytes()
    (cube_folder / "truncated.fits").write_bytes(whole[: len(whole) // 2])
    (cube_folder / "page.fits").write_text("<html>Please log in</html>")
    (cube_folder / "twice.fits").write_bytes(whole)
    campaign = measured(request_for(cube_folder))
    rows = rows_of(campaign)
    assert len(rows) == 4 + len(BAD) + 3
    assert sum(row["status"] == "ok" for row in rows.values()) == 4
    for name, (_, reason) in BAD.items():
        row = rows[name] if name in rows else rows[f"{name}.fits"]
        assert row["status"] == "failed", name
        assert re.search(reason, row["reason"]), (name, row["reason"])
    assert "not a readable FITS file" in rows["page.fits"]["reason"]
    assert rows["twice.fits"]["status"] == "excluded"
    assert "DuplicateExposure" in rows["twice.fits"]["reason"]
    truncated = [row for row in rows.values() if "truncated" in str(row["reason"])]
    assert len(truncated) == 1
    summary = campaign.exit_summary()
    assert f"{len(rows)} exposures, 4 ok" in summary
    assert all(name in summary for name in BAD)


@pytest.mark.usefixtures("again")
def test_a_second_run_makes_nothing_again(cube_folder, request_for):
    work = request_for(cube_folder).work
    before = {path: path.stat().st_mtime_ns for path in work.rglob("*.json")}
    measured(request_for(cube_folder)).summary  # noqa: B018
    assert {path: path.stat().st_mtime_ns for path in work.rglob("*.json")} == before


@pytest.mark.slow
@pytest.mark.usefixtures("again")
def test_only_what_depends_on_a_changed_setting_is_made_again(cube_folder, request_for, settings):
    work = request_for(cube_folder).work
    detections = {path: path.read_bytes() for path in work.rglob("detection.fits.stamp.json")}
    photometry = dataclasses.replace(settings.photometry, min_coverage=0.9)
    campaign = measured(
        request_for(cube_folder, chosen=dataclasses.replace(settings, photometry=photometry))
    )
    assert {
        path: path.read_bytes() for path in work.rglob("detection.fits.stamp.json")
    } == detections
    stamp = products.read_stamp(campaign.jobs[0].measurement)
    assert stamp.ingredients["settings"]["photometry.min_coverage"] == 0.9


@pytest.mark.slow
def test_a_new_cube_is_measured_alone(cube_folder, cube_files, request_for):
    last = cube_folder / cube_files[-1].name
    last.unlink()
    measured(request_for(cube_folder))
    work = request_for(cube_folder).work
    before = {path: path.stat().st_mtime_ns for path in work.rglob("measurement.fits")}
    last.hardlink_to(cube_files[-1])
    campaign = measured(request_for(cube_folder))
    after = {path: path.stat().st_mtime_ns for path in work.rglob("measurement.fits")}
    assert len(after) == len(before) + 1
    assert {path: after[path] for path in before} == before
    assert len(campaign.summary.tables["exposures"]) == 4


def test_the_reader_s_cubes_are_never_changed_or_removed(finished):
    _, _, are_as_they_were = finished
    assert are_as_they_were


@pytest.mark.slow
def test_two_worker_processes_give_the_same_bytes_as_this_process(
    cube_folder, request_for, finished
):
    def bytes_of(work):
        return {
            path.relative_to(work).as_posix(): path.read_bytes()
            for path in sorted(work.rglob("*"))
            if path.suffix in (".fits", ".ecsv")
        }

    request = request_for(cube_folder, jobs=2)
    measured(request).summary  # noqa: B018
    here, there = bytes_of(finished[1]), bytes_of(request.work)
    assert here.keys() == there.keys()
    assert [name for name in here if here[name] != there[name]] == []


@pytest.mark.slow
@pytest.mark.usefixtures("again")
def test_without_a_preferred_exposure_the_rule_chooses(cube_folder, request_for, settings):
    rule = dataclasses.replace(settings, reference=ReferenceSettings(prefer=(), candidates=2))
    campaign = measured(request_for(cube_folder, chosen=rule))
    exposures = campaign.summary.tables["exposures"]
    best = sorted(exposures, key=lambda row: row["seeing_arcsec"])[:2]
    assert campaign.summary.reference_exposure in {str(row["exposure_id"]) for row in best}
    assert sorted(campaign.summary.tables["catalogue"]["star_id"])[:5] == [1, 2, 3, 4, 5]


@pytest.mark.usefixtures("again")
def test_an_excluded_exposure_is_measured_shown_and_left_out(cube_folder, request_for, settings):
    review = ReviewSettings(exclude=(("2019-01-09 WFM-NOAO-N", "satellite trail over star 4"),))
    campaign = measured(
        request_for(cube_folder, chosen=dataclasses.replace(settings, review=review))
    )
    tables = campaign.summary.tables
    (row,) = [row for row in tables["exposures"] if row["night"] == "2019-01-09"]
    assert (row["status"], row["reason"]) == ("excluded", "satellite trail over star 4")
    assert row["exposure_id"] in set(tables["photometry"]["exposure_id"])
    assert max(tables["pairs"]["n"]) == 3


def test_a_folder_without_one_usable_cube_says_why(tmp_path, request_for):
    folder = tmp_path / "bad"
    folder.mkdir()
    (folder / "page.fits").write_text("<html>")
    with pytest.raises(
        NoReferenceExposure, match=r"none of the 1 exposures .* page\.fits: not a readable"
    ):
        measured(request_for(folder))
    small_cube(folder / "empty.fits", value=np.nan, primary=primary_header())
    with pytest.raises(NoReferenceExposure, match="none of 1 exposures shows stars"):
        measured(request_for(folder))


@pytest.mark.parametrize("name", ["missing", "empty"])
def test_a_folder_without_cubes_is_named(tmp_path, request_for, name):
    if name == "empty":
        (tmp_path / name).mkdir()
    with pytest.raises(SourceUnavailable, match=f"--cubes .*{name}"):
        measured(request_for(tmp_path / name))


@pytest.mark.slow
def test_a_star_registry_of_another_field_is_refused_with_the_remedy(
    tmp_path, cube_folder, request_for, settings
):
    rng = np.random.default_rng(2)
    lines = ["# %ECSV 1.0", "# ---", "# datatype:"]
    lines += [
        f"# - {{name: {name}, datatype: {kind}}}"
        for name, kind in (("id", "int64"), ("x", "float64"), ("y", "float64"))
    ]
    lines += ["# schema: astropy-2.0", "id x y"]
    lines += [
        f"{n} {x:.2f} {y:.2f}" for n, (x, y) in enumerate(rng.uniform(0, 300, (25, 2)), start=1)
    ]
    registry = tmp_path / "other.ecsv"
    registry.write_text("\n".join(lines) + "\n")
    chosen = dataclasses.replace(settings, field=Field(star_registry=str(registry)))
    with pytest.raises(
        NoReferenceExposure, match=r"field\.star_registry .* name the right registry"
    ):
        measured(request_for(cube_folder, chosen=chosen))
    gone = dataclasses.replace(settings, field=Field(star_registry=str(tmp_path / "no.ecsv")))
    with pytest.raises(RequestError, match=r"no\.ecsv"):
        measured(request_for(cube_folder, chosen=gone))


def test_a_work_folder_that_nobody_may_write_is_named(cube_folder, request_for):
    forbidden = Path("/proc/report-work")  # not even root makes a folder there
    with pytest.raises(RequestError, match=r"/proc/report-work.*: cannot be written"):
        measured(dataclasses.replace(request_for(cube_folder), work=forbidden))


@pytest.mark.slow
def test_the_record_needs_no_measuring(request_for):
    record = PublishedRecord(request_for(sources=("published",)))
    record.measure()
    assert len(record.summary.tables["exposures"]) == 65
    assert not record.simulated


def test_spectra_of_the_same_mode_are_stacked_in_the_order_of_axes(finished):
    campaign, _, _ = finished
    spectra = campaign.spectra()
    assert sum(len(one.exposure_ids) for one in spectra.values()) == 4
    for one in spectra.values():
        assert one.flux.shape == (len(one.exposure_ids), 25, 5, len(one.wave_aa))
    job = campaign.jobs[0]
    assert open_cube(job.cube).unit == campaign.unit()


@pytest.mark.usefixtures("again")
def test_settings_without_registry_number_the_stars_by_y(cube_folder, request_for, settings):
    chosen = dataclasses.replace(settings, field=Field(star_registry=""))
    catalogue = measured(request_for(cube_folder, chosen=chosen)).summary.tables["catalogue"]
    ordered = catalogue[np.argsort(catalogue["star_id"])]
    assert np.all(np.diff(ordered["y"].value) > 0)
    assert ordered["star_id"][0] == 1
    assert Settings().field.star_registry  # the default has one


def without_registry(settings, **statistics):
    return dataclasses.replace(
        settings,
        field=dataclasses.replace(settings.field, star_registry=""),
        statistics=dataclasses.replace(settings.statistics, **statistics),
    )


@pytest.mark.usefixtures("again")
def test_without_registry_and_pairs_the_pairs_are_chosen_by_rule_and_said_to_be(
    cube_folder, request_for, settings
):
    chosen = without_registry(settings, pairs=())
    campaign = measured(request_for(cube_folder, chosen=chosen))
    catalogue, pairs = campaign.summary.tables["catalogue"], campaign.headline_pairs
    assert len(pairs) == 4
    flux = dict(zip(catalogue["star_id"].tolist(), catalogue["flux"], strict=True))
    rows = {int(row["star_id"]): row for row in catalogue}
    used = [star for pair in pairs for star in pair]
    assert len(set(used)) == 8
    assert all(rows[a]["channel"] != rows[b]["channel"] for a, b in pairs)
    assert not any(str(np.ma.filled(rows[star]["flags"], "")) for star in used)
    unflagged = [star for star in rows if not str(np.ma.filled(rows[star]["flags"], ""))]
    assert pairs[0][0] == max(unflagged, key=flux.__getitem__)
    assert campaign.results().settings["statistics"]["pairs"] == pairs
    keys = {number.key for number in campaign.summary.numbers}
    assert all(f"std_published.{a}-{b}" in keys for a, b in pairs)
    (said,) = [note for note in campaign.summary.notes if "chosen by rule" in note]
    assert ", ".join(f"{a}/{b}" for a, b in pairs) in said


@pytest.mark.slow
def test_without_a_registry_a_pair_of_unknown_stars_is_refused_once_the_reference_is_chosen(
    cube_folder, request_for, settings
):
    chosen = without_registry(settings, pairs=((2, 22), (3, 40)))
    request = request_for(cube_folder, chosen=chosen)
    with pytest.raises(
        NoReferenceExposure, match=r"names star 40; the reference exposure .* shows"
    ):
        measured(request)
    assert not list(request.work.rglob("measurement.fits"))

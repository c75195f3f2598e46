"""Several fields: each cube goes to the field that it points at, each field has its sections."""

import dataclasses
import re
import subprocess
import sys

import numpy as np
import pytest
from astropy.io import fits

from pipeline import report
from pipeline.config.paths import ROOT
from pipeline.config.settings import MoreField
from pipeline.errors import NoReferenceExposure, WrongField
from pipeline.muse.cube import write_cube
from pipeline.muse.exposure import field_of
from pipeline.report.figures import static_image
from pipeline.sources import campaigns_of, measure_all, simulation_plan
from pipeline.tasks.inputs import cubes_by_field
from pipeline.tasks.measure import build_simulation
from tests.muse.cubes import primary_header, small_cube
from tests.report.factory import build_info

SOUTH = MoreField("South field", 131.0, -36.0)
INDICES = (0, 22, 60)


@pytest.fixture(scope="module")
def south_files(tmp_path_factory, settings):
    """Three simulated cubes of another field: its stars are those of the plan, its place is not."""
    folder = tmp_path_factory.mktemp("south")
    _, chosen = dataclasses.replace(settings, more_fields=(SOUTH,)).campaigns()
    campaign = build_simulation(simulation_plan(), chosen)
    for index in INDICES:
        headers = campaign.headers(index)
        headers[0]["ARCFILE"] = headers[0]["ARCFILE"].replace("MUSE.2019", "MUSE.2020")
        write_cube(folder / f"south-{index:02d}.fits", headers, campaign.layers(index))
    return sorted(folder.iterdir())


@pytest.fixture
def two_fields(cube_folder, south_files, settings):
    """A folder with the cubes of both fields, one of neither, and a page; and the settings."""
    for path in south_files:
        (cube_folder / path.name).hardlink_to(path)
    with fits.open(south_files[0]) as hdus:
        hdus[0].header["DEC"], hdus[0].header["ARCFILE"] = 5.0, "MUSE.elsewhere.fits"
        hdus.writeto(cube_folder / "elsewhere.fits")
    (cube_folder / "page.fits").write_text("<html>")
    return cube_folder, dataclasses.replace(settings, more_fields=(SOUTH,))


def header(ra=None, dec=None):
    cards = {"RA": ra, "DEC": dec}
    return fits.Header({key: value for key, value in cards.items() if value is not None})


def test_an_exposure_is_of_the_nearest_field_within_its_radius(settings):
    first = settings.field
    close = dataclasses.replace(first, name="close by", dec_deg=first.dec_deg + 4 / 60)
    fields = (first, close)
    assert field_of(header(first.ra_deg, first.dec_deg + 1.5 / 60), fields) == 0
    assert field_of(header(first.ra_deg, first.dec_deg + 2.5 / 60), fields) == 1
    with pytest.raises(
        WrongField, match=r"none of the fields LTT 3218, close by; the nearest, clo"
    ):
        field_of(header(first.ra_deg, first.dec_deg + 8 / 60), fields)


def test_a_header_without_coordinates_is_of_the_only_field_but_of_none_of_several(settings):
    assert field_of(header(), (settings.field,)) == 0
    with pytest.raises(WrongField, match="no RA and DEC in the header, which decide between"):
        field_of(header(), (settings.field, dataclasses.replace(settings.field, name="other")))


def test_every_file_is_an_entry_of_exactly_one_field(two_fields):
    folder, settings = two_fields
    first, second = cubes_by_field(folder, [one.field for one in settings.campaigns()])
    assert [entry.exposure_id for entry in second] == sorted(e.exposure_id for e in second)
    assert {entry.cube_path.name for entry in second} == {f"south-{n:02d}.fits" for n in INDICES}
    names = {entry.cube_path.name: entry.error for entry in first}
    assert len(first) + len(second) == len(list(folder.iterdir())) == 9
    assert isinstance(names["elsewhere.fits"], WrongField)
    assert "none of the fields LTT 3218, South field" in str(names["elsewhere.fits"])
    assert names["page.fits"] is not None


def test_what_is_of_no_field_is_listed_where_something_is_usable(two_fields):
    folder, settings = two_fields
    for path in folder.glob("cube-*.fits"):
        path.unlink()
    first, second = cubes_by_field(folder, [one.field for one in settings.campaigns()])
    assert first == []
    assert {entry.cube_path.name for entry in second if entry.error} == {
        "elsewhere.fits",
        "page.fits",
    }


@pytest.mark.slow
def test_each_field_has_its_campaign_and_its_sections_on_the_pages(
    two_fields, request_for, tmp_path, monkeypatch
):
    blank = static_image.Picture(b"<svg/>", {})  # pictures are not looked at, and take long to draw
    monkeypatch.setattr(static_image, "static_picture", lambda *_, **__: blank)
    folder, settings = two_fields
    campaigns = campaigns_of(request_for(folder, chosen=settings))
    assert [one.name for one in campaigns] == ["ltt3218-2019-cubes", "south-field-2019-cubes"]
    for one in campaigns:
        one.measure()
    results = [one.results() for one in campaigns]
    assert [list(one.tables["exposures"]["status"]).count("ok") for one in results] == [4, 3]
    docs = tmp_path / "docs"
    report.render(results, build_info(), docs)
    # no channels: four and three exposures are too few for the stability model
    for page in ("index", "exposures", "stars", "pairs"):
        text = (docs / f"{page}.md").read_text()
        headings = re.findall(r"^(#+) .*\{ #(\S+) \}", text, re.MULTILINE)
        wanted = [
            ("##", "field-ltt-3218"),
            ("###", "ltt3218-2019-cubes"),
            ("##", "field-south-field"),
            ("###", "south-field-2019-cubes"),
        ]
        assert [one for one in headings if one in wanted] == wanted, page
    snr = (docs / "stars.md").read_text().partition("#snr")[2]
    assert snr.count('<table class="rp-data">') == 2  # star 4 of one field is not star 4 of another
    timelines = (docs / "pairs.md").read_text()
    chosen = results[1].settings["statistics"]["pairs"]  # by rule: nobody has chosen any
    assert len(chosen) == 4
    assert all(f"{a}/{b}" in timelines for a, b in chosen)
    assert any("chosen by rule" in note for note in results[1].notes)
    assert 'id="timelines-south-field-2019-cubes"' in timelines
    assert '<a href="#field-south-field">' in (docs / "index.md").read_text()


def test_a_field_that_no_cube_points_at_is_said_and_left_out(
    cube_folder, request_for, settings, caplog
):
    caplog.set_level("INFO")
    chosen = dataclasses.replace(settings, more_fields=(SOUTH,))
    (campaign,) = campaigns_of(request_for(cube_folder, chosen=chosen))
    assert campaign.name == "ltt3218-2019-cubes"
    assert "South field: no cube in" in caplog.text


@pytest.mark.slow
def test_a_field_without_stars_does_not_keep_the_others_from_being_measured(
    two_fields, request_for
):
    folder, settings = two_fields
    for path in folder.glob("cube-*.fits"):
        path.unlink()
    small_cube(folder / "dark.fits", value=np.nan, primary=primary_header())
    dark, south = campaigns_of(request_for(folder, chosen=settings))
    with pytest.raises(NoReferenceExposure, match=f"{dark.name}: none of 1 exposures shows stars"):
        measure_all([dark, south])
    assert "ok" in set(south.results().tables["exposures"]["status"])


def test_record_and_simulation_are_of_the_first_field_and_stand_with_it(two_fields, request_for):
    folder, settings = two_fields
    request = request_for(folder, sources=("published", "simulated", "cubes"), chosen=settings)
    assert [one.name for one in campaigns_of(request)] == [
        "ltt3218-2019-published",
        "ltt3218-2019-cubes",
        "ltt3218-2019-simulated",
        "south-field-2019-cubes",
    ]


@pytest.mark.slow
def test_the_command_makes_a_site_of_two_fields(two_fields, tmp_path):
    folder, _ = two_fields
    config = tmp_path / "mine.toml"
    config.write_text('[[more_fields]]\nname = "South field"\nra_deg = 131.0\ndec_deg = -36.0\n')
    command = ["build_report.py", "--config", str(config), "--source", "cubes"]
    command += ["--cubes", str(folder), "--jobs", "1"]
    command += ["--work", str(tmp_path / "work"), "--site", str(tmp_path / "site")]
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "south-field-2019-cubes: 3 exposures, 3 ok" in done.stdout + done.stderr
    page = (tmp_path / "site" / "stars.html").read_text()
    assert page.index('id="field-ltt-3218"') < page.index('id="field-south-field"')

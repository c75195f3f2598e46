"""A field of one's own: from a folder of cubes to a report that speaks of that field."""

import dataclasses
import html
import re
import tomllib

import numpy as np
import pytest
from astropy.io.votable import parse
from astropy.table import Table
from astropy.timeseries import TimeSeries

from pipeline.cli.main import main
from pipeline.config.loader import parse_settings
from pipeline.config.settings import Field, Settings, SimulationSettings, TargetSettings
from pipeline.muse.cube import write_cube
from pipeline.schema import make_table
from pipeline.sources import CubeFolder, simulation_plan
from pipeline.tasks.measure import build_simulation
from pipeline.tasks.targets import find_targets

RA, DEC = 150.0, -40.0
N_CUBES = 6
FOREIGN = re.compile(r"\bstud(?:y|ies)\b|\bstandard stars?\b|\bpublished\b", re.IGNORECASE)


@pytest.fixture(scope="module")
def own_files(tmp_path_factory):
    """Cubes of a field that is no standard's: its brightest source is where the telescope points."""
    settings = Settings(
        field=dataclasses.replace(Field(), name="NGC 9999", ra_deg=RA, dec_deg=DEC),
        simulation=SimulationSettings(wave_step_aa=50.0, seed=5, dither_arcsec=1.0),
    )
    plan = simulation_plan()
    campaign = build_simulation(plan, settings)
    folder = tmp_path_factory.mktemp("own")
    chosen = [k for k, one in enumerate(plan.planned) if one.mode == "WFM-AO-N"][:N_CUBES]
    for index in chosen:
        write_cube(
            folder / f"cube-{index:02d}.fits", campaign.headers(index), campaign.layers(index)
        )
    return sorted(folder.iterdir())


@pytest.fixture
def own_folder(tmp_path, own_files):
    """A folder of its own with the cubes, as links."""
    folder = tmp_path / "cubes"
    folder.mkdir()
    for path in own_files:
        (folder / path.name).hardlink_to(path)
    return folder


def written(folder, output):
    assert main(["init", str(folder), "--output", str(output)]) == 0
    return parse_settings(tomllib.loads(output.read_text()))


def prose(page):
    """The text of a page as people read it, without scripts, code and markup."""
    text = re.sub(r"<(script|style|code)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


@pytest.mark.slow
def test_from_init_to_a_report_that_speaks_of_the_field(own_folder, tmp_path):
    config, site = tmp_path / "report.toml", tmp_path / "site"
    settings = written(own_folder, config)
    assert settings.field.name == "NGC9999"  # OBJECT of the headers
    assert settings.detection.mask == "saturated"
    assert abs(settings.field.dec_deg - DEC) < 0.01
    (target,) = settings.targets  # the brightest, at the pointing
    command = ["build", "--config", str(config), "--source", "cubes", "--cubes", str(own_folder)]
    command += ["--work", str(tmp_path / "work"), "--site", str(site), "--jobs", "1"]
    assert main(command) == 0
    for page in sorted(site.rglob("*.html")):
        # that of the software, which has measured standard stars as well
        if page.name == "changelog.html":
            continue
        found = FOREIGN.findall(prose(page.read_text(encoding="utf-8")))
        assert not found, (page.name, found)
    assert not (site / "archive.html").exists()
    text = prose((site / "targets.html").read_text(encoding="utf-8"))
    assert f"Light curve of {target.name}" in text
    data = next((site / "data").glob("*/light_curves.ecsv")).parent
    _other_tools_read_the_light_curves(data)
    catalogue = Table.read(data / "catalogue.ecsv")
    assert np.isfinite(catalogue["ra_deg"]).all()
    star = Table.read(data / "targets.ecsv")["star_id"][0]
    flags = catalogue["flags"][catalogue["star_id"] == star]
    assert list(flags) == ["target"]
    assert star not in Table.read(data / "pairs.ecsv")["star_1"][:0]


def _other_tools_read_the_light_curves(data):
    for name, form in (("light_curves.ecsv", "ascii.ecsv"), ("light_curves.vot.gz", "votable")):
        series = TimeSeries.read(data / name, time_column="mjd_mid", time_format="mjd", format=form)
        assert len(series) == N_CUBES
        assert {"flux", "flux_err"} <= set(series.colnames)
        assert str(series.time[0].isot).startswith("2019")
    (resource,) = parse(data / "light_curves.vot.gz").resources
    (system,) = resource.time_systems
    assert (system.timescale, system.refposition) == ("UTC", "TOPOCENTER")
    assert float(system.timeorigin) == 2400000.5
    (field,) = (one for one in resource.tables[0].fields if one.name == "mjd_mid")
    assert field.ref == system.ID


def test_init_never_overwrites_and_names_what_is_missing(own_folder, tmp_path):
    output = tmp_path / "report.toml"
    output.write_text("mine")
    assert main(["init", str(own_folder), "--output", str(output)]) == 2
    assert output.read_text() == "mine"
    empty = tmp_path / "empty"
    empty.mkdir()
    other = tmp_path / "other.toml"
    assert main(["init", str(empty), "--output", str(other)]) == 2
    (empty / "page.fits").write_text("<html>")
    assert main(["init", str(empty), "--output", str(other)]) == 2
    assert not other.exists()


def measured(request):
    campaign = CubeFolder(request)
    campaign.measure()
    return campaign


def positions(campaign):
    table = campaign.summary.tables["catalogue"]
    return {
        int(row["star_id"]): (float(row["ra_deg"].value), float(row["dec_deg"].value))
        for row in table
    }


@pytest.mark.slow
def test_stars_keep_their_numbers_when_better_nights_come(own_folder, own_files, request_for):
    settings = written(own_folder, own_folder.parent / "a.toml")
    settings = dataclasses.replace(
        settings, reference=dataclasses.replace(settings.reference, prefer=(), candidates=99)
    )
    later = [own_folder / path.name for path in own_files[3:]]
    for path in later:
        path.unlink()
    first = measured(request_for(own_folder, chosen=settings))
    before, reference = positions(first), first.summary.reference_exposure
    for path, source in zip(later, own_files[3:], strict=True):
        path.hardlink_to(source)
    second = measured(request_for(own_folder, chosen=settings))
    assert second.summary.reference_exposure == reference
    assert positions(second) == before
    # without the old reference another exposure takes over, and the numbers stay
    kept = next(job.cube for job in second.jobs if job.entry.exposure_id == reference)
    kept.unlink()
    third = measured(request_for(own_folder, chosen=settings))
    assert third.summary.reference_exposure != reference
    common = set(before) & set(positions(third))
    assert len(common) >= 20
    now = positions(third)
    apart = [np.hypot(*np.subtract(before[star], now[star])) * 3600 for star in common]
    assert np.median(apart) < 1.5  # two pointings of a telescope, 0.6 arcsec rms each
    registry = Table.read(request_for().work / third.name / "reference" / "stars.ecsv")
    assert set(before) <= set(registry["id"].tolist())


@pytest.mark.slow
def test_fewer_than_five_exposures_claim_no_scatter(own_folder, own_files, request_for):
    settings = written(own_folder, own_folder.parent / "a.toml")
    for path in own_files[3:]:
        (own_folder / path.name).unlink()
    summary = measured(request_for(own_folder, chosen=settings)).summary
    assert len(summary.tables["exposures"]) == 3
    for name in ("std", "std_published", "excess_std", "slope_per_year"):
        assert np.isnan(summary.tables["pairs"][name]).all()
    scatters = [one for one in summary.numbers if one.key.startswith(("std", "excess", "trend"))]
    assert scatters
    assert all(np.isnan(one.value) for one in scatters)
    (row,) = summary.tables["targets"]
    assert row["n"] == 3
    assert np.isnan(row["std"])


def catalogue(radec):
    n = len(radec)
    radec = np.array(radec, float).reshape(-1, 2)
    zeros = {name: np.zeros(n) for name in ("x", "y", "flux", "edge_distance_px", "contamination")}
    return make_table(
        "catalogue",
        {
            "star_id": 10 + np.arange(n),
            "ra_deg": radec[:, 0],
            "dec_deg": radec[:, 1],
            "channel": np.zeros(n, int),
            "slice": np.zeros(n, int),
            "flags": [""] * n,
            **zeros,
        },
        reference_exposure="E",
    )


def test_a_target_is_the_nearest_star_and_what_is_not_there_is_said():
    stars = catalogue([(150.0, -40.0), (150.001, -40.0), (150.01, -40.0)])
    arcsec = 1 / 3600
    found, notes = find_targets(
        (
            TargetSettings("near", 150.0011, -40.0 + arcsec),
            TargetSettings("by number", star_id=12),
            TargetSettings("nowhere", 150.0, -40.0 + 10 * arcsec),
            TargetSettings("unknown", star_id=99),
            TargetSettings("again", 150.001, -40.0),
        ),
        stars,
    )
    assert [(one.name, one.star_id) for one in found] == [("near", 11), ("by number", 12)]
    assert len(notes) == 3
    assert "nowhere" in notes[0]
    assert "star 10, is 10.0 arcsec away" in notes[0]
    assert "there is no star 99" in notes[1]
    assert "star 11 is already target near" in notes[2]
    _, (said,) = find_targets((TargetSettings("x", 1.0, 1.0),), catalogue([(np.nan, np.nan)]))
    assert "give its star_id" in said

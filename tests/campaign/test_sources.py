"""What every source of exposures must be and do; the same tests run over all that are registered."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
from astropy.io import fits

from pipeline.config.paths import ROOT
from pipeline.config.settings import Settings, SimulationSettings
from pipeline.errors import ConfigError, NoReferenceExposure
from pipeline.muse.association import tree_xml
from pipeline.muse.cube import read_header
from pipeline.reduction.exposures import Reduction
from pipeline.sources import DEFAULT_SOURCES, SOURCES, Campaign, campaigns_of, published, simulated
from pipeline.sources.request import Request
from pipeline.tasks import reduce as reduce_tasks
from pipeline.tasks.measure import SimulationPlan
from pipeline.tasks.summarise import Summary
from pipeline.workflow import products
from pipeline.workflow.executors import Workers
from tests.factories import FEW, REFERENCE, small_campaign, study_stars, write_cubes
from tests.reduction.trees import standard, tree

PLANNED = FEW[:3]  # one of them is the reference exposure of the study
SETTINGS = Settings(simulation=SimulationSettings(wave_step_aa=50.0))


@pytest.fixture(scope="module")
def cubes(tmp_path_factory):
    """Three small cubes of the study's field."""
    folder = tmp_path_factory.mktemp("cubes")
    write_cubes(folder, small_campaign(PLANNED))
    return folder


class World:
    """What a source reads, in a folder of its own."""

    settings = SETTINGS

    def __init__(self, folder, cubes, monkeypatch):
        self.folder, self.cubes, self.monkeypatch = folder, cubes, monkeypatch

    def request(self, **changes):
        given = Request(
            self.settings, ROOT, (self.source,), None, None, self.folder, Workers(1), ()
        )
        return dataclasses.replace(given, **changes)

    def change_an_input(self):
        """Make one input another; the campaign must notice."""


class OfPublished(World):
    source = "published"

    def __init__(self, *given):
        super().__init__(*given)
        self.data = self.folder / "record"
        shutil.copytree(published.RECORD_DATA, self.data)
        self.monkeypatch.setattr(published, "RECORD_DATA", self.data)

    def change_an_input(self):
        path = self.data / "snr.ecsv"
        path.write_text(path.read_text() + "\n")


class OfSimulated(World):
    source = "simulated"

    def __init__(self, *given):
        super().__init__(*given)
        plan = SimulationPlan(PLANNED, study_stars(), PLANNED.index(REFERENCE))
        self.monkeypatch.setattr(simulated, "simulation_plan", lambda: plan)

    def change_an_input(self):
        other = SimulationPlan(PLANNED[:2], study_stars(), PLANNED.index(REFERENCE))
        self.monkeypatch.setattr(simulated, "simulation_plan", lambda: other)
        self.monkeypatch.setattr(simulated, "record_files", lambda: {"timelines.ecsv": "another"})


class OfCubes(World):
    source = "cubes"

    def __init__(self, *given):
        super().__init__(*given)
        self.own = self.folder / "cubes"
        self.own.mkdir()
        for path in self.cubes.iterdir():
            (self.own / path.name).hardlink_to(path)

    def request(self, **changes):
        return super().request(**{"cubes": self.own, **changes})

    def change_an_input(self):
        sorted(self.own.iterdir())[0].unlink()


class OfArchive(World):
    """Raw frames whose reduction is done: the recipes are not what is tested here."""

    source = "archive"

    def __init__(self, *given):
        super().__init__(*given)
        self.raw = self.folder / "raw"
        self.raw.mkdir()
        for path in sorted(self.cubes.iterdir()):
            header = read_header(path)
            name = str(header["ARCFILE"]).removesuffix(".fits")
            fits.PrimaryHDU(header=header).writeto(self.raw / f"{name}.fits")
            document = tree_xml(tree(standard(name=name)))
            (self.raw / f"{name}_raw2raw.xml").write_bytes(document)
        (campaign,) = campaigns_of(self.request())
        for night in campaign.nights:
            for exposure in night.exposures:
                cube = night.folder / f"{exposure.dp_id}.cube.fits"
                cube.parent.mkdir(parents=True, exist_ok=True)
                cube.hardlink_to(self.cubes / f"{exposure.dp_id.replace(':', '_')}.fits")
                done = {
                    **reduce_tasks._content(night, Reduction(exposure.dp_id, cube)),
                    "cube_key": f"cube of {exposure.dp_id}",
                }
                reduce_tasks._keep(night, exposure, done)

    def request(self, **changes):
        return super().request(**{"raw": self.raw, **changes})

    def change_an_input(self):
        path = sorted(self.raw.glob("*.fits"))[0]
        path.unlink()
        sorted(self.raw.glob("*.xml"))[0].unlink()


WORLDS = {world.source: world for world in (OfPublished, OfSimulated, OfCubes, OfArchive)}


@pytest.fixture(params=sorted(WORLDS))
def world(request, tmp_path, cubes, monkeypatch):
    return WORLDS[request.param](tmp_path, cubes, monkeypatch)


@pytest.fixture
def campaign(world):
    (only,) = campaigns_of(world.request())
    return only


def test_every_registered_source_is_tested_here():
    assert set(SOURCES) == set(WORLDS)
    assert set(DEFAULT_SOURCES) <= set(SOURCES)


def test_a_source_makes_a_campaign_of_its_class_with_the_name_of_field_and_source(world, campaign):
    assert type(campaign) is SOURCES[world.source]
    assert isinstance(campaign, Campaign)
    assert campaign.name == f"{SETTINGS.campaign.name}-{world.source}"
    assert campaign.workspace == world.folder / campaign.name
    assert campaign.description[0].islower()
    assert campaign.title


@pytest.mark.slow
def test_a_summary_before_anything_is_measured_says_what_is_missing(campaign):
    if not campaign.is_measured:
        assert isinstance(campaign.summary, Summary)
        return
    with pytest.raises(NoReferenceExposure, match="nothing is measured yet"):
        _ = campaign.summary
    assert not campaign.summary_product.exists()


def test_asking_for_what_shapes_it_measures_nothing_and_returns_the_same_twice(world, campaign):
    first = campaign.ingredients()
    (again,) = campaigns_of(world.request())
    assert json.dumps(first, sort_keys=True) == json.dumps(again.ingredients(), sort_keys=True)
    assert campaign.data() == again.data()
    assert all(isinstance(value, str) and value for value in campaign.data().values())
    assert not list(world.folder.rglob("measurement.fits"))


@pytest.mark.slow
def test_measured_and_summarised_it_has_what_the_report_needs(world, campaign):
    campaign.measure()
    results = campaign.results()
    assert (results.name, results.source) == (campaign.name, world.source)
    assert {"exposures", "catalogue", "snr"} <= set(results.tables)
    assert results.reference_exposure in results.tables["exposures"]["exposure_id"]
    assert results.first_night <= results.last_night
    assert set(results.settings) == set(campaign.sections)
    assert results.settings["statistics"]["pairs"] == SETTINGS.statistics.pairs
    assert len({number.key for number in results.numbers}) == len(results.numbers) > 0
    n = len(results.tables["exposures"])
    assert campaign.exit_summary().startswith(f"{campaign.name}: {n} exposures, {n} ok")
    if campaign.is_measured:
        assert n == len(PLANNED)
        assert set(np.unique(results.tables["exposures"]["simulated"])) == {True}

    done = campaign.summary_product.stat()
    (later,) = campaigns_of(world.request())  # of another run: all is there, nothing is done
    assert products.staleness(later.summary_product, later.ingredients()) == ""
    later.measure()
    assert later.summary.numbers == campaign.summary.numbers
    assert later.summary_product.stat().st_mtime_ns == done.st_mtime_ns

    before = campaign.data()
    world.change_an_input()
    (other,) = campaigns_of(world.request())
    assert other.data() != before
    other.measure()
    assert products.staleness(other.summary_product, other.ingredients()) != ""


def test_another_headline_pair_makes_the_summary_stale_and_no_exposure(world, campaign):
    first = campaign.ingredients()
    pairs = dataclasses.replace(SETTINGS.statistics, pairs=((2, 22),))
    chosen = dataclasses.replace(SETTINGS, statistics=pairs)
    (other,) = campaigns_of(world.request(settings=chosen))
    changed = {key for key, value in other.ingredients().items() if first[key] != value}
    assert changed == {"settings"}


def test_one_simulated_cube_among_observed_ones_makes_the_whole_campaign_simulated(
    tmp_path, cubes, monkeypatch
):
    world = OfCubes(tmp_path, cubes, monkeypatch)
    for path in sorted(world.own.iterdir())[1:]:
        content = path.read_bytes()
        path.unlink()  # a link to a cube that other tests read
        path.write_bytes(content)
        fits.setval(path, "SIMULATED", value=False)
    (campaign,) = campaigns_of(world.request())
    assert campaign.simulated
    assert campaign.title.endswith(", simulated")
    assert campaign.notes == ("Simulated: 1 of 3 exposures, by SIMULATED = T in their headers.",)


@pytest.mark.parametrize("source", sorted(SOURCES))
def test_a_folder_is_asked_for_by_the_source_that_needs_it_and_refused_by_all_others(
    source, tmp_path
):
    request = Request(SETTINGS, ROOT, (source,), None, None, tmp_path, Workers(1), ())
    needed = SOURCES[source].folder
    if needed is not None and needed.required:
        with pytest.raises(ConfigError, match=f"--source {source} needs --{needed.name} DIR"):
            campaigns_of(request)
    for name, other in SOURCES.items():
        if name == source or other.folder is None:
            continue
        folders = {needed.name: tmp_path} if needed else {}
        given = dataclasses.replace(request, **folders, **{other.folder.name: tmp_path})
        with pytest.raises(ConfigError, match=f"only read with --source {name}"):
            campaigns_of(given)

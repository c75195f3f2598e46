"""A setting enters the keys of the stages that it declares, and of no other."""

import dataclasses
import shutil

import numpy as np
import pytest

from pipeline.config import passbands
from pipeline.config.documentation import section_classes
from pipeline.config.setting import STAGES, UNSTAMPED, definitions
from pipeline.config.settings import Settings
from pipeline.config.star_registry import StarRegistry
from pipeline.config.targets import TargetSettings
from pipeline.measure import detect, make_reference, measure
from pipeline.muse.exposure import identify
from pipeline.sources.cubes import CubeFolder
from pipeline.sources.published import PublishedRecord
from pipeline.sources.request import Request
from pipeline.tasks import measure as measure_tasks
from pipeline.tasks import reduce as reduce_tasks
from pipeline.tasks.inputs import InputExposure
from pipeline.tasks.measure import Job
from pipeline.tasks.reduce import NightJob, RawExposure
from pipeline.tasks.reference import reference_ingredients
from pipeline.workflow import products
from pipeline.workflow.executors import Workers
from tests.config.off_default import NAMES, copied, with_one_off, with_value
from tests.factories import FEW, study_stars
from tests.measure.fields import STUDY, study_cube
from tests.muse.cubes import primary_header

SHORT = measure_tasks.SimulationPlan(FEW[:2], study_stars()[:6], 1)  # the second is the reference
PLAN = measure_tasks.SimulationPlan(FEW, study_stars(), 1)


def declared(section, key):
    return set(definitions(type(getattr(Settings(), section)))[key].stages)


def own_keys(settings, folder):
    """For each stage the digest of what shapes it, without its inputs."""
    (folder / "night").mkdir(exist_ok=True)
    tree = folder / "night" / "tree.xml"
    tree.write_text("<no-tree/>")
    exposure = RawExposure("MUSE.2019-01-26T01:00:00.000", tree, "2019-01-25")
    night = NightJob((exposure,), folder, folder, settings.field, settings.reduction, 1)
    entry = InputExposure("x", identify(primary_header(), "x"), simulation_index=0)
    job = Job(entry, settings, folder, PLAN)
    request = Request(settings, folder, (), folder, None, folder, Workers(1), ())
    cubes = CubeFolder(request, [])
    made = {
        "simulate": measure_tasks.cube_ingredients(job),
        "truth": measure_tasks.truth_ingredients(job),
        "detect": measure_tasks.detect_ingredients(job),
        "reference": reference_ingredients([], settings, folder),
        "measure": measure_tasks.measure_ingredients(job, ""),
        "statistics": cubes.ingredients(),
        "record": PublishedRecord(request).ingredients(),
        "reduce": reduce_tasks.reduce_ingredients(night, exposure),
    }
    return {
        stage: products.digest({**ingredients, "inputs": None})
        for stage, ingredients in made.items()
    }


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # response.fits and known.ecsv are named relative to it
    # of the recipes their version counts, wherever they are found
    monkeypatch.setattr(reduce_tasks, "_recipes", lambda *_: "muse 2.10")
    return tmp_path


@pytest.mark.parametrize(("section", "key"), NAMES, ids=[".".join(one) for one in NAMES])
def test_a_setting_changes_the_keys_of_the_stages_that_it_declares_and_no_other(
    folder, section, key
):
    (folder / "response.fits").write_bytes(b"a response")
    (folder / "known.ecsv").write_text("# %ECSV 1.0\n")
    before = own_keys(Settings(), folder)
    after = own_keys(with_one_off(Settings(), section, key), folder)
    changed = {stage for stage in before if before[stage] != after[stage]}
    assert changed == declared(section, key) - set(UNSTAMPED)


def test_windows_of_targets_shape_the_measurement_and_targets_the_statistics(folder):
    (folder / "response.fits").write_bytes(b"a response")
    keys = {}
    for name, targets in {
        "none": (),
        "target": (TargetSettings("Q", 130.0, -33.0),),
        "moved": (TargetSettings("Q", 131.0, -33.0),),
        "window": (TargetSettings("Q", 130.0, -33.0, windows=(("line", 7000.0, 7100.0),)),),
    }.items():
        settings = copied(Settings())
        object.__setattr__(settings, "targets", targets)
        keys[name] = own_keys(settings, folder)
    assert {s for s in keys["none"] if keys["none"][s] != keys["target"][s]} == {"statistics"}
    assert {s for s in keys["none"] if keys["target"][s] != keys["moved"][s]} == {"statistics"}
    assert {s for s in keys["none"] if keys["target"][s] != keys["window"][s]} == {
        "measure",
        "statistics",
    }


def test_every_setting_is_looked_at():
    known = {
        (cls.section, key)
        for cls in section_classes()
        for key in definitions(cls)
        if cls.section != "more_fields"  # they become fields, pairs and registries of campaigns
        and cls.section != "targets"  # their windows and names enter as a whole, see below
        and (cls.section, key) != ("simulation", "preset")  # refused beside what it decides
    }
    assert set(NAMES) == known


@pytest.mark.parametrize(("section", "key"), NAMES, ids=[".".join(one) for one in NAMES])
def test_no_setting_is_at_its_default_when_it_is_off_it(section, key):
    off = with_one_off(Settings(), section, key)
    assert getattr(getattr(off, section), key) != getattr(getattr(Settings(), section), key)


@pytest.mark.parametrize(
    ("section", "key", "stage"),
    [("field", "star_registry", "reference"), ("reduction", "response", "reduce")],
)
def test_of_a_file_the_content_counts_and_not_the_name(folder, section, key, stage):
    keys = []
    for name, content in (("a", b"one"), ("b", b"one"), ("b", b"two")):
        (folder / name).write_bytes(content)
        keys.append(own_keys(with_value(Settings(), section, key, name), folder)[stage])
    assert keys[0] == keys[1] != keys[2]


def test_the_content_of_a_passband_enters_the_keys_of_what_is_summed_in_it(folder, monkeypatch):
    shutil.copytree(passbands.FOLDER, folder / "bands")
    monkeypatch.setattr(passbands, "FOLDER", folder / "bands")
    before = own_keys(Settings(), folder)
    path = folder / "bands" / "I_Bessel.ecsv"
    path.write_text(path.read_text().replace("7100 0.024", "7100 0.025"))
    after = own_keys(Settings(), folder)
    changed = {stage for stage in before if before[stage] != after[stage]}
    assert changed == {"simulate", "truth", "measure"}


class Watched:
    """Settings that remember which of them were read."""

    def __init__(self, settings):
        self.seen = set()
        self.settings = copied(settings)
        for section in settings.sections():
            object.__setattr__(self.settings, section.section, self._watched(section))

    def _watched(self, section):
        names, seen = set(definitions(type(section))), self.seen

        class Recorder(type(section)):
            def __getattribute__(self, name):
                if name in names:
                    seen.add((type(section).section, name))
                return super().__getattribute__(name)

        recorder = object.__new__(Recorder)
        for field in dataclasses.fields(section):
            object.__setattr__(recorder, field.name, getattr(section, field.name))
        return recorder


def read_in(stage):
    return {(section, key) for section, key in NAMES if stage in declared(section, key)}


def test_the_pure_steps_read_what_is_declared_for_them_and_nothing_else(tmp_path):
    settings = Settings()
    wave_aa = np.arange(6900.0, 9351.0, 50.0)
    cube = study_cube(tmp_path / "cube.fits", STUDY, seed=1, wave_aa=wave_aa)
    watched = Watched(settings)
    detection = detect(cube, watched.settings)
    assert watched.seen == read_in("detect")
    watched = Watched(settings)
    reference = make_reference("X", detection, study_registry(), watched.settings)
    chosen = {("reference", "prefer"), ("reference", "candidates"), ("field", "star_registry")}
    assert watched.seen == read_in("reference") - chosen  # those choose what is given here
    watched = Watched(settings)
    measure(cube, detection, reference, watched.settings)
    assert watched.seen == read_in("measure")


def simulated_content(settings):
    """What a simulated exposure holds: headers, first layer, and how it was drawn."""
    campaign = measure_tasks.build_simulation(SHORT, settings)
    data, stat = next(campaign.layers(0))
    headers = [header.tostring() for header in campaign.headers(0)]
    return products.digest([headers, data.tobytes().hex(), stat.tobytes().hex(), campaign.fluxes])


@pytest.fixture(scope="module")
def coarse():
    settings = with_value(Settings(), "simulation", "wave_step_aa", 45.0)
    return settings, simulated_content(settings)


@pytest.mark.parametrize(
    ("section", "key"),
    [
        *((section, key) for section, key in NAMES if section in ("simulation", "field")),
        *(("statistics", "band"), ("extraction", "radii_px")),
    ],
)
def test_a_setting_changes_what_a_simulated_cube_holds_if_it_says_so(coarse, section, key):
    settings, content = coarse
    if (section, key) == ("simulation", "variable_std"):  # shapes nothing without such a star
        settings = with_one_off(settings, "simulation", "variable_star")
        content = simulated_content(settings)
    changed = simulated_content(with_one_off(settings, section, key)) != content
    assert changed == ("simulate" in declared(section, key))


@pytest.mark.parametrize(
    ("section", "key"),
    [("statistics", "band"), ("extraction", "radii_px"), ("extraction", "method")],
)
def test_a_setting_changes_the_true_fluxes_if_it_says_so(coarse, section, key):
    def true_fluxes(settings):
        campaign = measure_tasks.build_simulation(SHORT, settings)
        table = campaign.exposure_fluxes(0, measure_tasks.truth_apertures(settings))
        return [
            np.asarray(table[name]).tolist() for name in ("band", "radius_px", "flux", "flux_err")
        ]

    settings, _ = coarse
    assert true_fluxes(with_one_off(settings, section, key)) != true_fluxes(settings)
    assert "truth" in declared(section, key)


def study_registry():
    stars = study_stars()
    return StarRegistry(*(np.array([getattr(s, k) for s in stars]) for k in ("star_id", "x", "y")))


def test_every_stage_has_a_meaning_and_every_setting_a_stage_and_help():
    for cls in section_classes():
        for key, about in definitions(cls).items():
            assert about.stages, key
            assert set(about.stages) <= set(STAGES)
            assert about.help[0] in "\"'[" or about.help[0].islower() or about.help[:2].isupper()
            assert not about.help.endswith(".")

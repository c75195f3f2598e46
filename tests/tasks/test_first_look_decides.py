"""What a first look decides: which files count, which exposure tells the stars, and what is left out."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from astropy.io import fits

from pipeline.errors import CubeEmpty, NoStarsDetected, SourceUnavailable
from pipeline.tasks import first_look
from pipeline.tasks import measure as measure_tasks
from pipeline.tasks.first_look import FieldExposures
from pipeline.tasks.reference import candidates
from tests.tasks.made import catalogue, entry
from tests.tasks.test_first_look import at


@pytest.fixture
def folder_of(monkeypatch):
    """Makes a look at entries; returns (pointings, modes, unused) that the stars are looked for in."""

    def make(*entries):
        monkeypatch.setattr(first_look, "cubes_in", lambda *_: list(entries))
        monkeypatch.setattr(first_look, "_pointings", lambda usable, _: tuple(usable))
        monkeypatch.setattr(first_look, "_with_stars", lambda *what: what)
        return first_look.look_at(Path("f"))

    return make


def test_files_that_cannot_be_used_are_named_with_their_reasons(folder_of):
    bad, lone = entry("B", error=CubeEmpty("no data")), entry("C")
    lone = replace(lone, exposure=None)
    pointings, modes, unused = folder_of(entry("A"), bad, lone)
    assert [one.exposure_id for one in pointings] == ["A"]
    assert modes == ("WFM-AO-N",)
    assert unused == ("B: no data",)


def test_exposures_with_pixels_of_another_size_are_a_campaign_of_their_own(folder_of):
    entries = entry("A"), entry("B", mode="NFM-AO-N"), entry("C", mode="WFM-NOAO-E")
    pointings, modes, unused = folder_of(*entries)
    assert [one.exposure_id for one in pointings] == ["A", "C"]
    assert modes == ("WFM-NOAO-E", "WFM-AO-N")
    assert unused == ("B: NFM-AO-N has pixels of another size; a campaign of its own",)


def test_a_folder_without_a_usable_file_gives_three_reasons(folder_of):
    entries = [entry(f"E{k}", error=CubeEmpty(f"reason {k}")) for k in range(4)]
    with pytest.raises(SourceUnavailable, match=r"f: none of 4 files can be used") as raised:
        folder_of(*entries)
    assert "E0: reason 0; E1: reason 1; E2: reason 2" in str(raised.value)
    assert "reason 3" not in str(raised.value)


@pytest.fixture
def stars_in(monkeypatch):
    """Looks for stars in exposures; ``shown`` are the stars of those that have any."""

    def make(pointing, names, shown):
        entries = tuple(
            entry(name, path=Path(name), seeing_arcsec=0.5 + k) for k, name in enumerate(names)
        )

        def detect(cube, settings):
            if cube.name not in shown:
                raise NoStarsDetected("none")
            return SimpleNamespace(settings=settings)

        monkeypatch.setattr(first_look, "open_cube", lambda path: path)
        monkeypatch.setattr(first_look, "_bands", lambda *_: ("I_Bessel",))
        monkeypatch.setattr(first_look, "detect", detect)
        monkeypatch.setattr(
            first_look, "make_reference", lambda name, *_: replace(shown[name], exposure_id=name)
        )
        pointings = (replace(pointing, entries=entries), at(99, 0, "other"))
        return first_look._with_stars(pointings, ("WFM-AO-N",), ("unused",))

    return make


STARS = catalogue(
    (1, 2, 3, 4), flux=[9.0, 50.0, 40.0, 30.0], radec=[[10, 1], [10, 0], [10, 2], [10, 3]]
)
STARS.channel[:] = [1, 2, 3, 4]


def test_the_stars_are_those_of_the_first_exposure_that_shows_some(stars_in):
    look = stars_in(at(20, 0, "A"), ["a", "b", "c"], {"b": STARS, "c": STARS})
    assert look.catalogue.exposure_id == "b"
    assert [one.name for one in look.pointings] == ["A", "other"]
    assert (look.modes, look.unused, look.bands) == (("WFM-AO-N",), ("unused",), ("I_Bessel",))
    assert (look.central_star, look.brightest) == (0, (2, 3, 4))
    assert (2, 3) in look.pairs


def test_the_star_that_is_pointed_at_is_in_no_pair(stars_in):
    look = stars_in(at(10, 0, "A"), ["a"], {"a": STARS})
    assert look.central_star == 2
    assert look.pairs[0] == (3, 4)
    assert all(2 not in pair for pair in look.pairs)


@pytest.mark.parametrize(("name", "mask"), [("LTT 3218", "brightest"), ("A", "saturated")])
def test_the_brightest_star_is_masked_in_the_field_of_a_standard_only(stars_in, name, mask):
    assert stars_in(at(20, 0, name), ["a"], {"a": STARS}).mask == mask


def test_five_exposures_are_looked_at_and_their_reasons_are_given(stars_in):
    names = list("abcdefg")
    with pytest.raises(
        SourceUnavailable, match="A: no exposure shows stars: a: none; b: none"
    ) as raised:
        stars_in(at(20, 0, "A"), names, {})
    assert str(raised.value).count("none") == 5
    with pytest.raises(SourceUnavailable):
        stars_in(at(20, 0, "A"), names, {"f": STARS})
    assert stars_in(at(20, 0, "A"), names, {"e": STARS}).catalogue.exposure_id == "e"


def test_a_radius_of_a_field_is_given_to_a_tenth_of_an_arcminute():
    from astropy.coordinates import SkyCoord

    group = [(entry(), SkyCoord(10, dec, unit="deg"), "A") for dec in (0.0, 0.1234)]
    found = first_look._pointing("A", group)
    assert found.radius_arcmin == 5.6  # 1.5 x 3.702
    assert isinstance(found, FieldExposures)


def test_variances_are_read_as_the_settings_say(campaign, monkeypatch):
    job, asked = campaign[0][0], []
    header = fits.Header()

    def open_cube(_, **how):
        asked.append(how)
        return SimpleNamespace(header=header)

    monkeypatch.setattr(measure_tasks, "open_cube", open_cube)
    monkeypatch.setattr(measure_tasks, "replace", lambda cube, **_: cube)
    measure_tasks._open(job)
    cubes = replace(job.settings.cubes, stat="std")
    measure_tasks._open(replace(job, settings=replace(job.settings, cubes=cubes)))
    assert asked == [{}, {"stat": "std"}]


def test_later_candidates_come_after_those_of_the_rule_and_nobody_twice(campaign):
    jobs, settings, _ = campaign
    usable = [
        replace(jobs[0], entry=entry(name, seeing_arcsec=0.5 + k)) for k, name in enumerate("abcde")
    ]
    how = replace(settings, reference=replace(settings.reference, prefer=(), candidates=2))
    groups = candidates(usable, how)
    assert [[job.entry.exposure_id for job in group] for group in groups] == [
        ["a", "b"], ["c", "d"], ["e"]
    ]  # fmt: skip
    spoiled = [replace(usable[0], entry=entry("a", error=CubeEmpty("no"))), *usable[1:]]
    assert [job.entry.exposure_id for group in candidates(spoiled, how) for job in group] == list(
        "bcde"
    )
    assert candidates([], how) == []


@pytest.mark.parametrize("keep", [True, False])
def test_a_simulated_cube_is_kept_or_rendered_where_it_is_read(campaign, monkeypatch, keep):
    job, seen = campaign[0][0], []
    simulation = replace(job.settings.simulation, keep_cubes=keep)
    made = replace(
        job, settings=replace(job.settings, simulation=simulation), plan=object(),
        entry=replace(job.entry, simulation_index=3),
    )  # fmt: skip
    realization = SimpleNamespace(
        rendering=lambda index: ("rendering", index), headers=lambda index: ("headers", index)
    )
    monkeypatch.setattr(measure_tasks, "build_simulation", lambda *_: realization)
    monkeypatch.setattr(measure_tasks, "RenderedLayers", lambda *what: what)
    monkeypatch.setattr(measure_tasks, "cube_of_layers", lambda *what: ("rendered", *what))
    monkeypatch.setattr(measure_tasks, "_keep_cube", lambda *what: seen.append(what))
    monkeypatch.setattr(measure_tasks, "open_cube", lambda *_: SimpleNamespace(header=None))
    monkeypatch.setattr(measure_tasks, "declare", lambda *_: None)
    monkeypatch.setattr(measure_tasks, "replace", lambda *_, **__: "opened")
    found = measure_tasks._open(made)
    rendering = ("rendering", 3)
    rendered = ("rendered", job.cube, ("headers", 3), (rendering, 0), (rendering, 1))
    assert found == ("opened" if keep else rendered)
    assert seen == ([(made, realization, 3)] if keep else [])

"""Which stars are targets, and what is said where one is not found."""

import numpy as np

from pipeline.config.targets import TargetSettings
from pipeline.statistics.targets import Target
from pipeline.tasks import targets
from pipeline.tasks.targets import find_targets, note_on_targets, tables_of_targets
from tests.report.tables import fill
from tests.tasks.made import catalogue

RADEC = [[10.0, 0.0], [10.0, 2.0 / 3600], [np.nan, np.nan], [10.0, 1.0]]


def stars(radec=RADEC):
    return catalogue((5, 6, 7, 8), radec=radec, name="MUSE.A").table()


def at(name, dec_arcsec):
    return TargetSettings(name, ra_deg=10.0, dec_deg=dec_arcsec / 3600)


def test_a_target_is_the_nearest_star_within_three_arcseconds():
    found, notes = find_targets([at("near", 1.2), at("edge", -2.9)], stars())
    assert [(one.star_id, one.name, one.asked) for one in found] == [
        (6, "near", True), (5, "edge", True)
    ]  # fmt: skip
    assert (found[0].ra_deg, found[0].dec_deg) == (10.0, 2.0 / 3600)
    assert notes == ()


def test_a_target_that_no_star_is_near_is_said_with_the_nearest_star():
    found, notes = find_targets([at("far", 5.5)], stars())
    assert found == ()
    assert notes == (
        "Target far: no star within 3 arcsec of its coordinates; the nearest, star 6, is 3.5 arcsec "
        "away (reference exposure MUSE.A).",
    )


def test_a_target_by_number_needs_no_coordinates():
    found, notes = find_targets(
        [TargetSettings("T", star_id=7), TargetSettings("U", star_id=9)], stars()
    )
    assert [(one.star_id, one.name) for one in found] == [(7, "T")]
    assert notes == ("Target U: there is no star 9 (reference exposure MUSE.A).",)


def test_a_star_is_one_target_and_the_second_name_is_said():
    found, notes = find_targets([TargetSettings("T", star_id=6), at("U", 2.0)], stars())
    assert [one.name for one in found] == ["T"]
    assert notes == ("Target U: star 6 is already target T.",)


def test_without_celestial_coordinates_a_number_is_asked_for():
    _, notes = find_targets([at("T", 0)], stars(np.full((4, 2), np.nan)))
    assert "the cubes have no celestial coordinates; give its star_id" in notes[0]


def variability():
    return fill(
        "variability", 5, star_id=[5, 6, 7, 8, 9], probability=[1e-5, 1e-9, 1e-9, 1e-3, 1e-9],
        std=[0.1, 0.1, 0.2, 0.3, 0.4], flag=["variable", "variable", "variable", "", "variable"],
    )  # fmt: skip


def test_stars_found_to_vary_come_by_certainty_then_scatter_without_the_targets():
    tables = {"catalogue": catalogue((5, 6, 7, 8, 9)).table(), "variability": variability()}
    found = targets._found_to_vary(tables, {9})
    assert [(one.star_id, one.name, one.asked, one.probability) for one in found] == [
        (7, "star 7", False, 1e-9), (6, "star 6", False, 1e-9), (5, "star 5", False, 1e-5)
    ]  # fmt: skip
    assert targets._found_to_vary({"catalogue": tables["catalogue"]}, set()) == []


def test_only_so_many_of_them_get_a_light_curve(monkeypatch):
    tables = {"catalogue": catalogue((5, 6, 7, 8, 9)).table(), "variability": variability()}
    monkeypatch.setattr(targets, "MAX_FOUND", 2)
    assert [one.star_id for one in targets._found_to_vary(tables, set())] == [9, 7]


def test_without_targets_and_variable_stars_there_are_no_tables():
    tables = {"catalogue": stars(), "exposures": fill("exposures", 0)}
    none = tables_of_targets(
        None, tables, (), radius_px=3.0, reference_exposure="A", channel_share=np.zeros(0)
    )
    assert none == {}


def test_targets_are_named_where_summaries_leave_them_out():
    assert note_on_targets(()) == ()
    assert note_on_targets((Target(5, "A"), Target(6, "B"))) == (
        "Left out of the floor and of every summary over pairs as targets: A (star 5), B (star 6).",
    )

"""Names in a figure cover neither points nor each other."""

import numpy as np
import pytest

from pipeline.report.figures.label_places import spread, text_positions


def test_places_that_are_far_enough_apart_stay() -> None:
    assert spread([40.0, 0.0, 20.0], 15.0) == [40.0, 0.0, 20.0]


def test_places_that_touch_move_apart_about_their_mean_in_their_order() -> None:
    assert spread([10.0, 12.0], 15.0) == [3.5, 18.5]
    moved = spread([50.0, 52.0, 10.0, 53.0], 10.0)
    assert moved[2] == 10.0
    assert [moved[k] for k in (0, 1, 3)] == pytest.approx([41.667, 51.667, 61.667], abs=0.001)


def test_a_group_that_grows_into_its_neighbour_takes_it_in() -> None:
    moved = spread([0.0, 12.0, 13.0], 10.0)
    assert moved == pytest.approx([-1.667, 8.333, 18.333], abs=0.001)
    assert np.diff(moved).min() == pytest.approx(10.0)


def positions(
    points: list[tuple[float, float]], at: tuple[float, float] = (100.0, 100.0)
) -> list[str]:
    marks = [np.array([at])]
    return text_positions(
        ["4/6"], marks, [np.array(points, float).reshape(-1, 2)], [(200.0, 200.0)]
    )


def test_a_name_stands_above_its_mark_where_there_is_room() -> None:
    assert positions([]) == ["top center"]


def test_a_name_gives_way_to_points_and_to_the_edge() -> None:
    assert positions([(100.0, 86.0)]) == ["bottom center"]
    assert positions([], at=(100.0, 4.0)) == ["bottom center"]
    above_and_below = [(100.0, 86.0), (100.0, 114.0)]
    assert positions(above_and_below) == ["middle right"]


def test_two_names_do_not_share_a_place() -> None:
    marks = [np.array([(100.0, 100.0), (104.0, 101.0)])]
    found = text_positions(["2/22", "4/6"], marks, [np.empty((0, 2))], [(200.0, 200.0)])
    assert found[0] != found[1]


def test_one_choice_serves_a_wide_and_a_narrow_picture() -> None:
    """Above is free in the first picture alone, below in both."""
    marks = [np.array([(100.0, 100.0)])] * 2
    points = [np.empty((0, 2)), np.array([(100.0, 86.0)])]
    assert text_positions(["4/6"], marks, points, [(200.0, 200.0)] * 2) == ["bottom center"]

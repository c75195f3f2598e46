"""Words within figures: SIMULATED, names of lines, titles."""

import re

import numpy as np
import pytest

from pipeline.report.figures.base import STRIP_PX, Figure, stamped, with_strip


def test_the_word_simulated_stands_within_the_axes_it_is_about() -> None:
    """Axes of equal scales are narrower than the plotting area: the word keeps to them."""
    equal = {"height": 300, "yaxis": {"scaleanchor": "x"}}
    (mark,) = stamped(equal, True)["annotations"]
    assert (mark["xref"], mark["yref"], mark["xanchor"], mark["yanchor"]) == (
        *("x domain", "y domain"), *("right", "top"),
    )  # fmt: skip
    (usual,) = stamped({"height": 300}, True)["annotations"]
    assert (usual["xref"], usual["yref"]) == ("paper", "paper")


def test_over_a_map_the_word_simulated_has_a_strip_without_cells() -> None:
    layout = {"height": 220, "margin": {"t": 10, "b": 10}, "yaxis": {"type": "category"}}
    free = with_strip(layout, 10, True)
    low, high = free["yaxis"]["range"]
    row_px = (free["height"] - 20) / (high - low)
    assert low == -0.5
    assert row_px == pytest.approx(20.0), "rows keep their height"
    assert (high - 9.5) * row_px == pytest.approx(STRIP_PX)
    assert with_strip(layout, 10, False) is layout


def test_every_map_of_a_simulation_has_that_strip(figures: list[Figure]) -> None:
    maps = [one for one in figures if one.simulated and one.data[0]["type"] == "heatmap"]
    assert maps
    for one in maps:
        assert one.layout["yaxis"]["range"][1] > len(one.data[0]["y"]) - 0.5


def test_names_of_lines_stand_beside_the_axes_and_apart(figures: list[Figure]) -> None:
    found = [one for one in figures if one.figure_id.startswith("scatter-")]
    assert found
    for figure in found:
        layout = figure.layout
        span = layout["yaxis"]["range"]
        tall = layout["height"] - layout["margin"]["t"] - layout["margin"]["b"]
        names = [
            one for one in layout["annotations"] if one["yref"] == "y" and one["xref"] == "paper"
        ]
        assert len(names) > 1
        at = sorted(
            tall * (one["y"] - span[0]) / (span[1] - span[0]) + one["yshift"] for one in names
        )
        assert np.diff(at).min() > 14.8
        assert all(one["x"] == 1 and one["xanchor"] == "left" for one in names)


@pytest.mark.parametrize("words", [("Spectra of one star",), ("The same star in",)])
def test_titles_state_a_finding_and_no_subject(
    figures: list[Figure], words: tuple[str, ...]
) -> None:
    assert not [one.title for one in figures if one.title.startswith(words)]
    spectra = [one for one in figures if one.figure_id.startswith(("spectra-", "modes-"))]
    assert spectra
    assert all(re.search(r"\d+ %", one.title) for one in spectra)

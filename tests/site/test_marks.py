"""The word SIMULATED as a reader sees it: within the axes, over no cell of a map; sizes on a phone."""

from typing import Any

import pytest

from tests.site.conftest import DESKTOP, PHONE
from tests.site.explore_page import visit

pytestmark = pytest.mark.browser

WORD = "SIMULATED"
# Of every plot on the page: the word, the axes, and the cells of a map, as [left, top, right, bottom].
PLACES = """() => { const box = (one) => { const r = one.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]; };
  return [...document.querySelectorAll(".rp-host.js-plotly-plot")].filter((one) => one.getClientRects().length > 0)
    .map((host) => ({ words: [...host.querySelectorAll(".annotation text")].filter((one) => one.textContent.includes("SIMULATED")).map(box),
                      axes: box(host.querySelector(".nsewdrag")), cells: [...host.querySelectorAll(".heatmaplayer image")].map(box) })); }"""  # noqa: E501
SMALLEST_PX = 8.0  # of letters in a small drawing


@pytest.mark.parametrize("name", ["stars", "channels", "exposures"])
def test_simulated_stands_within_the_axes_and_over_no_cell(
    watched: Any, base: str, name: str
) -> None:
    one = watched(DESKTOP)
    one.open(f"{base}{name}.html?campaign=simulated")
    plots = one.page.evaluate(PLACES)
    assert plots
    for plot in plots:
        assert len(plot["words"]) == 1
        left, top, right, bottom = plot["words"][0]
        axes = plot["axes"]
        assert axes[0] - 1 <= left < right <= axes[2] + 1
        assert axes[1] - 1 <= top < bottom <= axes[3] + 1
        for cell in plot["cells"]:
            assert bottom <= cell[1] + 4, "its letters end above the cells"
    one.clean()


def test_every_view_of_explore_says_simulated_within_its_frame(watched: Any, base: str) -> None:
    one = watched(DESKTOP)
    page = visit(one, f"{base}explore.html?campaign=simulated")
    page.wait_for_selector(".ex-app[data-pairs]")
    for view in ("field", "timeline", "scatter", "matrix"):
        marks = page.locator(f"#ex-{view} svg text", has_text=WORD)
        assert marks.count() == 1, view
        mark, host = marks.bounding_box(), page.locator(f"#ex-{view}").bounding_box()
        assert mark["x"] >= host["x"], view
        assert mark["x"] + mark["width"] <= host["x"] + host["width"] + 1, view
        assert mark["y"] >= host["y"], view
    for view in ("timeline", "scatter"):  # under the title of the axis, which stands over the axes
        title, mark = (
            page.locator(f"#ex-{view} svg text", has_text=text).first.bounding_box()
            for text in ("%]", WORD)
        )
        assert mark["y"] >= title["y"] + title["height"] - 4, view
    one.clean()


def test_small_drawings_can_be_read_on_a_phone(watched: Any, base: str, site: Any) -> None:
    one = watched(PHONE)
    for kind in ("stars", "exposures"):
        first = min(site.glob(f"{kind}/*simulated/*.html"))
        one.page.goto(f"{base}{first.relative_to(site).as_posix()}")
        scales = one.page.evaluate(
            """() => [...document.querySelectorAll("svg.rp-small")]
            .map((one) => one.getBoundingClientRect().width / one.viewBox.baseVal.width)"""
        )
        assert scales
        assert 11 * min(scales) >= SMALLEST_PX
    one.clean()

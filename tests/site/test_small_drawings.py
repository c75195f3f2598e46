"""Points of the drawings on pages of stars: a tap and the arrow keys show their values."""

from typing import Any

import pytest

from tests.site.conftest import DESKTOP, PHONE

pytestmark = pytest.mark.browser


def first_star(site: Any) -> str:
    return min(site.glob("stars/*simulated/*.html")).relative_to(site).as_posix()


def test_a_tap_shows_the_value_of_a_point_and_stays_on_the_page(
    watched: Any, base: str, site: Any
) -> None:
    one = watched(PHONE)
    page = one.page
    page.goto(f"{base}{first_star(site)}")
    drawing = page.locator("figure > svg.rp-small").first
    points = drawing.locator(":is(circle, rect):has(> title)")
    boxes = [one.bounding_box() for one in points.all()]
    point = points.nth(min(range(len(boxes)), key=lambda k: boxes[k]["x"]))  # none lies over it
    words = point.locator("title").text_content()
    drawing.scroll_into_view_if_needed()
    box, address = point.bounding_box(), page.url
    value = page.locator("figure > svg.rp-small + output.value").first
    assert value.text_content() == ""
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert value.text_content() == words
    assert "%" in words
    assert page.url == address
    assert drawing.locator(".rp-s-chosen").count() == 1
    one.clean()


def test_arrow_keys_read_the_points_from_left_to_right(watched: Any, base: str, site: Any) -> None:
    one = watched(DESKTOP)
    page = one.page
    page.goto(f"{base}{first_star(site)}")
    drawing = page.locator("figure > svg.rp-small").first
    value = page.locator("figure > svg.rp-small + output.value").first
    places = drawing.evaluate(
        """(svg) => [...svg.querySelectorAll("title")].map((title) => {
        const box = title.parentNode.getBBox(); return [box.x + box.width / 2, title.textContent]; })"""
    )
    in_order = [words for _, words in sorted(places, key=lambda place: place[0])]
    drawing.focus()
    for words in in_order[:3]:
        page.keyboard.press("ArrowRight")
        assert value.text_content() == words
    page.keyboard.press("End")
    assert value.text_content() == in_order[-1]
    assert value.get_attribute("aria-live") == "polite"
    one.clean()

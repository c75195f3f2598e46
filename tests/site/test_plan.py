"""The page Plan in Chromium: its prediction is Python's, its epochs follow the formula that it prints."""

import json
import math
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from astropy.table import QTable

from pipeline.report.pages.plan import SIGMAS, expected_scatter
from tests.site.conftest import DESKTOP, PHONE

pytestmark = pytest.mark.browser

EQUAL = 1e-6


def predictions(site: Path) -> dict[str, QTable]:
    """The published table of every campaign that has one."""
    files = sorted(site.glob("data/*/prediction.ecsv"))
    return {file.parent.name: QTable.read(file) for file in files}


def visit(one: Any, address: str) -> Any:
    """The page, ready."""
    one.page.goto(address)
    one.page.wait_for_selector("[data-planner][data-ready]")
    return one.page


def raw(page: Any, part: str) -> Any:
    return json.loads(page.locator(f".plan-{part}").get_attribute("data-raw"))


@pytest.mark.parametrize("lag_days", [None, 0.0, 30.0])
def test_the_prediction_and_its_intervals_equal_pythons(
    watched: Any, site: Path, base: str, lag_days: float | None
) -> None:
    one = watched()
    assert predictions(site)
    for campaign, table in predictions(site).items():
        kinds = sorted(set(np.asarray(table["same_channel"], bool).tolist()))
        for same in kinds:
            for snr_1, snr_2 in ((200, 200), (35, 1200)):
                address = f"plan.html?campaign={campaign}&snr1={snr_1}&snr2={snr_2}&same={same:d}"
                address += "" if lag_days is None else f"&lag={lag_days:g}"
                page = visit(one, base + address)
                browser = {float(key): value for key, value in raw(page, "answer").items()}
                python = expected_scatter(table, snr_1, snr_2, same_channel=same, lag_days=lag_days)
                assert browser == pytest.approx(python, rel=EQUAL)
                words = page.locator(".plan-answer").text_content()
                assert f"{100 * python[0.5]:.2f} %" in words
    one.clean()


def test_the_epochs_follow_the_printed_formula(watched: Any, site: Path, base: str) -> None:
    one = watched()
    campaign, table = next(iter(predictions(site).items()))
    for lag, groups in ((None, 2), (7.0, 1)):
        page = visit(
            one,
            f"{base}plan.html?campaign={campaign}&snr1=300&snr2=100&change=4"
            + ("" if lag is None else f"&lag={lag:g}"),
        )
        found = expected_scatter(table, 300, 100, lag_days=lag)
        expected = [
            math.ceil(groups * (SIGMAS * found[level] / math.log1p(0.04)) ** 2)
            for level in (0.025, 0.5, 0.975)
        ]
        assert raw(page, "epochs") == expected
    one.clean()


def test_the_inputs_are_in_the_address_and_back_undoes_them(watched: Any, base: str) -> None:
    one = watched()
    page = visit(one, f"{base}plan.html")
    before = page.locator(".plan-answer").text_content()
    page.locator("[name=snr1]").fill("40")
    after = page.locator(".plan-answer").text_content()
    assert after != before
    assert parse_qs(urlsplit(page.url).query)["snr1"] == ["40"]
    again = watched()
    assert visit(again, page.url).locator(".plan-answer").text_content() == after
    one.clean()
    again.clean()


def test_the_contour_takes_clicks_and_keys(watched: Any, base: str) -> None:
    one = watched()
    page = visit(one, f"{base}plan.html")
    chart = page.locator(".plan-chart")
    chart.focus()
    page.keyboard.press("ArrowRight")
    assert float(page.locator("[name=snr1]").input_value()) == pytest.approx(210)
    chart.click(position={"x": 120, "y": 120})
    assert float(page.locator("[name=snr2]").input_value()) > 300
    assert float(page.locator("[name=snr1]").input_value()) < 100
    one.clean()


def test_the_snr_of_two_stars_is_taken_from_the_field(watched: Any, base: str) -> None:
    one = watched()
    page = visit(one, f"{base}plan.html")
    page.locator(".plan-stars summary").click()
    page.wait_for_selector("[name=star1] option", state="attached")
    page.locator("[name=star1]").select_option(index=2)
    page.wait_for_function("document.querySelector('.plan-explore').href.includes('a=')")
    assert float(page.locator("[name=snr1]").input_value()) > 0
    one.clean()


def test_what_cannot_be_said_is_not_said(watched: Any, base: str) -> None:
    one = watched(PHONE)
    page = visit(one, f"{base}plan.html")
    page.locator("[name=snr1]").fill("0")
    assert "above 0" in page.locator(".plan-answer").text_content()
    one.clean()


def test_from_disk_and_without_script(watched: Any, site: Path, base: str) -> None:
    address = f"{site.as_uri()}/"
    disk = watched(allowed=address)
    page = visit(disk, f"{address}plan.html")
    page.locator("[name=snr1]").fill("90")
    assert "%" in page.locator(".plan-answer").text_content()
    disk.clean()
    bare = watched(java_script_enabled=False)
    bare.page.goto(f"{base}plan.html")
    assert not bare.page.locator(".plan-full").is_visible()
    assert bare.page.locator("table.rp-data tbody tr").count() > 0
    assert bare.page.locator(".rp-files a[download]").count() > 0
    bare.clean()


def test_lines_of_equal_scatter_are_the_same_with_a_and_b_exchanged(
    watched: Any, site: Path, base: str
) -> None:
    """Both arms of a line reach the edge of the figure: the scatter does not know A from B."""
    one = watched()
    page = visit(one, f"{base}plan.html?campaign={min(predictions(site))}&snr1=200&snr2=200")
    lines = page.evaluate(
        """() => [...document.querySelectorAll(".plan-chart svg path")]
        .map((one) => one.getAttribute("d").match(/-?[\\d.]+/g).map(Number))
        .filter((one) => one.length > 40)"""
    )
    one.clean()
    assert len(lines) > 3
    across, down = ([line[k::2] for line in lines] for k in (0, 1))
    right, top = max(map(max, across)), min(map(min, down))
    reaching = [min(y) for x, y in zip(across, down, strict=True) if max(x) > right - 1]
    assert len(reaching) > 3
    assert reaching == pytest.approx([top] * len(reaching), abs=1)


COVERED = """() => { const boxes = [...document.querySelectorAll(
    ".plan-chart .plan-level, .plan-chart .plan-chosen, .plan-chart circle")]
  .map((one) => one.getBoundingClientRect());
  const touch = (a, b) => a.left < b.right - 1 && b.left < a.right - 1
    && a.top < b.bottom - 3 && b.top < a.bottom - 3;
  return boxes.flatMap((a, k) => boxes.slice(k + 1).filter((b) => touch(a, b))).length; }"""


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_no_name_of_a_line_lies_under_another_or_under_the_chosen_point(
    watched: Any, base: str, size: tuple[int, int]
) -> None:
    one = watched(size)
    for snr_1, snr_2 in ((200, 200), (100, 100), (60, 70), (1200, 90), (25, 25), (5000, 5000)):
        page = visit(one, f"{base}plan.html?snr1={snr_1}&snr2={snr_2}")
        assert page.locator(".plan-level").count() > 2
        assert page.evaluate(COVERED) == 0, (snr_1, snr_2)
    one.clean()


def test_beside_the_switch_for_one_channel_stands_why_it_cannot_be_used(
    watched: Any, site: Path, base: str
) -> None:
    one = watched()
    for campaign, table in predictions(site).items():
        page = visit(one, f"{base}plan.html?campaign={campaign}")
        able = bool(np.asarray(table["same_channel"], bool).any())
        assert page.locator("[name=same]").is_enabled() is able
        assert page.locator(".plan-why:visible").count() == (0 if able else 1)
    one.clean()

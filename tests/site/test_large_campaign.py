"""A campaign of more exposures than can have a page each: they share one, which loads a year at a time."""

import html
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from pipeline.report import build_site, render, rows, sampling
from pipeline.report.pages.exposure import exposure_pages
from pipeline.report.pages.remedies import remedy_of
from pipeline.report.text import one_line
from pipeline.schema.results import Results
from tests.report import factory
from tests.site.conftest import DESKTOP, EPOCH, PHONE
from tests.site.links import broken_links
from tests.site.test_access import AXE, FINDINGS
from tests.site.test_browser import OVERFLOW

pytestmark = pytest.mark.browser

MOST_PAGES, MOST_DRAWN = 20, 30  # instead of 500 each: the factory makes 48 exposures


@pytest.fixture(scope="module")
def campaign() -> Results:
    return factory.campaign(hostile=True)


@pytest.fixture(scope="module")
def pages(campaign: Results) -> dict[str, Any]:
    """What the page of each exposure says where each has one."""
    return {page.context["identity"]: page for page in exposure_pages(campaign)}


@pytest.fixture(scope="module")
def large(campaign: Results, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("large-campaign")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "MAX_EXPOSURE_PAGES", MOST_PAGES)
        patch.setattr(sampling, "MAX_DRAWN", MOST_DRAWN)
        render([campaign], factory.build_info(), folder / "docs")
    return build_site(folder / "docs", folder / "site", epoch=EPOCH)


def links_to(campaign: Results) -> dict[str, str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "MAX_EXPOSURE_PAGES", MOST_PAGES)
        return rows.exposure_links(campaign)


def test_only_exposures_that_are_not_ok_have_a_page_of_their_own(
    large: Path, campaign: Results
) -> None:
    failed = [row for row in campaign.tables["exposures"] if str(row["status"]) != "ok"]
    assert len(list(large.glob("exposures/*/*.html"))) == len(failed) == 1
    assert broken_links(large) == []
    assert (large / "exposure.html").is_file()
    assert len(list(large.glob("assets/figures/exposures/*.js"))) == 1 + len(
        rows.years_of(campaign)
    )


def test_a_failed_exposure_keeps_a_static_page_with_reason_and_remedy(
    large: Path, campaign: Results
) -> None:
    (failed,) = (row for row in campaign.tables["exposures"] if str(row["status"]) == "failed")
    address = links_to(campaign)[str(failed["exposure_id"])]
    reason = one_line(str(failed["reason"]))
    assert address.startswith("exposures/")
    assert address.endswith(".html")
    said = html.unescape((large / address).read_text(encoding="utf-8"))
    assert f"<strong>Failed.</strong> {reason}</p>" in said
    assert f"<strong>What to do.</strong> {remedy_of(reason)}</p>" in said
    assert f'href="{address}"' in (large / "exposures.html").read_text(encoding="utf-8")


def test_figures_draw_one_exposure_in_some_and_say_so(large: Path) -> None:
    text = (large / "pairs.html").read_text(encoding="utf-8")
    assert "One exposure in 2 is drawn, and each that is bad." in text


@pytest.mark.parametrize("from_disk", [True, False])
def test_the_shared_page_says_of_an_exposure_what_its_own_page_would(
    watched: Any, serve: Any, large: Path, campaign: Results, pages: dict[str, Any], from_disk: bool
) -> None:
    base = f"{large.as_uri()}/" if from_disk else str(serve(large))
    one = watched(DESKTOP, allowed=base)
    links = links_to(campaign)
    ok = [str(r["exposure_id"]) for r in campaign.tables["exposures"] if str(r["status"]) == "ok"]
    assert ok[0] == factory.HOSTILE_ID, "an id that wants to be markup is among them"
    for identity in (ok[0], ok[4], ok[-1]):
        one.page.goto(base + links[identity])
        one.page.wait_for_selector("#exposure dl")
        page = pages[identity]
        assert one.page.locator("h1").inner_text().startswith(page.title)
        assert one.page.locator("h1 .sim").is_visible()
        shown = one.page.locator("#exposure dl dd").all_inner_texts()
        assert shown == [" ".join(str(line.text).split()) for line in page.context["facts"]]
        said = " ".join(one.page.locator("#exposure").inner_text().split())
        for _, star, value in page.context["farthest"]:
            assert f"star {star} {value}" in said
        drawings = one.page.locator("#exposure svg")
        n_points = [
            len(re.findall("<circle", str(page.context[k]))) for k in ("residuals", "offsets")
        ]
        assert [drawings.nth(k).locator("circle").count() for k in range(2)] == n_points
        assert all("SIMULATED" in text for text in drawings.all_text_contents())
    one.clean()


def test_a_reader_walks_from_the_index_through_a_year(
    watched: Any, serve: Any, large: Path, campaign: Results
) -> None:
    base = str(serve(large))
    one = watched(PHONE, allowed=base)
    page = one.page
    page.goto(f"{base}exposures.html")
    years = rows.years_of(campaign)
    first = next(iter(years))
    page.locator("main").get_by_role("link", name=first, exact=True).click()
    page.wait_for_selector("#exposure li")
    assert page.locator("#exposure li").count() == years[first]
    page.locator("#exposure li a").nth(5).click()
    page.wait_for_selector("#exposure dl")
    before = page.locator("h1").text_content() or ""
    page.locator(".steps [rel=next]").click()
    page.wait_for_selector("#exposure dl")
    expect(page.locator("h1")).not_to_have_text(before)
    page.locator(".steps [rel=prev]").click()
    expect(page.locator("h1")).to_have_text(before)
    assert page.evaluate(OVERFLOW) <= 0
    page.evaluate(AXE)
    assert page.evaluate(FINDINGS) == []
    one.clean()


def test_an_unknown_exposure_is_not_known(watched: Any, serve: Any, large: Path) -> None:
    base = str(serve(large))
    one = watched(allowed=base)
    one.page.goto(f"{base}exposure.html?id=demo-simulated/1066/x")
    one.page.wait_for_selector("#exposure p")
    assert "not known here" in one.page.locator("#exposure").inner_text()
    one.page.goto(f"{base}exposure.html?id=../../x/2019/<img src=x onerror=alert(1)>")
    one.page.wait_for_timeout(100)
    assert one.dialogs == []

"""What a reader does: reads the answer on the first screen, changes campaigns, goes from point to point."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.report.site.redirects import MOVED
from tests.site.conftest import DESKTOP, PHONE
from tests.site.explore_page import visit_plan
from tests.site.test_browser import MOST_SHIFT, SHIFT

pytestmark = pytest.mark.browser

# Of some points of a plot: what it shows over them, and what is shown on its picture.
SAID = """async (host) => { const found = [];
  for (const [curve, trace] of host.data.entries()) {
    if (trace.hoverinfo === 'skip' || !trace.y || !trace.y.length || trace.z) continue;
    const k = trace.y.length >> 1;
    const x = trace.x ? trace.x[k] : trace.x0 + k * trace.dx;
    Plotly.Fx.unhover(host);
    const axes = (trace.xaxis || 'x') + (trace.yaxis || 'y');
    Plotly.Fx.hover(host, [{curveNumber: curve, pointNumber: k}], [axes]);
    await new Promise((done) => setTimeout(done, 150));
    const shown = [...host.querySelectorAll('.hoverlayer .hovertext text')].map((text) =>
      [...text.querySelectorAll('tspan.line')].map((line) => line.textContent).join(', ')
      || text.textContent).filter(Boolean).join(', ');
    found.push([shown, RPValues.words({trace, k, x, y: trace.y[k]})]);
  }
  return found; }"""
ENDS = """(selector) => Math.max(...[...document.querySelectorAll(selector)]
  .filter((part) => part.getClientRects().length > 0)
  .map((part) => part.getBoundingClientRect().bottom + scrollY))"""


def test_the_first_screen_holds_answer_proof_facts_trust_and_planner(
    watched: Any, base: str
) -> None:
    one = watched(DESKTOP)
    one.page.goto(f"{base}index.html")
    one.page.wait_for_selector(".rp-plot.rp-ready")
    for part in (".rp-headline", ".rp-answer", ".rp-plot", ".rp-facts", ".rp-trust", ".rp-planner"):
        assert one.page.evaluate(ENDS, part) <= DESKTOP[1], part
    facts = one.page.locator(".rp-facts li:visible")
    assert facts.count() == 3
    assert one.page.locator(".rp-trust li:visible").count() == 4
    assert one.page.evaluate(SHIFT) < MOST_SHIFT
    one.clean()


def test_the_first_screen_of_a_phone_holds_the_answer_and_its_figure(
    watched: Any, base: str
) -> None:
    one = watched(PHONE)
    one.page.goto(f"{base}index.html")
    one.page.wait_for_selector(".rp-plot.rp-picture")
    assert one.page.evaluate(ENDS, ".rp-headline") < PHONE[1] / 2
    assert one.page.evaluate(ENDS, ".rp-plot") <= PHONE[1]
    one.clean()


def test_the_planner_answers_as_the_page_does_for_its_example(watched: Any, base: str) -> None:
    one = watched()
    one.page.goto(f"{base}index.html")
    form = one.page.locator("form.rp-planner:visible")
    before = form.locator("output").inner_text()
    form.locator("input[name=snr1]").fill("20")
    assert form.locator("output").inner_text() != before
    form.locator("input[name=snr1]").fill("200")
    assert form.locator("output").inner_text() == before
    form.locator("input[name=snr1]").fill("0")
    assert "above 0" in form.locator("output").inner_text()
    one.clean()


def test_the_switch_shows_one_kind_and_goes_with_links_and_address(watched: Any, base: str) -> None:
    one = watched()
    page = one.page
    page.goto(f"{base}index.html")
    observed, simulated = (f".rp-kind[data-kind={kind}]" for kind in ("observed", "simulated"))
    assert page.locator(observed).first.is_visible()
    assert not page.locator(simulated).first.is_visible()
    page.get_by_role("button", name="Simulated").click()
    assert page.locator(simulated).first.is_visible()
    assert not page.locator(observed).first.is_visible()
    assert "campaign=simulated" in page.url
    page.locator(".md-tabs").get_by_role("link", name="Exposures").click()
    page.wait_for_url("**/exposures.html?campaign=simulated")
    assert page.locator(simulated).first.is_visible()
    page.locator("table.rp-data tbody a:visible").first.click()
    page.wait_for_url("**/exposures/*simulated/*.html**")
    page.get_by_role("link", name="Stars", exact=True).click()
    page.wait_for_url("**/stars.html?campaign=simulated")
    one.clean()


def test_a_page_of_one_kind_shows_it_and_its_switch_leads_to_the_nearest_of_the_other(
    watched: Any, base: str
) -> None:
    one = watched()
    page = one.page
    page.goto(f"{base}channels.html?campaign=observed")
    assert page.locator(".rp-kind[data-kind=simulated]").first.is_visible()
    assert page.locator(".rp-switch [aria-current]").inner_text() == "Simulated"
    page.locator(".rp-switch").get_by_role("link", name="Observed").click()
    page.wait_for_url("**/record.html?campaign=observed")
    page.locator(".rp-switch").get_by_role("link", name="Simulated").click()
    page.wait_for_url("**/channels.html?campaign=simulated")
    one.clean()


def test_the_switch_of_plan_changes_campaign_and_numbers(watched: Any, base: str) -> None:
    one = watched()
    page = visit_plan(one, f"{base}plan.html")
    before = page.locator(".plan-answer").text_content()
    assert page.locator("[name=campaign]").input_value().endswith("published")
    page.get_by_role("button", name="Simulated").click()
    assert page.locator("[name=campaign]").input_value().endswith("simulated")
    assert page.locator(".plan-answer").text_content() != before
    assert page.locator(".rp-kind[data-kind=simulated] table:visible").count() == 1
    assert "simulated" in page.url
    one.clean()


@pytest.mark.parametrize("kind", ["stars", "exposures"])
def test_the_switch_of_a_star_or_an_exposure_leads_to_the_same_one_of_the_other_kind(
    watched: Any, base: str, site: Path, kind: str
) -> None:
    one = watched()
    page = one.page
    (folder,) = [path for path in site.glob(f"{kind}/*") if "simulated" not in path.name]
    first = min(folder.glob("*.html"))
    page.goto(f"{base}{first.relative_to(site).as_posix()}")
    title = page.locator("h1").inner_text().split("\n")[0].split(" OBSERVED")[0]
    page.locator(".switch").get_by_role("link", name="Simulated").click()
    page.wait_for_url(f"**/{kind}/*simulated/*.html")
    there = page.locator("h1").inner_text()
    assert title.split()[-1] in there, "the same star, or an exposure of the same mode"
    page.locator(".switch").get_by_role("link", name="Observed").click()
    page.wait_for_url(f"**/{kind}/{folder.name}/*.html")
    one.clean()


def test_tables_use_the_width_and_none_is_cut(watched: Any, base: str) -> None:
    one = watched(DESKTOP)
    for name in ("plan", "stars", "exposures", "record", "evidence", "index"):
        one.page.goto(f"{base}{name}.html")
        sizes = one.page.evaluate(
            """() => [...document.querySelectorAll(".rp-table")]
            .filter((box) => box.getClientRects().length > 0 && !box.closest("details:not([open])"))
            .map((box) => [box.offsetWidth, box.parentElement.clientWidth,
                           box.scrollWidth - box.clientWidth])"""
        )
        for wide, room, cut in sizes:
            assert wide == room, name
            assert cut <= 0, name
    one.clean()


def test_a_link_to_a_part_shows_that_part(watched: Any, base: str) -> None:
    one = watched()
    one.page.goto(f"{base}stars.html")
    row = one.page.locator("tr[id$='-simulated-star-4']")
    assert not row.is_visible()
    part = row.get_attribute("id")
    one.page.goto("about:blank")
    one.page.goto(f"{base}stars.html#{part}")
    assert one.page.locator(f"tr[id='{part}']").is_visible()
    one.clean()


@pytest.mark.parametrize("old", sorted(MOVED))
def test_an_old_address_leads_on_with_query_and_fragment(
    watched: Any, base: str, site: Path, old: str
) -> None:
    new = next(one for one in MOVED[old] if (site / one).is_file())
    one = watched()
    one.page.goto(f"{base}{old}?campaign=simulated#x")
    one.page.wait_for_url(f"**/{new}?campaign=simulated#x")
    assert one.page.locator("h1").count() == 1
    one.clean()
    still = watched(java_script_enabled=False)
    still.page.goto(f"{base}{old}")
    still.page.wait_for_url(f"**/{new}")


def test_on_touch_a_tap_on_the_picture_shows_a_value_and_stays(watched: Any, base: str) -> None:
    one = watched(PHONE)
    page = one.page
    page.goto(f"{base}pairs.html")
    page.wait_for_selector(".rp-plot.rp-picture")
    values = page.locator(".rp-values").first
    values.focus()
    page.keyboard.press("Home")
    ring = values.locator("i").bounding_box()
    first = page.locator(".rp-point").first.inner_text()
    page.keyboard.press("End")
    page.touchscreen.tap(ring["x"] + ring["width"] / 2, ring["y"] + ring["height"] / 2)
    card = page.locator(".rp-point").first
    assert card.inner_text() == first, "the tap finds the point that the keyboard found"
    assert "%" in first
    assert page.url.endswith("pairs.html")
    assert page.evaluate("window.Plotly === undefined"), "the picture answers by itself"
    card.get_by_role("link").click()
    page.wait_for_url("**/exposures/*/*.html")
    one.clean()


@pytest.mark.parametrize("name", ["pairs", "index", "stars"])
def test_a_value_on_a_picture_is_that_of_the_plot(watched: Any, base: str, name: str) -> None:
    one = watched()
    one.page.goto(f"{base}{name}.html?campaign=simulated")
    one.page.wait_for_selector(".rp-plot.rp-ready")
    pairs = one.page.locator(".rp-host:visible").first.evaluate(SAID)
    assert pairs
    for shown, said in pairs:
        one_way, other = ("".join(text.replace("\u2212", "-").split()) for text in (shown, said))
        assert one_way == other
    one.clean()


def test_what_the_picture_does_not_show_brings_the_plot(watched: Any, base: str) -> None:
    one = watched(PHONE)
    page = one.page
    page.goto(f"{base}spectra.html")
    page.wait_for_selector(".rp-plot.rp-picture")
    select = page.locator("select[data-variants]").first
    figure = select.get_attribute("data-variants")
    page.locator(f"#{figure} button[data-step='1']").click()
    page.wait_for_selector(f"#{figure} .rp-ready")
    assert select.evaluate("(select) => select.selectedIndex") == 1
    assert figure in page.evaluate("location.search")
    one.clean()


def test_the_keyboard_reaches_points_and_says_their_values(watched: Any, base: str) -> None:
    one = watched()
    page = one.page
    page.goto(f"{base}pairs.html")
    page.wait_for_selector(".rp-plot.rp-ready")
    page.locator(".rp-host").first.focus()
    said = []
    for _ in range(2):
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(300)
        said.append(page.locator(".rp-point").first.inner_text())
    assert all("%" in text for text in said)
    assert said[0] != said[1]
    assert page.locator(".rp-point").first.get_attribute("aria-live") == "polite"
    page.keyboard.press("Enter")
    page.wait_for_url("**/exposures/*/*.html")
    one.clean()


def test_a_head_sorts_the_rows_both_ways_and_with_the_keyboard(watched: Any, base: str) -> None:
    one = watched()
    page = one.page
    page.goto(f"{base}stars.html?campaign=simulated")
    table = page.locator("table[data-sort]:visible").first
    button = table.get_by_role("button", name="flux")
    column = button.evaluate("(button) => button.closest('th').cellIndex")
    read = f"(table) => [...table.tBodies[0].rows].map((row) => parseFloat(row.cells[{column}].textContent))"
    button.focus()
    page.keyboard.press("Enter")
    up = table.evaluate(read)
    assert up == sorted(up)
    button.click()
    assert table.evaluate(read) == up[::-1]
    one.clean()


def test_paper_shows_the_choice(watched: Any, base: str) -> None:
    one = watched()
    page = one.page
    page.goto(f"{base}spectra.html")
    page.wait_for_selector(".rp-plot.rp-ready")
    page.locator("select[data-variants]").first.select_option(index=3)
    page.wait_for_selector(".rp-plot.rp-chosen")
    page.emulate_media(media="print")
    assert page.locator(".rp-chosen .rp-host").first.is_visible()
    assert not page.locator(".rp-chosen picture").first.is_visible()
    one.clean()


def test_pages_of_stars_and_exposures_open_clean_on_a_phone(
    watched: Any, base: str, site: Path
) -> None:
    patterns = ("stars/*/4.html", "stars/*/*.html", "exposures/*/*.html")
    found = [sorted(site.glob(pattern))[index] for pattern in patterns for index in (0, -1)]
    for scheme in ("light", "dark"):
        one = watched(PHONE, color_scheme=scheme)
        for page in found:
            one.page.goto(f"{base}{page.relative_to(site).as_posix()}")
            overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert one.page.evaluate(overflow) <= 0
            assert one.page.locator("h1").is_visible()
        one.clean()

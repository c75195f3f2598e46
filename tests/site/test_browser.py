"""What a reader meets: every page, two sizes, two palettes; without script, on paper, from disk."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.report.site.redirects import MOVED
from tests.report import factory
from tests.site.conftest import DESKTOP, PAGES, PHONE
from tests.site.links import broken_links

pytestmark = pytest.mark.browser

SMALLEST_FONT_PX = 10
SIZE_LIMIT = 16_000_000  # bytes: fifty versions are 800 MB

OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
FAILED = "document.querySelectorAll('.rp-failed').length"
WITHOUT_MARK = """() => [...document.querySelectorAll('.rp-simulated')]
  .filter((box) => box.getClientRects().length > 0)
  .filter((box) => /^(?!.*SIMULATED)/s.test(box.querySelector('.js-plotly-plot')?.textContent ?? 'SIMULATED')
                   || !box.querySelector('figcaption .rp-sim')).map((box) => box.id)"""
SMALL_TEXT = f"""() => [...document.querySelectorAll('.js-plotly-plot text')]
  .filter((text) => text.textContent.trim())
  .filter((text) => parseFloat(getComputedStyle(text).fontSize) < {SMALLEST_FONT_PX})
  .map((text) => text.textContent)"""
PICTURES = """() => [...document.querySelectorAll('.rp-plot img')]
  .filter((image) => image.closest('figure').getClientRects().length > 0)
  .map((image) => image.complete && image.naturalWidth > 0 && image.getClientRects().length > 0)"""

# How much moved while the page loaded: the sum of layout shifts.
SHIFT = """() => new Promise((done) => { let sum = 0;
  new PerformanceObserver((list) => list.getEntries().forEach((one) => {
    if (!one.hadRecentInput) sum += one.value; })).observe({type: 'layout-shift', buffered: true});
  setTimeout(() => done(sum), 400); })"""
MOST_SHIFT = 0.02

# On a desktop no table needs to be scrolled sideways.
NARROW_TABLES = """() => [...document.querySelectorAll('.rp-table')]
  .filter((box) => box.getClientRects().length > 0 && box.scrollWidth > box.clientWidth + 1)
  .map((box) => box.getAttribute('aria-labelledby'))"""

# What scrolls in a window is cut on paper.
CUT = """() => [...document.querySelectorAll('main pre, main code, main table, main .rp-formula')]
  .filter((box) => box.getClientRects().length > 0)
  .filter((box) => box.scrollWidth > box.clientWidth + 1 && getComputedStyle(box).display !== 'inline'
                   || box.getBoundingClientRect().right > innerWidth + 1)
  .map((box) => box.textContent.slice(0, 60))"""
PAPER_PX = 718  # A4 less Chromium's margins of 1 cm, 96 px an inch


def pictures(page: Any) -> list[Any]:
    """The still picture of every figure."""
    return list(page.locator(".rp-plot img").all())


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize(("size", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")])
def test_page(watched: Any, base: str, name: str, size: tuple[int, int], scheme: str) -> None:
    """Loads without error or foreign request, draws all figures, fits, in both palettes."""
    one = watched(size, color_scheme=scheme)
    page = one.page
    for campaign in ("observed", "simulated"):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.goto(f"{base}{name}.html?campaign={campaign}")
        assert page.evaluate(SHIFT) < MOST_SHIFT
        one.draw_all()
        assert page.evaluate(FAILED) == 0
        assert page.evaluate(OVERFLOW) <= 0
        assert page.evaluate(WITHOUT_MARK) == []
        assert page.evaluate(SMALL_TEXT) == []
        assert size == PHONE or page.evaluate(NARROW_TABLES) == []
    if page.locator(".rp-simulated").count():
        assert page.locator(".rp-sim:visible").count() > 0
    assert page.locator("[data-title*='hare']").count() == 0  # Plotly's button to another host
    one.other_palette()
    one.draw_all()
    assert page.evaluate(OVERFLOW) <= 0
    one.clean()


def test_figures_follow_the_palette(watched: Any, base: str) -> None:
    one = watched(color_scheme="light")
    one.open(f"{base}pairs.html")
    color = "document.querySelector('.js-plotly-plot')._fullLayout.font.color"
    light = one.page.evaluate(color)
    one.other_palette()
    one.page.wait_for_function(f"light => {color} !== light", arg=light)
    one.clean()


def test_every_link_anchor_and_download_resolves(site: Path) -> None:
    pages = {file.name for file in site.glob("*.html") if not file.name.startswith("reduction")}
    named = {f"{name}.html" for name in PAGES if name != "reduction"}
    assert pages == named | set(MOVED), "PAGES in conftest.py names all but those on reductions"
    assert broken_links(site) == []


def test_selectors_change_the_figure_and_the_address(watched: Any, base: str) -> None:
    for name in ("spectra", "exposures"):
        one = watched()
        one.open(f"{base}{name}.html?campaign=simulated")
        page = one.page
        selects = page.locator("select[data-variants]:visible")
        assert selects.count() > 0
        for index in range(selects.count()):
            select = selects.nth(index)
            figure = select.get_attribute("data-variants")
            data = f"""JSON.stringify(document.querySelector('#{figure} .js-plotly-plot')
                       .data.map((trace) => [trace.x, trace.y]))"""
            before = page.evaluate(data)
            label = select.locator("option").nth(2).get_attribute("value")
            select.select_option(label)
            page.wait_for_function(f"before => {data} !== before", arg=before)
            changed = page.evaluate(data)
            assert figure in page.evaluate("location.search")
            page.locator(f"#{figure} button[data-step='1']").click()
            page.wait_for_function(f"before => {data} !== before", arg=changed)
            page.locator(f"#{figure} button[data-step='-1']").click()
            page.wait_for_function(f"before => {data} === before", arg=changed)
        address = page.url
        again = watched()
        again.open(address)
        restored = again.page.evaluate(data)
        assert restored == changed, "an address leads back to the same view"
        one.clean()
        again.clean()


def test_a_click_on_a_point_leads_to_its_exposure(watched: Any, base: str) -> None:
    one = watched()
    one.open(f"{base}pairs.html")
    one.page.evaluate(
        """() => { const plot = document.querySelector('.js-plotly-plot');
             plot.emit('plotly_click', {points: [{data: plot.data[0], pointNumber: 0}]}); }"""
    )
    one.page.wait_for_url("**/exposures/*/*.html")
    assert one.page.locator("h1 .real").inner_text().lower() == "observed"
    one.clean()


def test_a_table_can_be_searched(watched: Any, base: str) -> None:
    one = watched()
    one.page.goto(f"{base}exposures.html")
    box = one.page.locator("input[data-filter]").first
    table = one.page.locator(f"#{box.get_attribute('data-filter')} tbody tr")
    everything = table.count()
    box.fill("WFM-AO-N")
    left = sum(row.is_visible() for row in table.all())
    assert 0 < left < everything
    assert f"{left} of {everything} rows" in one.page.content()
    one.clean()


def test_citation_can_be_copied(watched: Any, base: str) -> None:
    one = watched(permissions=["clipboard-read", "clipboard-write"])
    one.page.goto(f"{base}about.html")
    one.page.locator("button[data-copy='cite-bibtex']").click()
    one.page.wait_for_function(
        "navigator.clipboard.readText().then((text) => text.includes('@misc'))"
    )
    one.clean()


@pytest.mark.parametrize("name", PAGES)
def test_without_script_every_picture_is_seen_and_no_dead_control(
    watched: Any, base: str, name: str
) -> None:
    one = watched(PHONE, java_script_enabled=False)
    one.page.goto(f"{base}{name}.html", wait_until="load")
    page = one.page
    assert len(page.locator("main").inner_text()) > 100
    assert all(picture.bounding_box()["height"] > 100 for picture in pictures(page))
    assert all(part.is_visible() for part in page.locator(".rp-kind > h2").all()), "both are shown"
    for dead in (".rp-tools", ".rp-filter", ".rp-switch", "button[data-copy]"):
        assert not any(control.is_visible() for control in page.locator(dead).all()), dead
    one.clean()


def test_if_plotly_cannot_be_loaded_the_pictures_stay(watched: Any, base: str) -> None:
    one = watched()
    one.page.route("**/plotly.min.js", lambda route: route.abort())
    one.open(f"{base}pairs.html")
    assert all(one.page.evaluate(PICTURES))
    assert one.page.evaluate(FAILED) > 0


@pytest.mark.parametrize("name", PAGES)
def test_on_paper_the_pictures_replace_the_plots_and_nothing_is_cut(
    watched: Any, base: str, name: str
) -> None:
    one = watched()
    one.open(f"{base}{name}.html")
    page = one.page
    page.emulate_media(media="print")
    page.set_viewport_size({"width": PAPER_PX, "height": 1000})
    assert all(page.evaluate(PICTURES))
    assert not any(host.is_visible() for host in page.locator(".rp-host").all())
    assert not any(tool.is_visible() for tool in page.locator(".rp-tools").all())
    assert page.evaluate(CUT) == []
    assert len(page.pdf(format="A4")) > 5_000
    one.clean()


@pytest.mark.parametrize(
    ("word", "title", "from_disk"),
    [
        ("robust", "Method", True),
        ("robust", "Method", False),
        ("giesers", "What the evidence says", False),
        ("airmass", "All exposures", False),
        ("twilights", "What the evidence says", False),
        ("stability model", "Method", False),
    ],
)
def test_search_finds_a_page(
    watched: Any, base: str, site: Path, word: str, title: str, from_disk: bool
) -> None:
    address = f"{site.as_uri()}/" if from_disk else base
    one = watched(allowed=address)
    one.page.goto(f"{address}index.html")
    one.page.locator("input.md-search__input").click()
    one.page.locator("input.md-search__input").press_sequentially(word)
    one.page.wait_for_selector(".md-search-result__item")
    first = one.page.locator(".md-search-result__item").first.inner_text()
    assert title in first, "the best hit"
    one.clean()


def test_search_ranks_what_has_the_word_in_its_title_first(watched: Any, base: str) -> None:
    one = watched()
    one.page.goto(f"{base}index.html")
    one.page.locator("input.md-search__input").click()
    one.page.locator("input.md-search__input").press_sequentially("floor")
    first = one.page.locator(".md-search-result__item").first
    first.wait_for()
    titles = " ".join(first.locator("h1, h2").all_inner_texts())
    assert "floor" in titles.lower()
    one.clean()


def test_search_knows_no_cell_of_a_table(site: Path) -> None:
    index = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))
    text = " ".join(entry["text"] for entry in index["docs"])
    assert "<td" not in text
    ids = factory.campaign().tables["exposures"]["exposure_id"]
    assert not any(str(identity) in text for identity in ids[5:])


def test_from_disk_figures_and_selectors_work(watched: Any, site: Path) -> None:
    address = f"{site.as_uri()}/"
    one = watched(allowed=address)
    one.open(f"{address}spectra.html")
    assert one.page.evaluate(FAILED) == 0
    select = one.page.locator("select[data-variants]").first
    figure = select.get_attribute("data-variants")
    data = f"JSON.stringify(document.querySelector('#{figure} .js-plotly-plot').data[0].y)"
    before = one.page.evaluate(data)
    select.select_option(index=4)
    one.page.wait_for_function(f"before => {data} !== before", arg=before)
    one.clean()


@pytest.mark.parametrize(
    "name", ["index", "exposures", "pairs", "stars", "evidence", "study", "downloads", "about"]
)
def test_hostile_text_is_shown_and_runs_nothing(
    watched: Any, hostile_site: Path, serve: Any, name: str
) -> None:
    address = str(serve(hostile_site))
    one = watched(allowed=address)
    one.open(f"{address}{name}.html")
    one.page.wait_for_timeout(200)
    one.clean()
    assert one.page.locator("article script").count() == 0
    assert one.page.evaluate("document.querySelectorAll('article img[src=\"x\"]').length") == 0
    if name == "exposures":
        shown = " ".join(one.page.locator("main").inner_text().split())
        assert " ".join(factory.HOSTILE.split()) in shown


def test_an_address_that_leads_nowhere_says_so_and_leads_back(watched: Any, base: str) -> None:
    one = watched()
    answer = one.page.goto(f"{base}no/such/page.html")
    assert answer.status == 404
    assert one.page.locator("article a", has_text="All stars").count() == 1, "it names the pages"
    said = " ".join(one.page.locator("article").inner_text().split())
    assert "mistyped, or belong to another version" in said, "it says why"
    search = one.page.locator("article form[role=search]")
    search.locator("input").fill("airmass")
    search.get_by_role("button").click()
    one.page.wait_for_url("**/index.html?q=airmass")
    one.page.locator(".md-search-result__item").first.wait_for(state="visible")
    one.page.goto(f"{base}no/such/page.html")
    assert "not found" in one.page.locator("main").inner_text().lower()
    one.page.locator(".md-tabs a, .md-header a").first.click()
    one.page.locator("main .rp-question").wait_for(
        state="visible"
    )  # the click has only started the load
    assert [error for error in one.errors if "404" not in error] == []  # Chromium names the status
    assert one.foreign == []


def test_a_version_stays_small(site: Path) -> None:
    total = sum(file.stat().st_size for file in site.rglob("*") if file.is_file())
    bundle = (site / "assets" / "vendor" / "plotly.min.js").stat().st_size
    full_bundle = max(0, bundle - 1_600_000)  # what a machine without npm takes more
    assert total - full_bundle < SIZE_LIMIT

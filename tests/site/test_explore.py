"""The page Explore in Chromium: its numbers are Python's, its state is the address, its views are linked."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import numpy as np
import pytest
from astropy.table import Table

from pipeline.schema.definitions import BAD_PROBABILITY
from pipeline.statistics.excess import excess_scatter
from pipeline.statistics.scatter import std_robust, std_sample
from tests.site.conftest import PHONE
from tests.site.explore_page import campaigns, read, visit

pytestmark = pytest.mark.browser

EQUAL = 1e-9
WIRE_LIMIT = 1_000_000
HEADERS = 400  # bytes of a response's headers, packed by HTTP/2


def texts(column: Any) -> np.ndarray:
    return np.asarray(column, str)


@dataclass(frozen=True)
class Selection:
    """What a reader looks at."""

    a: int
    b: int
    radius_px: float = 4.5
    modes: tuple[str, ...] = ()
    first: str = ""
    last: str = ""
    outliers: bool = False

    def query(self, campaign: str) -> str:
        """The address that shows it."""
        given = {"campaign": campaign, "a": self.a, "b": self.b, "r": f"{self.radius_px:g}"}
        given |= {"modes": ",".join(self.modes), "from": self.first, "to": self.last}
        given |= {"outliers": "1" if self.outliers else ""}
        return "explore.html?" + urlencode({key: value for key, value in given.items() if value})


def expected(site: Path, files: Mapping[str, Any], wanted: Selection) -> dict[str, float]:
    """The statistics of a selection, from the published tables."""
    table, exposures = read(site, files["fluxes"]), read(site, files["exposures"])
    good = texts(exposures["status"]) == "ok"
    if not wanted.outliers:
        good &= ~(np.asarray(exposures["bad_probability"], float) > BAD_PROBABILITY)
    nights, modes = texts(exposures["night"]), texts(exposures["mode"])
    good &= (nights >= wanted.first) & (nights <= (wanted.last or "9999"))
    good &= np.isin(modes, wanted.modes) if wanted.modes else True
    ids = texts(exposures["exposure_id"])[good]
    one, two = (_star(table, star, ids, wanted.radius_px) for star in (wanted.a, wanted.b))
    value, err = one[0] - two[0], np.hypot(one[1], two[1])
    used = np.isfinite(value)
    value, err = value[used, np.newaxis], err[used, np.newaxis]
    excess = excess_scatter(value, err)
    known = err[np.isfinite(err)]
    return {
        "n": float(used.sum()),
        "std": float(std_sample(value)[0]),
        "robust": float(std_robust(value)[0]),
        "expected": float(np.sqrt(np.mean(known**2))) if len(known) else np.nan,
        "excess": float(excess.std[0]),
        "excess_err": float(excess.err[0]),
    }


def _star(table: Table, star: int, ids: np.ndarray, radius_px: float) -> tuple[Any, Any]:
    """ln F and its error of a star in these exposures; NaN where it does not count."""
    rows = table[np.asarray(table["star_id"]) == star]
    if "ln_flux" in table.colnames:
        value, err = np.asarray(rows["ln_flux"], float), np.asarray(rows["ln_flux_err"], float)
    else:
        rows = rows[np.isclose(rows["radius_px"], radius_px) & (texts(rows["flags"]) == "")]
        flux = np.asarray(rows["flux"], float)
        value, err = np.log(flux), np.asarray(rows["flux_err"], float) / flux
    known = dict(
        zip(texts(rows["exposure_id"]).tolist(), zip(value, err, strict=True), strict=True)
    )
    pairs = np.array([known.get(one, (np.nan, np.nan)) for one in ids.tolist()])
    return pairs[:, 0], pairs[:, 1]


def shown(page: Any) -> dict[str, float]:
    """The statistics that the page shows, in full."""
    raw = """() => Object.fromEntries(['n', 'std', 'robust', 'expected', 'excess'].map(
      (name) => [name, document.getElementById('ex-stat-' + name).dataset.raw])
      .concat([['excess_err', document.getElementById('ex-stat-excess').dataset.err]]))"""
    return {name: float(value) for name, value in page.evaluate(raw).items()}


def stars_of(site: Path, files: Mapping[str, Any]) -> list[int]:
    return sorted(set(np.asarray(read(site, files["fluxes"])["star_id"]).tolist()))


def test_the_statistics_equal_pythons_for_any_selection(
    watched: Any, site: Path, base: str
) -> None:
    one = watched()
    for campaign, files in campaigns(site).items():
        stars, exposures = stars_of(site, files), read(site, files["exposures"])
        modes, nights = sorted(set(texts(exposures["mode"]))), sorted(texts(exposures["night"]))
        middle = nights[len(nights) // 2]
        selections = [
            Selection(stars[0], stars[1]),
            Selection(stars[-1], stars[0], outliers=True),
            Selection(stars[1], stars[2], modes=tuple(modes[:1])),
            Selection(stars[0], stars[2], modes=tuple(modes[1:]), first=middle),
            Selection(stars[2], stars[0], last=middle),
            Selection(stars[0], stars[1], first=nights[0], last=nights[0]),
        ]
        if "photometry" in files["fluxes"]:
            selections += [Selection(stars[0], stars[1], radius_px=1.5)]
        for wanted in selections:
            page = visit(one, base + wanted.query(campaign))
            python = expected(site, files, wanted)
            browser = shown(page)
            assert browser == pytest.approx(python, abs=EQUAL, rel=EQUAL, nan_ok=True), wanted
    one.clean()


def test_statistics_of_any_series_equal_pythons(watched: Any, base: str) -> None:
    """Also with gaps, without errors, with errors larger than the scatter, with few points."""
    one = watched()
    page = visit(one, f"{base}explore.html")
    rng = np.random.default_rng(52)
    for n, scatter, error in [(3, 1e-2, 1e-3), (4, 1e-3, 1e-2), (65, 0.03, 0.01), (65, 1e-3, 1e-2)]:
        for _ in range(5):
            err = error * rng.uniform(0.5, 2, n)
            value = rng.normal(0, scatter, n) + rng.normal(0, 1, n) * err
            value[rng.uniform(size=n) < 0.1], err[rng.uniform(size=n) < 0.1] = np.nan, np.nan
            lists = [[None if np.isnan(x) else x for x in array.tolist()] for array in (value, err)]
            found = page.evaluate(
                "([v, e]) => EX.summary(v.map((x) => x ?? NaN), e.map((x) => x ?? NaN))", lists
            )
            excess = excess_scatter(value[:, np.newaxis], err[:, np.newaxis])
            python = [
                std_sample(value[:, np.newaxis])[0],
                std_robust(value[:, np.newaxis])[0],
                excess.std[0],
                excess.err[0],
            ]
            browser = [found[key] for key in ("std", "robust", "excess", "excessErr")]
            browser = [np.nan if x is None else x for x in browser]
            assert browser == pytest.approx(python, abs=EQUAL, rel=EQUAL, nan_ok=True)
    one.clean()


def test_the_python_script_prints_the_same_numbers(watched: Any, site: Path, base: str) -> None:
    one = watched()
    for campaign, files in campaigns(site).items():
        stars = stars_of(site, files)
        wanted = Selection(stars[1], stars[0], first="2019-02-01")
        page = visit(one, base + wanted.query(campaign))
        page.locator("#ex-python summary").click()
        page.wait_for_function("document.getElementById('ex-script').textContent.includes('std')")
        script = page.locator("#ex-script").text_content()
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", script],
            cwd=site, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, ""), "it runs in silence"
        assert ('first = "2019-02-01"' in script, "last =" in script) == (True, False)
        assert "0000" not in script
        printed = {line.split()[0]: float(line.split()[1]) for line in done.stdout.splitlines()}
        assert printed == pytest.approx({key: shown(page)[key] for key in printed}, rel=EQUAL)
        assert ("SIMULATED" in script) == ("simulated" in campaign)
    one.clean()


def _download(page: Any, name: str, folder: Path) -> Path:
    with page.expect_download() as waiting:
        page.locator(f"#ex-{name}").click()
    target = folder / waiting.value.suggested_filename
    waiting.value.save_as(target)
    return target


def test_a_view_is_got_as_tables_and_pictures(
    watched: Any, site: Path, base: str, tmp_path: Path
) -> None:
    one = watched()
    for campaign, files in campaigns(site).items():
        stars, simulated = stars_of(site, files), "simulated" in campaign
        page = visit(one, base + Selection(stars[0], stars[1]).query(campaign))
        statistics = shown(page)
        for name in ("csv", "ecsv"):
            table = Table.read(_download(page, name, tmp_path))
            used = texts(table["used"]) == "True"
            value = np.asarray(table["ln_ratio"], float)[used]
            assert len(value) == statistics["n"]
            assert np.std(value, ddof=1) == pytest.approx(statistics["std"], rel=EQUAL)
        assert bool(table.meta["simulated"]) == simulated
        picture = _download(page, "svg", tmp_path)
        text = picture.read_text(encoding="utf-8")
        assert campaign in text
        assert "var(" not in text, "every colour is resolved"
        assert ("SIMULATED" in text) == simulated
        assert ("simulated" in picture.name) == simulated
        assert _download(page, "png", tmp_path).read_bytes().startswith(b"\x89PNG")
    one.clean()


def test_the_address_holds_the_view_and_back_undoes_a_step(watched: Any, base: str) -> None:
    one = watched()
    page = visit(one, f"{base}explore.html")
    start = page.locator("#ex-title").text_content()
    page.locator("#ex-swap").click()
    swapped = parse_qs(urlsplit(page.url).query)
    page.locator("#ex-modes button").first.click()
    page.locator("#ex-order").select_option("name")
    address, title = page.url, page.locator("#ex-title").text_content()
    assert {"campaign", "a", "b", "r", "modes", "order"} <= set(parse_qs(urlsplit(address).query))
    again = watched()
    other = visit(again, address)
    assert other.locator("#ex-title").text_content() == title
    assert other.locator("#ex-order").input_value() == "name"
    for _ in range(3):
        page.go_back()
    page.wait_for_function(
        "title => document.getElementById('ex-title').textContent === title", arg=start
    )
    page.go_forward()
    page.wait_for_function("a => document.getElementById('ex-a').value === a", arg=swapped["a"][0])
    one.clean()
    again.clean()


def test_the_observed_record_has_all_ten_pairs_of_its_five_stars(
    watched: Any, site: Path, base: str
) -> None:
    observed = [name for name, files in campaigns(site).items() if "chain" in files["fluxes"]]
    one = watched()
    page = visit(one, f"{base}explore.html?campaign={observed[0]}")
    page.wait_for_selector(".ex-app[data-pairs]")
    assert page.locator("#ex-a option").count() == 5
    canvas = page.locator("#ex-matrix").bounding_box()
    chosen = set()
    page.locator("#ex-matrix").focus()
    for _ in range(5):
        page.keyboard.press("ArrowUp")
    for row in range(4):
        for _ in range(4):
            page.keyboard.press("ArrowLeft")
        for column in range(row + 1):
            chosen.add(page.locator("#ex-card strong").text_content())
            if column < row:
                page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowDown")
    assert canvas["width"] > 200
    assert len(chosen) == 10
    one.clean()


def test_a_keyboard_reaches_points_stars_pairs_and_modes(watched: Any, base: str) -> None:
    one = watched()
    page = visit(one, f"{base}explore.html")
    live = page.locator("#ex-live")
    page.locator("#ex-timeline").focus()
    page.keyboard.press("Home")
    first = live.text_content()
    page.keyboard.press("ArrowRight")
    assert first != live.text_content()
    assert "%" in first
    assert "point=" in page.url
    before = page.locator("#ex-title").text_content()
    page.locator("#ex-field").focus()
    for key in ("ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "ArrowUp"):
        page.keyboard.press(key)
    assert "Star" in live.text_content()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_function(
        "before => document.getElementById('ex-title').textContent !== before", arg=before
    )
    button = page.locator("#ex-modes button").first
    button.focus()
    page.keyboard.press("Enter")
    assert button.get_attribute("aria-pressed") == "false"
    page.locator("#ex-timeline").focus()
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "explore.html" not in url)  # the exposure
    one.clean()


def test_a_tap_shows_a_card_and_stays_on_the_page(watched: Any, base: str) -> None:
    one = watched(PHONE)
    page = visit(one, f"{base}explore.html")
    page.locator("#ex-timeline").scroll_into_view_if_needed()
    page.locator("#ex-timeline").focus()
    page.keyboard.press("Home")
    box = page.locator("#ex-timeline .ex-ring").bounding_box()  # where the first point lies
    page.keyboard.press("Escape")
    assert not page.locator("#ex-card").is_visible()
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_selector("#ex-card:visible")
    assert "%" in page.locator("#ex-card").text_content()
    assert "explore.html" in page.url
    page.locator("#ex-field").scroll_into_view_if_needed()
    star = page.locator("#ex-field circle").nth(1).bounding_box()
    page.touchscreen.tap(star["x"] + star["width"] / 2, star["y"] + star["height"] / 2)
    assert "Star" in page.locator("#ex-card").text_content()
    assert "explore.html" in page.url
    one.clean()


def test_simulated_data_are_marked_inside_the_axes(watched: Any, site: Path, base: str) -> None:
    one = watched()
    for campaign in campaigns(site):
        page = visit(one, f"{base}explore.html?campaign={campaign}")
        page.wait_for_selector(".ex-app[data-pairs]")
        for chart in ("timeline", "matrix", "scatter"):
            text = page.locator(f"#ex-{chart} svg").text_content()
            assert ("SIMULATED" in text) == ("simulated" in campaign), chart
        assert page.locator("#ex-sim").is_visible() == ("simulated" in campaign)
    one.clean()


def test_spectra_and_table_are_made_when_they_are_unfolded(
    watched: Any, site: Path, base: str
) -> None:
    with_spectra = [name for name, files in campaigns(site).items() if "phot" in files["fluxes"]]
    one = watched()
    page = visit(one, f"{base}explore.html?campaign={with_spectra[0]}")
    assert page.locator("#ex-tbody tr").count() == 0
    page.locator("#ex-rows summary").click()
    page.wait_for_selector("#ex-tbody tr")
    counted = page.locator("#ex-tbody td:last-child", has_text="yes").count()
    assert counted == shown(page)["n"]
    page.locator("#ex-spectra summary").click()
    page.wait_for_selector("#ex-spectra-chart svg path")
    assert "SIMULATED" in page.locator("#ex-spectra-chart").text_content()
    one.clean()


def test_from_disk_it_works_as_well(watched: Any, site: Path) -> None:
    address = f"{site.as_uri()}/"
    one = watched(allowed=address)
    page = visit(one, f"{address}explore.html")
    before = page.locator("#ex-title").text_content()
    page.locator("#ex-swap").click()
    assert page.locator("#ex-title").text_content() != before
    one.clean()


def test_without_script_there_is_a_picture_and_the_data(watched: Any, base: str) -> None:
    one = watched(java_script_enabled=False)
    one.page.goto(f"{base}explore.html")
    assert not one.page.locator(".ex-app").is_visible()
    assert one.page.locator(".ex-twin img").first.is_visible()
    assert one.page.locator(".ex-twin a[download]").count() > 0
    one.clean()

"""What a reader meets who cites or downloads: the box under every page, and lines that are pasted."""

import io
import json
import os
import shlex
import subprocess
import warnings
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from astropy.io import votable
from astropy.io.votable.ucd import check_ucd

from pipeline.report import build_site, render
from pipeline.report.citation import DATA_LICENSE_URL
from pipeline.report.site.redirects import MOVED
from tests.machine import lacks
from tests.report import factory
from tests.site.conftest import DESKTOP, EPOCH, PHONE
from tests.site.test_browser import OVERFLOW

DOI, URL = "10.5281/zenodo.1234567", "https://example.org/report/v2026.11/"
REQUIRED_KEYS = ("name", "description", "creator", "license", "version", "hasPart")
WIDER_THAN_THE_WINDOW = """() => [...document.querySelectorAll('.rp-cite, .rp-cite *')]
  .filter((box) => box.getBoundingClientRect().right > innerWidth + 0.5).map((box) => box.outerHTML)"""


class Lines(HTMLParser):
    """The downloads page: each file's address with the line that reads it; and the JSON-LD."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.lines: list[tuple[str, str]] = []
        self.json: list[str] = []
        self._href, self._into = "", ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attrs}
        if tag == "a" and "download" in known:
            self._href = known["href"]
        elif tag == "code" and known.get("id", "").startswith("read-"):
            self.lines.append((self._href, ""))
            self._into = "line"
        elif tag == "script" and known.get("type") == "application/ld+json":
            self.json.append("")
            self._into = "json"

    def handle_endtag(self, _: str) -> None:
        self._into = ""

    def handle_data(self, data: str) -> None:
        if self._into == "line":
            self.lines[-1] = (self.lines[-1][0], self.lines[-1][1] + data)
        elif self._into == "json":
            self.json[-1] += data


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site with a DOI and an address."""
    folder = tmp_path_factory.mktemp("released")
    build = factory.build_info(site_url=URL)
    citation = type(build.citation)(authors=build.citation.authors, doi=DOI)
    build = factory.build_info(site_url=URL, citation=citation)
    render([factory.published(), factory.campaign()], build, folder / "docs")
    return build_site(folder / "docs", folder / "site", site_url=URL, epoch=EPOCH)


def pages_of(site: Path) -> list[str]:
    return sorted(
        file.stem for file in site.glob("*.html") if file.name not in ("404.html", *MOVED)
    )


@pytest.mark.browser
@pytest.mark.parametrize("size", [PHONE, DESKTOP])
def test_the_box_is_seen_under_every_page_and_fits(
    watched: Any, base: str, site: Path, size: tuple[int, int]
) -> None:
    one = watched(size)
    names = pages_of(site)
    assert len(names) >= 17, "pages written by hand, too"
    for name in names:
        one.page.goto(f"{base}{name}.html")
        box = one.page.locator("aside.rp-cite")
        assert box.count() == 1, name
        assert box.is_visible(), name
        assert one.page.evaluate(OVERFLOW) <= 0, name
        assert one.page.evaluate(WIDER_THAN_THE_WINDOW) == [], name
        text = box.inner_text()
        for word in ("Version", "Data up to", "Commit", "CC-BY-4.0", "Copy text", "Copy BibTeX"):
            assert word in text, (name, word)
    one.clean()


@pytest.mark.browser
@pytest.mark.parametrize("from_disk", [True, False])
def test_text_and_bibtex_can_be_copied(
    watched: Any, base: str, site: Path, from_disk: bool
) -> None:
    address = f"{site.as_uri()}/" if from_disk else base
    one = watched(allowed=address, permissions=["clipboard-read", "clipboard-write"])
    one.page.goto(f"{address}pairs.html")
    for source, part in (("cite-text", "version"), ("cite-bibtex", "@misc")):
        one.page.locator(f"button[data-copy='{source}']").click()
        shown = one.page.locator(f"#{source}").text_content()
        one.page.wait_for_function(
            "shown => navigator.clipboard.readText().then((text) => text === shown)", arg=shown
        )
        assert part in shown.lower()
    one.clean()


@pytest.mark.browser
def test_the_line_that_reads_a_file_can_be_copied(watched: Any, base: str) -> None:
    one = watched(permissions=["clipboard-read", "clipboard-write"])
    one.page.goto(f"{base}downloads.html")
    one.page.locator(".rp-item details summary").first.click()
    button = one.page.locator(".rp-item details .rp-code button").first
    button.click()
    line = one.page.locator(f"#{button.get_attribute('data-copy')}").text_content()
    one.page.wait_for_function(
        "line => navigator.clipboard.readText().then((text) => text === line)", arg=line
    )
    assert line.startswith("from astropy.table import Table; ")
    one.clean()


@pytest.mark.browser
def test_doi_and_permalink_are_links_when_they_are_known(
    watched: Any, released: Path, serve: Any
) -> None:
    address = str(serve(released))
    one = watched(allowed=address)
    one.page.goto(f"{address}stars.html")
    links = one.page.locator(".rp-cite dl a").evaluate_all("(all) => all.map((a) => a.href)")
    assert set(links) == {f"https://doi.org/{DOI}", URL, DATA_LICENSE_URL}
    head = {
        meta.get_attribute("name"): meta.get_attribute("content")
        for meta in one.page.locator("meta[name^='citation_']").all()
    }
    assert head["citation_doi"] == DOI
    assert head["citation_public_url"] == URL
    assert head["citation_publication_date"] == "2026/11/23"
    assert one.page.locator("link[rel='cite-as']").get_attribute("href") == f"https://doi.org/{DOI}"
    assert one.page.locator("link[rel='canonical']").get_attribute("href") == f"{URL}stars.html"
    one.clean()


@pytest.mark.browser
def test_a_hostile_citation_is_shown_and_runs_nothing(
    watched: Any, hostile_site: Path, serve: Any
) -> None:
    address = str(serve(hostile_site))
    one = watched(PHONE, allowed=address)
    for name in ("index", "downloads", "about", "matcher"):
        one.page.goto(f"{address}{name}.html")
        one.page.wait_for_timeout(100)
        assert factory.HOSTILE_TITLE in one.page.locator(".rp-cite-title").text_content(), name
        title = one.page.locator("meta[name='citation_title']").get_attribute("content")
        assert title.startswith(factory.HOSTILE_TITLE)
        text = one.page.locator("script[type='application/ld+json']").text_content()
        assert json.loads(text)["creator"][1]["name"] == factory.HOSTILE_TITLE
        assert one.page.evaluate(OVERFLOW) <= 0, name
    one.clean()


def test_every_page_says_to_search_engines_what_it_is_part_of(site: Path) -> None:
    for name in pages_of(site):
        (text,) = Lines((site / f"{name}.html").read_text(encoding="utf-8")).json
        dataset = json.loads(text)
        assert dataset["@type"] == "Dataset"
        assert all(dataset[key] for key in REQUIRED_KEYS), name
        assert ("distribution" in dataset) == (name == "downloads")


@pytest.mark.slow
def test_every_line_on_the_downloads_page_reads_its_file(
    site: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lines = Lines((site / "downloads.html").read_text(encoding="utf-8")).lines
    files = {file for file in (site / "data").rglob("*") if file.is_file()}
    files |= {site / "CITATION.cff", site / "codemeta.json"}
    assert {site / href for href, _ in lines} == files, "every file has its line"
    for href, line in lines:
        monkeypatch.chdir((site / href).parent)
        if line.startswith("sha256sum"):
            subprocess.run(line, shell=True, check=True, capture_output=True)
            continue
        # unpacked elsewhere, and every file in it is what its checksum says
        if line.startswith("tar "):
            here = line.replace(Path(href).name, shlex.quote(str(site / href)))
            subprocess.run(here, shell=True, cwd=tmp_path, check=True)
            (top,) = tmp_path.iterdir()
            subprocess.run(
                "sha256sum --check SHA256SUMS", shell=True, cwd=top, check=True, capture_output=True
            )
            continue
        names: dict[str, Any] = {}
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            exec(line, names)
        read = next(
            value
            for key, value in names.items()
            if key in ("table", "spectra", "report", "citation", "software")
        )
        assert len(read) > 0 or read.num_rows > 0, href
        if hasattr(read, "close"):
            read.close()


def test_every_published_column_has_a_ucd(site: Path) -> None:
    if not os.environ.get("REPORT_SITE"):  # made-up tables carry no UCDs
        lacks("REPORT_SITE names no built default report: make report, REPORT_SITE=site")
    files = sorted((site / "data").rglob("*.vot.gz"))
    assert files
    for file in files:
        said = io.StringIO()
        assert votable.validate(str(file), output=said), (file.name, said.getvalue())
        for field in votable.parse_single_table(file).fields:
            assert check_ucd(field.ucd, check_controlled_vocabulary=True), (file.name, field.name)

"""Pages: what they hold, that foreign text stays text, and that two renderings are equal."""

import hashlib
import os
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import jinja2
import markdown
import pytest

from pipeline.errors import SiteError
from pipeline.report import render
from pipeline.report.build import ROOT, collect
from pipeline.report.citation import bibtex, citation_from, sentence
from pipeline.report.pages.registry import page_types
from pipeline.report.rows import exposure_anchors, readable
from pipeline.report.site.templates import environment, navigation
from pipeline.report.tables import Cell, Head, TableView, without_empty_columns
from tests.report import factory

RENDER = """
import sys
from pathlib import Path
from pipeline.report import render
from tests.report import factory
render([factory.published(), factory.campaign()], factory.build_info(), Path(sys.argv[1]))
"""


class Elements(HTMLParser):
    """Tags, ids and event attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.handlers: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "script" and (dict(attrs).get("src") or "").startswith("assets/js/"):
            return  # one of the page's own
        self.tags.append(tag)
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self.handlers += [name for name, _ in attrs if name.startswith("on")]


def parsed(markdown_text: str) -> Elements:
    has_head = markdown_text.startswith("---")
    body = markdown_text.split("---", 2)[2] if has_head else markdown_text
    page = Elements()
    page.feed(markdown.markdown(body, extensions=["attr_list", "md_in_html", "tables", "toc"]))
    return page


def digest(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_every_page_is_there_and_in_the_navigation(docs: Path) -> None:
    nav = (docs / "site.json").read_text(encoding="utf-8")
    for page in sorted(docs.glob("*.md")):
        is_log = page.name.startswith("reduction-of-")  # the overview of reductions links to those
        assert (f'"{page.name}"' in nav) != is_log
    assert len(list(docs.glob("*.md"))) >= len(page_types())


def test_simulated_campaigns_are_labelled_on_every_page_that_shows_them(docs: Path) -> None:
    for page in sorted(docs.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        if "demo-simulated" in text and page.name != "method.md":  # there only its settings
            assert "rp-sim" in text, page.name


def test_figures_and_tables_are_numbered_in_reading_order(docs: Path) -> None:
    for page in sorted(docs.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        for kind in ("Figure", "Table"):
            numbers = [int(n) for n in re.findall(rf"<strong>{kind} (\d+)\.", text)]
            assert numbers == list(range(1, len(numbers) + 1)), (page.name, kind)


def test_ids_are_unique_on_every_page(docs: Path) -> None:
    for page in sorted(docs.glob("*.md")):
        ids = parsed(page.read_text(encoding="utf-8")).ids
        assert len(set(ids)) == len(ids), page.name


def test_hostile_text_becomes_no_element_and_no_handler(hostile_docs: Path) -> None:
    for page in sorted(hostile_docs.glob("*.md")):
        elements = parsed(page.read_text(encoding="utf-8"))
        assert "script" not in elements.tags, page.name
        assert not elements.handlers, page.name
        assert not re.search(r'(?i)href="javascript', page.read_text(encoding="utf-8"))


def test_hostile_text_is_shown_to_the_reader(hostile_docs: Path) -> None:
    import html

    page = html.unescape((hostile_docs / "exposures.md").read_text(encoding="utf-8"))
    assert " ".join(factory.HOSTILE.split()) in " ".join(page.split())
    assert factory.HOSTILE_ID in page


def test_hostile_text_in_figures_is_escaped(hostile_docs: Path) -> None:
    for file in sorted((hostile_docs / "assets" / "figures").glob("*.js")):
        text = file.read_text(encoding="utf-8")
        assert "<img" not in text
        assert "<script" not in text


@pytest.mark.slow
def test_a_page_without_data_says_why(tmp_path: Path) -> None:
    bare = replace(factory.campaign(), tables={}, spectra={}, image=None, numbers=())
    render([bare], factory.build_info(), tmp_path / "docs")
    for name in ("pairs", "spectra", "recovery", "channels", "stars", "study"):
        text = (tmp_path / "docs" / f"{name}.md").read_text(encoding="utf-8")
        assert "No campaign" in text or "No simulated" in text or "does not hold" in text


def test_no_campaign_at_all_still_makes_pages(tmp_path: Path) -> None:
    assert render([], factory.build_info(), tmp_path / "docs")


def test_two_campaigns_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match="one name"):
        render([factory.campaign(), factory.campaign()], factory.build_info(), tmp_path / "docs")


@pytest.mark.slow
@pytest.mark.usefixtures("stills_left_blank")
def test_rendering_replaces_what_was_there(tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    before = set(render([factory.campaign()], factory.build_info(), folder))
    after = set(render([], factory.build_info(), folder))
    assert before - after
    assert not any(path.exists() for path in before - after)
    assert [path.name for path in tmp_path.iterdir()] == ["docs"]


def test_a_folder_that_cannot_be_written_is_an_expected_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SiteError, match="cannot be written"):
        render([], factory.build_info(), tmp_path / "file" / "docs")


@pytest.mark.slow
def test_two_processes_render_the_same_bytes(docs: Path, tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONHASHSEED": "7", "TZ": "Pacific/Auckland"}
    subprocess.run(
        [sys.executable, "-c", RENDER, str(tmp_path / "docs")],
        check=True,
        cwd=ROOT,
        env=environment,
        capture_output=True,
    )
    assert digest(docs) == digest(tmp_path / "docs")


def test_unlike_exposures_never_share_an_anchor() -> None:
    results = factory.campaign()
    exposures = results.tables["exposures"].copy()
    exposures["exposure_id"][0], exposures["exposure_id"][1] = "A B", "a-b"
    anchors = exposure_anchors(replace(results, tables={"exposures": exposures}))
    assert len(set(anchors.values())) == len(exposures)


def test_masked_text_reads_as_empty() -> None:
    table = readable(factory.published()).tables["availability"]
    assert not hasattr(table["wfm_noao_e"], "mask")
    assert table["wfm_noao_e"][0] == ""


def test_columns_without_any_value_are_named_in_the_caption() -> None:
    view = TableView("t", "All.", (Head("a"), Head("b")), ((Cell("1"), Cell("–")),))
    shorter = without_empty_columns(view)
    assert [head.label for head in shorter.heads] == ["a"]
    assert shorter.caption == "All. Not known: b."


def test_templates_fail_on_a_name_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "x.j2").write_text("{{ missing }}")
    with pytest.raises(jinja2.UndefinedError):
        environment(tmp_path).get_template("x.j2").render()


def test_templates_make_every_string_inert(tmp_path: Path) -> None:
    (tmp_path / "x.j2").write_text("{{ x }} {{ x | upper }} {{ [x][0] }}")
    text = environment(tmp_path).get_template("x.j2").render(x="<b>*")
    assert "<" not in text
    assert "*" not in text


def test_navigation_groups_pages_by_tab() -> None:
    nav = navigation([("", "A", "a.md"), ("T", "B", "b.md"), ("T", "C", "c.md")])
    assert nav == [{"A": "a.md"}, {"T": [{"B": "b.md"}, {"C": "c.md"}]}]


CFF = {
    "title": "A & B_C",
    "authors": [{"family-names": "Doe", "given-names": "Jane Q"}, {"name": "The group"}],
    "doi": "10.5281/zenodo.1",
    "references": [{"title": "S", "year": 2021, "authors": [{"family-names": "H"}]}],
}


def test_a_version_can_be_cited_in_words_and_in_bibtex() -> None:
    citation = citation_from(CFF)
    words = sentence(citation, "v1", "2026-11-23", "https://example.org/v1/")
    assert words == (
        "Doe, J. Q. & The group (2026). A & B_C, version v1. https://doi.org/10.5281/zenodo.1"
    )
    entry = bibtex(citation, "v1", "2026-11-23", "https://example.org/v1/")
    assert "author  = {Doe, Jane Q and {The group}}," in entry
    assert r"title   = {{A \& B\_C}}," in entry
    assert "url     = {https://example.org/v1/}," in entry
    assert citation.references == ("H (2021). S.",)


def test_the_build_takes_its_date_from_source_date_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    build = collect(["python", "build_report.py"], version_label="v9")
    assert (build.date, build.epoch, build.version_label) == ("1970-01-02", 86400, "v9")
    assert build.command == "python build_report.py"


@pytest.mark.slow
@pytest.mark.usefixtures("stills_left_blank")
@pytest.mark.parametrize(("share", "said"), [(0.5, True), (1.0, False)])
def test_a_simulation_that_is_kinder_than_the_recipes_says_so(
    share: float, said: bool, tmp_path: Path
) -> None:
    campaign = factory.campaign()
    settings = {**campaign.settings, "simulation": {"sky_share": share}}
    render([replace(campaign, settings=settings)], factory.build_info(), tmp_path / "docs")
    page = (tmp_path / "docs" / "recovery.md").read_text()
    assert ("<strong>0.5</strong> of its change times the sky" in page) is said
    assert ("more favourable than real ones" in page) is said

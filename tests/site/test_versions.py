"""Two versions in one branch, as a reader meets them: selector, banner, aliases, addresses."""

import json
import re
import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.report import build_site, render
from pipeline.report.downloads.report_file import read_previous
from pipeline.schema.results import Provenance
from pipeline.versions.branch import Branch
from pipeline.versions.deploy import deploy
from pipeline.workflow.ownership import MARK
from tests.report import factory
from tests.site.conftest import DESKTOP, EPOCH, PHONE, Watched
from tests.site.server import Site
from tests.versions.sites import repository, tree

pytestmark = pytest.mark.browser

OLD, NEW = "v2026.10", "v2026.11"
BANNER = "[data-md-component=outdated]"
SELECTOR = ".md-version"


@dataclass(frozen=True)
class Published:
    """Two versions of made-up numbers, deployed one after the other and served."""

    url: str
    repository: Path
    folder: Path  # what is served
    sites: tuple[Path, Path]  # as they were built
    before: dict[str, str]  # the branch after the first deploy
    after: dict[str, str]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def build(folder: Path, label: str, url: str, seed: int, previous: Path | None) -> Path:
    """A finished version; the seed shapes its numbers and stands for its data."""
    campaign = factory.campaign(seed=seed)
    shifted = tuple(replace(one, value=one.value + 0.003 * seed) for one in campaign.numbers)
    results = replace(campaign, numbers=shifted, origin=Provenance(f"{seed:064d}", "c" * 64, {}))
    info = factory.build_info(
        version_label=label,
        site_url=f"{url}{label}/",
        previous=read_previous(previous, label) if previous else None,
    )
    render([results], info, folder / f"docs-{label}")
    return build_site(folder / f"docs-{label}", folder / label, site_url=info.site_url, epoch=EPOCH)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    folder = tmp_path_factory.mktemp("versions")
    port = free_port()
    url = f"http://127.0.0.1:{port}/report/"  # below a path, as on Pages
    branch = Branch(repository(folder / "repository"))
    first = build(folder, OLD, url, 1, None)
    deploy(first, branch)
    before = tree(branch.repository)
    second = build(folder, NEW, url, 2, first / "data" / "report.json")
    deploy(second, branch)
    served = folder / "served"
    branch.export(served / "report")
    with closing(Site(served, port)):
        yield Published(
            url, branch.repository, served, (first, second), before, tree(branch.repository)
        )


@pytest.fixture
def reader(watched: Any, published: Published) -> Any:
    """Open a watched page that may ask for nothing outside the published versions."""

    def start(size: tuple[int, int] = DESKTOP, **options: Any) -> Watched:
        one: Watched = watched(size, allowed=published.url, **options)
        return one

    return start


@pytest.mark.parametrize(("size", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")])
def test_the_selector_lists_both_versions_and_leads_to_the_same_page_of_the_other(
    reader: Any, published: Published, size: tuple[int, int], scheme: str
) -> None:
    one = reader(size, color_scheme=scheme)
    one.page.goto(f"{published.url}{NEW}/pairs.html")
    selector = one.page.locator(SELECTOR)
    selector.wait_for()
    current = selector.locator(".md-version__current")
    assert current.inner_text().startswith(NEW)
    # the list opens over the button, hence force
    current.tap(force=True) if size == PHONE else current.hover(force=True)
    labels = selector.locator(".md-version__link").all_inner_texts()
    assert labels == [f"{NEW}latest", OLD]
    selector.get_by_role("link", name=OLD).click()
    one.page.wait_for_url(f"{published.url}{OLD}/pairs.html")
    one.page.locator(SELECTOR).wait_for()
    one.clean()


@pytest.mark.parametrize(("size", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")])
def test_the_old_version_says_that_there_is_a_newer_one_and_the_new_one_does_not(
    reader: Any, published: Published, size: tuple[int, int], scheme: str
) -> None:
    one = reader(size, color_scheme=scheme)
    one.page.goto(f"{published.url}{OLD}/study.html")
    banner = one.page.locator(BANNER)
    banner.wait_for(state="visible")
    assert OLD in banner.inner_text()
    assert (
        one.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        <= 0
    )
    one.page.reload()
    banner.wait_for(state="visible")
    banner.get_by_role("link").click()
    one.page.wait_for_url(f"{published.url}{NEW}/index.html")
    one.page.locator(SELECTOR).wait_for()
    assert not one.page.locator(BANNER).is_visible()
    one.clean()


def test_every_page_of_both_versions_opens_without_an_error(
    reader: Any, published: Published
) -> None:
    one = reader()
    for label, site in zip((OLD, NEW), published.sites, strict=True):
        for page in sorted(site.glob("*.html")):
            one.page.goto(f"{published.url}{label}/{page.name}")
            one.page.locator(SELECTOR).wait_for()
    one.clean()


@pytest.mark.parametrize("alias", ["latest", "stable"])
def test_an_alias_leads_to_the_newest_version_and_keeps_query_and_fragment(
    reader: Any, published: Published, alias: str
) -> None:
    one = reader()
    address = "spectra.html?spectra-demo-simulated=Star%202#spectra-demo-simulated"
    one.page.goto(f"{published.url}{alias}/{address}")
    one.page.wait_for_url(f"{published.url}{NEW}/{address}")
    one.page.locator(SELECTOR).wait_for()
    one.clean()


def test_without_script_an_alias_still_leads_on(reader: Any, published: Published) -> None:
    one = reader(java_script_enabled=False)
    one.page.goto(f"{published.url}latest/pairs.html")
    one.page.wait_for_url(f"{published.url}{NEW}/pairs.html")
    one.page.goto(published.url)
    one.page.wait_for_url(f"{published.url}{NEW}/index.html")


def test_canonical_links_and_sitemaps_stay_within_the_version(published: Published) -> None:
    for label in (OLD, NEW):
        folder = published.folder / "report" / label
        texts = {page: page.read_text("utf-8") for page in sorted(folder.glob("*.html"))}
        leading_on = {page for page, text in texts.items() if 'content="noindex"' in text}
        assert leading_on  # old addresses: neither canonical nor in the sitemap
        for page, text in texts.items():
            if page.name != "404.html" and page not in leading_on:
                link = re.findall(r'rel="canonical" href="([^"]*)"', text)
                name = page.name.removeprefix("index.html")
                assert link == [f"{published.url}{label}/{name}"]
        pages = re.findall("<loc>([^<]*)</loc>", (folder / "sitemap.xml").read_text("utf-8"))
        named = {page.name.removeprefix("index.html") for page in texts.keys() - leading_on}
        assert {page.removeprefix(f"{published.url}{label}/") for page in pages} == named - {
            "404.html"
        }
    root = (published.folder / "report" / "sitemap.xml").read_text("utf-8")
    assert re.findall("<loc>([^<]*)</loc>", root) == [
        f"{published.url}{label}/sitemap.xml" for label in (NEW, OLD)
    ]


def test_the_second_deploy_changed_no_file_of_the_first(published: Published) -> None:
    first = {path: one for path, one in published.before.items() if path.startswith(f"{OLD}/")}
    assert first == {path: one for path, one in published.after.items() if path.startswith(OLD)}
    kept = (path for path in published.sites[0].rglob("*") if path.is_file())
    for file in sorted(path for path in kept if path.name != MARK):  # ours, not the version's
        name = file.relative_to(published.sites[0])
        assert (published.folder / "report" / OLD / name).read_bytes() == file.read_bytes()


def test_the_new_summary_says_what_changed_and_links_to_the_old_one(
    reader: Any, published: Published
) -> None:
    one = reader()
    one.page.goto(f"{published.url}{NEW}/index.html")
    table = one.page.locator("#changes-demo-simulated table")
    row = table.locator("tbody tr").first.inner_text().split("\t")
    assert row[:5] == ["σ_pub(2/22)", "3.30 ± 0.40", "3.60 ± 0.40", "+0.30", "+0.75"]
    assert "Data: the input files differ." in one.page.locator("main").inner_text()
    one.page.get_by_role("link", name="That version").click()
    one.page.wait_for_url(f"{published.url}{OLD}/index.html")
    assert "This is the first version" in one.page.locator("main").inner_text()
    one.page.locator(SELECTOR).wait_for()
    one.clean()


@pytest.mark.parametrize("from_disk", [True, False])
def test_a_version_alone_asks_for_no_other(
    watched: Any, published: Published, serve: Any, from_disk: bool
) -> None:
    """Unpacked from an archive and opened from disk, or served by itself at another place."""
    site = published.sites[1]
    renamed = site.with_name("unpacked")
    if not renamed.exists():
        renamed.symlink_to(site)
    address = f"{site.as_uri()}/" if from_disk else str(serve(renamed))
    one = watched(allowed=address)
    for name in ("index", "timelines"):
        one.page.goto(f"{address}{name}.html")
        one.page.wait_for_timeout(300)
        assert one.page.locator(SELECTOR).count() == 0
        assert not one.page.locator(BANNER).is_visible()
    one.clean()


def test_the_list_of_versions_is_what_the_theme_expects(published: Published) -> None:
    entries = json.loads((published.folder / "report" / "versions.json").read_text("utf-8"))
    assert entries == [
        {"version": NEW, "title": NEW, "aliases": ["latest", "stable"]},
        {"version": OLD, "title": OLD, "aliases": []},
    ]

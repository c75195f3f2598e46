"""The pages on a reduction, which the default report has none of."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.report import build_site, render
from tests.report import factory
from tests.site.conftest import DESKTOP, EPOCH, PHONE
from tests.site.links import broken_links
from tests.site.test_access import findings
from tests.site.test_browser import OVERFLOW

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def reduced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site with logs of two exposures, one of which has no cube."""
    folder = tmp_path_factory.mktemp("reduced")
    render([factory.campaign()], factory.build_info(), folder / "docs")
    return build_site(folder / "docs", folder / "site", epoch=EPOCH)


def test_every_link_resolves_with_logs_of_reductions(reduced: Path) -> None:
    assert len(list(reduced.glob("reduction-of-*.html"))) == 2
    assert broken_links(reduced) == []


def test_logs_are_not_in_the_search(reduced: Path) -> None:
    index = json.loads((reduced / "search" / "search_index.json").read_text(encoding="utf-8"))
    pages = {one["location"].partition("#")[0] for one in index["docs"]}
    assert "reductions.html" in pages
    assert not any(page.startswith("reduction-of-") for page in pages)


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_a_reader_gets_from_the_summary_to_a_log(
    watched: Any, serve: Any, reduced: Path, size: tuple[int, int]
) -> None:
    base = str(serve(reduced))
    one = watched(size, allowed=base, color_scheme="light", reduced_motion="reduce")
    one.open(f"{base}index.html")
    one.page.locator("#pages ~ .rp-cards").get_by_role("link", name="Reduction").click()
    one.page.wait_for_url(f"{base}reductions.html")
    assert one.page.evaluate(OVERFLOW) <= 0
    logs = one.page.locator("main table").first.get_by_role("link")
    addresses = [f"{base}{link.get_attribute('href')}" for link in logs.all()]
    assert len(addresses) == 2
    for address in (f"{base}reductions.html", *addresses):
        one.open(address)
        assert one.page.evaluate(OVERFLOW) <= 0, address
        assert findings(one) == ([], []), address
        one.other_palette()
    one.clean()

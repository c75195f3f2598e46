"""axe-core finds nothing with all its rules: every page, two sizes, both palettes.

Nor is a contrast left that a person would have to judge: what axe cannot decide is computed.
"""

from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from tests.site.conftest import DESKTOP, PAGES, PHONE
from tests.site.contrast import DOUBTS

pytestmark = pytest.mark.browser

AXE = (resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
# target-size is the one rule of 2.2 that axe leaves out unless it is asked for.
FINDINGS = """async () => {
  const found = await axe.run(document, {
    rules: {'target-size': {enabled: true}},
    resultTypes: ['violations'],
  });
  return found.violations.flatMap((rule) => rule.nodes.map(
    (node) => `${rule.id}: ${node.target.join(' ')}: ${node.failureSummary.split('\\n')[1]}`));
}"""


def findings(one: Any) -> tuple[list[str], list[str]]:
    """What axe finds on a page that was opened in the light palette: in light, in dark."""
    one.page.evaluate(AXE)
    light = one.page.evaluate(FINDINGS) + one.page.evaluate(DOUBTS)
    one.other_palette()
    one.draw_all()
    one.page.wait_for_timeout(300)  # the theme fades from one palette to the other
    return light, one.page.evaluate(FINDINGS) + one.page.evaluate(DOUBTS)


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_axe_finds_nothing(watched: Any, base: str, name: str, size: tuple[int, int]) -> None:
    one = watched(size, color_scheme="light", reduced_motion="reduce")
    one.open(f"{base}{name}.html")
    assert findings(one) == ([], [])


@pytest.mark.parametrize("kind", ["stars", "exposures"])
def test_axe_finds_nothing_on_pages_of_stars_and_exposures(
    watched: Any, base: str, site: Path, kind: str
) -> None:
    for campaign in sorted(site.glob(f"{kind}/*")):
        page = sorted(campaign.glob("*.html"))[-1]
        for scheme in ("light", "dark"):
            one = watched(color_scheme=scheme)
            one.page.goto(f"{base}{page.relative_to(site).as_posix()}")
            one.page.evaluate(AXE)
            assert one.page.evaluate(FINDINGS) + one.page.evaluate(DOUBTS) == []


def test_axe_would_find_something(watched: Any, base: str) -> None:
    """The rules run: pale text, a picture without words and a tiny button are found."""
    one = watched()
    one.open(f"{base}about.html")
    one.page.evaluate(AXE)
    one.page.evaluate(
        """document.querySelector('article').insertAdjacentHTML('afterbegin',
             '<p style="color:#bbb;background:#fff">pale</p><img src="assets/favicon.svg">'
             + '<button style="all:unset;width:9px;height:9px;position:absolute">a</button>'
             + '<button style="all:unset;width:9px;height:9px;margin-left:10px">b</button>')"""
    )
    rules = {finding.split(":")[0] for finding in one.page.evaluate(FINDINGS)}
    assert rules >= {"color-contrast", "image-alt"}


def test_pale_words_over_a_drawing_would_be_found(watched: Any, base: str) -> None:
    one = watched(color_scheme="light")
    one.open(f"{base}about.html")
    one.page.evaluate(AXE)
    one.page.evaluate(
        """document.querySelector('article').insertAdjacentHTML('afterbegin',
             '<svg width="300" height="40" role="img" aria-label="d">'
             + '<path d="M0 0h300v40h-300z" fill="#ddd"/>'
             + '<text id="pale" y="20" fill="#999">pale words</text></svg>')"""
    )
    found = one.page.evaluate(DOUBTS)
    assert len(found) == 1
    assert "pale words" in found[0]

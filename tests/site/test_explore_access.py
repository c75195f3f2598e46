"""Explore and Plan for every reader: rules of access, weight of the first view, the switch of the site."""

from pathlib import Path
from typing import Any

import pytest

from tests.site.conftest import DESKTOP, PHONE
from tests.site.explore_page import campaigns, visit, visit_plan
from tests.site.server import Site, on_the_wire
from tests.site.test_access import AXE

pytestmark = pytest.mark.browser

EQUAL = 1e-9
WIRE_LIMIT = 1_000_000
HEADERS = 400  # bytes of a response's headers, packed by HTTP/2


# Whatever is against a rule, and every contrast that a person would have to judge; axe cannot judge
# words in a picture, which TEXT_CONTRAST does, nor rows that scroll under the head of their table.
ALL_RULES = """async () => {
  const found = await axe.run(document.querySelector('main'));
  const ours = (node) => !document.querySelector(node.target[0]).closest('svg, table');
  const doubts = found.incomplete.filter((rule) => rule.id === 'color-contrast')
    .map((rule) => ({...rule, nodes: rule.nodes.filter(ours)}));
  return [...found.violations, ...doubts].flatMap((rule) => rule.nodes.map(
    (node) => `${rule.id}: ${node.target.join(' ')}: ${node.failureSummary.split('\\n')[1]}`));
}"""

# Lowest contrast of the words in our charts, whose background is the page's or tinted with a band.
TEXT_CONTRAST = """() => {
  const linear = (c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const parse = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = (rgb) => [0.2126, 0.7152, 0.0722].reduce((sum, w, k) => sum + w * linear(rgb[k] / 255), 0);
  const over = ([r, g, b, a = 1], below) => [r, g, b].map((c, k) => a * c + (1 - a) * below[k]);
  const probe = document.createElement('i');
  const value = (host, name) => {
    host.append(probe);
    probe.style.color = `var(--ex-${name})`;
    const color = parse(getComputedStyle(probe).color);
    probe.remove();
    return color;
  };
  const contrast = (one, other) => {
    const both = [light(one), light(other)];
    return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
  };
  const painted = (host, color) => {
    host.append(probe);
    probe.style.color = color;
    const rgb = parse(getComputedStyle(probe).color);
    probe.remove();
    return rgb;
  };
  const charts = '.ex-chart svg text, #ex-spectra-chart svg text';
  return Math.min(...[...document.querySelectorAll(charts)].flatMap((text) => {
    const host = text.closest('.ex-app, .plan'), page = value(host, 'bg');
    const ink = parse(getComputedStyle(text).fill);
    if (text.dataset.ground) return [contrast(ink, painted(host, text.dataset.ground))];
    return ['bg', 'band', 'stripe', 'soft'].map((name) => contrast(ink, over(value(host, name), page)));
  }));
}"""
READABLE = 4.5  # WCAG AA


@pytest.mark.parametrize("name", ["explore", "plan"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_with_all_its_rules(
    watched: Any, base: str, name: str, size: tuple[int, int], scheme: str
) -> None:
    one = watched(size, color_scheme=scheme, reduced_motion="reduce")
    one.page.goto(f"{base}{name}.html")
    one.page.wait_for_selector("[data-ready]")
    for summary in one.page.locator("main details:visible > summary").all():
        summary.click()
    one.page.wait_for_timeout(200)
    one.page.evaluate(AXE)
    assert one.page.evaluate(ALL_RULES) == []
    assert one.page.evaluate(TEXT_CONTRAST) >= READABLE
    one.clean()


def test_the_first_view_is_light_on_the_wire(watched: Any, site: Path) -> None:
    served = Site(site)
    try:
        one = watched(allowed=served.address)
        visit(one, f"{served.address}explore.html")
        one.page.wait_for_selector(".ex-app[data-pairs]")
        total = sum(served.sent.values()) + HEADERS * len(served.sent)
    finally:
        served.close()
    assert "/assets/vendor/plotly.min.js" not in served.sent
    assert total < WIRE_LIMIT, sorted(served.sent.items(), key=lambda item: -item[1])[:8]
    assert len(on_the_wire(site / "explore.html")) < total
    print(f"explore: {total / 1000:.0f} kB in {len(served.sent)} files")


def test_a_kind_of_campaign_is_enough_and_the_switch_of_the_site_is_followed(
    watched: Any, site: Path, base: str
) -> None:
    names = {name.endswith("simulated"): name for name in campaigns(site)}
    one = watched()
    page = visit(one, f"{base}explore.html?campaign=simulated")
    assert page.locator("#ex-campaign").input_value() == names[True]
    assert page.evaluate("document.documentElement.dataset.campaign") == "simulated"
    page.evaluate("document.documentElement.dataset.campaign = 'observed'")
    page.wait_for_function("document.getElementById('ex-sim').hidden")
    assert page.locator("#ex-campaign").input_value() == names[False]
    page.wait_for_function("!document.querySelector('.ex-app').hasAttribute('aria-busy')")
    page.go_back()
    page.wait_for_function("!document.getElementById('ex-sim').hidden")
    page = visit_plan(one, f"{base}plan.html?campaign=simulated")
    assert page.locator("[name=campaign]").input_value() == names[True]
    page.evaluate("document.documentElement.dataset.campaign = 'observed'")
    page.wait_for_function(
        "name => document.querySelector('[name=campaign]').value === name", arg=names[False]
    )
    one.clean()


def test_back_undoes_the_switch_of_the_site(watched: Any, site: Path, base: str) -> None:
    names = {name.endswith("simulated"): name for name in campaigns(site)}
    one = watched()
    page = visit(one, f"{base}explore.html?campaign={names[False]}&a=4&b=6")
    before = page.url
    page.get_by_role("button", name="Simulated", exact=True).click()
    page.wait_for_function("!document.getElementById('ex-sim').hidden")
    assert f"campaign={names[True]}" in page.url
    page.go_back()
    page.wait_for_function("document.getElementById('ex-sim').hidden")
    assert page.url == before
    assert page.locator("#ex-campaign").input_value() == names[False]
    assert page.locator("#ex-a").input_value() == "4"
    one.clean()

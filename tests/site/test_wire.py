"""What a first visit to a page costs on the wire, gzipped as GitHub Pages does."""

from pathlib import Path
from typing import Any

import pytest

from tests.site.conftest import PAGES
from tests.site.server import Site, on_the_wire

pytestmark = pytest.mark.browser

LIMIT = 700_000  # bytes: under a second at 6 Mbit/s
HEADERS = 400  # bytes of a response's headers, packed by HTTP/2
SMALL_BUNDLE = (
    520_000  # Plotly's cartesian bundle gzipped; without npm the full one is three times that
)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_with_every_figure_drawn_stays_under_the_limit(
    watched: Any, site: Path, name: str
) -> None:
    served = Site(site)
    try:
        one = watched(allowed=served.address)
        one.open(f"{served.address}{name}.html")
        one.clean()
    finally:
        served.close()
    bundle = len(on_the_wire(site / "assets" / "vendor" / "plotly.min.js"))
    spared = max(0, bundle - SMALL_BUNDLE) if "/assets/vendor/plotly.min.js" in served.sent else 0
    total = sum(served.sent.values()) + HEADERS * len(served.sent) - spared
    largest = sorted(served.sent.items(), key=lambda item: -item[1])[:8]
    assert total < LIMIT, f"{total} bytes in {len(served.sent)} files, the largest: {largest}"
    print(f"{name}: {total / 1000:.0f} kB in {len(served.sent)} files")

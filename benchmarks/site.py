"""How long a reader waits for a page: first paint and first plot in the system's Chromium.

    python -m benchmarks.site SITE [--rounds N] [--page NAME ...]

Serves the site on this machine, gzipped as GitHub Pages does, and opens each page in a fresh context
(nothing in the cache), so that network time is not in the figures. Prints a Markdown table: medians
and the range. "First plot" is when the first figure in sight has taken its picture's place.
"""

import argparse
import os
import shutil
import statistics
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.site.server import Site

PAGES = ("index", "stars", "spectra", "pairs", "evidence", "study")
WINDOW = {"width": 1440, "height": 900}
# Noted by the page itself: polling from outside would add its own period.
WATCH = """
  new MutationObserver(() => {
    if (!window.firstPlot && document.querySelector('.rp-ready')) window.firstPlot = performance.now();
  }).observe(document, {subtree: true, attributes: true, attributeFilter: ['class'], childList: true});
"""
PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"


def open_once(browser: Browser, address: str) -> tuple[float, float]:
    """First paint and first plot of a first visit, in ms after the navigation began."""
    context = browser.new_context(viewport=WINDOW)
    page = context.new_page()
    page.add_init_script(WATCH)
    page.goto(address)
    if page.locator("[data-figure]").count():
        page.locator("[data-figure]").first.scroll_into_view_if_needed()
        page.wait_for_function("window.firstPlot", timeout=30_000)
    times = page.evaluate(f"[{PAINT}, window.firstPlot || NaN]")
    context.close()
    return times[0], times[1]


def told(times: list[float]) -> str:
    """Median and range in seconds."""
    return f"{statistics.median(times) / 1e3:.2f} ({min(times) / 1e3:.2f}-{max(times) / 1e3:.2f})"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("site", type=Path)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--page", action="append", help=f"default: {', '.join(PAGES)}")
    options = parser.parse_args()
    served = Site(options.site.resolve())
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    names = options.page or PAGES
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        open_once(browser, f"{served.address}{names[0]}.html")  # warms files and gzip
        for _ in range(options.rounds):
            for name in names:
                times[name].append(open_once(browser, f"{served.address}{name}.html"))
        browser.close()
    served.close()
    print("| page | first paint s | first plot s |\n|---|---|---|")
    for name in names:
        paint, plot = zip(*times[name], strict=True)
        print(f"| {name} | {told(list(paint))} | {told(list(plot))} |")
    print(f"\n{options.rounds} rounds; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()

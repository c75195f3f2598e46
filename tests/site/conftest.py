"""The site in the system's Chromium, over http on 127.0.0.1 and from disk.

``REPORT_SITE`` names a finished site to test instead of one from made-up numbers; ``CHROMIUM`` the
browser. Without a browser the tests are skipped, in CI they fail.
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from pipeline.report import build_site, render
from tests.machine import lacks
from tests.report import factory
from tests.site.server import Site

EPOCH = 1795392000
# --no-sandbox: CI runs as root. No name resolves but this machine's: another host would fail loudly.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
TIME_LIMIT_MS = 15_000
DESKTOP, PHONE = (1440, 900), (390, 844)
# Every page of the site; a test sees to it that none is missing here.
PAGES = (
    "index", "explore", "plan", "stars", "spectra", "exposures", "evidence", "study", "pairs",
    "channels", "recovery", "downloads", "method", "about", "archive", "matcher", "reduction", "settings",
    "use_in_python", "404",
    "validation", "record", "changelog", "dependence", "statistics",
)  # fmt: skip


@dataclass
class Watched:
    """A page and everything that went wrong on it."""

    page: Page
    allowed: str  # beginning of every address that may be asked for
    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        page = self.page
        page.on("pageerror", lambda error: self.errors.append(f"{page.url}: {error}"))
        page.on(
            "console",
            lambda message: (
                message.type in ("error", "warning")
                and self.errors.append(f"{page.url}: {message.text}")
            ),
        )
        page.on("requestfailed", self._failed)
        page.on("request", lambda request: self._note(request.url))
        page.on("dialog", self._dismiss)

    def _failed(self, request: Any) -> None:
        if request.failure != "net::ERR_ABORTED":  # the reader went on to the next page
            self.errors.append(f"failed: {request.url}")

    def _note(self, url: str) -> None:
        if not url.startswith((self.allowed, "data:", "blob:", "about:")):
            self.foreign.append(url)

    def _dismiss(self, dialog: Any) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def open(self, address: str) -> None:
        """Load a page and wait until all its figures are drawn."""
        self.page.goto(address)
        self.draw_all()

    def draw_all(self) -> None:
        """Make the window as tall as the page, so that every figure shown is in sight, and wait."""
        size = self.page.viewport_size
        assert size is not None
        tall = self.page.evaluate("document.documentElement.scrollHeight")
        self.page.set_viewport_size({"width": size["width"], "height": tall})
        self.page.wait_for_function(
            """() => [...document.querySelectorAll('[data-figure]')]
                 .filter((box) => box.getClientRects().length > 0)
                 .every((box) => box.matches('.rp-ready, .rp-picture, .rp-failed'))"""
        )

    def other_palette(self) -> None:
        """Press the button that changes between light and dark."""
        scheme = "document.body.getAttribute('data-md-color-scheme')"
        before = self.page.evaluate(scheme)
        self.page.locator("form[data-md-component='palette'] label:visible").click()
        self.page.wait_for_function(f"before => {scheme} !== before", arg=before)

    def clean(self) -> None:
        """Nothing went wrong so far."""
        assert self.errors == []
        assert self.foreign == []
        assert self.dialogs == []


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not path:
        lacks("no Chromium: apt-get install chromium, or name one in CHROMIUM")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished site: the one that is named, or one from the factory."""
    if named := os.environ.get("REPORT_SITE"):
        return Path(named).resolve()
    folder = tmp_path_factory.mktemp("site")
    render([factory.published(), factory.campaign()], factory.build_info(), folder / "docs")
    return build_site(folder / "docs", folder / "site", epoch=EPOCH)


@pytest.fixture(scope="session")
def hostile_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site full of text that wants to be markup."""
    folder = tmp_path_factory.mktemp("hostile")
    render([factory.campaign(hostile=True)], factory.hostile_build(), folder / "docs")
    return build_site(folder / "docs", folder / "site", epoch=EPOCH)


@pytest.fixture(scope="session")
def serve() -> Iterator[Any]:
    """Serve a folder over http; returns its address."""
    served: list[Site] = []

    def start(folder: Path) -> str:
        served.append(Site(folder))
        return served[-1].address

    yield start
    for one in served:
        one.close()


@pytest.fixture(scope="session")
def base(site: Path, serve: Any) -> str:
    """Address of the site."""
    return str(serve(site))


@pytest.fixture
def watched(browser: Browser, base: str) -> Iterator[Any]:
    """Open a watched page in a context of its own."""
    contexts: list[BrowserContext] = []

    def start(size: tuple[int, int] = DESKTOP, allowed: str = "", **options: Any) -> Watched:
        phone = {"has_touch": True, "is_mobile": True} if size == PHONE else {}
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, **(phone | options)
        )
        context.set_default_timeout(TIME_LIMIT_MS)
        contexts.append(context)
        return Watched(context.new_page(), allowed or base)

    yield start
    for context in contexts:
        context.close()

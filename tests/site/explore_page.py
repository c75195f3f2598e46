"""The pages Explore and Plan as tests open them."""

import json
from collections.abc import Mapping
from html import unescape
from pathlib import Path
from typing import Any

from astropy.table import Table

EQUAL = 1e-9
WIRE_LIMIT = 1_000_000
HEADERS = 400  # bytes of a response's headers, packed by HTTP/2
READY = ".ex-app[data-ready]"


def campaigns(site: Path) -> dict[str, Mapping[str, Any]]:
    """The campaigns of the page, by the files that it names for its script."""
    text = (site / "explore.html").read_text(encoding="utf-8")
    start = text.index('data-files="') + len('data-files="')
    found: dict[str, Mapping[str, Any]] = json.loads(unescape(text[start : text.index('"', start)]))
    return found


def read(site: Path, path: str) -> Table:
    return Table.read(site / path, mask_invalid=False)


def visit(one: Any, address: str) -> Any:
    """The page, ready."""
    one.page.goto(address)
    one.page.wait_for_selector(READY)
    return one.page


def visit_plan(one: Any, address: str) -> Any:
    one.page.goto(address)
    one.page.wait_for_selector("[data-planner][data-ready]")
    return one.page

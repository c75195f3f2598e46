"""One rendering of two campaigns, shared by the tests that only look at it."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.report import render
from pipeline.report.figures import static_image
from pipeline.report.figures.base import Figure
from pipeline.report.pages.base import PageInputs
from pipeline.report.pages.registry import make_pages
from pipeline.schema.results import Results
from tests.report import factory


@pytest.fixture(scope="session")
def campaigns() -> list[Results]:
    return [factory.published(), factory.campaign()]


@pytest.fixture(scope="session")
def docs(campaigns: list[Results], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report") / "docs"
    render(campaigns, factory.build_info(), folder)
    return folder


@pytest.fixture(scope="session")
def figures(campaigns: list[Results]) -> list[Figure]:
    """Every figure of the report."""
    downloads: dict[tuple[str, str], Any] = {("", "report"): [None], ("", "sums"): [None]}
    downloads |= {("", "version"): [None, None]}
    for one in campaigns:
        logs = [f"reduction of {identity}" for identity in one.reductions]
        names = (*one.tables, "spectra_drawn", *logs)
        downloads |= {(one.name, name): [] for name in names}
    inputs = PageInputs(tuple(campaigns), factory.build_info(), downloads)
    return [figure for page in make_pages(inputs) for figure in page.figures]


BLANK = static_image.Picture(b'<svg xmlns="http://www.w3.org/2000/svg"/>', {})


@pytest.fixture(scope="session")
def hostile_docs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its still pictures are left blank: how hostile figures are drawn has tests of its own."""
    folder = tmp_path_factory.mktemp("hostile") / "docs"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(static_image, "static_picture", lambda *_, **__: BLANK)
        render([factory.campaign(hostile=True)], factory.build_info(), folder)
    return folder


@pytest.fixture
def stills_left_blank(monkeypatch: pytest.MonkeyPatch) -> None:
    """Still pictures are not drawn: most of the time of a page, and other tests look at them."""
    monkeypatch.setattr(static_image, "static_picture", lambda *_, **__: BLANK)

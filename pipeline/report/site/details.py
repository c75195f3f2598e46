"""Pages of single stars and exposures: small HTML files beside what mkdocs makes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from pipeline.report.pages.counterparts import with_counterparts
from pipeline.report.pages.detail import ROOT, DetailPage
from pipeline.report.pages.exposure import exposure_pages
from pipeline.report.pages.star import star_pages
from pipeline.report.rows import SHARED_PAGE, is_large, shared_page, years_of
from pipeline.schema.results import Results

INDEX = {"star": ("stars", "All stars"), "exposure": ("exposures", "All exposures")}
PARTS = (
    ("explore", "Explore"),
    ("plan", "Plan"),
    ("stars", "Stars"),
    ("exposures", "Exposures"),
    ("evidence", "Evidence"),
    ("downloads", "Data and method"),
)


@dataclass(frozen=True)
class YearsOf:
    """The years of a large campaign, each with its number of exposures."""

    results: Results
    years: tuple[tuple[str, int], ...]

    @property
    def title(self) -> str:
        return self.results.title

    def href(self, year: str) -> Markup:
        """Address of the list of a year."""
        return Markup(shared_page(self.results, year))


@dataclass(frozen=True)
class SharedPage:
    """The page that the exposures of large campaigns share."""

    path: str = SHARED_PAGE


def write_details(
    folder: Path,
    env: jinja2.Environment,
    campaigns: Sequence[Results],
    cite: Any,
    names: frozenset[str],
) -> None:
    """Write the page of every star and every exposure.

    Parameters
    ----------
    names : frozenset of str
        Names of the other pages; only to these the head of the page leads.
    """
    parts = [part for part in PARTS if part[0] in names]
    large = [YearsOf(one, tuple(years_of(one).items())) for one in campaigns if is_large(one)]
    if large:
        text = env.get_template("exposure_shared.html.j2").render(
            campaigns=large, cite=cite, root="", parts=parts, query="", page=SharedPage(),
            site=cite.title.partition(":")[0],
        )  # fmt: skip
        (folder / SHARED_PAGE).write_text(_without_blank_lines(text), encoding="utf-8")
    for results in campaigns:
        made = (*star_pages(results), *exposure_pages(results))
        for page in with_counterparts(made, results, campaigns):
            target = folder / page.path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(_rendered(env, page, cite, parts), encoding="utf-8")


def _rendered(
    env: jinja2.Environment, page: DetailPage, cite: Any, parts: Sequence[tuple[str, str]]
) -> str:
    index, label = INDEX[page.template]
    text = env.get_template(f"{page.template}.html.j2").render(
        **page.context,
        page=page,
        cite=cite,
        root=ROOT,
        index=index,
        index_label=label,
        parts=parts,
        site=cite.title.partition(":")[0],
        query="?campaign=simulated" if page.results.simulated else "",
    )
    return _without_blank_lines(text)


def _without_blank_lines(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if line.strip()) + "\n"

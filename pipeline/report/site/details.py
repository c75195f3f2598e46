"""Pages of single stars and exposures: small HTML files beside what mkdocs makes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2

from pipeline.report.pages.detail import ROOT, DetailPage
from pipeline.report.pages.exposure import exposure_pages
from pipeline.report.pages.star import star_pages
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
    for results in campaigns:
        for page in (*star_pages(results), *exposure_pages(results)):
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
    return "\n".join(line for line in text.splitlines() if line.strip()) + "\n"

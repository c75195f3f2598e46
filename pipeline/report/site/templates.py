"""Jinja as the report uses it: inserted text is inert, a missing name is an error.

Templates hold no statistics: they print the typed context of a page.
"""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from pipeline.report.build import BuildInfo
from pipeline.report.pages.base import Link, Page
from pipeline.report.text import counted, escape_text, per_cent_with_interval, slug
from pipeline.schema.publications import STUDY
from pipeline.schema.results import Results


class FieldHeadings:
    """Headings of a page's sections: by field where a report has several.

    Parameters
    ----------
    campaigns : sequence of Results
        All of the report, in reading order.
    """

    def __init__(self, campaigns: Sequence[Results]) -> None:
        self.names = tuple(dict.fromkeys(one.field_name for one in campaigns))
        self.several = len(self.names) > 1
        level = 1 + self.several
        self.campaign, self.sub = Markup("#" * (level + 1)), Markup("#" * (level + 2))
        self._opened: set[str] = set()

    def opens(self, name: str) -> bool:
        """Whether a field's first section on the page begins here; true once."""
        first = name not in self._opened
        self._opened.add(name)
        return self.several and first

    def anchor(self, name: str) -> Markup:
        """Where a field's sections begin."""
        return Markup(f"field-{slug(name)}")


def environment(templates: Path) -> jinja2.Environment:
    """Jinja with every inserted text made inert; a missing name is an error, not a blank."""
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        finalize=_inert,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    env.filters |= {
        "verbatim": verbatim,
        "counted": counted,
        "per_cent": per_cent_with_interval,
    }
    return env


def verbatim(text: str) -> Markup:
    """Text for a preformatted block: line breaks stay, nothing is markup."""
    return Markup("&#10;").join(escape_text(line) for line in text.splitlines())


def _inert(value: object) -> object:
    """Strings become plain text in HTML and Markdown; Markup is ours and passes."""
    return escape_text(value) if isinstance(value, str) else value


def render_page(
    env: jinja2.Environment,
    page: Page,
    build: BuildInfo,
    campaigns: Sequence[Results],
    cite: Any,
    guide: Sequence[Link] = (),
    names: Collection[str] = (),
) -> str:
    """The page as Markdown; ``guide`` lists all pages for the first one, ``names`` are those of all."""
    template = env.get_template(f"{page.template or page.name}.md.j2")
    text = template.render(
        **page.context,
        page=page,
        build=build,
        campaigns=campaigns,
        cite=cite,
        fields=FieldHeadings(campaigns),
        guide=guide,
        names=names,
        study=STUDY,
    )
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def navigation(pages: Sequence[tuple[str, str, str]]) -> list[dict[str, Any]]:
    """mkdocs' nav from (tab, title, file) in reading order."""
    nav: list[dict[str, Any]] = []
    tabs: dict[str, list[dict[str, str]]] = {}
    for tab, title, file in pages:
        if not tab:
            nav.append({title: file})
            continue
        if tab not in tabs:
            tabs[tab] = []
            nav.append({tab: tabs[tab]})
        tabs[tab].append({title: file})
    return nav

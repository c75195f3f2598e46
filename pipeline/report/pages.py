"""Pages: typed contexts that templates turn into Markdown. Templates hold no statistics."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from pipeline.report.build import BuildInfo
from pipeline.report.downloads import Download
from pipeline.report.figures.base import Figure, height, is_split
from pipeline.report.static_image import NARROW_PX, WIDE_PX
from pipeline.report.tables import TableView
from pipeline.report.text import counted, shown, size_of, slug
from pipeline.schema.results import Results


@dataclass(frozen=True)
class Link:
    """A file or page that a reader can follow; the address is ours, never taken from data."""

    label: str
    href: Markup
    detail: str = ""


@dataclass(frozen=True)
class FigureView:
    """A figure as a page shows it: number, picture, selector, downloads."""

    figure: Figure
    number: int
    downloads: tuple[Link, ...]

    @property
    def split_variants(self) -> bool:
        """Whether the choices are one data file each."""
        return is_split(self.figure)

    @property
    def wide_px(self) -> tuple[int, int]:
        """Size of the picture for a desktop."""
        return WIDE_PX, height(self.figure)

    @property
    def narrow_px(self) -> tuple[int, int]:
        """Size of the picture for a phone."""
        return NARROW_PX, height(self.figure, narrow=True)


@dataclass(frozen=True)
class TableBlock:
    """A table as a page shows it: number and downloads."""

    view: TableView
    number: int
    downloads: tuple[Link, ...]


@dataclass(frozen=True)
class Page:
    """One page before it is rendered."""

    name: str  # file name without suffix, and name of the template
    title: str  # in the navigation and as heading
    tab: str  # under which tab it stands; "" makes it a tab of its own
    description: str  # one sentence, for search engines and under the heading
    context: Mapping[str, Any]
    figures: tuple[Figure, ...] = ()
    template: str = ""  # "": that of its name
    in_nav: bool = True  # else other pages link to it

    @property
    def file(self) -> str:
        """Markdown file within the docs folder."""
        return f"{self.name}.md"


@dataclass
class Book:
    """Numbers figures and tables of one page and finds the files that hold their data."""

    downloads: Mapping[tuple[str, str], Sequence[Download]]  # (campaign, table) -> files
    figures: list[Figure] = field(default_factory=list)
    n_tables: int = 0

    def figure(self, figure: Figure, campaign: str) -> FigureView:
        """The figure with its number on this page."""
        self.figures.append(figure)
        links = [link for table in figure.tables for link in self.links(campaign, table, True)]
        return FigureView(figure, len(self.figures), tuple(links))

    def table(self, view: TableView, campaign: str = "") -> TableBlock:
        """The table with its number on this page."""
        self.n_tables += 1
        return TableBlock(view, self.n_tables, self.links(campaign, view.source))

    def links(self, campaign: str, table: str, named: bool = False) -> tuple[Link, ...]:
        """Links to the files of a campaign's table; none if it has no such table."""
        return tuple(
            Link(
                f"{table} ({item.label})" if named else item.label,
                Markup(item.path),
                f"{item.name}, {size_of(item.n_bytes)}",
            )
            for item in self.downloads.get((campaign, table), ())
        )


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
    env.filters |= {"verbatim": verbatim, "counted": counted}
    return env


def verbatim(text: str) -> Markup:
    """Text for a preformatted block: line breaks stay, nothing is markup."""
    return Markup("&#10;").join(shown(line) for line in text.splitlines())


def _inert(value: object) -> object:
    """Strings become plain text in HTML and Markdown; Markup is ours and passes."""
    return shown(value) if isinstance(value, str) else value


def render_page(
    env: jinja2.Environment, page: Page, build: BuildInfo, campaigns: Sequence[Results], cite: Any
) -> str:
    """The page as Markdown."""
    template = env.get_template(f"{page.template or page.name}.md.j2")
    text = template.render(
        **page.context,
        page=page,
        build=build,
        campaigns=campaigns,
        cite=cite,
        fields=FieldHeadings(campaigns),
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

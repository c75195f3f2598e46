"""What a page is: its entry in the navigation, and the typed context that its template prints."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from pipeline.report.build import BuildInfo
from pipeline.report.downloads.download import Download
from pipeline.report.figures.base import NARROW_PX, WIDE_PX, Figure, height, is_split
from pipeline.report.tables import TableView
from pipeline.report.text import size_of
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

    name: str  # file name without suffix
    title: str  # in the navigation and as heading
    tab: str  # under which tab it stands; "" makes it a tab of its own
    description: str  # one sentence, for search engines and under the heading
    context: Mapping[str, Any]  # what the template prints
    figures: tuple[Figure, ...] = ()
    template: str = ""  # "": that of its name
    in_nav: bool = True  # else other pages link to it
    guide: str = ""  # one line for the list of pages on the first one; "" keeps it out of the list
    wide: bool = False  # uses the whole width, without lists of pages and sections beside it

    @property
    def file(self) -> str:
        """Markdown file within the docs folder."""
        return f"{self.name}.md"


@dataclass(frozen=True)
class PageInputs:
    """What pages are made from: results, build, and the files that were written before them."""

    campaigns: tuple[Results, ...]  # in reading order
    build: BuildInfo
    downloads: Mapping[tuple[str, str], Sequence[Download]]  # (campaign, table) -> files


def no_details(inputs: PageInputs) -> Sequence[Page]:
    """No page below this one."""
    del inputs
    return ()


@dataclass(frozen=True)
class PageType:
    """A page of the report: ``PAGE`` of a module of this package is all that enters it.

    The template ``templates/NAME.md.j2`` prints what ``context`` returns. ``registry`` finds the
    module by itself.
    """

    name: str  # file name without suffix, and name of the template
    title: str  # in the navigation and as heading
    tab: str  # under which tab it stands; "" makes it a tab of its own
    position: int  # pages are read, and stand in the navigation, in this order
    description: str  # one sentence, for search engines and under the heading
    guide: str  # one line for the list of pages on the first one; "" keeps it out of the list
    # What the template prints; None: this build has no such page. Figures and tables go through
    # the numbering, in the order in which the template prints them.
    context: "Callable[[PageInputs, PageNumbering], Mapping[str, Any] | None]"
    details: Callable[[PageInputs], Sequence[Page]] = (
        no_details  # pages it links to, not in the nav
    )
    wide: bool = False  # uses the whole width, without lists of pages and sections beside it


def make_page(kind: PageType, inputs: PageInputs) -> Page | None:
    """The page of one type; None if this build has nothing for it."""
    numbering = PageNumbering(inputs.downloads)
    context = kind.context(inputs, numbering)
    if context is None:
        return None
    return Page(
        kind.name,
        kind.title,
        kind.tab,
        kind.description,
        context,
        tuple(numbering.figures),
        guide=kind.guide,
        wide=kind.wide,
    )


@dataclass
class PageNumbering:
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

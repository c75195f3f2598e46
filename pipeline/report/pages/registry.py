"""The pages of the report: every module of this package that has a ``PAGE`` is one."""

import pkgutil
from collections.abc import Sequence
from importlib import import_module

from markupsafe import Markup

from pipeline.report import pages
from pipeline.report.pages.base import Link, Page, PageInputs, PageType, make_page

# The parts of the site in reading order; a page names its part, or is one by its own title. What is
# not listed stands before the last.
PARTS = (
    "Answer",
    "Explore",
    "Plan",
    "Targets",
    "Stars",
    "Exposures",
    "Evidence",
    "Data and method",
    "For developers",
)


def page_types() -> tuple[PageType, ...]:
    """All types of pages in reading order, which is that of the navigation.

    Raises
    ------
    ValueError
        If two have one name or one position: the order would be incidental.
    """
    modules = (
        import_module(f"{pages.__name__}.{found.name}")
        for found in pkgutil.iter_modules(pages.__path__)
    )
    kinds = [module.PAGE for module in modules if hasattr(module, "PAGE")]
    for what in ("name", "position"):
        values = [getattr(kind, what) for kind in kinds]
        twice = sorted({value for value in values if values.count(value) > 1})
        if twice:
            raise ValueError(f"two pages have the {what} {twice[0]!r}")
    return tuple(
        sorted(kinds, key=lambda kind: (part_place(kind.tab or kind.title), kind.position))
    )


def part_place(part: str) -> int:
    """Where a part of the site stands among the others."""
    return PARTS.index(part) if part in PARTS else len(PARTS) - 2


def make_pages(inputs: PageInputs) -> Sequence[Page]:
    """Every page that this build has something for, each followed by the pages below it."""
    made: list[Page] = []
    for kind in page_types():
        page = make_page(kind, inputs)
        if page is not None:
            made += [page, *kind.details(inputs)]
    return made


def guide_to(pages: Sequence[Page]) -> tuple[Link, ...]:
    """A link to each of these pages that says in one line what is there."""
    return tuple(
        Link(page.title, Markup(f"{page.name}.html"), page.guide) for page in pages if page.guide
    )

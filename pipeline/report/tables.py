"""Tables as pages show them: text in cells, with alignment, links and anchors."""

from dataclasses import dataclass, replace

from markupsafe import Markup

from pipeline.report.text import NOTHING


@dataclass(frozen=True)
class Cell:
    """One cell; the text is foreign unless it is Markup."""

    text: str | Markup
    href: Markup = Markup("")  # our own link, "" for none
    kind: str = ""  # css class: "good", "warn", "bad", "muted", "strong"
    title: str = ""  # longer text for a pointer that rests on it


@dataclass(frozen=True)
class Head:
    """One column's heading."""

    label: str | Markup
    unit: str = ""
    title: str = ""  # the column's definition
    numeric: bool = True


@dataclass(frozen=True)
class TableView:
    """A table of a page."""

    table_id: str  # anchor
    caption: str | Markup
    heads: tuple[Head, ...]
    rows: tuple[tuple[Cell, ...], ...]
    groups: tuple[tuple[str, int], ...] = ()  # headings over several columns: (label, columns)
    anchors: tuple[str, ...] = ()  # one per row, or none
    source: str = ""  # table whose files are linked below
    filter: bool = False  # a box to search the rows
    simulated: bool = False
    mixed: bool = False  # beside simulated data it shows observed ones


def cells(*texts: str | Markup | Cell) -> tuple[Cell, ...]:
    """A row from plain texts and ready cells."""
    return tuple(text if isinstance(text, Cell) else Cell(text) for text in texts)


def without_empty_columns(view: TableView) -> TableView:
    """The table without columns in which no row has a value; its caption names them."""
    kept = [
        k
        for k in range(len(view.heads))
        if any(str(row[k].text) not in ("", NOTHING) for row in view.rows)
    ]
    missing = [str(head.label) for k, head in enumerate(view.heads) if k not in kept]
    if not missing or not kept:
        return view
    return replace(
        view,
        caption=f"{view.caption} Not known: {', '.join(missing)}.",
        heads=tuple(view.heads[k] for k in kept),
        rows=tuple(tuple(row[k] for k in kept) for row in view.rows),
    )

"""Tables as pages show them: text in cells, with alignment, links and anchors."""

from dataclasses import dataclass

from markupsafe import Markup


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
    anchors: tuple[str, ...] = ()  # one per row, or none
    source: str = ""  # table whose files are linked below
    filter: bool = False  # a box to search the rows
    simulated: bool = False


def cells(*texts: str | Markup | Cell) -> tuple[Cell, ...]:
    """A row from plain texts and ready cells."""
    return tuple(text if isinstance(text, Cell) else Cell(text) for text in texts)

"""Tables as pages show them: text in cells, with alignment, links and anchors."""

from dataclasses import dataclass, replace

from markupsafe import Markup

from pipeline.report.text import NOTHING
from pipeline.schema import TABLES, Column

_UNITS = {"pix": "px", "yr-1": "1/yr", "mas / yr": "mas/yr"}  # as people write them
_PERCENT = {"": "%", "1/yr": "%/yr"}  # a unit, and that of a hundred times the number


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


def heads(table: str, *names: str) -> tuple[Head, ...]:
    """Headings of columns of a published table: label, unit and meaning are the schema's.

    Raises
    ------
    KeyError
        If the table has no such column.
    """
    known = {column.name: column for column in TABLES[table]}
    return tuple(head_of(known[name]) for name in names)


def percent_heads(table: str, *names: str) -> tuple[Head, ...]:
    """Headings of columns of pure numbers, or of those per year, whose cells are given in per cent."""
    return tuple(replace(head, unit=_PERCENT[head.unit]) for head in heads(table, *names))


def head_of(column: Column, **words: object) -> Head:
    """Heading of one column; ``words`` fill placeholders of its description."""
    unit = _UNITS.get(column.unit, column.unit)
    meaning = column.description.format(**words) if words or "{" not in column.description else ""
    return Head(column.head, unit, meaning, column.dtype not in ("str", "bool"))


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
    sort: bool = False  # a click on a head sorts the rows
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

"""The page on the data: which nights there are, and what became of every exposure."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from pipeline.muse.modes import WIDE_FIELD
from pipeline.report.figures.calendar import availability_calendar
from pipeline.report.pages.base import FigureView, PageInputs, PageNumbering, PageType, TableBlock
from pipeline.report.rows import exposure_anchors, number, text_of, whole
from pipeline.report.tables import Cell, Head, TableView, heads, without_empty_columns
from pipeline.report.text import fixed
from pipeline.schema.availability import column_of
from pipeline.schema.results import Results


@dataclass(frozen=True)
class DataOf:
    """What the page shows of one campaign."""

    results: Results
    calendars: tuple[FigureView, ...]
    availability: TableBlock | None
    exposures: TableBlock
    status: tuple[tuple[str, int], ...]  # ("ok", 63), ...
    modes: tuple[tuple[str, int], ...]
    n_nights: int


def context(inputs: PageInputs, numbering: PageNumbering) -> dict[str, Any]:
    """Availability and exposures of every campaign."""
    shown = [_data_of(one, numbering) for one in inputs.campaigns if "exposures" in one.tables]
    return {"shown": shown}


def _data_of(results: Results, numbering: PageNumbering) -> DataOf:
    exposures = results.tables["exposures"]
    status = Counter(str(value) for value in exposures["status"])
    modes = Counter(str(value) for value in exposures["mode"])
    exposures_block = numbering.table(
        _exposures_table(results), results.name
    )  # the first on the page
    has_calendar = "availability" in results.tables
    return DataOf(
        results,
        _calendars(results, numbering),
        numbering.table(_availability_table(results), results.name) if has_calendar else None,
        exposures_block,
        tuple((name, status[name]) for name in ("ok", "excluded", "failed") if status[name]),
        tuple((name, modes[name]) for name in (*WIDE_FIELD, *sorted(set(modes) - set(WIDE_FIELD)))
              if modes[name]),
        len({str(value) for value in exposures["night"]}),
    )  # fmt: skip


def _calendars(results: Results, numbering: PageNumbering) -> tuple[FigureView, ...]:
    availability = results.tables.get("availability")
    if availability is None:
        return ()
    dates = [str(date) for date in availability["date"]]
    views = []
    for year in sorted({int(date[:4]) for date in dates}):
        nights = sum(date.startswith(str(year)) for date in dates)
        figure = availability_calendar(
            availability,
            year,
            figure_id=f"calendar-{year}-{results.name}",
            title=f"Nights of {year} with a standard exposure of {results.field_name}",
            caption=f"{nights} nights. A filled square is a night whose calibrations can be "
            "retrieved, because a science exposure was taken in the same mode; an open square a "
            "night with the standard only.",
            simulated=results.simulated,
        )
        views.append(numbering.figure(figure, results.name))
    return tuple(views)


def _availability_table(results: Results) -> TableView:
    availability = results.tables["availability"]
    states = {"SCI": ("SCI", "good"), "NOSCI": ("NOSCI", "muted")}
    rows = []
    for row in availability:
        values = [text_of(row[column_of(mode)]) for mode in WIDE_FIELD]
        cells = [
            Cell(*states.get(v, ("", ""))[:1], kind=states.get(v, ("", ""))[1]) for v in values
        ]
        rows.append((Cell(str(row["date"])), *cells))
    return TableView(
        f"availability-{results.name}",
        f"The same {len(rows)} nights as a table. SCI: a science exposure in that mode and night "
        "exists, so the archive knows which calibrations belong to it; NOSCI: it does not; empty: "
        "the standard was not observed.",
        (Head("Night", numeric=False), *(Head(mode, numeric=False) for mode in WIDE_FIELD)),
        tuple(rows),
        source="availability",
        filter=True,
    )


def _exposures_table(results: Results) -> TableView:
    exposures = results.tables["exposures"]
    anchors = exposure_anchors(results)
    counts = Counter(str(value) for value in exposures["status"])
    said = ", ".join(
        f"{counts[name]} {name}" for name in ("ok", "excluded", "failed") if counts[name]
    )
    with_notes = any(text_of(row["notes"]) for row in exposures)
    view = TableView(
        f"exposures-{results.name}",
        f"Every exposure of the campaign: {said}.",
        heads(
            "exposures",
            *("night", "mode", "status", "airmass", "seeing_arcsec", "exptime_s", "n_detected"),
            *("n_matched", "match_rms_px", "exposure_id", "reason"),
            *(("notes",) if with_notes else ()),
        ),
        tuple(_exposure_cells(row, results, with_notes) for row in exposures),
        anchors=tuple(anchors[str(row["exposure_id"])] for row in exposures),
        source="exposures",
        filter=True,
        simulated=results.simulated,
    )
    return without_empty_columns(view)


def _exposure_cells(row: Any, results: Results, with_notes: bool) -> tuple[Cell, ...]:
    status, identity = str(row["status"]), str(row["exposure_id"])
    is_reference = identity == results.reference_exposure
    return (
        Cell(str(row["night"])),
        Cell(str(row["mode"])),
        Cell(status, kind={"ok": "good"}.get(status, "bad")),
        Cell(fixed(number(row["airmass"]), 3)),
        Cell(fixed(number(row["seeing_arcsec"]), 2)),
        Cell(fixed(number(row["exptime_s"]), 0)),
        Cell(whole(row["n_detected"])),
        Cell(whole(row["n_matched"])),
        Cell(fixed(number(row["match_rms_px"]), 3)),
        Cell(
            identity + (" (reference)" if is_reference else ""),
            kind="strong" if is_reference else "",
        ),
        Cell(text_of(row["reason"]), kind="rp-wrap"),
        *((Cell(text_of(row["notes"]), kind="rp-wrap"),) if with_notes else ()),
    )


PAGE = PageType(
    name="data",
    title="Data",
    tab="",
    position=10,
    description="Which exposures there are, night by night and mode by mode, and what became of each.",
    guide="Every exposure with its status; a calendar of what the archive holds.",
    context=context,
)

"""Which nights the archive can serve: a calendar and a table."""

from pipeline.muse.modes import WIDE_MODES
from pipeline.report.figures.calendar import availability_calendar
from pipeline.report.pages.base import FigureView, PageNumbering
from pipeline.report.rows import text_of
from pipeline.report.tables import Cell, Head, TableView
from pipeline.schema.availability import column_of
from pipeline.schema.results import Results


def calendars(results: Results, numbering: PageNumbering) -> tuple[FigureView, ...]:
    availability = results.tables.get("availability")
    if availability is None:
        return ()
    dates = [str(date) for date in availability["date"]]
    views = []
    for year in sorted({int(date[:4]) for date in dates}):
        nights = sum(date.startswith(str(year)) for date in dates)
        served = sum(
            date.startswith(str(year))
            and any(text_of(row[column_of(mode)]) == "SCI" for mode in WIDE_MODES)
            for date, row in zip(dates, availability, strict=True)
        )
        figure = availability_calendar(
            availability,
            year,
            figure_id=f"calendar-{year}-{results.name}",
            title=f"In {year} the archive associates calibrations in {served} of {nights} nights",
            caption=f"{nights} nights. Large: a science exposure was taken in the same mode, so that "
            "calibrations can be found; small: the standard only.",
            simulated=results.simulated,
        )
        views.append(numbering.figure(figure, results.name))
    return tuple(views)


def availability_table(results: Results) -> TableView:
    availability = results.tables["availability"]
    states = {"SCI": ("SCI", "good"), "NOSCI": ("NOSCI", "muted")}
    rows = []
    for row in availability:
        values = [text_of(row[column_of(mode)]) for mode in WIDE_MODES]
        cells = [
            Cell(*states.get(v, ("", ""))[:1], kind=states.get(v, ("", ""))[1]) for v in values
        ]
        rows.append((Cell(str(row["date"])), *cells))
    return TableView(
        f"availability-{results.name}",
        f"The same {len(rows)} nights as a table. SCI: with a science exposure; NOSCI: without one; "
        "empty: standard star not observed.",
        (Head("Night", numeric=False), *(Head(mode, numeric=False) for mode in WIDE_MODES)),
        tuple(rows),
        source="availability",
        filter=True,
    )

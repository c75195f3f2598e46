"""Which nights hold the standard star, mode by mode: a calendar picture."""

import calendar
from collections.abc import Sequence

import numpy as np
from astropy.table import QTable

from pipeline.muse.modes import WIDE_MODES
from pipeline.report.figures.base import MODE_STYLES, Figure, Layout, Trace, stamped
from pipeline.schema.availability import column_of

MONTHS = list(calendar.month_abbr)[1:]
GAP = 0.09  # between the panels


def availability_calendar(
    availability: QTable, year: int, *, figure_id: str, title: str, caption: str, simulated: bool
) -> Figure:
    """One small calendar per mode: large where a science exposure was taken, too, else small."""
    data: list[Trace] = []
    n_panels = len(WIDE_MODES)
    n_rows = -(-n_panels // 2)  # beside each other, two in a row
    wide: Layout = {"height": 100 + 270 * n_rows, "annotations": []}
    narrow: Layout = {"height": 100 + 270 * n_panels, "annotations": []}
    for index, mode in enumerate(WIDE_MODES):
        suffix = "" if index == 0 else str(index + 1)
        data += _panel_traces(availability, year, mode, suffix, index)
        column, row = index % 2, index // 2
        wide |= _panel(suffix, (column, row, 2, n_rows))
        narrow |= _panel(suffix, (0, index, 1, n_panels))
        for layout in (wide, narrow):
            layout["annotations"].append(_name(mode, suffix))
    margin = {"l": 44, "r": 10, "t": 44, "b": 84}
    wide["margin"], narrow["margin"] = margin, {**margin, "b": 96}
    wide = stamped({**wide, "hovermode": "closest"}, simulated)
    return Figure(
        figure_id,
        title,
        caption,
        f"Calendars of {year}, one per instrument mode. {caption}",
        data,
        wide,
        simulated,
        narrow=stamped(narrow, simulated),
        tables=("availability",),
    )


def _panel_traces(
    availability: QTable, year: int, mode: str, suffix: str, index: int
) -> Sequence[Trace]:
    values = np.ma.filled(np.ma.asarray(availability[column_of(mode)]), "").astype(str)
    dates = np.asarray(availability["date"], str)
    style = next(one for one in MODE_STYLES if one.mode == mode)
    traces = []
    for state, name, size in (
        ("SCI", "with a science exposure in that mode and night", 11),
        ("NOSCI", "standard only", 5),
    ):
        nights = [
            date
            for date, value in zip(dates, values, strict=True)
            if value == state and date[:4] == str(year)
        ]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": name,
                "legendgroup": state,
                "showlegend": index == 0,
                "x": [int(night[8:10]) for night in nights],
                "y": [int(night[5:7]) for night in nights],
                "xaxis": f"x{suffix}",
                "yaxis": f"y{suffix}",
                "marker": {
                    "symbol": style.symbol,
                    "color": style.color,
                    "size": size,
                    "line": {"width": 1.6, "color": style.color},
                },
                "customdata": nights,
                "hovertemplate": f"<b>%{{customdata}}</b><br>{mode}: {name}<extra></extra>",
            }
        )
    return traces


def _panel(suffix: str, place: tuple[int, int, int, int]) -> Layout:
    column, row, columns, rows = place
    gap_x, gap_y = (GAP if columns > 1 else 0.0), 0.2 / rows
    width, tall = (1 - gap_x * (columns - 1)) / columns, (1 - gap_y * (rows - 1)) / rows
    x0, y1 = column * (width + gap_x), 1 - row * (tall + gap_y)
    return {
        f"xaxis{suffix}": {
            "domain": [round(x0, 4), round(x0 + width, 4)],
            "anchor": f"y{suffix}",
            "range": [0.2, 31.8],
            "tickvals": [1, 5, 10, 15, 20, 25, 30],
            "ticktext": ["1", "5", "10", "15", "20", "25", "30"],
            "zeroline": False,
        },
        f"yaxis{suffix}": {
            "domain": [round(y1 - tall, 4), round(y1, 4)],
            "anchor": f"x{suffix}",
            "range": [12.6, 0.4],
            "tickvals": list(range(1, 13)),
            "ticktext": MONTHS,
            "zeroline": False,
        },
    }


def _name(mode: str, suffix: str) -> Layout:
    return {
        "text": f"<b>{mode}</b>",
        "x": 0,
        "y": 1,
        "xref": f"x{suffix} domain",
        "yref": f"y{suffix} domain",
        "xanchor": "left",
        "yanchor": "bottom",
        "yshift": 3,
        "showarrow": False,
        "font": {"size": 13},
    }

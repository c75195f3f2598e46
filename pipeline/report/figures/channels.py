"""Responses of the channels over a campaign, as a map in colour with an axis of time."""

from collections.abc import Mapping
from datetime import date, timedelta

import numpy as np
from astropy.table import QTable

from pipeline.report.figures.base import (
    Figure,
    Layout,
    Trace,
    axis,
    stamped,
    to_json_list,
    with_strip,
)
from pipeline.report.rows import plain

LIMIT_PER_CENT = 5.0  # of the colours, the same in every map: maps can be held side by side
BIN_DAYS = 5  # width of a column
DIVERGENT = [[0.0, "#0072B2"], [0.5, "#f4f4f4"], [1.0, "#C64600"]]


def channels_figure(
    responses: QTable,
    nights: Mapping[str, str],
    column_name: str = "response",
    *,
    figure_id: str,
    title: str,
    caption: str,
    simulated: bool,
    tables: tuple[str, ...],
) -> Figure:
    """Response of each channel over time, as a map in colour; a column is the mean of some days.

    Parameters
    ----------
    nights : mapping
        Night of each exposure, ISO.
    column_name : str
        Column with ln response or response - 1, for small drifts the same.
    """
    channels = sorted({int(value) for value in responses["channel"]})
    columns, z = _by_time(responses, nights, column_name, channels)
    data: list[Trace] = [
        {
            "type": "heatmap",
            "x": columns,
            "y": [str(channel) for channel in channels],
            "z": to_json_list(100 * z, 3),
            "zmin": -LIMIT_PER_CENT,
            "zmax": LIMIT_PER_CENT,
            "colorscale": DIVERGENT,
            "colorbar": {"title": {"text": "%"}, "thickness": 12, "outlinewidth": 0},
            "hovertemplate": "<b>channel %{y}</b>, from %{x}<br>%{z:+.2f} %<extra></extra>",
        }
    ]
    months = _months(columns)
    layout: Layout = {
        "height": 110 + 18 * len(channels),
        "margin": {"l": 56, "r": 14, "t": 24, "b": 56},
        "xaxis": axis("", type="category", showgrid=False, categoryarray=columns, showline=False,
                      tickvals=list(months), ticktext=list(months.values())),
        "yaxis": axis("channel", type="category", showgrid=False, showline=False,
                      categoryarray=[str(channel) for channel in channels]),
        "showlegend": False,
    }  # fmt: skip
    few = dict(list(months.items())[::3])
    return Figure(
        figure_id,
        title,
        caption,
        f"Heat map, channels by time. {caption}",
        data,
        stamped(with_strip(layout, len(channels), simulated), simulated),
        simulated,
        narrow={
            "margin": {"l": 46, "r": 0, "t": 24, "b": 50},
            "xaxis": {"tickvals": list(few), "ticktext": list(few.values())},
        },
        tables=tables,
    )


def _by_time(
    responses: QTable, nights: Mapping[str, str], column_name: str, channels: list[int]
) -> tuple[list[str], np.ndarray]:
    """First day of every column, and (channel, column) means; NaN where nothing was observed."""
    days = np.array(
        [date.fromisoformat(nights[str(one)]).toordinal() for one in responses["exposure_id"]]
    )
    first = int(days.min())
    place = (days - first) // BIN_DAYS
    row = np.searchsorted(channels, np.asarray(responses["channel"], int))
    values = plain(responses[column_name])
    good = np.isfinite(values)
    shape = (len(channels), int(place.max()) + 1)
    total, count = np.zeros(shape), np.zeros(shape)
    np.add.at(total, (row[good], place[good]), values[good])
    np.add.at(count, (row[good], place[good]), 1)
    with np.errstate(invalid="ignore"):
        z = total / count
    start = date.fromordinal(first)
    return [(start + timedelta(BIN_DAYS * k)).isoformat() for k in range(shape[1])], z


def _months(columns: list[str]) -> dict[str, str]:
    """The first column of each month with its label; the year stands where it begins."""
    labels: dict[str, str] = {}
    seen = ""
    for one in columns:
        if one[:7] != seen:
            new_year = not seen or one[:4] != seen[:4]
            label = date.fromisoformat(one).strftime("%b")
            labels[one] = f"{label}<br>{one[:4]}" if new_year else label
            seen = one[:7]
    return labels

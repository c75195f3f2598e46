"""Panels of a timeline: axes that leave out long pauses, traces per mode, arrows beyond the range."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from astropy.table import QTable
from astropy.time import Time

from pipeline.report.figures.base import (
    DAY_MS,
    MODE_STYLES,
    Layout,
    Trace,
    axis,
    note,
    to_json_list,
)
from pipeline.report.text import fixed, plot_text

PAUSE_DAYS = 100  # without an exposure: the axis of dates is broken there
PAD_DAYS = 6  # free space at both ends of a stretch of dates
GAP = 0.025  # of the width, where dates are left out
MIN_WIDTH = 0.12  # of the figure: width of one date label
MONTH_DAYS = 30.44
MONTHLY = 14  # months up to which each of them has a label
DAILY = 2  # months up to which single days have labels, since fewer months than two begin
DAY_STEPS = (1, 2, 3, 5, 7, 10, 14)  # days from label to label
DAY_LABELS = 5  # at most, over all stretches: as many as fit on a phone
ROW_GAP = 0.24  # of a panel's height, for the name above it
FLAGGED = "x-thin-open"  # symbol of a point that carries a flag
ARROW_AT = 0.93  # of the range: where an arrow stands for a point beyond it

# The browser prints value and error itself: the page's script makes %{text} from the error bars.
HOVER = (
    "<b>%{customdata[0]}</b><br>%{customdata[1]} · %{customdata[2]}<br>"
    "%{y:+.2f}%{text} %<extra></extra>"
)
# An arrow stands elsewhere than its value.
HOVER_BEYOND = (
    "<b>%{customdata[0]}</b><br>%{customdata[1]} · %{customdata[2]}<br>"
    "%{customdata[3]} %<extra></extra>"
)


@dataclass(frozen=True)
class Stretch:
    """Dates without a long pause, and where they lie across the figure."""

    first: str  # ISO dates, padding included
    last: str
    domain: tuple[float, float]


@dataclass(frozen=True)
class Timing:
    """Where each exposure stands in time, and the address of its row."""

    place: Mapping[str, str]  # exposure_id -> ISO date and time
    stretches: tuple[Stretch, ...]
    links: Mapping[str, str]
    modes: frozenset[str]  # in which the exposures were taken

    @property
    def months(self) -> float:
        """Months that are drawn, pauses left out."""
        days = sum(
            (date.fromisoformat(one.last) - date.fromisoformat(one.first)).days
            for one in self.stretches
        )
        return days / MONTH_DAYS

    def stretch_of(self, place: str) -> int:
        """The stretch that holds a time."""
        return next(k for k, one in enumerate(self.stretches) if one.first <= place <= one.last)


def timing_of(exposures: QTable, shown: set[str], links: Mapping[str, str]) -> Timing:
    """Times of the exposures that timelines show.

    An exposure stands at its middle, or at its night where the record does not give the time; one
    that has neither, since its file cannot be read, stands nowhere.
    """
    place, modes = {}, set()
    for row in exposures:
        identity = str(row["exposure_id"])
        if identity in shown:
            mjd = float(getattr(row["mjd_mid"], "value", row["mjd_mid"]))
            when = str(Time(mjd, format="mjd").iso[:16]) if np.isfinite(mjd) else str(row["night"])
            if when:
                place[identity] = when
                modes.add(str(row["mode"]))
    days = sorted({date.fromisoformat(one[:10]) for one in place.values()})
    return Timing(place, _stretches(days), links, frozenset(modes))


def _stretches(days: Sequence[date]) -> tuple[Stretch, ...]:
    groups: list[list[date]] = []
    for day in days:
        if groups and (day - groups[-1][-1]).days <= PAUSE_DAYS:
            groups[-1].append(day)
        else:
            groups.append([day])
    lengths = np.array([(group[-1] - group[0]).days + 2 * PAD_DAYS for group in groups], float)
    shares = np.maximum(lengths / lengths.sum(), MIN_WIDTH)
    widths = shares / shares.sum() * (1 - GAP * (len(groups) - 1))
    stretches, left = [], 0.0
    for group, width in zip(groups, widths, strict=True):
        stretches.append(
            Stretch(
                (group[0] - timedelta(PAD_DAYS)).isoformat(),
                (group[-1] + timedelta(PAD_DAYS)).isoformat(),
                (round(left, 5), round(min(left + float(width), 1.0), 5)),
            )
        )
        left += float(width) + GAP
    return tuple(stretches)


def suffix_of(row: int, stretch: int, timing: Timing) -> str:
    """What Plotly appends to "x" and "y" for a panel."""
    number = row * len(timing.stretches) + stretch + 1
    return "" if number == 1 else str(number)


def panel_axes(row: int, n_rows: int, half_range: float, timing: Timing) -> Layout:
    """Axes of one row; the lowest row prints the dates, the leftmost stretch the values."""
    gap = ROW_GAP / n_rows if n_rows > 1 else 0.0
    top = 1 - row / n_rows - gap / 2 * (row > 0)
    bottom = 1 - (row + 1) / n_rows + gap / 2 * (row < n_rows - 1)
    layout: Layout = {}
    for index, stretch in enumerate(timing.stretches):
        suffix = suffix_of(row, index, timing)
        lowest = suffix_of(n_rows - 1, index, timing)
        leftmost = suffix_of(row, 0, timing)
        dates: Layout = {
            "type": "date",
            "anchor": f"y{suffix}",
            "domain": list(stretch.domain),
            "range": [stretch.first, stretch.last],
            "showticklabels": row == n_rows - 1,
            **_date_ticks(timing),
        }
        if suffix != lowest:
            dates["matches"] = f"x{lowest}"
        values = axis(
            "ratio against mean [%]" if index == 0 else "",
            domain=[round(bottom, 5), round(top, 5)],
            range=[-half_range, half_range],
            anchor=f"x{suffix}",
            zeroline=True,
            showticklabels=index == 0,
            tickformat="+.4~f",  # enough for any zoom that the data allow
            nticks=5,
        )
        if index:
            values |= {"matches": f"y{leftmost}", "showline": False, "ticks": ""}
        layout |= {f"xaxis{suffix}": dates, f"yaxis{suffix}": values}
    return layout


def event_marks(events: Sequence[tuple[str, str]], n_rows: int, timing: Timing) -> Layout:
    """Dotted lines with a name at dates on which something happened; shapes and annotations."""
    shapes: list[Layout] = []
    annotations: list[Layout] = []
    for when, name in events:
        reference = f"x{suffix_of(n_rows - 1, timing.stretch_of(when), timing)}"
        line = {"color": "@muted", "width": 1, "dash": "dot"}
        ends = {"x0": when, "x1": when, "y0": 0, "y1": 1}
        shapes.append({"type": "line", "xref": reference, "yref": "paper", **ends, "line": line})
        annotations.append(
            note(
                plot_text(name),
                when,
                0,
                xref=reference,
                xanchor="left",
                yanchor="bottom",
                xshift=3,
                yshift=2,
                font={"size": 11, "color": "@muted"},
            )
        )
    return {"shapes": shapes, "annotations": annotations}


def _date_ticks(timing: Timing) -> Layout:
    """Labels of days, of months, or whatever Plotly finds for years."""
    if timing.months <= DAILY:
        days = timing.months * MONTH_DAYS
        step = next((one for one in DAY_STEPS if days <= one * DAY_LABELS), DAY_STEPS[-1])
        return {"tickformat": "%-d %b\n%Y", "dtick": step * DAY_MS, "tick0": "1970-01-01"}
    if timing.months <= MONTHLY:  # Plotly alone would print a month twice
        return {"tickformat": "%b\n%Y", "dtick": "M1", "tick0": "2000-01-01"}
    return {"tickformat": "%b\n%Y"}


def panel_traces(
    rows: QTable,
    row: int,
    half_range: float,
    timing: Timing,
    with_legend: bool,
) -> list[Trace]:
    """Per stretch one trace a mode with what lies in range, and one with arrows for what does not."""
    place = [timing.place[str(identity)] for identity in rows["exposure_id"]]
    stretch = np.array([timing.stretch_of(one) for one in place])
    traces = []
    for index in range(len(timing.stretches)):
        suffix = suffix_of(row, index, timing)
        here = np.flatnonzero(stretch == index)
        for trace in _stretch_traces(rows[here], [place[k] for k in here], half_range, timing):
            trace |= {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
            trace["showlegend"] = with_legend and index == 0
            traces.append(trace)
    return traces


def _stretch_traces(
    rows: QTable, place: Sequence[str], half_range: float, timing: Timing
) -> list[Trace]:
    deviation = 100 * np.asarray(rows["deviation"], float)
    error = 100 * np.asarray(rows["deviation_err"], float)
    mode, flag = np.asarray(rows["mode"], str), np.asarray(rows["flag"], str)
    beyond = np.abs(deviation) > half_range
    hover = _hover(rows)
    links = [timing.links.get(str(identity), "") for identity in rows["exposure_id"]]

    def chosen(mask: np.ndarray, values: Sequence[Any]) -> list[Any]:
        return [values[index] for index in np.flatnonzero(mask).tolist()]

    traces: list[Trace] = []
    for style in MODE_STYLES:
        if style.mode not in timing.modes:
            continue
        inside = ~beyond & np.isfinite(deviation)
        mask = (mode == style.mode) & inside
        symbols = [FLAGGED if one else style.symbol for one in flag[mask]]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": style.mode,
                "legendgroup": style.mode,
                "x": chosen(mask, place),
                "y": to_json_list(np.round(deviation[mask], 5), 4),
                "error_y": {
                    "type": "data",
                    "array": to_json_list(error[mask], 2),
                    "thickness": 1,
                    "width": 0,
                    "color": style.color,
                },
                "marker": {
                    "color": style.color,
                    "size": 7,
                    "opacity": 0.85,
                    "symbol": symbols if len(set(symbols)) > 1 else [*symbols, style.symbol][0],
                },
                "customdata": [row[:3] for row in chosen(mask, hover)],
                "meta": {"links": chosen(mask, links)},
                "hovertemplate": HOVER,
            }
        )
    color = {style.mode: style.color for style in MODE_STYLES}
    above = np.sign(deviation[beyond])
    traces.append(
        {
            "type": "scatter",
            "mode": "markers+text",
            "name": "beyond the axis",
            "legendgroup": "beyond",
            "x": chosen(beyond, place),
            "y": to_json_list(above * half_range * ARROW_AT, 4),
            "text": [f"{fixed(value, 0, sign=True)} %" for value in deviation[beyond]],
            "textposition": "middle right",
            "textfont": {"size": 11},
            "marker": {
                "size": 11,
                "color": [color.get(one, "@fg") for one in mode[beyond]] or "@muted",
                "symbol": ["triangle-up" if up > 0 else "triangle-down" for up in above]
                or "triangle-up",
                "line": {"width": 1, "color": "@fg"},
            },
            "customdata": chosen(beyond, hover),
            "meta": {"links": chosen(beyond, links)},
            "hovertemplate": HOVER_BEYOND,
            "cliponaxis": False,
        }
    )
    return traces


def _hover(rows: QTable) -> list[list[str]]:
    """What a pointer shows: exposure, night, mode with the flag, value with its error."""
    return [
        [
            plot_text(row["exposure_id"]),
            str(row["night"]),
            plot_text(row["mode"]) + (f"<br>{plot_text(row['flag'])}" if row["flag"] else ""),
            fixed(100 * float(row["deviation"]), 2, sign=True) + _error(row),
        ]
        for row in rows
    ]  # fmt: skip


def _error(row: Any) -> str:
    """The error of a deviation in per cent, "" where none is known."""
    err = 100 * float(row["deviation_err"])
    return f" ± {fixed(err, 2)}" if np.isfinite(err) else ""

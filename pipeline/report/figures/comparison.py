"""Numbers side by side: what was printed, what its data say, what the simulation gives."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from astropy.table import QTable

from pipeline.report.figures.base import (
    Figure,
    Layout,
    Trace,
    axis,
    rounded,
    rows_above,
    shaded,
    stamped,
    to_json_list,
)
from pipeline.report.rows import plain
from pipeline.report.text import fixed, plot_text

ROW_PX = 34
SHORT_NAME = 8  # characters that fit beside a row on a phone
LONG_BAR = 0.7  # of the value: a longer bar would shrink the rest of the figure


@dataclass(frozen=True)
class DotSeries:
    """One kind of number, a value for each label."""

    name: str
    values: Sequence[float]
    errors: Sequence[float]  # NaN: none stated
    symbol: str
    color: str


def dots_figure(
    labels: Sequence[str],
    series: Sequence[DotSeries],
    x_title: str,
    *,
    figure_id: str,
    title: str,
    caption: str,
    simulated: bool,
    tables: tuple[str, ...],
    zero: bool = True,
    mixed: bool = False,
) -> Figure:
    """One row per label, one marker per kind, kinds set slightly apart so that none hides one.

    The axis ends where the values do: an error bar much longer than its value leaves the frame.
    """
    data: list[Trace] = []
    for index, kind in enumerate(series):
        shift = (index - (len(series) - 1) / 2) * 0.8 / max(len(series), 1)
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": kind.name,
                "x": [rounded(float(value), 4) for value in kind.values],
                "y": [round(row + shift, 3) for row in range(len(labels))],
                "error_x": {
                    "type": "data",
                    "array": [
                        rounded(float(error), 3) if np.isfinite(error) else 0.0
                        for error in kind.errors
                    ],
                    "thickness": 1.2,
                    "width": 0,
                    "color": kind.color,
                },
                "marker": {"symbol": kind.symbol, "color": kind.color, "size": 10},
                "customdata": [
                    [plot_text(label), f" ± {fixed(float(error), 4)}" if np.isfinite(error) else ""]
                    for label, error in zip(labels, kind.errors, strict=True)
                ],
                "hovertemplate": f"<b>%{{customdata[0]}}</b><br>{plot_text(kind.name)}: "
                "%{x:.4g}%{customdata[1]}<extra></extra>",
            }
        )
    layout: Layout = {
        "height": 130 + ROW_PX * max(len(series), 2) // 2 * len(labels),
        "margin": {"l": _beside(labels), "r": 16, "t": 30, "b": 100},
        "hovermode": "closest",
        "xaxis": axis(x_title, rangemode="tozero" if zero else "normal"),
        "yaxis": {
            "range": [len(labels) - 0.5, -0.5],
            "tickvals": list(range(len(labels))),
            "ticktext": [plot_text(label) for label in labels],
            "zeroline": False,
        },
    }
    if zero:
        ends = [
            _end(value, error)
            for kind in series
            for value, error in zip(kind.values, kind.errors, strict=True)
        ]
        top = max((end for end in ends if np.isfinite(end)), default=1.0)
        layout["xaxis"]["range"] = [0, rounded(1.08 * top, 3)]
    return Figure(
        figure_id,
        title,
        caption,
        f"Dot plot with {len(labels)} rows. {caption}",
        data,
        stamped(layout, simulated, mixed),
        simulated,
        mixed,
        narrow=_narrow([plot_text(label) for label in labels], len(series)),
        tables=tables,
    )


def _beside(labels: Sequence[str]) -> int:
    """Width of the longest name beside the rows, in pixels."""
    return 26 + 7 * max(map(len, labels), default=8)


def _narrow(labels: Sequence[str], n_series: int) -> Layout:
    """On a phone short names stay beside their rows, long ones go above them."""
    row_px = ROW_PX * max(n_series, 2) // 2
    if max(map(len, labels), default=0) <= SHORT_NAME:
        return {
            "margin": {"l": 60, "r": 10, "t": 30, "b": 150},
            "height": 180 + row_px * len(labels),
        }
    return {**rows_above(labels, row_px + 26, 180), "margin": {"l": 10, "r": 10, "t": 30, "b": 130}}


def _end(value: float, error: float) -> float:
    """Where the axis must reach to show a value with its bar, or most of a very long one."""
    return value + (min(error, LONG_BAR * value) if np.isfinite(error) else 0.0)


def recovery_figure(
    recovery: QTable, *, figure_id: str, title: str, caption: str, simulated: bool
) -> Figure:
    """How far each recovered quantity is from its truth, in units of what is accepted."""
    measured, expected, tolerance = (
        plain(recovery[key]) for key in ("measured", "expected", "tolerance")
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        share = (measured - expected) / tolerance
    names = [str(name) for name in recovery["quantity"]]
    passed = np.asarray(recovery["passed"], bool)
    rows = np.arange(len(names))
    data: list[Trace] = []
    for mask, name, symbol, color in (
        (passed, "within tolerance", "circle", "@green"),
        (~passed, "outside", "x", "@red"),
    ):
        if not mask.any():
            continue
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": name,
                "x": to_json_list(np.clip(share[mask], -3, 3), 4),
                "y": to_json_list(rows[mask]),
                "marker": {"symbol": symbol, "color": color, "size": 11},
                "customdata": [
                    [
                        plot_text(names[k]),
                        f"{measured[k]:.5g}",
                        f"{expected[k]:.5g}",
                        f"{tolerance[k]:.2g} {plot_text(recovery['unit'][k])}",
                    ]
                    for k in np.flatnonzero(mask)
                ],
                "hovertemplate": "<b>%{customdata[0]}</b><br>found %{customdata[1]}<br>"
                "true %{customdata[2]}<br>tolerance %{customdata[3]}<extra></extra>",
            }
        )
    layout: Layout = {
        "height": 130 + 26 * len(names),
        "margin": {"l": _beside(names), "r": 16, "t": 30, "b": 90},
        "hovermode": "closest",
        "xaxis": axis("(found − true) / tolerance", range=[-3.2 if not passed.all() else -1.25,
                                                         3.2 if not passed.all() else 1.25]),
        "yaxis": {
            "range": [len(names) - 0.5, -0.5],
            "tickvals": list(range(len(names))),
            "ticktext": [plot_text(name) for name in names],
            "zeroline": False,
        },
        "shapes": [shaded(-1, 1)],
    }  # fmt: skip
    return Figure(
        figure_id,
        title,
        caption,
        f"Dot plot with {len(names)} rows. {caption}",
        data,
        stamped(layout, simulated),
        simulated,
        narrow=stamped(
            {
                **rows_above([plot_text(name) for name in names], 46, 150),
                "margin": {"l": 10, "r": 10, "t": 30, "b": 110},
            },
            simulated,
        ),
        tables=("recovery",),
    )  # fmt: skip

"""Timelines: the deviation of a flux ratio from its mean, over the nights."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from astropy.table import QTable

from pipeline.report.figures.base import (
    MODE_STYLES,
    Figure,
    Layout,
    Trace,
    axis,
    lean,
    merged,
    note,
    stamped,
)
from pipeline.report.text import fixed, plot_text

PANEL_HEIGHT_PX = 190
TOP_PX, BOTTOM_PX = 30, 96  # room for titles above, for dates and legend below
STUDY_RANGE = 0.2  # the study cut its panels at +-0.2
RANGES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
SHOWN_SHARE = 0.95  # a range must hold that share of the points; the others become arrows
ARROW_AT = 0.93  # of the range: where an arrow stands for a point beyond it

HOVER = (
    "<b>%{customdata[0]}</b><br>%{customdata[1]} · %{customdata[2]}<br>"
    "deviation %{customdata[3]}%{customdata[4]}<extra></extra>"
)


def headline_timelines(
    timelines: QTable,
    exposures: QTable,
    pairs: QTable,
    headline: Sequence[tuple[int, int]],
    *,
    figure_id: str,
    title: str,
    caption: str,
    simulated: bool,
) -> Figure:
    """The pairs of the study, one panel each, on the study's own range."""
    shown = [pair for pair in headline if np.any(_of_pair(timelines, pair))]
    data: list[Trace] = []
    layout = _frame(len(shown))
    stds = {(int(row["star_1"]), int(row["star_2"])): row for row in pairs}
    place = _places(exposures)
    for index, pair in enumerate(shown):
        suffix = "" if index == 0 else str(index + 1)
        traces = _pair_traces(timelines[_of_pair(timelines, pair)], place, STUDY_RANGE)
        for trace in traces:
            trace |= {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
            trace["showlegend"] = index == 0 and trace["showlegend"]
        data += traces
        layout |= _panel(index, len(shown), STUDY_RANGE)
        layout["annotations"] += _panel_notes(suffix, pair, stds.get(pair))
        band = _band(suffix, stds.get(pair))
        layout["shapes"] += [band] if band else []
    narrow = _frame(len(shown))
    return Figure(
        figure_id=figure_id,
        title=title,
        caption=caption,
        alt=f"{len(shown)} panels with the relative flux ratio of a pair of stars against the date."
        f" {caption}",
        data=data,
        layout=stamped(layout, simulated),
        simulated=simulated,
        narrow={"margin": {**narrow["margin"], "l": 50}},
        tables=("timelines", "pairs"),
    )


def pair_explorer(
    timelines: QTable,
    exposures: QTable,
    pairs: QTable,
    first: tuple[int, int],
    *,
    figure_id: str,
    title: str,
    caption: str,
    simulated: bool,
) -> Figure:
    """One panel for any pair; the selector holds all of them."""
    stds = {(int(row["star_1"]), int(row["star_2"])): row for row in pairs}
    place = _places(exposures)
    rows: dict[tuple[int, int], list[int]] = {}
    for index, (star_1, star_2) in enumerate(
        zip(timelines["star_1"], timelines["star_2"], strict=True)
    ):
        rows.setdefault((int(star_1), int(star_2)), []).append(index)
    first = first if first in rows else min(rows)
    views = {
        pair: _pair_view(timelines[rows[pair]], place, pair, stds.get(pair))
        for pair in sorted(rows)
    }
    base = views[first]
    layout = merged(_frame(1), base["layout"])
    layout["height"] = 400
    variants = {
        f"{one} / {two}": {
            "data": {str(index): _patch(trace) for index, trace in enumerate(view["data"])},
            "layout": view["layout"],
        }
        for (one, two), view in views.items()
    }
    if simulated:
        variants = {
            label: {**view, "layout": stamped(view["layout"], True)}
            for label, view in variants.items()
        }
    return Figure(
        figure_id=figure_id,
        title=title,
        caption=caption,
        alt=f"The relative flux ratio of a chosen pair of stars against the date. {caption}",
        data=base["data"],
        layout=stamped(layout, simulated),
        simulated=simulated,
        narrow={"margin": {"l": 54}},
        variants=variants,
        variant_label="Pair of stars",
        first_variant=f"{first[0]} / {first[1]}",
        tables=("timelines", "pairs"),
    )


def _pair_view(
    rows: QTable, place: Mapping[str, str], pair: tuple[int, int], row: Any
) -> dict[str, Any]:
    half_range = _range_for(np.asarray(rows["deviation"], float))
    layout = merged(_panel(0, 1, half_range), {})
    layout["annotations"] = _panel_notes("", pair, row)
    band = _band("", row)
    layout["shapes"] = [band] if band else []
    return {"data": _pair_traces(rows, place, half_range), "layout": layout}


def _patch(trace: Trace) -> Trace:
    """What of a trace changes from pair to pair; its style does not."""
    changing = ("x", "y", "error_y", "text", "customdata", "links")
    patch = {key: trace[key] for key in changing if key in trace}
    patch["marker"] = {
        key: value for key, value in trace["marker"].items() if isinstance(value, list)
    }
    return patch


def _of_pair(timelines: QTable, pair: tuple[int, int]) -> np.ndarray:
    return np.asarray((timelines["star_1"] == pair[0]) & (timelines["star_2"] == pair[1]))


def _places(exposures: QTable) -> dict[str, str]:
    """Where each exposure stands on the time axis: its middle, or its night where that is open."""
    from astropy.time import Time

    places = {}
    for row in exposures:
        mjd = float(getattr(row["mjd_mid"], "value", row["mjd_mid"]))
        places[str(row["exposure_id"])] = (
            str(Time(mjd, format="mjd").iso[:16]) if np.isfinite(mjd) else str(row["night"])
        )
    return places


def _range_for(deviation: np.ndarray) -> float:
    """The smallest of ``RANGES`` that shows ``SHOWN_SHARE`` of the points."""
    size = np.sort(np.abs(deviation[np.isfinite(deviation)]))
    if size.size == 0:
        return STUDY_RANGE
    needed = size[int(np.ceil(SHOWN_SHARE * size.size)) - 1]
    return next((limit for limit in RANGES if needed < limit), RANGES[-1])


def _pair_traces(rows: QTable, place: Mapping[str, str], half_range: float) -> list[Trace]:
    """One trace per mode with what lies in range, one with an arrow for each point that does not."""
    deviation = np.asarray(rows["deviation"], float)
    error = np.asarray(rows["deviation_err"], float)
    mode = np.asarray(rows["mode"], str)
    flag = np.asarray(rows["flag"], str)
    beyond = np.abs(deviation) > half_range
    hover = [
        [
            plot_text(identity),
            str(night),
            plot_text(a_mode),
            fixed(value, 4, sign=True),
            (f" ± {fixed(err, 4)}" if np.isfinite(err) else "")
            + (f"<br>{plot_text(a_flag)}" if a_flag else ""),
        ]
        for identity, night, a_mode, value, err, a_flag in zip(
            rows["exposure_id"], rows["night"], mode, deviation, error, flag, strict=True
        )
    ]
    when = [
        place.get(str(identity), str(night))
        for identity, night in zip(rows["exposure_id"], rows["night"], strict=True)
    ]

    def chosen(mask: np.ndarray, values: Sequence[Any]) -> list[Any]:
        return [values[index] for index in np.flatnonzero(mask)]

    traces: list[Trace] = []
    for style in MODE_STYLES:
        mask = (mode == style.mode) & ~beyond & np.isfinite(deviation)
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": style.mode,
                "legendgroup": style.mode,
                "showlegend": bool(np.any(mode == style.mode)),
                "x": chosen(mask, when),
                "y": lean(deviation[mask]),
                "error_y": {
                    "type": "data",
                    "array": lean(np.nan_to_num(error[mask]), 2),
                    "thickness": 1,
                    "width": 0,
                    "color": style.color,
                },
                "marker": {
                    "color": style.color,
                    "size": 8,
                    "symbol": [style.symbol + ("-open" if a_flag else "") for a_flag in flag[mask]],
                },
                "customdata": chosen(mask, hover),
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
            "showlegend": True,
            "x": chosen(beyond, when),
            "y": lean(above * half_range * ARROW_AT),
            "text": [fixed(value, 2, sign=True) for value in deviation[beyond]],
            "textposition": "middle right",
            "textfont": {"size": 11},
            "marker": {
                "size": 11,
                "color": [color.get(a_mode, "@fg") for a_mode in mode[beyond]] or "@muted",
                "symbol": ["triangle-up" if up > 0 else "triangle-down" for up in above]
                or "triangle-up",
                "line": {"width": 1, "color": "@fg"},
            },
            "customdata": chosen(beyond, hover),
            "hovertemplate": HOVER,
            "cliponaxis": False,
        }
    )
    return traces


def _frame(n_panels: int) -> Layout:
    return {
        "height": TOP_PX + n_panels * PANEL_HEIGHT_PX + BOTTOM_PX,
        "margin": {"l": 64, "r": 14, "t": TOP_PX, "b": BOTTOM_PX},
        "annotations": [],
        "shapes": [],
        "hovermode": "closest",
    }


def _panel(index: int, n_panels: int, half_range: float) -> Layout:
    """Axes of one panel; all share the dates, the lowest one prints them."""
    suffix = "" if index == 0 else str(index + 1)
    gap = 0.16 / n_panels if n_panels > 1 else 0.0
    top = 1 - index / n_panels - gap / 2 * (index > 0)
    bottom = 1 - (index + 1) / n_panels + gap / 2 * (index < n_panels - 1)
    last = index == n_panels - 1
    dates = {
        "type": "date",
        "anchor": f"y{suffix}",
        "showticklabels": last,
        "tickformat": "%b\n%Y",
        "showgrid": True,
    }
    if n_panels > 1 and not last:
        dates["matches"] = f"x{n_panels}"
    return {
        f"xaxis{suffix}": dates,
        f"yaxis{suffix}": axis(
            "deviation",
            domain=[round(bottom, 5), round(top, 5)],
            range=[-half_range, half_range],
            anchor=f"x{suffix}",
            zeroline=True,
            tickformat="+.2~f" if half_range >= 0.05 else "+.3~f",
            nticks=5,
        ),
    }


def _panel_notes(suffix: str, pair: tuple[int, int], row: Any) -> list[Layout]:
    """The pair's name in the corner of its panel, with the scatter that the study quotes."""
    text = f"<b>{pair[0]} / {pair[1]}</b>"
    if row is not None and np.isfinite(row["std_published"]):
        text += f"  σ = {fixed(float(row['std_published']), 4)}"
    return [
        note(
            text,
            0.01,
            0.98,
            xref=f"x{suffix} domain",
            yref=f"y{suffix} domain",
            xanchor="left",
            yanchor="top",
            font={"size": 13},
        )
    ]


def _band(suffix: str, row: Any) -> Layout | None:
    """The range of plus and minus one std about zero."""
    if row is None or not np.isfinite(row["std_published"]):
        return None
    std = float(row["std_published"])
    return {
        "type": "rect",
        "xref": f"x{suffix} domain",
        "yref": f"y{suffix}",
        "x0": 0,
        "x1": 1,
        "y0": round(-std, 5),
        "y1": round(std, 5),
        "fillcolor": "@band",
        "line": {"width": 0},
        "layer": "below",
    }

"""Timelines: the deviation of a flux ratio from its mean, over the nights."""

from collections.abc import Mapping, Sequence

import numpy as np
from astropy.table import QTable

from pipeline.report.figures.base import Figure, Layout, Trace, note, stamped
from pipeline.report.figures.timeline_panels import (
    Timing,
    event_marks,
    panel_axes,
    panel_traces,
    suffix_of,
    timing_of,
)
from pipeline.report.text import counted, fixed

Pair = tuple[int, int]

PANEL_HEIGHT_PX = 190
TOP_PX, BOTTOM_PX = 30, 96  # height of titles above, of dates and legend below
PANEL_RANGE = 20.0  # of headline panels [%]; Herenz and Bian (2021) cut theirs there


def headline_timelines(
    timelines: QTable,
    exposures: QTable,
    stds: Mapping[Pair, float],
    headline: Sequence[Pair],
    links: Mapping[str, str],
    *,
    figure_id: str,
    title: str,
    caption: str,
    simulated: bool,
    tables: tuple[str, ...],
    events: Sequence[tuple[str, str]] = (),
) -> Figure:
    """The headline pairs, one panel each, on one range.

    ``events`` are (exposure_id, what happened): each is marked at the exposure's time.
    """
    timing = _timing(timelines, exposures, links)
    timelines = _placed(timelines, timing)
    rows = _rows_by_pair(timelines)
    shown = [pair for pair in headline if pair in rows]
    data: list[Trace] = []
    layout = _frame(len(shown))
    for index, pair in enumerate(shown):
        traces = panel_traces(timelines[rows[pair]], index, PANEL_RANGE, timing, index == 0)
        _name_arrows_once(traces, data)
        data += traces
        layout |= panel_axes(index, len(shown), PANEL_RANGE, timing)
        suffix = suffix_of(index, 0, timing)
        layout["annotations"].append(_panel_name(suffix, pair, stds.get(pair, np.nan)))
        layout["shapes"] += _band(suffix, stds.get(pair, np.nan), _middle(timelines[rows[pair]]))
    dated = [
        (timing.place[identity], name) for identity, name in events if identity in timing.place
    ]
    marks = event_marks(dated, len(shown), timing)
    layout["shapes"] += marks["shapes"]
    layout["annotations"] += marks["annotations"]
    return Figure(
        figure_id=figure_id,
        title=title,
        caption=caption,
        alt=f"{counted(len(shown), 'panel')}: the flux ratio of a pair of stars against the date."
        f" {caption}",
        data=data,
        layout=stamped(layout, simulated),
        simulated=simulated,
        narrow={"margin": {"l": 50, "b": 120}, "height": layout["height"] + 24},
        tables=tables,
    )


def _rows_by_pair(timelines: QTable) -> dict[Pair, list[int]]:
    rows: dict[Pair, list[int]] = {}
    pairs = zip(timelines["star_1"].tolist(), timelines["star_2"].tolist(), strict=True)
    for index, pair in enumerate(pairs):
        rows.setdefault(pair, []).append(index)
    return rows


def _timing(timelines: QTable, exposures: QTable, links: Mapping[str, str]) -> Timing:
    return timing_of(exposures, set(np.asarray(timelines["exposure_id"], str).tolist()), links)


def _placed(timelines: QTable, timing: Timing) -> QTable:
    """The rows of exposures whose time is known: a file that cannot be read has none."""
    known = [str(identity) in timing.place for identity in timelines["exposure_id"]]
    return timelines if all(known) else timelines[np.array(known, bool)]


def _name_arrows_once(traces: list[Trace], before: list[Trace]) -> None:
    """The legend explains the arrows where the first of them is drawn, or not at all."""
    named = any(one["legendgroup"] == "beyond" and one["showlegend"] for one in before)
    for trace in traces:
        if trace["legendgroup"] == "beyond":
            trace["showlegend"] = bool(trace["x"]) and not named
            named = named or trace["showlegend"]


def _frame(n_panels: int) -> Layout:
    return {
        "height": TOP_PX + n_panels * PANEL_HEIGHT_PX + BOTTOM_PX,
        "margin": {"l": 64, "r": 14, "t": TOP_PX, "b": BOTTOM_PX},
        "annotations": [],
        "shapes": [],
        "hovermode": "closest",
    }


def _panel_name(suffix: str, pair: Pair, std: float) -> Layout:
    """The pair's name over the corner of its panel, with its scatter in the published convention."""
    text = f"<b>{pair[0]} / {pair[1]}</b>"
    if np.isfinite(std):
        text += f"  σ = {fixed(100 * std, 2)} %"
    return note(
        text,
        0,
        1,
        xref=f"x{suffix} domain",
        yref=f"y{suffix} domain",
        xanchor="left",
        yanchor="bottom",
        font={"size": 13},
    )


def _middle(rows: QTable) -> float:
    """Median deviation [%]: a mean that an outlier moved is not where the points are."""
    deviation = 100 * np.asarray(rows["deviation"], float)
    finite = deviation[np.isfinite(deviation)]
    return float(np.median(finite)) if finite.size else 0.0


def _band(suffix: str, std: float, middle: float) -> list[Layout]:
    """The range of plus and minus one std about the median."""
    if not np.isfinite(std):
        return []
    return [
        {
            "type": "rect",
            "xref": "paper",
            "yref": f"y{suffix}",
            "x0": 0,
            "x1": 1,
            "y0": round(middle - 100 * std, 3),
            "y1": round(middle + 100 * std, 3),
            "fillcolor": "@band",
            "line": {"width": 0},
            "layer": "below",
        }
    ]

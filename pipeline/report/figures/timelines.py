"""Timelines: the deviation of a flux ratio from its mean, over the nights."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from astropy.table import QTable

from pipeline.report.figures.base import Figure, Layout, Trace, merged, note, stamped
from pipeline.report.figures.timeline_panels import (
    Timing,
    event_marks,
    panel_axes,
    panel_traces,
    suffix_of,
    timing_of,
)
from pipeline.report.text import fixed

Pair = tuple[int, int]

PANEL_HEIGHT_PX = 190
TOP_PX, BOTTOM_PX = 30, 96  # room for titles above, for dates and legend below
PANEL_RANGE = 0.2  # of headline panels; Herenz and Bian (2021) cut theirs there
RANGES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
SHOWN_SHARE = 0.95  # a range must hold that share of the points; the others become arrows


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
        layout["shapes"] += _band(suffix, stds.get(pair, np.nan))
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
        alt=f"{len(shown)} panels with the relative flux ratio of a pair of stars against the date."
        f" {caption}",
        data=data,
        layout=stamped(layout, simulated),
        simulated=simulated,
        narrow={"margin": {"l": 50, "b": 120}, "height": layout["height"] + 24},
        tables=tables,
    )


def pair_explorer(
    timelines: QTable,
    exposures: QTable,
    stds: Mapping[Pair, float],
    first: Pair,
    links: Mapping[str, str],
    *,
    figure_id: str,
    title: str,
    caption: str,
    simulated: bool,
    tables: tuple[str, ...],
) -> Figure:
    """One panel for any pair; the selector holds all of them."""
    timing = _timing(timelines, exposures, links)
    timelines = _placed(timelines, timing)
    rows = _rows_by_pair(timelines)
    first = first if first in rows else min(rows)
    rows = {pair: _in_order(timelines, chosen) for pair, chosen in rows.items()}
    views = {
        pair: _pair_view(timelines[rows[pair]], timing, pair, stds.get(pair, np.nan), simulated)
        for pair in sorted(rows)
    }
    layout = merged(_frame(1), views[first]["layout"]) | {"height": 400}
    return Figure(
        figure_id=figure_id,
        title=title,
        caption=caption,
        alt=f"The relative flux ratio of a chosen pair of stars against the date. {caption}",
        data=views[first]["data"],
        layout=layout,
        simulated=simulated,
        narrow={"margin": {"l": 54, "b": 120}, "height": 420},
        variants={
            f"{one} / {two}": {
                "data": {
                    str(index): _patch(trace, base)
                    for index, (trace, base) in enumerate(
                        zip(view["data"], views[first]["data"], strict=True)
                    )
                },
                "layout": _layout_patch(view["layout"], views[first]["layout"]),
            }
            for (one, two), view in views.items()
        },
        variant_label="Pair of stars",
        first_variant=f"{first[0]} / {first[1]}",
        tables=tables,
    )


def _rows_by_pair(timelines: QTable) -> dict[Pair, list[int]]:
    rows: dict[Pair, list[int]] = {}
    pairs = zip(timelines["star_1"].tolist(), timelines["star_2"].tolist(), strict=True)
    for index, pair in enumerate(pairs):
        rows.setdefault(pair, []).append(index)
    return rows


def _in_order(timelines: QTable, chosen: list[int]) -> list[int]:
    """The rows of one pair by exposure, so that all pairs list their exposures alike."""
    ids = timelines["exposure_id"]
    return sorted(chosen, key=lambda index: str(ids[index]))


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


def _pair_view(
    rows: QTable, timing: Timing, pair: Pair, std: float, simulated: bool
) -> dict[str, Any]:
    half_range = range_for(np.asarray(rows["deviation"], float))
    layout = panel_axes(0, 1, half_range, timing)
    layout |= {"annotations": [_panel_name("", pair, std)], "shapes": _band("", std)}
    return {
        "data": panel_traces(rows, 0, half_range, timing, True, keep_places=True),
        "layout": stamped(layout, simulated),
    }


def _patch(trace: Trace, base: Trace) -> Trace:
    """What of a trace changes from pair to pair; its style, dates and exposures do not."""
    keys = ("x", "y", "text", "customdata", "meta")
    patch: Trace = {
        key: _changes(trace[key], base.get(key))
        for key in keys
        if key in trace and trace[key] != base.get(key)
    }
    if trace["marker"] != base["marker"]:
        patch["marker"] = trace["marker"]
    if "error_y" in trace:
        patch["error_y"] = {"array": trace["error_y"]["array"]}
    return patch


def _changes(new: Any, old: Any) -> Any:
    """A list as the elements that changed, if these are few; see ``merged``."""
    if not (isinstance(new, list) and isinstance(old, list) and len(new) == len(old)):
        return new
    changed = {
        str(index): value
        for index, (value, before) in enumerate(zip(new, old, strict=True))
        if value != before
    }
    return changed if 2 * len(changed) < len(new) else new


def _layout_patch(view: Layout, base: Layout) -> Layout:
    """Range and name; the dates stay, and so does the band's style."""
    patch: Layout = {
        name: {"range": part["range"]}
        for name, part in view.items()
        if name.startswith("yaxis") and part != base[name]
    }
    patch["annotations"] = {"0": {"text": view["annotations"][0]["text"]}}
    patch["shapes"] = view["shapes"]
    if view["shapes"] and base["shapes"]:
        patch["shapes"] = {"0": {key: view["shapes"][0][key] for key in ("y0", "y1")}}
    return patch


def range_for(deviation: np.ndarray) -> float:
    """The smallest of ``RANGES`` that shows ``SHOWN_SHARE`` of the points."""
    size = np.sort(np.abs(deviation[np.isfinite(deviation)]))
    if size.size == 0:
        return PANEL_RANGE
    needed = size[int(np.ceil(SHOWN_SHARE * size.size)) - 1]
    return next((limit for limit in RANGES if needed < limit), RANGES[-1])


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
        text += f"  σ = {fixed(std, 4)}"
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


def _band(suffix: str, std: float) -> list[Layout]:
    """The range of plus and minus one std about zero."""
    if not np.isfinite(std):
        return []
    return [
        {
            "type": "rect",
            "xref": "paper",
            "yref": f"y{suffix}",
            "x0": 0,
            "x1": 1,
            "y0": round(-std, 5),
            "y1": round(std, 5),
            "fillcolor": "@band",
            "line": {"width": 0},
            "layer": "below",
        }
    ]

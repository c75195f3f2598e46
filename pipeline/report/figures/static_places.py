"""Where the points of a still picture lie, so that the page's script can show their values.

A phone reads values off the picture itself: it need not load the library that draws figures anew.
"""

from collections.abc import Mapping
from math import log10
from typing import Any

from pipeline.report.figures.base import DAY_MS, rounded
from pipeline.report.figures.static_overlays import Panel

DIGITS = 7


def places(panels: Mapping[tuple[str, str], Panel], size: tuple[int, int]) -> dict[str, list[Any]]:
    """For each axis of a drawn picture how a value on it becomes a place.

    Parameters
    ----------
    panels : mapping
        Panels by their pair of axes, ("x2", "y2"), after everything has been drawn.
    size : (int, int)
        Width and height of the picture [px].

    Returns
    -------
    dict of str to list
        By pair of axes, "x2y2": for x and for y [kind, value, place, value, place], where ``kind`` is
        "linear", "log" (values are exponents of ten), "date" (milliseconds since 1970) or "category"
        (numbers of the categories), and places count in pixels from the upper left corner.
    """
    return {
        f"{x}{y}": [_axis(panel, 0, size[0]), _axis(panel, 1, size[1])]
        for (x, y), panel in panels.items()
    }


def _axis(panel: Panel, which: int, extent_px: int) -> list[Any]:
    spec = (panel.xaxis, panel.yaxis)[which]
    kind = spec.get("type", "linear")
    box = panel.axes.get_position()
    if which == 0:
        limits, ends = panel.axes.get_xlim(), (box.x0, box.x1)
    else:
        limits, ends = panel.axes.get_ylim(), (1 - box.y0, 1 - box.y1)
    low, high = (_value(float(one), kind) for one in limits)
    first, last = (round(one * extent_px, 1) for one in ends)
    return [kind, low, first, high, last]


def _value(limit: float, kind: str) -> float | None:
    if kind == "log":
        return rounded(log10(limit), DIGITS)
    # matplotlib counts days since 1970
    return rounded(limit * DAY_MS, 13) if kind == "date" else rounded(limit, DIGITS)

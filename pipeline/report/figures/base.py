"""What a figure is: one definition that the browser and ``static_image`` both draw.

A figure holds Plotly traces and a layout as plain dicts, without template and without base64:
half the bytes of what plotly.py would write. Colours are tokens ("@blue"), which the page's script
resolves for its light or dark palette and ``resolve`` for print. Nothing here computes a statistic.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipeline.muse.modes import MODES

Trace = dict[str, Any]
Layout = dict[str, Any]

WIDE_PX, NARROW_PX = 860, 380  # column of the page on a desktop, on a phone
DAY_MS = 86_400_000  # Plotly counts days in milliseconds

# Okabe & Ito (2008), distinguishable with every common colour vision; the dark palette, in
# site_src/assets/js/report.js, lightens the same hues.
LIGHT: Mapping[str, str] = {
    "@blue": "#0072B2",
    "@orange": "#D98200",  # their #E69F00, darkened to 3:1 on white
    "@green": "#008F67",
    "@pink": "#B8558F",
    "@red": "#C64600",
    "@sky": "#2E8FCB",
    "@fg": "#1d1d1f",
    "@muted": "#6b6f76",
    "@grid": "rgba(0,0,0,0.10)",
    "@band": "rgba(0,114,178,0.13)",
    "@bandline": "rgba(0,114,178,0.55)",
    "@shade": "rgba(0,0,0,0.06)",
    "@bg": "#ffffff",
    "@label": "rgba(255,255,255,0.75)",
    "@watermark": "#A83C00",
}


@dataclass(frozen=True)
class ModeStyle:
    """How one instrument mode looks in every figure, never by colour alone."""

    mode: str
    color: str
    symbol: str
    dash: str  # of a line


def style_of(mode: str) -> ModeStyle:
    """Look of a mode: two hues for AO and no AO, filled for the nominal and open for the extended range."""
    with_ao, extended = "-AO-" in mode, mode.endswith("-E")
    shape = "diamond" if mode.startswith("NFM") else "circle" if with_ao else "square"
    return ModeStyle(
        mode,
        "@blue" if with_ao else "@orange",
        f"{shape}-open" if extended else shape,
        "dash" if extended else "solid",
    )


MODE_STYLES: tuple[ModeStyle, ...] = tuple(style_of(mode) for mode in MODES)

WATERMARK = "SIMULATED"
STRIP_PX = 22  # height above the rows of a map in which that word is drawn
WHOLE = 1e15  # beyond that a float holds no odd number any more
SPLIT_BYTES = 1_000_000  # beyond that a phone should load the chosen variant only


@dataclass(frozen=True)
class Figure:
    """One figure of the report."""

    figure_id: str  # anchor and file name; stable over versions
    title: str  # what it shows, a phrase
    caption: str  # what is seen, with the numbers; plain text
    alt: str  # the same for those who do not see it
    data: Sequence[Trace]
    layout: Layout
    simulated: bool
    mixed: bool = False  # beside simulated data it shows observed ones
    narrow: Layout = field(default_factory=dict)  # merged into the layout on a phone
    narrow_trace: Trace = field(default_factory=dict)  # merged into every trace there
    # What a selector offers: label -> {"data": {trace index: patch}, "layout": patch}
    variants: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    variant_label: str = ""  # what the selector chooses, "Pair"
    first_variant: str = ""  # the one that data and layout show
    tables: tuple[str, ...] = ()  # tables that hold these data; their downloads stand beneath


def height(figure: Figure, narrow: bool = False) -> int:
    """Height of the figure in CSS pixels."""
    layout = merged(figure.layout, figure.narrow) if narrow else figure.layout
    return int(layout.get("height", 420))


def merged(base: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping with the patch laid over it, level by level.

    A list is replaced whole by a list; a mapping of "0", "1", ... patches its elements.
    """
    result = dict(base)
    for key, value in patch.items():
        below = result.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            result[key] = merged(below, value)
        elif isinstance(below, list) and isinstance(value, Mapping):
            elements = {str(index): element for index, element in enumerate(below)}
            result[key] = list(merged(elements, value).values())
        else:
            result[key] = value
    return result


def resolve(value: Any, palette: Mapping[str, str] = LIGHT) -> Any:
    """The same structure with colour tokens replaced by the palette's colours."""
    if isinstance(value, str):
        return palette.get(value, value)
    if isinstance(value, Mapping):
        return {key: resolve(item, palette) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [resolve(item, palette) for item in value]
    return value


def to_json_list(values: Any, digits: int = 5) -> list[Any]:
    """Numbers with that many significant digits, NaN and infinity as null: short, valid JSON."""
    array = np.asarray(values)
    if array.ndim > 1:
        return [to_json_list(row, digits) for row in array]
    if array.dtype.kind in "iub":
        return [int(value) for value in array]
    if array.dtype.kind != "f":
        return [str(value) for value in array]
    return [rounded(float(value), digits) for value in array]


def rounded(value: float, digits: int = 5) -> float | None:
    """The number with that many significant digits, None where it is not finite.

    A whole number is an int, because JSON would write a float with a useless ".0".
    """
    if not math.isfinite(value):
        return None
    short = float(f"{value:.{digits}g}")
    return int(short) if short.is_integer() and abs(short) < WHOLE else short


def rows_above(labels: Sequence[str], row_px: int, around_px: int) -> Layout:
    """For a phone: names of rows over the rows instead of beside them, in a taller figure."""
    return {
        "height": around_px + row_px * len(labels),
        "yaxis": {
            "showticklabels": False,
            "showgrid": False,
            "ticks": "",
            "range": [len(labels) - 0.5, -0.75],
        },
        "annotations": [
            note(
                label,
                0,
                row - 0.55,
                yref="y",
                xanchor="left",
                yanchor="middle",
                xshift=4,
                font={"size": 12, "color": "@muted"},
            )
            for row, label in enumerate(labels)
        ],
    }


def axis(title: str, **more: Any) -> Layout:
    """An axis with its title."""
    return {"title": {"text": title}, **more}


def note(text: str, x: float | str, y: float, **more: Any) -> Layout:
    """A text at a position; in fractions of the plotting area unless references are given."""
    return {
        "text": text,
        "x": x,
        "y": y,
        "xref": "paper",
        "yref": "paper",
        "showarrow": False,
        "font": {"size": 12},
        **more,
    }


def shaded(x0: float, x1: float, color: str = "@band") -> Layout:
    """A range of the x axis, shaded from the bottom to the top of the plotting area."""
    return {
        "type": "rect",
        "xref": "x",
        "x0": x0,
        "x1": x1,
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "fillcolor": color,
        "line": {"width": 0},
        "layer": "below",
    }


def stamped(layout: Layout, simulated: bool, mixed: bool = False) -> Layout:
    """The layout, with the word SIMULATED in the upper right corner of its axes where that is true."""
    if not simulated:
        return layout
    # axes of equal scales do not fill the plotting area
    own = "scaleanchor" in layout.get("yaxis", {})
    references = {"xref": "x domain", "yref": "y domain"} if own else {}
    mark = note(
        f"PARTLY {WATERMARK}" if mixed else WATERMARK,
        1,
        1,
        xanchor="right",
        yanchor="top",
        xshift=-4,
        yshift=-3,
        font={"size": 12, "color": "@watermark", "weight": 700},
        bgcolor="@label",
        **references,
    )
    return {**layout, "annotations": [*layout.get("annotations", []), mark]}


def with_strip(layout: Layout, n_rows: int, simulated: bool) -> Layout:
    """The layout of a map of rows, with a free strip over them for the word SIMULATED.

    Parameters
    ----------
    layout : mapping
        With height, margin, and a y axis of as many categories as there are rows.
    """
    if not simulated:
        return layout
    tall = layout["height"] - layout["margin"]["t"] - layout["margin"]["b"]
    strip = STRIP_PX * n_rows / tall  # in rows
    top = round(n_rows - 0.5 + strip, 3)
    return layout | {
        "height": layout["height"] + STRIP_PX,
        "yaxis": layout["yaxis"] | {"range": [-0.5, top]},
    }


def compact_json(value: Any) -> str:
    """Compact JSON that may also stand inside a script element."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    return text.replace("</", "<\\/").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def is_split(figure: Figure) -> bool:
    """Whether the choices of a figure are one file each, because together they are too many."""
    first = next(iter(figure.variants.values()), {})
    return len(compact_json(first)) * len(figure.variants) > SPLIT_BYTES

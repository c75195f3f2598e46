"""How matplotlib draws one Plotly trace: scatter, bar, heatmap."""

import html
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import dates as mdates
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

PT_PER_PX = 0.72
BAR_SPACE = 0.13  # of the picture's width, for a colour bar with its numbers
SYMBOLS: Mapping[str, str] = {
    "circle": "o",
    "square": "s",
    "diamond": "D",
    "triangle-up": "^",
    "triangle-down": "v",
    "triangle-right": ">",
    "triangle-left": "<",
    "cross": "P",
    "x": "X",
    "cross-thin": "+",
    "x-thin": "x",
    "star": "*",
    "pentagon": "p",
    "hexagon": "h",
    "line-ns": "|",
}
SHRINK: Mapping[str, float] = {
    "D": 0.8,
    "X": 0.95,
    "P": 0.95,
}  # matplotlib's are larger than Plotly's
DASHES: Mapping[str, str] = {"dot": ":", "dash": "--", "dashdot": "-."}

FILLS = ("toself", "tozeroy")

Spec = Mapping[str, Any]


def plain(text: object) -> str:
    """Plotly's pseudo-HTML as plain text: tags dropped, line breaks and references kept."""
    without = re.sub(
        r"</?(?:b|i|sub|sup|span|br)\b[^>]*>", lambda m: "\n" if "br" in m[0] else "", str(text)
    )
    return html.unescape(without)


def rgba(color: Any) -> Any:
    """A Plotly colour as matplotlib knows it."""
    match = re.fullmatch(r"rgba?\(([^)]*)\)", str(color))
    if not match:
        return color
    parts = [float(part) for part in match[1].split(",")]
    return (*(part / 255 for part in parts[:3]), parts[3] if len(parts) > 3 else 1.0)


def coordinates(values: Any, spec: Spec) -> np.ndarray:
    """Plotly's values along an axis as floats: numbers, dates, or places of categories."""
    if spec.get("type") == "date":
        return np.array([mdates.date2num(datetime.fromisoformat(value)) for value in values], float)
    if spec.get("type") == "category":
        order = {name: place for place, name in enumerate(spec["categoryarray"])}
        return np.array([order[value] for value in values], float)
    return np.array([np.nan if value is None else value for value in values], float)


def point(value: Any, spec: Spec) -> float:
    """One position on an axis; as in Plotly, the exponent of ten on a logarithmic one."""
    if spec.get("type") == "log":
        return float(10.0**value)
    return float(value) if isinstance(value, int | float) else float(coordinates([value], spec)[0])


def legend_handle(trace: Spec) -> Line2D:
    """The sign that stands for a trace in the legend."""
    marker, line = trace.get("marker", {}), trace.get("line", {})
    with_marker = "markers" in trace.get("mode", "markers")
    with_line = "lines" in trace.get("mode", "markers")
    symbol, filled = _symbol(_one(marker.get("symbol", "circle")))
    color = rgba(_one(marker.get("color" if with_marker else "none", line.get("color", "0.3"))))
    return Line2D(
        [],
        [],
        color=rgba(line.get("color", color)),
        linewidth=line.get("width", 1.5) * PT_PER_PX if with_line else 0,
        linestyle=DASHES.get(line.get("dash", ""), "-"),
        marker=symbol if with_marker else "",
        markersize=min(_one(marker.get("size", 7)), 9) * PT_PER_PX * SHRINK.get(symbol, 1),
        markerfacecolor=color if filled else "none",
        markeredgecolor=color,
        markeredgewidth=0.8,
    )


def _one(value: Any) -> Any:
    return (value[0] if value else "circle") if isinstance(value, list) else value


def _symbol(name: str) -> tuple[str, bool]:
    """matplotlib's marker and whether it is filled."""
    base = name.removesuffix("-open")
    return SYMBOLS[base], not (
        name.endswith("-open") or base.endswith("-thin") or base == "line-ns"
    )


def _scatter(axes: Axes, trace: Spec, xaxis: Spec, yaxis: Spec) -> None:
    y = coordinates(trace["y"], yaxis)
    x = (
        coordinates(trace["x"], xaxis)
        if "x" in trace
        else trace.get("x0", 0) + trace.get("dx", 1) * np.arange(len(y))
    )
    mode = trace.get("mode", "lines")
    line = trace.get("line", {})
    if trace.get("fill", "none") not in ("none", *FILLS):
        raise ValueError(f"static_image cannot draw the fill {trace['fill']!r}")
    if trace.get("fill") in FILLS:
        axes.fill(x, y, color=rgba(trace.get("fillcolor", "0.9")), linewidth=0, zorder=1)
    if "lines" in mode:
        axes.plot(
            x,
            y,
            color=rgba(line.get("color", "0.3")),
            linewidth=line.get("width", 2) * PT_PER_PX,
            linestyle=DASHES.get(line.get("dash", ""), "-"),
            alpha=trace.get("opacity"),
            drawstyle="steps-mid" if line.get("shape") == "hvh" else "default",
            zorder=2,
        )
    if "markers" in mode:
        _errors(axes, trace, x, y)
        _markers(axes, trace, x, y)
    if "text" in mode:
        _texts(axes, trace, x, y)


def _errors(axes: Axes, trace: Spec, x: np.ndarray, y: np.ndarray) -> None:
    for key in ("x", "y"):
        bars = trace.get(f"error_{key}")
        if not bars or not len(x):
            continue
        size = np.array([np.nan if value is None else value for value in bars["array"]], float)
        size = np.where(size > 0, size, np.nan)
        if not np.isfinite(size).any():
            continue
        color = bars.get("color", _one(trace.get("marker", {}).get("color", "0.3")))
        # one path for all bars, broken by NaN: a fortieth of the bytes of as many lines
        gap = np.full(len(x), np.nan)
        along = np.stack([y - size, y + size, gap] if key == "y" else [x - size, x + size, gap])
        across = np.stack([x, x, gap] if key == "y" else [y, y, gap])
        ends = (across, along) if key == "y" else (along, across)
        axes.plot(
            *(values.T.ravel() for values in ends),
            color=rgba(color),
            linewidth=bars.get("thickness", 1) * PT_PER_PX,
            solid_capstyle="butt",
            zorder=1.9,
        )


def _markers(axes: Axes, trace: Spec, x: np.ndarray, y: np.ndarray) -> None:
    """Points of one look are drawn together; each look is a call, each point a reference."""
    marker = trace.get("marker", {})
    count = len(x)

    def every(key: str, default: Any) -> list[Any]:
        value = marker.get(key, default)
        return value if isinstance(value, list) else [value] * count

    symbols, colors, sizes = every("symbol", "circle"), every("color", "0.3"), every("size", 7)
    colors = _scaled(colors, marker)
    edge = marker.get("line", {})
    looks: dict[tuple[Any, ...], list[int]] = {}
    for index in range(count):
        looks.setdefault((symbols[index], colors[index], sizes[index]), []).append(index)
    for (symbol, color, size), rows in looks.items():
        shape, filled = _symbol(symbol)
        axes.plot(
            x[rows], y[rows], linestyle="", marker=shape,
            markersize=size * PT_PER_PX * SHRINK.get(shape, 1),
            markerfacecolor=rgba(color) if filled else "none",
            markeredgecolor=rgba(edge.get("color", color)) if filled else rgba(color),
            markeredgewidth=max(edge.get("width", 0 if filled else 1.3), 0) * PT_PER_PX,
            alpha=marker.get("opacity", trace.get("opacity")),
            clip_on=trace.get("cliponaxis", True), zorder=2.5,
        )  # fmt: skip


def _scaled(colors: list[Any], marker: Spec) -> list[Any]:
    """Numbers as colours of the marker's scale; anything else is a colour already."""
    if not colors or isinstance(colors[0], str):
        return colors
    scale = mpl.colors.Normalize(marker["cmin"], marker["cmax"])
    return [mpl.colors.to_hex(mpl.colormaps["viridis"](scale(value))) for value in colors]


_ALIGN: Mapping[str, tuple[str, str, float, float]] = {
    "top center": ("center", "bottom", 0, 5),
    "bottom center": ("center", "top", 0, -5),
    "middle right": ("left", "center", 6, 0),
    "middle left": ("right", "center", -6, 0),
    "top right": ("left", "bottom", 4, 3),
    "top left": ("right", "bottom", -4, 3),
    "bottom right": ("left", "top", 4, -3),
    "bottom left": ("right", "top", -4, -3),
    "middle center": ("center", "center", 0, 0),
}


def _texts(axes: Axes, trace: Spec, x: np.ndarray, y: np.ndarray) -> None:
    font = trace.get("textfont", {})
    position = trace.get("textposition", "middle center")
    for index, text in enumerate(trace["text"]):
        place = position[index] if isinstance(position, list) else position
        ha, va, dx, dy = _ALIGN[place]
        color = font.get("color", "#1d1d1f")
        axes.annotate(
            plain(text), (x[index], y[index]), xytext=(dx, dy), textcoords="offset points",
            ha=ha, va=va, fontsize=font.get("size", 11) * PT_PER_PX, annotation_clip=False,
            color=rgba(color[index] if isinstance(color, list) else color), zorder=3,
        )  # fmt: skip


def _bar(axes: Axes, trace: Spec, xaxis: Spec, yaxis: Spec) -> None:
    x, y = coordinates(trace["x"], xaxis), coordinates(trace["y"], yaxis)
    color = rgba(trace.get("marker", {}).get("color", "0.5"))
    if trace.get("orientation") == "h":
        axes.barh(y, x, height=trace.get("width", 0.8), color=color, zorder=2)
    else:
        axes.bar(x, y, width=trace.get("width", 0.8), color=color, zorder=2)


def _heatmap(axes: Axes, trace: Spec, xaxis: Spec, yaxis: Spec) -> None:
    z = np.array(
        [[np.nan if value is None else value for value in row] for row in trace["z"]], float
    )
    x, y = coordinates(trace["x"], xaxis), coordinates(trace["y"], yaxis)
    image = axes.pcolormesh(
        x, y, np.ma.masked_invalid(z), shading="nearest", vmin=trace.get("zmin"),
        vmax=trace.get("zmax"), cmap=colormap(trace.get("colorscale", "Viridis")),
        edgecolors="white" if trace.get("xgap") else "face", linewidth=trace.get("xgap", 0) * PT_PER_PX,
        rasterized=not trace.get("xgap"),
    )  # fmt: skip
    if trace.get("showscale", True):
        box = axes.get_position()
        axes.set_position((box.x0, box.y0, box.width - BAR_SPACE, box.height))
        beside = axes.figure.add_axes((box.x1 - BAR_SPACE + 0.02, box.y0, 0.02, box.height))
        bar = axes.figure.colorbar(image, cax=beside)
        bar.ax.tick_params(labelsize=11 * PT_PER_PX, length=2)
        name = plain(trace.get("colorbar", {}).get("title", {}).get("text", ""))
        bar.ax.set_title(name, fontsize=11 * PT_PER_PX, pad=4)
        bar.outline.set_visible(False)
    if "text" in trace and trace.get("texttemplate"):
        for row, texts in zip(y, trace["text"], strict=True):
            for column, text in zip(x, texts, strict=True):
                axes.text(
                    column, row, plain(text), ha="center", va="center", fontsize=10 * PT_PER_PX
                )


def colormap(scale: Any) -> Any:
    """A Plotly colour scale as matplotlib's: by name, or a list of stops."""
    if isinstance(scale, str):
        return mpl.colormaps[scale.lower()]
    return mpl.colors.LinearSegmentedColormap.from_list(
        "scale", [(stop, rgba(color)) for stop, color in scale]
    )


MARKS: Mapping[str, Callable[[Axes, Spec, Spec, Spec], None]] = {
    "scatter": _scatter,
    "bar": _bar,
    "heatmap": _heatmap,
}

"""The still picture of a figure, drawn by matplotlib from the dict that Plotly draws.

One definition, two renderings: whoever prints the page, has no JavaScript, or waits for it, sees
the same data. What is supported is what the report's figures use (scatter, bar, heatmap; shapes,
annotations, images); anything else is refused, so that a new kind of figure cannot lose its picture.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import matplotlib as mpl
from matplotlib import dates as mdates
from matplotlib.axes import Axes
from matplotlib.figure import Figure as MplFigure

from pipeline.report.figures.base import Figure, height, merged, resolve
from pipeline.report.static_marks import (
    MARKS,
    PT_PER_PX,
    coordinates,
    legend_handle,
    plain,
    point,
    rgba,
)

DPI = 100  # only a scale here: the picture is a vector graphic, 1 px = 1 CSS pixel
WIDE_PX, NARROW_PX = 860, 380  # column of the page on a desktop, on a phone
MARGIN = {"l": 60, "r": 12, "t": 12, "b": 46}
FONT_PX = 12.5
DATE_PX = 50  # room that one date label takes

STYLE: Mapping[str, Any] = {
    "svg.fonttype": "path",  # the same letters on every machine
    "svg.hashsalt": "report",  # stable ids: same inputs, same bytes
    "svg.id": None,
    "font.family": "DejaVu Sans",  # comes with matplotlib
    "font.size": FONT_PX * PT_PER_PX,
    "axes.linewidth": 0.6,
    "axes.axisbelow": True,
    "axes.formatter.use_mathtext": False,
    "text.parse_math": False,  # a dollar sign in a name is a dollar sign
    "axes.unicode_minus": True,
    "path.simplify": True,
}


def static_svg(figure: Figure, narrow: bool = False) -> bytes:
    """The figure as SVG, in light colours on white, for a desktop's or a phone's column."""
    layout = merged(figure.layout, figure.narrow) if narrow else figure.layout
    size = (NARROW_PX if narrow else WIDE_PX, height(figure, narrow))
    with mpl.rc_context({key: value for key, value in STYLE.items() if key in mpl.rcParams}):
        canvas = _draw(resolve(figure.data), resolve(layout), size)
        buffer = io.BytesIO()
        canvas.savefig(buffer, format="svg", facecolor="white", metadata={"Date": None})
    return buffer.getvalue()


@dataclass(frozen=True)
class _Panel:
    """One pair of Plotly axes and the matplotlib axes that stand for it."""

    axes: Axes
    xaxis: Mapping[str, Any]
    yaxis: Mapping[str, Any]


def _draw(
    data: Sequence[Mapping[str, Any]], layout: Mapping[str, Any], size: tuple[int, int]
) -> MplFigure:
    canvas = MplFigure(figsize=(size[0] / DPI, size[1] / DPI), dpi=DPI)
    frame = _frame_box(layout, size)
    panels = _panels(canvas, data, layout, frame)
    for trace in data:
        if trace.get("visible", True) is not True:
            continue
        panel = panels[trace.get("xaxis", "x"), trace.get("yaxis", "y")]
        kind = trace["type"]
        if kind not in MARKS:
            raise ValueError(f"static_image cannot draw a trace of type {kind!r}")
        MARKS[kind](panel.axes, trace, panel.xaxis, panel.yaxis)
    for panel in panels.values():
        _finish_axis(panel.axes, panel.xaxis, "x")
        _finish_axis(panel.axes, panel.yaxis, "y")
    for shape in layout.get("shapes", ()):
        _shape(canvas, panels, frame, shape)
    for picture in layout.get("images", ()):
        _image(panels, picture)
    for text in layout.get("annotations", ()):
        _annotation(canvas, panels, frame, text, size)
    _legend(canvas, data, layout)
    return canvas


def _frame_box(
    layout: Mapping[str, Any], size: tuple[int, int]
) -> tuple[float, float, float, float]:
    """Plotting area as left, bottom, width, height in fractions of the picture."""
    margin = {**MARGIN, **layout.get("margin", {})}
    return (
        margin["l"] / size[0],
        margin["b"] / size[1],
        1 - (margin["l"] + margin["r"]) / size[0],
        1 - (margin["t"] + margin["b"]) / size[1],
    )


def _axis_layout(layout: Mapping[str, Any], reference: str) -> Mapping[str, Any]:
    """The layout of axis "x2" lies under "xaxis2"."""
    found = layout.get(f"{reference[0]}axis{reference[1:]}", {})
    assert isinstance(found, Mapping)
    return found


def _panels(
    canvas: MplFigure,
    data: Sequence[Mapping[str, Any]],
    layout: Mapping[str, Any],
    frame: tuple[float, float, float, float],
) -> dict[tuple[str, str], _Panel]:
    panels: dict[tuple[str, str], _Panel] = {}
    left, bottom, width, tall = frame
    for trace in data:
        key = (trace.get("xaxis", "x"), trace.get("yaxis", "y"))
        if key in panels:
            continue
        xaxis, yaxis = (_axis_layout(layout, reference) for reference in key)
        x0, x1 = xaxis.get("domain", (0, 1))
        y0, y1 = yaxis.get("domain", (0, 1))
        axes = canvas.add_axes(
            (left + x0 * width, bottom + y0 * tall, (x1 - x0) * width, (y1 - y0) * tall)
        )
        master = xaxis.get("matches")
        shared = next((p for (x, _), p in panels.items() if master and x == master), None)
        if shared:
            axes.sharex(shared.axes)
        panels[key] = _Panel(axes, xaxis, yaxis)
    _share_later_masters(panels)
    return panels


def _share_later_masters(panels: dict[tuple[str, str], _Panel]) -> None:
    """Axes may match one that comes after them; matplotlib joins them in any order."""
    first = {key[0]: panel for key, panel in panels.items()}
    for panel in panels.values():
        master = first.get(panel.xaxis.get("matches", ""))
        if master and not panel.axes.get_shared_x_axes().joined(panel.axes, master.axes):
            panel.axes.sharex(master.axes)


def _finish_axis(axes: Axes, spec: Mapping[str, Any], which: Literal["x", "y"]) -> None:
    axis = axes.xaxis if which == "x" else axes.yaxis
    set_limits = axes.set_xlim if which == "x" else axes.set_ylim
    if spec.get("type") == "log":
        (axes.set_xscale if which == "x" else axes.set_yscale)("log")
        axis.set_major_formatter(mpl.ticker.FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(mpl.ticker.NullFormatter())
    if spec.get("type") == "date":
        width_px = axes.get_window_extent().width
        room = max(1, int(width_px // DATE_PX))  # labels
        axis.set_major_locator(mdates.MonthLocator(interval=_months_apart(spec, room)))
        axis.set_major_formatter(mpl.ticker.FuncFormatter(_month))
    if "range" in spec:
        limits = list(spec["range"])
        if spec.get("type") == "log":
            limits = [10.0**value for value in limits]
        if spec.get("type") == "date":
            limits = [mdates.date2num(datetime.fromisoformat(value)) for value in limits]
        set_limits(*limits)
    elif spec.get("autorange") == "reversed":
        (axes.invert_xaxis if which == "x" else axes.invert_yaxis)()
    values = spec.get("tickvals", spec.get("categoryarray"))
    if values is not None:
        axis.set_ticks(coordinates(values, spec), [plain(t) for t in spec.get("ticktext", values)])
    if spec.get("scaleanchor"):
        axes.set_aspect("equal", adjustable="box")
    visible = spec.get("visible", True)
    show_labels = visible and spec.get("showticklabels", True)
    axes.tick_params(
        axis=which,
        length=3 if visible and spec.get("ticks") != "" else 0,
        width=0.6,
        labelsize=11.5 * PT_PER_PX,
        **{"labelbottom" if which == "x" else "labelleft": show_labels},
    )
    if spec.get("showgrid", True) and visible:
        axes.grid(True, axis=which, color="0.88", linewidth=0.5)
    title = spec.get("title", {}).get("text", "")
    if title:
        (axes.set_xlabel if which == "x" else axes.set_ylabel)(plain(title))
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if not (visible and spec.get("showline", True)):
        axes.spines["bottom" if which == "x" else "left"].set_visible(False)


def _months_apart(spec: Mapping[str, Any], room: int) -> int:
    """Months between date labels, so that at most ``room`` of them lie on the axis."""
    first, last = (datetime.fromisoformat(value) for value in spec["range"])
    months = (last - first).days / 30.44
    return next((step for step in (1, 2, 3, 6) if months / step <= room), 12)


def _month(value: float, place: int | None) -> str:
    """Month, and the year below it at the first tick and in January."""
    day = mdates.num2date(value)
    return str(day.strftime("%b\n%Y" if place == 0 or day.month == 1 else "%b"))


def _position(
    canvas: MplFigure,
    panels: Mapping[tuple[str, str], _Panel],
    frame: tuple[float, float, float, float],
    x: Any,
    y: Any,
    xref: str,
    yref: str,
) -> tuple[float, float]:
    """A position in any of Plotly's references, as fractions of the picture."""
    results = []
    for which, value, reference in (("x", x, xref), ("y", y, yref)):
        index = 0 if which == "x" else 1
        if reference == "paper":
            results.append(frame[index] + float(value) * frame[index + 2])
            continue
        name, _, is_domain = reference.partition(" ")
        panel = next(p for key, p in panels.items() if key[index] == name)
        if is_domain:
            box = panel.axes.get_position()
            low, extent = ((box.x0, box.width), (box.y0, box.height))[index]
            results.append(low + float(value) * extent)
            continue
        spec = panel.xaxis if which == "x" else panel.yaxis
        corner = [panel.axes.get_xlim()[0], panel.axes.get_ylim()[0]]
        corner[index] = point(value, spec)
        at = canvas.transFigure.inverted().transform(panel.axes.transData.transform(corner))
        results.append(float(at[index]))
    return results[0], results[1]


def _shape(
    canvas: MplFigure,
    panels: Mapping[tuple[str, str], _Panel],
    frame: tuple[float, float, float, float],
    shape: Mapping[str, Any],
) -> None:
    refs = (shape.get("xref", "x"), shape.get("yref", "y"))
    x0, y0 = _position(canvas, panels, frame, shape["x0"], shape["y0"], *refs)
    x1, y1 = _position(canvas, panels, frame, shape["x1"], shape["y1"], *refs)
    line = shape.get("line", {})
    style = {"dot": ":", "dash": "--", "dashdot": "-."}.get(line.get("dash", ""), "-")
    low = shape.get("layer") == "below"
    common = {
        "transform": canvas.transFigure,
        "linewidth": line.get("width", 1) * PT_PER_PX,
        "linestyle": style,
        "zorder": 0.5 if low else 3,
    }
    color = rgba(line.get("color", "black"))
    if shape["type"] == "line":
        canvas.add_artist(mpl.lines.Line2D([x0, x1], [y0, y1], color=color, **common))
        return
    face = rgba(shape.get("fillcolor", "rgba(0,0,0,0)"))
    edge = color if line.get("width", 1) else (0, 0, 0, 0)
    item: mpl.patches.Patch
    if shape["type"] == "rect":
        item = mpl.patches.Rectangle((x0, y0), x1 - x0, y1 - y0, fc=face, ec=edge, **common)
    else:
        centre = ((x0 + x1) / 2, (y0 + y1) / 2)
        item = mpl.patches.Ellipse(centre, x1 - x0, y1 - y0, fc=face, ec=edge, **common)
    canvas.add_artist(item)


def _image(panels: Mapping[tuple[str, str], _Panel], picture: Mapping[str, Any]) -> None:
    """A picture that a figure carries as a data URI, at data coordinates of its axes."""
    import base64

    panel = next(p for key, p in panels.items() if key[0] == picture["xref"])
    raw = base64.b64decode(picture["source"].partition(",")[2])
    pixels = mpl.image.imread(io.BytesIO(raw), format="png")
    x, y = float(picture["x"]), float(picture["y"])
    extent = (x, x + picture["sizex"], y - picture["sizey"], y)
    limits = (panel.axes.get_xlim(), panel.axes.get_ylim())
    panel.axes.imshow(
        pixels,
        extent=extent,
        origin="upper",
        cmap="gray",
        aspect="auto",
        zorder=0,
        interpolation="nearest",
    )
    panel.axes.set_xlim(*limits[0])
    panel.axes.set_ylim(*limits[1])


def _annotation(
    canvas: MplFigure,
    panels: Mapping[tuple[str, str], _Panel],
    frame: tuple[float, float, float, float],
    text: Mapping[str, Any],
    size: tuple[int, int],
) -> None:
    x, y = _position(canvas, panels, frame, text["x"], text["y"], text["xref"], text["yref"])
    font = text.get("font", {})
    canvas.text(
        x + text.get("xshift", 0) / size[0],
        y + text.get("yshift", 0) / size[1],
        plain(text["text"]),
        ha={"auto": "center"}.get(text.get("xanchor", "center"), text.get("xanchor", "center")),
        va={"middle": "center"}.get(text.get("yanchor", "middle"), text.get("yanchor", "middle")),
        rotation=-text.get("textangle", 0),
        fontsize=font.get("size", 12) * PT_PER_PX,
        color=rgba(font.get("color", "#1d1d1f")),
        fontweight="bold" if font.get("weight", 400) >= 700 or "<b>" in text["text"] else "normal",
    )


def _legend(
    canvas: MplFigure,
    data: Sequence[Mapping[str, Any]],
    layout: Mapping[str, Any],
) -> None:
    """The legend under the plot, as the page's script places it."""
    if layout.get("showlegend") is False:
        return
    named = [trace for trace in data if trace.get("name") and trace.get("showlegend", True)]
    handles = [legend_handle(trace) for trace in named]
    labels = [plain(trace["name"]) for trace in named]
    if not handles:
        return
    columns = max(1, min(len(handles), int(canvas.get_figwidth() * DPI // 150)))
    canvas.legend(
        handles,
        labels,
        loc="lower center",
        ncols=columns,
        frameon=False,
        fontsize=11.5 * PT_PER_PX,
        columnspacing=1.4,
        handletextpad=0.4,
    )

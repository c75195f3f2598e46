"""The still picture of a figure, drawn by matplotlib from the dict that Plotly draws.

One definition, two renderings: whoever prints the page, has no JavaScript, or waits for it, sees
the same data. What is supported is what the report's figures use (scatter, bar, heatmap; shapes,
annotations, images); anything else is refused, so that a new kind of figure cannot lose its picture.
"""

import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import matplotlib as mpl
from matplotlib import dates as mdates
from matplotlib.axes import Axes
from matplotlib.figure import Figure as MplFigure

from pipeline.report.figures.base import (
    DAY_MS,
    NARROW_PX,
    WIDE_PX,
    Figure,
    height,
    merged,
    resolve,
)
from pipeline.report.figures.static_compact import compact_svg
from pipeline.report.figures.static_marks import MARKS, PT_PER_PX, coordinates, legend_handle, plain
from pipeline.report.figures.static_overlays import (
    Frame,
    Panel,
    Panels,
    draw_annotation,
    draw_image,
    draw_shape,
)
from pipeline.report.figures.static_places import places
from pipeline.report.text import MINUS

DPI = 100  # only a scale here: the picture is a vector graphic, 1 px = 1 CSS pixel
MARGIN = {"l": 60, "r": 12, "t": 12, "b": 46}
FONT_PX = 12.5
_TRIMMED = re.compile(r"\+\.(\d)~f")
SIGN_PX, LETTER_PX = 42, 7  # of a legend's entry
EDGE_PX = 4  # free beside the outermost label
DATE_PX = 50  # width of one date label

STYLE: Mapping[str, Any] = {
    "svg.fonttype": "none",  # text stays text: a third of the bytes, and the reader's own font
    "svg.hashsalt": "report",  # stable ids: same inputs, same bytes
    "svg.id": None,
    "font.family": "DejaVu Sans",  # comes with matplotlib; the browser falls back to sans-serif
    "font.size": FONT_PX * PT_PER_PX,
    "axes.linewidth": 0.6,
    "axes.axisbelow": True,
    "axes.formatter.use_mathtext": False,
    "text.parse_math": False,  # a dollar sign in a name is a dollar sign
    "axes.unicode_minus": True,
    "path.simplify": True,
}


@dataclass(frozen=True)
class Picture:
    """A still picture and where values lie in it."""

    svg: bytes
    places: Mapping[str, list[Any]]  # see ``static_places.places``


def static_svg(figure: Figure, narrow: bool = False) -> bytes:
    """The figure as SVG, in light colours on white, for a desktop's or a phone's column."""
    return static_picture(figure, narrow).svg


def static_picture(figure: Figure, narrow: bool = False) -> Picture:
    """The same with the places of its axes."""
    layout = merged(figure.layout, figure.narrow) if narrow else figure.layout
    size = (NARROW_PX if narrow else WIDE_PX, height(figure, narrow))
    with mpl.rc_context({key: value for key, value in STYLE.items() if key in mpl.rcParams}):
        data = [merged(trace, figure.narrow_trace) if narrow else trace for trace in figure.data]
        canvas, panels = draw(resolve(data), resolve(layout), size)
        buffer = io.BytesIO()
        canvas.savefig(buffer, format="svg", facecolor="white", metadata={"Date": None})
    return Picture(compact_svg(buffer.getvalue()), places(panels, size))


def draw(
    data: Sequence[Mapping[str, Any]], layout: Mapping[str, Any], size: tuple[int, int]
) -> tuple[MplFigure, Panels]:
    """The drawn picture and its panels, from traces and layout without colour tokens.

    Parameters
    ----------
    size : (int, int)
        Width and height [px].
    """
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
    frame = _make_room(panels.values(), frame, size)
    for panel in panels.values():
        panel.axes.apply_aspect()  # now: what is drawn over the axes asks where they are
    for shape in layout.get("shapes", ()):
        draw_shape(canvas, panels, frame, shape)
    for picture in layout.get("images", ()):
        draw_image(panels, picture)
    for text in layout.get("annotations", ()):
        draw_annotation(canvas, panels, frame, text, size)
    _legend(canvas, data, layout)
    return canvas, panels


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


def _make_room(panels: Iterable[Panel], frame: Frame, size: tuple[int, int]) -> Frame:
    """Push the plotting area to the right if labels would be cut, as Plotly's automargin does."""
    boxes = [panel.axes.get_tightbbox() for panel in panels]
    lack_px = EDGE_PX - min((box.x0 for box in boxes if box is not None), default=EDGE_PX)
    if lack_px <= 0:
        return frame
    left, bottom, width, tall = frame
    new_left = left + lack_px / size[0]
    new_width = width - lack_px / size[0]
    for panel in panels:
        box = panel.axes.get_position(original=True)
        x0 = new_left + (box.x0 - left) * new_width / width
        panel.axes.set_position((x0, box.y0, box.width * new_width / width, box.height))
    return new_left, bottom, new_width, tall


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
) -> dict[tuple[str, str], Panel]:
    panels: dict[tuple[str, str], Panel] = {}
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
        panels[key] = Panel(axes, xaxis, yaxis)
    _share_later_masters(panels)
    return panels


def _share_later_masters(panels: dict[tuple[str, str], Panel]) -> None:
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
    if spec.get("type") == "date" and isinstance(spec.get("dtick"), int):  # from 1970, as in Plotly
        axis.set_major_locator(mpl.ticker.MultipleLocator(spec["dtick"] / DAY_MS))
        axis.set_major_formatter(mpl.ticker.FuncFormatter(_day))
    elif spec.get("type") == "date":
        width_px = axes.get_window_extent().width
        most = max(1, int(width_px // DATE_PX))  # labels
        axis.set_major_locator(mdates.MonthLocator(interval=_months_apart(spec, most)))
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
    if "nticks" in spec and spec.get("type") not in ("log", "date", "category"):
        axis.set_major_locator(mpl.ticker.MaxNLocator(spec["nticks"] - 1, steps=[1, 2, 5, 10]))
    if trimmed := _TRIMMED.fullmatch(spec.get("tickformat", "")):
        axis.set_major_formatter(mpl.ticker.FuncFormatter(_trimmed(int(trimmed[1]))))
    if spec.get("zeroline"):
        line = axes.axvline if which == "x" else axes.axhline
        line(0, color="0.42", linewidth=0.7, zorder=1)
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


def _trimmed(digits: int) -> Callable[[float, int | None], str]:
    """Signed tick labels without trailing zeros, as Plotly's "+.2~f"."""

    def label(value: float, _: int | None) -> str:
        text = f"{value:+.{digits}f}".rstrip("0").rstrip(".")
        return ("0" if text in ("+0", "-0", "+", "-") else text).replace("-", MINUS)

    return label


def _months_apart(spec: Mapping[str, Any], most: int) -> int:
    """Months between date labels, so that at most ``most`` of them lie on the axis."""
    first, last = (datetime.fromisoformat(value) for value in spec["range"])
    months = (last - first).days / 30.44
    return next((step for step in (1, 2, 3, 6) if months / step <= most), 12)


def _month(value: float, place: int | None) -> str:
    """Month, and the year below it at the first tick and in January."""
    day = mdates.num2date(value)
    return str(day.strftime("%b\n%Y" if place == 0 or day.month == 1 else "%b"))


def _day(value: float, place: int | None) -> str:
    """Day and month, and the year below them at the first tick and at New Year."""
    day = mdates.num2date(value)
    first = place == 0 or (day.month, day.day) == (1, 1)
    return f"{day.day} {day:%b}" + (f"\n{day.year}" if first else "")


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
    widest = SIGN_PX + LETTER_PX * max(map(len, labels))
    columns = max(1, min(len(handles), int(canvas.get_figwidth() * DPI // widest)))
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

"""What lies over the axes of a still picture: shapes, pictures, annotations."""

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure as MplFigure

from pipeline.report.figures.static_marks import PT_PER_PX, plain, point, rgba


@dataclass(frozen=True)
class Panel:
    """One pair of Plotly axes and the matplotlib axes that stand for it."""

    axes: Axes
    xaxis: Mapping[str, Any]
    yaxis: Mapping[str, Any]


Panels = Mapping[tuple[str, str], Panel]
Frame = tuple[float, float, float, float]  # left, bottom, width, height of the plotting area


def _position(
    canvas: MplFigure,
    panels: Panels,
    frame: Frame,
    x: Any,
    y: Any,
    xref: str,
    yref: str,
    exponents: bool = True,
) -> tuple[float, float]:
    """A position in any of Plotly's references, as fractions of the picture.

    On a logarithmic axis annotations give the exponent of ten, shapes the value itself.
    """
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
        is_value = spec.get("type") == "log" and not exponents
        corner[index] = float(value) if is_value else point(value, spec)
        at = canvas.transFigure.inverted().transform(panel.axes.transData.transform(corner))
        results.append(float(at[index]))
    return results[0], results[1]


def draw_shape(
    canvas: MplFigure,
    panels: Panels,
    frame: Frame,
    shape: Mapping[str, Any],
) -> None:
    refs = (shape.get("xref", "x"), shape.get("yref", "y"))
    x0, y0 = _position(canvas, panels, frame, shape["x0"], shape["y0"], *refs, exponents=False)
    x1, y1 = _position(canvas, panels, frame, shape["x1"], shape["y1"], *refs, exponents=False)
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
    if "paper" not in refs and not any(ref.endswith("domain") for ref in refs):
        panel = next(p for key, p in panels.items() if key[0] == refs[0])
        item.set_clip_path(panel.axes.patch)


def draw_image(panels: Panels, picture: Mapping[str, Any]) -> None:
    """A picture that a figure carries as a data URI, at data coordinates of its axes."""
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
        aspect=panel.axes.get_aspect(),
        zorder=0,
        interpolation="none",  # its own pixels in the file, not those of this size
    )
    panel.axes.set_xlim(*limits[0])
    panel.axes.set_ylim(*limits[1])


def draw_annotation(
    canvas: MplFigure,
    panels: Panels,
    frame: Frame,
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
        bbox={"fc": rgba(text["bgcolor"]), "lw": 0, "pad": 1} if "bgcolor" in text else None,
        fontweight="bold" if font.get("weight", 400) >= 700 or "<b>" in text["text"] else "normal",
    )

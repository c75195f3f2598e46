"""Small pictures drawn straight into a page: points, lines and bars with two axes.

A page below the index shows several; matplotlib would take a tenth of a second for each. Colours are
classes of the style sheet, so that they follow the palette and print.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np
from markupsafe import Markup

from pipeline.report.figures.base import style_of
from pipeline.report.text import MINUS, fixed

LEFT, RIGHT, TOP, BOTTOM = 52, 8, 8, 34
HEAD_PX = 6  # of an arrow
MARK_PX = (72, 16)  # width and height of the word SIMULATED
N_TICKS = 4
STEPS = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True)
class PlotSeries:
    """Points of one kind; x and y have one entry each, NaN is left out."""

    x: np.ndarray
    y: np.ndarray
    kind: str = "a"  # class of the style sheet: a, b, or c, which is neither AO nor no AO
    mode: str = ""  # of an instrument mode: its hue, shape and filling instead of the kind
    line: bool = False  # joined, without points
    titles: Sequence[str] = ()  # what a pointer shows, one per point


@dataclass(frozen=True)
class Plot:
    """A small plot: what is drawn, how its axes are named, and what it says in words."""

    series: Sequence[PlotSeries]
    x_title: str
    y_title: str
    label: str  # the same in words
    width: int = 420
    height: int = 200
    x_ticks: Sequence[tuple[float, str]] = ()  # instead of round numbers
    y_range: tuple[float, float] | None = None
    zero: bool = False  # a line at y = 0
    simulated: bool = False
    arrows: Sequence[tuple[float, float, float, float]] = field(default=())  # x0, y0, x1, y1
    key: tuple[float, str] | None = None  # length of an arrow along x, and what it stands for


@dataclass(frozen=True)
class Drawing:
    """A small plot in a page, and the title that states what it shows."""

    svg: Markup
    title: str


def half_within(values: np.ndarray, what: str) -> str:
    """How far from zero half of the values [%] lie; ``what`` names them: "points"."""
    finite = values[np.isfinite(values)]
    return f"Half of the {what} lie within {fixed(float(np.median(np.abs(finite))), 2)} %"


def round_ticks(low: float, high: float, count: int = N_TICKS) -> list[float]:
    """Round numbers between two limits, about that many."""
    if not high > low:
        return [low]
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(one * power for one in STEPS if one * power >= raw)
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 12) for k in range(first, math.floor(high / step + 1e-9) + 1)]


def drawn(plot: Plot) -> Markup:
    """The plot as an SVG element; "" where no point has both coordinates."""
    finite = [np.isfinite(one.x) & np.isfinite(one.y) for one in plot.series]
    if not any(mask.any() for mask in finite):
        return Markup("")
    x = np.concatenate([one.x[mask] for one, mask in zip(plot.series, finite, strict=True)])
    y = np.concatenate([one.y[mask] for one, mask in zip(plot.series, finite, strict=True)])
    x_range, y_range = _span(x), plot.y_range or _span(y)
    scale = _Scale(plot, x_range, y_range)
    parts = [*_axes(plot, scale)]
    for x0, y0, x1, y1 in plot.arrows:
        ends = (float(end) for end in (scale.x(x0), scale.y(y0), scale.x(x1), scale.y(y1)))
        parts.append(_arrow(*ends))
    if plot.key:
        parts += _key(plot, scale)
    for one, mask in zip(plot.series, finite, strict=True):
        parts += _marks(one, mask, scale)
    if plot.simulated:
        parts.append(
            _watermark(plot, [(scale.x(a), scale.y(b)) for a, b in zip(x, y, strict=True)])
        )
    return Markup(
        f'<svg class="rp-small" viewBox="0 0 {plot.width} {plot.height}" role="img" '
        f'aria-label="{escape(plot.label)}">{"".join(parts)}</svg>'
    )


def _arrow(x0: float, y0: float, x1: float, y1: float) -> str:
    """A line with a head; a short one has a short head."""
    length = math.hypot(x1 - x0, y1 - y0)
    if length == 0:
        return ""
    ux, uy = (x1 - x0) / length, (y1 - y0) / length
    head = min(HEAD_PX, 0.6 * length)
    wings = [
        (x1 - head * (ux - side * 0.5 * uy), y1 - head * (uy + side * 0.5 * ux)) for side in (1, -1)
    ]
    (ax, ay), (bx, by) = wings
    return (
        f'<path class="rp-s-c" d="M{_short(x0)} {_short(y0)}L{_short(x1)} {_short(y1)}'
        f'M{_short(ax)} {_short(ay)}L{_short(x1)} {_short(y1)}L{_short(bx)} {_short(by)}"/>'
    )


def _key(plot: Plot, scale: "_Scale") -> list[str]:
    """An arrow of known length under the axes, with what it stands for."""
    assert plot.key is not None
    length, words = plot.key
    low = scale.x_range[0]
    wide = float(scale.x(low + length)) - float(scale.x(low))
    y = plot.height - 8
    return [
        _arrow(LEFT, y, LEFT + wide, y),
        f'<text x="{_short(LEFT + wide + 5)}" y="{y + 4}">{escape(words)}</text>',
    ]


class _Scale:
    """From values to places in the picture, rounded to tenths of a pixel."""

    def __init__(
        self, plot: Plot, x_range: tuple[float, float], y_range: tuple[float, float]
    ) -> None:
        self.x_range, self.y_range = x_range, y_range
        self._wide, self._tall = plot.width - LEFT - RIGHT, plot.height - TOP - BOTTOM

    def x(self, value: float) -> str:
        low, high = self.x_range
        return _short(LEFT + (value - low) / (high - low) * self._wide)

    def y(self, value: float) -> str:
        low, high = self.y_range
        share = min(max((value - low) / (high - low), 0.0), 1.0)
        return _short(TOP + (1 - share) * self._tall)


def _span(values: np.ndarray) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    pad = 0.06 * (high - low) or abs(high) * 0.05 or 1.0
    return low - pad, high + pad


def _watermark(plot: Plot, points: Sequence[tuple[str, str]]) -> str:
    """The word SIMULATED in the corner of the axes where it covers the fewest points."""
    right, bottom = plot.width - RIGHT, plot.height - BOTTOM
    wide, tall = MARK_PX

    def covered(corner: tuple[bool, bool]) -> int:
        left, low = corner
        x0, y0 = LEFT if left else right - wide, bottom - tall if low else TOP
        return sum(x0 <= float(x) <= x0 + wide and y0 <= float(y) <= y0 + tall for x, y in points)

    left, low = min(((False, False), (True, False), (False, True), (True, True)), key=covered)
    x, anchor = (LEFT + 4, "start") if left else (right, "end")
    y = bottom - 5 if low else TOP + 10
    return f'<text class="rp-s-sim" x="{x}" y="{y}" text-anchor="{anchor}">SIMULATED</text>'


def _short(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")


def _axes(plot: Plot, scale: _Scale) -> list[str]:
    bottom, right = plot.height - BOTTOM, plot.width - RIGHT
    parts = [f'<path class="rp-s-axis" d="M{LEFT} {TOP}V{bottom}H{right}"/>']
    if plot.zero and scale.y_range[0] < 0 < scale.y_range[1]:
        at = scale.y(0.0)
        parts.append(f'<path class="rp-s-zero" d="M{LEFT} {at}H{right}"/>')
    for value in round_ticks(*scale.y_range):
        parts.append(
            f'<text x="{LEFT - 5}" y="{scale.y(value)}" dy=".32em" text-anchor="end">'
            f"{_label(value)}</text>"
        )
    for value, text in plot.x_ticks or [(v, _label(v)) for v in round_ticks(*scale.x_range)]:
        parts.append(
            f'<text x="{scale.x(value)}" y="{bottom + 13}" text-anchor="middle">'
            f"{escape(text)}</text>"
        )
    middle = (LEFT + right) // 2
    parts.append(
        f'<text x="{middle}" y="{plot.height - 4}" text-anchor="middle">'
        f"{escape(plot.x_title)}</text>"
    )
    halfway = (TOP + bottom) // 2
    parts.append(
        f'<text transform="translate(11 {halfway}) rotate(-90)" text-anchor="middle">'
        f"{escape(plot.y_title)}</text>"
    )
    return parts


def _label(value: float) -> str:
    return f"{value:g}".replace("-", MINUS)


def _marks(one: PlotSeries, mask: np.ndarray, scale: _Scale) -> list[str]:
    if one.line:
        path, pen = [], False
        for x, y, good in zip(one.x, one.y, mask, strict=True):
            if good:
                path.append(f"{'L' if pen else 'M'}{scale.x(x)} {scale.y(y)}")
            pen = bool(good)
        return [f'<path class="rp-s-{one.kind}" d="{"".join(path)}"/>']
    marks = []
    for index in np.flatnonzero(mask).tolist():
        title = f"<title>{escape(one.titles[index])}</title>" if len(one.titles) else ""
        marks.append(
            _mark(scale.x(one.x[index]), scale.y(one.y[index]), 2.6, one.kind, one.mode, title)
        )
    return marks


def _mark(x: str, y: str, r: float, kind: str, mode: str = "", title: str = "") -> str:
    """A point; one of a mode as in all figures: hue and shape tell AO, filled or open the range."""
    name = "circle"
    if mode:
        style = style_of(mode)
        name = "circle" if style.symbol.startswith("circle") else "rect"
        kind = ("a" if style.color == "@blue" else "b") + (
            " rp-s-open" if style.symbol.endswith("-open") else ""
        )
    half = 0.88 * r  # a square of the same area as the circle
    turned = f' transform="rotate(45 {x} {y})"' if mode.startswith("NFM") else ""
    place = (
        f'cx="{x}" cy="{y}" r="{r:g}"'
        if name == "circle"
        else f'x="{_short(float(x) - half)}" y="{_short(float(y) - half)}" '
        f'width="{2 * half:.1f}" height="{2 * half:.1f}"{turned}'
    )
    return f'<{name} class="rp-s-{kind}" {place}' + (f">{title}</{name}>" if title else "/>")


def bars(values: np.ndarray, limit: float, label: str) -> Markup:
    """A bar for each value from a line at zero; what is beyond the limit is cut and marked as such."""
    wide, tall = 200, 44
    step = wide / max(len(values), 1)
    parts = [f'<path class="rp-s-zero" d="M0 {tall / 2:g}H{wide}"/>']
    for index, value in enumerate(values.tolist()):
        if math.isfinite(value):
            high = tall / 2 * min(abs(value) / limit, 1.0)
            y = tall / 2 - (high if value > 0 else 0)
            kind = "rp-s-far" if abs(value) > limit else "rp-s-c"
            parts.append(
                f'<rect class="{kind}" x="{_short((index + 0.2) * step)}" y="{_short(y)}" '
                f'width="{_short(0.6 * step)}" height="{_short(max(high, 0.5))}"/>'
            )
    return Markup(
        f'<svg class="rp-spark" viewBox="0 0 {wide} {tall}" role="img" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )


def sparkline(values: np.ndarray, label: str, modes: Sequence[str] = ()) -> Markup:
    """A line of points without axes, zero marked; a point far outside stands at the edge.

    Parameters
    ----------
    values : ndarray, shape (exposure,)
        In the order of time; NaN is left out.
    modes : sequence of str
        Instrument mode of each value; left out, the points are of no mode.
    """
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return Markup("")
    middle = float(np.median(finite))
    spread = 1.4826 * float(np.median(np.abs(finite - middle))) or float(np.ptp(finite)) or 1.0
    half = min(4 * spread, max(float(np.abs(finite - middle).max()), 1e-9))
    wide, tall = 200, 44
    step = (wide - 8) / max(len(values) - 1, 1)
    dots: list[str] = []
    filled: dict[str, list[str]] = {}  # as one line with caps each: a fifth of the bytes of circles
    for index, value in enumerate(values.tolist()):
        if math.isfinite(value):
            share = min(max((value - middle) / half, -1.0), 1.0)
            beyond = abs(value - middle) > half
            mode = modes[index] if modes and not beyond else ""
            x, y = _short(4 + index * step), _short(tall / 2 * (1 - 0.86 * share))
            kind = _filled(mode)
            if beyond or not kind:
                dots.append(_mark(x, y, 1.7, "out" if beyond else "c", mode))
            else:
                filled.setdefault(kind, []).append(f"M{x} {y}h0")
    return Markup(
        f'<svg class="rp-spark" viewBox="0 0 {wide} {tall}" role="img" '
        f'aria-label="{escape(label)}"><path class="rp-s-zero" d="M0 {tall / 2:g}H{wide}"/>'
        + "".join(
            f'<path class="rp-s-dots rp-s-{kind}" d="{"".join(points)}"/>'
            for kind, points in filled.items()
        )
        + f"{''.join(dots)}</svg>"
    )


def _filled(mode: str) -> str:
    """Class of a filled mark of a mode, or of none; "" for an open one."""
    if not mode:
        return "c"
    style = style_of(mode)
    if style.symbol.endswith("-open"):
        return ""
    return "a" if style.color == "@blue" else "b"

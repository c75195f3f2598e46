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

from pipeline.report.text import MINUS

LEFT, RIGHT, TOP, BOTTOM = 52, 8, 8, 34
MARK_PX = (72, 16)  # width and height of the word SIMULATED
N_TICKS = 4
STEPS = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True)
class PlotSeries:
    """Points of one kind; x and y have one entry each, NaN is left out."""

    x: np.ndarray
    y: np.ndarray
    kind: str = "a"  # class of the style sheet: a, b, c, ...
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
    segments: Sequence[tuple[float, float, float, float]] = field(default=())  # x0, y0, x1, y1


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
    for x0, y0, x1, y1 in plot.segments:
        parts.append(
            f'<line class="rp-s-a" x1="{scale.x(x0)}" y1="{scale.y(y0)}" '
            f'x2="{scale.x(x1)}" y2="{scale.y(y1)}"/>'
        )
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
        x, y = scale.x(one.x[index]), scale.y(one.y[index])
        body = f'<circle class="rp-s-{one.kind}" cx="{x}" cy="{y}" r="2.6"'
        marks.append(f"{body}>{title}</circle>" if title else f"{body}/>")
    return marks


def sparkline(values: np.ndarray, label: str) -> Markup:
    """A line of points without axes, zero marked; a point far outside stands at the edge.

    Parameters
    ----------
    values : ndarray, shape (exposure,)
        In the order of time; NaN is left out.
    """
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return Markup("")
    middle = float(np.median(finite))
    spread = 1.4826 * float(np.median(np.abs(finite - middle))) or float(np.ptp(finite)) or 1.0
    half = min(4 * spread, max(float(np.abs(finite - middle).max()), 1e-9))
    wide, tall = 200, 44
    step = (wide - 8) / max(len(values) - 1, 1)
    dots = []
    for index, value in enumerate(values.tolist()):
        if math.isfinite(value):
            share = min(max((value - middle) / half, -1.0), 1.0)
            beyond = abs(value - middle) > half
            dots.append(
                f'<circle class="rp-s-{"out" if beyond else "a"}" cx="{_short(4 + index * step)}" '
                f'cy="{_short(tall / 2 * (1 - 0.86 * share))}" r="1.7"/>'
            )
    return Markup(
        f'<svg class="rp-spark" viewBox="0 0 {wide} {tall}" role="img" '
        f'aria-label="{escape(label)}"><path class="rp-s-zero" d="M0 {tall / 2:g}H{wide}"/>'
        f"{''.join(dots)}</svg>"
    )

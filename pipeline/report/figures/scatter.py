"""Scatter of every pair against the signal-to-noise ratio of its stars."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.report.figures.base import (
    Figure,
    Layout,
    Trace,
    axis,
    note,
    rounded,
    stamped,
    to_json_list,
)
from pipeline.report.text import fixed, plot_text

N_CURVE = 60  # points of a curve
HEIGHT_PX, NARROW_HEIGHT_PX = 430, 330  # so that the first screen holds it with the answer
CROWDED = 0.055  # of the axis: two names of lines that are closer would touch


@dataclass(frozen=True)
class ScatterPoints:
    """Points of one kind; every array has one entry per pair."""

    name: str
    snr: np.ndarray
    std: np.ndarray
    std_err: np.ndarray  # NaN where none is stated
    label: Sequence[str]  # what a pointer shows
    symbol: str
    color: str

    @property
    def drawable(self) -> np.ndarray:
        """(pair,) bool: both numbers are positive, so that logarithmic axes have a place."""
        with np.errstate(invalid="ignore"):
            good: np.ndarray = (self.snr > 0) & (self.std > 0)
        return np.asarray(good & np.isfinite(self.snr) & np.isfinite(self.std))


@dataclass(frozen=True)
class Level:
    """What earlier work gives, as a labelled line."""

    label: str
    per_cent: float


@dataclass(frozen=True)
class StabilityFloor:
    """The stability floor: scatter of two noiseless stars, with its 95 % interval."""

    value: float
    low: float
    high: float
    label: str


def scatter_figure(
    kinds: Sequence[ScatterPoints],
    headline: Sequence[tuple[str, float, float]],
    floor: StabilityFloor | None,
    *,
    choice: tuple[str, float],
    figure_id: str,
    title: str,
    caption: str,
    simulated: bool,
    tables: tuple[str, ...],
    levels: Sequence[Level] = (),
) -> Figure:
    """Standard deviation in per cent against the SNR of the ratio, on logarithmic axes.

    Parameters
    ----------
    kinds : sequence of ScatterPoints
        Drawn in that order.
    headline : sequence of (label, snr, std)
        Pairs that are named in the figure.
    floor : StabilityFloor or None
        A line with its band.
    choice : (str, float)
        Passband and aperture radius [pix].
    levels : sequence of Level
        Drawn as dotted lines with their names where they lie within the axis.
    """
    x_range, y_range = _ranges(kinds)
    data = [_points(kind) for kind in kinds if len(kind.snr)]
    data.append(_photon_line(x_range, y_range))
    layout = _layout(choice, x_range, y_range)
    if headline:
        data.append(_headline(headline))
    if floor:
        data.append(_floor_curve(floor, x_range))
        layout["shapes"] += _floor_shapes(floor)
        layout["annotations"].append(
            _name_of_line(plot_text(floor.label), 100 * floor.value, above=False, colour="@blue")
        )
    for shape, label in _level_lines(levels, y_range):
        layout["shapes"].append(shape)
        layout["annotations"] += [label] if label else []
    return Figure(
        figure_id,
        title,
        caption,
        f"Scatter plot on logarithmic axes. {caption}",
        data,
        stamped(layout, simulated),
        simulated,
        narrow={
            "height": NARROW_HEIGHT_PX,
            "margin": {"l": 50, "r": 8, "t": 24, "b": 50},
            "xaxis": {"title": {"text": "SNR of the ratio"}},
        },
        tables=tables,
    )


def _ranges(kinds: Sequence[ScatterPoints]) -> tuple[list[float], list[float]]:
    """Logarithms of the ends of both axes; the lower one shows photon noise at the bright end."""
    snr = np.concatenate([kind.snr for kind in kinds])
    std = np.concatenate([kind.std for kind in kinds])
    good = np.concatenate([kind.drawable for kind in kinds])
    x_range = [float(np.log10(snr[good].min())) - 0.08, float(np.log10(snr[good].max())) + 0.12]
    # low enough to show photon noise at the faint end, which makes its distance plain
    lows = [std[good].min(), 1 / snr[good].max()]
    y_range = [
        float(np.log10(100 * min(lows))) - 0.1,
        float(np.log10(100 * std[good].max())) + 0.12,
    ]
    return x_range, y_range


def _layout(
    choice: tuple[str, float], x_range: Sequence[float], y_range: Sequence[float]
) -> Layout:
    return {
        "height": HEIGHT_PX,
        "margin": {"l": 58, "r": 14, "t": 24, "b": 52},
        "hovermode": "closest",
        "showlegend": False,
        "xaxis": axis(
            f"SNR of the ratio, {choice[0]}, r = {choice[1]:g} px",
            type="log",
            range=[round(v, 4) for v in x_range],
            **ticks(x_range),
        ),
        "yaxis": axis(
            "1 σ scatter of the ratio [%]",
            type="log",
            range=[round(v, 4) for v in y_range],
            **ticks(y_range),
        ),
        "annotations": [_photon_name(x_range, y_range)],
        "shapes": [],
    }


def _name_of_line(
    text: str, per_cent: float, *, above: bool = True, colour: str = "@muted"
) -> Layout:
    """The name of a horizontal line, at its left end, above or below it; ``text`` is a Plotly label."""
    return note(
        text,
        0.005,
        float(np.log10(per_cent)),
        yref="y",
        xanchor="left",
        yanchor="bottom" if above else "top",
        yshift=2 if above else -2,
        font={"size": 12, "color": colour},
        bgcolor="@label",
    )


def _level_lines(levels: Sequence[Level], y_range: Sequence[float]) -> list[tuple[Layout, Layout]]:
    """Lines of earlier work within the axis, each with its name.

    Names of lines that lie close together stand as one over the uppermost; where the next name would
    touch it, it stands below its line.
    """
    across = y_range[1] - y_range[0]
    groups: list[list[Level]] = []
    for one in sorted(levels, key=lambda level: -level.per_cent):
        if not y_range[0] < np.log10(one.per_cent) < y_range[1]:
            continue
        if groups and np.log10(groups[-1][-1].per_cent / one.per_cent) < CROWDED * across:
            groups[-1].append(one)
        else:
            groups.append([one])
    lines = []
    before = np.inf
    for group in groups:
        above = np.log10(before / group[0].per_cent) > 2 * CROWDED * across
        before = group[-1].per_cent
        name = "<br>".join(f"{plot_text(one.label)} {fixed(one.per_cent, 1)} %" for one in group)
        at = group[0].per_cent if above else group[-1].per_cent
        label = _name_of_line(name, at, above=bool(above))
        lines += [(_level_shape(one), label if one is group[0] else {}) for one in group]
    return lines


def _level_shape(level: Level) -> Layout:
    per_cent = rounded(level.per_cent, 4)
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "yref": "y",
        "y0": per_cent,
        "y1": per_cent,
        "line": {"color": "@muted", "width": 1, "dash": "dot"},
        "layer": "below",
    }


def _photon_name(x_range: Sequence[float], y_range: Sequence[float]) -> Layout:
    """The name of the photon limit, beside the middle of its stretch within the frame."""
    low = max(x_range[0], 2 - y_range[1])
    high = min(x_range[1], 2 - y_range[0])
    at = low + 0.42 * (high - low)
    return note(
        "photon noise",
        round(at, 4),
        round(2 - at, 4),
        xref="x",
        yref="y",
        xanchor="right",
        yanchor="top",
        xshift=-4,
        font={"size": 12, "color": "@muted"},
    )


def _points(kind: ScatterPoints) -> Trace:
    trace: Trace = {
        "type": "scatter",
        "mode": "markers",
        "name": kind.name,
        "x": to_json_list(kind.snr, 4),
        "y": to_json_list(100 * kind.std, 4),
        "marker": {"symbol": kind.symbol, "color": kind.color, "size": 7, "opacity": 0.8},
        "customdata": [
            [plot_text(label), fixed(100 * float(err), 2) if np.isfinite(err) else ""]
            for label, err in zip(kind.label, kind.std_err, strict=True)
        ],
        "hovertemplate": "<b>%{customdata[0]}</b><br>SNR %{x:.4g}<br>σ = %{y:.2f} "
        "± %{customdata[1]} %<extra></extra>",
    }
    if not np.isfinite(kind.std_err).any():
        trace["hovertemplate"] = trace["hovertemplate"].replace(" ± %{customdata[1]}", "")
    return trace


def _photon_line(x_range: Sequence[float], y_range: Sequence[float]) -> Trace:
    """Photon noise, 1 / SNR of the ratio, within the frame: the least that a pair can scatter by."""
    ends = max(x_range[0], 2 - y_range[1]), min(x_range[1], 2 - y_range[0])
    snr = np.geomspace(10.0 ** ends[0], 10.0 ** ends[1], N_CURVE)
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "photon noise, 1 / SNR",
        "x": to_json_list(snr, 4),
        "y": to_json_list(100 / snr, 4),
        "line": {"color": "@muted", "width": 1.5, "dash": "dash"},
        "hoverinfo": "skip",
    }


def _floor_curve(floor: StabilityFloor, x_range: Sequence[float]) -> Trace:
    snr = np.geomspace(10.0 ** x_range[0], 10.0 ** x_range[1], N_CURVE)
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "floor and photon noise",
        "x": to_json_list(snr, 4),
        "y": to_json_list(100 * np.hypot(floor.value, 1 / snr), 4),
        "line": {"color": "@fg", "width": 1.5},
        "hoverinfo": "skip",
    }


def _headline(headline: Sequence[tuple[str, float, float]]) -> Trace:
    return {
        "type": "scatter",
        "mode": "markers+text",
        "name": "headline pairs",
        "x": [rounded(snr, 4) for _, snr, _ in headline],
        "y": [rounded(100 * std, 4) for _, _, std in headline],
        "text": [label for label, _, _ in headline],
        "textposition": ["top center", "bottom center", "middle left", "middle right"][
            : len(headline)
        ]
        if len(headline) <= 4
        else "top center",
        "textfont": {"size": 12},
        "marker": {"symbol": "diamond", "color": "@red", "size": 12, "line": {"width": 1}},
        "hovertemplate": "<b>%{text}</b><br>SNR %{x:.4g}<br>σ = %{y:.2f} %<extra></extra>",
    }


def _floor_shapes(floor: StabilityFloor) -> list[Layout]:
    across = {"xref": "paper", "x0": 0, "x1": 1, "yref": "y"}
    value, low, high = (rounded(100 * one, 5) for one in (floor.value, floor.low, floor.high))
    return [
        {
            "type": "rect",
            **across,
            "y0": low,
            "y1": high,
            "fillcolor": "@band",
            "line": {"width": 0},
            "layer": "below",
        },
        {
            "type": "line",
            **across,
            "y0": value,
            "y1": value,
            "line": {"color": "@bandline", "width": 2},
        },
    ]


def ticks(span: Sequence[float]) -> Layout:
    """1, 2, 5 per decade, printed as plain numbers."""
    values = [
        step * 10.0**power
        for power in range(int(np.floor(span[0])) - 1, int(np.ceil(span[1])) + 1)
        for step in (1, 2, 5)
    ]
    inside = [rounded(v, 3) for v in values if span[0] <= np.log10(v) <= span[1]]
    return {"tickvals": inside, "ticktext": [f"{value:g}" for value in inside]}

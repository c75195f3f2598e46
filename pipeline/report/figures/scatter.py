"""Scatter of every pair against the signal-to-noise ratio of its stars."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.report.figures.base import (
    NARROW_PX,
    WIDE_PX,
    Figure,
    Layout,
    Trace,
    axis,
    note,
    rounded,
    stamped,
    to_json_list,
)
from pipeline.report.figures.label_places import spread, text_positions
from pipeline.report.text import fixed, plot_text

N_CURVE = 60  # points of a curve
HEIGHT_PX, NARROW_HEIGHT_PX = 430, 330  # so that the first screen holds it with the answer
# margins: the right one holds the names of the lines, beside them, where no point lies
WIDE_MARGIN: Layout = {"l": 58, "r": 152, "t": 14, "b": 52}
NARROW_MARGIN: Layout = {"l": 46, "r": 104, "t": 14, "b": 50}
LINE_PX = 15  # height of a name


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
    x_range, y_range = _ranges(kinds, headline)
    data = [_points(kind) for kind in kinds if len(kind.snr)]
    data.append(_photon_line(x_range, y_range))
    layout = _layout(choice, x_range, y_range)
    if headline:
        data.append(_headline(headline, _positions(kinds, headline, x_range, y_range)))
    if floor:
        data.append(_floor_curve(floor, x_range))
        layout["shapes"] += _floor_shapes(floor)
    shown = [one for one in levels if y_range[0] < np.log10(one.per_cent) < y_range[1]]
    layout["shapes"] += [_level_shape(one) for one in shown]
    names, narrow_names = _names_of_lines(shown, floor, y_range)
    n_before = len(layout["annotations"])
    layout["annotations"] += names
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
            "margin": NARROW_MARGIN,
            "xaxis": {"title": {"text": "SNR of the ratio"}},
            "annotations": {str(n_before + k): one for k, one in enumerate(narrow_names)},
        },
        tables=tables,
    )


def _ranges(
    kinds: Sequence[ScatterPoints], headline: Sequence[tuple[str, float, float]]
) -> tuple[list[float], list[float]]:
    """Logarithms of the ends of both axes; the lower one shows photon noise at the bright end."""
    drawn = [kind.drawable for kind in kinds]
    snr = np.concatenate([kind.snr[good] for kind, good in zip(kinds, drawn, strict=True)])
    std = np.concatenate([kind.std[good] for kind, good in zip(kinds, drawn, strict=True)])
    snr = np.append(snr, [one[1] for one in headline])
    std = np.append(std, [one[2] for one in headline])
    x_range = [float(np.log10(snr.min())) - 0.08, float(np.log10(snr.max())) + 0.12]
    # low enough to show photon noise at the faint end, which makes its distance plain
    lows = [std.min(), 1 / snr.max()]
    y_range = [
        float(np.log10(100 * min(lows))) - 0.1,
        float(np.log10(100 * std.max())) + 0.12,
    ]
    return x_range, y_range


def _layout(
    choice: tuple[str, float], x_range: Sequence[float], y_range: Sequence[float]
) -> Layout:
    return {
        "height": HEIGHT_PX,
        "margin": WIDE_MARGIN,
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


def _names_of_lines(
    levels: Sequence[Level], floor: StabilityFloor | None, y_range: Sequence[float]
) -> tuple[list[Layout], list[Layout]]:
    """Names of the lines at their right end, moved apart where they would touch; and for a phone.

    On a phone the publications go without their years.
    """
    lines = [(one.label, fixed(one.per_cent, 1), one.per_cent, "@muted") for one in levels]
    if floor:
        lines.append((floor.label, "", 100 * floor.value, "@blue"))
    moved = [_shifts([one[2] for one in lines], y_range, tall) for tall in _talls()]
    names, narrow = [], []
    for k, (label, value, per_cent, colour) in enumerate(lines):
        said = f" {value} %" if value else ""
        names.append(
            note(
                plot_text(label + said),
                1,
                float(np.log10(per_cent)),
                yref="y",
                xanchor="left",
                yanchor="middle",
                xshift=5,
                yshift=moved[0][k],
                font={"size": 12, "color": colour},
            )
        )
        short = label.rpartition(" ")[0] if value else label
        narrow.append(
            {"text": plot_text(short + said), "yshift": moved[1][k], "font": {"size": 11}}
        )
    return names, narrow


def _talls() -> tuple[int, int]:
    """Height of the plotting area [pix] on a desktop and on a phone."""
    return (
        HEIGHT_PX - WIDE_MARGIN["t"] - WIDE_MARGIN["b"],
        NARROW_HEIGHT_PX - NARROW_MARGIN["t"] - NARROW_MARGIN["b"],
    )


def _shifts(per_cent: Sequence[float], y_range: Sequence[float], tall: float) -> list[float]:
    """By how much the name of each line is moved up [pix]."""
    up = tall * (np.log10(np.array(per_cent, float)) - y_range[0]) / (y_range[1] - y_range[0])
    return [round(to - at, 1) for to, at in zip(spread(up.tolist(), LINE_PX), up, strict=True)]


def _positions(
    kinds: Sequence[ScatterPoints],
    headline: Sequence[tuple[str, float, float]],
    x_range: Sequence[float],
    y_range: Sequence[float],
) -> list[str]:
    """Where the name of each headline pair stands beside its mark."""
    wides = [
        wide - margin["l"] - margin["r"]
        for wide, margin in ((WIDE_PX, WIDE_MARGIN), (NARROW_PX, NARROW_MARGIN))
    ]
    sizes = [(float(wide), float(tall)) for wide, tall in zip(wides, _talls(), strict=True)]

    def places(snr: np.ndarray, std: np.ndarray) -> list[np.ndarray]:
        across = (np.log10(snr) - x_range[0]) / (x_range[1] - x_range[0])
        down = (y_range[1] - np.log10(100 * std)) / (y_range[1] - y_range[0])
        return [np.column_stack([wide * across, tall * down]) for wide, tall in sizes]

    drawn = [(kind.snr[kind.drawable], kind.std[kind.drawable]) for kind in kinds]
    points = places(*(np.concatenate(one) for one in zip(*drawn, strict=True)))
    marks = places(*(np.array([one[k] for one in headline], float) for k in (1, 2)))
    return text_positions([one[0] for one in headline], marks, points, sizes)


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


def _headline(headline: Sequence[tuple[str, float, float]], positions: Sequence[str]) -> Trace:
    return {
        "type": "scatter",
        "mode": "markers+text",
        "name": "headline pairs",
        "x": [rounded(snr, 4) for _, snr, _ in headline],
        "y": [rounded(100 * std, 4) for _, _, std in headline],
        "text": [label for label, _, _ in headline],
        "textposition": list(positions),
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

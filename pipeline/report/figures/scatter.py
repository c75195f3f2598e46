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

PHOTON_GRID = np.geomspace(10, 20000, 60)


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
class Floor:
    """The stability floor: scatter of two noiseless stars, with its 95 % interval."""

    value: float
    low: float
    high: float
    label: str


def scatter_figure(
    kinds: Sequence[ScatterPoints],
    headline: Sequence[tuple[str, float, float]],
    floor: Floor | None,
    *,
    choice: tuple[str, float],
    figure_id: str,
    title: str,
    caption: str,
    simulated: bool,
    tables: tuple[str, ...],
) -> Figure:
    """Standard deviation in per cent against the SNR of the ratio, on logarithmic axes.

    Parameters
    ----------
    kinds : sequence of ScatterPoints
        Drawn in that order.
    headline : sequence of (label, snr, std)
        Pairs that are named in the figure.
    floor : Floor or None
        A line with its band.
    choice : (str, float)
        Passband and aperture radius [pix].
    """
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
    data = [_points(kind) for kind in kinds if len(kind.snr)]
    data.append(_photon_line(x_range))
    layout: Layout = {
        "height": 560,
        "margin": {"l": 66, "r": 14, "t": 34, "b": 100},
        "hovermode": "closest",
        "xaxis": axis(
            f"SNR of the ratio, (1/SNR1² + 1/SNR2²)^-1/2, {choice[0]}, r = {choice[1]:g} px",
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
        "annotations": [],
        "shapes": [],
    }
    if headline:
        data.append(_headline(headline))
    if floor:
        data.append(_floor_curve(floor, x_range))
        layout["shapes"] += _floor_shapes(floor)
        layout["annotations"].append(
            note(
                plot_text(floor.label),
                0.995,
                float(np.log10(100 * floor.value)),
                yref="y",
                xanchor="right",
                yanchor="bottom",
                yshift=2,
                font={"size": 12, "color": "@blue"},
                bgcolor="@label",
            )
        )
    return Figure(
        figure_id,
        title,
        caption,
        f"Scatter plot on logarithmic axes. {caption}",
        data,
        stamped(layout, simulated),
        simulated,
        narrow={
            "height": 480,
            "margin": {"l": 54, "r": 8, "t": 34, "b": 140},
            "xaxis": {"title": {"text": "SNR of the ratio"}},
        },
        tables=tables,
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


def _photon_line(x_range: Sequence[float]) -> Trace:
    """Photon noise: 1 / SNR of the ratio, the least that a pair can scatter by."""
    inside = (10.0 ** x_range[0] <= PHOTON_GRID) & (10.0 ** x_range[1] >= PHOTON_GRID)
    snr = PHOTON_GRID[inside]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "photon noise, 1 / SNR",
        "x": to_json_list(snr, 4),
        "y": to_json_list(100 / snr, 4),
        "line": {"color": "@muted", "width": 1.5, "dash": "dash"},
        "hoverinfo": "skip",
    }


def _floor_curve(floor: Floor, x_range: Sequence[float]) -> Trace:
    snr = np.geomspace(10.0 ** x_range[0], 10.0 ** x_range[1], 60)
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


def _floor_shapes(floor: Floor) -> list[Layout]:
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

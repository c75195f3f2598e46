"""Signal-to-noise ratio of the stars, aperture by aperture."""

from collections.abc import Sequence
from itertools import cycle

import numpy as np
from astropy.table import QTable

from pipeline.report.figures.base import (
    Figure,
    Layout,
    Trace,
    axis,
    stamped,
    to_json_list,
    with_strip,
)
from pipeline.report.figures.scatter import ticks
from pipeline.report.rows import plain
from pipeline.report.text import fixed
from pipeline.schema import radius_column

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x")
COLORS = ("@sky", "@blue", "@green", "@orange", "@red")


def growth_figure(
    snr: QTable,
    radii: Sequence[float],
    *,
    figure_id: str,
    title: str,
    caption: str,
    simulated: bool,
) -> Figure:
    """SNR of each star in each aperture relative to that star's best aperture."""
    stars = [str(star) for star in snr["star_id"]]
    values = np.array([plain(snr[radius_column(radius)]) for radius in radii])
    best = np.where(np.isfinite(values), values, -np.inf).max(axis=0)
    relative = np.where(best > 0, values / np.where(best > 0, best, 1.0), np.nan)
    data: list[Trace] = [
        {
            "type": "heatmap",
            "x": stars,
            "y": [f"{radius:g} px" for radius in radii],
            "z": to_json_list(relative, 3),
            "zmin": 0.4,
            "zmax": 1.0,
            "colorscale": "Viridis",
            "xgap": 1,
            "ygap": 1,
            "colorbar": {
                "title": {"text": "SNR / best"},
                "thickness": 12,
                "outlinewidth": 0,
            },
            "customdata": [[fixed(value, 0) for value in row] for row in values],
            "hovertemplate": "<b>star %{x}</b>, r = %{y}<br>SNR %{customdata}<br>"
            "%{z:.2f} of its best<extra></extra>",
        }
    ]
    layout: Layout = {
        "height": 300,
        "margin": {"l": 70, "r": 14, "t": 30, "b": 56},
        "xaxis": axis("star", type="category", categoryarray=stars, showgrid=False, showline=False),
        "yaxis": axis(
            "aperture radius",
            type="category",
            categoryarray=[f"{radius:g} px" for radius in radii],
            showgrid=False,
            showline=False,
        ),
        "showlegend": False,
    }
    return Figure(
        figure_id,
        title,
        caption,
        f"Heat map of relative signal-to-noise ratio, stars by apertures. {caption}",
        data,
        stamped(with_strip(layout, len(radii), simulated), simulated),
        simulated,
        narrow={
            "xaxis": {"tickvals": stars[::3], "tickangle": 0},
            "margin": {"l": 58, "r": 0, "t": 30, "b": 50},
        },
        tables=("snr",),
    )


def agreement_figure(
    one: QTable,
    two: QTable,
    radii: Sequence[float],
    names: tuple[str, str],
    *,
    figure_id: str,
    title: str,
    caption: str,
    simulated: bool,
    mixed: bool,
) -> Figure:
    """SNR of the same star and aperture in two campaigns: one over the other, against the first."""
    rows = {int(star): k for k, star in enumerate(two["star_id"])}
    common = [(k, rows[int(star)]) for k, star in enumerate(one["star_id"]) if int(star) in rows]
    first, second = (np.array(side, int) for side in zip(*common, strict=True))
    stars = [f"star {star}" for star in one["star_id"][first]]
    data: list[Trace] = []
    everything: list[float] = []
    for radius, symbol, color in zip(radii, cycle(SYMBOLS), cycle(COLORS), strict=False):
        x, y = plain(one[radius_column(radius)])[first], plain(two[radius_column(radius)])[second]
        everything += [value for value in x if np.isfinite(value) and value > 0]
        with np.errstate(divide="ignore", invalid="ignore"):
            above = 100 * (y / x - 1)
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": f"r = {radius:g} px",
                "x": to_json_list(x, 4),
                "y": to_json_list(above, 4),
                "text": stars,
                "marker": {"symbol": symbol, "color": color, "size": 7, "opacity": 0.85},
                "hovertemplate": f"<b>%{{text}}</b>, r = {radius:g} px<br>{names[0]} %{{x:.4g}}<br>"
                f"{names[1]} %{{y:+.1f}} %<extra></extra>",
            }
        )
    span = [float(np.log10(min(everything))) - 0.05, float(np.log10(max(everything))) + 0.05]
    scale = {"type": "log", "range": [round(value, 4) for value in span], **ticks(span)}
    layout: Layout = {
        "height": 420,
        "margin": {"l": 70, "r": 14, "t": 34, "b": 100},
        "hovermode": "closest",
        "xaxis": axis(f"SNR, {names[0]}", **scale),
        "yaxis": axis(f"SNR, {names[1]} above {names[0]} [%]", zeroline=True),
    }
    return Figure(
        figure_id,
        title,
        caption,
        f"Scatter plot against the logarithm of the SNR. {caption}",
        data,
        stamped(layout, simulated, mixed),
        simulated,
        mixed,
        narrow={"height": 400, "margin": {"l": 56, "r": 6, "t": 34, "b": 120}},
        tables=("snr",),
    )

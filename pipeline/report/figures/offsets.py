"""Offsets between exposures: positions of the stars, and of the field's centre."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from astropy.table import QTable

from pipeline.report.figures.base import (
    MODE_STYLES,
    Figure,
    Layout,
    Trace,
    axis,
    stamped,
    to_json_list,
)
from pipeline.report.figures.field import FIELD_PX, MARGIN, NARROW, NARROW_TRACE
from pipeline.report.rows import number, plain
from pipeline.report.text import fixed, plot_text


def offsets_figure(
    positions: Mapping[str, Mapping[str, Any]],
    first: str,
    *,
    figure_id: str,
    title: str,
    caption: str,
    simulated: bool,
    tables: tuple[str, ...],
) -> Figure:
    """Reference, detected and transformed positions in one figure, for a chosen exposure.

    Parameters
    ----------
    positions : mapping of label to {"reference", "detected", "transformed"}
        Each of these holds ``x``, ``y`` and ``star_id`` (0: no reference star).
    first : str
        Label that is shown first.
    """
    views = {label: _position_traces(kinds) for label, kinds in positions.items()}
    layout: Layout = {
        "height": 760,
        "margin": MARGIN,
        "hovermode": "closest",
        "xaxis": axis(
            "x [spaxel]", range=[-12, FIELD_PX[0] + 12], constrain="domain", zeroline=False
        ),
        "yaxis": axis(
            "y [spaxel]",
            range=[-12, FIELD_PX[1] + 12],
            scaleanchor="x",
            constrain="domain",
            zeroline=False,
        ),
    }
    variants: dict[str, Any] = {}
    if len(views) > 1:
        variants = {
            label: {
                "data": {
                    str(index): {
                        key: trace[key]
                        for key in ("x", "y", "customdata")
                        if trace[key] != base[key]
                    }
                    for index, (trace, base) in enumerate(zip(traces, views[first], strict=True))
                }
            }
            for label, traces in views.items()
        }
    return Figure(
        figure_id,
        title,
        caption,
        f"Map of the field with three markers for each star. {caption}",
        views[first],
        stamped(layout, simulated),
        simulated,
        narrow=NARROW,
        narrow_trace=NARROW_TRACE,
        variants=variants,
        variant_label="Exposure",
        first_variant=first,
        tables=tables,
    )


def pointing_figure(
    exposures: QTable,
    centre_xy: tuple[float, float],
    pixel_scale_arcsec: float,
    links: Mapping[str, str],
    *,
    figure_id: str,
    title: str,
    caption: str,
    simulated: bool,
) -> Figure:
    """Where each exposure's field centre lies relative to the reference."""
    x0, y0 = centre_xy
    matrix = {key: plain(exposures[key]) for key in "abcdef"}
    dx = (matrix["a"] - 1) * x0 + matrix["b"] * y0 + matrix["c"]
    dy = matrix["d"] * x0 + (matrix["e"] - 1) * y0 + matrix["f"]
    dx, dy = dx * pixel_scale_arcsec, dy * pixel_scale_arcsec
    modes = np.asarray(exposures["mode"], str)
    ids = np.asarray(exposures["exposure_id"], str)
    data: list[Trace] = []
    for style in MODE_STYLES:
        mask = (modes == style.mode) & np.isfinite(dx) & np.isfinite(dy)
        if not mask.any():
            continue
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": style.mode,
                "x": to_json_list(dx[mask], 4),
                "y": to_json_list(dy[mask], 4),
                "marker": {"color": style.color, "symbol": style.symbol, "size": 9},
                "customdata": [
                    [plot_text(ids[k]), fixed(number(exposures["match_rms_px"][k]), 2)]
                    for k in np.flatnonzero(mask)
                ],
                "hovertemplate": "<b>%{customdata[0]}</b><br>%{x:+.2f}″, %{y:+.2f}″"
                "<br>match rms %{customdata[1]} px<extra></extra>",
                "meta": {"links": [links.get(ids[k], "") for k in np.flatnonzero(mask)]},
            }
        )
    limit = 1.15 * max([0.5, *(abs(v) for trace in data for v in (*trace["x"], *trace["y"]))])
    layout: Layout = {
        "height": 620,
        "margin": MARGIN,
        "hovermode": "closest",
        "xaxis": axis("Δx [arcsec]", range=[-limit, limit], constrain="domain"),
        "yaxis": axis("Δy [arcsec]", range=[-limit, limit], scaleanchor="x", constrain="domain"),
        "shapes": [_ring(radius) for radius in (0.5, 1.0, 1.5, 2.0) if radius < 1.3 * limit],
    }
    return Figure(
        figure_id,
        title,
        caption,
        f"Scatter plot of the pointing offsets. {caption}",
        data,
        stamped(layout, simulated),
        simulated,
        narrow=NARROW,
        narrow_trace=NARROW_TRACE,
        tables=("exposures",),
    )


def _ring(radius: float) -> Layout:
    return {
        "type": "circle",
        "xref": "x",
        "yref": "y",
        "x0": -radius,
        "x1": radius,
        "y0": -radius,
        "y1": radius,
        "line": {"color": "@muted", "width": 0.8, "dash": "dot"},
        "layer": "below",
    }


_KINDS = (
    ("reference", "reference position", "circle-open", "@blue", 13),
    ("detected", "detected in this exposure", "square-open", "@orange", 13),
    ("transformed", "reference taken through the affine", "x-thin-open", "@fg", 8),
)


def _position_traces(kinds: Mapping[str, Any]) -> list[Trace]:
    traces: list[Trace] = []
    for kind, name, symbol, color, size in _KINDS:
        here = kinds[kind]
        stars = [int(star) for star in here["star_id"]]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": name,
                "x": to_json_list(np.asarray(here["x"], float), 5),
                "y": to_json_list(np.asarray(here["y"], float), 5),
                "customdata": [f"star {star}" if star else "no reference star" for star in stars],
                "hovertemplate": f"<b>%{{customdata}}</b><br>{name}<br>"
                "x %{x:.2f}, y %{y:.2f}<extra></extra>",
                "marker": {
                    "symbol": symbol,
                    "color": color,
                    "size": size,
                    "line": {"width": 1.8, "color": color},
                },
            }
        )
    return traces

"""The field on the sky: detection image, numbered stars, offsets between exposures."""

import base64
import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from astropy.table import QTable
from PIL import Image as Pillow

from pipeline.report.figures.base import (
    MODE_STYLES,
    Figure,
    Layout,
    Trace,
    axis,
    lean,
    stamped,
)
from pipeline.report.rows import number, plain
from pipeline.report.text import fixed, plot_text
from pipeline.results import Image

MARGIN = {"l": 60, "r": 14, "t": 34, "b": 92}
NARROW = {"height": 470, "margin": {"l": 46, "r": 6, "t": 30, "b": 100}}
NARROW_TRACE = {"marker": {"size": 9, "line": {"width": 1.4}}, "textfont": {"size": 11}}
FIELD_PX = (315, 304)  # spaxels of the study's detection image, where no image gives the size
CORNERS = {
    "top right": (9, 9),
    "top left": (-9, 9),
    "bottom right": (9, -9),
    "bottom left": (-9, -9),
}
LABEL_FREE_PX = 16.0  # spaxels about a number; more room than that makes no place better
STRETCH_SOFTENING = 3.0  # noise levels at which asinh turns from linear to logarithmic
GREY_LEVELS = 64  # the noise hides the steps, and the file is a third smaller
WHITE_SHARE = 0.998  # of the pixels are below white; the standard's core is not what one looks for


def detection_figure(
    image: Image | None,
    catalogue: QTable,
    star_link: str,
    *,
    figure_id: str,
    title: str,
    caption: str,
    simulated: bool,
) -> Figure:
    """The stars of the reference catalogue, numbered, on the image in which they were found.

    ``star_link`` followed by a star number is the address of that star's row.
    """
    shape = image.pixels.shape if image else FIELD_PX[::-1]
    flags = np.asarray(catalogue["flags"], str)
    places = _label_places(catalogue, shape)
    data = [
        _stars(catalogue[flags == ""], "star", image, star_link, places),
        _stars(catalogue[flags != ""], "star with a flag", image, star_link, places),
    ]
    layout: Layout = {
        "height": 760,
        "margin": MARGIN,
        "hovermode": "closest",
        "xaxis": axis(
            "x [spaxel]",
            range=[-0.5, shape[1] - 0.5],
            constrain="domain",
            showgrid=image is None,
            zeroline=False,
        ),
        "yaxis": axis(
            "y [spaxel]",
            range=[-0.5, shape[0] - 0.5],
            scaleanchor="x",
            constrain="domain",
            showgrid=image is None,
            zeroline=False,
        ),
    }
    if image:
        layout["images"] = [_picture(image.pixels)]
        layout["shapes"] = [_mask(image)]
    return Figure(
        figure_id,
        title,
        caption,
        f"Map of the field with {len(catalogue)} numbered stars. {caption}",
        [trace for trace in data if trace["x"]],
        stamped(layout, simulated),
        simulated,
        narrow=NARROW,
        narrow_trace=NARROW_TRACE,
        tables=("catalogue",),
    )


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
                    str(index): {key: trace[key] for key in ("x", "y", "customdata")}
                    for index, trace in enumerate(traces)
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
                "x": lean(dx[mask], 4),
                "y": lean(dy[mask], 4),
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


def _stars(
    rows: QTable, name: str, image: Image | None, star_link: str, places: Mapping[int, str]
) -> Trace:
    plain_star = name == "star"
    symbol = "circle-open" if plain_star else "square-open"
    color = ("#5AB4EE" if image else "@blue") if plain_star else "#F2AE2E" if image else "@orange"
    return {
        "type": "scatter",
        "mode": "markers+text",
        "name": name,
        "x": lean(plain(rows["x"]), 5),
        "y": lean(plain(rows["y"]), 5),
        "text": [str(star) for star in rows["star_id"]],
        "textposition": [places[int(star)] for star in rows["star_id"]],
        "cliponaxis": False,
        "textfont": {"size": 13, "color": "#ffffff" if image else "@fg"},
        "marker": {"symbol": symbol, "size": 15, "color": color, "line": {"width": 1.8}},
        "customdata": [
            [
                str(row["channel"] or "unknown"),
                str(row["slice"] or "unknown"),
                fixed(number(row["edge_distance_px"]), 1),
                plot_text(row["flags"]) or "none",
            ]
            for row in rows
        ],
        "hovertemplate": "<b>star %{text}</b><br>x %{x:.1f}, y %{y:.1f}<br>channel %{customdata[0]}"
        ", slice %{customdata[1]}<br>%{customdata[2]} px to the edge<br>flags: %{customdata[3]}"
        "<extra></extra>",
        "meta": {"links": [f"{star_link}{row['star_id']}" for row in rows]},
    }


def _label_places(catalogue: QTable, shape: tuple[int, ...]) -> dict[int, str]:
    """For each star the corner beside it that is farthest from other stars and their numbers.

    A corner outside the picture, of shape (y, x), is the last choice: there a number would be
    white on white.
    """
    xy = np.column_stack([plain(catalogue["x"]), plain(catalogue["y"])])
    labels: list[np.ndarray] = []
    places: dict[int, str] = {}
    for index, star in enumerate(catalogue["star_id"]):
        others = [*np.delete(xy, index, axis=0), *labels]
        free = {}
        for name, (dx, dy) in CORNERS.items():
            spot = xy[index] + (dx, dy)
            inside = 4 < spot[0] < shape[1] - 9 and 4 < spot[1] < shape[0] - 9
            free[name] = (LABEL_FREE_PX if inside else 0) + min(
                [*(float(np.hypot(*(spot - one))) for one in others), LABEL_FREE_PX]
            )
        best = max(free, key=lambda name: free[name])
        places[int(star)] = best
        labels.append(xy[index] + CORNERS[best])
    return places


def _picture(pixels: np.ndarray) -> Layout:
    """The image in grey, asinh-stretched between the sky and the brightest stars, as data URI."""
    finite = pixels[np.isfinite(pixels)]
    low, sky = np.percentile(finite, (2, 50)) if finite.size else (0.0, 0.0)
    scale = STRETCH_SOFTENING * max(float(sky - low) / 2, 1e-30)  # 2nd percentile: about 2 sigma
    grey = np.arcsinh((pixels - low) / scale)
    top = np.nanquantile(grey, WHITE_SHARE) if finite.size else 1.0
    level = np.nan_to_num(np.clip(grey / max(float(top), 1e-30), 0, 1))
    byte = (np.round(level * (GREY_LEVELS - 1)) * (255 / (GREY_LEVELS - 1))).astype(np.uint8)
    buffer = io.BytesIO()
    Pillow.fromarray(byte[::-1]).save(buffer, format="PNG", optimize=True)
    height, width = pixels.shape
    return {
        "source": "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode(),
        "xref": "x",
        "yref": "y",
        "x": -0.5,
        "y": height - 0.5,
        "sizex": width,
        "sizey": height,
        "sizing": "stretch",
        "layer": "below",
    }


def _mask(image: Image) -> Layout:
    """The circle within which the standard's light hides everything else."""
    (x, y), radius = image.standard_xy, image.standard_radius_px
    return {
        "type": "circle",
        "xref": "x",
        "yref": "y",
        "x0": round(x - radius, 2),
        "x1": round(x + radius, 2),
        "y0": round(y - radius, 2),
        "y1": round(y + radius, 2),
        "line": {"color": "#FF8A50", "width": 1.5, "dash": "dash"},
    }


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
                "x": lean(np.asarray(here["x"], float), 5),
                "y": lean(np.asarray(here["y"], float), 5),
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

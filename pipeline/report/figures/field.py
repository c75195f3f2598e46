"""The field on the sky: detection image, numbered stars."""

import base64
from collections.abc import Mapping

import numpy as np
from astropy.table import QTable

from pipeline.report.figures.base import (
    Figure,
    Layout,
    Trace,
    axis,
    stamped,
    to_json_list,
)
from pipeline.report.figures.grey_png import grey_png
from pipeline.report.rows import number, plain
from pipeline.report.text import fixed, plot_text
from pipeline.schema.results import DetectionImage

MARGIN = {"l": 60, "r": 14, "t": 34, "b": 92}
NARROW = {"height": 470, "margin": {"l": 46, "r": 6, "t": 30, "b": 100}}
NARROW_TRACE = {"marker": {"size": 9, "line": {"width": 1.4}}, "textfont": {"size": 11}}
FIELD_PX = (315, 304)  # spaxels of a wide-field image, where no image gives the size
CORNERS = {
    "top right": (9, 9),
    "top left": (-9, 9),
    "bottom right": (9, -9),
    "bottom left": (-9, -9),
}
LABEL_FREE_PX = 16.0  # spaxels about a number; a larger free distance makes no place better
STRETCH_SOFTENING = 3.0  # noise levels at which asinh turns from linear to logarithmic
GREY_LEVELS = 12  # the noise hides the steps; 40 levels are 40 kB more on the wire
VARIABLE = "variable star (Gaia DR3)"
LOOKS = {  # symbol, size, colour on the grey image and without it
    "star": ("circle-open", 15, "#5AB4EE", "@blue"),
    "star with a flag": ("square-open", 15, "#F2AE2E", "@orange"),
    VARIABLE: ("diamond-open", 21, "#FF3D8B", "@pink"),
}
WHITE_SHARE = 0.998  # of the pixels are below white; the standard's core is not what one looks for


def detection_figure(
    image: DetectionImage | None,
    catalogue: QTable,
    star_link: str,
    *,
    figure_id: str,
    title: str,
    caption: str,
    simulated: bool,
) -> Figure:
    """The stars of the reference catalogue, numbered, on the image in which they were found.

    ``star_link`` followed by a star number and ".html" is the address of that star's page.
    """
    shape = image.pixels.shape if image else FIELD_PX[::-1]
    flags = np.asarray(catalogue["flags"], str)
    flagged = flags != ""
    varies = np.array(["variable" in text.split() for text in flags], bool)
    places = _label_places(catalogue, shape)
    data = [
        _stars(catalogue[flags == ""], "star", image, star_link, places),
        _stars(catalogue[flagged & ~varies], "star with a flag", image, star_link, places),
        _stars(catalogue[varies], VARIABLE, image, star_link, places),
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
        if image.standard_radius_px > 0:
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


def _stars(
    rows: QTable, name: str, image: DetectionImage | None, star_link: str, places: Mapping[int, str]
) -> Trace:
    symbol, size, on_image, on_page = LOOKS[name]
    color = on_image if image else on_page
    return {
        "type": "scatter",
        "mode": "markers+text",
        "name": name,
        "x": to_json_list(plain(rows["x"]), 5),
        "y": to_json_list(plain(rows["y"]), 5),
        "text": [str(star) for star in rows["star_id"]],
        "textposition": [places[int(star)] for star in rows["star_id"]],
        "cliponaxis": False,
        "textfont": {"size": 13, "color": "#ffffff" if image else "@fg"},
        "marker": {"symbol": symbol, "size": size, "color": color, "line": {"width": 1.8}},
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
        "meta": {"links": [f"{star_link}{row['star_id']}.html" for row in rows]},
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
    height, width = pixels.shape
    return {
        "source": "data:image/png;base64," + base64.b64encode(grey_png(byte[::-1])).decode(),
        "xref": "x",
        "yref": "y",
        "x": -0.5,
        "y": height - 0.5,
        "sizex": width,
        "sizey": height,
        "sizing": "stretch",
        "layer": "below",
    }


def _mask(image: DetectionImage) -> Layout:
    """The circle within which a masked star's light hides everything else."""
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

"""Squares of the detection image about a star, and the apertures on them."""

import base64
from typing import Any

import numpy as np
from markupsafe import Markup

from pipeline.report.figures.grey_png import grey_png
from pipeline.report.rows import number
from pipeline.schema import radius_of
from pipeline.schema.results import Results

CUT_PX = 21  # half of the width of a cut-out: the largest aperture and its neighbours
THUMB_PX = 9  # the same of a thumbnail
GREY_LEVELS = 24


def cut_out(results: Results, x: Any, y: Any, half_px: int) -> Markup:
    """A square of the detection image about a star as a data URI; "" without an image."""
    if results.image is None:
        return Markup("")
    pixels = results.image.pixels
    column, row = round(number(x)), round(number(y))
    square = np.full((2 * half_px + 1, 2 * half_px + 1), np.nan)
    y0, y1 = max(row - half_px, 0), min(row + half_px + 1, pixels.shape[0])
    x0, x1 = max(column - half_px, 0), min(column + half_px + 1, pixels.shape[1])
    if y0 < y1 and x0 < x1:
        part = pixels[y0:y1, x0:x1]
        top, left = y0 - row + half_px, x0 - column + half_px
        square[top : top + part.shape[0], left : left + part.shape[1]] = part
    finite = square[np.isfinite(square)]
    if not finite.size:
        return Markup("")
    low, sky = np.percentile(finite, (2, 50))
    scale = 3 * max(float(sky - low) / 2, 1e-30)
    grey = np.arcsinh((square - low) / scale)
    level = np.nan_to_num(np.clip(grey / max(float(np.nanmax(grey)), 1e-30), 0, 1))
    byte = (np.round(level * (GREY_LEVELS - 1)) * (255 / (GREY_LEVELS - 1))).astype(np.uint8)
    return Markup("data:image/png;base64," + base64.b64encode(grey_png(byte[::-1])).decode())


def rings(results: Results, x: Any, y: Any) -> list[tuple[str, str, str]]:
    """Centre and radius of every aperture on the cut-out, in its pixels."""
    if results.image is None:
        return []
    size = 2 * CUT_PX + 1
    dx, dy = number(x) - round(number(x)), number(y) - round(number(y))
    return [
        (f"{size / 2 + dx:.2f}", f"{size / 2 - dy:.2f}", f"{radius:g}")
        for radius in _radii(results)
    ]


def _radii(results: Results) -> list[float]:
    table = results.tables.get("snr")
    found = [] if table is None else [radius_of(name) for name in table.colnames]
    return sorted(one for one in found if one is not None)

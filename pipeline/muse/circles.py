"""The spaxels of a circle, each with the area of it that is inside."""

import numpy as np


def circle_overlap(x: float, y: float, radius_px: float) -> tuple[np.ndarray, ...]:
    """Columns, rows and areas (spaxel,) of the spaxels that a circle covers, wherever an image ends.

    What ``CircularAperture.to_mask(method="exact")`` of photutils gives, at a tenth of its time.

    Parameters
    ----------
    x, y : float
        Centre [pix], 0-based; the centre of a spaxel has whole numbers.
    radius_px : float

    Examples
    --------
    >>> column, row, area = circle_overlap(10.0, 10.0, 2.0)
    >>> round(float(area.sum() / np.pi), 9)
    4.0
    """
    from photutils.geometry import (
        circular_overlap_grid,
    )  # with all of photutils, a second to import

    first_x, first_y = np.floor(x - radius_px + 0.5), np.floor(y - radius_px + 0.5)
    last_x, last_y = np.ceil(x + radius_px + 0.5), np.ceil(y + radius_px + 0.5)
    area = circular_overlap_grid(
        first_x - 0.5 - x,
        last_x - 0.5 - x,
        first_y - 0.5 - y,
        last_y - 0.5 - y,
        int(last_x - first_x),
        int(last_y - first_y),
        radius_px,
        1,
        1,
    )
    row, column = np.nonzero(area)
    return column + int(first_x), row + int(first_y), area[row, column]

"""Lists of positions as callers bring them: checked, and without those that are to be left out."""

import numpy as np
import numpy.typing as npt

from kdmatch import _binding

Array = npt.NDArray[np.float64]
CHUNK = 1 << 20  # distances held at a time


def checked(name: str, xy: npt.ArrayLike) -> Array:
    """Contiguous (star, 2) doubles, or a ValueError that names what is wrong."""
    try:
        array = np.ascontiguousarray(xy, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be numbers of shape (n, 2): {error}") from error
    if array.shape == (0,):  # an empty list has no second axis
        array = array.reshape(0, 2)
    if array.ndim != 2 or array.shape[1] != 2:
        raise ValueError(f"{name} must have shape (n, 2), not {array.shape}")
    if len(array) > _binding.MAX_STARS:
        raise ValueError(f"{name} has {len(array)} rows, the limit is {_binding.MAX_STARS}")
    bad = ~(np.abs(array) <= _binding.MAX_COORDINATE)  # NaN is bad too
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise ValueError(
            f"{name}[{row}, {column}] is {array[row, column]}: positions must be finite and at "
            f"most {_binding.MAX_COORDINATE:g} in size ({bad.any(axis=1).sum()} such rows)"
        )
    return array


def near_any(xy: Array, places: Array, radius: float) -> npt.NDArray[np.bool_]:
    """Whether each of ``xy`` (star, 2) lies within ``radius`` of one of ``places``; shape (star,)."""
    near = np.zeros(len(xy), dtype=bool)
    rows = max(1, CHUNK // max(1, len(places)))
    for start in range(0, len(xy), rows):
        part = xy[start : start + rows, None] - places[None]
        near[start : start + rows] = (np.hypot(part[..., 0], part[..., 1]) <= radius).any(axis=1)
    return near

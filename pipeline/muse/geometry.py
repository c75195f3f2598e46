"""Where MUSE's 24 channels and their 48 slices lie on the field of view in wide-field mode.

The field is cut in y into 24 channels, each of four stacks of twelve slices: a slice is 15 arcsec
wide and 0.2 arcsec high (Bacon et al. 2010, SPIE 7735, 773508; the same arrangement as in the
pipeline's GEOMETRY_TABLE). This is the nominal layout: the numbering runs upwards and to the
right here, offsets of a real instrument (below one slice) are not in it.
"""

from dataclasses import dataclass

import numpy as np

N_CHANNELS = 24
N_SLICES = 48
N_STACKS = 4
SLICES_PER_STACK = 12
SLICE_WIDTH_PX = 75.0  # 15 arcsec
FIELD_WIDTH_PX = N_STACKS * SLICE_WIDTH_PX
FIELD_HEIGHT_PX = float(N_CHANNELS * SLICES_PER_STACK)  # 288 rows of 0.2 arcsec ...
ROW_HEIGHT_PX = 300.0 / FIELD_HEIGHT_PX  # ... that fill the 60 arcsec of the field


@dataclass(frozen=True)
class SliceAddress:
    """Channel and slice of positions on the field; arrays of one shape."""

    channel: np.ndarray  # 1 to 24, 0 outside the field
    slice: np.ndarray  # 1 to 48 (sky order: stack by stack), 0 outside the field


def slice_address(x_field_px: np.ndarray, y_field_px: np.ndarray) -> SliceAddress:
    """Channel and slice that see a position.

    Parameters
    ----------
    x_field_px, y_field_px : ndarray, one shape
        Offset from the centre of the field of view along and across the slices [0.2 arcsec].
        NaN yields 0, 0.
    """
    x, y = np.broadcast_arrays(np.asarray(x_field_px, float), np.asarray(y_field_px, float))
    stack = np.floor((x + FIELD_WIDTH_PX / 2) / SLICE_WIDTH_PX)
    row = np.floor(y / ROW_HEIGHT_PX + FIELD_HEIGHT_PX / 2)
    inside = (stack >= 0) & (stack < N_STACKS) & (row >= 0) & (row < FIELD_HEIGHT_PX)
    stack, row = np.where(inside, stack, 0).astype(int), np.where(inside, row, 0).astype(int)
    channel = row // SLICES_PER_STACK + 1
    slice_number = stack * SLICES_PER_STACK + row % SLICES_PER_STACK + 1
    return SliceAddress(np.where(inside, channel, 0), np.where(inside, slice_number, 0))

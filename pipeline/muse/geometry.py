"""Where MUSE's channels and their slices lie on the field of view.

The field is cut across into channels, each of four stacks of twelve slices side by side (Bacon et
al. 2010, SPIE 7735, 773508; the CCD-to-sky map of mpdaf's ``Slicer`` puts the edges of the stacks
at sky slices 1, 12, 13, 24, 25, 36, 37 and 48). The numbering runs upwards and to the right here;
which way it runs on the sky no public figure says, and offsets of single slices are not in it:
trust channels, not slices.

Size of the wide field: cubes of standard stars in the frame of the slicer measure 315 x 307 px at
airmass 1.05, 317 x 308 at 1.3 and 318 x 308 at 1.53 (reduction logs of NGC 6397, 2014); less
differential refraction about 313 x 305.5 px of 0.2 arcsec, not the nominal 300 x 300.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.muse.modes import MODES


@dataclass(frozen=True)
class FieldLayout:
    """The slices of a field of view; lengths in pixels of the mode's own spaxels."""

    width_px: float  # along the slices
    height_px: float  # across them
    n_channels: int = 24
    n_stacks: int = 4  # side by side within a channel
    rows_per_stack: int = 12  # slices one above the other

    @property
    def n_slices(self) -> int:
        """Slices of a channel."""
        return self.n_stacks * self.rows_per_stack

    @property
    def n_rows(self) -> int:
        """Rows of slices in the field."""
        return self.n_channels * self.rows_per_stack

    @property
    def slice_width_px(self) -> float:
        """Length of a slice."""
        return self.width_px / self.n_stacks

    @property
    def row_height_px(self) -> float:
        """Height of a slice."""
        return self.height_px / self.n_rows


WIDE_FIELD = FieldLayout(313.0, 305.5)
NARROW_FIELD = FieldLayout(300.0, 300.0)  # nominal: 7.5 arcsec of 0.025


N_CHANNELS = WIDE_FIELD.n_channels
N_SLICES = WIDE_FIELD.n_slices
N_STACKS = WIDE_FIELD.n_stacks
SLICES_PER_STACK = WIDE_FIELD.rows_per_stack
N_ROWS = WIDE_FIELD.n_rows
FIELD_WIDTH_PX = WIDE_FIELD.width_px
SLICE_WIDTH_PX = WIDE_FIELD.slice_width_px
ROW_HEIGHT_PX = WIDE_FIELD.row_height_px


def field_layout(mode: str) -> FieldLayout:
    """The layout of a mode, by its ESO INS MODE; that of the wide field for one that is not known."""
    known = MODES.get(mode)
    return NARROW_FIELD if known is not None and not known.is_wide else WIDE_FIELD


@dataclass(frozen=True)
class SliceAddress:
    """Channel and slice of positions on the field; arrays of one shape."""

    channel: np.ndarray  # from 1, 0 outside the field
    slice: np.ndarray  # from 1 (sky order: stack by stack), 0 outside the field


def slice_address(
    x_field_px: np.ndarray, y_field_px: np.ndarray, layout: FieldLayout = WIDE_FIELD
) -> SliceAddress:
    """Channel and slice that see a position.

    Parameters
    ----------
    x_field_px, y_field_px : ndarray, one shape
        Offset from the centre of the field of view along and across the slices [pix]. NaN yields
        0, 0.
    layout : FieldLayout
    """
    x, y = np.broadcast_arrays(np.asarray(x_field_px, float), np.asarray(y_field_px, float))
    stack = np.floor((x + layout.width_px / 2) / layout.slice_width_px)
    row = np.floor((y + layout.height_px / 2) / layout.row_height_px)
    inside = (stack >= 0) & (stack < layout.n_stacks) & (row >= 0) & (row < layout.n_rows)
    stack, row = np.where(inside, stack, 0).astype(int), np.where(inside, row, 0).astype(int)
    channel = row // layout.rows_per_stack + 1
    slice_number = stack * layout.rows_per_stack + row % layout.rows_per_stack + 1
    return SliceAddress(np.where(inside, channel, 0), np.where(inside, slice_number, 0))

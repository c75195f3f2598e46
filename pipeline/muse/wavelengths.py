"""Where each slice of each channel lies in wavelength, as observed.

Between two nights of June 2017 the wavelength in the middle of a slice moved by 0.025 Angstrom
(standard deviation of 1152 slices; at most 0.07), and that of the corners against each other by
0.05. So a solution that is off by an Angstrom is noticed, if the instrument has not been touched.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from astropy.table import Table

_PATH = Path(__file__).with_name("slice_wavelengths.ecsv")


@dataclass(frozen=True)
class SliceWavelengths:
    """Wavelengths of the slices of a channel; arrays of shape (48,), left to right on the CCD."""

    middle_aa: np.ndarray  # at row 2056.5
    tilt_bottom_aa: np.ndarray  # left corner minus right corner, lowest row
    tilt_top_aa: np.ndarray  # the same in the highest row


@cache
def _table() -> Table:
    return Table.read(_PATH, format="ascii.ecsv")


@cache
def slice_wavelengths(channel: int) -> SliceWavelengths:
    """The observed wavelengths of the slices of a channel, 1 to 24; its arrays are read-only."""
    rows = _table()[_table()["channel"] == channel]
    rows.sort("slice")
    arrays = [np.array(rows[name], float) for name in ("wlen", "dwlen_bottom", "dwlen_top")]
    for array in arrays:
        array.flags.writeable = False
    return SliceWavelengths(*arrays)

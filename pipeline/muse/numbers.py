"""Numbers in headers."""

import numpy as np
from astropy.io import fits


def number(header: fits.Header, key: str) -> float:
    """The value of a keyword, NaN if it is missing or no number."""
    value = header.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return np.nan
    try:
        return float(value)
    except OverflowError:  # an integer of more than 308 digits
        return np.inf

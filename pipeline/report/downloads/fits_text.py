"""Text as FITS may hold it: printable ASCII, anything else as an escape sequence."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from astropy.io import fits


def add_keywords(header: fits.Header, meta: Mapping[str, object]) -> None:
    """Scalar meta as keywords, long names as HIERARCH, anything else left to the ECSV file."""
    for key, value in meta.items():
        if isinstance(value, str | bool | int | float):
            keyword = key.upper().replace(" ", "_")
            hierarch = "HIERARCH " if len(keyword) > 8 or "_" in keyword[8:] else ""
            number = value if not isinstance(value, float) or math.isfinite(value) else str(value)
            header[f"{hierarch}{keyword}"] = (
                ascii_text(number) if isinstance(number, str) else number
            )


def ascii_text(text: str) -> str:
    """The text as a FITS header may hold it."""
    flat = "".join(char if char.isprintable() else " " for char in text)
    return flat.encode("ascii", errors="backslashreplace").decode()


def ascii_column(texts: Sequence[str] | np.ndarray) -> np.ndarray:
    """Bytes for a FITS column of strings."""
    encoded: np.ndarray = np.char.encode(np.asarray(texts, str), "ascii", errors="backslashreplace")
    return encoded

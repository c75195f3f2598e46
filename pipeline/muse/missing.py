"""What a cube says about missing samples beside NaN: flags in DQ, and a constant in place of data."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from astropy.io import fits

from pipeline.errors import CubeUnreadable
from pipeline.muse.fits_layout import Span

INTEGERS = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8"}  # by BITPIX
MIN_FILLED = 20  # spaxels on the rim of a layer that hold the very same number by no chance
LOOKED_AT = (0.5, 0.25, 0.75)  # of the layers: one of them is outside the notch of the lasers


def quality_flags(
    path: Path, spans: Sequence[Span], headers: Sequence[fits.Header], shape: tuple[int, ...]
) -> np.ndarray | None:
    """Map of the extension DQ, anything but 0: no data; None if there is none.

    Raises
    ------
    CubeUnreadable
        If it is not a cube of integers of the shape of DATA.
    """
    names = [span.name.upper() for span in spans]
    if "DQ" not in names:
        return None
    span, header = spans[names.index("DQ")], headers[names.index("DQ")]
    kind = INTEGERS.get(header.get("BITPIX"))
    own = tuple(int(header.get(f"NAXIS{axis}", 0)) for axis in (3, 2, 1))
    if kind is None or own != shape:
        raise CubeUnreadable(
            f"{path.name}[DQ]: shape {own} and BITPIX {header.get('BITPIX')}; integers of the shape "
            f"of DATA, {shape}, expected"
        )
    return np.memmap(path, dtype=kind, mode="r", offset=span.data, shape=shape)


def fill_value(data: np.ndarray, stat: np.ndarray) -> float | None:
    """The number that stands for missing data, None if there is none.

    Tools that do not know NaN write 0, or another constant, into DATA and STAT. On the rim of a
    layer many spaxels then hold the very same number in DATA, and that or 0 in STAT.

    Parameters
    ----------
    data, stat : ndarray, shape (wave, y, x)
    """
    for share in LOOKED_AT:
        layer = int(share * (len(data) - 1))
        values, variances = (_rim(np.asarray(cube[layer], float)) for cube in (data, stat))
        finite = np.isfinite(values)
        if not finite.any():
            continue
        numbers, counts = np.unique(values[finite], return_counts=True)
        common = numbers[counts.argmax()]
        beside = variances[values == common]
        beside = beside[np.isfinite(beside)]
        if counts.max() >= MIN_FILLED and ((beside == common).all() or (beside == 0).all()):
            return float(common)
    return None


def _rim(layer: np.ndarray) -> np.ndarray:
    return np.concatenate([layer[0], layer[-1], layer[1:-1, 0], layer[1:-1, -1]])

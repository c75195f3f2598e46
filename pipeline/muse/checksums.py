"""Whether the DATASUM and CHECKSUM of a FITS file hold; it is read whole.

FITS standard 4.0, appendix J: sums of 32-bit words in ones' complement. DATASUM is that of the data,
CHECKSUM makes the sum of header and data zero: it alone is wrong when only the header was edited.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from astropy.io import fits

from pipeline.errors import CubeUnreadable
from pipeline.muse.fits_layout import Span, layout

_FULL = 0xFFFFFFFF
_CHUNK = 1 << 22  # bytes, a multiple of four


@dataclass(frozen=True)
class Checksums:
    """Extensions whose sums do not hold, by name; and how many sums there are."""

    n_sums: int
    wrong_data: tuple[str, ...] = ()  # DATASUM: the data were damaged
    wrong_header: tuple[str, ...] = ()  # CHECKSUM, while DATASUM holds: the header was edited


def verify_checksums(path: Path) -> Checksums:
    """What the sums of a file say; a file without sums has nothing to say.

    Raises
    ------
    CubeUnreadable
        If it is not a readable FITS file, or is cut.
    """
    spans = layout(path)
    n_sums, wrong_data, wrong_header = 0, [], []
    try:
        with path.open("rb") as file:
            for span in spans:
                text = _read(file, span.start, span.data - span.start, path)
                header = fits.Header.fromstring(text)
                stated, has_checksum = _stated(header), "CHECKSUM" in header
                if stated is None and not has_checksum:
                    continue
                data_sum = _sum_of(file, span, path)
                n_sums += (stated is not None) + has_checksum
                name = span.name or "unnamed"
                if stated is not None and stated % _FULL != data_sum % _FULL:
                    wrong_data.append(name)
                elif has_checksum and (_sum(text) + data_sum) % _FULL:
                    wrong_header.append(name)
    except OSError as error:
        raise CubeUnreadable(f"{path.name}: cannot be read ({error.strerror})") from error
    return Checksums(n_sums, tuple(wrong_data), tuple(wrong_header))


def _stated(header: fits.Header) -> int | None:
    """The DATASUM card; one that is no number holds for no data."""
    if "DATASUM" not in header:
        return None
    try:
        return int(str(header["DATASUM"]).strip())
    except (ValueError, fits.VerifyError):
        return -1


def _sum_of(file: BinaryIO, span: Span, path: Path) -> int:
    """Sum over the data of an extension with its padding; ones' complement zero is 0."""
    total, position = 0, span.data
    while position < span.end:
        chunk = _read(file, position, min(_CHUNK, span.end - position), path)
        total = _fold(total + _sum(chunk))
        position += len(chunk)
    return total


def _read(file: BinaryIO, start: int, size: int, path: Path) -> bytes:
    file.seek(start)
    content = file.read(size)
    if len(content) < size:
        raise CubeUnreadable(f"{path.name}: truncated at byte {start + len(content)}")
    return content


def _sum(content: bytes) -> int:
    return _fold(int(np.frombuffer(content, ">u4").sum(dtype=np.uint64)))


def _fold(total: int) -> int:
    while total > _FULL:
        total = (total & _FULL) + (total >> 32)
    return total

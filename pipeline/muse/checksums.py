"""Whether the DATASUM and CHECKSUM of a FITS file hold; the whole file is read.

FITS standard 4.0, appendix J: sums of 32-bit words in ones' complement. DATASUM is that of the data,
CHECKSUM makes the sum of header and data zero: it alone is wrong when only the header was edited.
"""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from pipeline.errors import CubeUnreadable
from pipeline.muse.fits_layout import layout

_FULL = 0xFFFFFFFF
_CHUNK = 1 << 22  # bytes, a multiple of four

Wrong = Literal["", "data", "header"]


@dataclass(frozen=True)
class Sums:
    """What the sums of one header with its data say."""

    n_held: int  # DATASUM and CHECKSUM cards that are there and hold
    n_stated: int
    wrong: Wrong  # "data": damaged; "header": edited, the data are intact; "": everything holds


@dataclass(frozen=True)
class Checksums:
    """Extensions whose sums do not hold, by name; and how many sums there are."""

    n_sums: int
    wrong_data: tuple[str, ...] = ()  # the data were damaged
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
                file.seek(span.start)
                text = file.read(span.data - span.start)
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", AstropyWarning)  # of cards that are no sums
                    header = fits.Header.fromstring(text.decode("latin-1"))
                if not carries_sums(header):
                    continue
                found = verify_sums(file, text, header, span.end - span.data)
                n_sums += found.n_stated
                name = span.name or "unnamed"
                if found.wrong == "data":
                    wrong_data.append(name)
                elif found.wrong == "header":
                    wrong_header.append(name)
    except EOFError as error:
        raise CubeUnreadable(f"{path.name}: truncated at byte {error}") from error
    except OSError as error:
        raise CubeUnreadable(f"{path.name}: cannot be read ({error.strerror})") from error
    return Checksums(n_sums, tuple(wrong_data), tuple(wrong_header))


def carries_sums(header: fits.Header) -> bool:
    """Whether a header has a sum to verify."""
    return "DATASUM" in header or "CHECKSUM" in header


def verify_sums(file: BinaryIO, text: bytes, header: fits.Header, length: int) -> Sums:
    """Read the data after a header; returns whether its checksums hold.

    Without DATASUM a CHECKSUM that fails cannot tell data from header: the data count as damaged.

    Parameters
    ----------
    file : binary file
        At the first byte of the data; afterwards at the last one.
    text : bytes
        The header as it stands in the file.
    header : fits.Header
        The same, read.
    length : int
        Bytes of the data with their padding.

    Raises
    ------
    EOFError
        With the offset at which the file ends, if that is before the data do.
    """
    data_sum = _sum_of_stream(file, length)
    has_data_sum, has_checksum = "DATASUM" in header, "CHECKSUM" in header
    data_hold = not has_data_sum or _holds(header, data_sum)
    all_hold = not has_checksum or (_sum(text) + data_sum) % _FULL == 0
    wrong: Wrong = ""
    if not data_hold or not (all_hold or has_data_sum):
        wrong = "data"
    elif not all_hold:
        wrong = "header"
    n_held = (has_data_sum and data_hold) + (has_checksum and all_hold)
    return Sums(n_held, has_data_sum + has_checksum, wrong)


def _holds(header: fits.Header, data_sum: int) -> bool:
    """Whether the DATASUM card is that of the data; one that is no number holds for no data."""
    try:
        stated = str(header["DATASUM"]).strip()
    except fits.VerifyError:
        return False
    # ones' complement writes zero in two ways
    return stated.isdecimal() and int(stated) % _FULL == data_sum % _FULL


def _sum_of_stream(file: BinaryIO, length: int) -> int:
    total = 0
    while length:
        chunk = file.read(min(length, _CHUNK))
        if not chunk:
            raise EOFError(file.tell())
        # a file may be cut within a 32-bit word: the rest of that word counts as zero
        total = _fold(total + _sum(chunk + bytes(-len(chunk) % 4)))
        length -= len(chunk)
    return total


def _sum(content: bytes) -> int:
    """Sum of big-endian 32-bit words in ones' complement; zero is 0 or _FULL."""
    return _fold(int(np.frombuffer(content, ">u4").sum(dtype=np.uint64)))


def _fold(total: int) -> int:
    while total > _FULL:
        total = (total & _FULL) + (total >> 32)
    return total

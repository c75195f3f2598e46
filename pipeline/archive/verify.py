"""Whether a file is complete, intact FITS, and the file that was asked for.

The file is walked header by header: the data sizes that the headers announce must add up to the
size of the file, and every DATASUM that a header carries must hold. The archive corrects headers while
it sends them: a CHECKSUM that fails beside a DATASUM that holds is noted, not refused. Memory is
bounded, whatever the file says.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from astropy.io import fits

from pipeline.errors import FileRefused
from pipeline.muse.checksums import verify_sums

MAGIC = b"SIMPLE  ="
BLOCK = 2880
MAX_HEADER_BLOCKS = 2000  # 5.8 MB; MUSE primary headers have some 100 kB
MAX_HDUS = 1000
NAMED_BY_ARCFILE = ("MUSE.", "ADP.")  # identities that a header repeats; statics keep another one


@dataclass(frozen=True)
class Verified:
    """What was checked."""

    n_hdus: int
    n_checksums: int  # CHECKSUM and DATASUM cards that were there and hold
    notes: tuple[str, ...]  # headers whose CHECKSUM fails although the data are intact
    compressed: bool  # images in compressed tiles: the archive calls such a file .fits.fz


def looks_like_fits(first_bytes: bytes) -> bool:
    """Whether the first bytes are those of a FITS file; a login page's are not."""
    return first_bytes.startswith(MAGIC[: max(1, len(first_bytes))])


def verify_fits(path: Path, dp_id: str) -> Verified:
    """What was checked in a file that is complete and intact.

    Parameters
    ----------
    dp_id : str
        Identity that was asked for; the header of a raw frame or a reduced cube must not name
        another one.

    Raises
    ------
    FileRefused
        If the file is not FITS, is shorter or longer than its headers say, if a checksum does not
        hold, or if it is another exposure.
    """
    size = path.stat().st_size
    n_hdus = n_checksums = 0
    notes: list[str] = []
    compressed = False
    with path.open("rb") as file:
        while file.tell() < size:
            text = _header(file, dp_id)
            try:
                header = fits.Header.fromstring(text.decode("latin-1"))
                length = _data_length(header)
                if n_hdus == 0:
                    _check_identity(header, dp_id)
            except (KeyError, TypeError, ValueError, ArithmeticError, fits.VerifyError) as error:
                raise FileRefused(f"{dp_id}: damaged header ({error})") from error
            if file.tell() + length > size:
                raise FileRefused(
                    f"{dp_id}: {size} bytes, its headers announce {file.tell() + length} or more"
                )
            n_held, corrected = _check_sums(file, text, header, length, dp_id)
            n_checksums += n_held
            if corrected:
                notes.append(
                    f"CHECKSUM of extension {n_hdus} fails, DATASUM holds: header corrected"
                )
            n_hdus += 1
            compressed |= header.get("ZIMAGE") is True
            if n_hdus > MAX_HDUS:
                raise FileRefused(f"{dp_id}: more than {MAX_HDUS} extensions")
    if n_hdus == 0:
        raise FileRefused(f"{dp_id}: empty file")
    return Verified(n_hdus, n_checksums, tuple(notes), compressed)


def _header(file: BinaryIO, dp_id: str) -> bytes:
    """The bytes of the header that begins here."""
    blocks = bytearray()
    magic = MAGIC if file.tell() == 0 else b"XTENSION="
    for _ in range(MAX_HEADER_BLOCKS):
        block = file.read(BLOCK)
        if len(block) < BLOCK or not (blocks or block.startswith(magic)):
            raise FileRefused(f"{dp_id}: not FITS, or cut off, at byte {file.tell() - len(block)}")
        if not block.isascii() or min(block) < ord(" "):
            raise FileRefused(f"{dp_id}: damaged header, with bytes that are not text")
        blocks += block
        if any(block[i : i + 80].rstrip() == b"END" for i in range(0, BLOCK, 80)):
            return bytes(blocks)
    raise FileRefused(f"{dp_id}: a header without end")


def _data_length(header: fits.Header) -> int:
    """Bytes of data after a header, padded to whole blocks."""
    axes = [int(header[f"NAXIS{i + 1}"]) for i in range(int(header["NAXIS"]))]
    pixels = math.prod(axes) if axes else 0
    groups = int(header.get("GCOUNT", 1)) * (int(header.get("PCOUNT", 0)) + pixels)
    length = abs(int(header["BITPIX"])) // 8 * groups
    if length < 0:
        raise ValueError(f"{length} bytes of data")
    return -(-length // BLOCK) * BLOCK


def _check_identity(header: fits.Header, dp_id: str) -> None:
    named = str(header.get("ARCFILE", "")).strip()
    if dp_id.startswith(NAMED_BY_ARCFILE) and named and not named.startswith(dp_id):
        raise FileRefused(f"{dp_id}: the server sent {named!r}")


def _check_sums(
    file: BinaryIO, text: bytes, header: fits.Header, length: int, dp_id: str
) -> tuple[int, bool]:
    """Read the data after a header: number of checksums that hold, and whether only the header differs."""
    try:
        sums = verify_sums(file, text, header, length)
    except EOFError as error:  # the size was checked before: it shrank
        raise FileRefused(f"{dp_id}: cut off at byte {error} while it was read") from error
    if sums.wrong == "data":
        name = "DATASUM" if "DATASUM" in header else "CHECKSUM"
        raise FileRefused(f"{dp_id}: {name} does not hold, the file is damaged")
    return sums.n_held, sums.wrong == "header"

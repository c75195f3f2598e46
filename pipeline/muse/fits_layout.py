"""Where the headers and data of a FITS file lie, read off its bytes alone.

FITS files are opened by astropy; before that, this says whether their structure can be trusted:
astropy follows a header wherever it leads, which may be hours of reading or memory without bound.
"""

import math
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import CubeUnreadable

BLOCK = 2880  # bytes; FITS standard 4.0, section 3.1
CARD = 80
MAX_HEADER_BLOCKS = 4096  # 11 MB; headers of MUSE cubes have 0.1 MB
MAX_HDUS = 1024  # MUSE products have 3 to 4, pixel tables of all channels 25
MAX_AXES = 999
_INTEGER = re.compile(rb"([A-Z0-9_-]{1,8}) *= *([+-]?\d{1,20}) *(?:/.*)?$")


@dataclass(frozen=True)
class Span:
    """One header with its data: offsets in the file [byte]."""

    name: str  # EXTNAME, "PRIMARY" of the first, "" if it has none
    start: int  # of the header
    data: int  # of the data; the end of the header
    size: int  # of the data, without padding
    end: int  # of the padded data


def check_regular(path: Path) -> int:
    """Size of a regular file [byte], links followed.

    Raises
    ------
    CubeUnreadable
        If it is a pipe, a device, a socket or a folder, which would block or never end, or if it
        cannot be reached.
    """
    try:
        status = path.stat()
    except (OSError, ValueError, RuntimeError) as error:
        raise CubeUnreadable(f"{path.name}: cannot be read ({_reason(error)})") from error
    if not stat.S_ISREG(status.st_mode):
        kinds = {
            stat.S_IFIFO: "a named pipe",
            stat.S_IFSOCK: "a socket",
            stat.S_IFDIR: "a folder",
            stat.S_IFCHR: "a device",
            stat.S_IFBLK: "a device",
        }
        kind = kinds.get(stat.S_IFMT(status.st_mode), "something else")
        raise CubeUnreadable(f"{path.name}: {kind}, not a file; remove it from the folder")
    return status.st_size


def layout(path: Path) -> list[Span]:
    """Every header and data unit of a FITS file, in order.

    Raises
    ------
    CubeUnreadable
        If it is no regular file, no FITS file, or if a header is not that of a FITS extension.
        Bytes after the last unit that are no header are ignored, as the standard asks.
    """
    size = check_regular(path)
    try:
        with path.open("rb") as file:
            return list(_spans(path, file.fileno(), size))
    except OSError as error:
        raise CubeUnreadable(f"{path.name}: cannot be read ({_reason(error)})") from error


def _spans(path: Path, file: int, size: int) -> Iterator[Span]:
    start = 0
    for number in range(MAX_HDUS):
        if number and start >= size:
            return
        first = os.pread(file, CARD, start)
        expected = b"XTENSION" if number else b"SIMPLE  "
        if not first.startswith(expected):
            if number == 0:
                raise CubeUnreadable(f"{path.name}: not a readable FITS file (no SIMPLE card)")
            return
        cards = list(_cards(path, file, start))
        data = start + -(-(len(cards) + 1) * CARD // BLOCK) * BLOCK
        values = _integers(cards)
        n_bytes = _data_size(path, values, number)
        end = data + -(-n_bytes // BLOCK) * BLOCK
        yield Span(_name(cards, number), start, data, n_bytes, end)
        start = end


def _cards(path: Path, file: int, start: int) -> Iterator[bytes]:
    """The cards of a header before END."""
    for block in range(MAX_HEADER_BLOCKS):
        content = os.pread(file, BLOCK, start + block * BLOCK)
        for first in range(0, len(content), CARD):
            card = content[first : first + CARD]
            if card.rstrip() == b"END":
                return
            yield card
        if len(content) < BLOCK:
            raise CubeUnreadable(
                f"{path.name}: not a readable FITS file (truncated in the header at byte {start})"
            )
    raise CubeUnreadable(
        f"{path.name}: not a readable FITS file (header at byte {start} of more than "
        f"{MAX_HEADER_BLOCKS * BLOCK} bytes)"
    )


def _integers(cards: list[bytes]) -> dict[str, int]:
    """The integers of a header; of a keyword that is repeated the first counts."""
    found: dict[str, int] = {}
    for card in cards:
        match = _INTEGER.match(card.rstrip())
        if match:
            found.setdefault(match[1].decode("ascii"), int(match[2]))
    return found


def _data_size(path: Path, values: dict[str, int], number: int) -> int:
    """Bytes of a data unit; FITS standard 4.0, equations 1 and 2."""
    where = f"{path.name}: header {number}"
    bits, axes = values.get("BITPIX"), values.get("NAXIS")
    if bits not in (8, 16, 32, 64, -32, -64):
        raise CubeUnreadable(f"{where}: BITPIX = {bits}; allowed are 8, 16, 32, 64, -32, -64")
    if axes is None or not 0 <= axes <= MAX_AXES:
        raise CubeUnreadable(f"{where}: NAXIS = {axes}; allowed are 0 to {MAX_AXES}")
    if axes == 0:
        return 0
    lengths = [values.get(f"NAXIS{axis}", -1) for axis in range(1, axes + 1)]
    if min(lengths) < 0:
        axis = next(n for n, length in enumerate(lengths, start=1) if length < 0)
        shown = values.get(f"NAXIS{axis}", "missing")
        raise CubeUnreadable(f"{where}: NAXIS{axis} = {shown}; 0 or more is needed")
    parameters, groups = values.get("PCOUNT", 0), values.get("GCOUNT", 1)
    if parameters < 0 or groups < 1:
        raise CubeUnreadable(f"{where}: PCOUNT = {parameters}, GCOUNT = {groups}; 0 and 1 at least")
    if lengths[0] == 0 and number == 0:
        lengths = lengths[1:]  # random groups
    return abs(bits) // 8 * groups * (parameters + math.prod(lengths))


def _name(cards: list[bytes], number: int) -> str:
    if number == 0:
        return "PRIMARY"
    for card in cards:
        if card.startswith(b"EXTNAME ="):
            value = card[9:].decode("ascii", "replace").partition("/")[0]
            return value.strip().strip("'").strip()
    return ""


def _reason(error: Exception) -> str:
    """What the system says, without the path of this machine."""
    return getattr(error, "strerror", None) or type(error).__name__

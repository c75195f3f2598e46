"""Tables and images of our own FITS files, written and read as bytes at a tenth of astropy's time.

A campaign has a dozen of them in each exposure. They are plain: images, and tables of numbers and
strings without scaling, nulls or variable lengths.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits

from pipeline.muse.cube_images import NUMBERS
from pipeline.muse.fits_layout import layout

_FORMATS = {"D": ">f8", "E": ">f4", "K": ">i8", "J": ">i4", "I": ">i2", "B": "u1"}  # of TFORM
_LETTERS = {kind.lstrip(">"): letter for letter, kind in _FORMATS.items()}
_BITPIX = {np.dtype(kind).str.lstrip("><=|"): bits for bits, kind in NUMBERS.items()}
_BLOCK, _CARD = 2880, 80  # bytes
_END = "END".ljust(_CARD)


@dataclass(frozen=True)
class Unit:
    """One extension of a file."""

    name: str
    header: fits.Header
    data: np.ndarray  # image, or records (row,) of a table

    def column(self, name: str) -> np.ndarray:
        """A column of the table, a copy in the machine's byte order."""
        return native(self.data[name])

    @property
    def image(self) -> np.ndarray:
        """The image, a copy in the machine's byte order."""
        return native(self.data)


def read_units(path: Path) -> list[Unit]:
    """The extensions of a file that was written by ``write_units``, in order.

    Raises
    ------
    CubeUnreadable
        If it is no FITS file.
    """
    content = path.read_bytes()
    found = []
    for span in layout(path)[1:]:
        header = fits.Header.fromstring(content[span.start : span.data])
        shape = [header[f"NAXIS{axis}"] for axis in range(header["NAXIS"], 0, -1)]
        if header["XTENSION"] == "IMAGE":
            kind = np.dtype(NUMBERS[header["BITPIX"]])
        else:
            kind, shape = _record(header), shape[:1]
        size = math.prod(shape) * kind.itemsize
        data = np.frombuffer(content[span.data : span.data + size], kind).reshape(shape)
        found.append(Unit(span.name, header, data))
    return found


def write_units(path: Path, units: Sequence[Unit]) -> None:
    """Write extensions behind an empty primary header; ``read_units`` reads them.

    Parameters
    ----------
    path : Path
        The file to write.
    units : sequence of Unit
        From ``image_unit`` and ``table_unit``; their headers hold what is no matter of the format.

    Raises
    ------
    KeyError
        If an array is of a type that no FITS file of ours has: a defect, not data.
    """
    primary = (_card("SIMPLE", True), _card("BITPIX", 8), _card("NAXIS", 0), _card("EXTEND", True))
    with path.open("wb") as file:
        file.write(_padded("".join((*primary, _END)).encode(), b" "))
        for unit in units:
            text = "".join(
                (*_cards(unit), unit.header.tostring(endcard=False, padding=False), _END)
            )
            file.write(_padded(text.encode("ascii"), b" "))
            file.write(_padded(unit.data.tobytes(), b"\0"))


def image_unit(pixels: np.ndarray, name: str) -> Unit:
    """An image extension, for ``write_units``."""
    return Unit(name, fits.Header(), _big_endian(np.asarray(pixels)))


def table_unit(columns: Mapping[str, np.ndarray], name: str) -> Unit:
    """A table extension, for ``write_units``: numbers, and strings as bytes."""
    arrays = {key: np.asarray(column) for key, column in columns.items()}
    length = len(next(iter(arrays.values())))
    kinds = [(key, one.dtype.newbyteorder(">")) for key, one in arrays.items()]
    records = np.empty(length, dtype=kinds)
    for key, one in arrays.items():
        records[key] = one
    return Unit(name, fits.Header(), records)


def native(array: np.ndarray) -> np.ndarray:
    """A copy in the machine's byte order, no longer tied to the file."""
    return np.array(array, dtype=array.dtype.newbyteorder("="))


def _big_endian(array: np.ndarray) -> np.ndarray:
    return array.astype(array.dtype.newbyteorder(">"), copy=False)


def _cards(unit: Unit) -> Iterator[str]:
    """The cards that say what the bytes of an extension are."""
    names, shape = unit.data.dtype.names, unit.data.shape
    if names is None:
        yield _card("XTENSION", "IMAGE")
        yield _card("BITPIX", _BITPIX[unit.data.dtype.str.lstrip("><=|")])
    else:
        shape = (*shape, unit.data.dtype.itemsize)
        yield _card("XTENSION", "BINTABLE")
        yield _card("BITPIX", 8)
    yield _card("NAXIS", len(shape))
    for axis, size in enumerate(reversed(shape), start=1):
        yield _card(f"NAXIS{axis}", size)
    yield _card("PCOUNT", 0)
    yield _card("GCOUNT", 1)
    if names is not None:
        yield _card("TFIELDS", len(names))
        for number, name in enumerate(names, start=1):
            yield _card(f"TTYPE{number}", name)
            yield _card(f"TFORM{number}", _form(unit.data.dtype[name]))
    yield _card("EXTNAME", unit.name)


def _form(kind: np.dtype) -> str:
    return f"{kind.itemsize}A" if kind.kind == "S" else _LETTERS[kind.str.lstrip("><=|")]


def _card(key: str, value: bool | int | str) -> str:
    """One card of a fixed format; ``value`` is plain: no quote, no long text."""
    if isinstance(value, str):
        return f"{key:<8}= '{value:<8}'".ljust(_CARD)
    text = "FT"[value] if isinstance(value, bool) else str(value)
    return f"{key:<8}= {text:>20}".ljust(_CARD)


def _padded(content: bytes, filler: bytes) -> bytes:
    return content + filler * (-len(content) % _BLOCK)


def _record(header: fits.Header) -> np.dtype:
    """The record of a table, from its header."""
    fields = []
    for number in range(1, header["TFIELDS"] + 1):
        form = str(header[f"TFORM{number}"])
        count, letter = form[:-1] or "1", form[-1]
        kind = f"S{count}" if letter == "A" else _FORMATS[letter]
        fields.append((str(header[f"TTYPE{number}"]), kind))
    return np.dtype(fields)

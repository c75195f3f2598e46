"""Tables and images of our own FITS files, written and read as bytes at a tenth of astropy's time.

A campaign has a dozen of them in each exposure. They are plain: images, and tables of numbers and
strings without scaling, nulls or variable lengths.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from pipeline.muse.cube_images import NUMBERS
from pipeline.muse.fits_layout import layout

_FORMATS = {"D": ">f8", "E": ">f4", "K": ">i8", "J": ">i4", "I": ">i2", "B": "u1"}  # of TFORM
_LETTERS = {kind.lstrip(">"): letter for letter, kind in _FORMATS.items()}
_BITPIX = {np.dtype(kind).str.lstrip("><=|"): bits for bits, kind in NUMBERS.items()}
_BLOCK, _CARD = 2880, 80  # bytes
_END = "END".ljust(_CARD)


class Cards:
    """The header of an extension as it was read; values are parsed when they are asked for.

    Parameters
    ----------
    text : str
        Of whole cards, as ``write_units`` writes them.
    """

    def __init__(self, text: str) -> None:
        self.images = [text[start : start + _CARD] for start in range(0, len(text), _CARD)]
        self._place = {image[:8].rstrip(): image for image in self.images if image[8:9] == "="}

    def __getitem__(self, key: str) -> Any:
        """Value of a card.

        Raises
        ------
        KeyError
            If there is none of that name.
        """
        return _parsed(self._place[key][10:].strip())

    def like(self, prefix: str) -> dict[str, Any]:
        """Values of all cards with a long name (HIERARCH) that begins with a prefix."""
        if not any(image.startswith(f"HIERARCH {prefix}") for image in self.images):
            return {}
        header = fits.Header.fromstring("".join(self.images))
        return {key: header[key] for key in header if key.startswith(prefix)}


def _parsed(text: str) -> bool | int | float | str:
    """Value of a card whose name has at most eight characters."""
    if text.startswith("'"):
        end = 1
        while text[end : end + 1] != "'" or text[end + 1 : end + 2] == "'":
            end += 2 if text[end : end + 2] == "''" else 1
        return text[1:end].replace("''", "'").rstrip()
    text = text.partition("/")[0].strip()
    if text in ("T", "F"):
        return text == "T"
    try:
        return int(text)
    except ValueError:
        return float(text)


@dataclass(frozen=True)
class Unit:
    """One extension of a file that was read."""

    name: str
    header: Cards
    data: np.ndarray  # image, or records (row,) of a table

    def column(self, name: str) -> np.ndarray:
        """A column of the table, a copy in the machine's byte order."""
        return native(self.data[name])

    @property
    def image(self) -> np.ndarray:
        """The image, a copy in the machine's byte order."""
        return native(self.data)


@dataclass(frozen=True)
class NewUnit:
    """One extension to be written; from ``image_unit`` or ``table_unit``."""

    name: str
    header: fits.Header  # what is no matter of the format
    data: np.ndarray  # image, or records (row,) of a table, big-endian


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
        header = Cards(content[span.start : span.data].decode("ascii"))
        shape = [header[f"NAXIS{axis}"] for axis in range(header["NAXIS"], 0, -1)]
        if header["XTENSION"] == "IMAGE":
            kind = np.dtype(NUMBERS[header["BITPIX"]])
        else:
            kind, shape = _record(header), shape[:1]
        size = math.prod(shape) * kind.itemsize
        data = np.frombuffer(content[span.data : span.data + size], kind).reshape(shape)
        found.append(Unit(span.name, header, data))
    return found


def write_units(path: Path, units: Sequence[NewUnit]) -> None:
    """Write extensions behind an empty primary header; ``read_units`` reads them.

    Parameters
    ----------
    path : Path
        The file to write.
    units : sequence of NewUnit

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


def image_unit(pixels: np.ndarray, name: str) -> NewUnit:
    """An image extension, for ``write_units``."""
    return NewUnit(name, fits.Header(), _big_endian(np.asarray(pixels)))


def table_unit(columns: Mapping[str, np.ndarray], name: str) -> NewUnit:
    """A table extension, for ``write_units``: numbers, and strings as bytes."""
    arrays = {key: np.asarray(column) for key, column in columns.items()}
    length = len(next(iter(arrays.values())))
    kinds = [(key, one.dtype.newbyteorder(">")) for key, one in arrays.items()]
    records = np.empty(length, dtype=kinds)
    for key, one in arrays.items():
        records[key] = one
    return NewUnit(name, fits.Header(), records)


def native(array: np.ndarray) -> np.ndarray:
    """A copy in the machine's byte order, no longer tied to the file."""
    return np.array(array, dtype=array.dtype.newbyteorder("="))


def _big_endian(array: np.ndarray) -> np.ndarray:
    return array.astype(array.dtype.newbyteorder(">"), copy=False)


def _cards(unit: NewUnit) -> Iterator[str]:
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


def _record(header: Cards) -> np.dtype:
    """The record of a table, from its header."""
    fields = []
    for number in range(1, header["TFIELDS"] + 1):
        form = str(header[f"TFORM{number}"])
        count, letter = form[:-1] or "1", form[-1]
        kind = f"S{count}" if letter == "A" else _FORMATS[letter]
        fields.append((str(header[f"TTYPE{number}"]), kind))
    return np.dtype(fields)

"""Tables and images of our own FITS files, read off the bytes at a tenth of astropy's time.

A campaign has a dozen of them in each exposure. What is written here by astropy is plain: images, and
tables of numbers and strings without scaling, nulls or variable lengths.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits

from pipeline.muse.cube_images import NUMBERS
from pipeline.muse.fits_layout import layout

_FORMATS = {"D": ">f8", "E": ">f4", "K": ">i8", "J": ">i4", "I": ">i2", "B": "u1"}  # of TFORM


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


def write_units(path: Path, hdus: list[fits.ImageHDU | fits.BinTableHDU]) -> None:
    """Write extensions behind an empty primary header."""
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path)


def table_unit(columns: Mapping[str, np.ndarray], name: str) -> fits.BinTableHDU:
    """A table extension; an array of records is half the work of an astropy table."""
    arrays = {key: np.asarray(column) for key, column in columns.items()}
    length = len(next(iter(arrays.values())))
    records = np.empty(length, dtype=[(key, one.dtype) for key, one in arrays.items()])
    for key, one in arrays.items():
        records[key] = one
    return fits.BinTableHDU(records, name=name)


def native(array: np.ndarray) -> np.ndarray:
    """A copy in the machine's byte order, no longer tied to the file."""
    return np.array(array, dtype=array.dtype.newbyteorder("="))


def _record(header: fits.Header) -> np.dtype:
    """The record of a table, from its header."""
    fields = []
    for number in range(1, header["TFIELDS"] + 1):
        form = str(header[f"TFORM{number}"])
        count, letter = form[:-1] or "1", form[-1]
        kind = f"S{count}" if letter == "A" else _FORMATS[letter]
        fields.append((str(header[f"TTYPE{number}"]), kind))
    return np.dtype(fields)

"""The samples of an image of a cube, layer by layer, however the file keeps them.

Plain floating-point images are memory maps. All others (scaled integers, images that fpack
compressed, standard deviations to be squared, mirrored grids) are converted in the layers that are
asked for, so that no cube is ever in memory as a whole.
"""

import mmap
import struct
import warnings
import weakref
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from astropy.io import fits
from astropy.io.fits.hdu.compressed import CompImageHDU

from pipeline.errors import CubeUnreadable

__all__ = ["Conversion", "ConvertedLayers", "FpackedLayers", "Layers", "SpaxelLayers", "release"]

# What astropy raises where the header or the tiles of a compressed image are damaged
_DAMAGED = (
    *(OSError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, EOFError),
    *(AssertionError, RuntimeError, MemoryError, zlib.error, struct.error, fits.VerifyError),
)
_DAMAGED_IN_C = "CfitsioException"  # in a module whose name changes from version to version


class Layers(Protocol):
    """What a memory map and a converted image have in common."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(wave, y, x)."""

    def __len__(self) -> int:
        """Number of layers."""

    def __getitem__(self, index: Any) -> np.ndarray:
        """One layer, or a slice of layers."""


@runtime_checkable
class SpaxelLayers(Layers, Protocol):
    """Layers that are made where they are read: some spaxels cost less than whole layers."""

    def at(self, layers: slice, spaxels: np.ndarray) -> np.ndarray:
        """A copy (layer, spaxel) of consecutive layers at flat indices y * nx + x, increasing."""


@dataclass(frozen=True)
class Conversion:
    """From the numbers in a file to samples: value = (scale * number + zero) ** power * factor."""

    scale: float = 1.0  # BSCALE
    zero: float = 0.0  # BZERO
    blank: int | None = None  # BLANK: the number of an integer image that stands for no data
    power: int = 1  # 2: a standard deviation becomes a variance; -1: an inverse variance does
    factor: float = 1.0  # from the unit of the image to that in which it is wanted
    mirrored: bool = False  # the first axis is reversed

    @property
    def is_none(self) -> bool:
        """Whether the numbers are the samples."""
        return self == Conversion()

    def apply(self, numbers: np.ndarray) -> np.ndarray:
        """The samples of some layers, in double precision unless they are only turned around."""
        if self.mirrored:
            numbers = numbers[..., ::-1]
        if Conversion(mirrored=self.mirrored) == self:
            return np.ascontiguousarray(numbers)
        values = np.array(numbers, dtype=float)
        if self.blank is not None:
            values[numbers == self.blank] = np.nan
        with np.errstate(all="ignore"):  # what overflows is no data
            if (self.scale, self.zero) != (1.0, 0.0):
                values = values * self.scale + self.zero
            if self.power != 1:
                values = np.where(values > 0, values, np.nan) ** self.power
            return values if self.factor == 1 else values * self.factor


class ConvertedLayers:
    """An image whose layers are converted when they are asked for."""

    def __init__(self, source: Layers, conversion: Conversion) -> None:
        self._source, self._conversion = source, conversion
        self.shape = tuple(source.shape)

    def __len__(self) -> int:
        """Number of layers."""
        return int(self.shape[0])

    def __getitem__(self, index: Any) -> np.ndarray:
        """Samples of one layer, or of a slice of layers."""
        numbers = self._source[index]
        found = self._conversion.apply(numbers)
        release(numbers)
        return found

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """All layers at once: for small cubes."""
        del copy  # it is always one
        return np.asarray(self[:], dtype=dtype)


class FpackedLayers:
    """An image that fpack compressed tile by tile; only the tiles of some layers are expanded.

    Parameters
    ----------
    path : Path
    number : int
        Of the header, from 0.
    where : str
        File and extension, for messages.

    Raises
    ------
    CubeUnreadable
        If header and tiles are not those of a compressed image; also when layers are asked for.
    """

    def __init__(self, path: Path, number: int, where: str) -> None:
        self._where = where
        with self._readable():
            hdus = fits.open(path, memmap=True)
            weakref.finalize(self, hdus.close)
            self._image = hdus[number]
            if not isinstance(self._image, CompImageHDU):
                raise TypeError("its header is not that of a compressed image")
            self.shape = tuple(int(length) for length in self._image.shape)

    @contextmanager
    def _readable(self) -> Iterator[None]:
        """Say of whatever astropy raises that the compressed image is damaged."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        except Exception as error:
            if not isinstance(error, _DAMAGED) and type(error).__name__ != _DAMAGED_IN_C:
                raise
            said = f"{type(error).__name__}: {error}"
            raise CubeUnreadable(f"{self._where}: cannot be decompressed ({said})") from error

    def __len__(self) -> int:
        """Number of layers."""
        return int(self.shape[0])

    def __getitem__(self, index: Any) -> np.ndarray:
        """Samples of one layer, or of a slice of layers."""
        with self._readable():
            if isinstance(index, slice):
                start, stop, step = index.indices(len(self))
                if start >= stop:
                    return np.empty((0, *self.shape[1:]))
                return np.asarray(self._image.section[start:stop])[::step]
            return np.asarray(self._image.section[int(index)]).reshape(self.shape[1:])


def _address(array: np.ndarray) -> int:
    return int(array.__array_interface__["data"][0])


def release(layers: np.ndarray) -> None:
    """Take layers of a read-only memory map out of the process's resident memory.

    They stay in the system's file cache. A job then shows (and is billed for) 0.15 GB instead of
    the whole cube. Maps that could hold changes of their own are left alone.
    """
    base: object = layers
    while base is not None and not isinstance(base, mmap.mmap):
        base = getattr(base, "base", None)
    if base is None or layers.flags.writeable or not layers.flags.c_contiguous:
        return
    start = _address(layers) - _address(np.frombuffer(base, np.uint8, count=1))
    first = -(-start // mmap.PAGESIZE) * mmap.PAGESIZE
    length = (start + layers.nbytes) // mmap.PAGESIZE * mmap.PAGESIZE - first
    if length > 0 and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED, first, length)

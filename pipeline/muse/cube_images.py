"""The images of a FITS file, and which of them are data, variance and flags of a cube.

The MUSE pipeline writes DATA, STAT and perhaps DQ; other tools put the data into the primary header
or call the extensions by other usual names. Images may be compressed by fpack.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits

from pipeline.errors import CubeUnreadable, ImplausibleValue
from pipeline.muse.fits_layout import Span, layout
from pipeline.muse.headers import header_at
from pipeline.muse.image_layers import Conversion, ConvertedLayers, FpackedLayers, Layers
from pipeline.muse.spectral_axis import real

NUMBERS = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}  # by BITPIX
DATA_NAMES = ("DATA", "SCI", "FLUX", "SCIENCE")
VARIANCE, DEVIATION, INVERSE = 1, 2, -1  # powers that make a variance of what an extension holds
STAT_NAMES: Mapping[str, int] = {
    "STAT": VARIANCE,
    "VARIANCE": VARIANCE,
    "VAR": VARIANCE,
    "ERROR": DEVIATION,
    "ERR": DEVIATION,
    "STDDEV": DEVIATION,
    "SIGMA": DEVIATION,
    "UNCERT": DEVIATION,
    "ERRORS": DEVIATION,
    "UNCERTAINTY": DEVIATION,
    "NOISE": DEVIATION,
    "RMS": DEVIATION,
    "STD": DEVIATION,
    "IVAR": INVERSE,
    "INVVAR": INVERSE,
    "WEIGHT": INVERSE,
    "WHT": INVERSE,
}
WEIGHTS = ("WEIGHT", "WHT")  # exposure maps and others are called so as well
MOST_BEYOND = 0.1  # of a file, after its last extension
_UNNAMED = ("", "COMPRESSED_IMAGE")  # a primary image that fpack has moved to an extension


@dataclass(frozen=True)
class Image:
    """One image of a file."""

    number: int  # of its header, from 0
    span: Span
    header: fits.Header  # of the image, also where fpack has made a table of it
    fpacked: bool

    @property
    def name(self) -> str:
        """EXTNAME in capitals, PRIMARY of the first."""
        return self.span.name.upper()

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the axes, the last first; () if there is no image, or its header is spoiled."""
        n_axes = self.header.get("NAXIS")
        is_table = str(self.header.get("XTENSION", "IMAGE")).strip() != "IMAGE"
        if is_table or not isinstance(n_axes, int) or not 0 < n_axes < 10:
            return ()
        lengths = [self.header.get(f"NAXIS{axis}") for axis in range(n_axes, 0, -1)]
        return tuple(int(one) if isinstance(one, int) else 0 for one in lengths)


def file_images(path: Path) -> list[Image]:
    """Every header of a FITS file with its image, if it has one.

    Raises
    ------
    CubeUnreadable
        If the file is not FITS.
    ImplausibleValue
        If an identity holds control characters.
    """
    found = []
    for number, span in enumerate(layout(path)):
        header = header_at(path, span)
        fpacked = header.get("ZIMAGE") is True and header.get("XTENSION") == "BINTABLE"
        image = _unpacked(header) if fpacked else _without_trivial_axes(header)
        found.append(Image(number, span, image, fpacked))
    return found


def _without_trivial_axes(header: fits.Header) -> fits.Header:
    """The header without axes of length 1 after the third, as radio astronomers' tools write them."""
    n_axes = header.get("NAXIS")
    if not isinstance(n_axes, int) or not 3 < n_axes < 10:
        return header
    more = [f"NAXIS{axis}" for axis in range(4, n_axes + 1)]
    if any(header.get(key) != 1 for key in more):
        return header
    found = header.copy()
    found["NAXIS"] = 3
    for key in more:
        found.remove(key)
    return found


def _unpacked(header: fits.Header) -> fits.Header:
    """The header of the image that fpack has made a table of."""
    found = header.copy()
    found["XTENSION"] = "IMAGE"
    for key in ("NAXIS1", "NAXIS2", "BITPIX", "NAXIS"):
        found.pop(key, None)
    n_axes = header.get("ZNAXIS")
    axes = range(1, n_axes + 1) if isinstance(n_axes, int) and 0 < n_axes < 10 else ()
    for key in ("BITPIX", "NAXIS", *(f"NAXIS{axis}" for axis in axes)):
        if isinstance(value := header.get(f"Z{key}"), int):
            found[key] = value
    return found


def data_image(path: Path, images: Sequence[Image]) -> Image:
    """The image that holds the data of the cube.

    Raises
    ------
    CubeUnreadable
        If there is none.
    """
    found = find_data(images)
    if found is None:
        raise CubeUnreadable(f"{path.name}: no extension DATA{_held(images)}")
    return found


def find_data(images: Sequence[Image]) -> Image | None:
    """The image that holds the data of a cube, None if there is none."""
    by_name = {one.name: one for one in reversed(images)}  # of two of one name the first
    for name in DATA_NAMES:
        if name in by_name:
            return by_name[name]
    if len(images[0].shape) == 3:
        return images[0]
    moved = (one for one in images if one.fpacked and one.name in _UNNAMED and len(one.shape) == 3)
    return next(moved, None)


def stat_image(path: Path, images: Sequence[Image]) -> tuple[Image, int]:
    """The image that holds the errors of the cube, and what its name says that they are.

    Raises
    ------
    CubeUnreadable
        If there is none.
    """
    by_name = {one.name: one for one in reversed(images)}
    for name, power in STAT_NAMES.items():
        if name in by_name:
            return by_name[name], power
    raise CubeUnreadable(f"{path.name}: no extension STAT{_held(images)}")


def _held(images: Sequence[Image]) -> str:
    names = [one.name for one in images]
    held = ", ".join(one.lower() if one == "PRIMARY" else one or "?" for one in names)
    return (
        f" (the file holds: {held}); a DATACUBE_FINAL of the MUSE pipeline has DATA and STAT, "
        "its variance: name the extensions so"
    )


def check_image(path: Path, image: Image) -> str:
    """File and extension, for messages, of an image that can be one of a cube.

    Raises
    ------
    CubeUnreadable, ImplausibleValue
        If it is no image of three axes.
    """
    header = image.header
    where = f"{path.name}[{image.name}]"
    if image.number and str(header.get("XTENSION", "")).strip() != "IMAGE":
        raise CubeUnreadable(f"{where}: XTENSION = {header.get('XTENSION')!r} instead of 'IMAGE'")
    if header.get("NAXIS") != 3:
        raise CubeUnreadable(f"{where}: {header.get('NAXIS')} axes instead of 3")
    if header.get("BITPIX") not in NUMBERS:
        raise CubeUnreadable(f"{where}: BITPIX {header.get('BITPIX')} instead of -32")
    for axis, length in zip((3, 2, 1), image.shape, strict=True):
        if length < 1:
            raise ImplausibleValue(f"{where}: NAXIS{axis} = {length}; at least 1 is needed")
    return where


def check_length(path: Path, images: Sequence[Image]) -> None:
    """Refuse a truncated file before a memory map past its end kills the process (SIGBUS).

    Bytes beyond the last extension are ignored, as the standard asks, unless they are so many that
    a header must be wrong.

    Raises
    ------
    CubeUnreadable
        If the file is shorter than its headers promise.
    """
    needed = max(one.span.data + one.span.size for one in images)
    size = path.stat().st_size
    if size < needed:
        raise CubeUnreadable(
            f"{path.name}: truncated, {size} bytes instead of {needed}; fetch or reduce it again"
        )
    beyond = size - max(one.span.end for one in images)
    if beyond > MOST_BEYOND * size:
        raise CubeUnreadable(
            f"{path.name}: its headers account for {size - beyond} of {size} bytes; one that says how "
            "many there are is wrong"
        )


def scaling(image: Image, where: str) -> Conversion:
    """What BSCALE, BZERO and BLANK ask for; of an image of fpack astropy has done it.

    Raises
    ------
    CubeUnreadable
        If BSCALE or BZERO is no number, or BSCALE is 0.
    """
    header = image.header
    if image.fpacked:
        return Conversion()
    scale, zero = (
        real(header, key, where) if key in header else neutral
        for key, neutral in (("BSCALE", 1.0), ("BZERO", 0.0))
    )
    if scale == 0:
        raise CubeUnreadable(f"{where}: BSCALE = 0 makes all samples the same")
    blank = header.get("BLANK") if header["BITPIX"] > 0 else None
    return Conversion(scale, zero, blank if isinstance(blank, int) else None)


def map_layers(path: Path, image: Image, conversion: Conversion, where: str) -> Layers:
    """The samples of an image, read where they are indexed.

    Raises
    ------
    CubeUnreadable
        If the file does not hold what its header says.
    """
    if image.fpacked:
        source: Layers = FpackedLayers(path, image.number, where)
        if source.shape != image.shape:
            raise CubeUnreadable(f"{where}: shape {source.shape} instead of {image.shape}")
    else:
        source = _plain(path, image, where)
    return source if conversion.is_none else ConvertedLayers(source, conversion)


def _plain(path: Path, image: Image, where: str) -> np.ndarray:
    number = np.dtype(NUMBERS[image.header["BITPIX"]])
    expected = math.prod(image.shape) * number.itemsize
    if expected != image.span.size:
        raise CubeUnreadable(f"{where}: {image.span.size} bytes of data, {expected} expected")
    try:
        # mapped for reading only: pages that were used can be given back
        return np.memmap(path, dtype=number, mode="r", offset=image.span.data, shape=image.shape)
    except (OSError, ValueError, OverflowError) as error:
        raise CubeUnreadable(f"{where}: cannot be mapped into memory ({error})") from error

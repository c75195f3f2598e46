"""The contract between reduction and measurement: a cube file as the MUSE pipeline writes it.

A DATACUBE_FINAL has a primary header with ESO keywords and two image extensions, DATA and STAT
(variance), of axes (wave, y, x). Nothing here trusts a file: whatever is wrong with it is a
``CubeUnreadable`` that names the file and what was expected.
"""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from pipeline.errors import CubeUnreadable

PIXEL_SCALE_TOLERANCE = 0.02  # relative; MUSE grids of one mode agree to 0.1 %


@dataclass(frozen=True)
class Cube:
    """A cube opened for reading; arrays are memory maps, read only where they are indexed."""

    path: Path
    header: fits.Header  # primary header
    data: np.ndarray  # (wave, y, x), big-endian float32 [cube unit], NaN: no data
    stat: np.ndarray  # (wave, y, x), variance [cube unit squared], NaN: no data
    wave_aa: np.ndarray  # (wave,), air wavelength of the layer centres
    pixel_scale_arcsec: float | None  # None: a grid of the instrument's own pixels, no sky
    unit: str  # BUNIT of DATA


def read_header(path: Path) -> fits.Header:
    """The primary header of a FITS file.

    Raises
    ------
    CubeUnreadable
        If the file cannot be opened or is not FITS.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)  # truncation is judged in open_cube
            return fits.getheader(path, 0)
    except (OSError, ValueError, IndexError, fits.VerifyError) as error:
        raise CubeUnreadable(f"{path.name}: not a readable FITS file ({error})") from error


def open_cube(path: Path) -> Cube:
    """A MUSE cube with its wavelength grid, both extensions mapped into memory.

    Raises
    ------
    CubeUnreadable
        If the file is not FITS, is shorter than its headers promise, lacks DATA or STAT, or if
        their shapes or axes are not those of a MUSE cube.
    """
    path = Path(path)
    header = read_header(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        try:
            # denywrite maps the file for reading only: pages that were used can be given back
            with fits.open(path, mode="denywrite", memmap=True, lazy_load_hdus=False) as hdus:
                _check_length(path, hdus)
                data_hdu, stat_hdu = (_extension(hdus, name, path) for name in ("DATA", "STAT"))
                if data_hdu.shape != stat_hdu.shape:
                    raise CubeUnreadable(
                        f"{path.name}: DATA has shape {data_hdu.shape}, STAT {stat_hdu.shape}"
                    )
                wave_aa = _wavelengths(data_hdu.header, path)
                scale = _pixel_scale(data_hdu.header, path)
                unit = str(data_hdu.header.get("BUNIT", ""))
                return Cube(path, header, data_hdu.data, stat_hdu.data, wave_aa, scale, unit)
        except (OSError, ValueError, TypeError, fits.VerifyError) as error:
            raise CubeUnreadable(f"{path.name}: {error}") from error


def _extension(hdus: fits.HDUList, name: str, path: Path) -> fits.ImageHDU:
    """The image extension of that name, known to be a three-dimensional float32 cube."""
    if name not in hdus:
        held = ", ".join(hdu.name or "primary" for hdu in hdus)
        raise CubeUnreadable(
            f"{path.name}: no extension {name} (the file holds: {held}); "
            "a DATACUBE_FINAL of the MUSE pipeline has DATA and STAT"
        )
    hdu = hdus[name]
    if len(hdu.shape) != 3:
        raise CubeUnreadable(f"{path.name}[{name}]: {len(hdu.shape)} axes instead of 3")
    if hdu.header["BITPIX"] != -32:
        raise CubeUnreadable(f"{path.name}[{name}]: BITPIX {hdu.header['BITPIX']} instead of -32")
    return hdu


def _check_length(path: Path, hdus: fits.HDUList) -> None:
    """Refuse a truncated file before a memory map past its end kills the process (SIGBUS)."""
    last = hdus[-1].fileinfo()
    needed = last["datLoc"] + last["datSpan"]
    size = path.stat().st_size
    if size < needed:
        raise CubeUnreadable(
            f"{path.name}: truncated, {size} bytes instead of {needed}; fetch or reduce it again"
        )


def _wavelengths(header: fits.Header, path: Path) -> np.ndarray:
    """Air wavelengths of the layers [Angstrom], increasing."""
    ctype = str(header.get("CTYPE3", ""))
    if ctype != "AWAV":
        raise CubeUnreadable(
            f"{path.name}[DATA]: CTYPE3 = {ctype!r}; expected air wavelengths, AWAV"
        )
    step = header.get("CD3_3", header.get("CDELT3"))
    missing = [key for key in ("CRVAL3", "CRPIX3") if key not in header]
    if step is None or missing:
        raise CubeUnreadable(
            f"{path.name}[DATA]: no wavelength axis ({missing or 'CD3_3'} missing)"
        )
    to_aa = u.Unit(str(header.get("CUNIT3", "Angstrom"))).to(u.AA)
    index = np.arange(header["NAXIS3"]) + 1 - header["CRPIX3"]
    wave_aa = (header["CRVAL3"] + step * index) * to_aa
    if not (np.isfinite(wave_aa).all() and step > 0):
        raise CubeUnreadable(f"{path.name}[DATA]: wavelength step {step} is not a positive number")
    return np.asarray(wave_aa, float)


def _pixel_scale(header: fits.Header, path: Path) -> float | None:
    """Size of a spaxel [arcsec] from the CD matrix: the square root of its area.

    None for the cubes of muse_scipost_make_cube, whose axes count pixels.
    """
    if str(header.get("CTYPE1", "")).strip().upper() == "PIXEL":
        return None
    for key in ("CD1_1", "CD2_2"):
        if key not in header:
            raise CubeUnreadable(f"{path.name}[DATA]: keyword {key} missing")
    matrix = np.array([[header.get(f"CD{i}_{j}", 0.0) for j in (1, 2)] for i in (1, 2)], float)
    return float(np.sqrt(abs(np.linalg.det(matrix))) * 3600)


def cube_headers(
    primary: fits.Header, spatial: fits.Header, wave_aa: np.ndarray, unit: str
) -> tuple[fits.Header, fits.Header, fits.Header]:
    """The three headers of a DATACUBE_FINAL: primary, DATA, STAT.

    Parameters
    ----------
    primary : Header
        ESO keywords of the exposure.
    spatial : Header
        NAXIS1, NAXIS2 and the celestial WCS keywords of the grid.
    wave_aa : ndarray, shape (wave,)
        Equidistant air wavelengths.
    unit : str
        BUNIT of DATA; STAT carries its square.
    """
    headers = []
    for name, bunit, kind in (("DATA", unit, "DATA"), ("STAT", f"({unit})**2", "ERROR")):
        header = fits.Header()
        header["XTENSION"] = "IMAGE"
        header["BITPIX"] = -32
        header["NAXIS"] = 3
        header["NAXIS1"] = spatial["NAXIS1"]
        header["NAXIS2"] = spatial["NAXIS2"]
        header["NAXIS3"] = len(wave_aa)
        header["PCOUNT"] = 0
        header["GCOUNT"] = 1
        header["EXTNAME"] = name
        header["HDUCLASS"] = "ESO"
        header["HDUDOC"] = "DICD"
        header["HDUCLAS1"] = "IMAGE"
        header["HDUCLAS2"] = kind
        header["SCIDATA" if name == "STAT" else "ERRDATA"] = "DATA" if name == "STAT" else "STAT"
        header["BUNIT"] = bunit
        for card in spatial.cards:
            if card.keyword not in ("NAXIS", "NAXIS1", "NAXIS2"):
                header.append(card)
        header["CTYPE3"] = "AWAV"
        header["CUNIT3"] = "Angstrom"
        header["CRPIX3"] = 1.0
        header["CRVAL3"] = float(wave_aa[0])
        header["CD3_3"] = float(wave_aa[1] - wave_aa[0]) if len(wave_aa) > 1 else 1.0
        for key in ("CD1_3", "CD2_3", "CD3_1", "CD3_2"):
            header[key] = 0.0
        headers.append(header)
    return primary, headers[0], headers[1]


def write_cube(
    path: Path,
    headers: tuple[fits.Header, fits.Header, fits.Header],
    layers: Iterable[tuple[np.ndarray, np.ndarray]],
) -> None:
    """Write a cube layer by layer: memory for one layer, never for the cube.

    Parameters
    ----------
    path : Path
        The file to write; whoever calls decides about temporary names.
    headers : tuple of Header
        Primary, DATA and STAT, from ``cube_headers``.
    layers : iterable of (data, stat), each (y, x)
        As many as NAXIS3 says; converted to big-endian float32.

    Raises
    ------
    ValueError
        If the number or the shape of the layers is not what the headers say.
    """
    primary, data_header, stat_header = headers
    shape = tuple(data_header[f"NAXIS{axis}"] for axis in (3, 2, 1))
    layer_bytes = shape[1] * shape[2] * 4
    data_bytes = layer_bytes * shape[0]
    padding = -data_bytes % 2880
    head = (fits.PrimaryHDU(header=primary).header.tostring() + data_header.tostring()).encode()
    data_start = len(head)
    middle = data_start + data_bytes + padding
    stat_head = stat_header.tostring().encode()
    stat_start = middle + len(stat_head)
    with path.open("wb") as file:
        file.write(head)
        file.seek(middle)
        file.write(stat_head)
        count = 0
        for count, (data, stat) in enumerate(layers, start=1):
            if data.shape != shape[1:] or stat.shape != shape[1:] or count > shape[0]:
                raise ValueError(f"layer {count} has shape {data.shape}, cube {shape}")
            for start, layer in ((data_start, data), (stat_start, stat)):
                file.seek(start + (count - 1) * layer_bytes)
                file.write(np.ascontiguousarray(layer, dtype=">f4").data)
        if count != shape[0]:
            raise ValueError(f"{count} layers written, {shape[0]} promised")
        file.truncate(stat_start + data_bytes + padding)

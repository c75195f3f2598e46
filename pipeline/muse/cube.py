"""The contract between reduction and measurement: a cube file as the MUSE pipeline writes it.

A DATACUBE_FINAL has a primary header with ESO keywords and two image extensions, DATA and STAT
(variance), of axes (wave, y, x). Cubes of other tools are read as well, where what they say of
themselves leads to the same: see ``cube_images``, ``spectral_axis``, ``spatial_axes``, ``variance``
and ``missing``. Nothing here trusts a file: whatever is wrong with it is a ``CubeUnreadable`` that
names the file and what was expected.
"""

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from pipeline.errors import CubeUnreadable
from pipeline.muse.compressed_file import HEAD_BYTES, expanded
from pipeline.muse.cube_checks import check_unit, check_variance
from pipeline.muse.cube_images import (
    Image,
    check_image,
    check_length,
    data_image,
    file_images,
    find_data,
    map_layers,
    scaling,
    stat_image,
)
from pipeline.muse.headers import LenientHeader, completed
from pipeline.muse.image_layers import Layers
from pipeline.muse.missing import check_flags, fill_value, quality_flags
from pipeline.muse.spatial_axes import celestial_header, spatial_axes
from pipeline.muse.spectral_axis import check_same_axis, wavelengths
from pipeline.muse.variance import AUTO, error_kind

PIXEL_SCALE_TOLERANCE = 0.02  # relative; MUSE grids of one mode agree to 0.1 %
# What tools that keep the data in the primary header, or fpack, leave in the header of the data
_OF_THE_EXPOSURE = (
    *("ARCFILE", "DATE-OBS", "MJD-OBS", "EXPTIME", "RA", "DEC", "OBJECT", "PRODCATG"),
    *("ESO INS MODE", "ESO INS DROT POSANG", "ESO PRO CATG", "ESO DPR CATG", "SIMULATED"),
    *("ESO TEL AIRM START", "ESO TEL AIRM END"),
    *("ESO TEL AMBI FWHM START", "ESO TEL AMBI FWHM END"),
    *("CTYPE1", "CRVAL1", "CRVAL2"),
    *("DATE-BEG", "MJD-BEG", "MJD-END", "TEXPTIME", "NCOMBINE", "NFILES", "SINGLEXP", "OBID2"),
)


@dataclass(frozen=True)
class Cube:
    """A cube opened for reading; arrays are memory maps or converted when they are indexed."""

    path: Path
    header: fits.Header  # of the exposure
    data: Layers  # (wave, y, x), floating point [cube unit], NaN: no data
    stat: Layers  # (wave, y, x), variance [cube unit squared]; NaN, 0 or less: no data
    wave_aa: np.ndarray  # (wave,), air wavelength of the layer centres
    pixel_scale_arcsec: float | None  # None: a grid of the instrument's own pixels, no sky
    unit: str  # BUNIT of DATA
    dq: Layers | None = None  # (wave, y, x), anything but 0: no data; None: no extension of flags
    fill: float | None = None  # value of DATA that stands for no data; None: only NaN does
    rotation_deg: float = 0.0  # of the grid against north up, east left; counter-clockwise
    notes: tuple[str, ...] = ()  # what was converted, in sentences
    celestial: fits.Header | None = None  # WCS of the grid as it is read, (y, x); None: no sky
    doubt: str = ""  # why STAT may not hold what it is taken for; such a cube is not measured


def read_header(path: Path) -> fits.Header:
    """The header of the exposure in a FITS file; a card that cannot be parsed counts as missing.

    It is the primary header, with what it lacks of time, mode and place from that of the data.

    Raises
    ------
    CubeUnreadable
        If the file cannot be opened, is not FITS, or is no regular file (a pipe, a device).
    ImplausibleValue
        If its identity holds control characters.
    """
    with expanded(path, limit=HEAD_BYTES) as plain:
        return exposure_header(file_images(plain))


def exposure_header(images: Sequence[Image]) -> fits.Header:
    """The header of the exposure among those of a file; see ``read_header``."""
    data = find_data(images)
    if data is None:
        return images[0].header  # no cube, but it may say what it is
    return completed(images[0].header, data.header, _OF_THE_EXPOSURE)


def open_cube(path: Path, *, stat: str = AUTO, scratch: Path | None = None) -> Cube:
    """A MUSE cube with its wavelength grid, its images mapped into memory.

    Parameters
    ----------
    path : Path
        Plain, compressed by fpack, or compressed as a whole.
    stat : str
        What STAT holds: "variance", "std" (standard deviations), or "auto", by header and noise.
    scratch : Path, optional
        Folder in which a file that is compressed as a whole is expanded; left out, where the
        system keeps temporary files.

    Raises
    ------
    CubeUnreadable
        If the file is not FITS, is shorter than its headers promise, lacks DATA or STAT, or if
        their shapes or axes are not those of a MUSE cube.
    ImplausibleValue
        If a header holds a value that no cube of MUSE has, or no pixel has a variance.

    Examples
    --------
    >>> from pipeline.config.settings import Settings
    >>> from pipeline.sources import simulation_plan
    >>> from pipeline.tasks.measure import build_simulation
    >>> campaign = build_simulation(simulation_plan(), Settings())
    >>> write_cube(Path("cube.fits"), campaign.headers(0), campaign.layers(0))
    >>> cube = open_cube(Path("cube.fits"))
    >>> cube.data.shape, cube.wave_aa[:2].tolist()
    ((185, 304, 315), [4750.0, 4775.0])
    """
    path = Path(path)
    with expanded(path, scratch) as plain:
        return replace(_opened(plain, stat), path=path)


def read_unit(path: Path) -> str:
    """BUNIT of the data of a cube, from its headers alone.

    Raises
    ------
    CubeUnreadable, ImplausibleValue
        As ``open_cube``.
    """
    with expanded(path, limit=HEAD_BYTES) as plain:
        image = data_image(plain, file_images(plain))
        return check_unit(image.header, f"{plain.name}[{image.name}]")


def _opened(path: Path, asked: str) -> Cube:
    images = file_images(path)
    check_length(path, images)
    data_unit = data_image(path, images)
    where = check_image(path, data_unit)
    stat_unit, by_name = stat_image(path, images)
    where_stat = check_image(path, stat_unit)
    if data_unit.shape != stat_unit.shape:
        raise CubeUnreadable(
            f"{path.name}: DATA has shape {data_unit.shape}, STAT {stat_unit.shape}"
        )
    header = data_unit.header
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", AstropyWarning)
        wave_aa, notes = wavelengths(header, where, data_unit.shape[0])
        check_same_axis(stat_unit.header, where_stat, wave_aa, header)
        axes = spatial_axes(header, where)
        unit = check_unit(header, where)
        scaled = replace(scaling(data_unit, where), mirrored=axes.mirrored)
        scaled_stat = replace(scaling(stat_unit, where_stat), mirrored=axes.mirrored)
        data = map_layers(path, data_unit, scaled, where)
        stat = map_layers(path, stat_unit, scaled_stat, where_stat)
        kind = error_kind(data, stat, (header, stat_unit.header), by_name, where_stat, asked)
        as_variance = replace(scaled_stat, power=kind.power, factor=kind.factor)
        stat = map_layers(path, stat_unit, as_variance, where_stat)
        check_variance(path, data, stat)
        dq = quality_flags(path, images, data_unit.shape, axes.mirrored)
        if dq is not None:
            check_flags(path, images, data, dq)
        fill = fill_value(data, stat)
    if axes.mirrored:
        notes += ("the first axis was reversed: the grid is mirrored on the sky",)
    notes += (kind.note,) if kind.note else ()
    notes += (f"samples of {fill:g} were taken as missing",) if fill is not None else ()
    return Cube(
        path,
        exposure_header(images),
        data,
        stat,
        wave_aa,
        axes.pixel_scale_arcsec,
        unit,
        dq,
        fill,
        axes.rotation_deg,
        notes,
        celestial_header(header, where, axes),
        kind.doubt,
    )


def cube_of_layers(
    path: Path,
    headers: tuple[fits.Header, fits.Header, fits.Header],
    data: Layers,
    stat: Layers,
) -> Cube:
    """The cube that ``open_cube`` would open, had its layers been written; they are made when read.

    Parameters
    ----------
    path : Path
        The name of the cube in messages; there need be no such file.
    headers : tuple of Header
        Primary, DATA and STAT, from ``cube_headers``.
    data, stat : Layers, shape (wave, y, x)
        STAT holds variances, and NaN alone stands for missing data.
    """
    written = (fits.PrimaryHDU(header=headers[0]).header, headers[1])
    primary, header = (LenientHeader.fromstring(one.tostring()) for one in written)
    where = f"{path.name}[DATA]"
    wave_aa, notes = wavelengths(header, where, len(data))
    axes = spatial_axes(header, where)
    return Cube(
        path,
        completed(primary, header, _OF_THE_EXPOSURE),
        data,
        stat,
        wave_aa,
        axes.pixel_scale_arcsec,
        check_unit(header, where),
        rotation_deg=axes.rotation_deg,
        notes=notes,
        celestial=celestial_header(header, where, axes),
    )


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

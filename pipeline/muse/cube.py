"""The contract between reduction and measurement: a cube file as the MUSE pipeline writes it.

A DATACUBE_FINAL has a primary header with ESO keywords and two image extensions, DATA and STAT
(variance), of axes (wave, y, x). Nothing here trusts a file: whatever is wrong with it is a
``CubeUnreadable`` that names the file and what was expected.
"""

import math
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy import units as u
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from pipeline.errors import CubeUnreadable, ImplausibleValue
from pipeline.muse.cube_checks import check_units, check_variance
from pipeline.muse.fits_layout import CARD, Span, layout
from pipeline.muse.missing import fill_value, quality_flags

WAVE_LIMITS_AA = (2000.0, 20000.0)  # far beyond the 4600 to 9350 A of the instrument
GRID_TOLERANCE = 0.01  # of a layer: DATA and STAT of one cube have the same axis
_IDENTITY = (b"ARCFILE ", b"DATE-OBS")
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
    dq: np.ndarray | None = None  # (wave, y, x), anything but 0: no data; None: no extension DQ
    fill: float | None = None  # value of DATA that stands for no data; None: only NaN does


class _LenientHeader(fits.Header):  # type: ignore[misc]
    """A header in which a card that cannot be parsed counts as missing."""

    def __getitem__(self, key: Any) -> Any:
        try:
            return super().__getitem__(key)
        except fits.VerifyError as error:
            raise KeyError(f"Keyword {key!r} cannot be read.") from error


def read_header(path: Path) -> fits.Header:
    """The primary header of a FITS file; a card that cannot be parsed counts as missing.

    Raises
    ------
    CubeUnreadable
        If the file cannot be opened, is not FITS, or is no regular file (a pipe, a device).
    ImplausibleValue
        If its identity holds control characters.
    """
    return _header(path, layout(path)[0])


def _header(path: Path, span: Span) -> fits.Header:
    try:
        with path.open("rb") as file:
            file.seek(span.start)
            content = file.read(span.data - span.start)
    except OSError as error:
        raise CubeUnreadable(f"{path.name}: cannot be read ({error.strerror})") from error
    for start in range(0, len(content), CARD):
        card = content[start : start + CARD]
        if card.startswith(_IDENTITY) and any(byte < 32 or byte == 127 for byte in card):
            raise ImplausibleValue(
                f"{path.name}: {card[:8].decode('latin-1').strip()} holds control characters "
                f"({card[9:].decode('latin-1').strip()!r}); printable ASCII is allowed"
            )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        try:
            return _LenientHeader.fromstring(content)
        except (ValueError, TypeError, IndexError, fits.VerifyError) as error:
            raise CubeUnreadable(f"{path.name}: not a readable FITS file ({error})") from error


def open_cube(path: Path) -> Cube:
    """A MUSE cube with its wavelength grid, both extensions mapped into memory.

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
    spans = layout(path)
    header = _header(path, spans[0])
    _check_length(path, spans)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", AstropyWarning)
        headers = [_header(path, span) for span in spans]
        data_header, data = _extension(path, spans, headers, "DATA")
        stat_header, stat = _extension(path, spans, headers, "STAT")
        if data.shape != stat.shape:
            raise CubeUnreadable(f"{path.name}: DATA has shape {data.shape}, STAT {stat.shape}")
        wave_aa = _wavelengths(data_header, path, data.shape[0])
        _check_stat_axis(stat_header, path, wave_aa)
        scale = _pixel_scale(data_header, path)
        unit = check_units(data_header, stat_header, path)
        check_variance(path, data, stat)
        dq = quality_flags(path, spans, headers, data.shape)
        fill = fill_value(data, stat)
    return Cube(path, header, data, stat, wave_aa, scale, unit, dq, fill)


def _extension(
    path: Path, spans: Sequence[Span], headers: Sequence[fits.Header], name: str
) -> tuple[fits.Header, np.ndarray]:
    """Header and map of the image extension of that name, a three-dimensional float32 cube."""
    names = [span.name.upper() for span in spans]
    if name not in names:
        held = ", ".join(one.lower() if one == "PRIMARY" else one or "?" for one in names)
        raise CubeUnreadable(
            f"{path.name}: no extension {name} (the file holds: {held}); "
            "a DATACUBE_FINAL of the MUSE pipeline has DATA and STAT"
        )
    number = names.index(name)
    span, header = spans[number], headers[number]
    where = f"{path.name}[{name}]"
    if str(header.get("XTENSION", "")).strip() != "IMAGE":
        raise CubeUnreadable(f"{where}: XTENSION = {header.get('XTENSION')!r} instead of 'IMAGE'")
    if header.get("NAXIS") != 3:
        raise CubeUnreadable(f"{where}: {header.get('NAXIS')} axes instead of 3")
    if header.get("BITPIX") != -32:
        raise CubeUnreadable(f"{where}: BITPIX {header.get('BITPIX')} instead of -32")
    for key, neutral in (("BSCALE", 1), ("BZERO", 0)):
        if header.get(key, neutral) != neutral:
            raise CubeUnreadable(
                f"{where}: {key} = {header[key]}, but the numbers of a cube are not scaled; "
                "write it anew without BSCALE and BZERO"
            )
    shape = tuple(int(header.get(f"NAXIS{axis}", 0)) for axis in (3, 2, 1))
    for axis, length in zip((3, 2, 1), shape, strict=True):
        if length < 1:
            raise ImplausibleValue(f"{where}: NAXIS{axis} = {length}; at least 1 is needed")
    if math.prod(shape) * 4 != span.size:
        raise CubeUnreadable(f"{where}: {span.size} bytes of data, {math.prod(shape) * 4} expected")
    try:
        # mapped for reading only: pages that were used can be given back
        return header, np.memmap(path, dtype=">f4", mode="r", offset=span.data, shape=shape)
    except (OSError, ValueError, OverflowError) as error:
        raise CubeUnreadable(f"{where}: cannot be mapped into memory ({error})") from error


def _check_length(path: Path, spans: Sequence[Span]) -> None:
    """Refuse a truncated file before a memory map past its end kills the process (SIGBUS)."""
    needed = max(span.data + span.size for span in spans)
    size = path.stat().st_size
    if size < needed:
        raise CubeUnreadable(
            f"{path.name}: truncated, {size} bytes instead of {needed}; fetch or reduce it again"
        )


def _wavelengths(header: fits.Header, path: Path, n_wave: int) -> np.ndarray:
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
    start, pixel = (_real(header, key, path) for key in ("CRVAL3", "CRPIX3"))
    step = _real(header, "CD3_3" if "CD3_3" in header else "CDELT3", path)
    if not step > 0:
        raise CubeUnreadable(f"{path.name}[DATA]: wavelength step {step} is not a positive number")
    try:
        to_aa = u.Unit(str(header.get("CUNIT3", "Angstrom"))).to(u.AA)
    except (ValueError, TypeError, u.UnitConversionError) as error:
        raise CubeUnreadable(f"{path.name}[DATA]: CUNIT3: {error}") from error
    wave_aa = np.asarray((start + step * (np.arange(n_wave) + 1 - pixel)) * to_aa, float)
    shortest, longest = WAVE_LIMITS_AA
    if not (shortest <= wave_aa[0] and wave_aa[-1] <= longest):  # NaN as well
        raise ImplausibleValue(
            f"{path.name}[DATA]: CRVAL3 = {start:g}, step {step:g}: layers from {wave_aa[0]:g} to "
            f"{wave_aa[-1]:g} A; {shortest:g} to {longest:g} A are possible"
        )
    return wave_aa


def _check_stat_axis(header: fits.Header, path: Path, wave_aa: np.ndarray) -> None:
    """The variance must be on the wavelengths of the data; without an axis of its own it is."""
    if "CRVAL3" not in header or not str(header.get("CTYPE3", "AWAV")).strip():
        return
    stat_aa = _wavelengths(header, path, len(wave_aa))
    step = wave_aa[1] - wave_aa[0] if len(wave_aa) > 1 else 1.0
    off = float(np.abs(stat_aa - wave_aa).max())
    if off > GRID_TOLERANCE * step:
        raise ImplausibleValue(
            f"{path.name}: STAT is on another wavelength grid than DATA (up to {off:g} A apart, "
            f"{GRID_TOLERANCE * step:g} A are allowed)"
        )


def _real(header: fits.Header, key: str, path: Path) -> float:
    """A card that must be a number."""
    value = header.get(key)  # None: a card that cannot be parsed
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise CubeUnreadable(f"{path.name}[DATA]: {key} = {value!r} is not a number")
    return float(value)


def _pixel_scale(header: fits.Header, path: Path) -> float | None:
    """Size of a spaxel [arcsec] from the CD matrix: the square root of its area.

    None for the cubes of muse_scipost_make_cube, whose axes count pixels.
    """
    if str(header.get("CTYPE1", "")).strip().upper() == "PIXEL":
        return None
    for key in ("CD1_1", "CD2_2"):
        if key not in header:
            raise CubeUnreadable(f"{path.name}[DATA]: keyword {key} missing")
    names = [[f"CD{i}_{j}" for j in (1, 2)] for i in (1, 2)]
    matrix = [[_real(header, key, path) if key in header else 0.0 for key in row] for row in names]
    return float(np.sqrt(abs(np.linalg.det(np.array(matrix)))) * 3600)


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

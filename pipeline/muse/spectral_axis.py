"""Wavelengths of the layers of a cube, from whatever a FITS header may say of its third axis."""

import math

import numpy as np
from astropy import units as u
from astropy.io import fits

from pipeline.errors import CubeUnreadable, ImplausibleValue

WAVE_LIMITS_AA = (2000.0, 20000.0)  # far beyond the 4600 to 9350 A of the instrument
GRID_TOLERANCE = 0.01  # of a layer: DATA and STAT of one cube have the same axis
KNOWN_TYPES = ("AWAV", "WAVE", "AWAV-LOG", "WAVE-LOG")
VACUUM = "vacuum wavelengths were converted to air"
_GUESSED_UNITS = (u.AA, u.nm, u.um, u.m)  # of an axis without CUNIT3: one at most is possible


def air_from_vacuum(wave_aa: np.ndarray) -> np.ndarray:
    """Wavelengths in dry air of 15 degrees Celsius of wavelengths in vacuum [Angstrom].

    Ciddor 1996 (Applied Optics 35, 1566), equation 1. The formula of the FITS standard is that of
    air at 0 degrees, in which wavelengths are 0.1 Angstrom shorter.

    Parameters
    ----------
    wave_aa : ndarray
        In vacuum, above 2000 Angstrom.

    Examples
    --------
    >>> round(float(air_from_vacuum(np.array(6564.614))), 2)  # H alpha
    6562.8
    """
    squared = (1e4 / np.asarray(wave_aa, float)) ** 2  # wave number, per micrometre
    refraction = 0.05792105 / (238.0185 - squared) + 0.00167917 / (57.362 - squared)
    return np.asarray(wave_aa / (1 + refraction))


def wavelengths(header: fits.Header, where: str, n_wave: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """Air wavelengths of the layers [Angstrom], increasing, and what was converted.

    Parameters
    ----------
    header : Header
        Of the image.
    where : str
        File and extension, for messages.
    n_wave : int
        Number of layers.

    Raises
    ------
    CubeUnreadable
        If the third axis is none of wavelengths, or its keywords are missing or no numbers.
    ImplausibleValue
        If its wavelengths are those of no optical instrument.
    """
    kind = str(header.get("CTYPE3", "")).strip().upper()
    if kind not in KNOWN_TYPES:
        raise CubeUnreadable(_wrong_axis(header, where, kind))
    step_key = "CD3_3" if "CD3_3" in header else "CDELT3"
    missing = [key for key in ("CRVAL3",) if key not in header]
    if step_key not in header or missing:
        raise CubeUnreadable(f"{where}: no wavelength axis ({missing or 'CD3_3'} missing)")
    start, step = real(header, "CRVAL3", where), real(header, step_key, where)
    pixel = real(header, "CRPIX3", where) if "CRPIX3" in header else 0.0
    if step_key == "CDELT3" and "PC3_3" in header:
        step *= real(header, "PC3_3", where)
    if not step > 0:
        raise CubeUnreadable(
            f"{where}: wavelength step {step} is not a positive number; write the layers in the "
            "order of increasing wavelength"
        )
    unit = _unit(header, where, start)
    offset = step * (np.arange(n_wave) + 1 - pixel)
    with np.errstate(all="ignore"):
        grid = start * np.exp(offset / start) if kind.endswith("-LOG") else start + offset
        wave_aa = np.asarray(grid * unit.to(u.AA), float)
    shortest, longest = WAVE_LIMITS_AA
    if not (shortest <= wave_aa[0] and wave_aa[-1] <= longest):  # NaN as well
        raise ImplausibleValue(
            f"{where}: CRVAL3 = {start:g}, step {step:g}: layers from {wave_aa[0]:g} to "
            f"{wave_aa[-1]:g} A; {shortest:g} to {longest:g} A are possible"
        )
    if kind.startswith("WAVE"):
        return air_from_vacuum(wave_aa), (VACUUM,)
    return wave_aa, ()


def _wrong_axis(header: fits.Header, where: str, kind: str) -> str:
    """What is wrong with a third axis that is not one of wavelengths, and what to do."""
    for axis in (1, 2):
        if str(header.get(f"CTYPE{axis}", "")).strip().upper() in KNOWN_TYPES:
            return (
                f"{where}: the wavelengths are on axis {axis}; write the cube with the axes "
                "x, y, wavelength (NAXIS1, NAXIS2, NAXIS3)"
            )
    return (
        f"{where}: CTYPE3 = {kind!r}; expected air wavelengths, AWAV, or vacuum wavelengths, WAVE: "
        "set CTYPE3 to what they are"
    )


def _unit(header: fits.Header, where: str, start: float) -> u.UnitBase:
    """Unit of the axis; without CUNIT3 the one in which its reference is an optical wavelength."""
    text = str(header.get("CUNIT3", "")).strip()
    if not text:
        shortest, longest = WAVE_LIMITS_AA
        possible = (one for one in _GUESSED_UNITS if shortest <= start * one.to(u.AA) <= longest)
        return next(possible, u.AA)
    if text in ("A", "Ang", "ang"):  # A is the ampere of the standard
        return u.AA
    try:
        unit = u.Unit(text)
        unit.to(u.AA)
    except (ValueError, TypeError, u.UnitConversionError):
        try:  # Angstroms, ANGSTROM, MICRON: no units of the standard, but often met
            unit = u.Unit(text.lower().removesuffix("s"))
            unit.to(u.AA)
        except (ValueError, TypeError, u.UnitConversionError) as error:
            raise CubeUnreadable(f"{where}: CUNIT3 = {text!r}: {error}") from error
    return unit


def check_same_axis(
    header: fits.Header, where: str, wave_aa: np.ndarray, described: fits.Header
) -> None:
    """Make sure that a further image has the wavelengths of the data.

    An image without an axis of its own is. Air or vacuum is what the data say: tools that set it
    forget the other extensions.

    Parameters
    ----------
    header : Header
        Of the image beside the data; ``described`` is that of the data.

    Raises
    ------
    ImplausibleValue
        If its wavelengths are others.
    """
    kind = str(header.get("CTYPE3", "AWAV")).strip().upper()
    if "CRVAL3" not in header or not kind:
        return
    if kind not in KNOWN_TYPES:
        raise ImplausibleValue(f"{where}: CTYPE3 = {kind!r}; that of DATA is expected")
    complete = header.copy()
    complete["CTYPE3"] = described["CTYPE3"]
    if "CUNIT3" not in complete and "CUNIT3" in described:
        complete["CUNIT3"] = described["CUNIT3"]
    own_aa, _ = wavelengths(complete, where, len(wave_aa))
    step = wave_aa[1] - wave_aa[0] if len(wave_aa) > 1 else 1.0
    off = float(np.abs(own_aa - wave_aa).max())
    if off > GRID_TOLERANCE * step:
        file, _, name = where.rstrip("]").partition("[")
        raise ImplausibleValue(
            f"{file}: {name or 'STAT'} is on another wavelength grid than DATA (up to {off:g} A "
            f"apart, {GRID_TOLERANCE * step:g} A are allowed)"
        )


def real(header: fits.Header, key: str, where: str) -> float:
    """A card that must be a number.

    Raises
    ------
    CubeUnreadable
        If it is not.
    """
    value = header.get(key)  # None: a card that cannot be parsed
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise CubeUnreadable(f"{where}: {key} = {value!r} is not a number")
    return float(value)

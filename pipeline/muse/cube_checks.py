"""Whether data, variance and units of a cube can be those of a MUSE cube."""

import warnings
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.io import fits

from pipeline.errors import ImplausibleValue

SAMPLED_SHARES = (0.1, 0.5, 0.9)  # of the layers: beside the sodium notch, and clear of both ends
_COUNTS = ("", "count", "counts", "ct", "adu", "electron", "electrons", "e-", "dn")
_FLUX = u.erg / u.s / u.cm**2 / u.AA


def check_units(data: fits.Header, stat: fits.Header, path: Path) -> str:
    """BUNIT of the data, known to be a flux density or counts.

    Raises
    ------
    ImplausibleValue
        If it is something else, or if BUNIT of STAT is there and not its square.
    """
    text = str(data.get("BUNIT", "")).strip()
    unit = _parsed(text)
    if text.lower() not in _COUNTS and (unit is None or not unit.is_equivalent(_FLUX)):
        raise ImplausibleValue(
            f"{path.name}[DATA]: BUNIT = {text!r}; a flux per wavelength is expected, as in "
            "10**(-20)*erg/s/cm**2/Angstrom, or count"
        )
    square = str(stat.get("BUNIT", "")).strip()
    variance = _parsed(square)
    if unit is not None and variance is not None and not _same(variance, unit**2):
        raise ImplausibleValue(
            f"{path.name}[STAT]: BUNIT = {square!r} is not the square of that of DATA, {text!r}; "
            "STAT holds variances"
        )
    return text


def _same(one: u.UnitBase, other: u.UnitBase) -> bool:
    return bool(one.is_equivalent(other)) and abs(one.to(other) - 1) < 1e-6


def _parsed(text: str) -> u.UnitBase | None:
    """The unit that a BUNIT names, None if it is empty or cannot be parsed."""
    if not text:
        return None
    power = 1
    if text.startswith("(") and text.endswith(")**2"):  # as the pipeline writes the unit of STAT
        text, power = text[1 : -len(")**2")], 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", u.UnitsWarning)
        try:
            return u.Unit(text) ** power
        except (ValueError, TypeError, ArithmeticError):
            return None


def check_variance(path: Path, data: np.ndarray, stat: np.ndarray) -> None:
    """Make sure that measured pixels have a variance, in three layers of the cube.

    Parameters
    ----------
    data, stat : ndarray, shape (wave, y, x)

    Raises
    ------
    ImplausibleValue
        If no pixel with data has a positive, finite variance.
    """
    seen = False
    for layer in sorted({int(share * (len(data) - 1)) for share in SAMPLED_SHARES}):
        measured = np.isfinite(data[layer])
        variance = stat[layer][measured]
        if bool((np.isfinite(variance) & (variance > 0)).any()):
            return
        seen |= bool(measured.any())
    if seen:
        raise ImplausibleValue(
            f"{path.name}: STAT has no positive value where DATA is measured; more than 0 is needed"
        )

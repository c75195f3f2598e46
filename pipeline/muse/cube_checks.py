"""Whether data, variance and units of a cube can be those of a MUSE cube."""

import re
import warnings
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.io import fits

from pipeline.errors import ImplausibleValue
from pipeline.muse.image_layers import Layers

SAMPLED_SHARES = (0.1, 0.5, 0.9)  # of the layers: beside the sodium notch, and clear of both ends
_COUNTS = ("", "count", "counts", "ct", "adu", "electron", "electrons", "e-", "dn")
_SPELLINGS = tuple(  # that are no units of the standard, or another one: A is the ampere
    (re.compile(pattern), name)
    for pattern, name in (
        (r"\b(A|Ang|ang|Angstroms|angstroms)(?=\b|\d)", "Angstrom"),
        (r"\bergs\b", "erg"),
        (r"\s*/\s*(spaxel|spax|pixel|pix)\b", ""),
    )
)
_FLUX = u.erg / u.s / u.cm**2 / u.AA


def check_unit(data: fits.Header, where: str) -> str:
    """BUNIT of the data, known to be a flux density or counts.

    Raises
    ------
    ImplausibleValue
        If it is something else.
    """
    text = str(data.get("BUNIT", "")).strip()
    unit = parsed_unit(text)
    if text.lower() not in _COUNTS and (unit is None or not unit.is_equivalent(_FLUX)):
        raise ImplausibleValue(
            f"{where}: BUNIT = {text!r}; a flux per wavelength is expected, as in "
            "10**(-20)*erg/s/cm**2/Angstrom, or count"
        )
    return text


def parsed_unit(text: str) -> u.UnitBase | None:
    """The unit that a BUNIT names, None if it is empty or cannot be parsed."""
    if not text:
        return None
    power = 1
    if text.startswith("(") and text.endswith(")**2"):  # as the pipeline writes the unit of STAT
        text, power = text[1 : -len(")**2")], 2
    for spelling, name in _SPELLINGS:
        text = spelling.sub(name, text)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", u.UnitsWarning)
        try:
            return u.Unit(text) ** power
        except (ValueError, TypeError, ArithmeticError):
            return None


def check_variance(path: Path, data: Layers, stat: Layers) -> None:
    """Make sure that measured pixels have a variance, in three layers of the cube.

    Parameters
    ----------
    data, stat : Layers, shape (wave, y, x)

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

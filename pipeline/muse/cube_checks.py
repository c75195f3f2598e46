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
_COUNTS = ("count", "counts", "ct", "adu", "electron", "electrons", "e-", "dn", "photon", "photons")
_NO_UNIT = ("", "none", "unknown", "unitless", "dimensionless")
_POWER = re.compile(r"\((.*)\)\*\*\(?(-?\d+)\)?")  # as the pipeline writes the unit of STAT
_SPELLINGS = tuple(  # that are no units of the standard, or another one: A is the ampere
    (re.compile(pattern), name)
    for pattern, name in (
        (r"\b(A|Ang|ang|Angstroms|angstroms)(?=\b|\d)", "Angstrom"),
        (r"\bergs\b", "erg"),
        (r"\s*/\s*(spaxel|spax|pixel|pix)\b", ""),
        (r"\b(FLAM|flam)\b", "erg/s/cm**2/Angstrom"),
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
    is_flux = unit is not None and unit.is_equivalent(_FLUX)
    if not (is_flux or _is_counts(text.lower())):
        raise ImplausibleValue(
            f"{where}: BUNIT = {text!r}; a flux per wavelength is expected, as in "
            "10**(-20)*erg/s/cm**2/Angstrom, or count: correct BUNIT, or convert the cube"
        )
    return text


def _is_counts(text: str) -> bool:
    """Whether a unit is none, or one of counts, in all or for each second."""
    return text in _NO_UNIT or text.removesuffix("/s").removesuffix(" s-1").strip() in _COUNTS


def parsed_unit(text: str) -> u.UnitBase | None:
    """The unit that a BUNIT names, None if it is empty or cannot be parsed."""
    if not text:
        return None
    power = 1
    if match := _POWER.fullmatch(text):
        text, power = match[1], int(match[2])
    for spelling, name in _SPELLINGS:
        text = spelling.sub(name, text)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", u.UnitsWarning)
        for spelled in (text, text.lower().replace("angstrom", "Angstrom")):
            try:
                return u.Unit(spelled) ** power
            except (ValueError, TypeError, ArithmeticError):
                continue
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

"""The modes of MUSE as data: wavelengths, sodium notch, size of a spaxel.

Wavelengths are those of the ESO user manual of MUSE; a new mode is one line here. The laser guide
stars of the adaptive optics are kept out by a notch filter about the sodium lines.
"""

from collections.abc import Mapping
from dataclasses import dataclass

WIDE_FIELD_ARCSEC = 0.2
NARROW_FIELD_ARCSEC = 0.025


@dataclass(frozen=True)
class Mode:
    """One mode of the instrument, by its ESO INS MODE."""

    name: str
    wave_aa: tuple[float, float]  # first and last wavelength of a cube [Angstrom, air]
    notch_aa: tuple[float, float] | None  # no light in between; None: no notch
    pixel_scale_arcsec: float = WIDE_FIELD_ARCSEC

    @property
    def is_wide(self) -> bool:
        """Whether it is a wide-field mode: 60 arcsec instead of 7.5."""
        return self.pixel_scale_arcsec == WIDE_FIELD_ARCSEC


def canonical_mode(text: str) -> str:
    """The mode as MODES spells it; early headers say NONAO, and tools change the case.

    Examples
    --------
    >>> canonical_mode("wfm-nonao-n ")
    'WFM-NOAO-N'
    """
    return text.strip().upper().replace("-NONAO-", "-NOAO-")


_NOMINAL_AA, _EXTENDED_AA = (4750.0, 9350.0), (4600.0, 9350.0)

MODES: Mapping[str, Mode] = {
    mode.name: mode
    for mode in (
        Mode("WFM-NOAO-N", _NOMINAL_AA, None),
        Mode("WFM-NOAO-E", _EXTENDED_AA, None),
        Mode("WFM-AO-N", _NOMINAL_AA, (5805.0, 5966.0)),
        Mode("WFM-AO-E", _EXTENDED_AA, (5755.0, 6008.0)),
        Mode("NFM-AO-N", _NOMINAL_AA, (5780.0, 6050.0), NARROW_FIELD_ARCSEC),
    )
}
WIDE_MODES = tuple(name for name, mode in MODES.items() if mode.is_wide)  # in the study's order

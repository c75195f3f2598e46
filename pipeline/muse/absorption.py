"""Wavelengths where the atmosphere absorbs, and those that the notch filters of AO take out."""

from pipeline.muse.modes import MODES

# The bands of O2 and of water that a spectrum of Paranal shows in the range of MUSE [Angstrom, air],
# with their wings: Smette et al. 2015, A&A 576, A77, figure 1.
TELLURIC_AA = (
    ("O2 B", 6860.0, 6960.0),
    ("H2O", 7150.0, 7340.0),
    ("O2 A", 7580.0, 7720.0),
    ("H2O", 8120.0, 8350.0),
    ("H2O", 8900.0, 9500.0),
)
NOTCH = "notch"


def features_in(first_aa: float, last_aa: float) -> str:
    """Names of the absorption bands that overlap a range, and "notch"; comma separated, "": none."""
    found = [name for name, first, last in TELLURIC_AA if first_aa < last and last_aa > first]
    notches = [mode.notch_aa for mode in MODES.values() if mode.is_wide and mode.notch_aa]
    if any(first_aa < last and last_aa > first for first, last in notches):
        found.append(NOTCH)
    return ", ".join(dict.fromkeys(found))

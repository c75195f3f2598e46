"""Warnings of the recipes that every reduction meets: what they mean, and which of them matter."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class KnownMessage:
    """A warning whose meaning is known."""

    pattern: re.Pattern[str]
    matters: bool  # to whoever uses the fluxes
    meaning: str
    about: str = ""  # kind of calibration whose absence it tells


def _known(pattern: str, matters: bool, meaning: str, about: str = "") -> KnownMessage:
    return KnownMessage(re.compile(pattern), matters, meaning, about)


KNOWN = (
    _known(
        r"only found (relative|reference) lamp-flat flux",
        True,
        "no twilight flats were applied: the levels of channels against each other are those of the "
        "calibration lamps, which differ from the sky by up to 1.4 %",
        "SKYFLAT",
    ),
    _known(
        r"no (ILLUM|illumination)|without illumination",
        True,
        "no illumination flat was applied: the edges of channels are those of another temperature",
        "ILLUM",
    ),
    _known(
        r"Using default MUSE \w+ astrometry",
        False,
        "the cube's coordinates are nominal; stars are found by their pattern, not by coordinates",
    ),
    _known(
        r"Channel for IFU +\S+ is missing|Calibrations could not be loaded for IFU",
        False,
        "channels that were not asked for (reduction.channels)",
    ),
    _known(
        r"Telluric region .* outside data range",
        False,
        "a telluric band lies beyond the wavelengths of the mode or of lambdamin and lambdamax",
    ),
    _known(
        r"Computed airmass .* NOT in the range",
        False,
        "the recipe computes the airmass itself, and uses that",
    ),
)


def meaning_of(text: str) -> KnownMessage | None:
    """What is known of a warning, None if nothing is: then it is shown as it stands."""
    return next((one for one in KNOWN if one.pattern.search(text)), None)

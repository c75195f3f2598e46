"""The sources that a campaign is about: is this one variable?"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pipeline.config.passbands import Band
from pipeline.config.setting import Section, require, setting

Window = tuple[str, float, float]  # name, first and last wavelength [Angstrom, air]
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,31}")
_EDGE_AA = 1e-3  # width of the flanks of a window


@dataclass(frozen=True)
class TargetSettings(Section):
    """A source whose variability is asked for, by coordinates or by its number in the catalogue."""

    section: ClassVar[str] = "targets"

    name: str = setting("", "what it is called", stages=("statistics",), required=True)
    ra_deg: float = setting(
        math.nan, "right ascension, ICRS", stages=("statistics",), low=0, below=360
    )
    dec_deg: float = setting(
        math.nan, "declination, ICRS", stages=("statistics",), low=-90, high=90
    )
    star_id: int = setting(
        0,
        "number in the reference catalogue, instead of coordinates",
        stages=("statistics",),
        low=0,
    )
    windows: tuple[Window, ...] = setting(
        (),
        "[name, first, last wavelength in Angstrom]: light curves in windows of its own beside those "
        "in photometry.bands, for example a line and the continuum beside it",
        stages=("measure", "statistics"),
    )

    def __post_init__(self) -> None:
        by_number = self.star_id > 0
        sky = [math.isfinite(value) for value in (self.ra_deg, self.dec_deg)]
        require(bool(self.name.strip()), "targets.name is empty")
        require(
            all(sky) or (by_number and not any(sky)),
            f"targets: {self.name!r} needs ra_deg and dec_deg, or star_id",
        )
        if all(sky):
            super().__post_init__()
        for name, first, last in self.windows:
            require(
                _NAME.fullmatch(name) is not None,
                f"targets.windows of {self.name!r}: {name!r}: use up to 32 letters, digits, _ . + -",
            )
            require(
                0 < first < last,
                f"targets.windows of {self.name!r}: {name}: {first:g} to {last:g} Angstrom; the "
                "first wavelength must be the shorter",
            )


def windows_of(targets: Iterable[TargetSettings]) -> tuple[Window, ...]:
    """The windows of all targets, each once, in the order in which they are given.

    Raises
    ------
    ConfigError
        If one name stands for two windows.
    """
    found: dict[str, Window] = {}
    for target in targets:
        for window in target.windows:
            known = found.setdefault(window[0], window)
            require(
                known == window,
                f"targets.windows: {window[0]!r} is {known[1]:g} to {known[2]:g} Angstrom for one "
                f"target and {window[1]:g} to {window[2]:g} for another",
            )
    return tuple(found.values())


def window_band(window: Window) -> Band:
    """A window as a passband: 1 within, 0 outside."""
    name, first, last = window
    edge = min(_EDGE_AA, (last - first) / 4)
    return Band(
        name,
        np.array([first, first + edge, last - edge, last]),
        np.array([0.0, 1.0, 1.0, 0.0]),
        reference=f"window of {first:g} to {last:g} Angstrom",
    )

"""Which raw frames a night has, and when they are taken."""

from dataclasses import dataclass

import numpy as np

from pipeline.simulation.raw.headers import dp_id
from pipeline.simulation.raw.lamps import LAMPS

MINUTE = 1 / 1440.0  # [d]


@dataclass(frozen=True)
class Frame:
    """One raw frame of a night."""

    tag: str
    mjd: float
    lamp: str = ""

    @property
    def dp_id(self) -> str:
        """Its name in the archive."""
        return dp_id(self.mjd)


@dataclass(frozen=True)
class FrameCounts:
    """How many frames of each kind are taken; the recipes ask for three biases, flats, twilights."""

    bias: int = 3
    flat: int = 3
    arc_per_lamp: int = 1
    skyflat: int = 3
    separate_flat_bias: bool = (
        True  # the lamp flats come with biases of their own, as in the archive
    )
    twilight_illum: bool = False  # the twilights come with a lamp flat of their own

    @classmethod
    def real(cls) -> "FrameCounts":
        """What the observatory takes."""
        return cls(bias=11, flat=11, arc_per_lamp=5, skyflat=4, twilight_illum=True)


@dataclass(frozen=True)
class NightFrames:
    """The frames of one night and mode, by role."""

    std: Frame
    illum: Frame
    bias: tuple[Frame, ...]
    flat: tuple[Frame, ...]
    flat_bias: tuple[Frame, ...]
    arc: tuple[Frame, ...]
    skyflat: tuple[Frame, ...]
    twilight_illum: Frame | None = None

    def all(self) -> tuple[Frame, ...]:
        """Every frame once, in order of time."""
        roles = (self.bias, self.flat, self.flat_bias, self.arc, self.skyflat)
        frames = {self.std, self.illum, *(frame for role in roles for frame in role)}
        if self.twilight_illum:
            frames.add(self.twilight_illum)
        return tuple(sorted(frames, key=lambda frame: frame.mjd))


def schedule(mjd_start: float, counts: FrameCounts) -> NightFrames:
    """The frames around an exposure of the standard that starts at ``mjd_start``.

    Twilight flats the evening before, the lamp flat of the illumination just before, everything
    else the following morning.
    """
    evening = np.floor(mjd_start - 0.5) + 0.5 + 10.5 / 24  # 22:30 UT
    morning = np.floor(mjd_start + 0.5) + 10 / 24  # 10:00 UT

    def series(tag: str, start: float, n: int, lamp: str = "") -> tuple[Frame, ...]:
        return tuple(Frame(tag, float(start + i * MINUTE), lamp) for i in range(n))

    bias = series("BIAS", morning, counts.bias)
    flat_bias = series("BIAS", morning + 2 / 24, counts.bias) if counts.separate_flat_bias else bias
    arcs = [
        frame
        for k, lamp in enumerate(LAMPS)
        for frame in series("ARC", morning + (90 + 10 * k) * MINUTE, counts.arc_per_lamp, lamp)
    ]
    return NightFrames(
        std=Frame("STD", mjd_start),
        illum=Frame("ILLUM", mjd_start - 8 * MINUTE, "flat"),
        bias=bias,
        flat=series("FLAT", morning + 1 / 24, counts.flat, "flat"),
        flat_bias=flat_bias,
        arc=tuple(arcs),
        skyflat=series("SKYFLAT", evening, counts.skyflat),
        twilight_illum=(
            Frame("ILLUM", float(evening + 20 * MINUTE), "flat") if counts.twilight_illum else None
        ),
    )

"""Which raw frames a night has, and when they are taken."""

from dataclasses import dataclass

import numpy as np

from pipeline.simulation.raw.headers import dp_id

MINUTE = 1 / 1440.0  # [d]
ARC_LAMPS = ("HgCd", "Ne", "Xe")


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

    def all(self) -> tuple[Frame, ...]:
        """Every frame once, in order of time."""
        roles = (self.bias, self.flat, self.flat_bias, self.arc, self.skyflat)
        frames = {self.std, self.illum, *(frame for role in roles for frame in role)}
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
        for k, lamp in enumerate(ARC_LAMPS)
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
    )

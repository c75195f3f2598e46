"""A night of raw frames on disk: calibrations, the standard's field, tables and association tree.

Frames are written one channel at a time, so that 24 channels need the memory of one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.time import Time

from pipeline.simulation.draws import stream
from pipeline.simulation.raw import spectra, tree
from pipeline.simulation.raw.detector import chip_header, read_out
from pipeline.simulation.raw.exposure import Scene, sky_frame, uniform_light
from pipeline.simulation.raw.headers import Pointing, dp_id, primary_header
from pipeline.simulation.raw.optics import Channel, PixelMaps, make_channel, pixel_maps
from pipeline.simulation.raw.scene import Conditions
from pipeline.simulation.raw.static import write_static_tables

MINUTE = 1 / 1440.0  # [d]
ILLUM_LEVEL = 0.7  # relative to the lamp flats
ARC_LAMPS = ("HgCd", "Ne", "Xe")
EXPTIME_S = {"BIAS": 0.0, "FLAT": 1.0, "ARC": 10.0, "SKYFLAT": 1.0, "ILLUM": 0.35}


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


@dataclass(frozen=True)
class RawNight:
    """What ``write_night`` left on disk."""

    folder: Path
    tree: Path  # association tree in the archive's XML
    standard: str  # dp_id of the STD frame
    tables: dict[str, Path]  # static tables by category
    frames: NightFrames


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


def write_night(
    folder: Path,
    scene: Scene,
    conditions: Conditions,
    mjd_start: float,
    *,
    channels: Sequence[int],
    seed: int,
    target: tuple[str, float, float],
    counts: FrameCounts | None = None,
) -> RawNight:
    """Write the raw frames, the static tables and the association tree of one exposure.

    Parameters
    ----------
    channels : sequence of int
        The channels (1 to 24) to simulate.
    target : tuple of str, float, float
        Name and position of the standard [deg].
    """
    folder.mkdir(parents=True, exist_ok=True)
    frames = schedule(mjd_start, counts or FrameCounts())
    tables = write_static_tables(folder, conditions.mode, target)
    parts = {frame: folder / f".{frame.dp_id}.part" for frame in frames.all()}
    for frame, part in parts.items():
        header = _header(frame, conditions, target[0])
        fits.PrimaryHDU(header=header).writeto(part, overwrite=True)
    for number in channels:
        channel = make_channel(number)
        maps = pixel_maps(channel)
        expected: dict[tuple[str, str], np.ndarray | None] = {}
        for frame, part in parts.items():
            kind = (frame.tag, frame.lamp)
            if kind not in expected:
                expected[kind] = _expected(frame, conditions.mode, scene, channel, maps)
            raw = read_out(expected[kind], stream(seed, "raw", frame.dp_id, number))
            fits.append(part, raw, chip_header(number), verify=False)
    for frame, part in parts.items():
        part.replace(folder / f"{frame.dp_id}.fits")
    statics = {category: path.stem for category, path in tables.items()}
    xml = folder / f"{frames.std.dp_id}_raw2raw.xml"
    xml.write_text(tree.association_xml(frames, conditions.mode, statics), encoding="utf-8")
    return RawNight(folder, xml, frames.std.dp_id, tables, frames)


def _header(frame: Frame, conditions: Conditions, target: str) -> fits.Header:
    on_sky = frame.tag == "STD"
    pointing = conditions.pointing
    return primary_header(
        frame.tag,
        frame.mjd,
        conditions.exptime_s if on_sky else EXPTIME_S[frame.tag],
        conditions.mode,
        pointing=pointing if on_sky else Pointing(pointing.ra_deg, pointing.dec_deg, 0.0),
        lamp=frame.lamp,
        target=target if on_sky else "",
        seeing_arcsec=conditions.seeing_arcsec,
    )


def _expected(
    frame: Frame, mode: str, scene: Scene, channel: Channel, maps: PixelMaps
) -> np.ndarray | None:
    """Expected electrons of a frame, None for a bias."""
    if frame.tag == "BIAS":
        return None
    if frame.tag == "STD":
        return sky_frame(scene, channel, maps)
    if frame.tag == "ARC":
        return uniform_light(maps, spectra.arc_lamp(frame.lamp, mode))
    if frame.tag == "SKYFLAT":
        return uniform_light(maps, spectra.twilight(mode))
    level = np.float32(ILLUM_LEVEL if frame.tag == "ILLUM" else 1.0)
    return uniform_light(maps, spectra.flat_lamp(mode)) * level


def mjd_of(iso: str) -> float:
    """MJD of an ISO date and time (UT)."""
    return float(Time(iso, scale="utc").mjd)

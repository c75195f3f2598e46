"""A night of raw frames on disk: calibrations, the standard's field, tables and association tree.

Frames are written one channel at a time, so that 24 channels need the memory of one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits

from pipeline.simulation.draws import stream
from pipeline.simulation.raw import spectra, tree
from pipeline.simulation.raw.detector import chip_header, read_out
from pipeline.simulation.raw.exposure import RawScene, sky_frame, uniform_light
from pipeline.simulation.raw.frames import Frame, FrameCounts, NightFrames, schedule
from pipeline.simulation.raw.headers import Pointing, primary_header
from pipeline.simulation.raw.optics import Channel, PixelMaps, make_channel, pixel_maps
from pipeline.simulation.raw.scene import Conditions
from pipeline.simulation.raw.static import write_static_tables

ILLUM_LEVEL = 0.7  # relative to the lamp flats
ILLUM_MODE = "WFM-NOAO-N"  # 5 of 5 real ones, in nights of WFM-AO-N
EXPTIME_S = {"BIAS": 0.0, "FLAT": 1.0, "ARC": 10.0, "SKYFLAT": 1.0, "ILLUM": 0.35}


@dataclass(frozen=True)
class RawNight:
    """What ``write_night`` left on disk."""

    folder: Path
    tree: Path  # association tree in the archive's XML
    standard: str  # dp_id of the STD frame
    tables: dict[str, Path]  # static tables by category
    frames: NightFrames


def write_night(
    folder: Path,
    scene: RawScene,
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
                expected[kind] = _expected(frame, _mode(frame, conditions), scene, channel, maps)
            raw = read_out(expected[kind], stream(seed, "raw", frame.dp_id, number))
            fits.append(part, raw, chip_header(number), verify=False)
    for frame, part in parts.items():
        part.replace(folder / f"{frame.dp_id}.fits")
    statics = {category: path.stem for category, path in tables.items()}
    xml = folder / f"{frames.std.dp_id}_raw2raw.xml"
    xml.write_text(tree.association_xml(frames, conditions.mode, statics), encoding="utf-8")
    return RawNight(folder, xml, frames.std.dp_id, tables, frames)


def _mode(frame: Frame, conditions: Conditions) -> str:
    """Instrument mode of a frame: ILLUM are taken without laser filter whatever the night's mode."""
    return ILLUM_MODE if frame.tag == "ILLUM" else conditions.mode


def _header(frame: Frame, conditions: Conditions, target: str) -> fits.Header:
    on_sky = frame.tag == "STD"
    pointing = conditions.pointing
    return primary_header(
        frame.tag,
        frame.mjd,
        conditions.exptime_s if on_sky else EXPTIME_S[frame.tag],
        _mode(frame, conditions),
        pointing=pointing if on_sky else Pointing(pointing.ra_deg, pointing.dec_deg, 0.0),
        lamp=frame.lamp,
        target=target if on_sky else "",
        seeing_arcsec=conditions.seeing_arcsec,
    )


def _expected(
    frame: Frame, mode: str, scene: RawScene, channel: Channel, maps: PixelMaps
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

"""Write raw frames of the simulated MUSE: ``python -m pipeline.simulation.raw --help``."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from pipeline.config.loader import read_settings
from pipeline.config.paths import ROOT
from pipeline.measure.bands import load_band
from pipeline.muse.exposure import MODES
from pipeline.simulation.raw.demo import NIGHTS, demo_campaign, write_demo
from pipeline.simulation.raw.frames import FrameCounts
from pipeline.workflow.progress import say


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the nights and say where."""
    args = _parser().parse_args(arguments)
    settings = read_settings(args.config)
    band = load_band(settings.statistics.band)
    campaign = demo_campaign(
        settings.field,
        settings.simulation,
        (band.wave_aa, band.weight),
        args.mode,
        args.night or NIGHTS,
        args.position_angle,
    )
    counts = FrameCounts(skyflat=args.skyflats, separate_flat_bias=args.separate_flat_bias)
    for night in write_demo(
        args.folder,
        campaign,
        channels=args.channels,
        position_angle_deg=args.position_angle,
        counts=counts,
    ):
        say(f"{night.standard}: {len(night.frames.all())} raw frames in {night.folder}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pipeline.simulation.raw", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--config", type=Path, default=ROOT / "report.toml", metavar="FILE")
    parser.add_argument("--channels", type=_channels, default=(12, 13), metavar="N,N,...")
    parser.add_argument("--mode", choices=MODES, default=MODES[0])
    parser.add_argument("--night", action="append", metavar="YYYY-MM-DD")
    parser.add_argument("--position-angle", type=float, default=0.0, metavar="DEG")
    parser.add_argument("--skyflats", type=int, default=0, metavar="N")
    parser.add_argument("--separate-flat-bias", action="store_true")
    return parser


def _channels(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


if __name__ == "__main__":
    main()

"""``simulate``: raw frames of the simulated MUSE."""

from pathlib import Path

import click

from pipeline.cli.options import FOLDER, config_option
from pipeline.config.loader import read_settings
from pipeline.config.passbands import load_band
from pipeline.muse.modes import WIDE_MODES
from pipeline.simulation.raw.demo import NIGHTS, demo_campaign, write_demo
from pipeline.simulation.raw.frames import FrameCounts
from pipeline.workflow.ownership import FRAMES, claim
from pipeline.workflow.progress import say


def _channels(_context: click.Context, _option: click.Parameter, value: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in value.split(","))
    except ValueError as error:
        raise click.BadParameter(f"{value!r}: numbers separated by commas expected") from error


@click.command()
@click.argument("folder", type=FOLDER)
@config_option
@click.option(
    "--channels",
    default="12,13",
    show_default=True,
    callback=_channels,
    metavar="N,N,...",
    help="Channels to write; the others are left out.",
)
@click.option(
    "--mode",
    type=click.Choice(WIDE_MODES),
    default=WIDE_MODES[0],
    show_default=True,
    help="Instrument mode.",
)
@click.option(
    "--night",
    "nights",
    multiple=True,
    metavar="YYYY-MM-DD",
    help="Night to simulate; may be given again.",
)
@click.option(
    "--position-angle",
    type=float,
    default=0.0,
    show_default=True,
    metavar="DEG",
    help="Of the field on the sky.",
)
@click.option(
    "--skyflats", type=int, default=0, show_default=True, metavar="N", help="Twilight flats."
)
@click.option("--separate-flat-bias", is_flag=True, help="Biases of their own for the flats.")
@click.option(
    "--real-counts", is_flag=True, help="As many frames as the observatory takes: 11, 11, 15, 4."
)
def simulate(
    folder: Path,
    config: Path,
    channels: tuple[int, ...],
    mode: str,
    nights: tuple[str, ...],
    position_angle: float,
    skyflats: int,
    separate_flat_bias: bool,
    real_counts: bool,
) -> None:
    """Write simulated raw frames, calibrations and association trees into FOLDER.

    \b
    Example:
      python -m pipeline simulate work/raw --channels 12,13 --night 2019-03-10
    """
    settings = read_settings(config)
    band = load_band(settings.statistics.band)
    campaign = demo_campaign(
        settings.field,
        settings.simulation,
        (band.wave_aa, band.weight),
        mode,
        nights or NIGHTS,
        position_angle,
    )
    claim(folder, FRAMES)
    counts = FrameCounts(skyflat=skyflats, separate_flat_bias=separate_flat_bias)
    if real_counts:
        counts = FrameCounts.real()
    for night in write_demo(
        folder, campaign, channels=channels, position_angle_deg=position_angle, counts=counts
    ):
        say(f"{night.standard}: {len(night.frames.all())} raw frames in {night.folder}")

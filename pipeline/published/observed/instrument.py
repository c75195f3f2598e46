"""Calibrations of the real instrument: how well channels and slices repeat."""

from functools import cache
from pathlib import Path

from astropy.table import QTable

FOLDER = Path(__file__).parent
FILES = ("channel_flats_2014", "slice_rows_2014", "repeatability", "literature")


@cache
def read_observed(name: str) -> QTable:
    """One of the tables beside this module; ``meta["source"]`` or a column tells where it is from."""
    return QTable.read(FOLDER / f"{name}.ecsv", format="ascii.ecsv", fill_values=None)


def channel_flats() -> QTable:
    """Lamp flats of five nights: a row per night and channel, in per cent of the mean channel."""
    return read_observed("channel_flats_2014")


def slice_rows() -> QTable:
    """Illumination flats: a row per exposure and row of a stack of twelve slices, in per cent."""
    return read_observed("slice_rows_2014")


def repeatability() -> QTable:
    """How well lamps and twilights repeat, rms over the channels in per cent."""
    return read_observed("repeatability")

"""Numbers that others measured with the real instrument, each with its source."""

from pipeline.published.observed.instrument import channel_flats, repeatability, slice_rows
from pipeline.published.observed.literature import Measurement, literature

__all__ = ["Measurement", "channel_flats", "literature", "repeatability", "slice_rows"]

"""Numbers that others measured with the real instrument, each with its source."""

from pipeline.published.observed.instrument import channel_flats, repeatability, slice_rows
from pipeline.published.observed.literature import LiteratureValue, literature

__all__ = ["LiteratureValue", "channel_flats", "literature", "repeatability", "slice_rows"]

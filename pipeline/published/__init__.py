"""The 2021 study as data: what was read off its figures or copied from its tables."""

from pipeline.published.files import PAIRS, RecordDamaged
from pipeline.published.record import BAND, Record, exposure_id, read_record

__all__ = ["BAND", "PAIRS", "Record", "RecordDamaged", "exposure_id", "read_record"]

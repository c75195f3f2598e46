"""The 2021 study as data: what was read off its figures or copied from its tables."""

from pipeline.published.files import RecordDamaged
from pipeline.published.record import Record, exposure_id, read_record

__all__ = ["Record", "RecordDamaged", "exposure_id", "read_record"]

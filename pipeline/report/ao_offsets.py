"""What adaptive optics changes: ratios with it less those without in the same nights."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from astropy.table import QTable

from pipeline.report.rows import number
from pipeline.schema.definitions import SIGNIFICANCE

WITH_AO, WITHOUT_AO = "AO", "no AO"  # as the table mode_offsets calls them


@dataclass(frozen=True)
class AoOffset:
    """The change of one ratio, paired by night."""

    pair: str
    per_cent: float  # of the ratio
    err: float  # 1 sigma, per cent
    nights: int  # with both
    p: float  # after Holm over the pairs

    @property
    def is_seen(self) -> bool:
        """Whether a change is established."""
        return self.p < SIGNIFICANCE


def ao_offsets(tables: Mapping[str, QTable]) -> tuple[AoOffset, ...]:
    """The offset of each pair that was observed both ways in enough nights.

    The record has them in ``record_pairs``, a measured campaign in ``mode_offsets``.
    """
    if "record_pairs" in tables:
        rows = [
            (row, row["ao_offset"], row["ao_offset_err"], row["ao_nights"], row["ao_p_adjusted"])
            for row in tables["record_pairs"]
        ]
    elif "mode_offsets" in tables:
        rows = [
            (row, row["difference"], row["err"], row["n_nights"], row["p_adjusted"])
            for row in tables["mode_offsets"]
            if (row["first"], row["second"]) == (WITH_AO, WITHOUT_AO)
        ]
    else:
        return ()
    found = (
        AoOffset(
            f"{row['star_1']}/{row['star_2']}",
            100 * number(offset),
            100 * number(err),
            int(nights),
            number(p),
        )
        for row, offset, err, nights, p in rows
    )
    return tuple(one for one in found if np.isfinite(one.per_cent))

"""One row of the table ``differences``, and how its texts name pairs."""

from collections.abc import Mapping

import numpy as np
from astropy.table import QTable

from pipeline.statistics.columns import texts

Pair = tuple[int, int]
Row = dict[str, object]


def study_comparison(
    key: str,
    subject: str,
    published: str,
    data: str,
    matters: str,
    *,
    value: tuple[float, float],
    err: float = np.nan,
    agrees: bool,
) -> Row:
    """A row of ``differences``; ``value`` is the study's number (NaN: none) and that of the data."""
    return {
        "key": key,
        "subject": subject,
        "published": published,
        "data": data,
        "value_published": value[0],
        "value_data": value[1],
        "value_err": err,
        "agrees": agrees,
        "matters": matters,
    }


def label(pair: Pair) -> str:
    """The pair as printed: 4/6."""
    return f"{pair[0]}/{pair[1]}"


def key_of(pair: Pair) -> str:
    """The pair within a key: 4-6."""
    return f"{pair[0]}-{pair[1]}"


def statistics_of(reanalysis: QTable, pair: Pair, subset: str = "all") -> Mapping[str, float]:
    """The numbers of one row of ``reanalysis``, by column.

    Raises
    ------
    IndexError
        If there is no such row.
    """
    chosen = (
        (np.asarray(reanalysis["star_1"]) == pair[0])
        & (np.asarray(reanalysis["star_2"]) == pair[1])
        & (texts(reanalysis["subset"]) == subset)
    )
    row = reanalysis[chosen][0]
    skipped = {"star_1", "star_2", "subset"}
    return {
        name: float(getattr(row[name], "value", row[name]))
        for name in reanalysis.colnames
        if name not in skipped
    }

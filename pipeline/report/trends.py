"""Tests of a trend with time, pair by pair, as pages state them: of pairs without a flagged star."""

from dataclasses import dataclass

import numpy as np

from pipeline.report.rows import pair_rows, plain
from pipeline.schema.results import Results
from pipeline.statistics.trend_tests import holm


@dataclass(frozen=True)
class TrendTest:
    """Test of a trend of one pair with time, with slow drift in the null hypothesis."""

    pair: str
    p: float
    p_adjusted: float  # after Holm over all pairs of the tests that it is one of


def flagged_stars(results: Results) -> frozenset[int]:
    """Stars that are left out of summaries: near the edge, blended, variable."""
    table = results.tables.get("catalogue")
    if table is None:
        return frozenset()
    return frozenset(int(row["star_id"]) for row in table if str(row["flags"] or ""))


def trend_tests(results: Results, *, flagged: bool = False) -> tuple[TrendTest, ...]:
    """The test of every pair for which there is one, the smallest p first.

    Parameters
    ----------
    flagged : bool
        Pairs with a flagged star as well. They stay in every table, where Holm's correction is over
        all rows; what a page states is of the others, corrected for their number alone.
    """
    if "record_pairs" in results.tables:
        table = results.tables["record_pairs"]
    elif "pairs" in results.tables:
        table = pair_rows(results)
    else:
        return ()
    if "trend_p_adjusted" not in table.colnames:
        return ()
    pairs = list(zip(table["star_1"].tolist(), table["star_2"].tolist(), strict=True))
    left_out = frozenset[int]() if flagged else flagged_stars(results)
    out = [bool(left_out & set(pair)) for pair in pairs]
    p = np.where(out, np.nan, plain(table["trend_p"]))
    found = zip(pairs, p.tolist(), holm(p).tolist(), strict=True)
    tests = (
        TrendTest(f"{a}/{b}", one, of_all) for (a, b), one, of_all in found if np.isfinite(one)
    )
    return tuple(sorted(tests, key=lambda one: one.p))

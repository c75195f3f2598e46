"""Long tables of the comparison with the publication: its data in parts, its printed numbers."""

from typing import Any

import numpy as np
from astropy.table import QTable

from pipeline.report.rows import ALL, number, pair_error, percent
from pipeline.report.tables import Cell, Head, TableView, heads, percent_heads
from pipeline.report.text import fixed, probability
from pipeline.schema.publications import STUDY
from pipeline.schema.results import Results


def subset_table(record: Results) -> TableView:
    """The re-analysis, pair by pair and part by part."""
    table: QTable = record.tables["reanalysis"]
    rows = []
    for row in table:
        rows.append(
            (
                Cell(f"{row['star_1']}/{row['star_2']}"),
                Cell(str(row["subset"])),
                Cell(str(row["n"])),
                Cell(str(row["n_nights"])),
                Cell(fixed(100 * number(row["mean_shift"]), 2, sign=True)),
                *(
                    Cell(percent(number(row[name]), scatter_error(record, row, name)))
                    for name in ("std_published", "std", "std_robust")
                ),
                Cell(fixed(number(row["spearman_rho"]), 3, sign=True)),
                Cell(probability(number(row["spearman_p"]))),
                Cell(fixed(number(row["spearman_rho_nights"]), 3, sign=True)),
                Cell(probability(number(row["spearman_p_nights"]))),
            )
        )
    return TableView(
        "reanalysis",
        "The digitised points, whole and in parts. The p-values take exposures, or nights, as "
        "independent; tests of a trend that allow for slow drift are on the page of the record.",
        (
            Head("Pair"),
            *heads("reanalysis", "subset", "n", "n_nights"),
            *percent_heads("reanalysis", "mean_shift", "std_published", "std", "std_robust"),
            *heads(
                *("reanalysis", "spearman_rho", "spearman_p"),
                *("spearman_rho_nights", "spearman_p_nights"),
            ),
        ),
        tuple(rows),
        source="reanalysis",
        filter=True,
        simulated=record.simulated,
    )


def scatter_error(record: Results, row: Any, column: str) -> float:
    """1 sigma of a scatter; that of the reported value where the row holds one.

    The bootstrap of the whole draws an outlier twice at times, and then it is not dropped: its
    spread says nothing of the other points.
    """
    if str(row["subset"]) == ALL:
        reported = pair_error(record, column, (int(row["star_1"]), int(row["star_2"])))
        if np.isfinite(reported):
            return reported
    return number(row[f"{column}_err"])


def claims_table(record: Results) -> TableView:
    """What the publication prints."""
    return TableView(
        "claims",
        f"Every number of {STUDY.short} that is used here.",
        heads("claims", "value", "unit", "statement", "source"),
        tuple(
            (
                Cell(f"{number(row['value']):g}"),
                Cell(str(row["unit"])),
                Cell(str(row["statement"]), kind="rp-wrap"),
                Cell(str(row["source"]), kind="rp-wrap muted"),
            )
            for row in record.tables["claims"]
        ),
        source="claims",
    )


def statements_table(record: Results) -> TableView:
    """Every statement of the publication that its data can confirm or not."""
    return TableView(
        "statements",
        "Statement by statement: what was published, what the data say, and why it matters.",
        heads("differences", "subject", "published", "data", "matters", "agrees"),
        tuple(
            (
                Cell(str(row["subject"]), kind="rp-wrap"),
                Cell(str(row["published"]), kind="rp-wrap"),
                Cell(str(row["data"]), kind="rp-wrap"),
                Cell(str(row["matters"]), kind="rp-wrap muted"),
                Cell(
                    "confirmed" if row["agrees"] else "differs",
                    kind="good" if row["agrees"] else "bad",
                ),
            )
            for row in record.tables["differences"]
        ),
        source="differences",
    )

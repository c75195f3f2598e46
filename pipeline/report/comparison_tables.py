"""Long tables of the comparison with the study: its data in parts, its printed numbers."""

from astropy.table import QTable

from pipeline.report.rows import number, p_cell
from pipeline.report.tables import Cell, Head, TableView
from pipeline.report.text import fixed, with_error
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
                Cell(fixed(number(row["mean_shift"]), 4, sign=True)),
                Cell(with_error(number(row["std_published"]), number(row["std_published_err"]))),
                Cell(with_error(number(row["std"]), number(row["std_err"]))),
                Cell(with_error(number(row["std_robust"]), number(row["std_robust_err"]))),
                Cell(fixed(number(row["spearman_rho"]), 3, sign=True)),
                p_cell(number(row["spearman_p"])),
                Cell(fixed(number(row["spearman_rho_nights"]), 3, sign=True)),
                p_cell(number(row["spearman_p_nights"])),
            )
        )
    return TableView(
        "reanalysis",
        "Re-analysis of the digitised points, whole and in parts. A p below 0.01 is coloured; a "
        "trend is believed from nightly means, because points of one night are not independent.",
        (
            Head("Pair"),
            Head("points", numeric=False),
            Head("n"),
            Head("nights"),
            Head("mean shift", title="mean of these deviations about the mean of all"),
            Head("σ published"),
            Head("σ", title="sample standard deviation, ddof 1"),
            Head("σ robust"),
            Head("ρ", title="Spearman correlation with time, per point"),
            Head("p"),
            Head("ρ nights", title="the same from nightly means"),
            Head("p nights"),
        ),
        tuple(rows),
        source="reanalysis",
        filter=True,
        simulated=record.simulated,
    )


def claims_table(record: Results) -> TableView:
    """What the study prints."""
    return TableView(
        "claims",
        "Every number that the study prints and that is used here.",
        (
            Head("Value"),
            Head("unit", numeric=False),
            Head("what it is", numeric=False),
            Head("where", numeric=False),
        ),
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

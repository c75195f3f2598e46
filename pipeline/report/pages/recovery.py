"""The page on recovery: what the chain finds of a simulation whose truth is known."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy.table import QTable

from pipeline.report.figures.comparison import recovery_figure
from pipeline.report.pages.base import FigureView, PageInputs, PageNumbering, PageType, TableBlock
from pipeline.report.rows import number
from pipeline.report.tables import Cell, TableView, heads
from pipeline.report.text import significant
from pipeline.schema.results import Results


@dataclass(frozen=True)
class RecoveryOf:
    """What the recovery page shows of one simulated campaign."""

    results: Results
    figure: FigureView
    table: TableBlock
    n_passed: int
    n_all: int


def context(inputs: PageInputs, numbering: PageNumbering) -> dict[str, Any] | None:
    """Whether the pipeline finds what was put into the simulation."""
    shown = []
    for results in inputs.campaigns:
        if "recovery" not in results.tables:
            continue
        recovery = results.tables["recovery"]
        figure = recovery_figure(
            recovery,
            figure_id=f"recovery-{results.name}",
            title=_title(recovery),
            caption="Recovered minus input value in units of the tolerance. The band is the range within "
            "the tolerance.",
            simulated=results.simulated,
        )
        passed = np.asarray(recovery["passed"], bool)
        shown.append(
            RecoveryOf(
                results,
                numbering.figure(figure, results.name),
                numbering.table(_recovery_table(results), results.name),
                int(passed.sum()),
                len(passed),
            )
        )
    return {"shown": shown}


def _title(recovery: QTable) -> str:
    """How many quantities were found again."""
    passed = int(np.asarray(recovery["passed"], bool).sum())
    return f"{passed} of {len(recovery)} input quantities are recovered within their tolerance"


def _recovery_table(results: Results) -> TableView:
    return TableView(
        f"recovered-{results.name}",
        "Quantities compared, with their tolerances and the origin of these.",
        heads(
            "recovery",
            *("quantity", "measured", "expected", "tolerance", "unit", "passed", "meaning"),
        ),
        tuple(
            (
                Cell(str(row["quantity"]), kind="rp-wrap"),
                Cell(significant(number(row["measured"]), 4)),
                Cell(significant(number(row["expected"]), 4)),
                Cell(significant(number(row["tolerance"]), 2)),
                Cell(str(row["unit"])),
                Cell(
                    "found" if row["passed"] else "missed", kind="good" if row["passed"] else "bad"
                ),
                Cell(str(row["meaning"]), kind="rp-wrap"),
            )
            for row in results.tables["recovery"]
        ),
        source="recovery",
        simulated=results.simulated,
    )


PAGE = PageType(
    name="recovery",
    title="Simulation test",
    tab="Evidence",
    position=540,
    description="A simulated campaign whose input is known: does the pipeline recover it?",
    guide="What was simulated, and what was recovered.",
    context=context,
)

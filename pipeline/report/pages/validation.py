"""The page on validation: how often intervals hold the truth, and tests raise false alarms."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.report.figures.validation import coverage_figure
from pipeline.report.pages.base import PageInputs, PageNumbering, PageType
from pipeline.report.tables import Cell, Head, TableView
from pipeline.report.text import fixed, significant
from pipeline.statistics.campaigns import CONFIGURATIONS
from pipeline.statistics.campaigns.results import (
    N_SIGMA,
    RESULTS,
    Criterion,
    ValidationResults,
    lines_of,
    read_results,
)

KINDS = {"holds": "good", "within its error": "warn", "fails": "bad", "too few to say": "muted"}
TEXT = False
MAX_BIAS, MAX_BIAS_65 = 0.03, 0.02  # of the floor, in general and with 65 exposures
MAX_OVER_BOUND = 1.15  # scatter over the Cramer-Rao bound


def context(inputs: PageInputs, numbering: PageNumbering) -> dict[str, Any] | None:
    """The lines that must hold and the cells that they are pooled from."""
    del inputs
    if not RESULTS.exists():
        return None
    results = read_results()
    lines = list(lines_of(results))
    intervals = [
        (
            name,
            [line for line in lines if line.number.startswith(f"{name} interval holds the floor")],
        )
        for name in ("68 %", "95 %")
    ]
    figure = coverage_figure(intervals, figure_id="coverage") if intervals[0][1] else None
    return {
        "coverage": numbering.figure(figure, "") if figure else None,
        "lines": numbering.table(_lines(lines)),
        "floors": numbering.table(_floors(results)),
        "n_campaigns": int(sum(cell["n"] for cell in results.cells.values())),
        "n_holds": sum(line.verdict == "holds" for line in lines),
        "n_near": sum(line.verdict == "within its error" for line in lines),
        "n_few": sum(line.verdict == "too few to say" for line in lines),
        "failed": [f"{line.number} ({line.scenario})" for line in lines if line.verdict == "fails"],
        "n_lines": len(lines),
    }


def _lines(lines: list[Criterion]) -> TableView:
    return TableView(
        "validation-lines",
        "Results for simulated campaigns: mean over their sizes, standard error, and required range.",
        (
            Head("number", numeric=TEXT),
            Head("scenario", numeric=TEXT),
            Head("found"),
            Head("±"),
            Head("must lie between"),
            Head("campaigns"),
            Head("verdict", numeric=TEXT),
        ),
        tuple(
            (
                Cell(line.number, kind="rp-wrap"),
                Cell(line.scenario),
                Cell(fixed(line.value)),
                Cell(fixed(line.err)),
                Cell(_limits(line)),
                Cell(str(line.n)),
                Cell(line.verdict, kind=KINDS[line.verdict]),
            )
            for line in lines
        ),
        filter=True,
        simulated=True,
    )


def _limits(line: Criterion) -> str:
    if line.low <= 0:
        return f"at most {line.high:g}"
    return f"at least {line.low:g}" if line.high >= 1 else f"{line.low:g} and {line.high:g}"


def _floors(results: ValidationResults) -> TableView:
    rows = [
        (
            Cell(scenario),
            Cell(configuration),
            Cell(f"{cell['n']:.0f}"),
            Cell(significant(100 * cell["true"], 3)),
            *_floor_cells(cell, CONFIGURATIONS[configuration].n_exposures),
        )
        for (measure, scenario, configuration), cell in results.cells.items()
        if measure == "floor" and cell["true"] > 0
    ]
    return TableView(
        "validation-floors",
        "The floor in each scenario and size of campaign (exposures × stars). Bias and scatter relative to "
        "the true floor; Cramér-Rao bound of an estimator with all parameters free. Marked "
        "values are outside their limits by more than three standard errors.",
        (
            Head("scenario", numeric=TEXT),
            Head("size", numeric=TEXT),
            Head("campaigns"),
            Head("true floor", "%"),
            Head("bias", "%"),
            Head("scatter", "%"),
            Head("Cramér-Rao", "%"),
            Head("68 % holds"),
            Head("95 % holds"),
        ),
        tuple(rows),
        simulated=True,
    )


def _floor_cells(cell: Mapping[str, float], n_exposures: int) -> tuple[Cell, ...]:
    """Bias, scatter, bound and coverage of one cell, each marked where it is outside its limits."""
    n = cell["n"]
    limit = MAX_BIAS_65 if n_exposures == 65 else MAX_BIAS
    scatter = cell["scatter_over_bound"] <= MAX_OVER_BOUND * (1 + N_SIGMA / np.sqrt(2 * n))
    covered = {
        level: abs(cell[f"covered_{level}"] - target)
        <= width + N_SIGMA * max(cell[f"covered_{level}_se"], 1 / (n + 2))
        for level, target, width in (("68", 0.68, 0.03), ("95", 0.95, 0.02))
    }
    bias = f"{fixed(100 * cell['bias'], 1, sign=True)} ± {100 * cell['bias_se']:.1f}"
    return (
        _marked(bias, abs(cell["bias"]) <= limit + N_SIGMA * cell["bias_se"]),
        _marked(f"{100 * cell['scatter']:.1f}", scatter),
        Cell(f"{100 * cell['cramer_rao']:.1f}"),
        _marked(f"{cell['covered_68']:.2f}", covered["68"]),
        _marked(f"{cell['covered_95']:.2f}", covered["95"]),
    )


def _marked(text: str, holds: bool) -> Cell:
    return Cell(text, kind="" if holds else "bad")


PAGE = PageType(
    name="validation",
    title="Validation",
    tab="Evidence",
    position=550,
    description="How often the intervals of this report hold the truth, and how often its tests are wrong.",
    guide="Intervals and tests against simulated campaigns.",
    context=context,
)

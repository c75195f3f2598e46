"""The page on validation: how often intervals hold the truth, and tests raise false alarms."""

from collections.abc import Mapping
from typing import Any

from pipeline.report.pages.base import PageInputs, PageNumbering, PageType
from pipeline.report.tables import Cell, Head, TableView
from pipeline.report.text import fixed, significant
from pipeline.statistics.campaigns.results import (
    RESULTS,
    Criterion,
    ValidationResults,
    lines_of,
    read_results,
)

KINDS = {"holds": "good", "within its error": "warn", "fails": "bad", "too few to say": "muted"}
TEXT = False


def context(inputs: PageInputs, numbering: PageNumbering) -> dict[str, Any] | None:
    """The lines that must hold and the cells that they are pooled from."""
    del inputs
    if not RESULTS.exists():
        return None
    results = read_results()
    lines = list(lines_of(results))
    return {
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
        "What was found over simulated campaigns of flux, pooled over their sizes, with its standard error "
        "and what must hold.",
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
            *(Cell(text) for text in _floor_cells(cell)),
        )
        for (measure, scenario, configuration), cell in results.cells.items()
        if measure == "floor" and cell["true"] > 0
    ]
    return TableView(
        "validation-floors",
        "The floor in each scenario and size of campaign (exposures x stars): bias and scatter relative to "
        "the true floor, beside the Cramer-Rao bound of an estimator that has all parameters free.",
        (
            Head("scenario", numeric=TEXT),
            Head("size", numeric=TEXT),
            Head("campaigns"),
            Head("true floor", "%"),
            Head("bias", "%"),
            Head("scatter", "%"),
            Head("Cramer-Rao", "%"),
            Head("68 % holds"),
            Head("95 % holds"),
        ),
        tuple(rows),
        simulated=True,
    )


def _floor_cells(cell: Mapping[str, float]) -> tuple[str, ...]:
    return (
        f"{fixed(100 * cell['bias'], 1, sign=True)} ± {100 * cell['bias_se']:.1f}",
        f"{100 * cell['scatter']:.1f}",
        f"{100 * cell['cramer_rao']:.1f}",
        f"{cell['covered_68']:.2f}",
        f"{cell['covered_95']:.2f}",
    )


PAGE = PageType(
    name="validation",
    title="Validation",
    tab="Evidence",
    position=550,
    description="How often the intervals of this report hold the truth, and how often its tests err.",
    guide="Intervals and tests against simulated campaigns.",
    context=context,
)

"""The page on the reduction: what it cost and how it ended, exposure by exposure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from pipeline.report.downloads.reduction_logs import page_names, was_reduced
from pipeline.report.pages.base import PageInputs, PageNumbering, PageType, TableBlock
from pipeline.report.pages.reduction_log import COST_HEADS, cost_cells, log_pages
from pipeline.report.tables import Cell, Head, TableView
from pipeline.schema.reduction_log import CallCost
from pipeline.schema.results import Results


@dataclass(frozen=True)
class ReductionOf:
    """What the overview shows of one campaign."""

    results: Results
    versions: tuple[str, ...]
    exposures: TableBlock
    recipes: TableBlock
    n_cubes: int


def context(inputs: PageInputs, numbering: PageNumbering) -> Mapping[str, Any] | None:
    """Exposures and recipes of every campaign; None if nothing was reduced here."""
    reduced = [one for one in inputs.campaigns if was_reduced(one)]
    return {"shown": [_reduction_of(one, numbering) for one in reduced]} if reduced else None


def _reduction_of(results: Results, numbering: PageNumbering) -> ReductionOf:
    logs = results.reductions.values()
    return ReductionOf(
        results,
        tuple(sorted({version for log in logs for version in log.versions})),
        numbering.table(_exposures_table(results), results.name),
        numbering.table(_recipes_table(results), results.name),
        sum(not log.error for log in logs),
    )


def _exposures_table(results: Results) -> TableView:
    names = page_names(results)
    rows = []
    for row in results.tables["exposures"]:
        identity = str(row["exposure_id"])
        if identity not in names:
            continue  # no tree of it was there: the data page has the reason
        log, page = results.reductions[identity], Markup(f"{names[identity]}.html")
        rows.append(
            (
                Cell(str(row["night"])),
                Cell(str(row["mode"])),
                Cell(identity, href=page),
                Cell("failed" if log.error else "reduced", kind="bad" if log.error else "good"),
                *cost_cells(log.calls),
                Cell(log.error, kind="rp-wrap"),
            )
        )
    return TableView(
        f"reductions-{results.name}",
        "Every exposure with the cost of its cube. Calibrations that exposures share count for "
        "each of them; the link leads to the exposure's log.",
        (
            Head("Night", numeric=False),
            Head("mode", numeric=False),
            Head("exposure", numeric=False),
            Head("status", numeric=False),
            *COST_HEADS,
            Head("reason", numeric=False),
        ),
        tuple(rows),
        source="recipe_calls",
        filter=True,
        simulated=results.simulated,
    )


def _recipes_table(results: Results) -> TableView:
    calls = {one.call: one for log in results.reductions.values() for one in log.calls}
    by_recipe: dict[str, list[CallCost]] = {}
    for call in calls.values():
        by_recipe.setdefault(call.recipe, []).append(call)
    return TableView(
        f"recipes-{results.name}",
        "The same by recipe; a call that several exposures share counts once.",
        (Head("Recipe", numeric=False), *COST_HEADS),
        tuple((Cell(recipe), *cost_cells(found)) for recipe, found in by_recipe.items()),
        source="recipe_calls",
        simulated=results.simulated,
    )


PAGE = PageType(
    name="reductions",
    title="Reduction",
    tab="Exposures",
    position=410,
    description=(
        "How raw frames became cubes: every recipe's cost, quality and warnings, exposure by "
        "exposure."
    ),
    guide="What the recipes did, at what cost, with what result.",
    context=context,
    details=log_pages,
)

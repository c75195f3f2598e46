"""The page on the reduction: what it cost and how it ended, exposure by exposure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from astropy.table import Row
from markupsafe import Markup

from pipeline.report.downloads.reduction_logs import page_names, was_reduced
from pipeline.report.pages.base import PageInputs, PageNumbering, PageType, TableBlock
from pipeline.report.pages.reduction_log import COST_HEADS, cost_cells, log_pages
from pipeline.report.rows import is_large, number
from pipeline.report.tables import Cell, Head, TableView, heads
from pipeline.report.text import fixed
from pipeline.schema.calibration_record import KINDS, WAYS
from pipeline.schema.reduction_log import CallCost
from pipeline.schema.results import Results

CALIBRATING = {
    "BIAS": "biases",
    "FLAT": "lamp flats",
    "ARC": "arc lamps",
    "ILLUM": "illumination flat, taken near the exposure",
    "SKYFLAT": "twilight flats",
}


@dataclass(frozen=True)
class ReductionOf:
    """What the overview shows of one campaign."""

    results: Results
    versions: tuple[str, ...]
    exposures: TableBlock
    recipes: TableBlock
    calibrations: TableBlock | None  # with what each exposure was calibrated, where that is known
    compared: TableBlock | None  # exposures that the observatory has reduced, too
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
        numbering.table(_calibrations_table(results), results.name)
        if "calibrations" in results.tables
        else None,
        numbering.table(_compared_table(results), results.name)
        if "reductions_compared" in results.tables
        else None,
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
        ("Exposures that are not ok, " if is_large(results) else "Every exposure, ")
        + "with the cost of its cube. Calibrations that exposures share count for "
        "each of them; the links lead to the logs.",
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


def _calibrations_table(results: Results) -> TableView:
    """How the calibrations of every exposure were found, which were applied, and how old they are."""
    names = page_names(results)
    rows = []
    for row in results.tables["calibrations"]:
        identity, certified = str(row["exposure_id"]), bool(row["calibrations_certified"])
        if is_large(results) and identity not in names:
            continue
        page = Markup(f"{names[identity]}.html") if identity in names else Markup()
        rows.append(
            (
                Cell(identity, href=page),
                Cell(WAYS[str(row["calibrations_way"])], kind="rp-wrap"),
                Cell("yes" if certified else "no", kind="good" if certified else "warn"),
                Cell(str(row["n_channels"])),
                *(_age(row, tag) for tag in KINDS),
            )
        )
    return TableView(
        f"calibrations-{results.name}",
        "Calibrations of every exposure: hours from the exposure to the mean start of the "
        "frames, negative before it; kinds that were not applied are marked.",
        (
            Head("Exposure", numeric=False),
            Head("calibrations found in", numeric=False),
            Head("certified", numeric=False),
            Head("channels"),
            *(Head(tag, "h", CALIBRATING[tag]) for tag in KINDS),
        ),
        tuple(rows),
        source="calibrations",
        filter=True,
        simulated=results.simulated,
    )


def _age(row: Row, tag: str) -> Cell:
    name = tag.lower()
    if not int(row[f"{name}_frames"]):
        needed = tag in ("ILLUM", "SKYFLAT")  # the others are in every reduction
        return Cell("not applied", kind="warn" if needed else "")
    return Cell(f"{number(row[f'{name}_age_hours']):+.1f}")


def _compared_table(results: Results) -> TableView:
    """Ratios of stars in the cube that was made here and in the observatory's."""
    return TableView(
        f"compared-{results.name}",
        "Exposures that were reduced here and by the observatory: the same photons, other calibrations and "
        "recipes. How far the logarithm of flux ratios differs, and what the stated errors would make it if "
        "each reduction had photons of its own.",
        heads(
            "reductions_compared",
            *("night", "mode", "exposure_id", "n_stars", "offset", "std", "expected_std"),
            *("worst_star", "worst_difference"),
        ),
        tuple(
            (
                *(Cell(str(row[name])) for name in ("night", "mode", "exposure_id", "n_stars")),
                *(Cell(fixed(number(row[name]), 4)) for name in ("offset", "std", "expected_std")),
                Cell(str(row["worst_star"])),
                Cell(fixed(number(row["worst_difference"]), 4)),
            )
            for row in results.tables["reductions_compared"]
        ),
        source="reductions_compared",
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

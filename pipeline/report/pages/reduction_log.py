"""The pages below the one on the reduction: the log of every exposure."""

from collections.abc import Sequence
from dataclasses import dataclass

from astropy.table import Row
from markupsafe import Markup

from pipeline.report.downloads.reduction_logs import log_files, page_names
from pipeline.report.pages.base import Link, Page, PageInputs, PageNumbering, TableBlock
from pipeline.report.rows import exposure_links
from pipeline.report.tables import Cell, Head, TableView
from pipeline.report.text import NOTHING, fixed, size_of
from pipeline.schema.calibration_record import KINDS, WAYS
from pipeline.schema.recipe_messages import meaning_of
from pipeline.schema.reduction_log import VERDICTS, CallCost, RecipeStep, channel_list
from pipeline.schema.results import Results

_MB = 1e6
COST_HEADS = (
    Head("calls"),
    Head("wall time", "s", "sum over the calls; several run side by side"),
    Head("CPU time", "s"),
    Head("peak memory", "MB", "highest of a call"),
    Head("products", title="size of everything that the recipes wrote"),
    Head("warnings", title="different warnings per call, summed"),
)


def cost_cells(calls: Sequence[CallCost]) -> tuple[Cell, ...]:
    """What the calls took, below ``COST_HEADS``."""
    if not calls:
        return tuple(Cell(NOTHING) for _ in COST_HEADS)
    return (
        Cell(str(len(calls))),
        Cell(fixed(sum(one.wall_s for one in calls), 0)),
        Cell(fixed(sum(one.cpu_s for one in calls), 0)),
        Cell(fixed(max(one.peak_rss_mb for one in calls), 0)),
        Cell(size_of(int(sum(one.size_mb for one in calls) * _MB))),
        Cell(str(sum(one.n_warnings for one in calls))),
    )


@dataclass(frozen=True)
class StepView:
    """A step as a log shows it."""

    step: RecipeStep
    anchor: str
    where: str  # channels in words
    inputs: TableBlock
    checks: TableBlock | None  # what is beyond its limits first
    warnings: tuple[tuple[str, str], ...]  # text, and what it means where that is known
    quality: TableBlock | None


def log_pages(inputs: PageInputs) -> Sequence[Page]:
    """The log of every exposure that was reduced here and has a page."""
    return [
        _log_page(one, row, names[str(row["exposure_id"])], PageNumbering(inputs.downloads))
        for one in inputs.campaigns
        if (names := page_names(one))
        for row in one.tables["exposures"]
        if str(row["exposure_id"]) in names
    ]


def _log_page(results: Results, row: Row, name: str, numbering: PageNumbering) -> Page:
    exposure_id = str(row["exposure_id"])
    log = results.reductions[exposure_id]
    return Page(
        name,
        f"Reduction of {exposure_id}",
        "",
        "What ran on which frames, at what cost, with what result.",
        {
            "results": results,
            "log": log,
            "calibrations": calibration_sentences(results, exposure_id),
            "row": Markup(exposure_links(results)[exposure_id]),
            "cost": numbering.table(_cost_table(results, log.steps), results.name),
            "steps": [_step_view(results, k, one, numbering) for k, one in enumerate(log.steps, 1)],
            "record": [
                Link(f"this log ({file.label})", Markup(file.path), size_of(file.n_bytes))
                for file in log_files(numbering.downloads, results, row)
            ],
        },
        template="reduction_log",
        in_nav=False,
    )


def _where(step: RecipeStep) -> str:
    return channel_list(step.channels) if step.channels else "all channels at once"


def _cost_table(results: Results, steps: Sequence[RecipeStep]) -> TableView:
    return TableView(
        "cost",
        "Calls that differ in the channel only stand together.",
        (
            Head("Recipe", numeric=False),
            Head("where", numeric=False),
            *COST_HEADS,
        ),
        tuple(
            (
                Cell(one.recipe, href=Markup(f"#step-{number}")),
                Cell(_where(one)),
                Cell(str(one.n_calls)),
                Cell(fixed(one.wall_s, 0)),
                Cell(fixed(one.cpu_s, 0)),
                Cell(fixed(one.peak_rss_mb, 0)),
                Cell(size_of(int(one.size_mb * _MB))),
                Cell(str(one.n_warnings), kind="warn" if one.n_warnings else ""),
            )
            for number, one in enumerate(steps, 1)
        ),
        simulated=results.simulated,
    )


def _step_view(
    results: Results, number: int, step: RecipeStep, numbering: PageNumbering
) -> StepView:
    inputs = TableView(
        f"inputs-{number}",
        "What went in: frames and tables by name and content, products by the recipe that made them.",
        (
            Head("Category", numeric=False),
            Head("name", numeric=False),
            Head("files"),
            Head("content", numeric=False, title="first digits of the sha256 that stands for it"),
        ),
        tuple(
            (
                Cell(one.tag),
                Cell(f"product of {one.name}" if not one.digest else one.name),
                Cell(str(one.count)),
                Cell(one.digest[:16] or NOTHING),
            )
            for one in step.inputs
        ),
        simulated=results.simulated,
    )
    quality = TableView(
        f"quality-{number}",
        "Quality control over all slices and channels; # stands for their numbers.",
        (
            Head("Keyword", numeric=False),
            Head("lowest"),
            Head("median"),
            Head("highest"),
            Head("values"),
        ),
        tuple(
            (
                Cell(one.keyword),
                Cell(one.lowest),
                Cell(one.middle or NOTHING),
                Cell(one.highest),
                Cell(str(one.count)),
            )
            for one in step.quality
        ),
        simulated=results.simulated,
    )
    return StepView(
        step,
        f"step-{number}",
        _where(step),
        numbering.table(inputs),
        numbering.table(_checks_table(results, number, step)) if step.checks else None,
        tuple(
            (text, known.meaning if (known := meaning_of(text)) else "") for text in step.warnings
        ),
        numbering.table(quality) if step.quality else None,
    )


def _checks_table(results: Results, number: int, step: RecipeStep) -> TableView:
    """A row for every check, those beyond their limits first."""
    kinds = {"ok": "good", "warn": "warn", "reject": "bad"}
    rows = sorted(step.checks, key=lambda one: -VERDICTS.index(one.verdict))
    return TableView(
        f"checks-{number}",
        "Quality control held against limits from real products; of several calls, the farthest off.",
        (
            Head("Quantity", numeric=False),
            Head("value"),
            Head("lowest accepted"),
            Head("highest accepted"),
            Head("unit", numeric=False),
            Head("verdict", numeric=False),
            Head("where", numeric=False),
            Head("keyword", numeric=False),
        ),
        tuple(
            (
                Cell(one.meaning),
                *(Cell(_shown(value)) for value in (one.value, one.low, one.high)),
                Cell(one.unit or NOTHING),
                Cell(one.verdict, kind=kinds[one.verdict]),
                Cell(channel_list(one.channels) if one.channels else "all"),
                Cell(f"{one.keyword} ({one.statistic})"),
            )
            for one in rows
        ),
        simulated=results.simulated,
    )


def _shown(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.5g}"


def calibration_sentences(results: Results, exposure_id: str) -> list[str]:
    """With what an exposure was calibrated, in sentences; none if that is not known."""
    table = results.tables.get("calibrations")
    rows = [] if table is None else [row for row in table if row["exposure_id"] == exposure_id]
    return calibration_words(rows[0]) if rows else []


def calibration_words(row: Row) -> list[str]:
    """A row of the table ``calibrations`` in sentences."""
    certified = "certified" if row["calibrations_certified"] else "not certified"
    said = [
        f"Calibrations: {WAYS[str(row['calibrations_way'])]}, {certified}; "
        f"{row['n_channels']} channels."
    ]
    for tag in KINDS:
        name = tag.lower()
        n_frames = int(row[f"{name}_frames"])
        if not n_frames:
            said.append(f"{tag}: not applied.")
            continue
        hours, kelvin = (
            float(getattr(row[f"{name}_{key}"], "value", row[f"{name}_{key}"]))
            for key in ("age_hours", "temperature_difference_k")
        )
        warmer = f", {kelvin:+.2f} K" if kelvin == kelvin else ""
        said.append(f"{tag}: {n_frames} frames, {hours:+.1f} h from the exposure{warmer}.")
    return said

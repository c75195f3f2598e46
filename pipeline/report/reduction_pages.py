"""Pages on the reduction: what it cost and how it ended, and the log of every exposure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from markupsafe import Markup

from pipeline.report.build import BuildInfo
from pipeline.report.downloads import Download, provenance, write_file
from pipeline.report.pages import Book, Link, Page, TableBlock
from pipeline.report.rows import exposure_anchors, exposure_links
from pipeline.report.table_formats import squeezed
from pipeline.report.tables import Cell, Head, TableView
from pipeline.report.text import NOTHING, fixed, size_of
from pipeline.schema.reduction_log import CallCost, Step, channel_list
from pipeline.schema.results import Results

TAB = ""
RECORD_READS = (
    "import gzip, json, pathlib; report = json.loads(gzip.decompress("
    'pathlib.Path("{name}").read_bytes()))'
)
_MB = 1e6
Downloads = Mapping[tuple[str, str], tuple[Download, ...]]


@dataclass(frozen=True)
class ReductionOf:
    """What the overview shows of one campaign."""

    results: Results
    versions: tuple[str, ...]
    exposures: TableBlock
    recipes: TableBlock
    n_cubes: int


@dataclass(frozen=True)
class StepView:
    """A step as a log shows it."""

    step: Step
    anchor: str
    where: str  # channels in words
    inputs: TableBlock
    quality: TableBlock | None


def write_reduction_logs(
    root: Path, campaigns: Sequence[Results], build: BuildInfo
) -> dict[tuple[str, str], tuple[Download, ...]]:
    """What the log pages say as gzipped JSON; (campaign, exposure) -> file.

    Quality control is summed up over slices and channels there as well: number by number, an
    exposure of 24 channels would take a quarter of a megabyte, and a campaign more than a site. What
    single calls took is in the table ``recipe_calls``.
    """
    files: dict[tuple[str, str], tuple[Download, ...]] = {}
    for results in campaigns:
        for exposure_id, name in _page_names(results).items():
            log = results.reductions[exposure_id]
            content = json.dumps(
                provenance(results, build)
                | {
                    "exposure_id": exposure_id,
                    "error": log.error,
                    "notes": log.notes,
                    "versions": log.versions,
                    "steps": [asdict(one) for one in log.steps],
                },
                indent=1,
                sort_keys=True,
                default=str,
            )
            path = f"data/{results.name}/{name}.json.gz"
            file = write_file(root, path, squeezed(content.encode()), "JSON", RECORD_READS)
            files[results.name, f"reduction of {exposure_id}"] = (file,)
    return files


def reduction_pages(campaigns: Sequence[Results], downloads: Downloads) -> list[Page]:
    """The overview and a log for every exposure; no page if nothing was reduced here."""
    reduced = [one for one in campaigns if was_reduced(one)]
    if not reduced:
        return []
    book = Book(downloads)
    overview = Page(
        "reductions",
        "Reduction",
        TAB,
        "How raw frames became cubes: every recipe's cost, quality and warnings, exposure by "
        "exposure.",
        {"shown": [_reduction_of(one, book) for one in reduced]},
    )
    logs = [
        _log_page(one, exposure_id, name, Book(downloads))
        for one in reduced
        for exposure_id, name in _page_names(one).items()
    ]
    return [overview, *logs]


def was_reduced(results: Results) -> bool:
    """Whether exposures of the campaign were reduced here, so that there is a log to show."""
    return bool(_page_names(results))


def _page_names(results: Results) -> dict[str, str]:
    """Name of the log page of each exposure."""
    if "exposures" not in results.tables:
        return {}
    anchors = exposure_anchors(results)
    return {key: f"reduction-of-{anchors[key]}" for key in results.reductions if key in anchors}


def _reduction_of(results: Results, book: Book) -> ReductionOf:
    logs = results.reductions.values()
    return ReductionOf(
        results,
        tuple(sorted({version for log in logs for version in log.versions})),
        book.table(_exposures_table(results), results.name),
        book.table(_recipes_table(results), results.name),
        sum(not log.error for log in logs),
    )


def _exposures_table(results: Results) -> TableView:
    names = _page_names(results)
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
                *_cost_cells(log.calls),
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
            *_COST_HEADS,
            Head("reason", numeric=False),
        ),
        tuple(rows),
        source="recipe_calls",
        filter=True,
        simulated=results.simulated,
    )


_COST_HEADS = (
    Head("calls"),
    Head("wall time", "s", "sum over the calls; several run side by side"),
    Head("CPU time", "s"),
    Head("peak memory", "MB", "highest of a call"),
    Head("products", title="size of everything that the recipes wrote"),
    Head("warnings", title="different warnings per call, summed"),
)


def _cost_cells(calls: Sequence[CallCost]) -> tuple[Cell, ...]:
    if not calls:
        return tuple(Cell(NOTHING) for _ in _COST_HEADS)
    return (
        Cell(str(len(calls))),
        Cell(fixed(sum(one.wall_s for one in calls), 0)),
        Cell(fixed(sum(one.cpu_s for one in calls), 0)),
        Cell(fixed(max(one.peak_rss_mb for one in calls), 0)),
        Cell(size_of(int(sum(one.size_mb for one in calls) * _MB))),
        Cell(str(sum(one.n_warnings for one in calls))),
    )


def _recipes_table(results: Results) -> TableView:
    calls = {one.call: one for log in results.reductions.values() for one in log.calls}
    by_recipe: dict[str, list[CallCost]] = {}
    for call in calls.values():
        by_recipe.setdefault(call.recipe, []).append(call)
    return TableView(
        f"recipes-{results.name}",
        "The same by recipe; a call that several exposures share counts once.",
        (Head("Recipe", numeric=False), *_COST_HEADS),
        tuple((Cell(recipe), *_cost_cells(found)) for recipe, found in by_recipe.items()),
        source="recipe_calls",
        simulated=results.simulated,
    )


def _log_page(results: Results, exposure_id: str, name: str, book: Book) -> Page:
    log = results.reductions[exposure_id]
    return Page(
        name,
        f"Reduction of {exposure_id}",
        TAB,
        "What ran on which frames, at what cost, with what result.",
        {
            "results": results,
            "log": log,
            "row": Markup(exposure_links(results)[exposure_id]),
            "cost": book.table(_cost_table(results, log.steps), results.name),
            "steps": [_step_view(results, k, one, book) for k, one in enumerate(log.steps, 1)],
            "record": [
                Link(f"this log ({file.label})", Markup(file.path), size_of(file.n_bytes))
                for file in book.downloads[results.name, f"reduction of {exposure_id}"]
            ],
        },
        template="reduction_log",
        in_nav=False,
    )


def _where(step: Step) -> str:
    return channel_list(step.channels) if step.channels else "all channels at once"


def _cost_table(results: Results, steps: Sequence[Step]) -> TableView:
    return TableView(
        "cost",
        "Calls that differ in the channel only stand together.",
        (
            Head("Recipe", numeric=False),
            Head("where", numeric=False),
            *_COST_HEADS,
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


def _step_view(results: Results, number: int, step: Step, book: Book) -> StepView:
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
        book.table(inputs),
        book.table(quality) if step.quality else None,
    )

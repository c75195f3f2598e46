"""The page that holds published numbers against the data behind them and the simulation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.report.figures.as_drawn import as_drawn_figure
from pipeline.report.figures.base import Figure
from pipeline.report.figures.comparison import DotSeries, dots_figure
from pipeline.report.pages.availability import availability_table, calendars
from pipeline.report.pages.base import PageInputs, PageNumbering, PageType
from pipeline.report.pages.study_tables import (
    claims_table,
    scatter_error,
    statements_table,
    subset_table,
)
from pipeline.report.rows import ALL, Pair, headline_pairs, number, pair_error, pair_stats
from pipeline.report.tables import Cell, Head, TableView
from pipeline.report.text import with_error
from pipeline.schema.publications import STUDY
from pipeline.schema.results import Results

SUBSET_LOOKS = (
    ("circle", "@blue"),
    ("square", "@orange"),
    ("diamond", "@green"),
    ("triangle-up", "@pink"),
    ("cross", "@red"),
    ("x", "@sky"),
)

FEWEST_POINTS = 5  # of a part whose scatter says something once two of them are dropped


def context(inputs: PageInputs, numbering: PageNumbering) -> dict[str, Any] | None:
    """Figures as drawn, statements, the data in parts, and the simulation beside."""
    record = next((one for one in inputs.campaigns if "claims" in one.tables), None)
    if record is None and not any(one.of_standard for one in inputs.campaigns):
        return None  # of fields that it did not treat
    context: dict[str, Any] = {"record": record}
    keys = ("drawn", "figure_", "table_", "subsets", "subset_table", "statements", "claims")
    context |= dict.fromkeys(keys) | {"calendars": (), "availability": None}
    if record is None:
        return context
    others = [
        one
        for one in inputs.campaigns
        if one.field_name == record.field_name and "pairs" in one.tables
    ]
    rows = _side_by_side(record, others)
    context["drawn"] = (
        numbering.figure(as_drawn_figure(record.tables["snr_scatter"], STUDY.short), record.name)
        if "snr_scatter" in record.tables
        else None
    )
    context["figure_"] = numbering.figure(_comparison_figure(record, rows), record.name)
    context["table_"] = numbering.table(_comparison_table(rows), record.name)
    if "differences" in record.tables:
        context["statements"] = numbering.table(statements_table(record), record.name)
    if "reanalysis" in record.tables:
        context["subsets"] = numbering.figure(_subset_figure(record), record.name)
        context["subset_table"] = numbering.table(subset_table(record), record.name)
    context["claims"] = numbering.table(claims_table(record), record.name)
    if "availability" in record.tables:
        context["calendars"] = calendars(record, numbering)
        context["availability"] = numbering.table(availability_table(record), record.name)
    return context


@dataclass(frozen=True)
class Source:
    """One way to the scatter of each headline pair."""

    name: str
    values: dict[Pair, float]
    errors: dict[Pair, float]
    simulated: bool = False


@dataclass(frozen=True)
class SideBySide:
    """Scatter of the headline pairs from every source."""

    pairs: tuple[Pair, ...]
    sources: tuple[Source, ...]


def _side_by_side(record: Results, others: Sequence[Results]) -> SideBySide:
    pairs = headline_pairs(record)
    sources: list[Source] = []
    if "claims" in record.tables:
        for prefix, name in (
            ("std", "published in the text"),
            ("std_title", "published above the panels"),
        ):
            claims = {str(row["key"]): number(row["value"]) for row in record.tables["claims"]}
            values = {pair: claims.get(f"{prefix}.{pair[0]}-{pair[1]}", np.nan) for pair in pairs}
            sources.append(Source(name, values, {}))
    if "reanalysis" in record.tables:
        table = record.tables["reanalysis"]
        subsets = list(dict.fromkeys(str(row["subset"]) for row in table))
        without = [name for name in subsets if name.startswith("without")]
        for subset, column, name in (
            (ALL, "std_published", "the points, published convention"),
            *((name, "std", f"the points, {name}") for name in without[:1]),
            (ALL, "std_robust", "the points, robust"),
        ):
            rows = {_pair(row): row for row in table if str(row["subset"]) == subset}
            sources.append(
                Source(
                    name,
                    {pair: number(rows[pair][column]) for pair in pairs if pair in rows},
                    {
                        pair: scatter_error(record, rows[pair], column)
                        for pair in pairs
                        if pair in rows
                    },
                )
            )
    for other in others:
        stats = pair_stats(other)
        values = {pair: stats[pair].std_published for pair in pairs if pair in stats}
        name = f"{other.short_title or other.title}, published convention"
        errors = {pair: pair_error(other, "std_published", pair) for pair in values}
        sources.append(Source(name, values, errors, other.simulated))
    return SideBySide(pairs, tuple(sources))


def _pair(row: Any) -> Pair:
    return int(row["star_1"]), int(row["star_2"])


def _comparison_figure(record: Results, rows: SideBySide) -> Figure:
    looks = (
        ("triangle-down", "@muted"),
        ("triangle-up", "@muted"),
        ("circle", "@blue"),
        ("diamond", "@green"),
        ("square", "@sky"),
        ("cross", "@orange"),
        ("x", "@red"),
    )
    simulated = any(source.simulated for source in rows.sources)
    series = [
        DotSeries(
            source.name,
            [100 * source.values.get(pair, np.nan) for pair in rows.pairs],
            [100 * source.errors.get(pair, np.nan) for pair in rows.pairs],
            *looks[index % len(looks)],
        )
        for index, source in enumerate(rows.sources)
    ]
    return dots_figure(
        [f"{one}/{two}" for one, two in rows.pairs],
        series,
        "standard deviation of the flux ratio [%]",
        figure_id="comparison-scatter",
        title=_comparison_title(rows),
        caption="Bars are 1 σ from a bootstrap over nights. The publication gives each value twice, rounded."
        + (" The last source in the legend is simulated, not observed." if simulated else ""),
        simulated=simulated,
        mixed=simulated,
        tables=tuple(name for name in ("reanalysis", "claims") if name in record.tables),
    )


def _comparison_title(rows: SideBySide) -> str:
    """What the sources say together: the span of all their scatters."""
    values = [100 * v for one in rows.sources for v in one.values.values() if np.isfinite(v)]
    if not values:
        return "Scatter of the published pairs, from every source"
    return (
        f"Every source puts the scatter of these pairs at {min(values):.1f} to {max(values):.1f} %"
    )


def _comparison_table(rows: SideBySide) -> TableView:
    return TableView(
        "comparison",
        "The values of the figure: standard deviation of the flux ratio, in per cent.",
        (Head("Source", numeric=False), *(Head(f"{one}/{two}", "%") for one, two in rows.pairs)),
        tuple(
            (
                Cell(source.name),
                *(
                    Cell(
                        with_error(
                            100 * source.values.get(pair, np.nan),
                            100 * source.errors.get(pair, np.nan),
                            2,
                        )
                    )
                    for pair in rows.pairs
                ),
            )
            for source in rows.sources
        ),
        simulated=any(source.simulated for source in rows.sources),
        mixed=any(source.simulated for source in rows.sources),
    )


def _subset_figure(record: Results) -> Figure:
    table = record.tables["reanalysis"]
    subsets = list(dict.fromkeys(str(row["subset"]) for row in table))
    series = []
    for index, pair in enumerate(headline_pairs(record)):
        rows = {str(row["subset"]): row for row in table if _pair(row) == pair}
        series.append(
            DotSeries(
                f"{pair[0]}/{pair[1]}",
                [100 * number(rows[name]["std_published"]) if name in rows else np.nan
                 for name in subsets],
                [100 * scatter_error(record, rows[name], "std_published") if name in rows else np.nan
                 for name in subsets],
                *SUBSET_LOOKS[index % len(SUBSET_LOOKS)],
            )
        )  # fmt: skip
    return dots_figure(
        subsets,
        series,
        "σ published [%]",
        figure_id="comparison-subsets",
        title=_subset_title(record),
        caption="σ published of each part, about its own mean; bars are 1 σ "
        "from a bootstrap over nights. Parts of few points, of which two are dropped, say little; the "
        "title does not count them.",
        simulated=record.simulated,
        tables=("reanalysis",),
    )


def _subset_title(record: Results) -> str:
    """How far the scatter of a part can be from that of the whole."""
    table = record.tables["reanalysis"]
    values = [
        100 * number(row["std_published"])
        for row in table
        if _pair(row) in headline_pairs(record) and int(row["n"]) >= FEWEST_POINTS
    ]
    known = [one for one in values if np.isfinite(one)]
    if not known:
        return "The scatter of the pairs in parts of the data"
    return f"In parts of the data the pairs scatter by {min(known):.1f} to {max(known):.1f} %"


PAGE = PageType(
    name="study",
    title="The published study",
    tab="Evidence",
    position=510,
    description=(
        f"What {STUDY.short} published, the same numbers from their data points, and from the simulation."
    ),
    wide=True,
    guide="",
    context=context,
)

"""The page of evidence: the publication in five findings, the real instrument, earlier work, AO."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.published.observed import channel_flats, literature, repeatability, slice_rows
from pipeline.report.figures.base import MODE_STYLES, Figure
from pipeline.report.figures.comparison import DotSeries, dots_figure
from pipeline.report.figures.instrument import channel_flats_figure, slice_rows_figure
from pipeline.report.pages.base import FigureView, PageInputs, PageNumbering, PageType
from pipeline.report.pages.findings import confirmed, findings_of, instrument_finding
from pipeline.report.rows import Pair, find_number, headline_pairs, number
from pipeline.report.tables import Cell, Head, TableView
from pipeline.report.text import fixed, significant
from pipeline.schema.publications import STUDY
from pipeline.schema.results import Results


@dataclass(frozen=True)
class ModesOf:
    """AO against no AO of one campaign."""

    results: Results
    figure: FigureView


def context(inputs: PageInputs, numbering: PageNumbering) -> dict[str, Any] | None:
    """Findings on the publication, the instrument as others saw it, earlier work, AO against no AO."""
    record = next((one for one in inputs.campaigns if "differences" in one.tables), None)
    if record is None and not any(one.of_standard for one in inputs.campaigns):
        return None  # its findings are on fields of standard stars
    shown = [one for one in inputs.campaigns if "reanalysis" in one.tables]
    modes = [(one, figure) for one in shown if (figure := _modes_figure(one))]
    flats = channel_flats_figure(channel_flats(), figure_id="instrument-channels")
    slices = slice_rows_figure(slice_rows(), figure_id="instrument-slices")
    return {
        "record": record,
        "findings": findings_of(record) if record else (),
        "confirmed": confirmed(record) if record else "",
        "instrument": instrument_finding(),
        "flats": numbering.figure(flats, ""),
        "slices": numbering.figure(slices, ""),
        "repeatability": numbering.table(_repeatability_table()),
        "sources": tuple(dict.fromkeys(str(row["source"]) for row in repeatability())),
        "observed_files": numbering.links("", "observed"),
        "literature": numbering.table(_literature_table(inputs.campaigns)),
        "modes": [ModesOf(one, numbering.figure(figure, one.name)) for one, figure in modes],
    }


def _literature_table(campaigns: Sequence[Results]) -> TableView:
    """Earlier work and the floors of this report, in per cent of the flux."""
    rows = [
        (
            Cell(one.reference, kind="rp-wrap"),
            Cell(f"{one.bound} {one.as_given}".strip()),
            Cell(fixed(one.per_cent, 1), kind="strong"),
            Cell(one.what, kind="rp-wrap"),
            Cell(one.source, kind="rp-wrap muted"),
        )
        for one in literature()
    ]
    for results in campaigns:
        floor = find_number(results, "stability_floor")
        if floor is None or results.simulated or not np.isfinite(floor.value):
            continue
        rows.append(
            (
                Cell("This report, " + results.title),
                Cell(f"σ = {fixed(floor.value, 4)}"),
                Cell(fixed(100 * floor.value, 1), kind="strong"),
                Cell("ratio of two bright stars, one exposure a night over a year", kind="rp-wrap"),
                Cell("the first page", kind="rp-wrap muted"),
            )
        )
    return TableView(
        "literature-table",
        "Each number as it was given, and as a standard deviation of the flux.",
        (
            Head("Publication", numeric=False),
            Head("as given", numeric=False),
            Head("1 σ", "%"),
            Head("what was measured", numeric=False),
            Head("read from", numeric=False),
        ),
        tuple(rows),
    )


def _repeatability_table() -> TableView:
    return TableView(
        "repeatability",
        "How well calibrations repeat, over the channels and relative to the mean channel.",
        (Head("Compared", numeric=False), Head("rms", "%"), Head("largest", "%")),
        tuple(
            (
                Cell(str(row["what"]), kind="rp-wrap"),
                Cell(significant(number(row["rms_percent"]), 2), kind="strong"),
                Cell(significant(number(row["largest_percent"]))),
            )
            for row in repeatability()
        ),
    )  # fmt: skip


def _modes_figure(results: Results) -> Figure | None:
    """Mean of each headline pair in each mode, about its mean over all modes."""
    table = results.tables["reanalysis"]
    rows = {
        ((int(row["star_1"]), int(row["star_2"])), str(row["subset"]).removeprefix("mode ")): row
        for row in table
        if str(row["subset"]).startswith("mode ")
    }
    pairs: list[Pair] = [
        pair for pair in headline_pairs(results) if any(k[0] == pair for k in rows)
    ]
    styles = [style for style in MODE_STYLES if any(key[1] == style.mode for key in rows)]
    if not pairs or len(styles) < 2:
        return None
    centre = {pair: _weighted([rows[key] for key in rows if key[0] == pair])[0] for pair in pairs}
    series = []
    for style in styles:
        found = [rows.get((pair, style.mode)) for pair in pairs]
        means = [_weighted([row]) if row is not None else (np.nan, np.nan) for row in found]
        values = [mean - centre[pair] for (mean, _), pair in zip(means, pairs, strict=True)]
        series.append(
            DotSeries(style.mode, values, [err for _, err in means], style.symbol, style.color)
        )
    return dots_figure(
        [f"{one}/{two}" for one, two in pairs],
        series,
        "ratio in one mode, about all [%]",
        figure_id=f"modes-of-ratios-{results.name}",
        title=_optics_title(pairs, rows),
        caption="Bars are the standard error of each mean, as if exposures were independent.",
        simulated=results.simulated,
        tables=("reanalysis",),
        zero=False,
    )


def _weighted(rows: Sequence[Any]) -> tuple[float, float]:
    """Mean over exposures and its standard error [%], from the means of parts."""
    n = np.array([int(row["n"]) for row in rows], float)
    mean = np.array([number(row["mean_shift"]) for row in rows])
    err = np.array([number(row["std"]) for row in rows]) / np.sqrt(n)
    total = n.sum()
    return 100 * float((n * mean).sum() / total), 100 * float(
        np.sqrt(((n * err) ** 2).sum()) / total
    )


def _optics_title(pairs: Sequence[Pair], rows: Mapping[tuple[Pair, str], Any]) -> str:
    """The pair for which AO and no AO differ most, in units of the error."""
    found = []
    for pair in pairs:
        sides = [
            [
                row
                for (one, mode), row in rows.items()
                if one == pair and ("-AO-" in mode) is with_ao
            ]
            for with_ao in (True, False)
        ]
        if all(sides):
            (ao, ao_err), (no, no_err) = (_weighted(side) for side in sides)
            found.append((ao - no, float(np.hypot(ao_err, no_err)), f"{pair[0]}/{pair[1]}"))
    if not found:
        return "The ratios in the modes of the instrument"
    change, err, name = max(found, key=lambda one: abs(one[0]) / one[1])
    side = "above" if change > 0 else "below"
    return (
        f"With AO the ratio {name} lies {fixed(abs(change), 1)} ± {fixed(err, 1)} % {side} that "
        "without; the others differ less"
    )


PAGE = PageType(
    name="evidence",
    title="What the evidence says",
    tab="Evidence",
    position=500,
    description=f"{STUDY.short} in five findings, the real instrument, and earlier work.",
    guide="Five findings on the publication, lamps and twilights, earlier work, adaptive optics.",
    context=context,
)

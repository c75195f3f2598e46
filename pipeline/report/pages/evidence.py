"""The page of evidence: the publication in five findings, the real instrument, earlier work, AO."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pipeline.published.observed import channel_flats, literature, repeatability, slice_rows
from pipeline.report.ao_offsets import AoOffset, ao_offsets
from pipeline.report.figures.base import Figure
from pipeline.report.figures.comparison import DotSeries, dots_figure
from pipeline.report.figures.instrument import channel_flats_figure, slice_rows_figure
from pipeline.report.pages.base import FigureView, PageInputs, PageNumbering, PageType
from pipeline.report.pages.findings import confirmed, findings_of, instrument_finding
from pipeline.report.rows import find_number, number
from pipeline.report.tables import Cell, Head, TableView
from pipeline.report.text import counted, fixed, significant
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
    modes = [(one, figure) for one in inputs.campaigns if (figure := _ao_figure(one))]
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
                Cell(f"{fixed(100 * floor.value, 1)} %"),
                Cell(fixed(100 * floor.value, 1), kind="strong"),
                Cell(
                    "ratio of two bright stars, one exposure per night for a year", kind="rp-wrap"
                ),
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
        "How well calibrations repeat: change of the channels relative to the mean channel.",
        (Head("Compared", numeric=False), Head("rms", "%"), Head("largest", "%")),
        tuple(
            (
                Cell(str(row["what"]), kind="rp-wrap"),
                Cell(significant(number(row["rms_percent"]), 2), kind="strong"),
                Cell(significant(number(row["largest_percent"]), 2)),
            )
            for row in repeatability()
        ),
    )  # fmt: skip


def _ao_figure(results: Results) -> Figure | None:
    """What AO changes in each ratio that was observed both ways in the same nights."""
    offsets = ao_offsets(results.tables)
    if not offsets:
        return None
    series = DotSeries(
        "AO less no AO, same nights",
        [one.per_cent for one in offsets],
        [one.err for one in offsets],
        "circle",
        "@blue",
    )
    nights = [one.nights for one in offsets]
    spread = str(min(nights)) if min(nights) == max(nights) else f"{min(nights)} to {max(nights)}"
    figure = dots_figure(
        [one.pair for one in offsets],
        [series],
        "ratio with AO less that without [%]",
        figure_id=f"ao-offsets-{results.name}",
        title=_ao_title(offsets),
        caption=f"Differences of ln(F1/F2) within a night, averaged over {spread} nights. "
        "Bars are the standard error of their mean, from the scatter between nights.",
        simulated=results.simulated,
        tables=("record_pairs" if "record_pairs" in results.tables else "mode_offsets",),
        zero=False,
    )
    x_axis = figure.layout["xaxis"] | {"zeroline": True}
    return replace(figure, layout=figure.layout | {"xaxis": x_axis})


def _ao_title(offsets: Sequence[AoOffset]) -> str:
    seen = [one for one in offsets if one.is_seen]
    if not seen:
        return (
            f"In the same nights AO changes none of {counted(len(offsets), 'ratio')} significantly"
        )
    changes = ", ".join(
        f"{one.pair} by {fixed(one.per_cent, 1, sign=True)} ± {fixed(one.err, 1)} %" for one in seen
    )
    return (
        f"In the same nights AO changes {len(seen)} of {counted(len(offsets), 'ratio')}: {changes}"
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

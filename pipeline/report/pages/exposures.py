"""The page of exposures: what became of each, and how they lie relative to the reference."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from pipeline.muse.modes import WIDE_MODES
from pipeline.report.figures.small_svg import bars, sparkline
from pipeline.report.pages.answer import bad_exposures
from pipeline.report.pages.base import (
    FigureView,
    Link,
    PageInputs,
    PageNumbering,
    PageType,
    TableBlock,
)
from pipeline.report.pages.detail import residuals_of
from pipeline.report.pages.offsets import pointing_view, positions_view
from pipeline.report.rows import (
    exposure_anchors,
    exposure_links,
    is_bad,
    is_large,
    number,
    plain,
    shared_page,
    text_of,
    whole,
    years_of,
)
from pipeline.report.tables import Cell, Head, TableView, heads, without_empty_columns
from pipeline.report.text import counted, fixed
from pipeline.schema.results import Results


@dataclass(frozen=True)
class ExposuresOf:
    """What the page shows of one campaign."""

    results: Results
    exposures: TableBlock
    n_exposures: int
    years: tuple[Link, ...]  # of a large campaign: where its exposures are listed
    status: tuple[tuple[str, int], ...]  # ("ok", 63), ...
    modes: tuple[tuple[str, int], ...]
    n_nights: int
    n_bad: int  # of status ok, left out of statistics all the same
    positions: FigureView | None
    pointing: FigureView | None


def context(inputs: PageInputs, numbering: PageNumbering) -> dict[str, Any]:
    """Exposures of every campaign, and their offsets."""
    shown = [_exposures_of(one, numbering) for one in inputs.campaigns if "exposures" in one.tables]
    return {"shown": shown}


def _exposures_of(results: Results, numbering: PageNumbering) -> ExposuresOf:
    exposures = results.tables["exposures"]
    status = Counter(str(value) for value in exposures["status"])
    modes = Counter(str(value) for value in exposures["mode"])
    names = (*WIDE_MODES, *sorted(set(modes) - set(WIDE_MODES)))
    return ExposuresOf(
        results,
        numbering.table(_exposures_table(results), results.name),
        len(exposures),
        _years(results),
        tuple((name, status[name]) for name in ("ok", "excluded", "failed") if status[name]),
        tuple((name, modes[name]) for name in names if modes[name]),
        len({str(value) for value in exposures["night"]}),
        len(bad_exposures(results)),
        pointing=pointing_view(results, numbering),
        positions=None if is_large(results) else positions_view(results, numbering),
    )


def _years(results: Results) -> tuple[Link, ...]:
    """Where the exposures of each year of a large campaign are listed."""
    if not is_large(results):
        return ()
    return tuple(
        Link(year, Markup(shared_page(results, year)), counted(count, "exposure"))
        for year, count in years_of(results).items()
    )


def _exposures_table(results: Results) -> TableView:
    """Every exposure; of a large campaign those that are failed, excluded or bad."""
    exposures = results.tables["exposures"]
    large = is_large(results)
    if large:
        exposures = exposures[[str(row["status"]) != "ok" or is_bad(row) for row in exposures]]
    anchors, paths = exposure_anchors(results), exposure_links(results)
    thumbs = _thumbnails(results)
    with_notes = any(text_of(row["notes"]) for row in exposures)
    counts = Counter(str(value) for value in results.tables["exposures"]["status"])
    said = ", ".join(
        f"{counts[name]} {name}" for name in ("ok", "excluded", "failed") if counts[name]
    )
    view = TableView(
        f"exposures-{results.name}",
        "Exposures that are failed, excluded or bad. Their names link to their pages."
        if large
        else f"Every exposure of the campaign: {said}. Its name links to its page.",
        (
            *heads("exposures", "night", "exposure_id"),
            Head(
                "stars" if "photometry" in results.tables else "ratios",
                numeric=False,
                title="each relative to its median",
            ),
            *heads(
                "exposures",
                *("mode", "status", "airmass", "seeing_arcsec", "exptime_s"),
                *("n_detected", "n_matched", "match_rms_px", "reason"),
                *(("notes",) if with_notes else ()),
            ),
        ),
        tuple(
            (*_exposure_cells(row, results, paths, thumbs), *_notes(row, with_notes))
            for row in exposures
        ),
        anchors=tuple(anchors[str(row["exposure_id"])] for row in exposures),
        source="exposures",
        filter=True,
        sort=True,
        simulated=results.simulated,
    )
    return without_empty_columns(view)


def _exposure_cells(
    row: Any, results: Results, paths: Mapping[str, str], thumbs: Mapping[str, Markup]
) -> tuple[Cell, ...]:
    status, identity = str(row["status"]), str(row["exposure_id"])
    is_reference = identity == results.reference_exposure
    bad = is_bad(row)
    return (
        Cell(str(row["night"])),
        Cell(
            identity + (" (reference)" if is_reference else ""),
            href=Markup(paths[identity]),
            kind="strong rp-wrap" if is_reference else "",
        ),
        Cell(thumbs.get(identity, Markup(""))),
        Cell(str(row["mode"])),
        Cell(
            "bad, not in the model" if bad else status,
            kind="good" if status == "ok" and not bad else "bad",
        ),
        Cell(fixed(number(row["airmass"]), 3)),
        Cell(fixed(number(row["seeing_arcsec"]), 2)),
        Cell(fixed(number(row["exptime_s"]), 0)),
        Cell(whole(row["n_detected"])),
        Cell(whole(row["n_matched"])),
        Cell(fixed(number(row["match_rms_px"]), 3)),
        Cell(text_of(row["reason"]), kind="rp-wrap"),
    )


def _notes(row: Any, with_notes: bool) -> tuple[Cell, ...]:
    """What was converted or chosen of an exposure, where any has such notes."""
    return (Cell(text_of(row["notes"]), kind="rp-wrap"),) if with_notes else ()


def _thumbnails(results: Results) -> dict[str, Markup]:
    """For each exposure the residuals of its stars as a line of points."""
    if is_large(results):
        return {}
    residuals = residuals_of(results)
    if residuals is None:
        return _ratio_thumbnails(results)
    words = "Residual of every star"
    return {
        one: sparkline(values, words)
        for one, values in zip(residuals.exposure_ids, residuals.per_cent, strict=True)
    }


def _ratio_thumbnails(results: Results) -> dict[str, Markup]:
    """For each exposure of a record of ratios how far each of them lies from its median."""
    table = results.tables.get("timelines")
    if table is None:
        return {}
    pairs = list(zip(table["star_1"].tolist(), table["star_2"].tolist(), strict=True))
    values = 100 * plain(table["deviation"])
    medians = {
        pair: np.nanmedian(values[[one == pair for one in pairs]]) for pair in dict.fromkeys(pairs)
    }
    found: dict[str, list[float]] = {}
    for identity, pair, value in zip(table["exposure_id"], pairs, values.tolist(), strict=True):
        found.setdefault(str(identity), []).append(value - medians[pair])
    scale = float(np.nanmedian(np.abs(np.concatenate([*found.values()])))) or 1.0
    words = f"Deviation of {counted(len(medians), 'ratio')} from their medians"
    return {one: bars(np.array(some), 5 * scale, words) for one, some in found.items()}


PAGE = PageType(
    name="exposures",
    title="All exposures",
    tab="Exposures",
    position=400,
    description="Every exposure with its status, conditions and position on the sky.",
    wide=True,
    guide="Status, conditions, offsets and residuals of every exposure.",
    context=context,
)

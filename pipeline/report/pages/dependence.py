"""The page on what ratios depend on: time, wavelength, aperture, mode, season and conditions."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy.table import QTable

from pipeline.report.figures.base import Figure
from pipeline.report.figures.dependence import structure_figure, wavelength_figure
from pipeline.report.pages.base import (
    FigureView,
    PageInputs,
    PageNumbering,
    PageType,
    TableBlock,
)
from pipeline.report.rows import number, p_cell, plain, text_of
from pipeline.report.tables import Cell, TableView, heads, percent_heads
from pipeline.report.text import fixed
from pipeline.schema.definitions import OUTER_LEVEL, SIGNIFICANCE
from pipeline.schema.results import Results
from pipeline.statistics.conditions import SIGNIFICANT_P


@dataclass(frozen=True)
class DependenceOf:
    """What the page shows of one campaign; None: nothing."""

    results: Results
    structure: FigureView | None
    wavelength: FigureView | None
    bands: TableBlock | None
    scatters: TableBlock | None
    scatter_words: str
    offsets: TableBlock | None
    conditions: TableBlock | None
    condition_words: str
    removed_below: str  # adjusted p-value of an effect that is taken out before the fit


def context(inputs: PageInputs, numbering: PageNumbering) -> dict[str, Any] | None:
    """Per campaign, in the order in which the template prints figures and tables."""
    shown = [one for one in (_of(results, numbering) for results in inputs.campaigns) if one]
    return {"shown": shown} if shown else None


def _of(results: Results, numbering: PageNumbering) -> DependenceOf | None:
    tables = results.tables
    if not {"structure_function", "wavelength", "scatter_comparisons"} & set(tables):
        return None

    def figure(draw: Callable[..., Figure | None], table: str, name: str) -> FigureView | None:
        if table not in tables:
            return None
        made = draw(tables[table], figure_id=f"{name}-{results.name}", simulated=results.simulated)
        return numbering.figure(made, results.name) if made else None

    def table(make: Callable[[Results], TableView], name: str) -> TableBlock | None:
        return numbering.table(make(results), results.name) if name in tables else None

    return DependenceOf(
        results,
        figure(structure_figure, "structure_function", "structure"),
        figure(wavelength_figure, "wavelength", "wavelength"),
        table(_bands, "wavelength"),
        table(_scatters, "scatter_comparisons"),
        _scatter_words(tables["scatter_comparisons"]) if "scatter_comparisons" in tables else "",
        table(_offsets, "mode_offsets"),
        table(_conditions, "conditions"),
        _condition_words(tables["conditions"]) if "conditions" in tables else "",
        f"{SIGNIFICANT_P:g}",
    )


def _bands(results: Results) -> TableView:
    whole = ("first_aa", "last_aa", "n", "n_stars")
    percents = ("floor", "low95", "high95", "response_std")
    table = results.tables["wavelength"]
    return TableView(
        f"bands-{results.name}",
        "The floor and the responses of the channels in each band. Only bright stars enter, so the floor can "
        "differ from that of the first page.",
        (
            *heads("wavelength", "band"),
            *heads("wavelength", *whole),
            *percent_heads("wavelength", *percents),
            *heads("wavelength", "response_correlation", "feature"),
        ),
        tuple(
            (
                Cell(str(row["band"]).replace("_", " ")),
                *(Cell(str(round(number(row[name])))) for name in whole),
                *(Cell(fixed(100 * number(row[name]), 2)) for name in percents),
                Cell(fixed(number(row["response_correlation"]), 2)),
                Cell(text_of(row["feature"])),
            )
            for row in table
        ),
        source="wavelength",
        simulated=results.simulated,
    )


def _scatters(results: Results) -> TableView:
    names = ("n_stars", "n_first", "n_second")
    return TableView(
        f"scatters-{results.name}",
        "Scatter of bright stars about the mean of the others under two choices, paired star by star. "
        "A ratio below unity means less scatter with the first choice.",
        heads(
            "scatter_comparisons",
            "first",
            "second",
            *names,
            "ratio",
            "low95",
            "high95",
            "p_adjusted",
        ),
        tuple(
            (
                Cell(str(row["first"])),
                Cell(str(row["second"])),
                *(Cell(str(int(row[name]))) for name in names),
                *(Cell(fixed(number(row[name]), 2)) for name in ("ratio", "low95", "high95")),
                p_cell(number(row["p_adjusted"])),
            )
            for row in results.tables["scatter_comparisons"]
        ),
        source="scatter_comparisons",
        simulated=results.simulated,
    )


def _scatter_words(table: QTable) -> str:
    """The comparisons that differ, in a sentence."""
    p = plain(table["p_adjusted"])
    with np.errstate(invalid="ignore"):
        differ = np.flatnonzero(p < SIGNIFICANCE)
    if not len(differ):
        return "None of these choices changes the scatter significantly."
    said = [
        f"{row['first']} against {row['second']}, {fixed(number(row['ratio']), 2)}"
        for row in table[differ]
    ]
    return f"These choices change the scatter, by the factor given: {'; '.join(said)}."


def _offsets(results: Results) -> TableView:
    return TableView(
        f"offsets-of-modes-{results.name}",
        "Difference of ln(F1/F2) between two kinds of modes in the same nights.",
        (
            *heads("mode_offsets", "first", "second"),
            *heads("mode_offsets", "star_1", "star_2", "n_nights"),
            *percent_heads("mode_offsets", "difference", "err", "low95", "high95"),
            *heads("mode_offsets", "p_adjusted"),
        ),
        tuple(
            (
                Cell(str(row["first"])),
                Cell(str(row["second"])),
                *(Cell(str(int(row[name]))) for name in ("star_1", "star_2", "n_nights")),
                *(
                    Cell(fixed(100 * number(row[name]), 2, sign=name != "err"))
                    for name in ("difference", "err", "low95", "high95")
                ),
                p_cell(number(row["p_adjusted"])),
            )
            for row in results.tables["mode_offsets"]
        ),
        source="mode_offsets",
        simulated=results.simulated,
    )


def _conditions(results: Results) -> TableView:
    return TableView(
        f"conditions-{results.name}",
        "Scatter that each condition adds to a ratio of two stars, with its interval.",
        (
            *heads("conditions", "condition"),
            *percent_heads("conditions", "std", "low95", "high95"),
            *heads("conditions", "p_adjusted", "n"),
        ),
        tuple(
            (
                Cell(str(row["condition"])),
                *(Cell(fixed(100 * number(row[name]), 2)) for name in ("std", "low95", "high95")),
                p_cell(number(row["p_adjusted"])),
                Cell(str(int(row["n"]))),
            )
            for row in results.tables["conditions"]
        ),
        source="conditions",
        simulated=results.simulated,
    )


def _condition_words(table: QTable) -> str:
    p = plain(table["p_adjusted"])
    most = 100 * float(np.nanmax(plain(table["high95"])))
    seen = [str(row["condition"]) for row, one in zip(table, p, strict=True) if one < SIGNIFICANCE]
    if not seen:
        return (
            f"No effect of these conditions is seen; at {OUTER_LEVEL} % confidence none adds more than "
            f"{fixed(most, 1)} % of scatter to a ratio."
        )
    return f"These conditions change ratios: {', '.join(seen)}."


PAGE = PageType(
    name="dependence",
    title="What ratios depend on",
    tab="Evidence",
    position=525,
    description="How the scatter of a ratio grows with time, and what else it depends on.",
    guide="From hours to months, along the spectrum, and with the conditions of an exposure.",
    context=context,
    wide=True,
)

"""The page of downloads: every file with its size, checksum, columns, and the line that reads it."""

from dataclasses import dataclass
from typing import Any

from astropy.table import QTable

from pipeline.report.citation import DATA_LICENSE, DATA_LICENSE_URL
from pipeline.report.downloads.download import Download
from pipeline.report.downloads.ecsv_files import LARGEST_BYTES
from pipeline.report.downloads.files import HUGE_ROWS, LARGE_CELLS
from pipeline.report.downloads.packing import archive_name
from pipeline.report.downloads.spectra_file import SIGMA_BITS, STEP_SIGMA, spectra_table
from pipeline.report.downloads.table_formats import LARGE_DIGITS
from pipeline.report.pages.base import PageInputs, PageNumbering, PageType, TableBlock
from pipeline.report.tables import Cell, Head, TableView
from pipeline.report.text import size_of, slug
from pipeline.schema import ROW_OF
from pipeline.schema.results import Results


@dataclass(frozen=True)
class TableFiles:
    """One table with its files and columns."""

    name: str
    anchor: str
    row: str
    n_rows: int
    files: tuple[Download, ...]
    columns: TableBlock


@dataclass(frozen=True)
class WholeFile:
    """One file about the whole version."""

    title: str
    detail: str
    file: Download

    @property
    def anchor(self) -> str:
        """Where it stands on the page."""
        return slug(self.file.name)


@dataclass(frozen=True)
class CampaignFiles:
    """What can be downloaded of one campaign."""

    results: Results
    tables: tuple[TableFiles, ...]
    spectra: tuple[Download, ...]
    records: tuple[Download, ...]  # of the reduction, one per exposure or year
    total: str


def context(inputs: PageInputs, numbering: PageNumbering) -> dict[str, Any]:
    """Every file with its size, checksum, columns, and a line of code that reads it."""
    shown = []
    for results in inputs.campaigns:
        named = dict(results.tables)
        if results.spectra:
            named["spectra_drawn"] = spectra_table(results)
        tables = tuple(
            _table_files(results, name, named[name], numbering) for name in sorted(named)
        )
        spectra = tuple(numbering.downloads.get((results.name, "spectra"), ()))
        total = sum(item.n_bytes for one in tables for item in one.files)
        records = tuple(
            file
            for (campaign, name), files in sorted(numbering.downloads.items())
            if campaign == results.name and name.startswith(("reduction of ", "reductions of "))
            for file in files
        )
        total += sum(item.n_bytes for item in (*spectra, *records))
        shown.append(CampaignFiles(results, tables, spectra, records, size_of(total)))
    return {
        "shown": shown,
        "whole": _whole(numbering),
        "archive_name": archive_name,
        "flux_step": f"1/{1 / STEP_SIGMA:g}",
        "sigma_bits": SIGMA_BITS,
        "size_of": size_of,
        "large_cells": f"{LARGE_CELLS:,}".replace(",", "\N{THIN SPACE}"),
        "largest_mb": f"{LARGEST_BYTES / 1e6:g}",
        "huge_rows": f"{HUGE_ROWS:,}".replace(",", "\N{THIN SPACE}"),
        "large_digits": LARGE_DIGITS,
        "license": DATA_LICENSE,
        "license_url": DATA_LICENSE_URL,
        "any_simulated": any(one.simulated for one in inputs.campaigns),
    }


def _whole(numbering: PageNumbering) -> tuple[WholeFile, ...]:
    (report,), (sums,) = numbering.downloads["", "report"], numbering.downloads["", "sums"]
    cff, codemeta = numbering.downloads["", "version"]
    archive = numbering.downloads.get(("", "tables"), ())
    observed = numbering.downloads.get(("", "observed"), ())
    return (
        *(
            WholeFile(
                "One archive",
                "of the tables as ECSV, headline numbers, citation and checksums; the line is for a shell."
                + (f" Not in it, but below: {one.left_out}." if one.left_out else ""),
                one,
            )
            for one in archive
        ),
        WholeFile("Headline numbers", "of all campaigns, with definitions and sources.", report),
        WholeFile(
            "Checksums", "of all files in the folder data; the line is a shell command.", sums
        ),
        WholeFile("Citation", "as read by GitHub and Zotero.", cff),
        WholeFile("Software", "version, libraries and commit, for software indexes.", codemeta),
        *(
            WholeFile(
                f"Observed by others: {one.label}",
                "with its source; see What the evidence says.",
                one,
            )
            for one in observed
        ),
    )


def _table_files(
    results: Results, name: str, table: QTable, numbering: PageNumbering
) -> TableFiles:
    rows = []
    for key in table.colnames:
        column = table[key]
        unit = getattr(column, "unit", None)
        ucd = (column.info.meta or {}).get("ucd", "")
        rows.append(
            (
                Cell(key),
                Cell(unit.to_string() if unit is not None else ""),
                Cell(column.info.description or "", kind="rp-wrap"),
                Cell(ucd, kind="muted"),
            )
        )
    view = TableView(
        f"columns-{results.name}-{name.replace('_', '-')}",
        f"Columns of {name}.",
        (
            Head("Column", numeric=False),
            Head("unit", numeric=False),
            Head("meaning", numeric=False),
            Head("UCD", numeric=False),
        ),
        tuple(rows),
        simulated=results.simulated,
    )
    return TableFiles(
        name,
        f"{results.name}-{name.replace('_', '-')}",
        ROW_OF[name],
        len(table),
        tuple(numbering.downloads[results.name, name]),
        numbering.table(view),
    )


PAGE = PageType(
    name="downloads",
    title="Data",
    tab="Data and method",
    position=600,
    description="Every number of this report as a file, with units, meanings and checksums.",
    guide="Every number as a file.",
    context=context,
)

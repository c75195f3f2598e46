"""The page of downloads: every file with its size, checksum, columns, and the line that reads it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from astropy.table import QTable

from pipeline.report.downloads import HUGE_CELLS, LARGE_CELLS, Download
from pipeline.report.packing import archive_name
from pipeline.report.pages import Book, Page, TableBlock
from pipeline.report.spectra_file import SIGMA_BITS, STEP_SIGMA, spectra_table
from pipeline.report.table_formats import LARGE_DIGITS
from pipeline.report.tables import Cell, Head, TableView
from pipeline.report.text import size_of, slug
from pipeline.schema.results import Results

ROW_OF: Mapping[str, str] = {
    "exposures": "exposure",
    "catalogue": "reference star",
    "photometry": "exposure, star, band and aperture",
    "snr": "reference star",
    "pairs": "pair, band and aperture",
    "timelines": "exposure and pair",
    "availability": "night",
    "recipe_calls": "call of a recipe",
    "detections": "detection in an exposure",
    "identification": "reference star",
    "spectra_drawn": "sample of a spectrum that the figures show, part of the spectra above",
    "timelines_digitised": "point read off the study's figure",
    "snr_scatter": "point read off the study's figure",
    "coordtrafo": "point read off the study's figure",
    "spectrum_levels": "star and aperture of the study's figure",
    "claims": "number printed in the study",
    "reanalysis": "pair and part of the data",
    "differences": "difference between the study's text and its data",
    "channel_responses": "exposure and channel",
    "recovery": "quantity compared with the simulation's truth",
    "truth_stars": "star, as it was simulated",
    "truth_exposures": "exposure, as it was simulated",
    "truth_channels": "exposure and channel, as it was simulated",
    "truth_fluxes": "exposure and star, as it was simulated",
}


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
    records: tuple[Download, ...]  # of the reduction, one per exposure
    total: str


def downloads_page(campaigns: Sequence[Results], book: Book) -> Page:
    """Every file with its size, checksum, columns, and a line of code that reads it."""
    shown = []
    for results in campaigns:
        named = dict(results.tables)
        if results.spectra:
            named["spectra_drawn"] = spectra_table(results)
        tables = tuple(_table_files(results, name, named[name], book) for name in sorted(named))
        spectra = tuple(book.downloads.get((results.name, "spectra"), ()))
        total = sum(item.n_bytes for one in tables for item in one.files)
        records = tuple(
            file
            for (campaign, name), files in sorted(book.downloads.items())
            if campaign == results.name and name.startswith("reduction of ")
            for file in files
        )
        total += sum(item.n_bytes for item in (*spectra, *records))
        shown.append(CampaignFiles(results, tables, spectra, records, size_of(total)))
    return Page(
        "downloads",
        "Downloads",
        "About",
        "Every number of this report as a file, with units, meanings and checksums.",
        {
            "shown": shown,
            "whole": _whole(book),
            "archive_name": archive_name,
            "flux_step": f"1/{1 / STEP_SIGMA:g}",
            "sigma_bits": SIGMA_BITS,
            "size_of": size_of,
            "large_cells": f"{LARGE_CELLS:,}".replace(",", "\N{THIN SPACE}"),
            "huge_cells": f"{HUGE_CELLS:,}".replace(",", "\N{THIN SPACE}"),
            "large_digits": LARGE_DIGITS,
            "any_simulated": any(one.simulated for one in campaigns),
        },
    )


def _whole(book: Book) -> tuple[WholeFile, ...]:
    (report,), (sums,) = book.downloads["", "report"], book.downloads["", "sums"]
    cff, codemeta = book.downloads["", "version"]
    return (
        WholeFile("Headline numbers", "of all campaigns, with definitions and sources.", report),
        WholeFile("Checksums", "of all files in the folder data; the line is for a shell.", sums),
        WholeFile("Citation", "as GitHub and Zotero read it.", cff),
        WholeFile(
            "Software", "its version, libraries and commit, for indexes of software.", codemeta
        ),
    )


def _table_files(results: Results, name: str, table: QTable, book: Book) -> TableFiles:
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
        ROW_OF.get(name, "entry"),
        len(table),
        tuple(book.downloads[results.name, name]),
        book.table(view),
    )

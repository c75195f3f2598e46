"""Pages on the report itself: downloads, method with the settings used, how it was built."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.report.downloads import LARGE_CELLS, LARGE_DIGITS, Download
from pipeline.report.pages import Book, Page, TableBlock
from pipeline.report.spectra_file import SIGMA_BITS, STEP_SIGMA
from pipeline.report.tables import Cell, Head, TableView
from pipeline.report.text import significant, size_of
from pipeline.results import Results
from pipeline.settings import Settings

TAB = "About"
SMALL = 1e-4  # below it a setting is printed with a power of ten

ROW_OF: Mapping[str, str] = {
    "exposures": "exposure",
    "catalogue": "reference star",
    "identification": "reference star",
    "photometry": "exposure, star, band and aperture",
    "snr": "reference star",
    "pairs": "pair, band and aperture",
    "timelines": "exposure and pair",
    "availability": "night",
    "recipe_calls": "call of a recipe",
    "detections": "detection in an exposure",
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
    row: str
    n_rows: int
    files: tuple[Download, ...]
    columns: TableBlock


@dataclass(frozen=True)
class CampaignFiles:
    """What can be downloaded of one campaign."""

    results: Results
    tables: tuple[TableFiles, ...]
    spectra: tuple[Download, ...]
    total: str


def downloads_page(campaigns: Sequence[Results], book: Book) -> Page:
    """Every file with its size, checksum, columns, and a line of code that reads it."""
    shown = []
    for results in campaigns:
        tables = tuple(_table_files(results, name, book) for name in sorted(results.tables))
        spectra = tuple(book.downloads.get((results.name, "spectra"), ()))
        total = sum(item.n_bytes for one in tables for item in one.files)
        total += sum(item.n_bytes for item in spectra)
        shown.append(CampaignFiles(results, tables, spectra, size_of(total)))
    return Page(
        "downloads",
        "Downloads",
        TAB,
        "Every number of this report as a file, with units, meanings and checksums.",
        {
            "shown": shown,
            "report_json": book.downloads["", "report"][0],
            "flux_step": f"1/{1 / STEP_SIGMA:g}",
            "sigma_bits": SIGMA_BITS,
            "size_of": size_of,
            "large_cells": LARGE_CELLS,
            "large_digits": LARGE_DIGITS,
            "any_simulated": any(one.simulated for one in campaigns),
        },
    )


def _table_files(results: Results, name: str, book: Book) -> TableFiles:
    table = results.tables[name]
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
        ROW_OF.get(name, "entry"),
        len(table),
        tuple(book.downloads[results.name, name]),
        book.table(view),
    )


def method_page(campaigns: Sequence[Results], book: Book) -> Page:
    """The whole chain with its formulas and the values that this build used."""
    measured = next((one for one in campaigns if one.source != "published"), None)
    chosen = measured or (campaigns[0] if campaigns else None)
    return Page(
        "method",
        "Method",
        "Method",
        "From a cube to a number: every step, its formula, and the choices of this build.",
        {
            "settings": _Choices(chosen.settings if chosen else {}),
            "tables": [book.table(_settings_table(group)) for group in _by_settings(campaigns)],
        },
    )


class _Choices:
    """Settings as ``settings("detection", "fwhm_px")``: of the campaign, else the default."""

    def __init__(self, sections: Mapping[str, Mapping[str, object]]) -> None:
        self._sections = sections
        self._default = Settings()

    def __call__(self, section: str, key: str) -> Any:
        value = self._sections.get(section, {}).get(key)
        return plain_value(
            getattr(getattr(self._default, section), key) if value is None else value
        )


def flattened(settings: object, prefix: str = "") -> Iterator[tuple[str, object]]:
    """Every single setting with its full name; sections in a list are numbered from 1."""
    parts: Iterable[tuple[str, object]]
    if isinstance(settings, Mapping):
        parts = settings.items()
    elif isinstance(settings, list | tuple) and any(isinstance(one, Mapping) for one in settings):
        parts = ((str(number), one) for number, one in enumerate(settings, start=1))
    else:
        yield prefix, settings
        return
    for key, value in parts:
        yield from flattened(value, f"{prefix}.{key}" if prefix else str(key))


def plain_value(value: object) -> str:
    """A setting as a reader would write it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}" if value == 0 or abs(value) >= SMALL else significant(value, 2)
    if isinstance(value, list | tuple):
        return ", ".join(
            "/".join(map(str, item)) if isinstance(item, list | tuple) else plain_value(item)
            for item in value
        )
    return str(value)


def _by_settings(campaigns: Sequence[Results]) -> list[list[Results]]:
    """Campaigns that share their settings, together."""
    groups: list[list[Results]] = []
    for results in campaigns:
        if not results.settings:
            continue
        alike = next((one for one in groups if one[0].settings == results.settings), None)
        if alike:
            alike.append(results)
        else:
            groups.append([results])
    return groups


def _settings_table(group: Sequence[Results]) -> TableView:
    results = group[0]
    rows = [
        (Cell(key), Cell(plain_value(value), kind="rp-wrap"))
        for key, value in flattened(results.settings)
    ]
    return TableView(
        f"settings-{results.name}",
        f"Settings of {' and of '.join(one.title for one in group)}, as read from report.toml.",
        (Head("Setting", numeric=False), Head("value", numeric=False)),
        tuple(rows),
        filter=True,
    )


def about_page(campaigns: Sequence[Results], book: Book) -> Page:
    """Provenance of this version, and how to cite it."""
    del book
    return Page(
        "about",
        "How it was built",
        TAB,
        "Version, commit, command, libraries and inputs of this report, and how to cite it.",
        {"shown": campaigns},
    )

"""The data beside the pages: every table in several formats, the headline numbers once.

Which formats depends on the size alone: see ``_formats``.
Every file says what it is, which version wrote it and, where that is so, that it is simulated.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from astropy.table import QTable

from pipeline.published.observed.instrument import FILES as OBSERVED_FILES
from pipeline.published.observed.instrument import FOLDER as OBSERVED
from pipeline.report.build import BuildInfo
from pipeline.report.citation import DATA_LICENSE
from pipeline.report.downloads.download import Download, write_file
from pipeline.report.downloads.ecsv_files import ecsv_files
from pipeline.report.downloads.report_json import write_report_json
from pipeline.report.downloads.spectra_file import spectra_file, spectra_table
from pipeline.report.downloads.table_formats import (
    fits_file,
    gzip_bytes,
    to_float32,
    votable_file,
)
from pipeline.schema.results import Results

LARGE_CELLS = 5_000  # from there on numbers are rounded and FITS is the only binary format
HUGE_ROWS = 100_000  # from there on no text: it would take tens of megabytes
WHOLE = ("light_curves",)  # in every format whatever their size: other tools read them
DUPLICATES = ("spectra_drawn",)  # part of spectra.fits: one format only
SIMULATED_NOTE = "SIMULATED: made by pipeline.simulation, not observed"
SUMS = "data/SHA256SUMS"

# Lines that a reader pastes into Python in the folder of the file; a test runs each of them.
READ_TABLE = 'from astropy.table import Table; table = Table.read("{name}")'
READ_SPECTRA = 'from astropy.io import fits; spectra = fits.open("{name}")'


def write_downloads(
    root: Path, campaigns: Sequence[Results], build: BuildInfo
) -> dict[tuple[str, str], tuple[Download, ...]]:
    """Everything under data/: (campaign, table) -> its files.

    ("", "report") is report.json. Checksums follow when all is written: see ``write_sums``.
    """
    downloads: dict[tuple[str, str], tuple[Download, ...]] = {}
    for results in campaigns:
        for table, files in write_tables(root, results, build).items():
            downloads[results.name, table] = files
        if results.spectra:
            downloads[results.name, "spectra"] = (write_spectra(root, results, build),)
            downloads[results.name, "spectra_drawn"] = write_table(
                root, "spectra_drawn", spectra_table(results), results, build
            )
    downloads["", "report"] = (write_report_json(root, campaigns, build),)
    return downloads


def write_sums(root: Path, downloads: Mapping[Any, Sequence[Download]]) -> Download:
    """The checksums of all files under data/, as ``sha256sum --check`` reads them."""
    files = sorted((one for files in downloads.values() for one in files), key=lambda one: one.path)
    lines = [f"{one.sha256}  {one.path.removeprefix('data/')}\n" for one in files]
    return write_file(root, SUMS, "".join(lines).encode(), "SHA-256", "sha256sum --check {name}")


def write_spectra(root: Path, results: Results, build: BuildInfo) -> Download:
    """All extracted spectra of a campaign."""
    file = spectra_file(results, provenance(results, build))
    return write_file(
        root,
        f"data/{results.name}/spectra.fits",
        file.content,
        "FITS",
        READ_SPECTRA,
        file.left_out,
    )


def write_observed(root: Path) -> tuple[Download, ...]:
    """Numbers that others measured with the real instrument, as the project holds them."""
    return tuple(
        write_file(
            root,
            f"data/observed/{name}.ecsv",
            (OBSERVED / f"{name}.ecsv").read_bytes(),
            name.replace("_", " "),
            READ_TABLE,
        )
        for name in OBSERVED_FILES
    )


def write_tables(root: Path, results: Results, build: BuildInfo) -> dict[str, tuple[Download, ...]]:
    """Every table of a campaign; table name -> its files."""
    return {
        name: write_table(root, name, results.tables[name], results, build)
        for name in sorted(results.tables)
    }


def write_table(
    root: Path, name: str, table: QTable, results: Results, build: BuildInfo
) -> tuple[Download, ...]:
    """One table of a campaign in the formats that suit its size; ``Table.read`` opens each."""
    table = with_provenance(table, name, results, build)
    base = f"data/{results.name}/{name}"
    return tuple(
        write_file(root, f"{base}{suffix}", content, label, READ_TABLE)
        for suffix, content, label in _formats(name, table, results)
    )


def _formats(name: str, table: QTable, results: Results) -> list[tuple[str, bytes, str]]:
    """Suffix, content and label of every file of a table.

    Measured on the default report: the large tables take four times the bytes as text, 3.0 MB of
    ECSV beside 0.7 MB of gzipped FITS.
    """
    small = _is_small(table) or name in WHOLE
    table = as_published(table)
    made: list[tuple[str, bytes, str]] = []
    if name not in DUPLICATES and len(table) < HUGE_ROWS:
        made += [(suffix, content, "ECSV") for suffix, content in ecsv_files(table, results)]
    made.append((".fits.gz", gzip_bytes(fits_file(table, name)), "FITS"))
    if small:
        made.append((".vot.gz", gzip_bytes(votable_file(table)), "VOTable"))
    return made


def _is_small(table: QTable) -> bool:
    return len(table) * len(table.colnames) < LARGE_CELLS


def as_published(table: QTable) -> QTable:
    """The table with the digits that its files hold: single precision if it is large."""
    return table if _is_small(table) else to_float32(table)


def with_provenance(table: QTable, name: str, results: Results, build: BuildInfo) -> QTable:
    """A copy of the table whose meta says where it comes from."""
    copy = table.copy(copy_data=False)
    kept = {
        key: value for key, value in table.meta.items() if key not in ("__attributes__", "comments")
    }
    copy.meta = provenance(results, build) | {"table": name} | kept
    return copy


def provenance(results: Results, build: BuildInfo) -> dict[str, Any]:
    """What every downloaded file says of itself."""
    facts = {
        "campaign": results.name,
        "title": results.title,
        "source": results.source,
        "simulated": results.simulated,
        "field": results.field_name,
        "first_night": results.first_night,
        "last_night": results.last_night,
        "version": build.version_label,
        "software_version": build.software_version,
        "commit": build.commit,
        "inputs_digest": results.inputs_digest,
        "license": DATA_LICENSE,
    }
    return ({"note": SIMULATED_NOTE} if results.simulated else {}) | facts

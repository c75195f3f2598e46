"""The data beside the pages: every table in several formats, the headline numbers once.

Which formats depends on the size alone, so that a version stays under 10 MB: see ``_formats``.
Every file says what it is, which version wrote it and, where that is so, that it is simulated.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from astropy.table import QTable

from pipeline.report.build import BuildInfo
from pipeline.report.report_file import REPORT_SCHEMA
from pipeline.report.spectra_file import spectra_file, spectra_table
from pipeline.report.table_formats import (
    ecsv,
    fits_file,
    parquet_file,
    shortened,
    squeezed,
    votable_file,
)
from pipeline.schema.results import ReportedValue, Results

LARGE_CELLS = 5_000  # from there on text is compressed and the binary format is Parquet
HUGE_CELLS = 50_000  # from there on no text: it would take twice the bytes of Parquet, and minutes
DUPLICATES = ("spectra_drawn",)  # part of spectra.fits: one format only
SIMULATED_NOTE = "SIMULATED: made by pipeline.simulation, not observed"
SUMS = "data/SHA256SUMS"

# Lines that a reader pastes into Python in the folder of the file; a test runs each of them.
READ_ECSV = 'from astropy.table import QTable; table = QTable.read("{name}", format="ascii.ecsv")'
READ_FITS = 'from astropy.table import QTable; table = QTable.read("{name}")'
READ_VOTABLE = 'from astropy.table import QTable; table = QTable.read("{name}", format="votable")'
READ_PARQUET = 'from pyarrow import parquet; table = parquet.read_table("{name}")'
READ_SPECTRA = 'from astropy.io import fits; spectra = fits.open("{name}")'
READ_JSON = 'import json, pathlib; report = json.loads(pathlib.Path("{name}").read_text("utf-8"))'


@dataclass(frozen=True)
class Download:
    """One file under the site's data folder."""

    label: str  # "ECSV"
    path: str  # relative to the site's root
    n_bytes: int
    sha256: str
    reads: str  # one line of Python that reads it
    left_out: str = ""  # what is not in it, to keep it small

    @property
    def name(self) -> str:
        """Its name in the folder."""
        return self.path.rpartition("/")[2]


def write_file(
    root: Path, path: str, content: bytes, label: str, reads: str, left_out: str = ""
) -> Download:
    """Write a download and say what it is."""
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    name = Path(path).name
    digest = hashlib.sha256(content).hexdigest()
    return Download(label, path, len(content), digest, reads.format(name=name), left_out)


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


def write_tables(root: Path, results: Results, build: BuildInfo) -> dict[str, tuple[Download, ...]]:
    """Every table of a campaign; table name -> its files."""
    return {
        name: write_table(root, name, results.tables[name], results, build)
        for name in sorted(results.tables)
    }


def write_table(
    root: Path, name: str, table: QTable, results: Results, build: BuildInfo
) -> tuple[Download, ...]:
    """One table of a campaign in the formats that suit its size."""
    table = with_provenance(table, name, results, build)
    base = f"data/{results.name}/{name}"
    return tuple(
        write_file(root, f"{base}.{suffix}", content, label, reads)
        for suffix, content, label, reads in _formats(name, table)
    )


def _formats(name: str, table: QTable) -> list[tuple[str, bytes, str, str]]:
    """Suffix, content, label and reading line of every format of a table.

    Measured on the default report: all small tables take 450 kB as FITS, 420 kB as VOTable, gzipped
    53 kB and 63 kB, and every reader of these formats reads them so; the four huge ones take
    0.93 MB as gzipped ECSV, 0.91 MB as gzipped VOTable, 0.51 MB as Parquet.
    """
    n_cells = len(table) * len(table.colnames)
    small = n_cells < LARGE_CELLS
    if not small:
        table = shortened(table)
    made: list[tuple[str, bytes, str, str]] = []
    if small:
        made = [
            ("ecsv", ecsv(table), "ECSV", READ_ECSV),
            ("fits.gz", squeezed(fits_file(table, name)), "FITS", READ_FITS),
        ]
    else:
        if n_cells < HUGE_CELLS:
            made = [("ecsv.gz", squeezed(ecsv(table)), "ECSV", READ_ECSV)]
        made.append(("parquet", parquet_file(table), "Parquet", READ_PARQUET))
    if name not in DUPLICATES or small:
        content = squeezed(votable_file(table))
        made.append(("vot.gz", content, "VOTable", READ_VOTABLE))
    return made


def with_provenance(table: QTable, name: str, results: Results, build: BuildInfo) -> QTable:
    """A copy of the table whose meta says where it comes from."""
    copy = table.copy()
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
    }
    return ({"note": SIMULATED_NOTE} if results.simulated else {}) | facts


def write_report_json(root: Path, campaigns: Sequence[Results], build: BuildInfo) -> Download:
    """The headline numbers of every campaign, for programs and for the next version's comparison."""
    content = report_json(campaigns, build)
    return write_file(root, "data/report.json", content, "JSON", READ_JSON)


def report_json(campaigns: Sequence[Results], build: BuildInfo) -> bytes:
    """The content of report.json; ``pipeline.report.report_file`` reads it back."""
    previous = build.previous
    document = {
        "schema": REPORT_SCHEMA,
        "version": build.version_label,
        "software_version": build.software_version,
        "commit": build.commit,
        "date": build.date,
        "site_url": build.site_url,
        "previous": previous and {"version": previous.version, "sha256": previous.sha256},
        "campaigns": [
            {
                "name": results.name,
                "title": results.title,
                "source": results.source,
                "simulated": results.simulated,
                "field": results.field_name,
                "first_night": results.first_night,
                "last_night": results.last_night,
                "inputs_digest": results.inputs_digest,
                "digests": {"data": results.origin.data, "code": results.origin.code},
                "libraries": dict(sorted(results.origin.libraries.items())),
                "settings": results.settings,
                "notes": list(results.notes),
                "numbers": [_number(number) for number in results.numbers],
            }
            for results in campaigns
        ],
    }
    return (json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _number(number: ReportedValue) -> dict[str, Any]:
    return {
        "key": number.key,
        "symbol": number.symbol,
        "name": number.name,
        "value": number.value if math.isfinite(number.value) else None,
        "uncertainty": number.uncertainty if math.isfinite(number.uncertainty) else None,
        "unit": number.unit,
        "formula": number.formula,
        "source": number.source,
        "note": number.note,
    }

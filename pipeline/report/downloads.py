"""The data beside the pages: every table twice, the headline numbers once.

Small tables are ECSV and FITS; large ones gzipped ECSV and Parquet, a tenth of the bytes. Every
file says what it is, which version wrote it and, where that is so, that it is simulated.
"""

import gzip
import hashlib
import io
import json
import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy import units as u
from astropy.io import fits
from astropy.table import MaskedColumn, QTable, Table
from pyarrow import parquet

from pipeline.report.build import BuildInfo
from pipeline.report.fits_text import add_keywords, ascii_column, ascii_text
from pipeline.report.report_file import REPORT_SCHEMA
from pipeline.report.spectra_file import spectra_file, spectra_table
from pipeline.results import Number, Results

LARGE_CELLS = 5000  # from there on text is compressed and the second format is Parquet
PARQUET_READS = 'pandas.read_parquet("{name}")'  # astropy's reader needs pandas as well
LARGE_DIGITS = 7  # significant ones in large tables, single precision: far beyond any error
SIMULATED_NOTE = "SIMULATED: made by pipeline.simulation, not observed"


@dataclass(frozen=True)
class Download:
    """One file under the site's data folder."""

    label: str  # "ECSV"
    path: str  # relative to the site's root
    n_bytes: int
    sha256: str
    reads: str  # one line of Python that reads it
    left_out: str = ""  # what is not in it, to keep it small


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
    """Everything under data/: (campaign, table) -> its files; ("", "report") is report.json."""
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


def write_spectra(root: Path, results: Results, build: BuildInfo) -> Download:
    """All extracted spectra of a campaign."""
    file = spectra_file(results, provenance(results, build))
    return write_file(
        root,
        f"data/{results.name}/spectra.fits",
        file.content,
        "FITS",
        'fits.open("{name}")',
        file.left_out,
    )


def write_tables(root: Path, results: Results, build: BuildInfo) -> dict[str, tuple[Download, ...]]:
    """Every table of a campaign in two formats; table name -> its files."""
    return {
        name: write_table(root, name, results.tables[name], results, build)
        for name in sorted(results.tables)
    }


def write_table(
    root: Path, name: str, table: QTable, results: Results, build: BuildInfo
) -> tuple[Download, ...]:
    """One table of a campaign in two formats."""
    table = with_provenance(table, name, results, build)
    base = f"data/{results.name}/{name}"
    if len(table) * len(table.colnames) < LARGE_CELLS:
        reads = 'QTable.read("{name}")'
        return (
            write_file(root, f"{base}.ecsv", _ecsv(table), "ECSV", reads),
            write_file(root, f"{base}.fits", _fits(table, name), "FITS", reads),
        )
    table = shortened(table)
    reads = 'QTable.read("{name}", format="ascii.ecsv")'
    return (
        write_file(root, f"{base}.ecsv.gz", squeezed(_ecsv(table)), "ECSV", reads),
        write_file(root, f"{base}.parquet", _parquet(table), "Parquet", PARQUET_READS),
    )


def squeezed(content: bytes) -> bytes:
    """The bytes gzipped, without a time of writing."""
    return gzip.compress(content, compresslevel=9, mtime=0)


def with_provenance(table: QTable, name: str, results: Results, build: BuildInfo) -> QTable:
    """A copy of the table whose meta says where it comes from."""
    copy = table.copy()
    kept = {
        key: value for key, value in table.meta.items() if key not in ("__attributes__", "comments")
    }
    copy.meta = provenance(results, build) | {"table": name} | kept
    return copy


def shortened(table: QTable) -> QTable:
    """A copy with single-precision numbers, times excepted: half the bytes."""
    copy = table.copy()
    for name in copy.colnames:
        column = copy[name]
        values = getattr(column, "value", column)
        unit = getattr(column, "unit", None)
        if np.asarray(values).dtype.kind != "f" or (unit is not None and unit.is_equivalent(u.s)):
            continue
        short = np.array([float(f"{value:.{LARGE_DIGITS}g}") for value in values], np.float32)
        info = column.info
        copy[name] = short * unit if unit is not None else short
        copy[name].info.description, copy[name].info.meta = info.description, info.meta
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


def _ecsv(table: QTable) -> bytes:
    buffer = io.StringIO()
    table.write(buffer, format="ascii.ecsv")
    return buffer.getvalue().encode()


def _parquet(table: QTable) -> bytes:
    """Parquet as astropy writes it, repacked: so it takes half the bytes."""
    buffer = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.parquet"
        table.write(path, format="parquet")
        content = parquet.read_table(path)
    numbers = [one.name for one in content.schema if str(one.type) in ("double", "float")]
    parquet.write_table(
        content,
        buffer,
        compression="zstd",
        use_dictionary=[name for name in content.column_names if name not in numbers],
        use_byte_stream_split=numbers,
    )
    return buffer.getvalue()


def _fits(table: QTable, name: str) -> bytes:
    hdus = fits.HDUList([fits.PrimaryHDU(), table_hdu(table, name)])
    buffer = io.BytesIO()
    hdus.writeto(buffer, checksum=False)
    return buffer.getvalue()


def table_hdu(table: QTable, name: str) -> fits.BinTableHDU:
    """A table as FITS extension; descriptions and UCDs as TCOMMn and TUCDn, meta as keywords."""
    columns = Table()
    for key in table.colnames:
        column = table[key]
        values = getattr(column, "value", column)
        if np.asarray(values).dtype.kind == "U":
            values = ascii_column(values.filled("") if isinstance(values, MaskedColumn) else values)
        columns[key] = values
    hdu = fits.table_to_hdu(columns)
    hdu.name = name.upper()
    for index, key in enumerate(table.colnames, start=1):
        column = table[key]
        if getattr(column, "unit", None) is not None:
            hdu.header[f"TUNIT{index}"] = column.unit.to_string("fits")
        if column.info.description:
            hdu.header[f"TCOMM{index}"] = ascii_text(column.info.description)
        ucd = (column.info.meta or {}).get("ucd")
        if ucd:
            hdu.header[f"TUCD{index}"] = ucd
    add_keywords(hdu.header, table.meta)
    return hdu


def write_report_json(root: Path, campaigns: Sequence[Results], build: BuildInfo) -> Download:
    """The headline numbers of every campaign, for programs and for the next version's comparison."""
    content = report_json(campaigns, build)
    return write_file(root, "data/report.json", content, "JSON", 'json.load(open("{name}"))')


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


def _number(number: Number) -> dict[str, Any]:
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

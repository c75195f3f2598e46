"""One table as the bytes of a file: ECSV, FITS, VOTable. The same table, the same bytes."""

import gzip
import io
import re

import numpy as np
from astropy import units as u
from astropy.io import fits
from astropy.io.votable.tree import Field, Info, Resource, TableElement, TimeSys, VOTableFile
from astropy.table import MaskedColumn, QTable, Table

from pipeline.report.downloads.fits_text import add_keywords, ascii_column, ascii_text
from pipeline.report.text import one_line

LARGE_DIGITS = 7  # significant ones in large tables, single precision: far beyond any error
# What the times of all tables are: Modified Julian Dates in UTC, at the telescope
TIME_COLUMN, TIME_SYSTEM = "mjd_mid", "utc_mjd"
MJD_ORIGIN_JD = 2400000.5
_NOT_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def gzip_bytes(content: bytes) -> bytes:
    """The bytes gzipped, without a time of writing."""
    return gzip.compress(content, compresslevel=9, mtime=0)


def to_float32(table: QTable) -> QTable:
    """A copy with single-precision numbers, times excepted: half the bytes."""
    copy = table.copy(copy_data=False)
    for name in copy.colnames:
        column = copy[name]
        values = getattr(column, "value", column)
        unit = getattr(column, "unit", None)
        if np.asarray(values).dtype.kind != "f" or (unit is not None and unit.is_equivalent(u.s)):
            continue
        rounded = (float(f"{value:.{LARGE_DIGITS}g}") for value in values.tolist())
        short = np.fromiter(rounded, np.float32, len(values))
        info = column.info
        copy[name] = short * unit if unit is not None else short
        copy[name].info.description, copy[name].info.meta = info.description, info.meta
    return copy


def ecsv(table: QTable) -> bytes:
    """ECSV: text, with units, descriptions, UCDs and meta in its YAML header."""
    buffer = io.StringIO()
    table.write(buffer, format="ascii.ecsv")
    return buffer.getvalue().encode()


def fits_file(table: QTable, name: str) -> bytes:
    """FITS with the table as its only extension."""
    hdus = fits.HDUList([fits.PrimaryHDU(), table_hdu(table, name)])
    buffer = io.BytesIO()
    hdus.writeto(buffer, checksum=False)
    return buffer.getvalue()


def votable_file(table: QTable) -> bytes:
    """VOTable 1.4; units, descriptions and UCDs in its FIELDs, scalar meta as INFO.

    Rows are BINARY2. As TABLEDATA, astropy's writer in C oversteps its buffer by a byte where a row
    ends with it, and the process dies anywhere later (astropy issue 20419, seen here with 8.0.2).
    """
    columns = Table()
    masks: dict[str, np.ndarray] = {}
    for key in table.colnames:
        column = table[key]
        values = np.asarray(getattr(column, "value", column))
        if isinstance(column, MaskedColumn):
            masks[key] = np.ma.getmaskarray(column)
        if values.dtype.kind == "U":
            texts = [xml_text(text) for text in values.tolist()]
            values = np.array(texts, str)
            if all(text.isascii() for text in texts):  # one byte a letter instead of two
                values = np.char.encode(values, "ascii")
        columns[key] = values
        unit = getattr(column, "unit", None)
        columns[key].info.unit = (
            unit.to_string("vounit", deprecations="convert") if unit is not None else None
        )
        columns[key].info.description = xml_text(column.info.description or "")
        columns[key].info.meta = {"ucd": (column.info.meta or {}).get("ucd")}
    document = VOTableFile(version="1.4")
    resource = Resource(type="results")
    document.resources.append(resource)
    if TIME_COLUMN in columns.colnames:
        resource.time_systems.append(
            TimeSys(
                ID=TIME_SYSTEM,
                timeorigin=MJD_ORIGIN_JD,
                timescale="UTC",
                refposition="TOPOCENTER",
                config={"version_1_4_or_later": True},
            )
        )
    for key, value in table.meta.items():
        if isinstance(value, str | bool | int | float):
            resource.infos.append(Info(name=key, value=xml_text(one_line(value))))
    element = TableElement(document, name=str(table.meta.get("table", "table")))
    element.fields.extend(
        Field.from_table_column(document, columns[key]) for key in columns.colnames
    )
    for field in element.fields:
        if field.name == TIME_COLUMN:
            field.ref = TIME_SYSTEM
    element.array = np.ma.array(columns.as_array())
    for key, mask in masks.items():
        element.array.mask[key] = mask
    resource.tables.append(element)
    buffer = io.BytesIO()
    document.to_xml(buffer, tabledata_format="binary2")
    return buffer.getvalue()


def xml_text(text: str) -> str:
    """The text with a space for each character that XML 1.0 cannot hold, not even escaped."""
    return _NOT_XML.sub(" ", text)


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

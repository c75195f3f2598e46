"""The tables of the test archive: ADQL on an in-memory database, answers as VOTables."""

import math
import re
import sqlite3
import threading
from xml.sax.saxutils import escape

COLUMNS = {
    "dp_id": "char", "dp_cat": "char", "dp_type": "char", "dp_tech": "char", "object": "char",
    "target": "char", "ra": "double", "dec": "double", "instrument": "char", "ins_mode": "char",
    "exp_start": "char", "mjd_obs": "float", "exposure": "float", "tpl_start": "char",
    "release_date": "char", "access_estsize": "long", "s_region": "char", "datalink_url": "char",
}  # fmt: skip
PRODUCT_COLUMNS = {
    "dp_id": "char", "obs_collection": "char", "dataproduct_type": "char", "calib_level": "int",
    "target_name": "char", "s_ra": "double", "s_dec": "double", "t_min": "double",
    "t_max": "double", "t_exptime": "double", "obs_release_date": "char",
    "access_estsize": "long", "instrument_name": "char",
}  # fmt: skip
SCHEMA_COLUMNS = {"table_name": "char", "column_name": "char", "datatype": "char", "unit": "char"}
GAIA_COLUMNS = {
    "source_id": "long", "ra": "double", "dec": "double", "pmra": "double", "pmdec": "double",
    "parallax": "double", "phot_g_mean_mag": "float", "bp_rp": "float",
    "phot_variable_flag": "char",
}  # fmt: skip
NOT_ADQL = r"\blimit\b|\boffset\b|==|\bglob\b|\bjulianday\b|\bpragma\b|\battach\b|;|--"


class Tables:
    """Raw frames and Gaia sources that can be asked in ADQL, from any thread."""

    def __init__(self, raw_rows, gaia_rows, product_rows=(), unlisted=()):
        self._lock = threading.Lock()
        self._database = _fill(raw_rows, gaia_rows, product_rows, unlisted)

    def close(self):
        """Forget everything."""
        self._database.close()

    def select(self, adql, max_rows):
        """Column names, types and rows that answer a question, and whether rows are left out."""
        if found := re.search(NOT_ADQL, re.sub(r"'[^']*'", "''", adql), re.IGNORECASE):
            raise sqlite3.OperationalError(f"not ADQL: {found[0]}")
        types = {**COLUMNS, **GAIA_COLUMNS, **PRODUCT_COLUMNS, **SCHEMA_COLUMNS}
        if top := re.match(r"\s*SELECT\s+TOP\s+(\d+)\s", adql, re.IGNORECASE):
            adql = f"SELECT {adql[top.end() :]} LIMIT {top[1]}"
        with self._lock:
            cursor = self._database.execute(adql)
            rows = cursor.fetchmany(max_rows + 1)
        names = [column[0] for column in cursor.description]
        return names, [types[name] for name in names], rows[:max_rows], len(rows) > max_rows


def _fill(raw_rows, gaia_rows, product_rows, unlisted):
    database = sqlite3.connect(":memory:", check_same_thread=False)
    tables = {
        "dbo.raw": (COLUMNS, raw_rows),
        "ivoa.ObsCore": (PRODUCT_COLUMNS, product_rows),
        "gaiadr3.gaia_source": (GAIA_COLUMNS, gaia_rows),
    }
    tables = {
        name: ({key: kind for key, kind in columns.items() if key not in unlisted}, rows)
        for name, (columns, rows) in tables.items()
    }
    schema = [
        {"table_name": table, "column_name": name, "datatype": kind, "unit": ""}
        for table, (columns, _) in tables.items()
        for name, kind in columns.items()
    ]
    tables["TAP_SCHEMA.columns"] = (SCHEMA_COLUMNS, schema)
    for name, (columns, rows) in tables.items():
        database.execute(f"ATTACH ':memory:' AS {name.split('.')[0]}")
        kinds = {"char": "TEXT COLLATE NOCASE", "long": "INTEGER", "int": "INTEGER"}
        declared = ", ".join(f"{key} {kinds.get(kind, 'REAL')}" for key, kind in columns.items())
        database.execute(f"CREATE TABLE {name} ({declared})")
        places = ",".join("?" * len(columns))
        values = ([row.get(key) for key in columns] for row in rows)
        database.executemany(f"INSERT INTO {name} VALUES ({places})", values)
    database.create_function("point", 3, lambda _frame, ra, dec: _shape(ra, dec))
    database.create_function("circle", 4, lambda _frame, ra, dec, r: _shape(ra, dec, r))
    database.create_function("contains", 2, _contains)
    database.create_function("intersects", 2, _intersects)
    return database


def _shape(*numbers):
    return None if None in numbers else " ".join(map(repr, numbers))


def _contains(point, circle):
    """Whether a point lies in a circle, on the sphere; unknown if the point is."""
    if point is None:
        return None
    ra, dec = (math.radians(float(number)) for number in point.split())
    ra_0, dec_0, radius = (math.radians(float(number)) for number in circle.split())
    half = math.sin((dec - dec_0) / 2) ** 2
    half += math.cos(dec) * math.cos(dec_0) * math.sin((ra - ra_0) / 2) ** 2
    return int(2 * math.asin(math.sqrt(min(1.0, half))) <= radius)


def _intersects(region, circle):
    """Whether a raw frame's region, which is a position, lies in a circle."""
    return _contains(None if region is None else region.removeprefix("POSITION J2000 "), circle)


def votable(names, types, rows, overflow=False):
    """A VOTable as bytes."""
    fields = "".join(
        f'<FIELD name="{name}" datatype="{kind}"' + (' arraysize="*"/>' if kind == "char" else "/>")
        for name, kind in zip(names, types, strict=True)
    )
    lines = "".join(
        "<TR>" + "".join(f"<TD>{'' if v is None else escape(str(v))}</TD>" for v in row) + "</TR>"
        for row in rows
    )
    more = '<INFO name="QUERY_STATUS" value="OVERFLOW"/>' if overflow else ""
    return envelope(
        '<INFO name="QUERY_STATUS" value="OK"/><INFO name="SIMULATED" value="T"/>'
        f"<TABLE>{fields}<DATA><TABLEDATA>{lines}</TABLEDATA></DATA></TABLE>{more}"
    )


def envelope(inner):
    """A VOTable document as bytes."""
    return (
        '<?xml version="1.0"?><VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'
        f'<RESOURCE type="results">{inner}</RESOURCE></VOTABLE>'
    ).encode()

"""The assumptions about ESO's catalogues, one check each."""

import re
from collections.abc import Collection
from dataclasses import replace

import numpy as np
from astropy.table import Table
from astropy.time import Time

from pipeline.archive import queries
from pipeline.archive.contact import Contact, DifferenceError, checks_of
from pipeline.archive.observations import iso_instant, nights_of, numbers, texts
from pipeline.archive.products import START_TOLERANCE_S
from pipeline.archive.tap import query_table
from pipeline.errors import ArchiveRefused
from pipeline.muse.modes import WIDE_MODES

SAMPLE = 100  # standard-star exposures that are looked at
CONE_ARCMIN = 0.5
START_ERROR_S = 1.0  # exp_start loses leading zeros of fractions: 0.6 s at most were seen

CHECKS, _check = checks_of()


def _require(condition: bool, seen: str) -> None:
    if not condition:
        raise DifferenceError(seen)


def _query(contact: Contact, adql: str, **options: int) -> Table:
    # a RecordingClient has what of a client is used there
    return query_table(contact.client, contact.settings.tap_url, adql, **options)  # type: ignore[arg-type]


def _lacking(table: Table, wanted: Collection[str]) -> str:
    """The columns that a table of TAP_SCHEMA does not list."""
    there = {name.lower() for name in texts(table, "column_name")}
    return ", ".join(sorted(name for name in wanted if name.lower() not in there))


@_check("catalogue", "the catalogue answers a query by TAP with a VOTable")
def _catalogue(contact: Contact) -> str:
    contact.facts["columns"] = _query(contact, queries.columns_adql("dbo.raw"))
    return f"{len(contact.facts['columns'])} columns of dbo.raw"


@_check("raw columns", "dbo.raw has every column that is queried", "catalogue")
def _raw_columns(contact: Contact) -> str:
    wanted = {*queries.COLUMNS, "instrument", "dp_cat", "s_region", "datalink_url"}
    lacking = _lacking(contact.facts["columns"], wanted)
    _require(not lacking, f"lacks {lacking}")
    return f"all {len(wanted)}"


@_check("standards", "standard-star exposures have category CALIB and type STD", "raw columns")
def _standards(contact: Contact) -> str:
    first, last = queries.year_bounds(contact.settings.years[0])
    names = ", ".join((*queries.COLUMNS, "s_region", "datalink_url"))
    table = _query(
        contact,
        f"SELECT TOP {SAMPLE} {names} FROM dbo.raw WHERE instrument = 'MUSE' AND dp_cat = 'CALIB'"
        f" AND dp_type = 'STD' AND exp_start >= '{first}' AND exp_start < '{last}'"
        " ORDER BY exp_start",
    )
    _require(len(table) > 0, f"none between {first} and {last}")
    contact.facts["standards"] = table
    return f"{len(table)} looked at"


@_check("instrument modes", "ins_mode has the values WFM-NOAO-N, WFM-AO-E, ...", "standards")
def _modes(contact: Contact) -> str:
    seen = sorted(set(texts(contact.facts["standards"], "ins_mode")))
    _require(bool(set(seen) & set(WIDE_MODES)), f"only {', '.join(map(repr, seen))}")
    return ", ".join(seen)


@_check("identities", "dp_id is MUSE. and the time of the start, without suffix", "standards")
def _identities(contact: Contact) -> str:
    names = texts(contact.facts["standards"], "dp_id")
    strange = [n for n in names if not re.fullmatch(r"MUSE\.\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}", n)]
    _require(not strange, f"{len(strange)} of {len(names)} are not, as {strange[:1]}")
    return names[0]


@_check("start times", "exp_start is the UTC start, to a second that of dp_id", "identities")
def _start_times(contact: Contact) -> str:
    table = contact.facts["standards"]
    try:
        starts = [iso_instant(text) for text in texts(table, "exp_start")]
    except ValueError as error:
        raise DifferenceError(str(error)) from error
    named = np.array([name[5:] for name in texts(table, "dp_id")], "datetime64[ms]")
    apart = np.abs((np.array(starts, "datetime64[ms]") - named) / np.timedelta64(1, "s"))
    _require(apart.max() <= START_ERROR_S, f"they differ by up to {apart.max():g} s")
    contact.facts["starts"] = starts
    return f"they differ by up to {apart.max():.3f} s"


@_check("release dates", "release_date is an ISO date", "standards")
def _release_dates(contact: Contact) -> str:
    dates = texts(contact.facts["standards"], "release_date")
    strange = [one for one in dates if not re.match(r"\d{4}-\d\d-\d\d", one)]
    _require(not strange, f"{len(strange)} of {len(dates)} are not, as {strange[:1]}")
    return dates[0]


@_check("positions", "ra and dec of a standard are those of the star, in degrees", "standards")
def _positions(contact: Contact) -> str:
    table = contact.facts["standards"]
    ra, dec = numbers(table, "ra"), numbers(table, "dec")
    good = np.isfinite(ra) & np.isfinite(dec) & (ra >= 0) & (ra < 360) & (np.abs(dec) <= 90)
    _require(bool(good.all()), f"{(~good).sum()} of {len(good)} are empty or out of range")
    contact.facts["star"] = replace(
        contact.field, name="sample", ra_deg=float(ra[0]), dec_deg=float(dec[0])
    )
    return f"{ra[0]:.4f}, {dec[0]:.4f}"


def _cone(contact: Contact, clause: str) -> set[str]:
    bounds = queries.year_bounds(contact.settings.years[0])
    found = set(texts(_query(contact, queries.standards_adql(bounds, clause)), "dp_id"))
    name = texts(contact.facts["standards"], "dp_id")[0]
    modes = texts(contact.facts["standards"], "ins_mode")
    _require(name in found or not modes[0].startswith("WFM-"), f"{name} is not among {len(found)}")
    return found


@_check("cone by position", "CONTAINS of ra and dec selects a star", "positions", "identities")
def _cone_by_position(contact: Contact) -> str:
    clause = queries.point_clause(contact.facts["star"], CONE_ARCMIN)
    contact.facts["by position"] = _cone(contact, clause)
    return f"{len(contact.facts['by position'])} exposures"


@_check("cone by region", "INTERSECTS of s_region selects a star", "positions", "identities")
def _cone_by_region(contact: Contact) -> str:
    clause = queries.region_clause(contact.facts["star"], CONE_ARCMIN)
    contact.facts["by region"] = _cone(contact, clause)
    return f"{len(contact.facts['by region'])} exposures"


@_check("cones", "both cones select the same exposures", "cone by position", "cone by region")
def _cones(contact: Contact) -> str:
    differ = contact.facts["by position"] ^ contact.facts["by region"]
    _require(not differ, f"{len(differ)} exposures are in one of them only, as {sorted(differ)[0]}"
             if differ else "")  # fmt: skip
    return f"{len(contact.facts['by region'])} exposures"


@_check("row limit", "a table that MAXREC cuts off says so", "standards")
def _row_limit(contact: Contact) -> str:
    adql = "SELECT TOP 3 dp_id FROM dbo.raw WHERE instrument = 'MUSE'"
    try:
        table = _query(contact, adql, max_rows=2)
    except ArchiveRefused as error:
        _require("cut off" in str(error), str(error))
        overflow = "OVERFLOW" in contact.client.exchanges[-1].text
        _require(overflow, "two of three rows came without QUERY_STATUS = OVERFLOW")
        return "OVERFLOW"
    raise DifferenceError(f"MAXREC = 2 gave {len(table)} rows")


@_check("product columns", "ivoa.ObsCore has every column that is queried", "catalogue")
def _product_columns(contact: Contact) -> str:
    table = _query(contact, queries.columns_adql("ivoa.ObsCore"))
    lacking = _lacking(table, queries.PRODUCT_COLUMNS)
    _require(not lacking, f"lacks {lacking}")
    return f"all {len(queries.PRODUCT_COLUMNS)}"


@_check("products", "the collection MUSE-STD holds cubes of standard stars", "product columns")
def _products(contact: Contact) -> str:
    names = ", ".join(queries.PRODUCT_COLUMNS)
    table = _query(
        contact,
        f"SELECT TOP {SAMPLE} {names} FROM ivoa.ObsCore"
        f" WHERE obs_collection = '{queries.STANDARD_STARS}' AND dataproduct_type = 'cube'",
    )
    _require(len(table) > 0, "none")
    contact.facts["products"] = table
    size = numbers(table, "access_estsize")[0]
    return f"{len(table)} looked at; {texts(table, 'dp_id')[0]}, access_estsize {size:g}"


@_check("product times", "t_min [MJD] is the start of a raw exposure", "products", "start times")
def _product_times(contact: Contact) -> str:
    t_min = float(numbers(contact.facts["products"], "t_min")[0])
    _require(bool(30_000 < t_min < 100_000), f"t_min = {t_min:g}")
    around = [Time(t_min + sign * START_TOLERANCE_S / 86400, format="mjd").isot for sign in (-1, 1)]
    table = _query(
        contact,
        "SELECT TOP 10 dp_id, ins_mode FROM dbo.raw WHERE instrument = 'MUSE'"
        f" AND exp_start >= '{around[0]}' AND exp_start < '{around[1]}'",
    )
    _require(len(table) > 0, f"no raw exposure began within {START_TOLERANCE_S:g} s of {t_min:.5f}")
    return texts(table, "dp_id")[0]


@_check("exposures of a night", "a science exposure of a standard's night and mode can be found",
        "start times", "instrument modes")  # fmt: skip
def _science(contact: Contact) -> str:
    table = contact.facts["standards"]
    modes, names = texts(table, "ins_mode"), texts(table, "dp_id")
    nights = nights_of(contact.facts["starts"])
    seen = dict.fromkeys(pair for pair in zip(nights, modes, strict=True) if pair[1] in WIDE_MODES)
    for night, mode in list(seen)[:5]:
        last = str(np.datetime64(night) + 1)
        adql = queries.sciences_adql((f"{night}T12:00:00", f"{last}T12:00:00"))
        found = _query(contact, adql)
        same = [n for n, m in zip(texts(found, "dp_id"), texts(found, "ins_mode"), strict=True)
                if m == mode]  # fmt: skip
        if same:
            contact.facts["science"] = same[0]
            pairs = zip(nights, modes, names, strict=True)
            contact.facts["standard"] = next(n for a, b, n in pairs if (a, b) == (night, mode))
            return f"{same[0]} in {mode}"
    raise DifferenceError(f"none in {len(list(seen)[:5])} nights and modes")

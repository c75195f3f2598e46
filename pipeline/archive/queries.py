"""Queries to the archive's catalogues, in ADQL.

Two queries a year for raw frames, joined here: the exposures of the star, and the science exposures
of all wide-field modes. The star is found by its position, since its name is spelt freely.
"""

from collections.abc import Sequence
from datetime import date, timedelta

from pipeline.config.settings import Field

COLUMNS = (
    "dp_id", "target", "ra", "dec", "exp_start", "ins_mode", "dp_type", "exposure", "tpl_start",
    "release_date", "access_estsize",
)  # fmt: skip
PRODUCT_COLUMNS = (
    "dp_id", "obs_collection", "dataproduct_type", "calib_level", "target_name", "s_ra", "s_dec",
    "t_min", "t_max", "t_exptime", "obs_release_date", "access_estsize",
)  # fmt: skip
STANDARD_STARS, SCIENCE_FIELDS = "MUSE-STD", "MUSE"  # collections of reduced cubes in ivoa.ObsCore

_SELECT = f"SELECT {', '.join(COLUMNS)} FROM dbo.raw WHERE instrument = 'MUSE'"


def year_bounds(year: int, margin_nights: int = 0) -> tuple[str, str]:
    """First and last instant (exclusive) of a year of nights, widened by whole nights."""
    margin = timedelta(days=margin_nights)
    first, last = date(year, 1, 1) - margin, date(year + 1, 1, 1) + margin
    return f"{first}T12:00:00", f"{last}T12:00:00"


def region_clause(field: Field, cone_arcmin: float) -> str:
    """Condition that an exposure's region meets a cone around the field; a region is indexed."""
    return f"INTERSECTS(s_region, {_circle('ICRS', field, cone_arcmin)}) = 1"


def point_clause(field: Field, cone_arcmin: float, ra: str = "ra", dec: str = "dec") -> str:
    """Condition that a position lies in a cone around the field."""
    return f"CONTAINS(POINT('', {ra}, {dec}), {_circle('', field, cone_arcmin)}) = 1"


def standards_adql(bounds: tuple[str, str], cone: str) -> str:
    """The query for the exposures of a standard star in all wide-field modes.

    Parameters
    ----------
    cone : str
        ``region_clause`` or ``point_clause``.
    """
    return (
        f"{_SELECT} AND dp_cat = 'CALIB' AND dp_type = 'STD' AND ins_mode LIKE 'WFM-%'"
        f" AND {_between(bounds)} AND {cone} ORDER BY exp_start"
    )


def sciences_adql(bounds: tuple[str, str], cone: str = "") -> str:
    """The query for every science exposure in a wide-field mode, of one field if a cone is given."""
    return (
        f"{_SELECT} AND dp_cat = 'SCIENCE' AND dp_type = 'OBJECT' AND ins_mode LIKE 'WFM-%'"
        f" AND {_between(bounds)}{f' AND {cone}' if cone else ''} ORDER BY exp_start"
    )


def calibrations_adql(bounds: tuple[str, str], dp_types: Sequence[str]) -> str:
    """The query for raw calibrations of some types in all modes."""
    types = ", ".join(_quoted(dp_type) for dp_type in dp_types)
    return (
        f"{_SELECT} AND dp_cat = 'CALIB' AND dp_type IN ({types})"
        f" AND {_between(bounds)} ORDER BY exp_start"
    )


def sizes_adql(dp_ids: Sequence[str]) -> str:
    """The query for size and release date of files."""
    names = ", ".join(_quoted(dp_id) for dp_id in dp_ids)
    return f"SELECT dp_id, access_estsize, release_date FROM dbo.raw WHERE dp_id IN ({names})"


def products_adql(
    field: Field, collection: str, mjd_bounds: tuple[float, float], cone_arcmin: float
) -> str:
    """The query for the reduced cubes of a collection whose centre lies in a cone around the field."""
    return (
        f"SELECT {', '.join(PRODUCT_COLUMNS)} FROM ivoa.ObsCore"
        f" WHERE obs_collection = {_quoted(collection)} AND dataproduct_type = 'cube'"
        f" AND t_min >= {mjd_bounds[0]:.1f} AND t_min < {mjd_bounds[1]:.1f}"
        f" AND {point_clause(field, cone_arcmin, 's_ra', 's_dec')} ORDER BY t_min"
    )


def columns_adql(table: str) -> str:
    """The query for the columns of a table of the service."""
    return (
        "SELECT column_name, datatype, unit FROM TAP_SCHEMA.columns"
        f" WHERE table_name = {_quoted(table)}"
    )


def _circle(frame: str, field: Field, radius_arcmin: float) -> str:
    return f"CIRCLE('{frame}', {field.ra_deg:.6f}, {field.dec_deg:.6f}, {radius_arcmin / 60:.6f})"


def _between(bounds: tuple[str, str]) -> str:
    return f"exp_start >= {_quoted(bounds[0])} AND exp_start < {_quoted(bounds[1])}"


def _quoted(text: str) -> str:
    """A text constant of ADQL."""
    return "'" + text.replace("'", "''") + "'"

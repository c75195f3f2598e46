"""Static tables that the recipes' installation has: extinction, filters, standards, geometry.

A tree often lacks them, and reductions have always taken them from there. Of a table that changes
with time (geometry, astrometry, bad pixels) the one made nearest to the exposure is taken.
"""

import warnings
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from pipeline.muse.calibrations import USED_STATICS
from pipeline.reduction.installation import static_folders


def installed_tables(
    plugins: Path, version: str, static_dir: str = ""
) -> Mapping[str, tuple[Path, ...]]:
    """The static tables of an installation that a reduction may use, by category.

    Parameters
    ----------
    plugins, version : Path, str
        Folder and version of the recipes.
    static_dir : str
        Folder to look in instead.
    """
    found: dict[str, list[Path]] = defaultdict(list)
    folders = [Path(static_dir).expanduser()] if static_dir else static_folders(plugins, version)
    for folder in folders:
        for path in sorted(folder.rglob("*.fits")):
            category = str(_header(path).get("ESO PRO CATG", ""))
            if category in USED_STATICS:
                found[category].append(path)
    return {category: tuple(paths) for category, paths in sorted(found.items())}


def tables_for(tables: Mapping[str, Iterable[Path]], mode: str, mjd: float) -> dict[str, Path]:
    """One table of each category: of the exposure's field, nearest to it in time.

    Parameters
    ----------
    mode : str
        ESO INS MODE of the exposure.
    mjd : float
        Of the exposure.
    """
    field = mode.partition("-")[0]
    chosen = {}
    for category, paths in tables.items():
        suited = [path for path in paths if _field(path) in ("", field)]
        if suited:
            chosen[category] = min(suited, key=lambda path: (_days(path, mjd), path.name))
    return chosen


def _field(path: Path) -> str:
    """WFM or NFM, by header or by name; "" if the table is for both."""
    mode = str(_header(path).get("ESO INS MODE", ""))
    told = mode.partition("-")[0].upper()
    if told in ("WFM", "NFM"):
        return told
    name = path.stem.lower()
    return next((field for field in ("WFM", "NFM") if field.lower() in name.split("_")), "")


def _days(path: Path, mjd: float) -> float:
    try:
        return abs(float(_header(path)["MJD-OBS"]) - mjd)
    except (KeyError, TypeError, ValueError):
        return float("inf")


def _header(path: Path) -> fits.Header:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            return fits.getheader(path)
    except OSError:
        return fits.Header()

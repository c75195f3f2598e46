"""The table in which the user declares what the headers of cubes lack."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from astropy import units as u
from astropy.table import Table

from pipeline.config.star_registry import UNREADABLE
from pipeline.errors import ConfigError, printable
from pipeline.muse.modes import MODES
from pipeline.muse.times import mjd_of

NAMES = ("exposures.ecsv", "exposures.csv")  # looked for beside the cubes
_COLUMNS: Mapping[str, tuple[str, u.UnitBase | None]] = {  # column: keyword, unit
    "mode": ("ESO INS MODE", None),
    "start": ("MJD-OBS", None),
    "exptime_s": ("EXPTIME", u.s),
    "ra_deg": ("RA", u.deg),
    "dec_deg": ("DEC", u.deg),
    "position_angle_deg": ("ESO INS DROT POSANG", u.deg),
}
_ALIASES = {
    "name": "file",
    "exptime": "exptime_s",
    "exposure": "exptime_s",
    "date_obs": "start",
    "ra": "ra_deg",
    "dec": "dec_deg",
}
_LIMITS = {"exptime_s": (0.001, 1e7), "ra_deg": (-360.0, 360.0), "dec_deg": (-90.0, 90.0)}
Declared = tuple[tuple[str, Any], ...]  # keyword and value, as in a header


def read_exposure_table(path: Path) -> dict[str, Declared]:
    """For each file what its header is to say, from an ECSV or CSV table.

    Parameters
    ----------
    path : Path
        With a column ``file`` (name, or path from the folder of the cubes) and any of ``mode``,
        ``start`` (UTC, as 2024-03-01T02:03:04 or as MJD), ``exptime_s``, ``ra_deg``, ``dec_deg``
        and ``position_angle_deg``. What is empty is left to the header.

    Raises
    ------
    ConfigError
        If the file cannot be read, has an unknown column, names a file twice, or holds a value that
        cannot be.
    """
    known = ", ".join(("file", *_COLUMNS))
    needed = f"{path}: a table (ECSV or CSV) with columns out of {known} is needed"
    try:
        table = Table.read(path, format="ascii.csv" if path.suffix == ".csv" else "ascii.ecsv")
    except UNREADABLE as error:
        raise ConfigError(f"{needed} ({printable(str(error))})") from error
    for name in table.colnames:
        simple = name.strip().lower()
        table.rename_column(name, _ALIASES.get(simple, simple))
    unknown = [name for name in table.colnames if name not in ("file", *_COLUMNS)]
    if unknown or "file" not in table.colnames:
        raise ConfigError(f"{needed}, not {', '.join(table.colnames)}")
    found: dict[str, Declared] = {}
    for row in table:
        file = str(row["file"]).strip()
        if file in found:
            raise ConfigError(f"{path}: {file} is in it twice")
        found[file] = tuple(
            (_COLUMNS[name][0], value)
            for name in _COLUMNS
            if name in table.colnames
            and (value := _value(row[name], name, table[name].unit, f"{path}: {file}")) is not None
        )
    return found


def _value(cell: Any, name: str, unit: Any, where: str) -> Any:
    """The value of a cell, None if it is empty."""
    if np.ma.is_masked(cell) or str(cell).strip() == "":
        return None
    if name == "mode":
        mode = str(cell).strip()
        if mode not in MODES:
            raise ConfigError(f"{where}: mode = {mode!r}; known are {', '.join(MODES)}")
        return mode
    if name == "start":
        return _start(cell, where)
    wanted = _COLUMNS[name][1]
    try:
        value = float(cell if unit is None else (float(cell) * u.Unit(unit)).to_value(wanted))
    except (ValueError, TypeError, u.UnitsError) as error:
        raise ConfigError(f"{where}: {name} = {cell}: {error}") from error
    lowest, highest = _LIMITS.get(name, (-math.inf, math.inf))
    if not (math.isfinite(value) and lowest <= value <= highest):
        raise ConfigError(f"{where}: {name} = {value:g}; {lowest:g} to {highest:g} are possible")
    return value


def _start(cell: Any, where: str) -> float:
    """Start of the exposure [MJD]."""
    text = str(cell).strip().removesuffix("Z").replace(" ", "T")
    try:
        mjd = float(text)
    except ValueError:
        try:
            if "T" not in text:
                raise ValueError("no time of day")
            mjd = mjd_of(text)
        except ValueError as error:
            raise ConfigError(
                f"{where}: start = {text!r}; a time as 2024-03-01T02:03:04 (UTC) or an MJD is needed"
            ) from error
    if not 40_000 <= mjd <= 100_000:
        raise ConfigError(f"{where}: start = {text}: MJD 40000 to 100000 are possible")
    return mjd


def find_row(table: Mapping[str, Declared], label: str) -> Declared:
    """The row of a file: by its path from the folder of the cubes, else by its name alone."""
    return table.get(label) or table.get(label.rpartition("/")[2], ())

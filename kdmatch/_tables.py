"""Catalogue files for the command line: read positions, write the matched table."""

import tempfile
import warnings
from pathlib import Path

import astropy.units as u
import numpy as np
import numpy.typing as npt
from astropy.io import ascii as astropy_ascii
from astropy.io.fits.verify import VerifyWarning
from astropy.table import QTable, Table

from kdmatch._match import Match

Array = npt.NDArray[np.float64]

# Names under which the usual detection programs keep pixel positions, tried in this order
KNOWN_COLUMNS = (
    ("x", "y"),
    ("X", "Y"),
    ("xcentroid", "ycentroid"),  # photutils before 2.2
    ("x_centroid", "y_centroid"),
    ("X_IMAGE", "Y_IMAGE"),  # SExtractor
    ("col1", "col2"),  # a file without header
)
FITS_SUFFIXES = (".fits", ".fit", ".fts", ".fits.gz")
FORMATS = {".ecsv": "ascii.ecsv", ".csv": "ascii.csv", ".fits": "fits"}


class BadInput(Exception):
    """A file or argument cannot be used; the message names it and says what would do."""


def read_positions(path: Path, columns: tuple[str, str] | None = None) -> Array:
    """Positions of a catalogue file, shape (star, 2) [pixel]: ECSV, FITS table or plain columns.

    Parameters
    ----------
    path : Path
        The file.
    columns : (str, str), optional
        Names of the x and y column; by default the first known pair.

    Raises
    ------
    BadInput
        The file cannot be read, a column is missing, or a value is missing or no number.
    """
    table = _read_table(path)
    names = columns or next(
        (pair for pair in KNOWN_COLUMNS if set(pair) <= set(table.colnames)), None
    )
    if names is None or not set(names) <= set(table.colnames):
        wanted = " and ".join(names) if names else "none of the usual pairs of columns"
        raise BadInput(
            f"{path}: found {', '.join(table.colnames)}; looked for {wanted}. Name the columns of "
            "x and y with --columns, --reference-columns or --target-columns"
        )
    return np.column_stack([_numbers(path, table, name) for name in names])


def _read_table(path: Path) -> Table:
    if not path.is_file():
        raise BadInput(f"{path}: no such file")
    lower = path.name.lower()
    form = "ascii"
    if lower.endswith(FITS_SUFFIXES):
        form = "fits"
    elif lower.endswith(".ecsv"):
        form = "ascii.ecsv"
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            # a header that is slightly wrong is no matter here, a broken one is an error anyway
            warnings.simplefilter("ignore", VerifyWarning)
            return Table.read(file, format=form)
    except (
        OSError,
        ValueError,
        TypeError,
        KeyError,
        astropy_ascii.InconsistentTableError,
    ) as error:
        reason = str(error).strip().splitlines()
        raise BadInput(f"{path}: not a table: {reason[0] if reason else error!r}") from error


def _numbers(path: Path, table: Table, name: str) -> Array:
    column = table[name]
    mask = getattr(column, "mask", None)
    if mask is not None and np.any(mask):
        row = int(np.flatnonzero(mask)[0])
        raise BadInput(f"{path}: column {name} has no value in row {row} (0-based)")
    try:
        values = np.asarray(column, dtype=float)
    except (TypeError, ValueError) as error:
        raise BadInput(f"{path}: column {name} is not numeric: {error}") from error
    if values.ndim != 1:
        raise BadInput(f"{path}: column {name} has shape {values.shape}, expected one number a row")
    return values


def matched_table(match: Match, reference: Array, target: Array) -> QTable:
    """One row per pair: rows in both files (0-based), positions, prediction and its distance."""
    rows = match.pairs
    known, found = reference[rows[:, 0]], target[rows[:, 1]]
    predicted = match.transform(known)
    table = QTable()
    table["reference_row"], table["target_row"] = rows.T
    for name, xy in (("reference", known), ("target", found), ("predicted", predicted)):
        table[f"x_{name}"], table[f"y_{name}"] = (xy.T) * u.pix
    table["distance"] = np.hypot(*(found - predicted).T) * u.pix
    for name, text in (
        ("reference_row", "row of the reference catalogue, 0-based"),
        ("target_row", "row of the target catalogue, 0-based"),
        ("x_predicted", "a x_reference + b y_reference + c"),
        ("y_predicted", "d x_reference + e y_reference + f"),
        ("distance", "between target and prediction"),
    ):
        table[name].info.description = text
    for name, value in zip("abcdef", match.affine.ravel(), strict=True):
        table.meta[name] = float(value)
    table.meta["rms_px"] = match.rms_px
    table.meta["log10pfa"] = match.log10_false_alarm
    return table


def write_table(table: QTable, path: Path, *, overwrite: bool) -> None:
    """Write in the format of the suffix, at once or not at all.

    Raises
    ------
    BadInput
        The suffix is unknown, the folder does not exist, or the file does and may not be replaced.
    """
    form = FORMATS.get(path.suffix.lower())
    if form is None:
        raise BadInput(f"{path}: the suffix must be one of {', '.join(FORMATS)}")
    if path.exists() and not overwrite:
        raise BadInput(f"{path} exists; say --overwrite to replace it")
    if not path.parent.is_dir():
        raise BadInput(f"{path.parent}: no such folder")
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".kdmatch-") as scratch:
        part = Path(scratch) / path.name
        table.write(part, format=form)
        part.replace(path)

"""The files of the record, read and checked once, on entry; the rest of the package trusts them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.table import QTable

from pipeline.errors import RequestError
from pipeline.muse.modes import WIDE_MODES

DATA = Path(__file__).parent / "data"

N_STARS = 25
N_OBSERVATIONS = 65
PAIRS = ((2, 22), (4, 6), (15, 2), (22, 4))  # panels of the timeline figure, in its order
N_SCATTER_STARS = 24  # star 25 is not in the scatter figure
DIGITISED_FLAGS = ("ok", "outlier_bound", "behind_legend", "overlapped")
KINDS = {"reference": N_STARS, "detected": 29, "transformed": N_STARS}
LEVEL_STARS = (25, 6, 22, 15)
AVAILABILITY = ("SCI", "NOSCI", "")


class RecordDamaged(RequestError):
    """A file of the record is missing, cannot be read, or is not what was digitised."""


@dataclass(frozen=True)
class RecordFiles:
    """The files as they are; columns as their headers describe them."""

    timelines: QTable  # one row per observation and pair
    reference_positions: QTable  # one row per star
    snr: QTable  # one row per star
    snr_scatter: QTable  # one row per pair of stars 1-24, mostly anonymous
    coordtrafo: QTable  # one row per marker
    spectrum_levels: QTable  # one row per star and aperture
    availability_2018: QTable  # one row per night
    claims: QTable  # one row per number printed in the study


def read_files(folder: Path = DATA) -> RecordFiles:
    """The eight files of the record, checked: rows, identities, order, finite numbers.

    Raises
    ------
    RecordDamaged
        Naming the file, what was found and what was expected.
    """
    files = RecordFiles(
        **{name: _read(folder / f"{name}.ecsv") for name in RecordFiles.__annotations__}
    )
    for name, check in CHECKS.items():
        path = folder / f"{name}.ecsv"
        try:
            check(getattr(files, name), path)
        except KeyError as error:
            raise RecordDamaged(f"{path}: no column {error}; restore the file from git") from error
    return files


def _read(path: Path) -> QTable:
    try:
        table = QTable.read(path, format="ascii.ecsv", fill_values=None)
    except OSError as error:
        raise RecordDamaged(
            f"{path}: cannot be read ({error.strerror}); restore it from git"
        ) from error
    except Exception as error:  # the ECSV reader raises many types for a damaged header
        raise RecordDamaged(
            f"{path}: not a valid ECSV table ({error}); restore it from git"
        ) from error
    return table


def _require(condition: bool, path: Path, message: str) -> None:
    if not condition:
        raise RecordDamaged(f"{path}: {message}; restore the file from git")


def _plain(column: object) -> np.ndarray:
    return np.asarray(getattr(column, "value", column), dtype=float)


def _require_numbers(table: QTable, path: Path, names: tuple[str, ...], *, low: float) -> None:
    for name in names:
        values = _plain(table[name])
        _require(
            bool(np.isfinite(values).all() and (values >= low).all()),
            path,
            f"column {name} must be finite and at least {low:g}",
        )


def _rows(table: QTable, path: Path, expected: int) -> None:
    _require(len(table) == expected, path, f"{len(table)} rows, {expected} expected")


def _check_timelines(table: QTable, path: Path) -> None:
    _rows(table, path, N_OBSERVATIONS * len(PAIRS))
    pairs = list(zip(table["star_1"].tolist(), table["star_2"].tolist(), strict=True))
    expected = [pair for pair in PAIRS for _ in range(N_OBSERVATIONS)]
    _require(pairs == expected, path, f"pairs must be {PAIRS}, each {N_OBSERVATIONS} times")
    observations = list(zip(table["night"].tolist(), table["mode"].tolist(), strict=True))
    first = observations[:N_OBSERVATIONS]
    _require(observations == first * len(PAIRS), path, "the pairs differ in their observations")
    _require(len(set(first)) == N_OBSERVATIONS, path, "an observation occurs twice")
    nights = [night for night, _ in first]
    _require(nights == sorted(nights), path, "the nights are not in order")
    _require({mode for _, mode in first} <= set(WIDE_MODES), path, f"modes other than {WIDE_MODES}")
    flags = set(table["flag"].tolist())
    _require(flags <= set(DIGITISED_FLAGS), path, f"flags other than {DIGITISED_FLAGS}")
    bound = np.asarray(table["flag"]) == "outlier_bound"
    _require_numbers(table[~bound], path, ("value_err", "visible_fraction"), low=0)
    _require_numbers(table[~bound], path, ("value",), low=-0.2)
    _require_numbers(table[bound], path, ("value", "value_implied"), low=0.2)
    _require_numbers(table[bound], path, ("value_implied_err",), low=0)


def _check_positions(table: QTable, path: Path) -> None:
    _rows(table, path, N_STARS)
    _require(table["id"].tolist() == list(range(1, N_STARS + 1)), path, "ids must be 1 to 25")
    _require_numbers(table, path, ("x", "y", "err"), low=0)
    _require(bool((np.diff(_plain(table["y"])) > 0).all()), path, "y must increase with the id")


def _check_snr(table: QTable, path: Path) -> None:
    _rows(table, path, N_STARS)
    _require(table["star_id"].tolist() == list(range(1, N_STARS + 1)), path, "ids must be 1 to 25")
    radii = tuple(name for name in table.colnames if name != "star_id")
    _require(len(radii) == 5, path, f"{len(radii)} apertures, 5 expected")
    _require_numbers(table, path, radii, low=1)


def _check_scatter(table: QTable, path: Path) -> None:
    _rows(table, path, N_SCATTER_STARS * (N_SCATTER_STARS - 1) // 2)
    _require_numbers(table, path, ("snr_gmean", "snr_gmean_err", "std", "std_err"), low=0)
    order = np.diff(_plain(table["snr_gmean"]))
    _require(bool((order >= 0).all()), path, "snr_gmean must not decrease")
    named = [pair for pair in table["pair"].tolist() if pair]
    _require(len(set(named)) == len(named), path, "a pair is named twice")
    for pair, candidates in zip(table["pair"].tolist(), table["candidates"].tolist(), strict=True):
        _require(not pair or pair in candidates.split(";"), path, f"pair {pair} is not a candidate")


def _check_coordtrafo(table: QTable, path: Path) -> None:
    _rows(table, path, sum(KINDS.values()))
    _require_numbers(table, path, ("x", "y", "x_err", "y_err"), low=0)
    kinds, ids = np.asarray(table["kind"]), np.asarray(table["id"])
    for kind, number in KINDS.items():
        _require(int((kinds == kind).sum()) == number, path, f"{number} rows {kind} expected")
        real = ids[(kinds == kind) & (ids > 0)]
        _require(sorted(real) == list(range(1, N_STARS + 1)), path, f"{kind}: ids must be 1 to 25")
    _require(
        bool((np.asarray(table["spurious"], bool) == (ids == 0)).all()),
        path,
        "spurious must be true exactly where the id is 0",
    )


def _check_levels(table: QTable, path: Path) -> None:
    _rows(table, path, 5 * len(LEVEL_STARS))
    _require_numbers(table, path, ("level_3000", "level_2860_2985"), low=0)
    for star in LEVEL_STARS:
        rows = table[np.asarray(table["star_id"]) == star]
        _rows(rows, path, 5)
        for name in ("radius_px", "level_2860_2985"):
            _require(
                bool((np.diff(_plain(rows[name])) > 0).all()),
                path,
                f"star {star}: {name} must rise",
            )


def _check_availability(table: QTable, path: Path) -> None:
    dates = table["date"].tolist()
    _require(len(dates) > 0 and dates == sorted(set(dates)), path, "dates must increase")
    for name in table.colnames[1:]:
        _require(
            set(table[name].tolist()) <= set(AVAILABILITY), path, f"{name}: SCI, NOSCI or empty"
        )


def _check_claims(table: QTable, path: Path) -> None:
    keys = table["key"].tolist()
    _require(len(set(keys)) == len(keys) > 0, path, "keys must be unique")
    _require(bool(np.isfinite(_plain(table["value"])).all()), path, "values must be finite")


CHECKS: Mapping[str, Callable[[QTable, Path], None]] = {
    "timelines": _check_timelines,
    "reference_positions": _check_positions,
    "snr": _check_snr,
    "snr_scatter": _check_scatter,
    "coordtrafo": _check_coordtrafo,
    "spectrum_levels": _check_levels,
    "availability_2018": _check_availability,
    "claims": _check_claims,
}

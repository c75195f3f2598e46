"""The same campaigns with other numbers, so that what is printed shows where it comes from."""

from dataclasses import replace
from typing import Any

import numpy as np
from astropy.table import QTable

from pipeline.schema.results import Results

LOW, HIGH = 0.72, 0.93  # factors of every number: signs stay, probabilities stay below one
# Axes and times, on which other numbers are looked up; whether a thing is so.
KEPT = (
    "mjd",
    "probability",
    "radius_px",
    "wave",
    "lag_days",
    "year",
    "_id",
    "star_",
    "channel",
    "slice",
)
FEWER, GONE_STAR = 5, 3  # exposures; a star of no headline


def other_values(results: Results, seed: int) -> Results:
    """Every measured number of the campaign times a factor of its own."""
    rng = np.random.default_rng(seed)

    def factor() -> float:
        return float(rng.uniform(LOW, HIGH))

    numbers = tuple(
        replace(
            one,
            **{
                name: factor() * getattr(one, name)
                for name in ("value", "uncertainty", "low68", "high68", "low95", "high95")
            },
        )
        for one in results.numbers
    )
    tables = {name: _scaled(table, rng) for name, table in results.tables.items()}
    spectra = {
        mode: replace(one, flux=one.flux * rng.uniform(LOW, HIGH, one.flux.shape))
        for mode, one in results.spectra.items()
    }
    settings = _settings(results.settings)
    return replace(results, numbers=numbers, tables=tables, settings=settings, spectra=spectra)


def fewer_rows(results: Results) -> Results:
    """The campaign without its last exposures and stars, and with other counts."""
    exposures = results.tables["exposures"]
    gone = {str(one) for one in exposures["exposure_id"][-FEWER:]}
    tables = {}
    for name, table in results.tables.items():
        kept = np.ones(len(table), bool)
        if "exposure_id" in table.colnames:
            kept = np.array([str(one) not in gone for one in table["exposure_id"]], bool)
        for column in {"star_id", "star_1", "star_2"} & set(table.colnames):
            kept &= np.asarray(table[column]) != GONE_STAR
        if name in ("recovery", "differences", "claims", "availability"):
            kept[-1:] = False
        tables[name] = _counted(table[kept])
    numbers = tuple(replace(one, n=None if one.n is None else one.n + 2) for one in results.numbers)
    return replace(results, tables=tables, numbers=numbers, reductions={})


def _scaled(table: QTable, rng: np.random.Generator) -> QTable:
    copy = table.copy()
    for name in copy.colnames:
        values = getattr(copy[name], "value", copy[name])
        if np.asarray(values).dtype.kind == "f" and not any(part in name for part in KEPT):
            copy[name] = copy[name] * rng.uniform(LOW, HIGH, len(copy))
            copy[name].info.description = table[name].info.description
    return copy


def _counted(table: QTable) -> QTable:
    copy = table.copy()
    for name in copy.colnames:
        if name == "n" or name.startswith("n_") or name.endswith("_nights"):
            copy[name] = copy[name] + 3
    return copy


def _settings(settings: Any) -> Any:
    """Every number of the settings by a quarter larger, except what chooses a row of a table."""
    if isinstance(settings, dict):
        return {
            key: value if key in ("radius_px", "radii_px", "pairs") else _settings(value)
            for key, value in settings.items()
        }
    if isinstance(settings, float):
        return 1.25 * settings
    return settings

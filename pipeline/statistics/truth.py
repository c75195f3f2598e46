"""The truth of a simulated campaign beside its measurement, table by table."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from astropy.table import QTable

from pipeline.statistics.checks import recovery_table
from pipeline.statistics.columns import numbers, texts
from pipeline.statistics.floor import flagged_stars
from pipeline.statistics.fluxes import Fluxes
from pipeline.statistics.recovery import affine_checks, drift_checks, flux_checks, no_drift_checks
from pipeline.statistics.scatter import std_robust

STEADY = 1e-3  # scatter of a response below which a channel was not meant to drift


def recovery_of(fluxes: Fluxes, tables: Mapping[str, QTable], *, method: str = "center") -> QTable:
    """The table ``recovery`` of a simulated campaign, whether its channels drift or not.

    Parameters
    ----------
    fluxes : Fluxes
        As measured.
    tables : mapping
        ``exposures``, ``catalogue`` as measured; ``truth_exposures`` (exposure_id, a to f) and
        ``truth_fluxes`` (exposure_id, star_id, band, radius_px, flux, flux_err, response) as
        simulated.
    method : str
        How fluxes were extracted.
    """
    true_affine = _affines(tables["truth_exposures"], fluxes.exposure_ids)
    measured = _affines(tables["exposures"], fluxes.exposure_ids)
    measured[fluxes.exposure_flags != ""] = np.nan
    truth = {
        name: _truth(tables["truth_fluxes"], fluxes, name)
        for name in ("flux", "flux_err", "response")
    }
    flagged = flagged_stars(tables["catalogue"])
    clean = np.where(np.isin(fluxes.star_ids, flagged), "flagged star", fluxes.flux_flags)
    unflagged = replace(fluxes, flux_flags=clean)
    checks = [
        *affine_checks(measured, true_affine, fluxes.xy),
        *flux_checks(unflagged, truth["flux"], truth["flux_err"], method=method),
    ]
    if _drifts(truth["response"]):
        checks += drift_checks(fluxes, truth["flux"], truth["response"], flagged)
    else:
        checks += no_drift_checks(fluxes, flagged)
    return recovery_table(checks)


def _drifts(response: np.ndarray) -> bool:
    """Whether the responses of most stars change; a vignetted exposure is no drift."""
    return bool(np.nanmedian(std_robust(np.log(response))) > STEADY)


def _affines(table: QTable, exposure_ids: np.ndarray) -> np.ndarray:
    """(exposure, 2, 3), NaN where the table has no such exposure."""
    values = np.column_stack([numbers(table[name]) for name in "abcdef"])
    row_of = {name: row for row, name in enumerate(texts(table["exposure_id"]).tolist())}
    found = np.full((len(exposure_ids), 6), np.nan)
    for row, name in enumerate(exposure_ids.tolist()):
        if name in row_of:
            found[row] = values[row_of[name]]
    return found.reshape(-1, 2, 3)


def _truth(table: QTable, fluxes: Fluxes, column: str) -> np.ndarray:
    """A column of the true fluxes as (exposure, star), NaN where there is no row."""
    chosen = (texts(table["band"]) == fluxes.band) & np.isclose(
        numbers(table["radius_px"]), fluxes.radius_px
    )
    rows = table[chosen]
    row_of = {name: row for row, name in enumerate(fluxes.exposure_ids.tolist())}
    column_of = {star: number for number, star in enumerate(fluxes.star_ids.tolist())}
    found = np.full(fluxes.flux.shape, np.nan)
    names, stars = texts(rows["exposure_id"]).tolist(), np.asarray(rows["star_id"]).tolist()
    for name, star, value in zip(names, stars, numbers(rows[column]).tolist(), strict=True):
        if name in row_of and star in column_of:
            found[row_of[name], column_of[star]] = value
    return found

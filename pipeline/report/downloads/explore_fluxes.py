"""The fluxes that the page Explore offers: a grid of exposures and stars for each band and aperture."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy.table import QTable

from pipeline.report.downloads.files import as_published
from pipeline.report.rows import headline_choice, plain, text_of
from pipeline.schema.results import Results

PHOTOMETRY, CHAIN = "photometry", "chain_fluxes"  # tables that can be explored
BYTES_PER_FLUX = 10.7  # flux and error, single precision in base64
BUDGET_BYTES = 40_000_000  # of a campaign: beyond it only the band and aperture of the headlines


@dataclass(frozen=True)
class FluxGrid:
    """Fluxes in one band and aperture; arrays (exposure, star), NaN: missing."""

    band: str
    radius_px: float
    method: str
    flux: np.ndarray  # or ln of it, see ``is_log``
    err: np.ndarray  # 1 sigma of ``flux``
    flag: np.ndarray  # of str, "": usable
    snr: np.ndarray  # (star,) in the reference exposure
    is_log: bool = False


def can_be_explored(results: Results) -> bool:
    """Whether the campaign has fluxes of single exposures of two stars at least."""
    tables = results.tables
    if not {"exposures", "catalogue"} <= set(tables) or not {PHOTOMETRY, CHAIN} & set(tables):
        return False
    return len(tables[source_table(results)]) > 0 and len(stars_shown(results)) > 1


def source_table(results: Results) -> str:
    """The table whose numbers the page shows."""
    return PHOTOMETRY if PHOTOMETRY in results.tables else CHAIN


def published_grids(results: Results) -> tuple[FluxGrid, ...]:
    """Every band and aperture, that of the headlines first; it alone if all are too large."""
    if PHOTOMETRY not in results.tables:
        return (_chain_grid(results),)
    headline = headline_choice(results)
    grids = sorted(
        _photometry_grids(results),
        key=lambda one: (
            (one.band, one.radius_px) != headline,
            one.band,
            one.radius_px,
            one.method,
        ),
    )
    n_values = sum(one.flux.size for one in grids)
    return tuple(grids if n_values * BYTES_PER_FLUX <= BUDGET_BYTES else grids[:1])


def stars_shown(results: Results) -> list[int]:
    """Numbers of the stars that are shown: of the catalogue, or of the chain alone."""
    if PHOTOMETRY in results.tables:
        return [int(star) for star in results.tables["catalogue"]["star_id"]]
    return sorted({int(star) for star in results.tables[CHAIN]["star_id"]})


def _photometry_grids(results: Results) -> Iterator[FluxGrid]:
    """One grid for each band, aperture and method of the table."""
    table = as_published(results.tables[PHOTOMETRY])
    ids = [str(one) for one in results.tables["exposures"]["exposure_id"]]
    row_of = {one: row for row, one in enumerate(ids)}
    stars = stars_shown(results)
    column_of = {star: column for column, star in enumerate(stars)}
    i = np.array([row_of[str(one)] for one in table["exposure_id"]], int)
    j = np.array([column_of[int(star)] for star in table["star_id"]], int)
    bands, methods = (np.asarray(table[name], str) for name in ("band", "method"))
    radii = np.asarray(plain(results.tables[PHOTOMETRY]["radius_px"]))
    kinds = sorted(set(zip(bands.tolist(), radii.tolist(), methods.tolist(), strict=True)))
    flags = np.array([text_of(text) for text in table["flags"]], object)
    reference = row_of.get(results.reference_exposure)
    for band, radius_px, method in kinds:
        chosen = (bands == band) & (radii == radius_px) & (methods == method)
        at = i[chosen], j[chosen]
        arrays = []
        for name in ("flux", "flux_err", "snr"):
            values = _numbers(table, name)
            array = np.full((len(ids), len(stars)), np.nan, values.dtype)
            array[at] = values[chosen]
            arrays.append(array)
        flag = np.full((len(ids), len(stars)), "", object)
        flag[at] = flags[chosen]
        flux, err, snr = arrays
        at_reference = np.full(len(stars), np.nan) if reference is None else snr[reference]
        yield FluxGrid(band, radius_px, method, flux, err, flag, at_reference)


def _numbers(table: QTable, name: str) -> np.ndarray:
    """A column in its own precision, masked numbers as NaN."""
    values: Any = getattr(table[name], "value", table[name])
    if isinstance(values, np.ma.MaskedArray):
        values = values.filled(np.nan)
    return np.asarray(values)


def _chain_grid(results: Results) -> FluxGrid:
    """The relative fluxes of the stars of a record's pairs."""
    table = results.tables[CHAIN]
    ids = [str(one) for one in results.tables["exposures"]["exposure_id"]]
    row_of = {one: row for row, one in enumerate(ids)}
    column_of = {star: column for column, star in enumerate(stars_shown(results))}
    at = (
        np.array([row_of[str(one)] for one in table["exposure_id"]], int),
        np.array([column_of[int(star)] for star in table["star_id"]], int),
    )
    arrays = []
    for name in ("ln_flux", "ln_flux_err"):
        array = np.full((len(ids), len(column_of)), np.nan)
        array[at] = plain(table[name])
        arrays.append(array)
    log_flux, err = arrays
    band, radius_px = headline_choice(results)
    with np.errstate(divide="ignore"):
        snr = 1 / np.where(np.isnan(err).all(axis=0), np.nan, np.nan_to_num(err).max(axis=0))
    flag = np.full(log_flux.shape, "", object)
    return FluxGrid(band, radius_px, "center", log_flux, err, flag, snr, is_log=True)

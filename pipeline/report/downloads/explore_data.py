"""What the page Explore loads: the fluxes of a campaign, a script for each band, aperture and year.

A script instead of JSON: a page that is read from disk may load no other file. The numbers are those
of the published tables to the last bit, in the arrays' own binary form, so that a statistic in the
browser equals the one that a reader computes from the download.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import QTable

from pipeline.muse.geometry import field_layout
from pipeline.muse.modes import MODES, WIDE_FIELD_ARCSEC
from pipeline.report.build import BuildInfo
from pipeline.report.downloads.files import as_published
from pipeline.report.downloads.spectra_file import DRAWN_SAMPLES, row_shown
from pipeline.report.figures.base import compact_json, to_json_list
from pipeline.report.figures.field import FIELD_PX
from pipeline.report.rows import (
    exposure_links,
    find_number,
    headline_choice,
    headline_pairs,
    plain,
    text_of,
)
from pipeline.schema.definitions import BAD_PROBABILITY
from pipeline.schema.results import Results

FOLDER = Path("assets") / "figures" / "explore"
PHOTOMETRY, CHAIN = "photometry", "chain_fluxes"  # tables that can be explored
PREDICTION = "prediction"
BYTES_PER_FLUX = 10.7  # flux and error, single precision in base64
BUDGET_BYTES = 40_000_000  # of a campaign: beyond it only the band and aperture of the headlines
POSITION_DIGITS = 6


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
    """Whether the campaign has fluxes of single exposures."""
    needed = {"exposures", "catalogue"} <= set(results.tables)
    return needed and bool({PHOTOMETRY, CHAIN} & set(results.tables))


def source_table(results: Results) -> str:
    """The table whose numbers the page shows."""
    return PHOTOMETRY if PHOTOMETRY in results.tables else CHAIN


def write_explore(root: Path, campaigns: Sequence[Results], build: BuildInfo) -> list[Path]:
    """The scripts of every campaign that has fluxes, one of which names the others."""
    written = []
    for results in campaigns:
        if can_be_explored(results):
            written += [
                _put(root, name, value) for name, value in sorted(chunks(results, build).items())
            ]
    planned = [results for results in campaigns if PREDICTION in results.tables]
    if planned:
        value = {results.name: plan_data(results) for results in planned}
        written.append(_put(root, "plan", value))
    return written


def plan_data(results: Results) -> dict[str, Any]:
    """What the planner needs: rows of the table ``prediction``, and whose they are."""
    table = results.tables[PREDICTION]
    lags = plain(table["lag_days"])
    rows = [
        [
            bool(row["same_channel"]),
            None if np.isnan(lag) else float(lag),
            int(row["n_exposures"]),
            *(float(row[key]) for key in ("variance_low", "variance_high", "weight_high")),
            float(row["probability"]),
        ]
        for row, lag in zip(table, lags, strict=True)
    ]
    band, radius_px = headline_choice(results)
    return {
        "title": results.title,
        "simulated": results.simulated,
        "band": band,
        "radius": radius_px,
        "explore": can_be_explored(results),
        "rows": rows,
    }


def chunks(results: Results, build: BuildInfo) -> dict[str, Mapping[str, Any]]:
    """Content of every script of a campaign, by its name below ``FOLDER``."""
    made: dict[str, Mapping[str, Any]] = {}
    nights = [str(night) for night in results.tables["exposures"]["night"]]
    views = []
    for grid in published_grids(results):
        view = f"{results.name}.{grid.band}-{grid.radius_px:g}-{grid.method}"
        parts = []
        for year, start, stop in years(nights):
            name = f"{view}.{year}"
            made[name] = _fluxes(grid, start, stop)
            parts.append({"file": name, "start": start, "n": stop - start})
        views.append(
            {
                "band": grid.band,
                "radius": grid.radius_px,
                "method": grid.method,
                "log": grid.is_log,
                "snr": to_json_list(grid.snr, POSITION_DIGITS),
                "parts": parts,
            }
        )
    spectra = {f"{results.name}.{mode}": _spectra(results, mode) for mode in results.spectra}
    made |= spectra
    made[results.name] = _campaign(results, build) | {
        "views": views,
        "spectra": [{"mode": one["mode"], "file": name} for name, one in sorted(spectra.items())],
    }
    return made


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


def years(nights: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """Year, first row and row after the last of each run of nights of one year."""
    start = 0
    for row in range(1, len(nights) + 1):
        if row == len(nights) or nights[row][:4] != nights[start][:4]:
            yield f"{nights[start][:4]}-{start}", start, row
            start = row


def _photometry_grids(results: Results) -> Iterator[FluxGrid]:
    """One grid for each band, aperture and method of the table."""
    table = as_published(results.tables[PHOTOMETRY])
    ids = [str(one) for one in results.tables["exposures"]["exposure_id"]]
    row_of = {one: row for row, one in enumerate(ids)}
    stars = _stars(results)
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
    column_of = {star: column for column, star in enumerate(_stars(results))}
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


def _stars(results: Results) -> list[int]:
    """Numbers of the stars that are shown: of the catalogue, or of the chain alone."""
    if PHOTOMETRY in results.tables:
        return [int(star) for star in results.tables["catalogue"]["star_id"]]
    return sorted({int(star) for star in results.tables[CHAIN]["star_id"]})


def _fluxes(grid: FluxGrid, start: int, stop: int) -> dict[str, Any]:
    """The rows of one script, star by star."""
    part = grid.flag[start:stop].T
    words = sorted({str(text) for text in part.ravel()} | {""})
    code = {word: number for number, word in enumerate(words)}
    content: dict[str, Any] = {
        "flux": packed(grid.flux[start:stop].T),
        "err": packed(grid.err[start:stop].T),
    }
    if len(words) > 1:
        numbers = np.array([code[str(text)] for text in part.ravel()], np.uint8)
        content |= {"flag": packed(numbers), "flags": words}
    return content


def packed(array: np.ndarray) -> dict[str, str]:
    """An array in C order as base64 of its little-endian bytes, with its type."""
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    kind = {"f4": "f4", "f8": "f8", "u1": "u1"}[f"{array.dtype.kind}{array.dtype.itemsize}"]
    return {"type": kind, "data": base64.b64encode(little.tobytes()).decode()}


def _campaign(results: Results, build: BuildInfo) -> dict[str, Any]:
    """What is said of a campaign beside its fluxes."""
    exposures = results.tables["exposures"]
    links = exposure_links(results)
    ids = [str(one) for one in exposures["exposure_id"]]
    floor = find_number(results, "stability_floor")
    return {
        "name": results.name,
        "title": results.title,
        "simulated": results.simulated,
        "version": build.version_label,
        "table": source_table(results),
        "exposures": {
            "id": ids,
            "night": [str(night) for night in exposures["night"]],
            "mode": [str(mode) for mode in exposures["mode"]],
            "mjd": to_json_list(plain(exposures["mjd_mid"]), 11),
            "reason": [_reason(row) for row in exposures],
            "link": [links[one] for one in ids],
        },
        "stars": _star_list(results),
        "field": _field(results),
        "pairs": [list(pair) for pair in headline_pairs(results)],
        "floor": None
        if floor is None
        else to_json_list(np.array([floor.value, floor.low68, floor.high68])),
    }


def _reason(row: Any) -> str:
    """Why an exposure does not count; "" if it does."""
    if str(row["status"]) != "ok":
        return f"{row['status']}: {text_of(row['reason'])}"
    bad = float(plain(np.atleast_1d(row["bad_probability"]))[0])
    return (
        f"outlier: bad with a probability above {BAD_PROBABILITY:g}"
        if bad > BAD_PROBABILITY
        else ""
    )


def _star_list(results: Results) -> dict[str, Any]:
    """Number, place, channel and flags of the stars that are shown."""
    catalogue = results.tables["catalogue"]
    kept = np.isin(np.asarray(catalogue["star_id"], int), _stars(results))
    rows = catalogue[kept]
    return {
        "id": [int(star) for star in rows["star_id"]],
        "x": to_json_list(plain(rows["x"]), POSITION_DIGITS),
        "y": to_json_list(plain(rows["y"]), POSITION_DIGITS),
        "channel": [int(number) for number in rows["channel"]],
        "flags": [text_of(text) for text in rows["flags"]],
    }


def _field(results: Results) -> dict[str, Any]:
    """Size and scale of the field, its channels where the stars say where they lie."""
    modes = [str(mode) for mode in results.tables["exposures"]["mode"]]
    mode = modes[0] if modes else ""
    known = MODES.get(mode)
    height, width = results.image.pixels.shape if results.image else FIELD_PX[::-1]
    image = results.image
    return {
        "width": width,
        "height": height,
        "scale": known.pixel_scale_arcsec if known else WIDE_FIELD_ARCSEC,
        "name": results.field_name,
        "standard": [*image.standard_xy, image.standard_radius_px] if image else None,
        "channels": channel_edges(results.tables["catalogue"], mode),
    }


def channel_edges(catalogue: QTable, mode: str) -> list[float] | None:
    """Lower edges of all channels and the upper of the last [pix]; None where they are not known.

    The channels are stripes along x in a field that is not rotated. Each star's channel says how far
    up the stripes can lie; if no place suits all of them, the field is rotated.
    """
    layout = field_layout(mode)
    channel = np.asarray(catalogue["channel"], int)
    known = channel > 0
    if not known.any():
        return None
    height = layout.height_px / layout.n_channels
    y = plain(catalogue["y"])[known]
    highest = float((y - (channel[known] - 1) * height).min())
    lowest = float((y - channel[known] * height).max())
    if lowest > highest:
        return None
    bottom = (lowest + highest) / 2
    return [round(bottom + number * height, 2) for number in range(layout.n_channels + 1)]


def _spectra(results: Results, mode: str) -> dict[str, Any]:
    """The spectra of one mode that the figures draw, in the aperture of the headlines."""
    spectra = results.spectra[mode]
    row = row_shown(results, mode)
    column = int(np.argmin(np.abs(np.array(spectra.radii_px) - headline_choice(results)[1])))
    step = max(1, -(-len(spectra.wave_aa) // DRAWN_SAMPLES))
    with np.errstate(invalid="ignore"):
        err = np.sqrt(spectra.variance[row, :, column, ::step])
    return {
        "mode": mode,
        "exposure": spectra.exposure_ids[row],
        "radius": spectra.radii_px[column],
        "unit": spectra.unit,
        "stars": list(spectra.star_ids),
        "wave": to_json_list(spectra.wave_aa[::step], 7),
        "flux": packed(spectra.flux[row, :, column, ::step].astype(np.float32)),
        "err": packed(err.astype(np.float32)),
    }


def _put(root: Path, name: str, value: Mapping[str, Any]) -> Path:
    """Write one script."""
    path = root / FOLDER / f"{name}.js"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = f"RP.put({compact_json(f'explore/{name}')},{compact_json(value)});\n"
    path.write_text(text, encoding="utf-8")
    return path

"""What the page Explore loads: the fluxes of a campaign, a script for each band, aperture and year.

A script instead of JSON: a page that is read from disk may load no other file. The numbers are those
of the published tables to the last bit, in the arrays' own binary form, so that a statistic in the
browser equals the one that a reader computes from the download.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import QTable

from pipeline.muse.geometry import field_layout
from pipeline.muse.modes import MODES, WIDE_FIELD_ARCSEC
from pipeline.report.build import BuildInfo
from pipeline.report.downloads.explore_fluxes import (
    FluxGrid,
    can_be_explored,
    published_grids,
    source_table,
    stars_shown,
)
from pipeline.report.downloads.script_file import write_script
from pipeline.report.downloads.spectra_file import DRAWN_SAMPLES, row_shown
from pipeline.report.figures.base import to_json_list
from pipeline.report.figures.field import FIELD_PX
from pipeline.report.rows import (
    exposure_links,
    find_number,
    headline_choice,
    headline_pairs,
    is_bad,
    plain,
    text_of,
)
from pipeline.schema.definitions import BAD_PROBABILITY
from pipeline.schema.results import Results

FOLDER = "explore"  # below ``SCRIPTS``
PREDICTION = "prediction"
POSITION_DIGITS = 6


def write_explore(root: Path, campaigns: Sequence[Results], build: BuildInfo) -> list[Path]:
    """The scripts of every campaign that has fluxes, one of which names the others."""
    written = []
    for results in campaigns:
        if can_be_explored(results):
            written += [
                write_script(root, f"{FOLDER}/{name}", value)
                for name, value in sorted(chunks(results, build).items())
            ]
    planned = [results for results in campaigns if PREDICTION in results.tables]
    if planned:
        value = {results.name: plan_data(results) for results in planned}
        written.append(write_script(root, f"{FOLDER}/plan", value))
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


def years(nights: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """Year, first row and row after the last of each run of nights of one year."""
    start = 0
    for row in range(1, len(nights) + 1):
        if row == len(nights) or nights[row][:4] != nights[start][:4]:
            yield f"{nights[start][:4]}-{start}", start, row
            start = row


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
    kind = {"f4": "f4", "f8": "f8", "u1": "u1", "i2": "i2"}[
        f"{array.dtype.kind}{array.dtype.itemsize}"
    ]
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
    return f"outlier: bad with a probability above {BAD_PROBABILITY:g}" if is_bad(row) else ""


def _star_list(results: Results) -> dict[str, Any]:
    """Number, place, channel and flags of the stars that are shown."""
    catalogue = results.tables["catalogue"]
    kept = np.isin(np.asarray(catalogue["star_id"], int), stars_shown(results))
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
        "standard": [*image.standard_xy, image.standard_radius_px]
        if image and image.standard_radius_px > 0  # else no star is masked
        else None,
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

"""The exposures of a large campaign for the page that shows any of them: a script for each year.

Up to ``MAX_EXPOSURE_PAGES`` exposures each have a page of their own. Beyond, those that are ok share
``exposure.html?id=CAMPAIGN/YEAR/EXPOSURE``, which loads the year's script. As with Explore, scripts
instead of JSON: a page that is read from disk may load no other file.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.report.downloads.explore_data import packed
from pipeline.report.downloads.script_file import write_script
from pipeline.report.figures.base import to_json_list
from pipeline.report.pages.detail import Residuals, residuals_of
from pipeline.report.pages.exposure import facts_of
from pipeline.report.pages.reduction_log import calibration_words
from pipeline.report.rows import (
    exposure_label,
    exposure_links,
    headline_choice,
    is_large,
    number,
    plain,
    text_of,
    year_of,
)
from pipeline.report.text import one_line
from pipeline.schema.results import Results

FOLDER = "exposures"  # below ``SCRIPTS``
STEP_PER_CENT = 0.01  # residuals are whole numbers of it
MISSING = np.iinfo(np.int16).min


def write_exposure_chunks(root: Path, results: Results) -> list[Path]:
    """The scripts of a large campaign; none of another."""
    if not is_large(results):
        return []
    return [
        write_script(root, f"{FOLDER}/{name}", value)
        for name, value in sorted(exposure_chunks(results).items())
    ]


def exposure_chunks(results: Results) -> dict[str, Mapping[str, Any]]:
    """Content of every script of a campaign, by its name below ``FOLDER``."""
    exposures = results.tables["exposures"]
    years = np.array([year_of(row) for row in exposures])
    residuals = residuals_of(results)
    rows = {year: np.flatnonzero(years == year) for year in sorted(set(years.tolist()))}
    made: dict[str, Mapping[str, Any]] = {
        f"{results.name}.{year}": _year(results, indices, residuals)
        for year, indices in rows.items()
    }
    made[results.name] = _campaign(results, residuals) | {
        "years": [[year, len(indices)] for year, indices in rows.items()]
    }
    return made


def _campaign(results: Results, residuals: Residuals | None) -> dict[str, Any]:
    catalogue = results.tables["catalogue"]
    return {
        "title": results.title,
        "simulated": results.simulated,
        "stars": list(residuals.star_ids) if residuals else [],
        "band": headline_choice(results)[0],
        "radius": headline_choice(results)[1],
        "catalogue": {
            "id": [int(star) for star in catalogue["star_id"]],
            "x": to_json_list(plain(catalogue["x"])),
            "y": to_json_list(plain(catalogue["y"])),
        },
    }


def _year(results: Results, indices: np.ndarray, residuals: Residuals | None) -> dict[str, Any]:
    exposures, links = results.tables["exposures"][indices], exposure_links(results)
    place = {} if residuals is None else {one: k for k, one in enumerate(residuals.exposure_ids)}
    n_stars = 0 if residuals is None else len(residuals.star_ids)
    values = np.full((len(indices), n_stars), np.nan)
    for row, identity in enumerate(exposures["exposure_id"]):
        if residuals is not None and str(identity) in place:
            values[row] = residuals.per_cent[place[str(identity)]]
    calibrated = {
        str(row["exposure_id"]): [one_line(text) for text in calibration_words(row)]
        for row in results.tables.get("calibrations", ())
    }
    rows = [
        {
            "id": str(row["exposure_id"]),
            "label": one_line(exposure_label(row)),
            "status": str(row["status"]),
            "reason": one_line(text_of(row["reason"])),
            "page": links[str(row["exposure_id"])],
            "facts": [[line.name, one_line(line.text)] for line in facts_of(results, row)],
            "map": to_json_list(np.array([number(row[key]) for key in "abcdef"]), 9),
            "calibrations": calibrated.get(str(row["exposure_id"]), []),
        }
        for row in exposures
    ]
    return {"rows": rows, "residuals": packed(_steps(values))}


def _steps(per_cent: np.ndarray) -> np.ndarray:
    """Residuals as whole steps; what lies beyond the range of the type stands at its end."""
    steps = np.round(per_cent / STEP_PER_CENT)
    limited = np.clip(np.nan_to_num(steps), MISSING + 1, -(MISSING + 1))
    return np.where(np.isfinite(steps), limited, MISSING).astype(np.int16)

"""Figures of offsets: how the exposures lie relative to the reference."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from astropy.table import QTable

from pipeline.config.settings import Field
from pipeline.report.figures.field import FIELD_PX
from pipeline.report.figures.offsets import offsets_figure, pointing_figure
from pipeline.report.pages.base import FigureView, PageNumbering
from pipeline.report.rows import exposure_label, exposure_links, plain
from pipeline.report.sampling import drawn, drawn_words
from pipeline.report.text import fixed
from pipeline.schema.results import Results

KINDS = ("reference", "detected", "transformed")


def positions_view(results: Results, numbering: PageNumbering) -> FigureView | None:
    """The published pair of exposures if it is all there is, else any exposure."""
    if "coordtrafo" in results.tables:
        views = {"the published pair of exposures": _digitised(results)}
        tables: tuple[str, ...] = ("coordtrafo",)
        caption = (
            "Digitised from the published figure. A square without a cross is a detection without a "
            "reference star."
        )
    else:
        views = _measured(results)
        tables = tuple(name for name in ("detections", "exposures") if name in results.tables)
        caption = (
            "A cross in a square is a reference star that the match places on its detection. "
            "Squares without a cross have no reference star."
        )
    if not views:
        return None
    first = _first_view(results, views)
    figure = offsets_figure(
        views,
        first,
        figure_id=f"positions-{results.name}",
        title=_positions_title(results),
        caption=caption,
        simulated=results.simulated,
        tables=tables,
    )
    return numbering.figure(figure, results.name)


def _first_view(results: Results, views: Mapping[str, Any]) -> str:
    """Not the reference exposure itself, where the three positions are one."""
    labels = list(views)
    reference = [
        exposure_label(row)
        for row in results.tables["exposures"]
        if str(row["exposure_id"]) == results.reference_exposure
    ]
    others = [label for label in labels if label not in reference]
    return others[0] if others else labels[0]


def _digitised(results: Results) -> dict[str, Any]:
    table = results.tables["coordtrafo"]
    kinds = np.asarray(table["kind"], str)
    return {
        kind: {
            "x": plain(table["x"][kinds == kind]),
            "y": plain(table["y"][kinds == kind]),
            "star_id": table["star_id"][kinds == kind],
        }
        for kind in KINDS
    }


def _measured(results: Results) -> dict[str, Any]:
    """Positions of every exposure that has an affine, by night and mode."""
    tables = results.tables
    if not {"catalogue", "exposures"} <= set(tables):
        return {}
    catalogue = tables["catalogue"]
    x, y = plain(catalogue["x"]), plain(catalogue["y"])
    detections = tables.get("detections")
    rows: dict[str, list[int]] = {}
    if detections is not None:
        for index, identity in enumerate(detections["exposure_id"]):
            rows.setdefault(str(identity), []).append(index)
    views: dict[str, Any] = {}
    for row in tables["exposures"]:
        a, b, c, d, e, f = (float(getattr(row[key], "value", row[key])) for key in "abcdef")
        if not np.isfinite((a, b, c, d, e, f)).all():
            continue
        found = rows.get(str(row["exposure_id"]), [])
        detected: dict[str, Any] = {"x": [], "y": [], "star_id": []}
        if detections is not None:
            chosen = detections[found]
            detected = {
                "x": plain(chosen["x"]),
                "y": plain(chosen["y"]),
                "star_id": chosen["star_id"],
            }
        label = exposure_label(row)
        if label in views:
            label = f"{label}, {row['exposure_id']}"
        views[label] = {
            "reference": {"x": x, "y": y, "star_id": catalogue["star_id"]},
            "detected": detected,
            "transformed": {
                "x": a * x + b * y + c,
                "y": d * x + e * y + f,
                "star_id": catalogue["star_id"],
            },
        }
    return views


def pointing_view(results: Results, numbering: PageNumbering) -> FigureView | None:
    """Where the centre of the field lies in every exposure; None without a match."""
    exposures = results.tables["exposures"]
    n_affines = int(np.isfinite(plain(exposures["c"])).sum())
    if not n_affines:
        return None
    scale = float(
        results.settings.get("field", {}).get("pixel_scale_arcsec", Field().pixel_scale_arcsec)  # type: ignore[arg-type]
    )
    shape = results.image.pixels.shape if results.image else FIELD_PX[::-1]
    figure = pointing_figure(
        drawn(results).tables["exposures"],
        ((shape[1] - 1) / 2, (shape[0] - 1) / 2),
        scale,
        exposure_links(results),
        figure_id=f"pointing-{results.name}",
        title=_pointing_title(exposures, scale),
        caption=f"Each point is one of {n_affines} matched exposures: offset of the field centre from the "
        f"reference. Rings are half an arcsecond apart.{drawn_words(results)}",
        simulated=results.simulated,
    )
    return numbering.figure(figure, results.name)


def _positions_title(results: Results) -> str:
    """How well the matched stars lie on their map, over all exposures."""
    if "coordtrafo" in results.tables:
        return _digitised_title(_digitised(results))
    rms = plain(results.tables["exposures"]["match_rms_px"])
    if not np.isfinite(rms).any():
        return "Reference, detected and transformed positions"
    return (
        f"Stars lie within {fixed(float(np.nanmedian(rms)), 2)} px (rms) of their matched positions"
    )


def _digitised_title(kinds: Mapping[str, Any]) -> str:
    """How far the detections lie from the transformed positions, in the median."""
    found, wanted = kinds["detected"], kinds["transformed"]
    if not len(found["x"]) or not len(wanted["x"]):
        return "Reference, detected and transformed positions"
    apart = np.hypot(wanted["x"][:, None] - found["x"], wanted["y"][:, None] - found["y"])
    median = fixed(float(np.median(apart.min(axis=1))), 1)
    return f"Transformed positions lie {median} px, in the median, from the nearest detection"


def _pointing_title(exposures: QTable, pixel_scale_arcsec: float) -> str:
    """How far the shift part of the maps reaches."""
    shift = np.hypot(plain(exposures["c"]), plain(exposures["f"])) * pixel_scale_arcsec
    reach = fixed(float(np.nanquantile(shift, 0.9)), 1)
    return f"The telescope returns to within {reach} arcsec in nine of ten exposures"

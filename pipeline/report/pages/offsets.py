"""The page on offsets: how the exposures lie relative to the reference."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.config.settings import Field
from pipeline.report.figures.field import FIELD_PX
from pipeline.report.figures.offsets import offsets_figure, pointing_figure
from pipeline.report.pages.base import FigureView, PageInputs, PageNumbering, PageType
from pipeline.report.rows import exposure_label, exposure_links, plain
from pipeline.schema.results import Results

KINDS = ("reference", "detected", "transformed")


@dataclass(frozen=True)
class OffsetsOf:
    """What the page shows of one campaign."""

    results: Results
    positions: FigureView | None
    pointing: FigureView | None
    n_affines: int


def context(inputs: PageInputs, numbering: PageNumbering) -> dict[str, Any]:
    """Positions in the three systems, and the pointing offsets."""
    shown = [_offsets_of(results, numbering) for results in inputs.campaigns]
    return {"shown": [one for one in shown if one.positions or one.pointing]}


def _offsets_of(results: Results, numbering: PageNumbering) -> OffsetsOf:
    exposures = results.tables.get("exposures")
    n_affines = 0 if exposures is None else int(np.isfinite(plain(exposures["c"])).sum())
    return OffsetsOf(
        results, _positions(results, numbering), _pointing(results, numbering, n_affines), n_affines
    )


def _positions(results: Results, numbering: PageNumbering) -> FigureView | None:
    """The published pair of exposures if it is all there is, else any exposure."""
    if "coordtrafo" in results.tables:
        views = {"the published pair of exposures": _digitised(results)}
        tables: tuple[str, ...] = ("coordtrafo",)
        caption = (
            "Reference positions, detections in the second exposure, and reference positions "
            "taken through the published affine, as read off its figure. A square without a "
            "cross is a detection without a reference star."
        )
    else:
        views = _measured(results)
        tables = tuple(name for name in ("detections", "exposures") if name in results.tables)
        caption = (
            "Where a cross lies in a square, the affine takes the reference star onto its "
            "detection. A square without a cross is a detection without a reference star."
        )
    if not views:
        return None
    first = _first_view(results, views)
    figure = offsets_figure(
        views,
        first,
        figure_id=f"positions-{results.name}",
        title="Reference, detected and transformed positions",
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


def _pointing(results: Results, numbering: PageNumbering, n_affines: int) -> FigureView | None:
    if not n_affines:
        return None
    scale = float(
        results.settings.get("field", {}).get("pixel_scale_arcsec", Field().pixel_scale_arcsec)  # type: ignore[arg-type]
    )
    shape = results.image.pixels.shape if results.image else FIELD_PX[::-1]
    figure = pointing_figure(
        results.tables["exposures"],
        ((shape[1] - 1) / 2, (shape[0] - 1) / 2),
        scale,
        exposure_links(results),
        figure_id=f"pointing-{results.name}",
        title="Offset of the field's centre in every exposure",
        caption=f"Each of the {n_affines} points is an exposure, its position the affine applied "
        "to the centre of the field, minus that centre. Dotted rings lie 0.5 arcsec apart. Click "
        "a point for its row in the table of exposures.",
        simulated=results.simulated,
    )
    return numbering.figure(figure, results.name)


PAGE = PageType(
    name="offsets",
    title="Offsets",
    tab="Field",
    position=30,
    description="Where the stars fall in each exposure, relative to the reference.",
    guide="How the exposures lie relative to the reference.",
    context=context,
)

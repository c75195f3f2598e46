"""The reference stars: on the image in which they were found, as a table, and in Gaia."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from pipeline.config.settings import DetectionSettings
from pipeline.report.figures.field import detection_figure
from pipeline.report.flags import flag_reasons
from pipeline.report.pages.answer import snr_of_stars
from pipeline.report.pages.base import FigureView, PageNumbering, TableBlock
from pipeline.report.pages.cut_outs import THUMB_PX, cut_out
from pipeline.report.pages.detail import star_path
from pipeline.report.pages.star_curves import star_courses
from pipeline.report.rows import number
from pipeline.report.tables import Cell, Head, TableView, heads, without_empty_columns
from pipeline.report.text import NOTHING, fixed, significant
from pipeline.schema.publications import STUDY
from pipeline.schema.results import DetectionImage, Results

VARIABLE = "VARIABLE"  # Gaia's phot_variable_flag


@dataclass(frozen=True)
class DetectionOf:
    """What the page of stars shows of the field of one campaign."""

    results: Results
    figure: FigureView
    catalogue: TableBlock
    n_flagged: int
    masked: bool  # whether a bright star is masked
    gaia: "GaiaOf | None"  # None: nobody has asked


@dataclass(frozen=True)
class GaiaOf:
    """How many stars Gaia knows, and which of them vary."""

    n_identified: int
    n_stars: int
    variable: tuple[int, ...]
    reasons: tuple[str, ...]  # why others are not identified
    sources: TableBlock | None  # None: no star is identified


def _bands(results: Results) -> str:
    """What the detection image is made of, by the campaign's settings."""
    how = DetectionSettings(**results.settings.get("detection", {}))  # type: ignore[arg-type]
    width = f"{how.band_width_aa:g} Å"
    return f"median of {how.n_bands} bands of {width}" if how.n_bands > 1 else f"band of {width}"


def _masked(results: Results, image: DetectionImage) -> str:
    """What the circle on the image is; "" if no star is masked."""
    if not image.standard_radius_px > 0:
        return ""
    how = DetectionSettings(**results.settings.get("detection", {}))  # type: ignore[arg-type]
    star = "the bright standard star" if how.mask == "brightest" else "a saturated star"
    return f"The dashed circle of {fixed(image.standard_radius_px, 0)} px masks {star} and its spikes. "


def detection_of(results: Results, numbering: PageNumbering) -> DetectionOf:
    catalogue, image = results.tables["catalogue"], results.image
    flagged = int(np.count_nonzero(np.asarray(catalogue["flags"], str) != ""))
    if image:
        caption = (
            f"Detection image of {image.exposure_id} ({image.mode}): {_bands(results)}, asinh "
            f"stretch. {_masked(results, image)}"
        )
    else:
        caption = f"Positions digitised from the figures of {STUDY.short}; the record has no image."
    varies = any("variable" in str(flags).split() for flags in catalogue["flags"])
    marks = "squares, diamonds where Gaia calls the star variable" if varies else "squares"
    figure = detection_figure(
        image,
        catalogue,
        f"stars/{results.name}/",
        figure_id=f"detection-{results.name}",
        title=f"{len(catalogue) - flagged} of {len(catalogue)} stars of {results.field_name} carry no flag",
        caption=f"{caption} Flagged stars are {marks}.",
        simulated=results.simulated,
    )
    return DetectionOf(
        results,
        numbering.figure(figure, results.name),
        numbering.table(_catalogue_table(results), results.name),
        flagged,
        image is None or image.standard_radius_px > 0,
        _gaia_of(results, numbering),
    )


def _gaia_of(results: Results, numbering: PageNumbering) -> GaiaOf | None:
    table = results.tables.get("identification")
    if table is None:
        return None
    known = np.asarray(table["source_id"], str) != ""
    variable = np.asarray(table["variable"], str) == VARIABLE
    reasons = {str(reason) for reason in table["reason"][~known]}
    return GaiaOf(
        int(np.count_nonzero(known)),
        len(table),
        tuple(int(star) for star in table["star_id"][variable]),
        tuple(sorted(reasons)),
        numbering.table(_sources_table(results), results.name) if known.any() else None,
    )


def _catalogue_table(results: Results) -> TableView:
    catalogue = results.tables["catalogue"]
    reasons, courses = flag_reasons(results), {} if results.image else star_courses(results)
    snr = snr_of_stars(results) if "snr" in results.tables else {}
    rows = []
    for row, reason in zip(catalogue, reasons, strict=True):
        flux = number(row["flux"])
        flags = str(row["flags"])
        rows.append(
            (
                Cell(
                    _thumbnail(results, row) + str(row["star_id"]),
                    href=Markup(star_path(results, int(row["star_id"]))),
                ),
                Cell(courses.get(int(row["star_id"]), NOTHING)),
                Cell(fixed(number(row["x"]), 2)),
                Cell(fixed(number(row["y"]), 2)),
                Cell(fixed(number(row["ra_deg"]), 5)),
                Cell(fixed(number(row["dec_deg"]), 5)),
                Cell(fixed(flux, 1)),
                Cell(str(row["channel"]) if row["channel"] else NOTHING),
                Cell(str(row["slice"]) if row["slice"] else NOTHING),
                Cell(fixed(number(row["edge_distance_px"]), 1)),
                Cell(significant(snr.get(int(row["star_id"]), float("nan")))),
                Cell(flags, kind="bad" if flags else ""),
                Cell(reason, kind="rp-wrap"),
            )
        )
    view = TableView(
        f"catalogue-{results.name}",
        "All stars; each number links to the page of the star. Positions count from 0 at the first "
        "spaxel.",
        (
            *heads("catalogue", "star_id"),
            Head("ratio", numeric=False, title="to another star, exposure by exposure"),
            *heads(
                "catalogue",
                *("x", "y", "ra_deg", "dec_deg", "flux", "channel", "slice"),
                "edge_distance_px",
            ),
            Head("SNR", title="in the band and aperture of the headline numbers"),
            *heads("catalogue", "flags"),
            Head("why", numeric=False),
        ),
        tuple(rows),
        anchors=tuple(f"{results.name}-star-{row['star_id']}" for row in catalogue),
        source="catalogue",
        filter=True,
        sort=True,
        simulated=results.simulated,
    )
    return without_empty_columns(view)


def _thumbnail(results: Results, row: Any) -> Markup:
    """A small cut-out of the detection image; "" without one."""
    address = cut_out(results, row["x"], row["y"], THUMB_PX)
    if not address:
        return Markup("")
    return Markup(
        f'<img class="rp-thumb" src="{address}" alt="" width="38" height="38" loading="lazy">'
    )


def _sources_table(results: Results) -> TableView:
    """Star by star its Gaia source, or why it has none."""
    table = results.tables["identification"]
    return TableView(
        f"identification-{results.name}",
        "Gaia DR3 sources of the stars; those that Gaia calls variable say nothing about the instrument.",
        heads(
            "identification",
            *("star_id", "variable", "source_id", "separation_arcsec", "g_mag", "bp_rp"),
            *("pm_ra_masyr", "pm_dec_masyr"),
        ),
        tuple(_source_cells(row) for row in table),
        source="identification",
        simulated=results.simulated,
    )


def _source_cells(row: Any) -> tuple[Cell, ...]:
    star, source, flag = (str(row[name]) for name in ("star_id", "source_id", "variable"))
    if not source:
        unknown = Cell("not identified", kind="muted", title=str(row["reason"]))
        return (Cell(star), Cell(""), unknown, *(Cell(NOTHING),) * 5)
    return (
        Cell(star),
        Cell(flag.lower().replace("_", " "), kind="bad" if flag == VARIABLE else "muted"),
        Cell(source),
        Cell(fixed(number(row["separation_arcsec"]), 2)),
        Cell(fixed(number(row["g_mag"]), 2)),
        Cell(fixed(number(row["bp_rp"]), 2)),
        Cell(fixed(number(row["pm_ra_masyr"]), 1, sign=True)),
        Cell(fixed(number(row["pm_dec_masyr"]), 1, sign=True)),
    )

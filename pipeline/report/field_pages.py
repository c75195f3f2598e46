"""Pages on the field and its stars: detection, signal to noise."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy.table import QTable

from pipeline.report.figures.field import detection_figure
from pipeline.report.figures.snr import agreement_figure, growth_figure
from pipeline.report.pages import Book, FigureView, Link, Page, TableBlock
from pipeline.report.rows import number, plain
from pipeline.report.tables import Cell, Head, TableView, without_empty_columns
from pipeline.report.text import NOTHING, fixed, slug
from pipeline.schema import APERTURE_RADII_PX
from pipeline.schema.results import Results

TAB = "Field"
VARIABLE = "VARIABLE"  # Gaia's phot_variable_flag
RADII = tuple(str(radius) for radius in APERTURE_RADII_PX)


@dataclass(frozen=True)
class DetectionOf:
    """What the detection page shows of one campaign."""

    results: Results
    figure: FigureView
    catalogue: TableBlock
    n_flagged: int
    gaia: "GaiaOf | None"  # None: nobody has asked


@dataclass(frozen=True)
class GaiaOf:
    """How many stars Gaia knows, and which of them vary."""

    n_identified: int
    n_stars: int
    variable: tuple[int, ...]
    reasons: tuple[str, ...]  # why others are not identified
    sources: TableBlock | None  # None: no star is identified


def detection_page(campaigns: Sequence[Results], book: Book) -> Page:
    """The reference catalogue on the image in which it was found."""
    shown_ = [_detection_of(one, book) for one in campaigns if "catalogue" in one.tables]
    return Page(
        "detection",
        "Detection",
        TAB,
        "The stars of the field, as found in the reference exposure, and where each falls on the "
        "instrument.",
        {"shown": shown_},
        tuple(book.figures),
    )


def _detection_of(results: Results, book: Book) -> DetectionOf:
    catalogue, image = results.tables["catalogue"], results.image
    flagged = int(np.count_nonzero(np.asarray(catalogue["flags"], str) != ""))
    if image:
        caption = (
            f"Detection image of {image.exposure_id} ({image.mode}), asinh stretch: the median of "
            f"three bands about the centre of the cube. The dashed circle of "
            f"{fixed(image.standard_radius_px, 0)} px masks the bright standard star and its "
            "spikes. Numbers are the star numbers of every table."
        )
    else:
        caption = (
            "Positions as read off the study's figures; its detection image is not part of the "
            "record. Numbers are the star numbers of every table."
        )
    varies = any("variable" in str(flags).split() for flags in catalogue["flags"])
    marks = "squares, diamonds where Gaia calls the star variable" if varies else "squares"
    figure = detection_figure(
        image,
        catalogue,
        f"detection.html#{results.name}-star-",
        figure_id=f"detection-{results.name}",
        title=f"The {len(catalogue)} reference stars of {results.field_name}",
        caption=f"{caption} {flagged} of {len(catalogue)} stars carry a flag ({marks}).",
        simulated=results.simulated,
    )
    return DetectionOf(
        results,
        book.figure(figure, results.name),
        book.table(_catalogue_table(results), results.name),
        flagged,
        _gaia_of(results, book),
    )


def _gaia_of(results: Results, book: Book) -> GaiaOf | None:
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
        book.table(_sources_table(results), results.name) if known.any() else None,
    )


def _catalogue_table(results: Results) -> TableView:
    catalogue = results.tables["catalogue"]
    reasons = catalogue.meta.get("reasons") or [""] * len(catalogue)
    rows = []
    for row, reason in zip(catalogue, reasons, strict=True):
        flux = number(row["flux"])
        flags = str(row["flags"])
        rows.append(
            (
                Cell(str(row["star_id"])),
                Cell(fixed(number(row["x"]), 2)),
                Cell(fixed(number(row["y"]), 2)),
                Cell(fixed(flux, 1)),
                Cell(str(row["channel"]) if row["channel"] else NOTHING),
                Cell(str(row["slice"]) if row["slice"] else NOTHING),
                Cell(fixed(number(row["edge_distance_px"]), 1)),
                Cell(flags, kind="bad" if flags else ""),
                Cell(str(reason)),
            )
        )
    view = TableView(
        f"catalogue-{results.name}",
        "Reference catalogue: positions count from 0 at the centre of the first spaxel.",
        (
            Head("Star"),
            Head("x", "px"),
            Head("y", "px"),
            Head("flux", title="DAOFIND flux in the detection image, cube unit"),
            Head("channel", title="MUSE channel (IFU) 1 to 24"),
            Head("slice", title="slice 1 to 48 on the sky within the channel"),
            Head("to the edge", "px", "distance to the nearest spaxel without data"),
            Head("flags", numeric=False),
            Head("why", numeric=False),
        ),
        tuple(rows),
        anchors=tuple(f"{results.name}-star-{row['star_id']}" for row in catalogue),
        source="catalogue",
        simulated=results.simulated,
    )
    return without_empty_columns(view)


def _sources_table(results: Results) -> TableView:
    """Star by star its Gaia source, or why it has none."""
    table = results.tables["identification"]
    return TableView(
        f"identification-{results.name}",
        "Gaia DR3 sources of the stars; what Gaia calls variable is no measure of the instrument.",
        (
            Head("Star"),
            Head("varies", numeric=False, title="phot_variable_flag: VARIABLE or NOT_AVAILABLE"),
            Head("Gaia DR3", numeric=False, title="source_id"),
            Head("apart", "arcsec", "distance from the source at the epoch of the exposure"),
            Head("G", "mag", "mean magnitude"),
            Head("BP − RP", "mag", "colour"),
            Head("μ α*", "mas/yr", "proper motion along the parallel"),
            Head("μ δ", "mas/yr", "proper motion in declination"),
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


@dataclass(frozen=True)
class SnrOf:
    """What the page on signal to noise shows of one campaign."""

    results: Results
    growth: FigureView


@dataclass(frozen=True)
class SnrOfField:
    """The campaigns of one field side by side: star numbers mean nothing beyond it."""

    name: str
    table: TableBlock
    files: tuple[tuple[Results, tuple[Link, ...]], ...]
    agreement: FigureView | None
    shown: tuple[SnrOf, ...]
    mark: str  # keeps anchors apart; "" for the first field


def snr_page(campaigns: Sequence[Results], book: Book) -> Page:
    """SNR of all stars in all apertures, campaigns of a field side by side."""
    with_snr = [one for one in campaigns if "snr" in one.tables]
    names = dict.fromkeys(one.field_name for one in with_snr)
    return Page(
        "snr",
        "Signal to noise",
        TAB,
        "How well each star is measured: I_Bessel signal-to-noise ratio in five apertures of the "
        "reference exposure.",
        {
            "groups": [
                _snr_of_field(
                    [one for one in with_snr if one.field_name == name],
                    f"-{slug(name)}" if number else "",
                    book,
                )
                for number, name in enumerate(names)
            ]
        },
        tuple(book.figures),
    )


def _snr_of_field(campaigns: Sequence[Results], mark: str, book: Book) -> SnrOfField:
    table = book.table(_snr_table(campaigns, f"snr-table{mark}"))
    agreement = None
    if len(campaigns) > 1:
        one, two = campaigns[:2]
        agreement = book.figure(
            agreement_figure(
                one.tables["snr"],
                two.tables["snr"],
                RADII,
                (short_name(one), short_name(two)),
                figure_id=f"snr-{one.name}-{two.name}",
                title="Signal-to-noise ratios of the two campaigns",
                caption="One point per star and aperture; on the dashed line both are equal. The "
                "simulation takes the SNR of the study as input: the agreement tests the chain "
                "from photons to SNR.",
                simulated=one.simulated or two.simulated,
                mixed=one.simulated != two.simulated,
            ),
            two.name,
        )
    shown_ = [
        SnrOf(
            one,
            book.figure(
                growth_figure(
                    one.tables["snr"],
                    RADII,
                    figure_id=f"aperture-{one.name}",
                    title=f"Which aperture is best: {one.title}",
                    caption="SNR of each star in each aperture, relative to that star's best.",
                    simulated=one.simulated,
                ),
                one.name,
            ),
        )
        for one in campaigns
    ]
    files = tuple((one, book.links(one.name, "snr")) for one in campaigns)
    return SnrOfField(campaigns[0].field_name, table, files, agreement, tuple(shown_), mark)


def short_name(results: Results) -> str:
    """What a campaign is called where there is little room."""
    return {"published": "study", "simulated": "simulated"}.get(results.source, results.title)


def _snr_table(campaigns: Sequence[Results], table_id: str) -> TableView:
    """Star by star; for each aperture one column per campaign."""
    values = [_snr_by_star(one.tables["snr"]) for one in campaigns]
    stars = sorted(set().union(*values))
    heads = [Head("Star"), *(Head(short_name(one)) for _ in RADII for one in campaigns)]
    groups = (("", 1), *((f"r = {radius} px", len(campaigns)) for radius in RADII))
    rows = []
    for star in stars:
        row = [Cell(str(star))]
        best = [max(table.get(star, {"": 0.0}).values(), default=0.0) for table in values]
        for radius in RADII:
            for table, top in zip(values, best, strict=True):
                value = table.get(star, {}).get(radius, float("nan"))
                digits = 1 if value < 1000 else 0
                row.append(Cell(fixed(value, digits), kind="strong" if value == top else ""))
        rows.append(tuple(row))
    return TableView(
        table_id,
        "Signal-to-noise ratio of each star; the best aperture of each star is set bold.",
        tuple(heads),
        tuple(rows),
        groups,
        simulated=any(one.simulated for one in campaigns),
        mixed=len({one.simulated for one in campaigns}) > 1,
    )


def _snr_by_star(snr: QTable) -> dict[int, dict[str, float]]:
    columns = {radius: plain(snr[f"r{radius}"]) for radius in RADII}
    return {
        int(star): {radius: float(columns[radius][k]) for radius in RADII}
        for k, star in enumerate(snr["star_id"])
    }

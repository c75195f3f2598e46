"""The page on signal to noise: every star in every aperture of the reference exposure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from astropy.table import QTable

from pipeline.report.figures.snr import agreement_figure, growth_figure
from pipeline.report.pages.base import (
    FigureView,
    Link,
    PageNumbering,
    TableBlock,
)
from pipeline.report.rows import plain
from pipeline.report.tables import Cell, Head, TableView
from pipeline.report.text import fixed, slug
from pipeline.schema import radius_column, radius_of
from pipeline.schema.results import Results


def radii_of(snr: QTable) -> tuple[float, ...]:
    """Aperture radii [pix] of a table ``snr``, increasing."""
    return tuple(sorted(r for name in snr.colnames if (r := radius_of(name)) is not None))


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


def snr_groups(campaigns: Sequence[Results], numbering: PageNumbering) -> list[SnrOfField]:
    """SNR of all stars in all apertures, campaigns of a field side by side."""
    with_snr = [one for one in campaigns if "snr" in one.tables]
    names = dict.fromkeys(one.field_name for one in with_snr)
    return [
        _snr_of_field(
            [one for one in with_snr if one.field_name == name],
            f"-{slug(name)}" if number else "",
            numbering,
        )
        for number, name in enumerate(names)
    ]


def _snr_of_field(campaigns: Sequence[Results], mark: str, numbering: PageNumbering) -> SnrOfField:
    table = numbering.table(_snr_table(campaigns, f"snr-table{mark}"))
    agreement = None
    if len(campaigns) > 1 and _shared_radii(campaigns[:2]):
        one, two = campaigns[:2]
        shared = _shared_radii((one, two))
        agreement = numbering.figure(
            agreement_figure(
                one.tables["snr"],
                two.tables["snr"],
                shared,
                (short_name(one), short_name(two)),
                figure_id=f"snr-{one.name}-{two.name}",
                title=_agreement_title(one, two, shared),
                caption="One point per star and aperture; at zero both are equal. "
                "The published SNR are input to the simulation.",
                simulated=one.simulated or two.simulated,
                mixed=one.simulated != two.simulated,
            ),
            two.name,
        )
    shown_ = [
        SnrOf(
            one,
            numbering.figure(
                growth_figure(
                    one.tables["snr"],
                    radii_of(one.tables["snr"]),
                    figure_id=f"aperture-{one.name}",
                    title=_growth_title(one),
                    caption="SNR of each star in each aperture, relative to the best of that star.",
                    simulated=one.simulated,
                ),
                one.name,
            ),
        )
        for one in campaigns
    ]
    files = tuple((one, numbering.links(one.name, "snr")) for one in campaigns)
    return SnrOfField(campaigns[0].field_name, table, files, agreement, tuple(shown_), mark)


def short_name(results: Results) -> str:
    """What a campaign is called where space is short."""
    return results.short_title or results.title


def _shared_radii(campaigns: Sequence[Results]) -> tuple[float, ...]:
    """Radii that all of them have."""
    sets = [set(radii_of(one.tables["snr"])) for one in campaigns]
    return tuple(sorted(set.intersection(*sets)))


def _snr_table(campaigns: Sequence[Results], table_id: str) -> TableView:
    """Star by star; for each aperture one column per campaign."""
    values = [_snr_by_star(one.tables["snr"]) for one in campaigns]
    radii = sorted({radius for one in campaigns for radius in radii_of(one.tables["snr"])})
    stars = sorted(set().union(*values))
    heads = [Head("Star"), *(Head(short_name(one)) for _ in radii for one in campaigns)]
    groups = (("", 1), *((f"r = {radius:g} px", len(campaigns)) for radius in radii))
    rows = []
    for star in stars:
        row = [Cell(str(star))]
        best = [max(table.get(star, {0.0: 0.0}).values(), default=0.0) for table in values]
        for radius in radii:
            for table, top in zip(values, best, strict=True):
                value = table.get(star, {}).get(radius, float("nan"))
                digits = 1 if value < 1000 else 0
                row.append(Cell(fixed(value, digits), kind="strong" if value == top else ""))
        rows.append(tuple(row))
    return TableView(
        table_id,
        "Signal-to-noise ratio of each star; the best aperture of each star is in bold.",
        tuple(heads),
        tuple(rows),
        groups,
        simulated=any(one.simulated for one in campaigns),
        mixed=len({one.simulated for one in campaigns}) > 1,
    )


def _snr_by_star(snr: QTable) -> dict[int, dict[float, float]]:
    columns = {radius: plain(snr[radius_column(radius)]) for radius in radii_of(snr)}
    return {
        int(star): {radius: float(values[k]) for radius, values in columns.items()}
        for k, star in enumerate(snr["star_id"])
    }


def _growth_title(results: Results) -> str:
    """Which aperture is best for most stars."""
    best = [
        max(values, key=lambda radius: values[radius])
        for values in _snr_by_star(results.tables["snr"]).values()
        if any(np.isfinite(list(values.values())))
    ]
    if not best:
        return "SNR in every aperture"
    most = max(map(best.count, best))
    radii = [f"{radius:g}" for radius in sorted(set(best)) if best.count(radius) == most]
    if len(radii) == 1:
        return f"r = {radii[0]} px is best for {most} of {len(best)} stars"
    return f"r = {' and '.join(radii)} px are each best for {most} of {len(best)} stars"


def _agreement_title(one: Results, two: Results, radii: Sequence[float]) -> str:
    """Median ratio of the SNR of the second campaign to that of the first."""
    first, second = _snr_by_star(one.tables["snr"]), _snr_by_star(two.tables["snr"])
    ratios = [
        second[star][radius] / first[star][radius]
        for star in first
        if star in second
        for radius in radii
        if first[star][radius] > 0 and np.isfinite(second[star][radius])
    ]
    if not ratios:
        return "Signal-to-noise ratios of the two campaigns"
    change = 100 * (float(np.median(ratios)) - 1)
    side = "above" if change > 0 else "below"
    return (
        f"Signal-to-noise ratios ({short_name(two)}) lie {abs(change):.0f} % {side} those of the "
        f"other campaign ({short_name(one)})"
    )

"""Pages on how stable the ratios are: timelines, and scatter against SNR."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.config.settings import StatisticsSettings
from pipeline.report.figures.base import Figure
from pipeline.report.figures.scatter import Floor, ScatterPoints, scatter_figure
from pipeline.report.figures.timelines import STUDY_RANGE, headline_timelines, pair_explorer
from pipeline.report.pages import Book, FigureView, Page, TableBlock
from pipeline.report.rows import (
    PAIR_HEADS,
    Pair,
    exposure_links,
    find_number,
    headline_pairs,
    pair_cells,
    pair_rows,
    pair_stats,
    plain,
)
from pipeline.report.tables import TableView, without_empty_columns
from pipeline.report.text import counted, with_error
from pipeline.schema.results import ReportedValue, Results

TAB = "Stability"


@dataclass(frozen=True)
class TimelinesOf:
    """What the timelines page shows of one campaign."""

    results: Results
    headline: FigureView | None  # None: no pairs are headlines
    pairs: TableBlock | None
    explorer: FigureView | None
    n_exposures: int
    n_pairs: int


def timelines_page(campaigns: Sequence[Results], book: Book) -> Page:
    """The page of timelines; a campaign without any is left out."""
    needed = {"timelines", "exposures"}
    shown = [_timelines_of(one, book) for one in campaigns if needed <= set(one.tables)]
    return Page(
        "timelines",
        "Timelines",
        TAB,
        "The flux ratio of two stars in the field, night after night, relative to its mean.",
        {"shown": shown, "study_range": STUDY_RANGE},
        tuple(book.figures),
    )


def _timelines_of(results: Results, book: Book) -> TimelinesOf:
    timelines, exposures = results.tables["timelines"], results.tables["exposures"]
    pairs, stats, links = headline_pairs(results), pair_stats(results), exposure_links(results)
    stds = {pair: one.std_published for pair, one in stats.items()}
    source = _pair_source(results)
    all_pairs = set(zip(timelines["star_1"].tolist(), timelines["star_2"].tolist(), strict=True))
    n_exposures = len(set(np.asarray(timelines["exposure_id"], str)))
    explorer = None
    if len(all_pairs) > len(pairs):
        explorer = pair_explorer(
            timelines,
            exposures,
            stds,
            pairs[0] if pairs else min(all_pairs),
            links,
            figure_id=f"pair-{results.name}",
            title="Relative flux ratio of any pair",
            caption=f"All {len(all_pairs)} pairs; the axis is chosen so that at least 95 % of the "
            "points lie on it. Error bars hold photon and detector noise as in STAT, nothing else.",
            simulated=results.simulated,
            tables=("timelines", source),
        )
    view = TableView(
        f"pairs-{results.name}",
        "Scatter and trend of these pairs. σ published drops both extremes; robust is 1.4826 × "
        "the median absolute deviation; photon is what STAT predicts, excess what is left; ρ is "
        "the rank correlation with time and p its chance.",
        PAIR_HEADS,
        tuple(pair_cells(results, pair, stats[pair]) for pair in pairs if pair in stats),
        source=source,
        simulated=results.simulated,
    )
    return TimelinesOf(
        results,
        book.figure(_headline(results, stds, n_exposures), results.name) if pairs else None,
        book.table(without_empty_columns(view), results.name) if pairs else None,
        book.figure(explorer, results.name) if explorer else None,
        n_exposures,
        len(all_pairs),
    )


def _headline(results: Results, stds: Mapping[Pair, float], n_exposures: int) -> Figure:
    """Timelines of the headline pairs."""
    pairs = headline_pairs(results)
    whose = "study's" if set(pairs) <= set(StatisticsSettings().pairs) else "chosen"
    return headline_timelines(
        results.tables["timelines"],
        results.tables["exposures"],
        stds,
        pairs,
        exposure_links(results),
        figure_id=f"timelines-{results.name}",
        title=f"Relative flux ratios of the {whose} pairs",
        caption="Deviation (F1/F2)/⟨F1/F2⟩ − 1 in I_Bessel, r = 4.5 px, for "
        f"{counted(n_exposures, 'exposure')} from {results.first_night} to {results.last_night}. "
        "The band is plus and minus one σ as published. A triangle stands for a point beyond the "
        "axis, with its value; an open symbol for a point that carries a flag. Click a point for "
        "its exposure.",
        simulated=results.simulated,
        tables=("timelines", _pair_source(results)),
        events=_events(results),
    )


def _pair_source(results: Results) -> str:
    """The table that holds the statistics of pairs."""
    return "pairs" if "pairs" in results.tables else "reanalysis"


def _events(results: Results) -> list[tuple[str, str]]:
    """What went wrong on purpose in a simulation, exposure by exposure."""
    if "truth_exposures" not in results.tables:
        return []
    truth = results.tables["truth_exposures"]
    return [(str(row["exposure_id"]), str(row["event"])) for row in truth if row["event"]]


@dataclass(frozen=True)
class ScatterOf:
    """What the page on scatter against SNR shows of one campaign."""

    results: Results
    figure: FigureView | None  # None: no pair has a scatter, the exposures are too few
    n_pairs: int
    n_left_out: int  # pairs with a flagged star
    n_ambiguous: int  # points of the record whose pair is not known
    floor: ReportedValue | None
    floor_text: str


def scatter_page(campaigns: Sequence[Results], book: Book) -> Page:
    """Scatter against SNR: of the record as read off its figure, of others for all pairs."""
    shown = []
    for results in campaigns:
        if "snr_scatter" in results.tables:
            shown.append(_digitised_scatter(results, book))
        elif "pairs" in results.tables:
            shown.append(_measured_scatter(results, book))
    return Page(
        "scatter",
        "Scatter and SNR",
        TAB,
        "Do bright pairs scatter less, and is there a floor that no brightness undercuts?",
        {"shown": shown},
        tuple(book.figures),
    )


def _digitised_scatter(results: Results, book: Book) -> ScatterOf:
    table = results.tables["snr_scatter"]
    known = np.asarray(table["star_1"]) > 0
    snr, std, err = (plain(table[key]) for key in ("snr_gmean", "std", "std_err"))
    named = [
        f"pair {row['star_1']}/{row['star_2']}" if one else f"one of {row['candidates']}"
        for row, one in zip(table, known, strict=True)
    ]
    kinds = [
        ScatterPoints(name, snr[mask], std[mask], err[mask], _chosen(named, mask), symbol, color)
        for name, mask, symbol, color in (
            ("pair known", known, "circle", "@sky"),
            ("one of two or more pairs", ~known, "circle-open", "@muted"),
        )
    ]
    headline = [
        (f"{pair[0]}/{pair[1]}", snr[k], std[k])
        for pair in headline_pairs(results)
        for k in np.flatnonzero(known)
        if frozenset((int(table["star_1"][k]), int(table["star_2"][k]))) == frozenset(pair)
    ]
    return _scatter_of(
        results,
        book,
        kinds,
        headline,
        f"The {len(table)} points of the study's figure, read off to the pixel. For "
        f"{int((~known).sum())} of them two or more pairs share the SNR, so that the pair is not "
        "known (open).",
        ("snr_scatter",),
        n_left_out=0,
        n_ambiguous=int((~known).sum()),
    )


def _measured_scatter(results: Results, book: Book) -> ScatterOf:
    rows = pair_rows(results)
    flags = {}
    if "catalogue" in results.tables:
        catalogue = results.tables["catalogue"]
        flags = {int(row["star_id"]): str(row["flags"]) for row in catalogue}
    flagged = np.array(
        [bool(flags.get(int(r["star_1"])) or flags.get(int(r["star_2"]))) for r in rows], bool
    )
    snr, std = plain(rows["snr_gmean"]), plain(rows["std_published"])
    none = np.full(len(rows), np.nan)
    named = [
        f"pair {row['star_1']}/{row['star_2']}" + (" (flagged star)" if flag else "")
        for row, flag in zip(rows, flagged, strict=True)
    ]
    kinds = [
        ScatterPoints(name, snr[mask], std[mask], none[mask], _chosen(named, mask), symbol, color)
        for name, mask, symbol, color in (
            ("with a flagged star, left out", flagged, "x-thin-open", "@orange"),
            ("pair", ~flagged, "circle", "@sky"),
        )
    ]
    where = {(int(row["star_1"]), int(row["star_2"])): k for k, row in enumerate(rows)}
    headline = [
        (f"{pair[0]}/{pair[1]}", snr[where[pair]], std[where[pair]])
        for pair in headline_pairs(results)
        if pair in where
    ]
    return _scatter_of(
        results,
        book,
        kinds,
        headline,
        f"All {len(rows)} pairs, σ as published. {int(flagged.sum())} of them have a star that "
        "carries a flag (crosses); summaries leave them out.",
        ("pairs",),
        n_left_out=int(flagged.sum()),
        n_ambiguous=0,
    )


def _chosen(labels: Sequence[str], mask: np.ndarray) -> list[str]:
    return [labels[index] for index in np.flatnonzero(mask).tolist()]


def _scatter_of(
    results: Results,
    book: Book,
    kinds: Sequence[ScatterPoints],
    headline: Sequence[tuple[str, float, float]],
    caption: str,
    tables: tuple[str, ...],
    *,
    n_left_out: int,
    n_ambiguous: int,
) -> ScatterOf:
    floor, k = find_number(results, "floor"), find_number(results, "floor_k")
    text = with_error(100 * floor.value, 100 * floor.uncertainty) + " %" if floor else ""
    drawn = None
    if floor and floor.value > 0:
        drawn = Floor(
            floor.value, floor.uncertainty, k.value if k else float("nan"), f"floor {text}"
        )
        caption += " The line is the floor with its uncertainty."
    drawable = any(np.isfinite(kind.std).any() and (kind.std > 0).any() for kind in kinds)
    figure = (
        None
        if not drawable
        else scatter_figure(
            kinds,
            headline,
            drawn,
            figure_id=f"scatter-{results.name}",
            title="Scatter of the flux ratio against signal to noise",
            caption=f"{caption} The dashed line is photon noise of two equal stars, √2 / SNR.",
            simulated=results.simulated,
            tables=tables,
        )
    )
    return ScatterOf(
        results,
        book.figure(figure, results.name) if figure else None,
        sum(len(kind.snr) for kind in kinds),
        n_left_out,
        n_ambiguous,
        floor,
        text,
    )

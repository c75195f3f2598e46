"""Rows of the results as pages need them; selection and formatting, no statistics."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

import numpy as np
from astropy.table import Column, MaskedColumn, QTable

from pipeline.config.settings import StatisticsSettings
from pipeline.report.tables import Cell, Head, heads, percent_heads
from pipeline.report.text import NOTHING, fixed, one_line, probability, slug, with_error
from pipeline.schema.definitions import BAD_PROBABILITY, SIGNIFICANCE
from pipeline.schema.results import ReportedValue, Results

Pair = tuple[int, int]
SCATTERS = frozenset(  # reported values that are standard deviations of ln F or of a ratio
    (
        *("std_published", "std_robust", "std_without_outliers", "photon_std", "excess_std"),
        *("stability_floor", "within_night", "star_jitter"),
        *("channel_slow", "channel_night", "channel_exposure"),
    )
)
ALL = "all"  # the subset of a re-analysis that holds every point
MAX_EXPOSURE_PAGES = 500  # above it, exposures that are ok share one page
SHARED_PAGE = "exposure.html"


@dataclass(frozen=True)
class PairStats:
    """What pages say of one pair; NaN where a campaign does not know it."""

    n: int
    std_published: float
    std: float
    std_robust: float
    slope_per_year: float = float("nan")
    slope_err: float = float("nan")
    trend_p: float = float("nan")
    trend_p_adjusted: float = float("nan")
    photon_std: float = float("nan")
    excess_std: float = float("nan")
    excess_std_err: float = float("nan")
    snr_gmean: float = float("nan")


COMMON_COLUMNS = {
    "std_published": "std_published",
    "std": "std",
    "std_robust": "std_robust",
}
TREND_COLUMNS = {
    name: name for name in ("slope_per_year", "slope_err", "trend_p", "trend_p_adjusted")
}
PAIR_COLUMNS = (
    COMMON_COLUMNS
    | TREND_COLUMNS
    | {
        "photon_std": "photon_std",
        "excess_std": "excess_std",
        "excess_std_err": "excess_std_err",
        "snr_gmean": "snr_gmean",
    }
)


def headline_pairs(results: Results) -> tuple[Pair, ...]:
    """The pairs that the campaign's settings call headlines, in their order."""
    chosen = results.settings.get("statistics", {}).get("pairs", StatisticsSettings().pairs)
    return tuple((int(one), int(two)) for one, two in chosen)  # type: ignore[attr-defined]


def headline_choice(results: Results) -> tuple[str, float]:
    """Band and aperture radius of the campaign's headline numbers."""
    section = results.settings.get("statistics", {})
    default = StatisticsSettings()
    return str(section.get("band", default.band)), float(
        section.get("radius_px", default.radius_px)  # type: ignore[arg-type]
    )


def pair_rows(results: Results) -> QTable:
    """The pairs table at the headline band and aperture."""
    pairs = results.tables["pairs"]
    band, radius_px = headline_choice(results)
    radii = plain(pairs["radius_px"])
    return pairs[(np.asarray(pairs["band"], str) == band) & np.isclose(radii, radius_px)]


def plain(column: Any) -> np.ndarray:
    """A column's numbers without its unit; masked ones as NaN."""
    values: Any = getattr(column, "value", column)
    if isinstance(values, np.ma.MaskedArray):
        filled: Any = values.astype(float)
        return np.asarray(filled.filled(np.nan))
    return np.asarray(values, float)


def number(value: Any) -> float:
    """One cell's number without its unit."""
    bare = getattr(value, "value", value)
    return float("nan") if bare is np.ma.masked else float(bare)


def bad_probability_of(exposure: Any) -> float:
    """Probability that a row of ``exposures`` is bad, as all stars say; NaN where it was not judged."""
    if "bad_probability" not in exposure.colnames:
        return float("nan")
    return number(exposure["bad_probability"])


def is_bad(exposure: Any) -> bool:
    """Whether an exposure of status ok is left out of the statistics all the same."""
    return str(exposure["status"]) == "ok" and bad_probability_of(exposure) > BAD_PROBABILITY


def bad_rows(exposures: QTable) -> np.ndarray:
    """Which rows of ``exposures`` the model calls bad; arrays (exposure,)."""
    if "bad_probability" not in exposures.colnames:
        return np.zeros(len(exposures), bool)
    return np.asarray(plain(exposures["bad_probability"]) > BAD_PROBABILITY)


def pair_stats(results: Results) -> dict[Pair, PairStats]:
    """Statistics of every pair at the headline band and aperture.

    A record without photometry has no ``pairs``; its re-analysis knows the scatter and ``record_pairs``
    the trend, for which the order of the two stars does not matter but for the sign of the slope.
    """
    if "pairs" in results.tables:
        return _stats_of(pair_rows(results), PAIR_COLUMNS)
    if "reanalysis" in results.tables:
        rows = results.tables["reanalysis"]
        found = _stats_of(rows[np.asarray(rows["subset"], str) == ALL], COMMON_COLUMNS)
        return {pair: _with_trend(one, results, pair) for pair, one in found.items()}
    return {}


def _with_trend(stats: PairStats, results: Results, pair: Pair) -> PairStats:
    """With slope and p-values of the same two stars in ``record_pairs``, where they are there."""
    for row in results.tables.get("record_pairs", ()):
        if set(_pair(row)) == set(pair):
            slope = number(row["slope_per_year"])
            return replace(
                stats,
                slope_per_year=slope if _pair(row) == pair else -slope,
                slope_err=number(row["slope_err"]),
                trend_p=number(row["trend_p"]),
                trend_p_adjusted=number(row["trend_p_adjusted"]),
            )
    return stats


def shown_stds(results: Results) -> dict[Pair, float]:
    """The scatter of each pair that figures show: in the published convention where it means something."""
    name = "std_published" if results.of_standard else "std"
    return {pair: float(getattr(one, name)) for pair, one in pair_stats(results).items()}


def sigma_words(results: Results) -> str:
    """What that scatter is called."""
    return "σ published" if results.of_standard else "σ"


def pair_heads(results: Results) -> tuple[Head, ...]:
    """Headings of ``pair_cells``."""
    names = ["std_published"] * results.of_standard
    names += ["std", "std_robust", "photon_std", "excess_std", "slope_per_year"]
    scatters = list(percent_heads("pairs", *names))
    if results.of_standard:  # cards and figures show the scatter without outliers
        scatters[1] = replace(scatters[1], label="σ with outliers")
    return (
        Head("Pair", title="stars in numerator and denominator"),
        *heads("pairs", "n"),
        *scatters,
        *heads("pairs", "trend_p", "trend_p_adjusted"),
    )


def pair_error(results: Results, column: str, pair: Pair) -> float:
    """1 sigma of a pair's scatter, from the headline number; NaN if it is none."""
    found = find_number(results, f"{column}.{pair[0]}-{pair[1]}")
    return found.uncertainty if found else float("nan")


def _pair(row: Any) -> Pair:
    return int(row["star_1"]), int(row["star_2"])


def _stats_of(table: QTable, columns: Mapping[str, str]) -> dict[Pair, PairStats]:
    """By columns: 500 stars make 124 750 pairs, and a row of a table takes long to make."""
    stars, others, n = (np.asarray(table[name], int).tolist() for name in ("star_1", "star_2", "n"))
    values = zip(*(plain(table[key]).tolist() for key in columns.values()), strict=True)
    return {
        (one, other): PairStats(count, **dict(zip(columns, row, strict=True)))
        for one, other, count, row in zip(stars, others, n, values, strict=True)
    }


def pair_cells(results: Results, pair: Pair, stats: PairStats) -> tuple[Cell, ...]:
    """One row of the pair table."""
    err, err_robust = (pair_error(results, f"std_{name}", pair) for name in ("published", "robust"))
    return (
        Cell(f"{pair[0]}/{pair[1]}"),
        Cell(str(stats.n)),
        *((Cell(percent(stats.std_published, err), kind="strong"),) * results.of_standard),
        Cell(fixed(100 * stats.std, 2)),
        Cell(percent(stats.std_robust, err_robust)),
        Cell(fixed(100 * stats.photon_std, 2)),
        Cell(percent(stats.excess_std, stats.excess_std_err)),
        Cell(percent(stats.slope_per_year, stats.slope_err)),
        Cell(probability(stats.trend_p)),
        p_cell(stats.trend_p_adjusted),
    )


def percent(value: float, err: float) -> str:
    """A pure number with its error in per cent, without the sign for it."""
    return with_error(100 * value, 100 * err)


def p_cell(p: float) -> Cell:
    """A p value, coloured where chance is an unlikely explanation."""
    return Cell(probability(p), kind="bad" if p < SIGNIFICANCE else "")


def find_number(results: Results, key: str) -> ReportedValue | None:
    """The campaign's headline number of that key."""
    return next((item for item in results.numbers if item.key == key), None)


def in_per_cent(item: ReportedValue) -> ReportedValue:
    """A reported scatter as pages print it, in per cent; any other value as it is."""
    if item.unit or item.key.partition(".")[0] not in SCATTERS:
        return item
    bounds = ("value", "uncertainty", "low68", "high68", "low95", "high95")
    return replace(item, unit="%", **{name: 100 * getattr(item, name) for name in bounds})


def exposure_anchors(results: Results) -> dict[str, str]:
    """The anchor of each exposure's row on the page of exposures; unlike ids never share one."""
    anchors: dict[str, str] = {}
    taken: set[str] = set()
    for identity in results.tables["exposures"]["exposure_id"]:
        base = candidate = f"{results.name}-{slug(str(identity))}"
        serial = 1
        while candidate in taken:
            serial += 1
            candidate = f"{base}-{serial}"
        anchors[str(identity)] = candidate
        taken.add(candidate)
    return anchors


def is_large(results: Results) -> bool:
    """Whether a campaign has more exposures than can have a page each."""
    return len(results.tables.get("exposures", ())) > MAX_EXPOSURE_PAGES


def has_page(results: Results, row: Any) -> bool:
    """Whether an exposure has a page of its own; those that are not ok always have."""
    return not is_large(results) or str(row["status"]) != "ok"


def year_of(row: Any) -> str:
    """The year of an exposure's night; "0" where the night is not known."""
    return str(row["night"])[:4] or "0"


def years_of(results: Results) -> dict[str, int]:
    """Number of exposures in each year, in the order of the years."""
    years = [year_of(row) for row in results.tables["exposures"]]
    return {year: years.count(year) for year in sorted(set(years))}


def shared_page(results: Results, year: str, identity: str = "") -> str:
    """Address of an exposure, or of a whole year, on the page that a large campaign's share."""
    parts = [results.name, year, quote(identity, safe="")] if identity else [results.name, year]
    return f"{SHARED_PAGE}?id={'/'.join(parts)}"


def exposure_links(results: Results) -> dict[str, str]:
    """Address of each exposure, counted from the site's root: a page of its own or the shared one."""
    anchors = exposure_anchors(results)
    links = {}
    for row in results.tables["exposures"]:
        identity = str(row["exposure_id"])
        name = anchors[identity].removeprefix(f"{results.name}-")
        links[identity] = (
            f"exposures/{results.name}/{name}.html"
            if has_page(results, row)
            else shared_page(results, year_of(row), identity)
        )
    return links


def modes_of(results: Results, identities: Iterable[Any]) -> list[str]:
    """Instrument mode of each of these exposures."""
    table = results.tables["exposures"]
    ids, modes = (np.asarray(table[name], str).tolist() for name in ("exposure_id", "mode"))
    known = dict(zip(ids, modes, strict=True))
    return [known[str(one)] for one in identities]


def exposure_label(row: Any) -> str:
    """Night and mode of an exposure: what people call it."""
    return f"{row['night']} {row['mode']}"


def text_of(value: Any) -> str:
    """One cell's text, "" where it is masked."""
    return "" if value is np.ma.masked else str(value)


def whole(value: Any) -> str:
    """One cell's count, an en dash where it is masked."""
    return NOTHING if value is np.ma.masked else str(int(value))


def readable(results: Results) -> Results:
    """The results with text that every page and file format can hold.

    Masked text, which is how a table read back from disk says "none", becomes ""; line breaks and
    control characters become a space: ECSV cannot be read back with a line break in a cell.
    """
    return replace(results, tables={name: _readable(t) for name, t in results.tables.items()})


def _readable(table: QTable) -> QTable:
    copy = table.copy(copy_data=False)
    for name in copy.colnames:
        column = copy[name]
        if isinstance(column, Column) and column.dtype.kind == "U":
            bare = column.filled("") if isinstance(column, MaskedColumn) else column
            texts = bare.tolist()
            readable_as = {text: one_line(text) for text in set(texts)}  # of a million few differ
            longest = max(map(len, readable_as), default=0)
            as_it_is = all(old == new for old, new in readable_as.items())
            if bare is column and as_it_is and column.dtype.str == f"<U{max(longest, 1)}":
                continue
            clean = Column(
                np.array([readable_as[text] for text in texts], str),
                description=column.info.description,
            )
            clean.info.meta = column.info.meta
            copy[name] = clean
    return copy

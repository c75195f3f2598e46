"""The reported values that sum up a campaign; ``pipeline.schema.definitions`` says what each is."""

from collections.abc import Mapping, Sequence

import numpy as np
from astropy.table import QTable

from pipeline.schema.definitions import HIGH_SNR, reported, sigma_only
from pipeline.schema.measured import NOT_A_CUBE
from pipeline.schema.results import Interval, ReportedValue
from pipeline.statistics.columns import numbers, texts
from pipeline.statistics.floor import unflagged_pairs
from pipeline.statistics.study_comparison import Pair, label
from pipeline.statistics.subsets import ALL, WITHOUT_OUTLIERS, SubsetStatistics

Row = Mapping[str, object]


def headline_numbers(
    tables: Mapping[str, QTable],
    subsets: SubsetStatistics,
    published_pairs: Sequence[Pair],
    model: Sequence[ReportedValue],
    *,
    source: str,
    pairs_without_outliers: QTable | None = None,
) -> tuple[ReportedValue, ...]:
    """The headline numbers of a campaign, measured or of the record.

    Parameters
    ----------
    tables : mapping
        ``exposures`` and ``catalogue``; ``pairs`` of a measured campaign: the published convention
        is taken from there, since it knows other points than our re-analysis.
    subsets : SubsetStatistics
        Of the published pairs.
    published_pairs : sequence of (star_1, star_2)
        The pairs that are headlines; those without a row in ``subsets`` are left out.
    model : sequence of ReportedValue
        What the stability model says.
    source : str
        Where the numbers come from, in words.
    pairs_without_outliers : QTable, optional
        Statistics of all pairs without outlying exposures: one of them decides an excess scatter.
        The record has none, for want of photon noise, and no such numbers.
    """
    rows = _by_pair(_subset(subsets.table, ALL))
    clean = _by_pair(_subset(subsets.table, WITHOUT_OUTLIERS))
    published = _by_pair(tables["pairs"]) if "pairs" in tables else rows
    pairs = [pair for pair in published_pairs if pair in rows]
    found = [
        _scatter("std_published", pair, published[pair], subsets, source, _n_ok(tables))
        for pair in pairs
    ]
    found += [
        _scatter("std_robust", pair, rows[pair], subsets, source, int(rows[pair]["n"]))  # type: ignore[call-overload]
        for pair in pairs
    ]
    found += [_clean_scatter(pair, clean[pair], subsets, source) for pair in pairs]
    found += [_trend(pair, rows[pair], source) for pair in pairs]
    if pairs_without_outliers is not None:
        found += _excess(pairs_without_outliers, tables["catalogue"], pairs, source)
    return (*model, *found, *_counts(tables, source))


def _subset(table: QTable, name: str) -> QTable:
    return table[texts(table["subset"]) == name]


def _by_pair(table: QTable) -> dict[Pair, Row]:
    return {(int(row["star_1"]), int(row["star_2"])): row for row in table}


def _n_ok(tables: Mapping[str, QTable]) -> int:
    return int(np.count_nonzero(texts(tables["exposures"]["status"]) == "ok"))


def _float(value: object) -> float:
    return float(getattr(value, "value", value))  # type: ignore[arg-type]


def _about(value: float, clean: Interval, clean_value: float) -> Interval:
    """Bounds as far from the value as those without outliers are from theirs."""
    shift = value - clean_value
    bounds = (getattr(clean, key) + shift for key in ("low68", "high68", "low95", "high95"))
    return Interval(clean.sigma, *bounds)


def _scatter(
    quantity: str, pair: Pair, row: Row, subsets: SubsetStatistics, source: str, n: int
) -> ReportedValue:
    """A scatter of all points, with the error that the points without outliers determine."""
    value = _float(row[quantity])
    clean = subsets.interval(WITHOUT_OUTLIERS, quantity, pair)
    known = subsets.value(WITHOUT_OUTLIERS, quantity, pair)
    return reported(
        quantity,
        value,
        source=source,
        subject=label(pair),
        interval=_about(value, clean, known),
        n=n,
    )


def _clean_scatter(pair: Pair, row: Row, subsets: SubsetStatistics, source: str) -> ReportedValue:
    return reported(
        "std_without_outliers",
        _float(row["std"]),
        source=source,
        subject=label(pair),
        interval=subsets.interval(WITHOUT_OUTLIERS, "std", pair),
        n=int(row["n"]),  # type: ignore[call-overload]
    )


def _trend(pair: Pair, row: Row, source: str) -> ReportedValue:
    return reported(
        "trend",
        _float(row["spearman_rho_nights"]),
        source=source,
        subject=label(pair),
        n=int(row["n_nights"]),  # type: ignore[call-overload]
        note=f"per exposure ρ = {_float(row['spearman_rho']):.2f}; ρ takes nights as independent; another "
        "test, which allows for slow drift, is in the tables of pairs",
    )


def _excess(
    pairs: QTable, catalogue: QTable, published_pairs: Sequence[Pair], source: str
) -> list[ReportedValue]:
    """Scatter beyond photon noise: of the published pairs, and of all bright pairs together."""
    rows = _by_pair(pairs)
    of_pairs = [
        reported(
            "excess_std",
            _float(rows[pair]["excess_std"]),
            source=source,
            subject=label(pair),
            interval=sigma_only(_float(rows[pair]["excess_std_err"])),
            n=int(rows[pair]["n"]),  # type: ignore[call-overload]
        )
        for pair in published_pairs
        if pair in rows
    ]
    chosen = unflagged_pairs(pairs, catalogue).pairs
    with np.errstate(invalid="ignore"):
        bright = chosen[numbers(chosen["snr_gmean"]) > HIGH_SNR]
    values = numbers(bright["excess_std"])
    return [
        *of_pairs,
        reported(
            "excess_std.bright",
            float(np.median(values)) if len(values) else np.nan,
            source=source,
            n=len(values),
            n_pairs=len(values),
        ),
    ]


def _counts(tables: Mapping[str, QTable], source: str) -> list[ReportedValue]:
    status = texts(tables["exposures"]["status"])
    is_exposure = ~np.char.startswith(texts(tables["exposures"]["reason"]), NOT_A_CUBE)
    flags = texts(tables["catalogue"]["flags"])
    counts = {
        f"n_exposures.{key}": int(np.count_nonzero(is_exposure & (status == key)))
        for key in ("ok", "excluded", "failed")
    }
    counts["n_nights"] = len(np.unique(texts(tables["exposures"]["night"])[status == "ok"]))
    counts["n_stars"] = len(flags)
    counts["n_stars.flagged"] = int(np.count_nonzero(flags != ""))
    if n_variable := sum("variable" in text.split() for text in flags.tolist()):
        counts["n_stars.variable"] = n_variable
    return [reported(key, value, source=source, n=value) for key, value in counts.items()]

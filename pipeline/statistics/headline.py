"""The numbers that sum up a campaign: each defined once, here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from astropy.table import QTable

from pipeline.schema.results import ReportedValue
from pipeline.statistics.columns import numbers, texts
from pipeline.statistics.floor import Floor, unflagged_pairs
from pipeline.statistics.remark import Pair, key_of, label
from pipeline.statistics.trends import SIGNIFICANT

HIGH_SNR = 1000.0  # photon noise of such a pair, 0.0014, is far below any scatter seen
BOOTSTRAP = "bootstrap over nights, outliers left out: how well the campaign determines the scatter"


@dataclass(frozen=True)
class Definition:
    """How a number of each published pair is printed and computed."""

    key: str
    symbol: str
    name: str
    column: str
    formula: str


PAIR_NUMBERS = (
    Definition(
        "std_published",
        "σ",
        "standard deviation as the study defines it",
        "std_published",
        "std (ddof 0) of (F1/F2)/<F1/F2> - 1 over all exposures, lowest and highest dropped",
    ),
    Definition(
        "std_robust",
        "σ_MAD",
        "robust standard deviation",
        "std_robust",
        "1.4826 x median |d - median d|, d = (F1/F2)/<F1/F2> - 1",
    ),
)


def headline_numbers(
    tables: Mapping[str, QTable],
    published_pairs: Sequence[Pair],
    floor: Floor,
    *,
    source: str,
    pairs_without_outliers: QTable | None = None,
) -> tuple[ReportedValue, ...]:
    """The headline numbers of a campaign, measured or of the record.

    Parameters
    ----------
    tables : mapping
        ``exposures``, ``catalogue`` and ``reanalysis`` (subset statistics of the published
        pairs).
    published_pairs : sequence of (star_1, star_2)
        The pairs that are headlines; those without a row in ``reanalysis`` are left out.
    floor : Floor
        Of the campaign's unflagged pairs.
    source : str
        Where the numbers come from, in words.
    pairs_without_outliers : QTable, optional
        Statistics of all pairs without outlying exposures: one of them decides an excess scatter.
        The record has none, for want of photon noise, and no such numbers.
    """
    rows = _by_pair(tables["reanalysis"], "all")
    clean = _by_pair(tables["reanalysis"], "without outliers")
    pairs = [pair for pair in published_pairs if pair in rows]
    numbers = [
        _pair_number(definition, pair, rows[pair], clean[pair], source)
        for definition in PAIR_NUMBERS
        for pair in pairs
    ]
    numbers += [_trend(pair, rows[pair], source) for pair in pairs]
    if pairs_without_outliers is not None:
        numbers += _excess(pairs_without_outliers, tables["catalogue"], pairs, source)
    numbers += _floor_numbers(floor, source)
    return (*numbers, *_counts(tables, source))


def _by_pair(reanalysis: QTable, subset: str) -> dict[Pair, Mapping[str, object]]:
    chosen = reanalysis[texts(reanalysis["subset"]) == subset]
    return {(int(row["star_1"]), int(row["star_2"])): row for row in chosen}


def _float(value: object) -> float:
    return float(getattr(value, "value", value))  # type: ignore[arg-type]


def _pair_number(
    definition: Definition,
    pair: Pair,
    row: Mapping[str, object],
    clean: Mapping[str, object],
    source: str,
) -> ReportedValue:
    return ReportedValue(
        key=f"{definition.key}.{key_of(pair)}",
        symbol=f"{definition.symbol}({label(pair)})",
        name=f"{definition.name}, stars {label(pair)}",
        value=_float(row[definition.column]),
        uncertainty=_float(clean[f"{definition.column}_err"]),
        unit="",
        formula=definition.formula,
        source=source,
        note=BOOTSTRAP,
    )


def _trend(pair: Pair, row: Mapping[str, object], source: str) -> ReportedValue:
    rho, p = _float(row["spearman_rho_nights"]), _float(row["spearman_p_nights"])
    points = (
        f"per exposure ρ = {_float(row['spearman_rho']):.2f}, p = {_float(row['spearman_p']):.2g}"
    )
    if not np.isfinite(p):
        verdict = "too few nights for a verdict"
    elif p < SIGNIFICANT:
        verdict = f"a trend with time at p = {p:.2g}"
    else:
        verdict = f"no trend established: p = {p:.2g} is not below {SIGNIFICANT:g}"
    return ReportedValue(
        key=f"trend.{key_of(pair)}",
        symbol=f"ρ({label(pair)})",
        name=f"rank correlation with time, stars {label(pair)}",
        value=rho,
        uncertainty=np.nan,
        unit="",
        formula="Spearman ρ of nightly means of the deviation with the night",
        source=source,
        note=f"{verdict}; {points}",
    )


def _excess(
    pairs: QTable, catalogue: QTable, published_pairs: Sequence[Pair], source: str
) -> list[ReportedValue]:
    """Scatter beyond photon noise: of the published pairs, and of all bright pairs together."""
    formula = (
        "restricted maximum likelihood of s in d ~ N(mean, photon noise² + s²), without outliers"
    )
    rows = {(int(row["star_1"]), int(row["star_2"])): row for row in pairs}
    of_pairs = [
        ReportedValue(
            key=f"excess_std.{key_of(pair)}",
            symbol=f"s({label(pair)})",
            name=f"scatter beyond photon noise, stars {label(pair)}",
            value=_float(rows[pair]["excess_std"]),
            uncertainty=_float(rows[pair]["excess_std_err"]),
            unit="",
            formula=formula,
            source=source,
            note="longer side of the 68 % interval; photon noise as in STAT, without covariance",
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
        ReportedValue(
            key="excess_std.bright",
            symbol="median s",
            name="median scatter beyond photon noise of bright pairs",
            value=float(np.median(values)) if len(values) else np.nan,
            uncertainty=np.nan,
            unit="",
            formula=f"median of s over unflagged pairs with geometric mean SNR > {HIGH_SNR:g}",
            source=source,
            note=f"{len(values)} pairs; they share stars, so their spread is no error of the median",
        ),
    ]


def _floor_numbers(floor: Floor, source: str) -> list[ReportedValue]:
    note = (
        f"{floor.n_pairs} pairs of {floor.n_stars} stars; bootstrap over stars, because pairs that "
        f"share a star are not independent"
    )
    formula = "std² = floor² + (k/SNR)², robust fit in ln std, SNR the pair's geometric mean"
    return [
        ReportedValue(
            "floor",
            "σ₀",
            "stability floor: scatter of a pair of very bright stars",
            floor.floor,
            floor.floor_err,
            "",
            formula,
            source,
            note,
        ),
        ReportedValue(
            "floor_k",
            "k",
            "scatter times SNR of faint pairs",
            floor.k,
            floor.k_err,
            "",
            formula,
            source,
            f"{note}; photon noise alone gives √2 for two equal stars",
        ),
    ]


def _counts(tables: Mapping[str, QTable], source: str) -> list[ReportedValue]:
    status = texts(tables["exposures"]["status"])
    flags = texts(tables["catalogue"]["flags"])
    counts = [
        (f"n_exposures.{key}", f"exposures {words}", int(np.count_nonzero(status == key)), formula)
        for key, words, formula in (
            ("ok", "used", "rows of exposures with status ok"),
            ("excluded", "excluded by a rule or a reviewed flag", "rows with status excluded"),
            ("failed", "failed with a typed error", "rows with status failed"),
        )
    ]
    counts += [
        (
            "n_nights",
            "nights with a used exposure",
            _n_nights(tables["exposures"]),
            "distinct nights",
        ),
        ("n_stars", "reference stars", len(flags), "rows of catalogue"),
        (
            "n_stars.flagged",
            "stars left out of summaries",
            int(np.count_nonzero(flags != "")),
            "rows of catalogue with a flag: edge, blended, near_standard, variable",
        ),
    ]
    n_variable = sum("variable" in text.split() for text in flags.tolist())
    if n_variable:
        name = "of these, stars that Gaia DR3 calls variable"
        counts.append(("n_stars.variable", name, n_variable, "rows with the flag variable"))
    return [
        ReportedValue(
            key, "N", name, float(value), np.nan, "", formula, source, "a count has no error"
        )
        for key, name, value, formula in counts
    ]


def _n_nights(exposures: QTable) -> int:
    used = texts(exposures["status"]) == "ok"
    return len(np.unique(texts(exposures["night"])[used]))

"""The page on the record of 2019, analysed again with the estimators of this report."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.published.observed import repeatability
from pipeline.report.ao_offsets import AoOffset, ao_offsets
from pipeline.report.pages.answer import of_unflagged
from pipeline.report.pages.base import PageInputs, PageNumbering, PageType, TableBlock
from pipeline.report.rows import number, plain
from pipeline.report.tables import Cell, Head, TableView, heads, percent_heads
from pipeline.report.text import counted, fixed, significant
from pipeline.report.trends import trend_tests
from pipeline.schema.definitions import SIGNIFICANCE
from pipeline.schema.results import Results

_PAIR_COLUMNS = ("std", "std_within", "std_between", "f_nights", "p_nights", "slope_per_year", "slope_err",
                 "trend_p_adjusted", "ao_offset", "ao_offset_err", "ao_p_adjusted")  # fmt: skip
_PERCENT = {
    "std",
    "std_within",
    "std_between",
    "slope_per_year",
    "slope_err",
    "ao_offset",
    "ao_offset_err",
}

QUANTITIES: Mapping[str, str] = {  # of the table of findings, in words
    "star_std": "scatter of one star",
    "independence": "independence of the stars",
    "mode": "strongest pattern",
    "lag_one": "correlation of successive nights",
    "floor_geometric_mean": "floor against geometric mean SNR",
    "floor_ratio": "floor against SNR of the ratio",
    "left_out_rms": "error of the prediction",
    "left_out_covered": "share within the interval",
}


@dataclass(frozen=True)
class RecordOf:
    """What the page shows of one published record."""

    results: Results
    pairs: TableBlock
    findings: TableBlock
    words: Mapping[str, str]


def context(inputs: PageInputs, numbering: PageNumbering) -> dict[str, Any] | None:
    """What the record says, and what it cannot say."""
    shown = [
        RecordOf(
            results,
            numbering.table(_pairs(results), results.name),
            numbering.table(_findings(results), results.name),
            words_of(results),
        )
        for results in inputs.campaigns
        if "record_pairs" in results.tables
    ]
    return {"shown": shown} if shown else None


def words_of(results: Results) -> dict[str, str]:
    """Numbers of the text, each from the tables below it."""
    pairs, findings = results.tables["record_pairs"], results.tables["record_findings"]
    value = {
        (str(row["quantity"]), str(row["subject"])): (number(row["value"]), number(row["err"]))
        for row in findings
    }
    within, between = plain(pairs["std_within"]), plain(pairs["std_between"])
    independence = findings[np.asarray(findings["quantity"], str) == "independence"][0]
    trend = np.array([one.p_adjusted for one in trend_tests(results)])
    by_mean, by_mean_err = value["floor_geometric_mean", "all pairs"]
    by_ratio, by_ratio_err = value["floor_ratio", "all pairs"]
    (all_pairs,) = findings[np.asarray(findings["quantity"], str) == "floor_geometric_mean"]
    n_all = int(all_pairs["n"])
    rms = value["left_out_rms", "pairs known by name"][0]
    lamps = {str(row["key"]): number(row["rms_percent"]) for row in repeatability()}
    offsets = "; ".join(_offset(one) for one in ao_offsets({"record_pairs": pairs}) if one.is_seen)
    return {
        "n_pairs": str(len(pairs)),
        "n_all": str(n_all),
        "n_stars": f"{(1 + math.sqrt(1 + 8 * n_all)) / 2:.0f}",  # n (n - 1) / 2 pairs
        "factor": f"{math.exp(rms):.1f}",
        "lamps": f"{fixed(lamps['lamp_between_three_nights'], 2)} and {fixed(lamps['twilights'], 2)}",
        "within": _range(within),
        "between": _range(between),
        "p_nights": significant(float(plain(pairs["p_nights"]).max()), 1),
        "ratio": significant(number(independence["value"]), 2),
        "independence_p": significant(number(independence["p"]), 1),
        "n_tested": counted(len(trend), "pair") + of_unflagged(results),
        "n_trends": _count(trend),
        "have": "have" if np.count_nonzero(trend < SIGNIFICANCE) > 1 else "has",
        "least_trend": significant(float(trend.min(initial=1.0)), 2),
        "offsets": offsets or "none",
        "by_mean": f"{100 * by_mean:.1f} ± {100 * by_mean_err:.1f}",
        "by_ratio": f"{100 * by_ratio:.1f} ± {100 * by_ratio_err:.1f}",
        "rms": f"{rms:.2f}",
        "covered": f"{100 * value['left_out_covered', 'pairs known by name'][0]:.0f}",
    }


def _range(values: np.ndarray) -> str:
    return f"{100 * values.min():.1f} to {100 * values.max():.1f}"


def _count(p: np.ndarray) -> str:
    n = int(np.count_nonzero(p < SIGNIFICANCE))
    return "none" if n == 0 else str(n)


def _offset(one: AoOffset) -> str:
    return (
        f"{one.pair} by {fixed(one.per_cent, 1, sign=True)} ± {fixed(one.err, 1)} % "
        f"(p = {significant(one.p, 1)}, {one.nights} nights)"
    )


def _pairs(results: Results) -> TableView:
    return TableView(
        f"record-pairs-{results.name}",
        "All ten pairs of the record's five stars, ln(F1/F2): scatter within and between nights, trend, and "
        "the effect of adaptive optics in the same nights. Every p-value is adjusted for ten rows (Holm).",
        (
            Head("pair", numeric=False),
            *(
                (percent_heads if name in _PERCENT else heads)("record_pairs", name)[0]
                for name in _PAIR_COLUMNS
            ),
        ),
        tuple(
            (
                Cell(f"{row['star_1']}/{row['star_2']}"),
                *(
                    Cell(significant((100 if name in _PERCENT else 1) * number(row[name]), 2))
                    for name in _PAIR_COLUMNS
                ),
            )
            for row in results.tables["record_pairs"]
        ),
        source="record_pairs",
    )


def _findings(results: Results) -> TableView:
    return TableView(
        f"record-findings-{results.name}",
        "Results for the record as a whole.",
        heads("record_findings", "quantity", "subject", "value", "err", "p", "n", "meaning"),
        tuple(
            (
                Cell(
                    QUANTITIES.get(str(row["quantity"]), str(row["quantity"]).replace("_", " ")),
                    kind="rp-wrap",
                ),
                Cell(str(row["subject"])),
                *(Cell(significant(number(row[name]), 2)) for name in ("value", "err", "p")),
                Cell(str(row["n"])),
                Cell(str(row["meaning"]), kind="rp-wrap"),
            )
            for row in results.tables["record_findings"]
        ),
        source="record_findings",
    )


PAGE = PageType(
    name="record",
    title="The record of 2019",
    tab="Evidence",
    position=515,
    description="The published ratios of five stars, analysed again: what they show and what they cannot.",
    wide=True,
    guide="Scatter, trends, adaptive optics and floor of the published record.",
    context=context,
)

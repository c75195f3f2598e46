"""What the data of the publication say against its text: five findings, chosen and worded by the numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from pipeline.published.observed import repeatability
from pipeline.report.rows import ALL, Pair, headline_pairs, number, pair_stats
from pipeline.report.text import counted, fixed, probability
from pipeline.schema.publications import STUDY
from pipeline.schema.results import Results

Rows = Mapping[str, Any]


@dataclass(frozen=True)
class Finding:
    """One finding: its title states it, its text gives the numbers."""

    anchor: str
    title: str
    text: str
    differs: bool  # from what is printed

    @property
    def href(self) -> Markup:
        """Address of the finding on the page of evidence; anchors are ours."""
        return Markup(f"evidence.html#{self.anchor}")


def findings_of(record: Results) -> tuple[Finding, ...]:
    """The five findings, those for which the record has the numbers."""
    table = record.tables.get("differences")
    if table is None:
        return ()
    rows = {str(row["key"]): row for row in table}
    found = (
        _order(rows),
        _trend(record, rows),
        _mean(rows),
        _outlier(record, rows),
        _rules(record, rows),
    )
    return tuple(one for one in found if one)


def _of(rows: Rows, kind: str) -> dict[str, Any]:
    """Rows of one kind by the pair they are about: "4/6"."""
    return {
        key.partition(".")[2].replace("-", "/"): row
        for key, row in rows.items()
        if key.partition(".")[0] == kind
    }


def _order(rows: Rows) -> Finding | None:
    found = _of(rows, "std")
    if not found:
        return None
    wrong = [pair for pair, row in found.items() if not row["agrees"]]
    printed = ", ".join(
        f"{fixed(100 * number(row['value_published']), 0)} % for {pair}"
        for pair, row in found.items()
    )
    measured = ", ".join(f"{fixed(100 * number(row['value_data']), 1)}" for row in found.values())
    title = (
        f"The text assigns {len(wrong)} of {len(found)} scatters to the wrong pair"
        if wrong
        else "The text assigns every scatter to the right pair"
    )
    return Finding(
        "order",
        title,
        f"Published: {printed}. From the points, in the same order: {measured} %. The titles of the "
        "panels are right.",
        bool(wrong),
    )  # fmt: skip


def _trend(record: Results, rows: Rows) -> Finding | None:
    found = _of(rows, "spearman")
    if not found:
        return None
    name, row = next(iter(found.items()))
    printed, data = number(row["value_published"]), number(row["value_data"])
    pair: Pair = (int(name.partition("/")[0]), int(name.partition("/")[2]))
    stats = pair_stats(record).get(pair)
    p = stats.trend_p if stats else float("nan")
    tested = (
        f" They are not: with nights and slow drift in the covariance, the trend has p = {probability(p)}."
        if np.isfinite(p)
        else ""
    )
    title = (
        f"The points of {name} give ρ = {fixed(data, 3, sign=True)}, not {fixed(printed, 3, sign=True)}"
        if not row["agrees"]
        else f"The points of {name} give the published ρ"
    )
    return Finding(
        "trend",
        title,
        f"{STUDY.short} call their ρ not significant. The ρ of the points would be significant if "
        f"exposures were independent.{tested}"
        if not row["agrees"]
        else f"{STUDY.short} call it not significant.",
        not row["agrees"],
    )


def _mean(rows: Rows) -> Finding | None:
    found = _of(rows, "normalisation")
    if not found:
        return None
    name, row = max(found.items(), key=lambda item: abs(number(item[1]["value_data"])))
    shift, err = 100 * number(row["value_data"]), 100 * number(row["value_err"])
    displaced = [pair for pair, one in found.items() if not one["agrees"]]
    title = (
        f"The mean of {name} is displaced by {fixed(abs(shift), 1)} %"
        if displaced
        else "No mean is displaced by an outlier"
    )
    return Finding(
        "mean",
        title,
        f"The mean includes the outlier; the other points lie {fixed(abs(shift), 1)} ± "
        f"{fixed(err, 1)} % {'below' if shift < 0 else 'above'} it. The mean is displaced by "
        f"more than its error in {len(displaced)} of {len(found)} pairs.",
        bool(displaced),
    )


def _outlier(record: Results, rows: Rows) -> Finding | None:
    row = rows.get("outlier")
    if row is None:
        return None
    normal, seen = number(row["value_published"]), number(row["value_data"])
    which = str(row["subject"]).partition(", ")[2] or "The outlier"
    night = next(
        (f"{one['night']} {one['mode']}" for one in record.tables["exposures"]
         if str(one["exposure_id"]) == which), which,
    )  # fmt: skip
    title = (
        f"{night}: the apertures missed their stars"
        if not row["agrees"]
        else f"{night}: the apertures hold their stars"
    )
    return Finding(
        "outlier",
        title,
        f"The five fluxes agree to within a factor of {fixed(seen, 1)}, while the stars differ by a factor "
        f"of {fixed(normal, 0)}. It counts as a measurement in the publication; here it does not.",
        not row["agrees"],
    )


def _rules(record: Results, rows: Rows) -> Finding | None:
    if "std_limit" not in rows or "reanalysis" not in record.tables:
        return None
    whole = {
        (int(row["star_1"]), int(row["star_2"])): number(row["std"])
        for row in record.tables["reanalysis"]
        if str(row["subset"]) == ALL
    }
    kept = {pair: one.std_published for pair, one in pair_stats(record).items()}
    pairs = [pair for pair in headline_pairs(record) if pair in whole and pair in kept]
    if not pairs:
        return None
    worst = max(pairs, key=lambda pair: whole[pair] / kept[pair])
    name = f"{worst[0]}/{worst[1]}"
    return Finding(
        "rules",
        f"Two dropped points turn {fixed(100 * whole[worst], 0)} % into "
        f"{fixed(100 * kept[worst], 1)} % for {name}",
        "The lowest and the highest point of each pair are left out of its scatter, which the text "
        "does not say. The mean still contains them.",
        True,
    )


def instrument_finding() -> Finding:
    """What lamps and twilights of the real instrument say."""
    rms = {str(row["key"]): number(row["rms_percent"]) for row in repeatability()}
    low, high = rms["lamp_between_three_nights"], rms["twilights"]
    return Finding(
        "instrument",
        f"Lamps repeat to {fixed(low, 2)} % within three nights, twilights to {fixed(high, 2)} % over "
        "six days",
        "That is a tenth of the scatter of the ratios or less: the channels need not be its cause.",
        False,
    )


def index_findings(campaigns: Sequence[Results]) -> tuple[Finding, ...]:
    """Three findings for the first page: of the publication, and of the real instrument."""
    record = next((one for one in campaigns if "differences" in one.tables), None)
    found = findings_of(record) if record else ()
    chosen = [one for one in found if one.anchor in ("outlier", "order")]
    return (*chosen, instrument_finding())


def confirmed(record: Results) -> str:
    """What the data confirm, in a sentence; "" if nothing."""
    table = record.tables.get("differences")
    if table is None:
        return ""
    subjects = [str(row["subject"]) for row in table if row["agrees"]]
    if not subjects:
        return ""
    return f"The data confirm {counted(len(subjects), 'statement')}: {'; '.join(subjects)}."

"""What the pages on reductions say of quality control and of calibrations."""

from pipeline.report.tables import Cell, Head, TableView
from pipeline.report.text import NOTHING
from pipeline.schema.calibration_record import KINDS, WAYS
from pipeline.schema.reduction_log import VERDICTS, Step, channel_list
from pipeline.schema.results import Results


def checks_table(results: Results, number: int, step: Step) -> TableView:
    """A row for every check, those beyond their limits first."""
    kinds = {"ok": "good", "warn": "warn", "reject": "bad"}
    rows = sorted(step.checks, key=lambda one: -VERDICTS.index(one.verdict))
    return TableView(
        f"checks-{number}",
        "Quality control held against limits from real products; of several calls, the farthest off.",
        (
            Head("Quantity", numeric=False),
            Head("value"),
            Head("lowest accepted"),
            Head("highest accepted"),
            Head("unit", numeric=False),
            Head("verdict", numeric=False),
            Head("where", numeric=False),
            Head("keyword", numeric=False),
        ),
        tuple(
            (
                Cell(one.meaning),
                *(Cell(_shown(value)) for value in (one.value, one.low, one.high)),
                Cell(one.unit or NOTHING),
                Cell(one.verdict, kind=kinds[one.verdict]),
                Cell(channel_list(one.channels) if one.channels else "all"),
                Cell(f"{one.keyword} ({one.statistic})"),
            )
            for one in rows
        ),
        simulated=results.simulated,
    )


def _shown(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.5g}"


def calibration_lines(results: Results, exposure_id: str) -> list[str]:
    """With what an exposure was calibrated, in sentences; none if that is not known."""
    table = results.tables.get("calibrations")
    rows = [] if table is None else [row for row in table if row["exposure_id"] == exposure_id]
    if not rows:
        return []
    row = rows[0]
    certified = "certified" if row["calibrations_certified"] else "not certified"
    said = [
        f"Calibrations: {WAYS[str(row['calibrations_way'])]}, {certified}; "
        f"{row['n_channels']} channels."
    ]
    for tag in KINDS:
        name = tag.lower()
        n_frames = int(row[f"{name}_frames"])
        if not n_frames:
            said.append(f"{tag}: not applied.")
            continue
        hours, kelvin = (
            float(getattr(row[f"{name}_{key}"], "value", row[f"{name}_{key}"]))
            for key in ("age_hours", "temperature_difference_k")
        )
        warmer = f", {kelvin:+.2f} K" if kelvin == kelvin else ""
        said.append(f"{tag}: {n_frames} frames, {hours:+.1f} h from the exposure{warmer}.")
    return said

"""What the commands tell: nights, plans, and what is missing."""

from collections.abc import Sequence

import numpy as np
from astropy.table import Table

from pipeline.archive.availability import column_of
from pipeline.archive.download import Outcome
from pipeline.archive.queries import Observation
from pipeline.archive.retrieval import Plan
from pipeline.archive.selection import Selection
from pipeline.archive.store import Store, write_bytes, write_table
from pipeline.archive.transfer import size_text
from pipeline.config.settings import Settings
from pipeline.muse.modes import WIDE_FIELD
from pipeline.workflow.progress import say

COMPLETE, MISSING, REFUSED = 0, 1, 2  # exit status
MAX_NAMED = 20  # missing files that are listed one by one


def print_availability(table: Table, settings: Settings, years: Sequence[int]) -> None:
    """Print the table of nights."""
    print(f"{settings.field.name}, {', '.join(map(str, years))}: {len(table)} nights")
    print("night       " + "  ".join(f"{mode:<10}" for mode in WIDE_FIELD).rstrip())
    for row in table:
        cells = (row[column_of(mode)] for mode in WIDE_FIELD)
        text = "".join(f"{'' if cell is np.ma.masked else cell!s:<12}" for cell in cells)
        print(f"{row['date']:<12}{text}".rstrip())


def print_names(others: Sequence[Observation], settings: Settings) -> None:
    """Point out exposures at the field whose target has another star's name."""
    for one in others:
        say(f"note: {one.dp_id} lies at {settings.field.name} but is named {one.target!r}")


def print_plan(settings: Settings, selections: Sequence[Selection], plan: Plan) -> None:
    """Print how the calibrations were found, and how much is to be fetched."""
    ways = [selection.way or "not found" for selection in selections]
    counts = ", ".join(f"{way} {ways.count(way)}" for way in dict.fromkeys(ways))
    print(f"{settings.field.name}: {len(selections)} nights and modes ({counts})")
    print(
        f"{len(plan.names)} files are needed, {len(plan.sizes)} of them to be fetched: about "
        f"{plan.total_bytes / 1e9:.2f} GB"
        + (f", {plan.n_unknown} files of unknown size" if plan.n_unknown else "")
    )


def report_outcomes(
    selections: Sequence[Selection], outcomes: Sequence[Outcome], store: Store
) -> int:
    """Say what is missing; write the table of selections; returns the exit status."""
    missing = {outcome.name: outcome.error for outcome in outcomes if outcome.path is None}
    write_table(selection_table(store), store.campaign / "selection.ecsv")
    fetched = [outcome for outcome in outcomes if outcome.path and not outcome.was_here]
    print(f"fetched {len(fetched)} files, {size_text(sum(one.size for one in fetched))}")
    bare = sum(not one.n_checksums for one in outcomes if one.path)
    if bare:
        print(f"{bare} of them carry no checksum: size and structure were verified, no more")
    for name in sorted(missing)[:MAX_NAMED]:
        say(
            f"missing: {missing[name]}"
            if name in missing[name]
            else f"missing: {name}: {missing[name]}"
        )
    if len(missing) > MAX_NAMED:
        say(f"missing: {len(missing) - MAX_NAMED} more; all are in {store.campaign}/missing.txt")
    write_bytes(
        store.campaign / "missing.txt",
        "".join(f"{name}\t{missing[name]}\n" for name in sorted(missing)).encode(),
    )
    lacking = [one for one in selections if one.group is None]
    for one in lacking:
        say(f"missing: calibrations of {one.dp_id} ({one.night}, {one.mode}): {one.reason}")
    return MISSING if missing or lacking else COMPLETE


def selection_table(store: Store) -> Table:
    """One row per night and mode of the campaign, of earlier runs too: way, tree, what is missing."""
    selections = store.selections()
    needed = {name for one in selections for name in one.files()}
    missing = {name for name in needed if store.find(name) is None}
    rows = [
        (
            one.night,
            one.mode,
            one.dp_id,
            one.way,
            one.tree_file,
            one.group is not None and one.group.complete,
            one.group is not None and one.group.certified,
            len(one.asked),
            len(one.files()),
            sum(name in missing for name in one.files()),
            one.reason,
        )
        for one in selections
    ]
    names = ["night", "mode", "dp_id", "way", "tree_file", "complete", "certified", "n_asked"]
    return Table(rows=rows or None, names=[*names, "n_files", "n_missing", "reason"])

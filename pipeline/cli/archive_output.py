"""What the commands of the archive print: nights, plans, and what is missing."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from astropy.table import QTable, Table

from pipeline.archive.contact import DIFFERS, HELD, NOT_CHECKED, CheckResult
from pipeline.archive.download import DownloadResult
from pipeline.archive.gaia import IDENTIFIED, NOT_IDENTIFIED
from pipeline.archive.observations import Observation
from pipeline.archive.products import (
    BOTH,
    PRODUCT,
    RAW,
    ReducedCube,
    read_provenance,
    write_cubes,
)
from pipeline.archive.retrieval import DownloadPlan
from pipeline.archive.selection import Selection
from pipeline.archive.store import Store, write_bytes, write_table
from pipeline.archive.transfer import size_text
from pipeline.config.settings import Settings
from pipeline.errors import FileRefused
from pipeline.muse.modes import WIDE_MODES
from pipeline.schema.availability import column_of
from pipeline.tasks.identification import variable_stars
from pipeline.workflow.progress import say

COMPLETE, MISSING = 0, 1  # exit status
MAX_NAMED = 20  # missing files that are listed one by one


def print_availability(table: Table, settings: Settings, years: Sequence[int]) -> None:
    """Print the table of nights."""
    print(f"{settings.field.name}, {', '.join(map(str, years))}: {len(table)} nights")
    print("night       " + "  ".join(f"{mode:<10}" for mode in WIDE_MODES).rstrip())
    for row in table:
        cells = (row[column_of(mode)] for mode in WIDE_MODES)
        text = "".join(f"{'' if cell is np.ma.masked else cell!s:<12}" for cell in cells)
        print(f"{row['date']:<12}{text}".rstrip())


def print_holdings(held: Mapping[tuple[str, str], str], cubes: Sequence[ReducedCube]) -> None:
    """Print what the archive holds of each night and mode."""
    if not cubes:
        print("no reduced cubes: the raw frames must be reduced")
        return
    print("held by the archive (raw frames, a reduced cube as product, or both):")
    print("night       " + "  ".join(f"{mode:<10}" for mode in WIDE_MODES).rstrip())
    for night in sorted({night for night, _ in held}):
        text = "".join(f"{held.get((night, mode), ''):<12}" for mode in WIDE_MODES)
        print(f"{night:<12}{text}".rstrip())
    kinds = list(held.values())
    counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in (RAW, PRODUCT, BOTH))
    print(f"{len(held)} nights and modes: {counts}")
    unknown = [one.dp_id for one in cubes if not one.mode]
    if unknown:
        print(
            f"{len(unknown)} reduced cubes belong to no raw exposure; their headers give the mode"
        )


def print_names(others: Sequence[Observation], settings: Settings) -> None:
    """Point out exposures at the field whose target has another star's name."""
    for one in others:
        say(
            f"note: {one.dp_id} lies at {settings.field.name} but is named {one.target!r}; the "
            "position decides"
        )


def print_plan(
    settings: Settings,
    selections: Sequence[Selection],
    cubes: Sequence[ReducedCube],
    plan: DownloadPlan,
) -> None:
    """Print how the calibrations were found, and how much is to be fetched."""
    ways = [selection.way or "not found" for selection in selections]
    counts = ", ".join(f"{way} {ways.count(way)}" for way in dict.fromkeys(ways))
    print(
        f"{settings.field.name}: {len(selections)} nights and modes"
        + (f" ({counts})" if counts else "")
        + (f" from raw frames, {len(cubes)} reduced cubes" if cubes else "")
    )
    print(
        f"{len(plan.names)} files are needed, {len(plan.sizes)} of them to be fetched: about "
        f"{plan.total_bytes / 1e9:.2f} GB"
        + (f", {plan.n_unknown} files of unknown size" if plan.n_unknown else "")
    )


def report_results(
    selections: Sequence[Selection], results: Sequence[DownloadResult], store: Store
) -> int:
    """Say what is missing; write the table of selections; returns the exit status."""
    missing = {one.name: one.error for one in results if one.path is None}
    write_table(selection_table(store), store.campaign / "selection.ecsv")
    _print_fetched(results)
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


def _print_fetched(results: Sequence[DownloadResult]) -> None:
    here = [one for one in results if one.path]
    fetched = [one for one in here if not one.was_here]
    print(f"fetched {len(fetched)} files, {size_text(sum(one.size for one in fetched))}")
    unchecked = sum(not one.n_checksums for one in here)
    if unchecked:
        print(f"{unchecked} of them carry no checksum: size and structure were verified, no more")
    corrected = [one.name for one in here if any("CHECKSUM" in note for note in one.notes)]
    if corrected:
        say(
            f"note: {len(corrected)} files have headers that were changed after their CHECKSUM was "
            f"written, as the archive does when it corrects them; their data are intact "
            f"({', '.join(corrected[:3])}{', ...' if len(corrected) > 3 else ''})"
        )


def report_cubes(
    cubes: Sequence[ReducedCube], results: Sequence[DownloadResult], store: Store
) -> int:
    """Keep and print the origin of the reduced cubes; returns the exit status."""
    if not cubes:
        return COMPLETE
    reasons = {one.name: one.error for one in results if one.path is None}
    files: dict[str, Path] = {}
    for cube in cubes:
        path = store.find(cube.dp_id)
        if path is None:
            continue
        try:
            read_provenance(path)
        except FileRefused as failure:
            reasons[cube.dp_id] = str(failure)
            say(f"not a cube: {failure}")
            continue
        files[cube.dp_id] = path
    table = write_cubes(cubes, files, reasons, store.campaign)
    pipelines = ", ".join(sorted({str(name) for name in table["pipeline"] if name})) or "unknown"
    print(f"{len(files)} of {len(cubes)} reduced cubes are here, made with {pipelines}")
    return COMPLETE if len(files) == len(cubes) else MISSING


def report_identified(table: QTable, path: Path) -> None:
    """Print how many stars were identified and which are variable."""
    known = table[table["status"] == IDENTIFIED]
    variable = ", ".join(map(str, variable_stars(table))) or "none"
    print(f"{len(known)} of {len(table)} stars identified; variable: {variable}")
    for reason in sorted(set(table["reason"][table["status"] != IDENTIFIED])):
        say(f"{NOT_IDENTIFIED}: {reason}")
    print(f"kept in {path}")


def print_findings(findings: Sequence[CheckResult]) -> None:
    """Print what every assumption came to, then how many held."""
    width = max(len(one.name) for one in findings)
    for one in findings:
        print(f"{one.state:<12} {one.name:<{width}}  {one.assumption}")
        print(f"{'':<12} {'':<{width}}  {one.seen}")
    states = [one.state for one in findings]
    counts = ", ".join(f"{states.count(state)} {state}" for state in (HELD, DIFFERS, NOT_CHECKED))
    print(f"{len(findings)} assumptions: {counts}")


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
            len(one.requests),
            len(one.files()),
            sum(name in missing for name in one.files()),
            one.reason,
        )
        for one in selections
    ]
    names = ["night", "mode", "dp_id", "way", "tree_file", "complete", "certified", "n_asked"]
    return Table(rows=rows or None, names=[*names, "n_files", "n_missing", "reason"])

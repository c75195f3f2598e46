"""``python -m benchmarks.validation``: runs the validation round by round and writes its figures."""

import argparse
import time
from pathlib import Path

from benchmarks.validation.cells import Cell, confirmed, rows_of, run
from benchmarks.validation.plan import cells_of_round
from benchmarks.validation.stamp import source_stamp
from benchmarks.validation.summary import summarise
from pipeline.statistics.campaigns import SCENARIOS
from pipeline.statistics.campaigns.results import (
    FIRST,
    RESULTS,
    ValidationResults,
    lines_of,
    write_results,
)


def main(arguments: list[str] | None = None) -> None:
    """Runs rounds of the plan; seeds of a cell are 0 to n - 1, none left out.

    Rows are kept, so that a run goes on where the last one stopped. After an edit of the statistics
    the first campaign of each cell is computed again: a cell that gives the same row is kept. No
    round: nothing else is done.
    """
    options = _parser().parse_args(arguments)
    folder, end = Path(options.rows), time.monotonic() + 60 * options.minutes
    folder.mkdir(parents=True, exist_ok=True)
    chosen = [(cell, n) for cell, n in cells_of_round() if _wanted(cell, options)]
    _keep_what_holds(folder, [cell for cell, _ in chosen])
    for number in range(1, options.rounds + 1):
        for cell, n in chosen:
            if time.monotonic() < end:
                run(cell, number * n, folder, options.jobs)
        print(f"round {number} of {options.rounds}", flush=True)
        write_results(kept_results(folder), Path(options.output))
        if time.monotonic() >= end:
            break
    results = kept_results(folder)
    write_results(results, Path(options.output))
    if options.check:
        _end_if_a_line_fails(results)


def _end_if_a_line_fails(results: ValidationResults) -> None:
    """Exit status 1 if a number is outside its limits by more than three standard errors."""
    failed = [line for line in lines_of(results) if line.verdict == "fails"]
    for line in failed:
        limits = f"{line.low:g} to {line.high:g}"
        print(f"{line.number}, {line.scenario}: {line.value:.3f} +- {line.err:.3f}, not {limits}")
    if failed:
        raise SystemExit(1)


def kept_results(folder: Path) -> ValidationResults:
    """Figures of all cells that have rows, with the stamp of the code that made them."""
    cells: dict[tuple[str, str, str], dict[str, float]] = {}
    for cell, _ in cells_of_round():
        rows = rows_of(cell, folder)
        n = next(seed for seed in range(len(rows) + 1) if seed not in rows)
        if n:
            chosen = {seed: rows[seed] for seed in range(n)}
            first = {f"{FIRST}{key}": value for key, value in rows[0].items() if key != "cpu_s"}
            figures = summarise(cell.measure, SCENARIOS[cell.scenario], chosen)
            cells[cell.measure, cell.scenario, cell.configuration] = figures | first
    return ValidationResults(source_stamp(), cells)


def _keep_what_holds(folder: Path, cells: list[Cell]) -> None:
    """Rows of other code are kept where the first campaign gives the same with this code."""
    path, stamp = folder / "stamp", source_stamp()
    if path.exists() and path.read_text() != stamp:
        for cell in cells:
            if not confirmed(cell, folder):
                (folder / f"{cell.name}.jsonl").unlink()
                print(f"{cell.name}: other figures now, computed anew", flush=True)
    path.write_text(stamp)


def _wanted(cell: Cell, options: argparse.Namespace) -> bool:
    return (not options.measure or cell.measure in options.measure) and (
        not options.scenario or cell.scenario in options.scenario
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.validation", description="The validation of the statistics."
    )
    cells = [cell for cell, _ in cells_of_round()]
    of_measure, of_scenario = (
        sorted({getattr(cell, name) for cell in cells}) for name in ("measure", "scenario")
    )
    parser.add_argument("--measure", action="append", choices=of_measure, help="default: all")
    parser.add_argument("--scenario", action="append", choices=of_scenario, help="default: all")
    parser.add_argument(
        "--rounds", type=int, default=154, help="154: 2000 campaigns or more a scenario (default)"
    )
    parser.add_argument("--minutes", type=float, default=1e6, help="no new cell after this time")
    parser.add_argument("--jobs", type=int, default=1, help="processes (default: %(default)s)")
    parser.add_argument("--rows", default="work/validation", help="folder (default: %(default)s)")
    parser.add_argument("--output", default=str(RESULTS), help="default: %(default)s")
    parser.add_argument("--check", action="store_true", help="exit status 1 if a line fails")
    return parser


if __name__ == "__main__":
    main()

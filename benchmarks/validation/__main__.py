"""``python -m benchmarks.validation``: runs cells of the validation and writes their figures."""

import argparse
import hashlib
import json
import os
from pathlib import Path

from benchmarks.validation.cells import Cell, run
from benchmarks.validation.measures import MEASURES
from benchmarks.validation.summary import summarise
from pipeline.statistics.campaigns import CONFIGURATIONS, SCENARIOS

DRIFTS = [name for name in SCENARIOS if name != "jitter"]
SIZES = ["40x18", "65x25", "65x40", "150x60"]
SCENARIOS_OF = {"steps": ["jitter"], "variables": ["none", "night", "slow60", "mixed"]}
CONFIGURATIONS_OF = {"steps": ["30x16"], "variables": ["65x25", "65x200"]}


def main(arguments: list[str] | None = None) -> None:
    """Runs the cells that are asked for; seeds are 0 to campaigns - 1, none left out."""
    options = _parser().parse_args(arguments)
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
    output = Path(options.output)
    folder = output.with_suffix(f".{source_digest()[:12]}.parts")
    folder.mkdir(parents=True, exist_ok=True)
    result = _read(output)
    for cell in cells(options.measure, options.scenario, options.configuration):
        rows = run(cell, options.campaigns, folder, options.jobs)
        figures = summarise(cell.measure, SCENARIOS[cell.scenario], rows)
        result["cells"][cell.name] = figures
        output.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n")
        shown = ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
        print(f"{cell.name}: {shown}", flush=True)


def cells(
    measures: list[str] | None, scenarios: list[str] | None, configurations: list[str] | None
) -> list[Cell]:
    """All combinations of what is named; what is not named as the table of the validation has it."""
    chosen = []
    for measure in measures or list(MEASURES):
        for scenario in scenarios or SCENARIOS_OF.get(measure, DRIFTS):
            for configuration in configurations or CONFIGURATIONS_OF.get(measure, SIZES):
                chosen.append(Cell(measure, scenario, configuration))
    return chosen


def source_digest() -> str:
    """sha256 of the code that the figures depend on: all of ``pipeline/statistics`` and this folder."""
    here = Path(__file__).resolve().parent
    root = here.parents[1]
    digest = hashlib.sha256()
    for path in sorted([*(root / "pipeline" / "statistics").rglob("*.py"), *here.glob("*.py")]):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _read(output: Path) -> dict[str, dict[str, dict[str, float]]]:
    """Figures of an earlier run of the same code; those of other code are dropped."""
    stamp = source_digest()
    if output.exists():
        known = json.loads(output.read_text())
        if known.get("stamp") == stamp:
            return dict(known)
    return {"stamp": stamp, "cells": {}}  # type: ignore[dict-item]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.validation", description=main.__doc__
    )
    parser.add_argument("--measure", action="append", choices=MEASURES, help="default: all")
    parser.add_argument("--scenario", action="append", choices=SCENARIOS, help="default: all")
    parser.add_argument(
        "--configuration", action="append", choices=CONFIGURATIONS, help="default: all"
    )
    parser.add_argument(
        "--campaigns", type=int, default=2000, help="per cell (default: %(default)s)"
    )
    parser.add_argument("--jobs", type=int, default=1, help="processes (default: %(default)s)")
    parser.add_argument("--output", default="work/validation.json", help="default: %(default)s")
    return parser


if __name__ == "__main__":
    main()

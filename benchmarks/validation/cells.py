"""Cells of the validation: a measure of a scenario in a configuration, seed by seed, resumable."""

import json
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.validation.measures import MEASURES, Row
from pipeline.statistics.campaigns import CONFIGURATIONS, SCENARIOS

ROUNDING = 1e-6  # relative
CHUNK = 25  # campaigns between two writes


@dataclass(frozen=True)
class Cell:
    """Names of a measure, a scenario and a configuration."""

    measure: str
    scenario: str
    configuration: str

    @property
    def name(self) -> str:
        """Name of the cell's file, without suffix."""
        return f"{self.measure}-{self.scenario}-{self.configuration}"


def rows_of(cell: Cell, folder: Path) -> dict[int, Row]:
    """Rows by seed that an earlier run has written; a broken last line is computed again."""
    path = folder / f"{cell.name}.jsonl"
    rows: dict[int, Row] = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            row = json.loads(line)
        except json.JSONDecodeError:  # the run was ended while it wrote
            continue
        rows[int(row.pop("seed"))] = row
    return rows


def run(cell: Cell, n_campaigns: int, folder: Path, jobs: int) -> dict[int, Row]:
    """Rows of seeds 0 to n_campaigns - 1, none left out; what is missing is computed and written."""
    rows = rows_of(cell, folder)
    missing = [seed for seed in range(n_campaigns) if seed not in rows]
    for start in range(0, len(missing), CHUNK):
        seeds = missing[start : start + CHUNK]
        new = dict(zip(seeds, _compute(cell, seeds, jobs), strict=True))
        with (folder / f"{cell.name}.jsonl").open("a") as file:
            # a line of its own, whatever an earlier run left unfinished
            lines = (json.dumps({"seed": seed, **row}) for seed, row in new.items())
            file.write("\n" + "\n".join(lines) + "\n")
        rows |= new
    return {seed: rows[seed] for seed in range(n_campaigns)}


def confirmed(cell: Cell, folder: Path) -> bool:
    """Whether this code gives the row that is kept of the first campaign; True without rows."""
    kept = rows_of(cell, folder).get(0)
    return kept is None or same_row(kept, _one((cell, 0)))


def same_row(one: Row, other: Row) -> bool:
    """Equal to rounding, times aside: another library may sum in another order."""
    names = set(one) - {"cpu_s"}
    return names == set(other) - {"cpu_s"} and all(
        np.isclose(one[name], other[name], rtol=ROUNDING, atol=1e-12, equal_nan=True)
        for name in names
    )


def _compute(cell: Cell, seeds: Iterable[int], jobs: int) -> list[Row]:
    tasks = [(cell, seed) for seed in seeds]
    if jobs == 1:
        return [_one(task) for task in tasks]
    with ProcessPoolExecutor(jobs) as pool:
        return list(pool.map(_one, tasks))


def _one(task: tuple[Cell, int]) -> Row:
    cell, seed = task
    scenario, configuration = SCENARIOS[cell.scenario], CONFIGURATIONS[cell.configuration]
    return MEASURES[cell.measure](scenario, configuration, seed)

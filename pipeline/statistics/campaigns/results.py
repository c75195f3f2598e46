"""Figures of the validation as they are kept, and the lines that must hold."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.table import Table

RESULTS = Path(__file__).with_name("validation.ecsv")
FIRST = (
    "first."  # prefix of the row of the first campaign, which tells whether the code is the same
)
N_SIGMA = 3.0
MIN_CAMPAIGNS = 30
DRIFTS = ("white", "night", "slow20", "slow60", "slow150", "mixed", "mixed150")
SKY = ("sky", "sky_night")

Key = tuple[str, str, str]  # measure, scenario, configuration


@dataclass(frozen=True)
class ValidationResults:
    """Kept figures."""

    stamp: str  # of the code that they come from
    cells: Mapping[Key, Mapping[str, float]]

    def of(self, measure: str, scenario: str) -> list[Mapping[str, float]]:
        """The cells of one scenario, all configurations."""
        return [cell for key, cell in self.cells.items() if key[:2] == (measure, scenario)]


def read_results(path: Path = RESULTS) -> ValidationResults:
    """The kept figures of the validation."""
    table = Table.read(path, format="ascii.ecsv")
    cells: dict[Key, dict[str, float]] = {}
    for row in table:
        key = str(row["measure"]), str(row["scenario"]), str(row["configuration"])
        cells.setdefault(key, {})[str(row["quantity"])] = float(row["value"])
    return ValidationResults(str(table.meta["stamp"]), cells)


def write_results(results: ValidationResults, path: Path = RESULTS) -> None:
    """Keeps figures; six digits, so that a rerun on another machine changes little."""
    rows = [
        (*key, quantity, float(f"{value:.6g}"))
        for key, cell in sorted(results.cells.items())
        for quantity, value in sorted(cell.items())
    ]
    names = ("measure", "scenario", "configuration", "quantity", "value")
    table = Table(rows=rows, names=names, meta={"stamp": results.stamp})
    table.write(path, format="ascii.ecsv", overwrite=True)


@dataclass(frozen=True)
class Criterion:
    """One number that must lie between two limits: the mean over configurations."""

    number: str
    scenario: str
    value: float
    err: float  # standard error
    low: float
    high: float
    n: int  # campaigns

    @property
    def verdict(self) -> str:
        """too few to say (below 30 campaigns); holds; within its error (three standard errors); fails."""
        if self.n < MIN_CAMPAIGNS:
            return "too few to say"
        if self.low <= self.value <= self.high:
            return "holds"
        reach = N_SIGMA * self.err
        near = self.low - reach <= self.value <= self.high + reach
        return "within its error" if near else "fails"


@dataclass(frozen=True)
class _Rule:
    number: str
    measure: str
    quantity: str
    scenarios: tuple[str, ...]
    low: float
    high: float


_ALL = ("none", *DRIFTS)
_TRENDS = _ALL[:-1]
_PREDICTED = ("white", "night", "slow60", "mixed")
_CORRECTED = ("night", "slow60", "mixed")
_VARIABLES = ("none", "slow60")
_RULES = (
    _Rule("68 % interval holds the floor", "floor", "covered_68", (*DRIFTS, *SKY), 0.65, 0.71),
    _Rule("95 % interval holds the floor", "floor", "covered_95", (*DRIFTS, *SKY), 0.935, 0.965),
    _Rule("floor of 2 sigma where there is none", "floor", "above_2_sigma", ("none",), 0.0, 0.05),
    _Rule("terms for sky where there is none", "floor", "additive", _ALL, 0.0, 0.05),
    _Rule("campaigns with a good exposure called bad", "floor", "false_bad_exposures", _ALL, 0.0, 0.05),
    _Rule("channel courses, 68 % hold", "floor", "response_covered_68", DRIFTS, 0.63, 0.75),
    _Rule("trend false alarms at 5 %", "trends", "false_alarms", _TRENDS, 0.0, 0.05),
    _Rule("campaigns with a false trend after Holm", "trends", "family_alarm", _TRENDS, 0.0, 0.05),
    _Rule("68 % interval holds the slope", "trends", "slopes_covered", _TRENDS, 0.63, 0.73),
    _Rule("a line of 0.15 per year is found", "trends", "line_found", ("white", "night"), 0.8, 1.0),
    _Rule("95 % interval of held-out pairs", "prediction", "covered_95", _PREDICTED, 0.92, 0.98),
    _Rule("correction, of removable variance", "correction", "removed_of_removable", _CORRECTED, 0.8, 1.1),
    _Rule("correction without drift, growth", "correction", "scatter_growth", ("none",), -1.0, 0.02),
    _Rule("a step of 1 % is found", "steps", "found", ("jitter",), 0.95, 1.0),
    _Rule("campaigns with a false step", "steps", "false_alarm", ("jitter",), 0.0, 0.05),
    _Rule("a star that varies by 20 % is named", "variables", "named", _VARIABLES, 0.95, 1.0),
    _Rule("campaigns with a false variable", "variables", "false_alarm", _VARIABLES, 0.0, 0.05),
)  # fmt: skip


def lines_of(results: ValidationResults) -> Iterator[Criterion]:
    """All lines that have figures, in the order of the rules."""
    for rule in _RULES:
        for scenario in rule.scenarios:
            cells = [cell for cell in results.of(rule.measure, scenario) if rule.quantity in cell]
            if cells:
                n = sum(cell["n"] for cell in cells)
                value = np.array([cell[rule.quantity] for cell in cells])
                err = np.array([cell.get(f"{rule.quantity}_se", 0.0) for cell in cells])
                mean = float(value.mean())  # a configuration counts as much as any other
                error = float(np.hypot.reduce(err)) / len(cells)
                # a share of 0 or 1 in n has an error all the same: that of one case more
                error = max(error, 1 / (n + 2)) if err.any() else error
                yield Criterion(rule.number, scenario, mean, error, rule.low, rule.high, int(n))

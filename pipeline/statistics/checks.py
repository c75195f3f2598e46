"""A quantity that was measured, beside what it should be."""

from collections.abc import Iterable
from dataclasses import dataclass

from astropy.table import QTable

from pipeline.schema import TABLES, make_table


@dataclass(frozen=True)
class Check:
    """One quantity, measured and expected."""

    quantity: str
    measured: float
    expected: float
    tolerance: float
    unit: str
    meaning: str

    @property
    def passed(self) -> bool:
        """Within the tolerance; NaN never is."""
        return bool(abs(self.measured - self.expected) <= self.tolerance)


def recovery_table(checks: Iterable[Check]) -> QTable:
    """The published table ``recovery``."""
    names = [column.name for column in TABLES["recovery"]]
    rows = list(checks)
    return make_table("recovery", {name: [getattr(row, name) for row in rows] for name in names})

"""The summary of a campaign as a product: its tables and one JSON file beside them.

The pages are made from what is read back, so that a page never depends on whether its numbers were
computed now or kept.
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from astropy.table import QTable

from pipeline.schema.results import ReportedValue
from pipeline.tasks.kept_tables import read_kept, write_kept
from pipeline.workflow import products


class KeptTables(Mapping[str, QTable]):
    """The tables of a folder, each read when it is first asked for.

    Parameters
    ----------
    folder : Path
        Holds ``NAME.npz`` for every name.
    names : sequence of str
    """

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self._folder, self._names = folder, tuple(names)
        self._read: dict[str, QTable] = {}

    def __getitem__(self, name: str) -> QTable:
        if name not in self._names:
            raise KeyError(name)
        if name not in self._read:
            self._read[name] = read_kept(self._folder / f"{name}.npz")
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@dataclass(frozen=True)
class Summary:
    """All that statistics have to say about a campaign."""

    tables: Mapping[str, QTable]
    numbers: tuple[ReportedValue, ...]
    notes: tuple[str, ...]
    reference_exposure: str
    first_night: str
    last_night: str


def keep_summary(
    product: Path, ingredients: Mapping[str, Any], compute: Callable[[], Summary]
) -> Summary:
    """The summary of a campaign, computed if the kept one is stale.

    Parameters
    ----------
    product : Path
        ``summary.json``; the tables lie beside it.
    """
    if reason := products.staleness(product, ingredients, verify=True):
        products.tell_if_damaged(product, reason)

        def build(output: products.Output) -> None:
            summary = compute()
            for name in sorted(summary.tables):
                write_kept(output.path(f"{name}.npz"), summary.tables[name])
            record = {
                "tables": sorted(summary.tables),
                "numbers": [_without_nan(asdict(number)) for number in summary.numbers],
                "notes": summary.notes,
                "reference_exposure": summary.reference_exposure,
                "first_night": summary.first_night,
                "last_night": summary.last_night,
            }
            text = json.dumps(record, indent=1, sort_keys=True, allow_nan=False)
            output.path(product.name).write_text(text, encoding="utf-8")

        products.make(product, "statistics", ingredients, build)
    return _read(product)


def _read(product: Path) -> Summary:
    record = json.loads(product.read_text(encoding="utf-8"))
    tables = KeptTables(product.parent, record["tables"])
    numbers = tuple(_number(number) for number in record["numbers"])
    return Summary(
        tables,
        numbers,
        tuple(record["notes"]),
        record["reference_exposure"],
        record["first_night"],
        record["last_night"],
    )


def _number(record: dict[str, Any]) -> ReportedValue:
    filled: dict[str, Any] = {
        key: math.nan if v is None and key != "n" else v for key, v in record.items()
    }
    return ReportedValue(**filled)


def _without_nan(record: dict[str, Any]) -> dict[str, Any]:
    """JSON has no NaN: null stands for a number that is missing."""
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in record.items()
    }

"""Tables as ECSV: one file, or one a year where it would be large."""

from collections.abc import Iterator, Sequence

import numpy as np
from astropy.table import QTable

from pipeline.report.downloads.table_formats import ecsv
from pipeline.schema.results import Results

LARGEST_BYTES = 5_000_000  # of one file


def ecsv_files(
    table: QTable, results: Results, largest: int = LARGEST_BYTES
) -> list[tuple[str, bytes]]:
    """Suffix and content of the files: ``.ecsv``, or ``-2019.ecsv`` and so on, none too large.

    A year that is too large by itself, or a table whose rows belong to no year, is split into
    parts: ``-2019-part1.ecsv``, ``-part1.ecsv``.
    """
    whole = ecsv(table)
    if len(whole) <= largest or len(table) < 2:
        return [(".ecsv", whole)]
    files = []
    for suffix, rows in _by_year(table, results):
        content = ecsv(rows)
        if len(content) <= largest or len(rows) < 2:
            files.append((f"{suffix}.ecsv", content))
            continue
        n_parts = -(-len(content) // largest) + 1
        for part, indices in enumerate(np.array_split(np.arange(len(rows)), n_parts), start=1):
            files.append((f"{suffix}-part{part}.ecsv", ecsv(rows[indices])))
    return files


def _by_year(table: QTable, results: Results) -> Iterator[tuple[str, QTable]]:
    years = np.array(_years(table, results))
    for year in sorted(set(years.tolist())):
        yield (f"-{year}" if year else "", table[years == year])


def _years(table: QTable, results: Results) -> Sequence[str]:
    """The year of each row, from its night, date or exposure; "" where it has none."""
    for name in ("night", "date"):
        if name in table.colnames:
            return [str(value)[:4] for value in table[name]]
    if "exposure_id" in table.colnames and "exposures" in results.tables:
        exposures = results.tables["exposures"]
        nights = zip(exposures["exposure_id"].tolist(), exposures["night"].tolist(), strict=True)
        year_of = {str(identity): str(night)[:4] for identity, night in nights}
        return [year_of.get(str(value), "") for value in table["exposure_id"]]
    return [""] * len(table)

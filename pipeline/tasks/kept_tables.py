"""Tables between two steps of a run: arrays in one file, read in a hundredth of the time of ECSV.

What readers get are the downloads of the site; these are for the next step.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from astropy import units as u
from astropy.table import Column, MaskedColumn, QTable

_HEAD = "head"  # JSON: what table and columns say of themselves
_TUPLE = "__tuple__"


def write_kept(path: Path, table: QTable) -> None:
    """Write a table; ``read_kept`` reads it back.

    Raises
    ------
    ValueError
        If a column holds neither numbers nor text: a defect, not data.
    """
    arrays: dict[str, np.ndarray] = {}
    columns = []
    for number, name in enumerate(table.colnames):
        column = table[name]
        values = getattr(column, "value", column)
        plain = np.asarray(np.ma.getdata(values))
        if plain.dtype.kind not in "biufUS":
            raise ValueError(f"column {name!r} is of type {plain.dtype}")
        arrays[f"{number}"] = plain
        mask = np.ma.getmaskarray(values) if isinstance(column, MaskedColumn) else np.zeros(0, bool)
        if mask.any():
            arrays[f"{number}.mask"] = mask
        columns.append(
            {
                "name": name,
                "unit": column.unit.to_string() if isinstance(column, u.Quantity) else "",
                "description": column.info.description,
                "meta": _tagged(dict(column.info.meta or {})),
            }
        )
    head = json.dumps({"meta": _tagged(dict(table.meta)), "columns": columns})
    arrays[_HEAD] = np.array(head)
    with path.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # names are none of its own parameters


def read_kept(path: Path) -> QTable:
    """The table that ``write_kept`` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        head = json.loads(str(arrays[_HEAD]))
        table = QTable(meta=_untagged(head["meta"]))
        for number, said in enumerate(head["columns"]):
            values, mask = arrays[f"{number}"], f"{number}.mask"
            if mask in arrays:
                table[said["name"]] = MaskedColumn(values, mask=arrays[mask])
            else:
                table[said["name"]] = (
                    values * u.Unit(said["unit"]) if said["unit"] else Column(values)
                )
            info = table[said["name"]].info
            info.description = said["description"]
            if said["meta"]:
                info.meta = _untagged(said["meta"])
    return table


def _tagged(value: Any) -> Any:
    """A value as JSON can hold it, tuples marked and numbers of numpy as plain ones."""
    if isinstance(value, dict):
        return {str(key): _tagged(one) for key, one in value.items()}
    if isinstance(value, tuple):
        return {_TUPLE: [_tagged(one) for one in value]}
    if isinstance(value, list):
        return [_tagged(one) for one in value]
    return value.item() if isinstance(value, np.generic) else value


def _untagged(value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {_TUPLE}:
            return tuple(_untagged(one) for one in value[_TUPLE])
        return {key: _untagged(one) for key, one in value.items()}
    return [_untagged(one) for one in value] if isinstance(value, list) else value

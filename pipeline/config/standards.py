"""The standard stars that MUSE observes: names, other names, positions."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from astropy.table import Table

_FILE = Path(__file__).with_name("standards.ecsv")


@dataclass(frozen=True)
class StandardStar:
    """A spectrophotometric standard star."""

    name: str
    aliases: tuple[str, ...]
    ra_deg: float  # ICRS
    dec_deg: float
    note: str


def same_star(one: str, other: str) -> bool:
    """Whether two names mean one star, by the table's aliases and however they are spelt."""
    keys = [_keys(find_standard(name), name) for name in (one, other)]
    return not keys[0].isdisjoint(keys[1])


def find_standard(name: str) -> StandardStar | None:
    """The star of that name or alias, None if the table has none."""
    key = _spelling(name)
    return next((star for star in _table() if key in _keys(star, star.name)), None)


def known_standards() -> tuple[str, ...]:
    """The usual names of the table's stars."""
    return tuple(star.name for star in _table())


@cache
def _table() -> tuple[StandardStar, ...]:
    rows = Table.read(_FILE, format="ascii.ecsv").filled("")
    return tuple(
        StandardStar(
            str(row["name"]),
            tuple(alias for alias in str(row["aliases"]).split("|") if alias),
            float(row["ra_deg"]),
            float(row["dec_deg"]),
            str(row["note"]),
        )
        for row in rows
    )


def _keys(star: StandardStar | None, name: str) -> set[str]:
    return {_spelling(one) for one in (name, *((star.name, *star.aliases) if star else ()))}


def _spelling(name: str) -> str:
    """LTT3218, LTT-3218 and "ltt 3218" are one; a plus sign is part of a name."""
    return re.sub(r"[^a-z0-9.+]", "", name.lower())

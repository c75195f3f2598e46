"""Which calibrations an exposure was reduced with: how they were found, how old and how warm.

Age and temperature difference of flats, illumination and twilight flats are the covariates in which
a drift of channels must be looked for before it is called one.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

KINDS = ("BIAS", "FLAT", "ARC", "ILLUM", "SKYFLAT")
# How the calibrations were found
WAYS = {
    "standard": "the standard's own association tree",
    "science": "the tree of a science exposure of the night",
    "neighbour": "the tree of a science exposure of another night",
    "query": "assembled from the archive's catalogue",
}


@dataclass(frozen=True)
class CalibrationUse:
    """The frames of one kind that calibrate an exposure."""

    tag: str  # of the recipes: BIAS, FLAT, ARC, ILLUM, SKYFLAT
    n_frames: int
    first: str  # identity of the earliest
    age_hours: float | None  # mean start less that of the exposure; None: not known
    temperature_difference_k: float | None  # mean less that of the exposure; None: not known


@dataclass(frozen=True)
class CalibrationRecord:
    """The calibrations of one exposure."""

    way: str  # one of WAYS
    certified: bool  # all that was used has passed the observatory's quality control
    channels: tuple[int, ...]
    uses: tuple[CalibrationUse, ...]  # in the order of KINDS, only those applied
    installed: tuple[str, ...] = ()  # kinds of static tables taken from the recipes' installation

    def use(self, tag: str) -> CalibrationUse | None:
        """The use of a kind, None if it was not applied."""
        return next((one for one in self.uses if one.tag == tag), None)

    @property
    def illum_applied(self) -> bool:
        """Whether the illumination at the time of the exposure was corrected for."""
        return self.use("ILLUM") is not None

    @property
    def twilight_applied(self) -> bool:
        """Whether twilight flats (or a ready-made twilight cube) were applied."""
        return self.use("SKYFLAT") is not None

    def as_row(self) -> dict[str, str | bool | int | float]:
        """The record as columns of a table; NaN where a kind was not applied or is not known."""
        row: dict[str, str | bool | int | float] = {
            "calibrations_way": self.way,
            "calibrations_certified": self.certified,
            "illum_applied": self.illum_applied,
            "twilight_applied": self.twilight_applied,
            "n_channels": len(self.channels),
        }
        for tag in KINDS:
            use = self.use(tag)
            name = tag.lower()
            row[f"{name}_frames"] = use.n_frames if use else 0
            row[f"{name}_age_hours"] = _number(use.age_hours if use else None)
            row[f"{name}_temperature_difference_k"] = _number(
                use.temperature_difference_k if use else None
            )
        return row

    def as_json(self) -> dict[str, Any]:
        """The record in plain lists and dicts."""
        return asdict(self)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "CalibrationRecord":
        """The record that ``as_json`` made."""
        return cls(
            str(kept["way"]),
            bool(kept["certified"]),
            tuple(kept["channels"]),
            tuple(CalibrationUse(**one) for one in kept["uses"]),
            tuple(kept["installed"]),
        )


def _number(value: float | None) -> float:
    return math.nan if value is None else value

"""What earlier work says about the stability of fluxes in MUSE, in one unit."""

import math
from dataclasses import dataclass

from pipeline.published.observed.instrument import read_observed


@dataclass(frozen=True)
class LiteratureValue:
    """One number of a publication."""

    key: str
    reference: str
    per_cent: float  # of the flux: 100 times the standard deviation of ln F
    bound: str  # "at most", "about" or ""
    what: str  # what was measured
    source: str  # where the number was read
    as_given: str  # number and unit of the publication
    relative: bool  # about fluxes relative to each other, as the ratio of two stars is


def literature() -> tuple[LiteratureValue, ...]:
    """The measurements in the order of their file.

    A small magnitude ``m`` is ``m ln(10) / 2.5`` of ln F.
    """
    found = []
    for row in read_observed("literature"):
        value, unit = float(row["value"]), str(row["unit"])
        per_cent = 100 * value * (math.log(10) / 2.5 if unit == "mag" else 1.0)
        given = f"{value:g} mag" if unit == "mag" else f"{100 * value:g} %"
        bound, what, source = (str(row[name]) for name in ("bound", "what", "source"))
        key, reference = str(row["key"]), str(row["reference"])
        found.append(
            LiteratureValue(
                key, reference, per_cent, bound, what, source, given, bool(row["relative"])
            )
        )
    return tuple(found)

"""A column of a published table, and those that many tables share."""

import re
from dataclasses import dataclass

_RADIUS = re.compile(r"r(\d+(?:\.\d+)?)")

APERTURE_RADII_PX = (1.5, 2.5, 3.5, 4.5, 5.5)  # of the published record, and the simulator's default
RADIUS_COLUMN = "r{radius}"  # a column for each aperture radius

# Suffixes of names that denote the unit
UNIT_SUFFIXES = ("aa", "arcsec", "days", "deg", "mag", "px", "s")


@dataclass(frozen=True)
class Column:
    """One column of a published table."""

    name: str
    dtype: str  # "str", "bool", "i8" or "f8"
    unit: str  # astropy unit string; "" for text and pure numbers
    description: str  # may hold placeholders, which ``make_table`` fills from the table's meta
    ucd: str = ""
    label: str = ""  # head of the column on a page; "": its name in words

    @property
    def head(self) -> str:
        """What stands over the column on a page; the unit is given beside it."""
        words = self.name.split("_")
        if self.unit and len(words) > 1 and words[-1] in UNIT_SUFFIXES:
            words.pop()
        return self.label or " ".join(words)

    @property
    def repeated(self) -> bool:
        """Whether it stands for one column per aperture radius, named ``RADIUS_COLUMN``."""
        return self.name == RADIUS_COLUMN


def column(
    name: str, dtype: str, unit: str, description: str, ucd: str = "", label: str = ""
) -> Column:
    """A column; ``unit`` is an astropy unit, "" for text and pure numbers."""
    return Column(name, dtype, unit, description, ucd, label)


def radius_column(radius_px: float) -> str:
    """Name of the column of one aperture radius."""
    return RADIUS_COLUMN.format(radius=float(radius_px))


def radius_of(name: str) -> float | None:
    """The aperture radius [pix] that a column's name holds; None if it is no such name."""
    found = _RADIUS.fullmatch(name)
    return float(found[1]) if found else None


EXPOSURE_ID = column("exposure_id", "str", "", "identity: dp_id, or the file name without one", "meta.id", "exposure")
NIGHT = column("night", "str", "", "UT date of exposure start minus 12 h", "time.epoch")
MODE = column("mode", "str", "", "instrument mode (ESO INS MODE)", "meta.code;instr.setup")
STAR = column("star_id", "i8", "", "star number in the reference catalogue", "meta.id", "star")
STAR_1 = column("star_1", "i8", "", "star in the numerator", "meta.id", "star 1")
STAR_2 = column("star_2", "i8", "", "star in the denominator", "meta.id", "star 2")
BAND = column("band", "str", "", "passband", "meta.id;instr.bandpass")
RADIUS = column("radius_px", "f8", "pix", "aperture radius", "phys.angSize;instr.pixel", "radius")

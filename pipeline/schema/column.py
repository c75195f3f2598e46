"""A column of a published table, and those that many tables share."""

from dataclasses import dataclass

APERTURE_RADII_PX = (1.5, 2.5, 3.5, 4.5, 5.5)  # the five of the 2021 study; the snr table's columns


@dataclass(frozen=True)
class Column:
    """One column of a published table."""

    name: str
    dtype: str  # "str", "bool", "i8" or "f8"
    unit: str  # astropy unit string; "" for text and pure numbers
    description: str
    ucd: str = ""


def column(name: str, dtype: str, unit: str, description: str, ucd: str = "") -> Column:
    """A column; ``unit`` is an astropy unit, "" for text and pure numbers."""
    return Column(name, dtype, unit, description, ucd)


EXPOSURE_ID = column("exposure_id", "str", "", "identity: dp_id, or the file name without one", "meta.id"
)
NIGHT = column("night", "str", "", "UT date of exposure start minus 12 h", "time.epoch")
MODE = column("mode", "str", "", "instrument mode (ESO INS MODE)", "meta.code;instr.setup")
STAR = column("star_id", "i8", "", "star number in the reference catalogue", "meta.id")
STAR_1 = column("star_1", "i8", "", "star in the numerator", "meta.id")
STAR_2 = column("star_2", "i8", "", "star in the denominator", "meta.id")
BAND = column("band", "str", "", "passband", "meta.id;instr.bandpass")
RADIUS = column("radius_px", "f8", "pix", "aperture radius", "phys.angSize;instr.pixel")

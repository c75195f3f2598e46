"""One input of a campaign: an exposure that can be measured, or the reason why it cannot."""

from dataclasses import dataclass
from pathlib import Path

from astropy.io import fits

from pipeline.config.exposure_table import Declared
from pipeline.errors import ExposureError
from pipeline.muse.exposure import Exposure

# values of the column ``origin``: reduced here, reduced by the observatory, a reader's file, simulated
RAW, PRODUCT, CUBE, SIMULATED = "raw", "product", "cube", "simulated"


@dataclass(frozen=True)
class InputExposure:
    """One input: an exposure that can be measured, or the reason why it cannot."""

    exposure_id: str
    exposure: Exposure | None
    error: ExposureError | None = None
    cube_path: Path | None = None  # a file of the reader's, never written, never purged
    simulation_index: int | None = None  # else: number in the simulated campaign
    cube_key: str = ""  # identity of a cube that a recipe made; else its content tells
    origin: str = CUBE  # who made the cube: see RAW, PRODUCT, CUBE, SIMULATED
    excluded: str = ""  # why it is measured but not used, if a rule says so
    declared: Declared = ()  # what the reader says in place of the header
    note: str = ""  # what else a reader of its row must know


def declare(header: fits.Header, declared: Declared) -> fits.Header:
    """The header with what the user declares."""
    if not declared:
        return header
    found = header.copy()
    for key, value in declared:
        found[f"HIERARCH {key}" if " " in key else key] = value
    return found


def by_time(entry: InputExposure) -> tuple[float, str]:
    """Sorting key: by time; what has no time comes last."""
    return (entry.exposure.mjd_mid if entry.exposure else float("inf"), entry.exposure_id)

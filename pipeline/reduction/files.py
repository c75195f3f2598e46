"""Raw frames and tables by their names in the archive, checked before a recipe opens them."""

import math
import warnings
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from pipeline.errors import RawFrameUnreadable
from pipeline.muse.illumination import FrameFacts, facts_of

TEMPERATURE = "ESO INS TEMP7 VAL"  # inside the instrument [deg C]
SUFFIXES = (".fits", ".fits.fz")  # uncompressed, and as the archive sends raw frames


def find_file(folder: Path, name: str) -> Path:
    """The file of that name.

    Parameters
    ----------
    name : str
        Identity in the archive, or an absolute path.

    Raises
    ------
    RawFrameUnreadable
        If there is none.
    """
    if Path(name).is_absolute():
        candidates = [Path(name)]
    else:
        candidates = [folder / (name + suffix) for suffix in SUFFIXES]
    for path in candidates:
        if path.is_file():
            return path
    raise RawFrameUnreadable(f"{name}: no such file in {folder}; retrieve it first")


def frame_facts(folder: Path, names: Iterable[str]) -> dict[str, FrameFacts]:
    """Time, field, readout and temperature from the headers of raw frames, by name.

    A frame that is not there is left out: its absence is found when a recipe needs it.
    """
    found = {}
    for name in names:
        try:
            header = primary_header(find_file(folder, name))
        except RawFrameUnreadable:
            continue
        facts = facts_of(
            name,
            str(header.get("ESO INS MODE", "")),
            str(header.get("ESO DET READ CURNAME", "")),
            _number(header, TEMPERATURE),
        )
        found[name] = replace(facts, mjd=_number(header, "MJD-OBS", facts.mjd))
    return found


def primary_header(path: Path) -> fits.Header:
    """The primary header of a FITS file.

    Raises
    ------
    RawFrameUnreadable
        If it has none.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            return fits.getheader(path, 0)
    except (OSError, ValueError, TypeError, fits.VerifyError) as error:
        raise RawFrameUnreadable(f"{path.name}: not a readable FITS file ({error})") from error


def _number(header: fits.Header, keyword: str, otherwise: float = math.nan) -> float:
    value = header.get(keyword)
    return float(value) if isinstance(value, int | float) else otherwise


def check_file(path: Path) -> None:
    """Make sure that a FITS file is complete: with a truncated one recipes hang, crash or use half of it.

    Raises
    ------
    RawFrameUnreadable
        If the file cannot be read, or is shorter than its headers promise.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            with fits.open(path, lazy_load_hdus=False, disable_image_compression=True) as hdus:
                last = hdus[-1].fileinfo()
    except (OSError, ValueError, TypeError, fits.VerifyError) as error:
        raise RawFrameUnreadable(f"{path.name}: not a readable FITS file ({error})") from error
    needed, size = last["datLoc"] + last["datSpan"], path.stat().st_size
    if size < needed:
        raise RawFrameUnreadable(
            f"{path.name}: truncated, {size} bytes instead of {needed}; retrieve it again"
        )

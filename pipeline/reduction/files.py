"""Raw frames and tables by their names in the archive, checked before a recipe opens them."""

import warnings
from pathlib import Path

from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from pipeline.errors import RawFrameUnreadable

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


def check_file(path: Path) -> None:
    """Make sure that a FITS file is whole: recipes hang, crash or use half of one that is not.

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

"""What a FITS file that is no cube of an exposure is, by its keywords and the axes of its images."""

from collections.abc import Sequence
from pathlib import Path

from astropy.io import fits

from pipeline.errors import NotACube
from pipeline.muse.compressed_file import HEAD_BYTES, expanded
from pipeline.muse.cube import exposure_header
from pipeline.muse.cube_images import Image, file_images

CUBE_PRODUCT = "SCIENCE.CUBE.IFS"  # PRODCATG of the archive's cubes
_KINDS = (  # parts of PRODCATG or PRO CATG, and what such a file is
    ("WHITELIGHT", "a white-light image"),
    ("IMAGE_FOV", "an image of the field of view"),
    ("EXPMAP", "an exposure map"),
    ("EXPOSUREMAP", "an exposure map"),
    ("WEIGHT", "a weight map"),
    ("PIXTABLE", "a pixel table"),
    ("AUTOCAL", "a table of autocalibration factors"),
    ("SKY_", "a product of the sky subtraction"),
    ("STD_", "a calibration from a standard star"),
    ("SPECTRUM", "a spectrum"),
    ("IMAGE", "an image"),
    ("ANCILLARY", "an ancillary file"),
)


def cube_header(path: Path) -> fits.Header:
    """The header of the exposure of which a file can be the cube: no data are read.

    Of a file that is compressed as a whole the first megabytes are looked at.

    Raises
    ------
    NotACube
        If it is something else; the message says what and how that is known.
    CubeUnreadable, ImplausibleValue
        If it is no FITS file.
    """
    with expanded(path, limit=HEAD_BYTES) as plain:
        images = file_images(plain)
        whole = images[-1].span.end >= plain.stat().st_size
    if why := _why_not(images, whole):
        raise NotACube(f"{path.name}: {why}")
    return exposure_header(images)


def _why_not(images: Sequence[Image], whole: bool) -> str:
    """Why a file is no cube, "" if it can be; ``whole``: its headers account for all its bytes."""
    headers = [images[0].header, *(one.header for one in images[1:2])]  # fpack moves the first
    for header in headers:
        if why := _by_category(header):
            return why
    primary = images[0].header
    if _claims_to_be_cube(primary) or any(len(one.shape) == 3 for one in images) or not whole:
        return ""  # what is wrong with it is told when it is opened
    if primary.get("ESO DPR CATG") is not None and primary.get("ESO PRO CATG") is None:
        return "a raw frame (ESO DPR CATG and no ESO PRO CATG); reduce it first"
    axes = sorted({len(one.shape) for one in images if one.shape})
    if not axes:
        return "it holds no image"
    return f"its images have {' and '.join(map(str, axes))} axes, a cube has 3"


def _claims_to_be_cube(header: fits.Header) -> bool:
    category = str(header.get("ESO PRO CATG", "")).strip().upper()
    return category.startswith("DATACUBE") or header.get("PRODCATG") == CUBE_PRODUCT


def _by_category(header: fits.Header) -> str:
    """What the categories in a header say that a file is instead of a cube, "" if they do not.

    Categories that are not known say nothing: its images tell.
    """
    if _claims_to_be_cube(header):
        return ""
    for key in ("PRODCATG", "ESO PRO CATG"):
        category = str(header.get(key, "") or "").strip().upper()
        name = next((name for part, name in _KINDS if part in category), "")
        if name:
            return f"{name} ({key} = {category})"
    return ""

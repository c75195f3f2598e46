"""How the rows and columns of a cube lie on the sky: scale, orientation, handedness."""

from dataclasses import dataclass

import numpy as np
from astropy import units as u
from astropy.io import fits

from pipeline.errors import CubeUnreadable, ImplausibleValue
from pipeline.muse.numbers import number
from pipeline.muse.spectral_axis import real

_NO_SKY = ("PIXEL", "LINEAR", "")  # CTYPE1 of axes that count pixels
MOST_UNEQUAL = 3.0  # sides of a spaxel, and its diagonals: one is at most so much longer
LARGEST_DEG, LARGEST_LATITUDE_DEG, LARGEST_PX = 720.0, 90.0, 1e6  # of the reference of a grid
_LATITUDES = ("DEC-", "GLAT", "ELAT", "HLAT", "SLAT")
_FRAME = {  # with their limits; 999 is what some write for a pole that is not given
    "RADESYS": (),
    "EQUINOX": (1800.0, 2200.0),
    "LONPOLE": (-999.0, 999.0),
    "LATPOLE": (-999.0, 999.0),
}
_CD = tuple(f"CD{i}_{j}" for i in (1, 2) for j in (1, 2))
_PC = tuple(f"PC{i}_{j}" for i in (1, 2) for j in (1, 2))


@dataclass(frozen=True)
class SpatialAxes:
    """Scale and orientation of the grid of spaxels."""

    pixel_scale_arcsec: float | None  # None: axes that count pixels, no sky
    rotation_deg: float = 0.0  # of the image against north up, east left; counter-clockwise
    mirrored: bool = False  # east is to the right when north is up


NO_SKY = SpatialAxes(None)


def spatial_axes(header: fits.Header, where: str) -> SpatialAxes:
    """Scale and orientation that the WCS of an image says.

    The matrix may be given as CD, as PC with CDELT, or as CDELT with CROTA2. Of a mirrored grid the
    rotation is that of the grid with its first axis reversed.

    Parameters
    ----------
    header : Header
        Of the image.
    where : str
        File and extension, for messages.

    Raises
    ------
    CubeUnreadable
        If there is no matrix, or it is no numbers.
    ImplausibleValue
        If a spaxel is far from a square.
    """
    kind = str(header.get("CTYPE1", "")).strip().upper()
    matrix = _matrix(header, where, kind)
    if matrix is None:
        return NO_SKY
    _check_spaxel(matrix, where)
    scale = np.sqrt(abs(np.linalg.det(matrix)))
    mirrored = bool(np.linalg.det(matrix) > 0)
    if _swapped(header, kind):  # declination first: rows of the matrix change places
        matrix, mirrored = matrix[::-1], not mirrored
    if mirrored:
        matrix = matrix @ np.diag([-1.0, 1.0])
    with np.errstate(all="ignore"):
        rotation = np.degrees(np.arctan2(-matrix[0, 1], -matrix[0, 0]))
    return SpatialAxes(float(scale * 3600), float(rotation) + 0.0, mirrored)


def celestial_header(header: fits.Header, where: str, axes: SpatialAxes) -> fits.Header | None:
    """The celestial coordinates of the grid as it is read, as the header of an image of two axes.

    Whatever form the matrix has in the file, here it is CD in degrees; a mirrored grid has been
    reversed along its first axis.

    Parameters
    ----------
    header : Header
        Of the image.
    where : str
        File and extension, for messages.
    axes : SpatialAxes
        Of ``spatial_axes`` on the same header.

    Returns
    -------
    Header or None
        None for a grid without coordinates on the sky.

    Raises
    ------
    CubeUnreadable
        If a keyword is no number.
    ImplausibleValue
        If it is beyond its limits.
    """
    kinds = [str(header.get(f"CTYPE{axis}", "")).strip() for axis in (1, 2)]
    matrix = _matrix(header, where, kinds[0].upper())
    if matrix is None or "-" not in kinds[0] or not all(map(_is_plain, kinds)):
        return None
    degrees = np.diag(_degrees(header, where))
    found = fits.Header()
    for axis, kind, degree in zip((1, 2), kinds, degrees, strict=True):
        found[f"CTYPE{axis}"], found[f"CUNIT{axis}"] = kind, "deg"
        largest = LARGEST_LATITUDE_DEG if kind.startswith(_LATITUDES) else LARGEST_DEG
        for key, unit, limit in (("CRVAL", float(degree), largest), ("CRPIX", 1.0, LARGEST_PX)):
            found[f"{key}{axis}"] = _place(header, f"{key}{axis}", unit, limit, where)
    if axes.mirrored:
        matrix = matrix @ np.diag([-1.0, 1.0])
        found["CRPIX1"] = real(header, "NAXIS1", where) + 1 - found["CRPIX1"]
    for (row, column), value in np.ndenumerate(matrix):
        found[f"CD{row + 1}_{column + 1}"] = float(value)
    for key, limits in _FRAME.items():
        value = header.get(key)
        if isinstance(value, str) and not limits and _is_plain(value):
            found[key] = value
        elif limits and np.isfinite(angle := number(header, key)):
            if not limits[0] <= angle <= limits[1]:
                raise _beyond(where, key, angle, *limits)
            found[key] = angle
    return found


def _place(header: fits.Header, key: str, unit: float, limit: float, where: str) -> float:
    """A coordinate of the reference of the grid, 0 if it is missing."""
    value = unit * (real(header, key, where) if key in header else 0.0)
    if not abs(value) <= limit:
        raise _beyond(where, key, value, -limit, limit)
    return value


def _beyond(where: str, key: str, value: float, lowest: float, highest: float) -> ImplausibleValue:
    return ImplausibleValue(f"{where}: {key} = {value:g}; {lowest:g} to {highest:g} are possible")


def _check_spaxel(matrix: np.ndarray, where: str) -> None:
    """Make sure that the sides and diagonals of a spaxel are those of a square, more or less."""
    with np.errstate(all="ignore"):
        corners = np.column_stack([matrix, matrix.sum(axis=1), matrix[:, 0] - matrix[:, 1]])
        lengths = np.hypot(*corners) * 3600
    if lengths.min() == 0 or not lengths.max() < MOST_UNEQUAL * lengths.min():
        raise ImplausibleValue(
            f"{where}: sides of a spaxel of {lengths[0]:g} and {lengths[1]:g} arcsec, diagonals of "
            f"{lengths[2]:g} and {lengths[3]:g}; a square is expected"
        )


def _is_plain(text: str) -> bool:
    """Whether a header may hold the text: others have control characters in quotes."""
    return text.isascii() and text.isprintable()


def _swapped(header: fits.Header, kind: str) -> bool:
    return kind.startswith("DEC-") and str(header.get("CTYPE2", "")).upper().startswith("RA--")


def _matrix(header: fits.Header, where: str, kind: str) -> np.ndarray | None:
    """The matrix (2, 2) from pixels to degrees; None for axes that count pixels.

    Those are of the cubes of muse_scipost_make_cube, and of tools that lost the coordinates.
    """
    if kind == "PIXEL" or str(header.get("CUNIT1", "")).strip().lower() in ("pixel", "pix"):
        return None
    if any(key in header for key in _CD):
        for key in ("CD1_1", "CD2_2"):
            if key not in header:
                raise CubeUnreadable(f"{where}: keyword {key} missing")
        values = [real(header, key, where) if key in header else 0.0 for key in _CD]
        return np.asarray(_degrees(header, where) @ np.array(values).reshape(2, 2))
    if "CDELT1" in header or "CDELT2" in header or any(key in header for key in _PC):
        return np.asarray(_degrees(header, where) @ _from_steps(header, where))
    if kind in _NO_SKY:
        return None
    raise CubeUnreadable(f"{where}: keyword CD1_1 missing, and no CDELT1 instead")


def _from_steps(header: fits.Header, where: str) -> np.ndarray:
    """CDELT times PC; CROTA2 where there is no PC; what is left out is 1 on the diagonal."""
    steps = [real(header, key, where) if key in header else 1.0 for key in ("CDELT1", "CDELT2")]
    if "CROTA2" in header and not any(key in header for key in _PC):
        angle = np.radians(real(header, "CROTA2", where))
        (one, two), (cos, sin) = steps, (np.cos(angle), np.sin(angle))
        return np.array([[one * cos, -two * sin], [one * sin, two * cos]])
    values = [
        real(header, key, where) if key in header else float(key in ("PC1_1", "PC2_2"))
        for key in _PC
    ]
    return np.asarray(np.diag(steps) @ np.array(values).reshape(2, 2))


def _degrees(header: fits.Header, where: str) -> np.ndarray:
    """Degrees in the unit of each axis, on the diagonal of a matrix."""
    factors = []
    for axis in (1, 2):
        text = str(header.get(f"CUNIT{axis}", "")).strip() or "deg"
        try:
            factors.append(float(u.Unit(text).to(u.deg)))
        except (ValueError, TypeError, u.UnitConversionError) as error:
            raise CubeUnreadable(f"{where}: CUNIT{axis}: {error}") from error
    return np.diag(factors)

"""Right ascension and declination of what an image shows, from the WCS of its cube."""

import warnings
from typing import TYPE_CHECKING

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from pipeline.muse.cube import Cube

if TYPE_CHECKING:
    from astropy.wcs import WCS


def celestial_cards(cube: Cube) -> str:
    """The celestial WCS of a cube's images as the text of a FITS header; "" if it has none.

    A grid of the instrument's own pixels has none, nor has one whose keywords are no WCS: its stars are
    then known by their pixels alone.
    """
    from astropy.wcs import WCS  # where it is needed: with coordinates, a tenth of a second

    if cube.celestial is None:
        return ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        try:
            wcs = WCS(cube.celestial).celestial
            cards = str(wcs.to_header().tostring()) if wcs.has_celestial else ""
            sky_positions(cards, np.zeros((1, 2)))  # of a frame that exists
        # WCSLIB's errors are ValueErrors; a frame that astropy does not know has no attributes
        except (KeyError, ValueError, TypeError, AttributeError, MemoryError):
            return ""
        return cards


def sky_positions(cards: str, xy: np.ndarray) -> np.ndarray:
    """Right ascension and declination [deg, ICRS] of positions, shape (star, 2).

    Parameters
    ----------
    cards : str
        From ``celestial_cards``; "" gives NaN.
    xy : ndarray, shape (star, 2)
        Positions [pix], 0-based.
    """
    xy = np.asarray(xy, float).reshape(-1, 2)
    if not cards:
        return np.full(xy.shape, np.nan)
    sky = _wcs(cards).pixel_to_world(*xy.T).icrs
    return np.column_stack([sky.ra.deg, sky.dec.deg])


def pixel_positions(cards: str, radec_deg: np.ndarray) -> np.ndarray:
    """Positions (star, 2) [pix, 0-based] of right ascension and declination; NaN where unknown.

    Parameters
    ----------
    cards : str
        From ``celestial_cards``; "" gives NaN.
    radec_deg : ndarray, shape (star, 2)
        ICRS [deg]; NaN: unknown.
    """
    from astropy.coordinates import SkyCoord  # where it is needed: a tenth of a second

    radec_deg = np.asarray(radec_deg, float).reshape(-1, 2)
    found = np.full(radec_deg.shape, np.nan)
    known = np.isfinite(radec_deg).all(axis=1)
    if cards and known.any():
        sky = SkyCoord(*radec_deg[known].T, unit="deg")
        found[known] = np.column_stack(_wcs(cards).world_to_pixel(sky))
    return found


def _wcs(cards: str) -> "WCS":
    from astropy.wcs import WCS

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        return WCS(fits.Header.fromstring(cards))

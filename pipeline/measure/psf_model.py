"""The image of a star as a sum of concentric Gaussians, integrated over spaxels.

A multi-Gaussian expansion (Emsellem et al. 1994, A&A 285, 723; Cappellari 2002, MNRAS 333, 400)
takes on any round profile that falls outwards: Moffat, two Gaussians, a halo. Its integral over a
spaxel is a product of error functions, its light within a circle is known in closed form, and the
shares of the components follow from a linear fit. All components scale with one local width.
"""

from dataclasses import dataclass

import numpy as np
import scipy

# Widths of the components in units of the local width (the sigma of a Gaussian of the star's FWHM)
RELATIVE_SIGMA = np.array([0.55, 0.8, 1.15, 1.7, 2.6, 4.2])
FWHM_PER_SIGMA = float(2 * np.sqrt(2 * np.log(2)))


@dataclass(frozen=True)
class Offsets:
    """The spaxels of a window about a star's central spaxel, the same for all stars."""

    x: np.ndarray  # (pix,) int, columns from the central one
    y: np.ndarray  # (pix,) int

    @classmethod
    def within(cls, radius_px: float) -> "Offsets":
        """All spaxels whose centre is within a radius of the central one."""
        reach = int(np.floor(radius_px))
        y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
        inside = np.hypot(x, y) <= radius_px
        return cls(x[inside], y[inside])


def component_images(offsets: Offsets, shift_xy: np.ndarray, sigma_px: np.ndarray) -> np.ndarray:
    """Share of the light of each component in every spaxel, shape (star, component, pix).

    Parameters
    ----------
    offsets : Offsets
    shift_xy : ndarray, shape (star, 2)
        Position of the star from the centre of the central spaxel [pix].
    sigma_px : ndarray, shape (star,)
        Local width.
    """
    sigma = sigma_px[:, None] * RELATIVE_SIGMA
    reach_x, reach_y = (np.arange(one.min(), one.max() + 1) for one in (offsets.x, offsets.y))
    along_x = _strips(reach_x, shift_xy[:, 0], sigma)
    along_y = _strips(reach_y, shift_xy[:, 1], sigma)
    return np.asarray(along_x[:, :, offsets.x - reach_x[0]] * along_y[:, :, offsets.y - reach_y[0]])


def _strips(pixel: np.ndarray, centre: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Integral of unit Gaussians over each pixel along one axis, (star, component, pixel)."""
    edges = np.append(pixel - 0.5, pixel[-1] + 0.5)
    reduced = (edges - centre[:, None, None]) / (np.sqrt(2) * sigma[:, :, None])
    return np.asarray(np.diff(scipy.special.erf(reduced), axis=2) / 2)


def star_images(
    offsets: Offsets, shift_xy: np.ndarray, sigma_px: np.ndarray, shares: np.ndarray
) -> np.ndarray:
    """Share of a star's light in every spaxel, shape (star, pix).

    Parameters
    ----------
    shares : ndarray, shape (component,)
        Of the light; they add up to 1.
    """
    return np.asarray(np.einsum("skp,k->sp", component_images(offsets, shift_xy, sigma_px), shares))


def light_within(radius_px: np.ndarray, sigma_px: float, shares: np.ndarray) -> np.ndarray:
    """Share of a star's light within circles about it, shape of ``radius_px``."""
    reduced = np.asarray(radius_px, float)[..., None] / (sigma_px * RELATIVE_SIGMA)
    return np.asarray((1 - np.exp(-(reduced**2) / 2)) @ shares)

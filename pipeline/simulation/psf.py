"""The image of a star on the spaxels: a Moffat profile, integrated over each, and its spikes.

The share of a star's light in a spaxel is the mean of the profile over the spaxel, by
Gauss-Legendre quadrature: 4 x 4 points near the core, 2 x 2 outside. For FWHM >= 2.2 px the sum
over an image is right to 1e-6 of the star's light (tests compare with adaptive integration).
Light is normalised over the infinite plane, so an image that ends somewhere holds less than 1;
nothing is renormalised.
"""

from dataclasses import dataclass

import numpy as np

CORE_RADIUS_PX = 8
_RULES = {order: np.polynomial.legendre.leggauss(order) for order in (2, 4)}
_SPIKE_LIGHT = 0.015  # share of the light in the spikes of the four spider arms
_SPIKE_LENGTH_PX = 12.0  # half-light length of a spike
_SPIKE_SIGMA_PX = 0.9  # across


@dataclass(frozen=True)
class Profile:
    """Shape of a star at one wavelength."""

    fwhm_px: float
    beta: float  # Moffat index: small means broad wings

    @property
    def alpha_px(self) -> float:
        """Core radius of the Moffat profile."""
        return float(self.fwhm_px / (2 * np.sqrt(2 ** (1 / self.beta) - 1)))

    def light_beyond(self, radius_px: float) -> float:
        """Share of the Moffat's light outside a circle."""
        return float((1 + (radius_px / self.alpha_px) ** 2) ** (1 - self.beta))


def moffat_image(
    profile: Profile, x: float, y: float, columns: np.ndarray, rows: np.ndarray
) -> np.ndarray:
    """Share of a star's light in every spaxel of a rectangle.

    Parameters
    ----------
    profile : Profile
        Shape at this wavelength.
    x, y : float
        Position of the star [pix].
    columns, rows : ndarray of int
        Consecutive spaxels of the rectangle.

    Returns
    -------
    ndarray, shape (row, column)
        The Moffat profile has total light 1 on the infinite plane.
    """
    image = _quadrature(profile, columns - x, rows - y, 2)
    near_x = np.flatnonzero(np.abs(columns - x) <= CORE_RADIUS_PX)
    near_y = np.flatnonzero(np.abs(rows - y) <= CORE_RADIUS_PX)
    if near_x.size and near_y.size:
        core = _quadrature(profile, columns[near_x] - x, rows[near_y] - y, 4)
        image[near_y[0] : near_y[-1] + 1, near_x[0] : near_x[-1] + 1] = core
    return image


def spikes_image(
    x: float, y: float, angle_deg: float, columns: np.ndarray, rows: np.ndarray
) -> np.ndarray:
    """Share of the spikes' light in every spaxel: two crossed bars, Gauss across, Lorentz along.

    Sampled at spaxel centres with the width of the spaxel folded in; for a Gaussian this wide the
    sum over a plane equals the integral to 1e-7.
    """
    angle = np.radians(angle_deg)
    dx, dy = (columns - x)[None, :], (rows - y)[:, None]
    along = dx * np.cos(angle) + dy * np.sin(angle)
    across = -dx * np.sin(angle) + dy * np.cos(angle)
    return np.asarray(0.5 * (_bar(along, across) + _bar(across, along)))


def star_image(
    profile: Profile,
    xy: tuple[float, float],
    spikes: np.ndarray,
    columns: np.ndarray,
    rows: np.ndarray,
) -> np.ndarray:
    """Share of a star's light in every spaxel: Moffat profile plus the given spikes."""
    image = moffat_image(profile, *xy, columns, rows)
    image *= 1 - _SPIKE_LIGHT
    image += _SPIKE_LIGHT * spikes
    return image


def _quadrature(profile: Profile, dx: np.ndarray, dy: np.ndarray, order: int) -> np.ndarray:
    """Mean of the profile over unit squares by a product of Gauss-Legendre rules."""
    nodes, weights = _RULES[order]
    alpha = profile.alpha_px
    total = np.zeros((len(dy), len(dx)))
    squares_x = [((dx + node / 2) / alpha) ** 2 for node in nodes]
    for node_y, weight_y in zip(nodes, weights, strict=True):
        square_y = 1 + ((dy + node_y / 2) / alpha) ** 2
        for square_x, weight_x in zip(squares_x, weights, strict=True):
            term = np.add.outer(square_y, square_x)
            np.log(term, out=term)
            term *= -profile.beta
            np.exp(term, out=term)
            term *= weight_x * weight_y / 4
            total += term
    total *= (profile.beta - 1) / (np.pi * alpha**2)
    return total


def _bar(along: np.ndarray, across: np.ndarray) -> np.ndarray:
    variance = _SPIKE_SIGMA_PX**2 + 1 / 12
    gauss = np.exp(-0.5 * across**2 / variance) / np.sqrt(2 * np.pi * variance)
    lorentz = 1 / (np.pi * _SPIKE_LENGTH_PX * (1 + (along / _SPIKE_LENGTH_PX) ** 2))
    return np.asarray(gauss * lorentz)

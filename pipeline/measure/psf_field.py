"""How the PSF of one exposure changes with wavelength and over the field."""

from dataclasses import dataclass, replace

import numpy as np

WIDTH_PRIOR = 0.03  # relative: PSF widths vary by a few per cent over the field
N_PASSES = 3  # of the robust fit of the surface
HUBER_SIGMA = 2.5
TINY = 1e-300  # keeps a division by nothing from failing


@dataclass(frozen=True)
class WidthSurface:
    """ln of the local width over its mean, a quadratic surface; held at its rim beyond the stars."""

    low: np.ndarray  # (2,) [pix], range of the stars that it was measured from
    high: np.ndarray
    coefficient: np.ndarray  # (6,): 1, x, y, x x, x y, y y of places scaled to -1 to 1

    @classmethod
    def flat(cls, xy: np.ndarray) -> "WidthSurface":
        """The same width everywhere, for stars at (source, 2)."""
        return cls(xy.min(axis=0), xy.max(axis=0), np.zeros(6))

    def at(self, xy: np.ndarray) -> np.ndarray:
        """Value at places (source, 2)."""
        return np.asarray(self.terms(xy) @ self.coefficient)

    def terms(self, xy: np.ndarray) -> np.ndarray:
        """The six terms at places, (source, 6)."""
        middle, half = (self.low + self.high) / 2, np.maximum(self.high - self.low, 2.0) / 2
        x, y = ((np.clip(xy, self.low, self.high) - middle) / half).T
        return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)


@dataclass(frozen=True)
class FieldPsf:
    """PSF of one exposure at its knots in wavelength."""

    wave_aa: np.ndarray  # (knot,)
    sigma_px: np.ndarray  # (knot,), mean width of the stars that the PSF is measured from
    shares: np.ndarray  # (knot, component)
    shift_px: np.ndarray  # (knot, 2), of all positions
    width: WidthSurface
    offset_px: np.ndarray  # (source, 2), of each position

    def at(self, knot: int, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Positions (source, 2), local widths (source,) and shares of the components at a knot."""
        width = self.sigma_px[knot] * np.exp(self.width.at(xy))
        return xy + self.offset_px + self.shift_px[knot], width, self.shares[knot]

    def extended(self, n_sources: int, rows: np.ndarray) -> "FieldPsf":
        """The same for more sources, of which ``rows`` were fitted."""
        offset = np.zeros((n_sources, 2))
        offset[rows] = self.offset_px
        return replace(self, offset_px=offset)


def fit_surface(xy: np.ndarray, ln_width: np.ndarray, information: np.ndarray) -> WidthSurface:
    """Quadratic surface through local widths, of mean 0 over the stars.

    A ridge holds each coefficient to WIDTH_PRIOR: few or faint stars leave the width constant. The
    fit is robust (Huber): a blend does not bend the surface.

    Parameters
    ----------
    xy : ndarray, shape (star, 2)
    ln_width : ndarray, shape (star,)
    information : ndarray, shape (star,)
        Inverse variances of ``ln_width``.
    """
    surface = WidthSurface.flat(xy)
    design = surface.terms(xy)
    weight = 1 / (1 / np.maximum(information, TINY) + (WIDTH_PRIOR / 10) ** 2)
    used, coefficient = weight, surface.coefficient
    for _ in range(N_PASSES):
        normal = design.T @ (used[:, None] * design) + np.eye(6) / WIDTH_PRIOR**2
        coefficient = np.linalg.solve(normal, design.T @ (used * ln_width))
        pull = np.abs(ln_width - design @ coefficient) * np.sqrt(weight)
        used = weight / np.maximum(1, pull / HUBER_SIGMA)
    coefficient[0] -= np.average(design @ coefficient, weights=weight)
    return replace(surface, coefficient=coefficient)

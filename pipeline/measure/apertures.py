"""Methods "center" and "exact": sums in circular apertures.

The definition, for star s, aperture a and layer z::

    flux[s, a, z]     = sum of w[s, a, y, x] * data[z, y, x]     over spaxels with finite data
    variance[s, a, z] = sum of w[s, a, y, x]**2 * stat[z, y, x]  over spaxels with finite stat
    coverage[s, a, z] = sum of w over spaxels with both finite / sum of w

with the weight w = 1 where the centre of a spaxel is within the radius ("center", as the study),
or the area of its overlap with the circle ("exact"). The tests write this out in loops; here it is
a gather of the few thousand spaxels that any aperture touches and a sparse matrix product.

With a local sky, the mean of the annulus (see ``sky_annulus``) times the area of the aperture is
subtracted, and its variance added.
"""

from dataclasses import dataclass

import numpy as np
import scipy

from pipeline.errors import ConfigError
from pipeline.measure.layers import Block
from pipeline.measure.sky_annulus import Annuli, build_annuli, sky_levels
from pipeline.measure.spectra import CubeArrays, Spectra, Targets
from pipeline.muse.circles import circle_overlap

ROUNDING = 1e-9  # of a sum of weights: less than this share of an aperture is none
FAR_PX = 1e9  # beyond any image, below the range of the integers


@dataclass(frozen=True)
class Apertures:
    """Which spaxels the apertures touch, and with which weight."""

    spaxels: np.ndarray  # (n,) flat indices y * nx + x, increasing
    weights: "scipy.sparse.csr_array"  # (star * aperture, n)
    totals: np.ndarray  # (star * aperture,), sum of the weights, those off the image included


@dataclass(frozen=True)
class ApertureMethod:
    """Sums in circles; ``name`` says how a spaxel on the rim counts."""

    name: str
    description: str

    def start(self, cube: CubeArrays, targets: Targets) -> "ApertureSums":
        """Weights of the apertures on the cube's image, and of the sky annuli if there are any."""
        return ApertureSums(self.name, cube, targets)


def aperture_weights(
    xy: np.ndarray, radii_px: np.ndarray, shape: tuple[int, ...], method: str
) -> Apertures:
    """Weights of the spaxels of an image in circular apertures.

    Parameters
    ----------
    xy : ndarray, shape (star, 2)
    radii_px : ndarray, shape (aperture,)
    shape : (ny, nx)
    method : "center" or "exact"
    """
    if method not in ("center", "exact"):
        raise ConfigError(f'aperture method {method!r}: choose "center" or "exact"')
    ny, nx = shape
    spaxels, rows, values, totals = [], [], [], []
    for row, (x, y, radius) in enumerate((x, y, r) for x, y in xy for r in radii_px):
        column_index, row_index, weight = _circle(x, y, radius, method)
        totals.append(weight.sum())
        inside = (column_index >= 0) & (column_index < nx) & (row_index >= 0) & (row_index < ny)
        spaxels.append((row_index * nx + column_index)[inside])
        values.append(weight[inside])
        rows.append(np.full(inside.sum(), row))
    flat, column = np.unique(_joined(spaxels, int), return_inverse=True)
    weights = scipy.sparse.csr_array(
        (_joined(values, float), (_joined(rows, int), column)), shape=(len(totals), len(flat))
    )
    return Apertures(flat, weights, np.array(totals))


def _joined(parts: list[np.ndarray], kind: type) -> np.ndarray:
    return np.concatenate(parts).astype(kind) if parts else np.empty(0, kind)


def _circle(
    x: float, y: float, radius: float, method: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Spaxels (column, row) of a circle with weight above zero, wherever the image ends."""
    if not (abs(x) < FAR_PX and abs(y) < FAR_PX):  # NaN as well
        return np.empty(0, int), np.empty(0, int), np.empty(0)
    if method == "exact":
        column, row, area = circle_overlap(x, y, radius)
        return column, row, area
    column, row = np.meshgrid(
        np.arange(np.floor(x - radius), np.ceil(x + radius) + 1, dtype=int),
        np.arange(np.floor(y - radius), np.ceil(y + radius) + 1, dtype=int),
    )
    inside = np.sqrt((column - x) ** 2 + (row - y) ** 2) <= radius
    return column[inside], row[inside], np.ones(int(inside.sum()))


class ApertureSums:
    """Sums of the flux in each aperture, less the local sky if one is asked for."""

    def __init__(self, method: str, cube: CubeArrays, targets: Targets) -> None:
        shape = cube.data.shape[1:]
        self._method, self._targets, self._wave_aa = method, targets, cube.wave_aa
        apertures = aperture_weights(targets.xy, targets.radii_px, shape, method)
        self._annuli = build_annuli(targets, shape)
        self.spaxels = apertures.spaxels
        if self._annuli is not None:
            self.spaxels = np.union1d(self.spaxels, self._annuli.spaxels)
        self._own = np.searchsorted(self.spaxels, apertures.spaxels)
        self._weights = apertures.weights
        self._squares = apertures.weights.power(2)
        self._columns = apertures.weights.tocsc()
        self._on_image = np.asarray(apertures.weights.sum(axis=1)).reshape(-1, 1)
        self._totals = np.where(apertures.totals > 0, apertures.totals, 1.0)[:, None]
        size = len(apertures.totals), len(cube.data)
        self._flux, self._variance, self._coverage = (np.empty(size) for _ in range(3))

    def add(self, block: Block) -> None:
        """Sums of some layers."""
        here, own = block.layers, block.of(self._own)
        self._flux[:, here] = self._weights @ own.data
        self._variance[:, here] = self._squares @ own.stat
        spoiled = np.flatnonzero(own.missing.any(axis=0))  # few: this product costs next to nothing
        missing = self._columns[:, spoiled] @ own.missing[:, spoiled].T.astype(float)
        self._coverage[:, here] = (self._on_image - missing) / self._totals
        if self._annuli is not None:
            self._subtract_sky(block, self._annuli)

    def _subtract_sky(self, block: Block, annuli: Annuli) -> None:
        """Take the level of the annulus times the area that was summed from each aperture."""
        level, level_variance = (
            np.repeat(values, len(self._targets.radii_px), axis=0)
            for values in sky_levels(block, annuli, self.spaxels)
        )
        area = self._totals * self._coverage[:, block.layers]
        self._flux[:, block.layers] -= area * level
        self._variance[:, block.layers] += area**2 * level_variance

    def spectra(self) -> Spectra:
        """Flux, variance and coverage of every star, aperture and layer."""
        self._coverage[self._coverage < ROUNDING] = 0.0
        nothing = self._coverage == 0
        self._flux[nothing] = self._variance[nothing] = np.nan
        shape = len(self._targets.xy), len(self._targets.radii_px), len(self._wave_aa)
        return Spectra(
            self._flux.reshape(shape),
            self._variance.reshape(shape),
            self._coverage.reshape(shape),
            self._wave_aa,
            self._targets.radii_px,
            self._method,
        )

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
from photutils.aperture import CircularAperture
from scipy import sparse

from pipeline.errors import ConfigError
from pipeline.measure.layers import Block, read_blocks
from pipeline.measure.sky_annulus import Annuli, build_annuli, sky_levels
from pipeline.measure.spectra import CubeArrays, Spectra, Targets

ROUNDING = 1e-9  # of a sum of weights: less than this share of an aperture is none
FAR_PX = 1e9  # beyond any image, below the range of the integers


@dataclass(frozen=True)
class Apertures:
    """Which spaxels the apertures touch, and with which weight."""

    spaxels: np.ndarray  # (n,) flat indices y * nx + x, increasing
    weights: sparse.csr_array  # (star * aperture, n)
    totals: np.ndarray  # (star * aperture,), sum of the weights, those off the image included


@dataclass(frozen=True)
class ApertureMethod:
    """Sums in circles; ``name`` says how a spaxel on the rim counts."""

    name: str
    description: str

    def extract(self, cube: CubeArrays, targets: Targets) -> Spectra:
        """Sums of the flux in each aperture, less the local sky if one is asked for."""
        apertures = aperture_weights(targets.xy, targets.radii_px, cube.data.shape[1:], self.name)
        annuli = build_annuli(targets, cube.data.shape[1:])
        flux, variance, coverage = _sums(cube, apertures, annuli, len(targets.radii_px))
        shape = (len(targets.xy), len(targets.radii_px), len(cube.data))
        return Spectra(
            flux.reshape(shape),
            variance.reshape(shape),
            coverage.reshape(shape),
            cube.wave_aa,
            targets.radii_px,
            self.name,
        )


CENTER = ApertureMethod("center", "sum of the spaxels whose centre is within the radius")
EXACT = ApertureMethod("exact", "sum of the spaxels, each by its area within the circle")


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
    weights = sparse.csr_array(
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
        overlap = CircularAperture((x, y), radius).to_mask(method="exact")
        touched = np.nonzero(overlap.data)
        shift = (overlap.bbox.iymin, overlap.bbox.ixmin)
        return touched[1] + shift[1], touched[0] + shift[0], overlap.data[touched]
    column, row = np.meshgrid(
        np.arange(np.floor(x - radius), np.ceil(x + radius) + 1, dtype=int),
        np.arange(np.floor(y - radius), np.ceil(y + radius) + 1, dtype=int),
    )
    inside = np.sqrt((column - x) ** 2 + (row - y) ** 2) <= radius
    return column[inside], row[inside], np.ones(int(inside.sum()))


def _sums(
    cube: CubeArrays, apertures: Apertures, annuli: Annuli | None, n_radii: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Flux, variance and coverage, each of shape (star * aperture, wave)."""
    weights, squares = apertures.weights, apertures.weights.power(2)
    columns = weights.tocsc()
    on_image = np.asarray(weights.sum(axis=1)).reshape(-1, 1)
    totals = np.where(apertures.totals > 0, apertures.totals, 1.0)[:, None]
    flux, variance, coverage = (np.empty((len(totals), len(cube.data))) for _ in range(3))
    spaxels = apertures.spaxels if annuli is None else _union(apertures, annuli)
    own = np.searchsorted(spaxels, apertures.spaxels)
    for block in read_blocks(cube, spaxels):
        data, stat, missing = block.data, block.stat, block.missing
        if annuli is not None:
            data, stat, missing = data[own], stat[own], missing[:, own]
        here = block.layers
        flux[:, here] = weights @ data
        variance[:, here] = squares @ stat
        spoiled = np.flatnonzero(missing.any(axis=0))  # few: the product costs next to nothing
        lost = columns[:, spoiled] @ missing[:, spoiled].T.astype(float)
        coverage[:, here] = (on_image - lost) / totals
        if annuli is not None:
            _subtract_sky(
                block, annuli, spaxels, totals * coverage[:, here], n_radii, flux, variance
            )
    coverage[coverage < ROUNDING] = 0.0
    nothing = coverage == 0
    flux[nothing] = variance[nothing] = np.nan
    return flux, variance, coverage


def _union(apertures: Apertures, annuli: Annuli) -> np.ndarray:
    return np.union1d(apertures.spaxels, annuli.spaxels)


def _subtract_sky(
    block: Block,
    annuli: Annuli,
    spaxels: np.ndarray,
    area: np.ndarray,
    n_radii: int,
    flux: np.ndarray,
    variance: np.ndarray,
) -> None:
    """Take the level of the annulus times the area (star * aperture, layer) from the sums."""
    level, level_variance = sky_levels(block, annuli, spaxels)
    flux[:, block.layers] -= area * np.repeat(level, n_radii, axis=0)
    variance[:, block.layers] += area**2 * np.repeat(level_variance, n_radii, axis=0)

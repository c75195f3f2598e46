"""Methods "center" and "exact": sums in circular apertures.

The definition, for star s, aperture a and layer z::

    flux[s, a, z]     = sum of w[s, a, y, x] * data[z, y, x]     over spaxels with finite data
    variance[s, a, z] = sum of w[s, a, y, x]**2 * stat[z, y, x]  over spaxels with finite stat
    coverage[s, a, z] = sum of w over spaxels with both finite / sum of w

with the weight w = 1 where the centre of a spaxel is within the radius ("center", as the study),
or the area of its overlap with the circle ("exact"). The tests write this out in loops; here it is
a gather of the spaxels of each star and a small matrix product for each. Sums of whole spaxels in
single precision are exact, so their order does not matter.

With a local sky, the mean of the annulus (see ``sky_annulus``) times the area of the aperture is
subtracted, and its variance added.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.errors import ConfigError
from pipeline.measure.layers import BLOCK_LAYERS, Block
from pipeline.measure.sky_annulus import Annuli, build_annuli, sky_levels
from pipeline.measure.spectra import CubeArrays, Spectra, Targets
from pipeline.muse.circles import circle_overlap

ROUNDING = 1e-9  # of a sum of weights: less than this share of an aperture is none
FAR_PX = 1e9  # beyond any image, below the range of the integers


@dataclass(frozen=True)
class Apertures:
    """Which spaxels the apertures of each star touch, and with which weight."""

    spaxels: np.ndarray  # (star, spaxel) flat indices y * nx + x; to fill up, some with weight 0
    weights: np.ndarray  # (star, aperture, spaxel)
    totals: np.ndarray  # (star, aperture), sum of the weights, those off the image included


@dataclass(frozen=True)
class ApertureMethod:
    """Sums in circles; ``name`` says how a spaxel on the rim counts."""

    name: str
    description: str
    joint: bool = False

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
    stars = [_on_image(x, y, radii_px, shape, method) for x, y in xy]
    most = max((len(flat) for flat, _, _ in stars), default=0)
    size = len(stars), len(radii_px)
    spaxels, weights = np.zeros((size[0], most), int), np.zeros((*size, most))
    totals = np.zeros(size)
    for star, (flat, weight, total) in enumerate(stars):
        spaxels[star] = flat[0] if len(flat) else 0
        spaxels[star, : len(flat)], weights[star, :, : len(flat)] = flat, weight
        totals[star] = total
    return Apertures(spaxels, weights, totals)


def _on_image(
    x: float, y: float, radii_px: np.ndarray, shape: tuple[int, ...], method: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Flat indices (spaxel,) about one star, their weights (aperture, spaxel), and all weight."""
    if not (abs(x) < FAR_PX and abs(y) < FAR_PX) or not len(radii_px):  # NaN as well
        return np.empty(0, int), np.empty((len(radii_px), 0)), np.zeros(len(radii_px))
    reach = radii_px.max() + 1  # a spaxel reaches 0.5 px beyond its centre
    columns = np.arange(int(np.floor(x - reach)), int(np.ceil(x + reach)) + 1)
    rows = np.arange(int(np.floor(y - reach)), int(np.ceil(y + reach)) + 1)[:, None]
    if method == "center":
        distance = np.sqrt((columns - x) ** 2 + (rows - y) ** 2)
        weights = (distance <= radii_px[:, None, None]).astype(float)
    else:
        weights = np.zeros((len(radii_px), len(rows), len(columns)))
        for one, radius in zip(weights, radii_px, strict=True):
            column, row, area = circle_overlap(x, y, radius)
            one[row - rows[0], column - columns[0]] = area
    totals = weights.sum(axis=(1, 2))
    ny, nx = shape
    on_image = (columns >= 0) & (columns < nx) & (rows >= 0) & (rows < ny)
    row, column = np.nonzero(weights.any(axis=0) & on_image)
    return (row + rows[0]) * nx + column + columns[0], weights[:, row, column], totals


class ApertureSums:
    """Sums of the flux in each aperture, less the local sky if one is asked for."""

    def __init__(self, method: str, cube: CubeArrays, targets: Targets) -> None:
        shape = cube.data.shape[1:]
        self._method, self._targets = method, targets
        layers = targets.layers_of(len(cube.data))
        self._first, self._wave_aa = layers.start, cube.wave_aa[layers.start : layers.stop]
        self._apertures = aperture_weights(targets.xy, targets.radii_px, shape, method)
        self._annuli = build_annuli(targets, shape)
        self._squares = self._apertures.weights**2
        self._on_image = self._apertures.weights.sum(axis=2)
        totals = self._apertures.totals
        self._totals = np.where(totals > 0, totals, 1.0)
        size = (*totals.shape, len(self._wave_aa))
        self._flux, self._variance, self._coverage = (np.empty(size) for _ in range(3))

    @property
    def spaxels(self) -> np.ndarray:
        """Those of the apertures, star by star, then those of the annuli."""
        own = self._apertures.spaxels.ravel()
        return own if self._annuli is None else np.append(own, self._annuli.spaxels)

    @property
    def block_layers(self) -> int | None:
        """What stands out in an annulus is told by the mean of so many layers."""
        return None if self._annuli is None else BLOCK_LAYERS

    def add(self, block: Block) -> None:
        """Sums of some layers."""
        here = slice(block.layers.start - self._first, block.layers.stop - self._first)
        own = block.of(slice(self._apertures.spaxels.size))
        data, stat, missing = (
            one.reshape(len(one), *self._apertures.spaxels.shape)  # (layer, star, spaxel)
            for one in (own.data, own.stat, own.missing)
        )
        self._flux[..., here] = self._apertures.weights @ data.transpose(1, 2, 0)
        self._variance[..., here] = self._squares @ stat.transpose(1, 2, 0)
        self._coverage[..., here] = (self._on_image / self._totals)[..., None]
        layer, star = np.nonzero(missing.any(axis=2))  # few: this product costs next to nothing
        if len(star):
            lost = self._apertures.weights[star] @ missing[layer, star, :, None].astype(float)
            seen = self._on_image[star] - lost[..., 0]
            self._coverage[star, :, here.start + layer] = seen / self._totals[star]
        if self._annuli is not None:
            self._subtract_sky(block, here, self._annuli)

    def _subtract_sky(self, block: Block, here: slice, annuli: Annuli) -> None:
        """Take the level of the annulus times the area that was summed from each aperture."""
        sky = block.of(slice(self._apertures.spaxels.size, None))
        level, level_variance = (values[:, None] for values in sky_levels(sky, annuli))
        area = self._totals[..., None] * self._coverage[..., here]
        self._flux[..., here] -= area * level
        self._variance[..., here] += area**2 * level_variance

    def spectra(self) -> Spectra:
        """Flux, variance and coverage of every star, aperture and layer."""
        self._coverage[self._coverage < ROUNDING] = 0.0
        nothing = self._coverage == 0
        self._flux[nothing] = self._variance[nothing] = np.nan
        return Spectra(
            self._flux,
            self._variance,
            self._coverage,
            self._wave_aa,
            self._targets.radii_px,
            self._method,
        )

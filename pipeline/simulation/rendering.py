"""From a noise-free scene to the layers of a cube: whole, one at a time, or where they are read.

Noise: each spaxel gets a Gaussian deviate of the expected variance (photons of star and sky,
detector), independent of all others; a real cube's resampling covariance is not simulated. STAT
is the expected variance with 2 per cent of scatter, as an unbiased estimate would have; it does
not follow the noise of DATA. Memory: the scene and a few layers.

A spaxel has the same value whether its whole layer is rendered or it alone: deviates are drawn for
the whole image either way. Measuring reads a tenth of the spaxels of most layers, so rendering those
alone takes a fifth of the time that a whole cube takes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from pipeline.simulation.draws import stream
from pipeline.simulation.instrument import SAMPLING_AA
from pipeline.simulation.scene import Scene

STAT_SCATTER = 0.02  # relative scatter of the estimated variance
BLOCK_LAYERS = 8  # of whole images whose starlight is summed together: 3 MB
_COSMIC_RATE = 0.1  # left by the rejection, per full-sampling layer (1.25 Angstrom)
_COSMIC_ELECTRONS = (600.0, 0.8)  # median and scatter (natural log) of what is left

Pair = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class NoiseDraw:
    """What decides the noise of an exposure."""

    seed: int
    exposure_id: str
    step_aa: float


@dataclass(frozen=True)
class _Star:
    """One star where it is drawn, all float32."""

    where: tuple[Any, ...]  # index of a block of layers
    extent: tuple[int, ...]  # of the spaxels there
    images: np.ndarray  # (node, spaxel)
    coefficients: np.ndarray  # (wave, node)


@dataclass(frozen=True)
class _Canvas:
    """The spaxels that are rendered, a whole image (y, x) or some of it (spaxel,), all float32."""

    spaxels: np.ndarray | None  # flat indices y * nx + x, increasing; None: the whole image
    stars: tuple[_Star, ...]
    transmission: np.ndarray
    noise_factor: np.ndarray
    offset: np.ndarray  # share of the sky that is left, less that which goes with the transmission


class Rendering:
    """An exposure whose layers are made when they are asked for.

    Parameters
    ----------
    scene : Scene
    fluxes : ndarray, shape (source,)
        Of the sources of the scene.
    noise : NoiseDraw or None
        None: expected signal and variance.
    """

    def __init__(self, scene: Scene, fluxes: np.ndarray, noise: NoiseDraw | None = None) -> None:
        self.shape: tuple[int, ...] = (len(scene.wave_aa), *scene.transmission.shape)
        self._scene, self._noise = scene, noise
        self._coefficients = [
            (flux * source.spectrum[:, None] * scene.node_weights).astype(np.float32)
            for source, flux in zip(scene.sources, fluxes, strict=True)
        ]
        self._slope = (scene.sky_share * scene.sky).astype(np.float32)
        self._sky = scene.sky.astype(np.float32)
        self._gain = (1 / scene.electrons).astype(np.float32)
        self._background = scene.background_variance.astype(np.float32)
        self._deviates = np.empty(self.shape[1:], np.float32)  # fresh memory is slow
        self._chosen: _Canvas | None = None
        self._last: tuple[slice, Pair] | None = None  # of the chosen spaxels

    @cached_property
    def _canvas(self) -> _Canvas:
        return self._prepare(None)

    def layers(self, start: int = 0, stop: int | None = None) -> Iterator[Pair]:
        """DATA and STAT of whole layers, float32 (y, x), NaN where there is no data."""
        stop = self.shape[0] if stop is None else stop
        for first in range(start, stop, BLOCK_LAYERS):
            yield from self._render(self._canvas, slice(first, min(first + BLOCK_LAYERS, stop)))

    def at(self, layers: slice, spaxels: np.ndarray) -> Pair:
        """DATA and STAT (layer, spaxel) of some layers at flat indices y * nx + x, increasing."""
        if self._chosen is None or self._chosen.spaxels is not spaxels:
            self._chosen, self._last = self._prepare(spaxels), None
        if self._last is None or self._last[0] != layers:  # whoever reads DATA reads STAT as well
            pairs = list(self._render(self._chosen, layers))
            data, stat = (np.array([pair[part] for pair in pairs]) for part in (0, 1))
            self._last = layers, (data, stat)
        return self._last[1]

    def _prepare(self, spaxels: np.ndarray | None) -> _Canvas:
        scene = self._scene
        stars = []
        for source, coefficients in zip(scene.sources, self._coefficients, strict=True):
            if spaxels is None:
                where: tuple[Any, ...] = source.where
                extent = source.images.shape[1:]
                images = source.images
            else:
                row, column = np.divmod(spaxels, self.shape[2])
                row, column = row - source.row, column - source.column
                height, width = source.images.shape[1:]
                inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
                where = (np.flatnonzero(inside),)
                extent = (len(where[0]),)
                images = source.images[:, row[inside], column[inside]]
            if not images.size:
                continue
            matrix = np.ascontiguousarray(images, np.float32).reshape(len(images), -1)
            stars.append(_Star((slice(None), *where), extent, matrix, coefficients))
        maps = (
            scene.transmission,
            scene.noise_factor,
            scene.sky_residual - scene.sky_share,
        )
        chosen = (one if spaxels is None else one.reshape(-1)[spaxels] for one in maps)
        return _Canvas(spaxels, tuple(stars), *(one.astype(np.float32) for one in chosen))

    def _render(self, canvas: _Canvas, layers: slice) -> Iterator[Pair]:
        """Signal and variance, layer by layer, with noise if there is any."""
        numbers = range(layers.start, layers.stop)
        starlight = np.zeros((len(numbers), *canvas.transmission.shape), np.float32)
        for star in canvas.stars:
            # unlike a matrix product: the same bits whatever the number of layers and spaxels
            light = np.einsum("lk,kn->ln", star.coefficients[layers], star.images)
            starlight[star.where] += light.reshape(-1, *star.extent)
        for layer, light in zip(numbers, starlight, strict=True):
            if not self._scene.lit[layer]:
                light[...] = np.nan
                yield light, light.copy()
                continue
            variance = light * canvas.transmission
            variance *= self._gain[layer]
            variance += self._background[layer]
            variance *= canvas.noise_factor
            light += self._slope[layer]  # residual sky: sky_share x (transmission - 1) + residual
            light *= canvas.transmission
            light += canvas.offset * self._sky[layer]
            if self._noise is not None:
                self._add_noise(light, variance, canvas.spaxels, layer, self._noise)
            yield light, variance

    def _add_noise(
        self,
        signal: np.ndarray,
        variance: np.ndarray,
        spaxels: np.ndarray | None,
        layer: int,
        noise: NoiseDraw,
    ) -> None:
        """Add noise to the signal, scatter to the variance, and cosmic rays."""
        rng = stream(noise.seed, "noise", noise.exposure_id, layer)
        deviates = self._deviates
        rng.standard_normal(out=deviates, dtype=np.float32)
        mine = deviates if spaxels is None else deviates.reshape(-1)[spaxels]
        signal += mine * np.sqrt(variance)
        rng.random(out=deviates, dtype=np.float32)
        mine = deviates if spaxels is None else deviates.reshape(-1)[spaxels]
        mine -= np.float32(0.5)
        mine *= np.float32(STAT_SCATTER * np.sqrt(12))
        mine += np.float32(1)
        variance *= mine
        _add_cosmics(
            signal, spaxels, self.shape[1:], rng, noise.step_aa, self._scene.electrons[layer]
        )


class RenderedLayers:
    """DATA or STAT of a rendering as the layers of a cube, made where they are read.

    Parameters
    ----------
    rendering : Rendering
    part : int
        0: DATA, 1: STAT.
    """

    def __init__(self, rendering: Rendering, part: int) -> None:
        self._rendering, self._part = rendering, part
        self.shape = rendering.shape

    def __len__(self) -> int:
        """Number of layers."""
        return self.shape[0]

    def __getitem__(self, index: Any) -> np.ndarray:
        """One layer, or a slice of layers."""
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            layers = self._rendering.layers(start, stop)
            return np.array([one[self._part] for one in layers])[::step]
        number = range(len(self))[index]
        return next(self._rendering.layers(number, number + 1))[self._part]

    def at(self, layers: slice, spaxels: np.ndarray) -> np.ndarray:
        """Samples (layer, spaxel) of consecutive layers at flat indices y * nx + x, increasing."""
        return self._rendering.at(layers, spaxels)[self._part].copy()


def _add_cosmics(
    signal: np.ndarray,
    spaxels: np.ndarray | None,
    shape: tuple[int, ...],
    rng: np.random.Generator,
    step_aa: float,
    electrons_per_unit: float,
) -> None:
    """Add cosmic rays that the rejection missed; STAT does not contain them."""
    median, scatter = _COSMIC_ELECTRONS
    for _ in range(rng.poisson(_COSMIC_RATE * step_aa / SAMPLING_AA)):
        row, column = (int(rng.integers(0, size)) for size in shape)
        light = median * np.exp(rng.normal(0, scatter)) / electrons_per_unit
        if spaxels is None:
            signal[row, column] += light
        else:
            signal[spaxels == row * shape[1] + column] += light

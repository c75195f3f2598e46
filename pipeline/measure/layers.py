"""The few spaxels that stars touch, a block of layers at a time, each layer read once.

A cube of 2.9 GB costs less CPU time than reading it: the layers are a memory map of which only
those spaxels are copied, and pages that were used are given back.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pipeline.muse.image_layers import Layers, SpaxelLayers, release

BLOCK_LAYERS = 64  # layers at a time: some 5000 spaxels of 64 layers are 2.4 MB as float64


@dataclass(frozen=True)
class CubeArrays:
    """A cube as plain arrays; may be memory maps, in either byte order, or converted layers."""

    data: Layers  # (wave, y, x) [cube unit], NaN: no data
    stat: Layers  # (wave, y, x) [cube unit squared], variance; NaN, 0 or less: no data
    wave_aa: np.ndarray  # (wave,), air wavelength of the layer centres
    dq: Layers | None = None  # (wave, y, x), anything but 0: no data; None: no such flags
    fill: float | None = None  # value of data that stands for no data


@dataclass(frozen=True)
class Block:
    """Chosen spaxels of some consecutive layers; missing values are 0 and marked."""

    layers: slice
    data: np.ndarray  # (spaxel, layer) float64
    stat: np.ndarray  # (spaxel, layer) float64
    missing: np.ndarray  # (layer, spaxel) bool: not finite, fill value, flagged, variance not > 0

    def of(self, rows: np.ndarray) -> "Block":
        """The same layers of some of the spaxels; the block itself if they are all of them."""
        if len(rows) == len(self.data):
            return self
        return Block(self.layers, self.data[rows], self.stat[rows], self.missing[:, rows])


def read_blocks(cube: CubeArrays, spaxels: np.ndarray) -> Iterator[Block]:
    """Values of spaxels, block by block over all layers.

    Parameters
    ----------
    cube : CubeArrays
    spaxels : ndarray of int, shape (spaxel,)
        Flat indices y * nx + x, increasing.
    """
    for start in range(0, len(cube.data), BLOCK_LAYERS):
        layers = slice(start, min(start + BLOCK_LAYERS, len(cube.data)))
        yield read_block(cube, spaxels, layers)


def read_block(cube: CubeArrays, spaxels: np.ndarray, layers: slice) -> Block:
    """Values of spaxels in some consecutive layers."""
    flagged = None
    if cube.dq is not None:
        flagged = _picked(cube.dq, layers, spaxels) != 0
    data, blind = _gather(_picked(cube.data, layers, spaxels), flagged, cube.fill)
    stat, _ = _gather(_picked(cube.stat, layers, spaxels), flagged if cube.fill is None else blind)
    no_error = stat <= 0  # where STAT is blind it is 0 here
    stat[no_error] = 0
    return Block(layers, data, stat, blind | no_error.T)


def _picked(source: Layers, layers: slice, spaxels: np.ndarray) -> np.ndarray:
    """A copy (layer, spaxel) of what an image of the cube holds there."""
    if isinstance(source, SpaxelLayers):
        return source.at(layers, spaxels)
    whole = source[layers]
    picked = np.take(whole.reshape(len(whole), -1), spaxels, axis=1)
    release(whole)
    return picked


def _gather(
    picked: np.ndarray,
    flagged: np.ndarray | None,
    fill: float | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Values (spaxel, layer) as float64, 0 where missing; and (layer, spaxel) bool, where."""
    if not picked.dtype.isnative:
        picked = picked.byteswap(inplace=True).view(picked.dtype.newbyteorder("="))
    blind = ~np.isfinite(picked)
    if fill is not None:
        blind |= picked == fill
    if flagged is not None:
        blind |= flagged
    picked[blind] = 0
    return np.ascontiguousarray(picked.T, dtype=float), blind

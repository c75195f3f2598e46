"""Spectra of stars from a cube, by one of the registered methods."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from itertools import pairwise
from os import PathLike
from pathlib import Path

import numpy as np

from pipeline.config.measurement import METHODS as NAMES
from pipeline.errors import ConfigError
from pipeline.measure import methods
from pipeline.measure.layers import Spaxels, block_size, read_block
from pipeline.measure.spectra import (
    NO_POSITIONS,
    Accumulation,
    CubeArrays,
    ExtractionMethod,
    Spectra,
    Targets,
)
from pipeline.muse.cube import Cube, open_cube

__all__ = [
    "METHODS",
    "ExtractionMethod",
    "Spectra",
    "as_arrays",
    "extract_spectra",
    "extract_together",
    "find_method",
]

METHODS: Mapping[str, ExtractionMethod] = {
    name: import_module(f"{methods.__name__}.{name}").METHOD for name in NAMES
}

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]  # data, stat (wave, y, x), wave_aa (wave,)


def find_method(name: str) -> ExtractionMethod:
    """The extraction method of that name.

    Raises
    ------
    ConfigError
        If there is none; the message lists those that there are.
    """
    if name not in METHODS:
        raise ConfigError(
            f"extraction method {name!r} is unknown; known are: {', '.join(sorted(METHODS))}"
        )
    return METHODS[name]


def extract_spectra(
    cube: str | PathLike[str] | Cube | CubeArrays | Arrays,
    xy: np.ndarray,
    radii_px: tuple[float, ...] | np.ndarray,
    *,
    method: str = "exact",
    neighbours_xy: np.ndarray = NO_POSITIONS,
    sky_annulus_px: tuple[float, float] | None = None,
) -> Spectra:
    """Spectra of stars, with variance and coverage.

    Parameters
    ----------
    cube : path, Cube, CubeArrays, or (data, stat, wave_aa)
        Arrays of shape (wave, y, x), floating point of either byte order; memory maps are read
        only where a star is.
    xy : ndarray of shape (star, 2)
        Positions [pix], 0-based; a star off the image or at NaN has NaN flux and coverage 0.
    radii_px : sequence of shape (aperture,)
    method : str
        A name in ``METHODS``: "center" (as Herenz and Bian 2021), "exact" or "psf".
    neighbours_xy : ndarray of shape (neighbour, 2)
        Other sources [pix]: "psf" fits them along with the stars; a sky annulus leaves them out.
    sky_annulus_px : (inner, outer), optional
        Radii of an annulus about each star whose mean level is subtracted from the apertures.

    Raises
    ------
    CubeUnreadable
        If a path is not that of a MUSE cube.
    ConfigError
        If the method is unknown, or the annulus has no width.

    Examples
    --------
    >>> data = np.full((2, 21, 21), 3.0)
    >>> wave_aa = np.array([7000.0, 7001.25])
    >>> spectra = extract_spectra((data, data, wave_aa), [(10.0, 10.0)], (2.0,), method="center")
    >>> spectra.flux[0, 0]  # thirteen spaxels have their centre within 2 pixels
    array([39., 39.])
    """
    chosen = find_method(method)
    if sky_annulus_px is not None and not 0 <= sky_annulus_px[0] < sky_annulus_px[1]:
        raise ConfigError(
            f"sky annulus {list(sky_annulus_px)}: inner and larger outer radius [pix] expected"
        )
    targets = Targets(
        np.asarray(xy, float).reshape(-1, 2),
        np.asarray(radii_px, float),
        np.asarray(neighbours_xy, float).reshape(-1, 2),
        sky_annulus_px,
    )
    return extract_together(as_arrays(cube), [(chosen, targets)])[0]


def extract_together(
    cube: CubeArrays, wanted: Sequence[tuple[ExtractionMethod, Targets]]
) -> tuple[Spectra, ...]:
    """Spectra by several methods or of several lists of targets, the cube being read once."""
    started = [method.start(cube, targets) for method, targets in wanted]
    n_layers = len(cube.data)
    ranges = [targets.layers_of(n_layers) for _, targets in wanted]
    cuts = sorted({0, n_layers, *(edge for one in ranges for edge in (one.start, one.stop))})
    for first, last in pairwise(cuts):
        active = [one for one, own in zip(started, ranges, strict=True) if first in own]
        if active:
            _read_for(active, cube, first, last)
    return tuple(one.spectra() for one in started)


def _read_for(active: Sequence[Accumulation], cube: CubeArrays, first: int, last: int) -> None:
    """Give each of them its spaxels of some layers."""
    spaxels = Spaxels(np.concatenate([one.spaxels for one in active]))
    ends = np.cumsum([len(one.spaxels) for one in active])
    columns = [slice(end - len(one.spaxels), end) for one, end in zip(active, ends, strict=True)]
    asked = [one.block_layers for one in active if one.block_layers is not None]
    size = max(asked, default=block_size(len(spaxels)))
    for start in range(first, last, size):
        block = read_block(cube, spaxels, slice(start, min(start + size, last)))
        for one, own in zip(active, columns, strict=True):
            one.add(block.of(own))


def as_arrays(cube: str | PathLike[str] | Cube | CubeArrays | Arrays) -> CubeArrays:
    """The arrays of a cube, however it is given."""
    if isinstance(cube, CubeArrays):
        return cube
    if isinstance(cube, tuple):
        data, stat, wave_aa = (np.asarray(part) for part in cube)
        return CubeArrays(data, stat, wave_aa)
    opened = cube if isinstance(cube, Cube) else open_cube(Path(cube))
    layers = [  # plain views of memory maps are quicker to slice
        np.asarray(one) if isinstance(one, np.memmap) else one for one in (opened.data, opened.stat)
    ]
    return CubeArrays(layers[0], layers[1], opened.wave_aa, opened.dq, opened.fill)

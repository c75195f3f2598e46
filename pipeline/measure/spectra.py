"""What every extraction method is given and what it hands back.

A method is an object with a name, a line of description and ``start``; it is the ``METHOD`` of a
module in ``pipeline.measure.methods``, of the same name. Several methods, or several
lists of targets, can share one reading of the cube: each is given the blocks that it needs.
"""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from pipeline.measure.layers import Block, CubeArrays

__all__ = [
    "NO_POSITIONS",
    "Accumulation",
    "CubeArrays",
    "ExtractionMethod",
    "Spectra",
    "Targets",
]

NO_POSITIONS = np.empty((0, 2))


@dataclass(frozen=True)
class Targets:
    """What is to be extracted."""

    xy: np.ndarray  # (star, 2) [pix], 0-based; off the image or NaN: flux NaN, coverage 0
    radii_px: np.ndarray  # (aperture,)
    neighbours_xy: np.ndarray = field(default_factory=lambda: NO_POSITIONS)  # (neighbour, 2) [pix]
    sky_annulus_px: tuple[float, float] | None = None  # inner and outer radius; None: no local sky
    layers: range | None = None  # that spectra are wanted of, whole blocks of them; None: all

    def layers_of(self, n_layers: int) -> range:
        """The layers of a cube that spectra are wanted of."""
        return range(n_layers) if self.layers is None else self.layers


@dataclass(frozen=True)
class Spectra:
    """Spectra of stars; the cubes have shape (star, aperture, wave), NaN where nothing is known.

    What the aperture axis means is the method's: sums within a radius for "center" and "exact",
    the light of a fitted PSF for "psf".
    """

    flux: np.ndarray  # [cube unit]
    variance: np.ndarray  # [cube unit squared], from STAT: no covariance term
    coverage: np.ndarray  # [1], share of the aperture on spaxels finite in DATA and STAT
    wave_aa: np.ndarray  # (wave,), of the layers that were wanted
    radii_px: np.ndarray  # (aperture,)
    method: str = "exact"  # name in the registry of methods

    def rows(self, chosen: slice) -> "Spectra":
        """The spectra of some of the stars."""
        return Spectra(
            self.flux[chosen],
            self.variance[chosen],
            self.coverage[chosen],
            self.wave_aa,
            self.radii_px,
            self.method,
        )


class Accumulation(Protocol):
    """Spectra in the making: given the cube block by block, each layer once."""

    @property
    def spaxels(self) -> np.ndarray:
        """Flat indices (spaxel,) y * nx + x that it needs, in its order, and each as often."""

    @property
    def block_layers(self) -> int | None:
        """How many layers it must be given together; None: it does not care."""

    def add(self, block: Block) -> None:
        """Take in some layers of those spaxels."""

    def spectra(self) -> Spectra:
        """The spectra, once all layers were given."""


class ExtractionMethod(Protocol):
    """A way to make spectra of stars from a cube."""

    @property
    def name(self) -> str:
        """What settings and tables call it."""

    @property
    def description(self) -> str:
        """One line for tables, captions and help."""

    @property
    def joint(self) -> bool:
        """Whether the spectrum of a star depends on which others are extracted along with it."""

    def start(self, cube: CubeArrays, targets: Targets) -> Accumulation:
        """Prepare for the targets; a few layers may be read to fit the PSF."""

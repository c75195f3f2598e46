"""Method "psf": stars, their neighbours and the local background fitted together.

flux[s, a, z] is the light within radius a of a star with the field's mean PSF at that wavelength,
fitted to the spaxels within radius a of star s; neighbours and the plane of background come from a
joint fit to larger windows. So it is on the scale of an aperture flux, but a neighbour's light, a
background, and a PSF that is wider at one end of the field than at the other are not in it.
variance is propagated from STAT; coverage is the share of the star's light within the radius that
falls on spaxels with data.

The PSF is learned from the exposure itself (``psf_fit``). As the fit is linear in the data, it is a
few rows of weights at each knot in wavelength; between knots their results are interpolated.
"""

from dataclasses import dataclass, replace

import numpy as np

from pipeline.measure.layers import BLOCK_LAYERS, Block, CubeArrays, Spaxels, read_block
from pipeline.measure.psf_fit import KnotImages, fit_psf
from pipeline.measure.psf_rows import build_rows, fit_with_gaps
from pipeline.measure.psf_system import Windows, build_windows, solve_fluxes
from pipeline.measure.spectra import Accumulation, Spectra, Targets

N_KNOTS = 6  # the width changes by 3 % between two: interpolation errs by 1e-4
MAX_KNOT_LAYERS = 32
KNOT_SHARE = 0.25  # of all layers at most is looked at to learn the PSF
WINDOW_PX = 9.0  # holds the star and enough about it to tell the background
REACH_PX = 9.0  # beyond it a neighbour's light in a window is a plane
MIN_SEEN = 0.3  # of a star's light within the radius: less tells no flux
OFF_IMAGE_PX = 3.0  # a star farther off the image is not fitted


@dataclass(frozen=True)
class PsfMethod:
    """Fluxes from a PSF that is learned from the exposure itself."""

    name: str = "psf"
    description: str = "light of a fitted PSF, jointly with neighbours and a local background"
    joint: bool = True

    def start(self, cube: CubeArrays, targets: Targets) -> Accumulation:
        """The PSF of the exposure from a few layers about the knots, and what follows from it."""
        return PsfFluxes(cube, targets)


METHOD = PsfMethod()


class PsfFluxes:
    """Fluxes of a fitted PSF, from blocks of layers."""

    block_layers = BLOCK_LAYERS  # the variance is that of the knot which is nearest to most of them

    def __init__(self, cube: CubeArrays, targets: Targets) -> None:
        self._targets, self._wave_aa = targets, cube.wave_aa
        size = len(targets.xy), len(targets.radii_px), len(cube.data)
        self._flux, self._variance = np.full((2, *size), np.nan)
        self._coverage = np.zeros(size)
        shape = cube.data.shape[1:]
        self._stars = np.flatnonzero(_on_image(targets.xy, shape))
        neighbours = targets.neighbours_xy[_on_image(targets.neighbours_xy, shape)]
        xy = np.vstack([targets.xy[self._stars], neighbours])
        windows = build_windows(xy, WINDOW_PX, REACH_PX, shape)
        self.spaxels = np.unique(windows.index[windows.valid])
        if len(self._stars):
            self._prepare(cube, xy, windows)

    def _prepare(self, cube: CubeArrays, xy: np.ndarray, windows: Windows) -> None:
        known = np.where(windows.valid, windows.index, self.spaxels[0])
        self._place = np.searchsorted(self.spaxels, known)  # (source, pix)
        knots, seen = _knot_images(cube, self.spaxels, self._place)
        n_targets = len(self._stars)
        complete = replace(windows, valid=windows.valid & seen.all(axis=0))
        self.psf = fit_psf(complete, xy, knots, np.arange(len(xy)) < n_targets)
        self._windows = windows = replace(windows, valid=windows.valid & seen.any(axis=0))
        self._knots = [
            build_rows(windows, self.psf, knot, xy, self._targets.radii_px, n_targets)
            for knot in range(len(knots.wave_aa))
        ]
        self._share = _interpolation(self.psf.wave_aa, cube.wave_aa)

    def add(self, block: Block) -> None:
        """Fluxes of some layers."""
        if not len(self._stars):
            return
        n_targets, windows = len(self._stars), self._windows
        data = np.ascontiguousarray(block.data.T)[self._place]
        share = self._share[block.layers]
        flux = np.zeros((n_targets, len(self._targets.radii_px), data.shape[2]))
        joint = np.zeros((len(data), data.shape[2]))
        for knot in np.flatnonzero(share.any(axis=0)):
            rows = self._knots[knot]
            together = solve_fluxes(rows.system, windows, data)
            own = np.matmul(rows.data, data[:n_targets])
            own -= (rows.flux.reshape(-1, len(data)) @ together).reshape(own.shape)
            flux += own * (rows.scale[:, None] * share[:, knot])
            joint += together * share[:, knot]
        nearest = self._knots[int(share.sum(axis=0).argmax())]
        stat = np.ascontiguousarray(block.stat.T)[self._place[:n_targets]]
        variance = np.matmul((nearest.effective * nearest.scale[:, None]) ** 2, stat)
        seen = (nearest.light * windows.valid[:n_targets, None]).sum(axis=2)
        coverage = np.repeat(seen[..., None], data.shape[2], axis=2)
        if block.missing.any():
            self._fit_around_gaps(block, data, joint, flux, coverage)
        for whole, part in (
            (self._flux, flux),
            (self._variance, variance),
            (self._coverage, coverage),
        ):
            whole[self._stars, :, block.layers] = part

    def _fit_around_gaps(
        self,
        block: Block,
        data: np.ndarray,
        joint: np.ndarray,
        flux: np.ndarray,
        coverage: np.ndarray,
    ) -> None:
        """Fit again, without them, the stars whose windows miss samples in a layer."""
        windows, n_targets = self._windows, len(flux)
        layers = np.flatnonzero(block.missing.any(axis=1))
        missing = block.missing[layers][:, self._place[:n_targets]] & windows.valid[:n_targets]
        for row, star in zip(*np.nonzero(missing.any(axis=2)), strict=True):
            layer, good = layers[row], windows.valid[star] & ~missing[row, star]
            share = self._share[block.layers][layer]
            pairs = np.flatnonzero(windows.window == star)
            fitted = np.zeros(flux.shape[1])
            covered = np.zeros(flux.shape[1])
            for knot in np.flatnonzero(share):
                rows = self._knots[knot]
                others = joint[windows.other[pairs], layer] @ rows.system.pair_image[pairs]
                light = fit_with_gaps(windows, rows, star, data[star, :, layer] - others, good)
                fitted += share[knot] * rows.scale * light
                covered += share[knot] * (rows.light[star] @ good)
            flux[star, :, layer], coverage[star, :, layer] = fitted, covered

    def spectra(self) -> Spectra:
        """Flux, variance and coverage of every star, aperture and layer."""
        unknown = ~((self._coverage > MIN_SEEN) & np.isfinite(self._flux))
        self._flux[unknown] = self._variance[unknown] = np.nan
        self._coverage[unknown] = 0.0
        wanted = self._targets.layers_of(len(self._wave_aa))
        layers = slice(wanted.start, wanted.stop)
        return Spectra(
            self._flux[..., layers],
            self._variance[..., layers],
            self._coverage[..., layers],
            self._wave_aa[layers],
            self._targets.radii_px,
            METHOD.name,
        )


def _on_image(xy: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Whether positions (star, 2) are on the image or little off it; False for NaN."""
    high = np.array(shape[::-1]) - 1 + OFF_IMAGE_PX
    return np.asarray(((xy >= -OFF_IMAGE_PX) & (xy <= high)).all(axis=1))


def _knot_images(
    cube: CubeArrays, spaxels: np.ndarray, place: np.ndarray
) -> tuple[KnotImages, np.ndarray]:
    """Mean images of a few layers about each knot; which spaxels (knot, source, pix) have data.

    Knots without any data (the notch of the laser) are left out, unless none has any.
    """
    n_wave = len(cube.data)
    n_knots = max(1, min(N_KNOTS, n_wave // 2))
    size = int(np.clip(KNOT_SHARE * n_wave / n_knots, 1, MAX_KNOT_LAYERS))
    centres = (np.arange(n_knots) + 0.5) * n_wave / n_knots
    starts = np.clip(np.rint(centres - size / 2), 0, n_wave - size).astype(int)
    wave, data, noise, count = [], [], [], []
    for start in starts:
        block = read_block(cube, Spaxels(spaxels), slice(start, start + size))
        seen = (~block.missing).sum(axis=0)
        safe = np.maximum(seen, 1)
        wave.append(cube.wave_aa[start : start + size].mean())
        data.append((block.data.sum(axis=0) / safe)[place])
        noise.append(np.where(seen > 0, np.sqrt(block.stat.sum(axis=0)) / safe, np.inf)[place])
        count.append(seen[place])
    counts = np.array(count)
    lit = np.asarray(counts.any(axis=(1, 2)))
    if not lit.any():
        lit = ~lit
    images = KnotImages(np.array(wave)[lit], np.array(data)[lit], np.array(noise)[lit])
    return images, np.asarray(counts[lit] > 0)


def _interpolation(knot_aa: np.ndarray, wave_aa: np.ndarray) -> np.ndarray:
    """Weight of each knot in each layer, (wave, knot): linear between, constant beyond."""
    identity = np.eye(len(knot_aa))
    return np.stack([np.interp(wave_aa, knot_aa, row) for row in identity], axis=1)

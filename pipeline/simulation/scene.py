"""The noise-free cube of one exposure, kept as few images and many coefficients.

A star's image changes smoothly with wavelength, so it is computed at six wavelengths and
interpolated (Lagrange at Chebyshev nodes; the error is below 1e-6 of the peak, see tests). A
layer, or the sum of any weighted layers, is then a sum of a few images.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.config.settings import SimulationSettings
from pipeline.muse.geometry import N_CHANNELS, SliceAddress
from pipeline.simulation import atmosphere, instrument, psf, sky
from pipeline.simulation.draws import stream
from pipeline.simulation.plan import SimulatedExposure
from pipeline.simulation.response import ChannelResponse

N_NODES = 6
NODE_RANGE_AA = (4590.0, 9360.0)
STAMP_RADIUS_PX = 40  # faint stars are drawn this far: their light is below the noise beyond
BRIGHT_SNR = 2000.0  # stars above this (band, r = 4.5 px) are drawn over the whole image


@dataclass(frozen=True)
class SceneSource:
    """One star: its image at the node wavelengths on a rectangle, and its spectrum for flux 1."""

    images: np.ndarray  # (node, y, x), share of the star's light
    row: int  # of the rectangle's first spaxel
    column: int
    spectrum: np.ndarray  # (wave,), layer means, telescope's view: throughput, haze, tellurics

    @property
    def where(self) -> tuple[slice, slice]:
        """The rectangle in the image."""
        height, width = self.images.shape[1:]
        return slice(self.row, self.row + height), slice(self.column, self.column + width)


@dataclass(frozen=True)
class Scene:
    """Everything but noise that makes up an exposure; ``fluxes`` scale the sources."""

    sources: tuple[SceneSource, ...]  # the stars in catalogue order, then the standard
    wave_aa: np.ndarray  # (wave,)
    lit: np.ndarray  # (wave,) bool, False in the sodium notch
    node_weights: np.ndarray  # (wave, node)
    transmission: np.ndarray  # (y, x), channel responses and vignetting, NaN outside the field
    noise_factor: np.ndarray  # (y, x), on the variance
    electrons: np.ndarray  # (wave,), electrons per cube unit
    sky: np.ndarray  # (wave,), sky per spaxel [cube unit]
    sky_residual: np.ndarray  # (y, x), share of the sky left in a spaxel
    uniform_residual: float  # the part of it that all channels have in common
    sky_share: float  # share of (transmission - 1) times sky that sky subtraction leaves
    read_variance: float  # electrons squared

    @property
    def background_variance(self) -> np.ndarray:
        """Variance of an empty spaxel in each layer [cube unit squared], before ``noise_factor``."""
        return np.asarray(self.sky / self.electrons + self.read_variance / self.electrons**2)

    def starlight(self, fluxes: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Weighted sum of layers of the stars alone, before the instrument, shape (y, x)."""
        image = np.zeros(self.transmission.shape)
        for source, flux in zip(self.sources, fluxes, strict=True):
            image[source.where] += flux * self.summed(source, weights)
        return image

    def summed(self, source: SceneSource, weights: np.ndarray) -> np.ndarray:
        """Weighted sum of layers of one source of flux 1 on its rectangle."""
        coefficients = (weights * source.spectrum) @ self.node_weights
        return np.asarray(np.einsum("k,kyx->yx", coefficients, source.images))

    def sky_image(self, weights: np.ndarray) -> np.ndarray:
        """Weighted sum of layers of what sky subtraction leaves, shape (y, x)."""
        pattern = self.sky_share * (self.transmission - 1)
        return np.asarray((weights @ self.sky) * (pattern + self.sky_residual))

    def signal(self, fluxes: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Weighted sum of noise-free layers, shape (y, x); NaN outside the field."""
        return np.asarray(
            self.transmission * self.starlight(fluxes, weights) + self.sky_image(weights)
        )

    def variance(self, fluxes: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Sum of variances of layers, each with its own weight, shape (y, x)."""
        photons = self.transmission * self.starlight(fluxes, weights / self.electrons)
        return np.asarray(self.noise_factor * (photons + weights @ self.background_variance))


def build_scene(
    exposure: SimulatedExposure,
    star_ids: Sequence[int],
    star_xy: np.ndarray,
    star_snr: np.ndarray,
    settings: SimulationSettings,
) -> Scene:
    """The scene of an exposure.

    Parameters
    ----------
    exposure : SimulatedExposure
        Circumstances.
    star_ids : sequence of int
        Names that the stars' spectra are drawn for.
    star_xy : ndarray, shape (star, 2)
        Positions in the reference exposure [pix].
    star_snr : ndarray, shape (star,)
        Decides which stars are drawn over the whole image.
    settings : SimulationSettings
        Wavelength step, seed, drift.
    """
    step = settings.wave_step_aa
    wave_aa = instrument.wave_grid(exposure.mode, step)
    node_aa = _nodes()
    airmass = exposure.mean_airmass
    air = exposure.throughput * atmosphere.telluric_transmission(sky.FINE_WAVE_AA, airmass)
    air *= atmosphere.haze_transmission(sky.FINE_WAVE_AA, exposure.haze_mag, airmass)
    electrons = instrument.electrons_per_unit(wave_aa, step, exposure.exptime_s)
    electrons *= 10 ** (-0.4 * atmosphere.extinction_mag(wave_aa) * airmass)

    spectra = [sky.star_spectrum(settings.seed, star) for star in star_ids]
    spectra.append(sky.standard_spectrum())
    reference_xy = np.vstack([np.asarray(star_xy, float).reshape(-1, 2), sky.STANDARD_XY])
    everywhere = np.append(np.asarray(star_snr) >= BRIGHT_SNR, True)
    sources = []
    for xy, spectrum, whole in zip(
        to_exposure(exposure.affine, reference_xy), spectra, everywhere, strict=True
    ):
        images, row, column = _node_images(exposure, xy, node_aa, bool(whole))
        binned = sky.mean_in_bins(spectrum * air, wave_aa, step)
        sources.append(SceneSource(images, row, column, binned))

    night_sky = sky.sky_emission()
    emission = exposure.sky_continuum * night_sky.continuum + exposure.sky_lines * night_sky.lines
    transmission, inside, residual = _transmission(exposure, settings)
    return Scene(
        sources=tuple(sources),
        wave_aa=wave_aa,
        lit=instrument.has_light(exposure.mode, wave_aa),
        node_weights=_lagrange(node_aa, wave_aa),
        transmission=transmission,
        noise_factor=np.where(inside, instrument.edge_noise_factor(inside), np.nan),
        electrons=electrons,
        sky=sky.mean_in_bins(emission, wave_aa, step),
        sky_residual=residual,
        uniform_residual=exposure.sky_residual,
        sky_share=settings.sky_share,
        read_variance=instrument.read_variance(step),
    )


def to_exposure(affine: Sequence[float], xy: np.ndarray) -> np.ndarray:
    """Positions in an exposure of reference positions, shape (star, 2)."""
    a, b, c, d, e, f = affine
    return np.asarray(xy @ np.array([[a, d], [b, e]]) + np.array([c, f]))


def _node_images(
    exposure: SimulatedExposure, xy: np.ndarray, node_aa: np.ndarray, whole: bool
) -> tuple[np.ndarray, int, int]:
    """Images (node, y, x) of a star on its rectangle, and the rectangle's first row and column."""
    ranges = []
    for centre, size in zip(xy[::-1], instrument.GRID_SHAPE, strict=True):
        middle = round(float(centre))
        low, high = (0, size) if whole else (middle - STAMP_RADIUS_PX, middle + STAMP_RADIUS_PX + 1)
        ranges.append(np.arange(max(low, 0), min(high, size)))
    rows, columns = ranges
    if rows.size == 0 or columns.size == 0:
        return np.zeros((len(node_aa), 0, 0)), 0, 0
    angle = np.radians(exposure.parallactic_deg)
    shift = exposure.refraction_px * np.array([np.sin(angle), np.cos(angle)])
    bars = psf.spikes_image(xy[0], xy[1], exposure.parallactic_deg + 45.0, columns, rows)
    images = [
        psf.star_image(
            exposure.profile(wave, (float(xy[0]), float(xy[1]))),
            tuple(xy + amount * shift),
            bars,
            columns,
            rows,
        )
        for wave, amount in zip(node_aa, atmosphere.refraction_shape(node_aa), strict=True)
    ]
    return np.array(images), int(rows[0]), int(columns[0])


def _transmission(
    exposure: SimulatedExposure, settings: SimulationSettings
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Transmission (NaN outside the field), mask of the field, share of the sky that is left."""
    centre = np.add(instrument.FIELD_CENTRE_XY, exposure.field_shift_px)
    angle = instrument.FIELD_ANGLE_DEG + exposure.position_angle_deg
    address = instrument.FieldOfView((float(centre[0]), float(centre[1])), angle).address()
    model = ChannelResponse.from_settings(settings)
    response = instrument.response_map(
        address, model.channels(exposure.mjd_mid), model.slices(exposure.mjd_mid)
    )
    residual = exposure.sky_residual + _residual_map(address, exposure, settings)
    if exposure.event == "vignetting":
        response *= instrument.probe_shadow()
    return response, address.channel > 0, residual


def _residual_map(
    address: SliceAddress, exposure: SimulatedExposure, settings: SimulationSettings
) -> np.ndarray:
    """Share of the sky that sky subtraction leaves or takes too much of, by channel, shape (y, x)."""
    rng = stream(settings.seed, "residual", exposure.exposure_id)
    by_channel = np.append(0.0, settings.residual_std * rng.standard_normal(N_CHANNELS))
    return np.asarray(by_channel[address.channel])


def _nodes() -> np.ndarray:
    """Chebyshev nodes over the wavelength range."""
    low, high = NODE_RANGE_AA
    angles = (2 * np.arange(N_NODES) + 1) * np.pi / (2 * N_NODES)
    return np.asarray((low + high) / 2 - (high - low) / 2 * np.cos(angles))


def _lagrange(nodes: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Weights (x, node) of polynomial interpolation."""
    weights = np.ones((len(x), len(nodes)))
    for k, node in enumerate(nodes):
        for other in np.delete(nodes, k):
            weights[:, k] *= (x - other) / (node - other)
    return weights

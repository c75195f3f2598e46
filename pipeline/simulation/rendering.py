"""From a noise-free scene to the layers of a cube, one at a time.

Noise: each spaxel gets a Gaussian deviate of the expected variance (photons of star and sky,
detector), independent of all others; a real cube's resampling covariance is not simulated. STAT
is the expected variance with 2 per cent of scatter, as an unbiased estimate would have; it does
not follow the noise of DATA. Memory: the scene and a few layers.
"""

from collections.abc import Iterator

import numpy as np

from pipeline.simulation.draws import stream
from pipeline.simulation.instrument import SAMPLING_AA
from pipeline.simulation.scene import Scene

STAT_SCATTER = 0.02  # relative scatter of the estimated variance
_COSMIC_RATE = 0.1  # left by the rejection, per full-sampling layer (1.25 Angstrom)
_COSMIC_ELECTRONS = (600.0, 0.8)  # median and scatter (natural log) of what is left


def expected_layers(scene: Scene, fluxes: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Noise-free signal and variance of each layer, float32 (y, x), NaN where there is no data."""
    transmission = scene.transmission.astype(np.float32)
    noise_factor = scene.noise_factor.astype(np.float32)
    images = [source.images.astype(np.float32) for source in scene.sources]
    coefficients = [
        (flux * source.spectrum[:, None] * scene.node_weights).astype(np.float32)
        for source, flux in zip(scene.sources, fluxes, strict=True)
    ]
    slope = (scene.sky_share * scene.sky).astype(np.float32)
    offset = (scene.sky_residual - scene.sky_share).astype(np.float32)
    sky = scene.sky.astype(np.float32)
    gain = (1 / scene.electrons).astype(np.float32)
    background = scene.background_variance.astype(np.float32)
    for layer, lit in enumerate(scene.lit):
        if not lit:
            dark = np.full(transmission.shape, np.nan, np.float32)
            yield dark, dark.copy()
            continue
        light = np.zeros(transmission.shape, np.float32)
        for source, image, coefficient in zip(scene.sources, images, coefficients, strict=True):
            light[source.where] += np.einsum("k,kyx->yx", coefficient[layer], image)
        variance = light * transmission
        variance *= gain[layer]
        variance += background[layer]
        variance *= noise_factor
        light += slope[layer]  # residual sky: sky_share x (transmission - 1) + sky_residual
        light *= transmission
        light += offset * sky[layer]
        yield light, variance


def noisy_layers(
    scene: Scene, fluxes: np.ndarray, seed: int, exposure_id: str, step_aa: float
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """DATA and STAT of each layer, float32 (y, x), NaN where there is no data."""
    shape = scene.transmission.shape
    deviates = np.empty(shape, np.float32)
    for layer, (signal, variance) in enumerate(expected_layers(scene, fluxes)):
        if scene.lit[layer]:
            rng = stream(seed, "noise", exposure_id, layer)
            rng.standard_normal(out=deviates, dtype=np.float32)
            deviates *= np.sqrt(variance)
            signal += deviates
            rng.random(out=deviates, dtype=np.float32)
            deviates -= np.float32(0.5)
            deviates *= np.float32(STAT_SCATTER * np.sqrt(12))
            deviates += np.float32(1)
            variance *= deviates
            _add_cosmics(signal, rng, step_aa, float(scene.electrons[layer]))
        yield signal, variance


def _add_cosmics(
    layer: np.ndarray, rng: np.random.Generator, step_aa: float, electrons_per_unit: float
) -> None:
    """Add cosmic rays that the rejection missed; STAT does not contain them."""
    median, scatter = _COSMIC_ELECTRONS
    for _ in range(rng.poisson(_COSMIC_RATE * step_aa / SAMPLING_AA)):
        row, column = (int(rng.integers(0, size)) for size in layer.shape)
        layer[row, column] += median * np.exp(rng.normal(0, scatter)) / electrons_per_unit

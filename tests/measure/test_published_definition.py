"""The study's algorithm, written out slowly and plainly, and our fast path on the same cubes.

``published_*`` below are the definition: nothing of them is shared with the pipeline.
"""

import math

import numpy as np
import pytest

from pipeline.config.passbands import load_band
from pipeline.measure.extraction import extract_spectra
from pipeline.measure.photometry import published_band_sum
from tests.measure.fields import FieldRecipe, clean_image, noisy

RADII = (1.5, 2.5, 3.5, 4.5, 5.5)
WAVE = np.arange(6800.0, 9351.0, 25.0)
STARS = np.array([(20.3, 18.8), (47.6, 30.2), (30.1, 52.9), (3.2, 40.4)])  # the last at the edge
N_EXPOSURES = 7


def published_spectrum(cube, x, y, radius):
    """Sum over the pixels whose centre is within the radius, NaN counted as zero."""
    n_wave, ny, nx = cube.shape
    spectrum = [0.0] * n_wave
    for row in range(ny):
        for column in range(nx):
            if math.sqrt((column - x) ** 2 + (row - y) ** 2) <= radius:
                for layer in range(n_wave):
                    value = float(cube[layer, row, column])
                    if not math.isnan(value):
                        spectrum[layer] += value
    return spectrum


def published_passband(wave_aa, band_wave_aa, band_weight):
    """The passband at the layers, straight lines between its knots."""
    values = []
    for wave in wave_aa:
        value = 0.0
        for k in range(len(band_wave_aa) - 1):
            low, high = band_wave_aa[k], band_wave_aa[k + 1]
            if low <= wave <= high:
                share = (wave - low) / (high - low)
                value = band_weight[k] + share * (band_weight[k + 1] - band_weight[k])
        values.append(value)
    return values


def published_flux(spectrum, passband):
    return sum(t * f for t, f in zip(passband, spectrum, strict=True))


def published_snr(spectrum, variance, passband):
    noise = math.sqrt(sum(t**2 * v for t, v in zip(passband, variance, strict=True)))
    return published_flux(spectrum, passband) / noise


def published_std(fluxes_1, fluxes_2):
    """Scatter of the flux ratio about its mean: sorted, both extremes dropped, over n."""
    ratios = [f1 / f2 for f1, f2 in zip(fluxes_1, fluxes_2, strict=True)]
    mean = sum(ratios) / len(ratios)
    deviations = sorted(ratio / mean - 1 for ratio in ratios)[1:-1]
    centre = sum(deviations) / len(deviations)
    return math.sqrt(sum((d - centre) ** 2 for d in deviations) / len(deviations))


@pytest.fixture(scope="module")
def cubes():
    """Noisy exposures of four stars, float32, with NaN at the rim and scattered NaN voxels."""
    rng = np.random.default_rng(3218)
    recipe = FieldRecipe((64, 64), STARS, np.array([4e4, 9e3, 2e4, 2e4]), border_px=2)
    exposures = []
    for _ in range(N_EXPOSURES):
        brightness = rng.normal(1, 0.03)
        data = np.stack([noisy(clean_image(recipe) * brightness, 20.0, rng) for _ in WAVE])
        stat = np.stack([np.nan_to_num(clean_image(recipe)) + 20.0 for _ in WAVE])
        gone = rng.random(data.shape) < 0.003
        stat[np.isnan(data)] = np.nan
        data[gone] = stat[gone] = np.nan
        exposures.append((data.astype(">f4"), stat.astype(">f4")))
    return exposures


@pytest.fixture(scope="module")
def ours(cubes):
    """Band fluxes and SNR (exposure, star, aperture) by the pipeline."""
    band = load_band("I_Bessel")
    results = []
    for data, stat in cubes:
        spectra = extract_spectra((data, stat, WAVE), STARS, RADII, method="center")
        results.append(published_band_sum(spectra.flux, spectra.variance, WAVE, band))
    return np.array([r.flux for r in results]), np.array([r.snr for r in results])


@pytest.fixture(scope="module")
def theirs(cubes):
    """The same by the definition, at the apertures of 2.5 and 4.5 px."""
    band = load_band("I_Bessel")
    passband = published_passband(WAVE.tolist(), band.wave_aa.tolist(), band.weight.tolist())
    flux, snr = np.empty((2, N_EXPOSURES, len(STARS), 2))
    for e, (data, stat) in enumerate(cubes):
        for s, (x, y) in enumerate(STARS):
            for a, radius in enumerate((2.5, 4.5)):
                spectrum = published_spectrum(data, x, y, radius)
                variance = published_spectrum(stat, x, y, radius)
                flux[e, s, a] = published_flux(spectrum, passband)
                snr[e, s, a] = published_snr(spectrum, variance, passband)
    return flux, snr


def test_fluxes_agree(ours, theirs):
    np.testing.assert_allclose(ours[0][:, :, [1, 3]], theirs[0], rtol=1e-6)


def test_signal_to_noise_ratios_agree(ours, theirs):
    np.testing.assert_allclose(ours[1][:, :, [1, 3]], theirs[1], rtol=1e-6)


@pytest.mark.parametrize("pair", [(0, 1), (2, 0), (3, 2)])
@pytest.mark.parametrize("aperture", [0, 1])
def test_scatter_of_the_ratio_agrees(ours, theirs, pair, aperture):
    slow = published_std(theirs[0][:, pair[0], aperture], theirs[0][:, pair[1], aperture])
    fluxes = ours[0][:, :, [1, 3]]
    ratio = fluxes[:, pair[0], aperture] / fluxes[:, pair[1], aperture]
    fast = np.sort(ratio / ratio.mean() - 1)[1:-1].std()
    assert fast == pytest.approx(slow, rel=1e-6)
    assert slow > 1e-4  # there is scatter to agree on


def test_the_edge_star_is_summed_short_by_the_study_and_flagged_by_us(cubes, ours, theirs):
    data, stat = cubes[0]
    spectra = extract_spectra((data, stat, WAVE), STARS, RADII, method="center")
    assert spectra.coverage[3, 3].max() < 0.9
    assert ours[0][0, 3, 3] == pytest.approx(theirs[0][0, 3, 1], rel=1e-6)

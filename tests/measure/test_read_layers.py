"""Which spaxels of which layers are read: what is left out would have changed nothing."""

import numpy as np
import pytest

from pipeline.config.passbands import load_band
from pipeline.measure.exposure_spectra import layers_of_bands
from pipeline.measure.extraction import METHODS, extract_together
from pipeline.measure.layers import BLOCK_LAYERS, LINE_SAMPLES, Spaxels, block_size
from pipeline.measure.noise import blank_noise
from pipeline.measure.photometry import layer_weights, published_band_sum
from pipeline.measure.spectra import CubeArrays, Targets

RADII = np.array([1.5, 2.5, 4.5])
WAVE = 6500.0 + 12.5 * np.arange(5 * BLOCK_LAYERS)  # 6500 to 10488 Angstrom
XY = np.array([(12.3, 11.8), (27.4, 25.1), (2.1, 30.0), (31.7, 9.4)])


def gappy_cube():
    rng = np.random.default_rng(17)
    data = rng.normal(10.0, 2.0, (len(WAVE), 36, 40)).astype(">f4")
    stat = rng.uniform(3.0, 5.0, data.shape).astype(">f4")
    for cube in (data, stat):
        cube[rng.random(data.shape) < 0.003] = np.nan
    return CubeArrays(data, stat, WAVE)


@pytest.mark.parametrize(
    ("name", "annulus"), [*((name, None) for name in sorted(METHODS)), ("exact", (6.0, 9.0))]
)
def test_spectra_of_some_layers_are_those_of_all_layers_to_the_last_bit(name, annulus):
    some = range(BLOCK_LAYERS, 3 * BLOCK_LAYERS)
    wanted = [(METHODS[name], Targets(XY, RADII, sky_annulus_px=annulus))]
    wanted.append((METHODS[name], Targets(XY, RADII, sky_annulus_px=annulus, layers=some)))
    whole, part = extract_together(gappy_cube(), wanted)
    alone = extract_together(gappy_cube(), wanted[1:])[0]
    for found in (part, alone):
        np.testing.assert_array_equal(found.wave_aa, WAVE[some.start : some.stop])
        for one in ("flux", "variance", "coverage"):
            np.testing.assert_array_equal(
                getattr(found, one), getattr(whole, one)[..., some.start : some.stop]
            )
    assert np.isfinite(part.flux).mean() > 0.9


def test_noise_and_published_fluxes_do_not_change_where_only_the_passband_is_read():
    band = load_band("I_Bessel")
    rng = np.random.default_rng(3)
    blank_xy = rng.uniform(8, 28, (30, 2))
    layers = layers_of_bands([band], WAVE)
    assert 0 < len(layers) < len(WAVE)
    whole, part = extract_together(
        gappy_cube(),
        [(METHODS["center"], Targets(blank_xy, RADII, layers=one)) for one in (None, layers)],
    )
    for one in ("factor", "factor_err", "background"):
        found, expected = (
            getattr(blank_noise(spectra, blank_xy, band, min_coverage=0.9), one)
            for spectra in (part, whole)
        )
        assert np.isfinite(expected).all()
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    sums = [published_band_sum(one.flux, one.variance, one.wave_aa, band) for one in (part, whole)]
    np.testing.assert_allclose(sums[0].flux, sums[1].flux, rtol=1e-13)
    np.testing.assert_allclose(sums[0].snr, sums[1].snr, rtol=1e-13)


@pytest.mark.parametrize("step_aa", [1.25, 2.5, 12.5, 25.0])
@pytest.mark.parametrize("first_aa", [4750.0, 6999.0, 6900.3])
def test_the_layers_of_a_passband_have_all_its_weight_and_a_layer_without_on_either_side(
    step_aa, first_aa
):
    wave_aa = np.arange(first_aa, 9350.0, step_aa)
    band = load_band("I_Bessel")
    found = layers_of_bands([band], wave_aa)
    weight = layer_weights(band, wave_aa)
    assert found.start % BLOCK_LAYERS == 0
    assert found.stop % BLOCK_LAYERS == 0 or found.stop == len(wave_aa)
    np.testing.assert_array_equal(
        layer_weights(band, wave_aa[found.start : found.stop]), weight[found.start : found.stop]
    )
    assert weight[: found.start].sum() == weight[found.stop :].sum() == 0


def test_a_passband_that_is_not_inside_the_cube_is_read_nowhere():
    assert len(layers_of_bands([load_band("V_Bessel")], WAVE)) == 0
    inside = layers_of_bands([load_band("I_Bessel")], WAVE)
    both = layers_of_bands([load_band("V_Bessel"), load_band("I_Bessel")], WAVE)
    assert both == inside


@pytest.mark.parametrize("seed", range(5))
def test_something_of_every_line_of_the_cache_is_fetched_ahead(seed):
    rng = np.random.default_rng(seed)
    starts = rng.integers(0, 5000, 40)
    flat = np.concatenate([start + np.arange(rng.integers(1, 60)) for start in starts])
    spaxels = Spaxels(rng.permutation(flat))
    np.testing.assert_array_equal(spaxels.distinct[spaxels.order], spaxels.flat)
    ahead = spaxels.first_of_lines
    assert set(ahead) <= set(spaxels.distinct)
    assert len(ahead) < 0.4 * len(spaxels.distinct)
    for offset in range(LINE_SAMPLES):  # where a layer begins in a line is anything
        lines = set((spaxels.distinct + offset) // LINE_SAMPLES)
        assert set((ahead + offset) // LINE_SAMPLES) == lines


def test_no_spaxels_have_no_lines():
    assert Spaxels(np.empty(0, int)).first_of_lines.size == 0


def test_a_block_is_smaller_the_more_spaxels_there_are():
    sizes = [block_size(n) for n in (0, 1, 1000, 3000, 10**6)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == BLOCK_LAYERS
    assert sizes[-1] == 8
    assert block_size(2900) * 2900 <= 2**16

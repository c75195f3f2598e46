"""Band fluxes: exact answers first, then noise, then every way to be incomplete."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config.passbands import Band, load_band
from pipeline.errors import BandNotCovered, ConfigError
from pipeline.measure.photometry import (
    flux_flags,
    integrate_band,
    layer_weights,
    published_band_sum,
)

WAVE = np.arange(7000.0, 9000.0, 1.25)
BAND = Band("triangle", np.array([7200.0, 7900.0, 8800.0]), np.array([0.0, 1.0, 0.0]), "test")


def flat(level, wave_aa=WAVE, shape=(2, 3)):
    return np.full((*shape, wave_aa.size), float(level))


def integrate(flux, variance=None, coverage=None, wave_aa=WAVE, band=BAND, min_coverage=0.98):
    variance = np.ones_like(flux) if variance is None else variance
    coverage = np.isfinite(flux).astype(float) if coverage is None else coverage
    return integrate_band(flux, variance, coverage, wave_aa, band, min_coverage=min_coverage)


def test_flat_spectrum_returns_its_level_for_any_band_normalisation():
    for scale in (1.0, 7.5):
        band = Band("scaled", BAND.wave_aa, scale * BAND.weight, "test")
        out = integrate(flat(4.0), band=band)
        np.testing.assert_allclose(out.flux, 4.0, rtol=1e-12)
        np.testing.assert_allclose(out.coverage, 1.0, rtol=1e-12)


def test_layer_weights_add_up_to_the_integral_of_the_band_for_any_bin():
    for step in (1.25, 5.0, 25.0, 37.0, 50.0):
        wave_aa = np.arange(6950.0, 9100.0, step)
        assert layer_weights(BAND, wave_aa).sum() == pytest.approx(800.0, rel=1e-12)


def test_coarse_bins_of_a_sloping_spectrum_give_the_same_flux_as_fine_ones():
    # Bins hold the mean of the spectrum; F = wavelength. The band's centroid is the exact answer:
    # (7200 + 7900 + 8800) / 3. A layer weight that is an integral loses only the slope inside a
    # bin, at most step^2 / 12 times the curvature of T over its width: far below 1 Angstrom.
    for step, tolerance in ((1.25, 1e-3), (25.0, 0.3), (50.0, 1.2)):
        wave_aa = np.arange(7000.0, 9000.0, step)
        out = integrate(wave_aa.reshape(1, 1, -1), wave_aa=wave_aa)
        assert out.flux.item() == pytest.approx((7200 + 7900 + 8800) / 3, abs=tolerance)


def test_sigma_is_the_root_of_the_weighted_variances():
    wave_aa = np.array([7000.0, 7100.0, 7200.0])
    band = Band("box", np.array([6950.0, 7250.0]), np.array([1.0, 1.0]), "test")
    variance = np.array([[[1.0, 4.0, 4.0]]])
    out = integrate(np.ones((1, 1, 3)), variance, wave_aa=wave_aa, band=band)
    assert out.sigma.item() == pytest.approx(1.0, rel=1e-14)  # sqrt(1 + 4 + 4) / 3
    assert out.snr.item() == pytest.approx(1.0, rel=1e-14)


def test_sigma_matches_the_scatter_of_repeated_noisy_spectra():
    rng = np.random.default_rng(3218)
    n = 4000  # the scatter of n draws is known to 1/sqrt(2n) = 1.1 %: allow 4 of those
    wave_aa = np.arange(7000.0, 9000.0, 12.5)
    noisy = rng.normal(100.0, 2.0, (n, 1, wave_aa.size))
    out = integrate(noisy, np.full_like(noisy, 4.0), wave_aa=wave_aa)
    assert out.flux.std() == pytest.approx(out.sigma[0, 0], rel=4 / np.sqrt(2 * n))


def test_gap_is_reported_and_never_summed_as_zero():
    gappy = flat(4.0)
    gappy[0, 0, (WAVE > 7800) & (WAVE < 8000)] = np.nan  # too wide: rejected
    gappy[1, 0, np.searchsorted(WAVE, 7900.0)] = np.nan  # one sample: the rest is averaged
    out = integrate(gappy)
    assert np.isnan(out.flux[0, 0])
    assert np.isnan(out.sigma[0, 0])
    assert np.isnan(out.snr[0, 0])
    assert 0.7 < out.coverage[0, 0] < 0.98
    np.testing.assert_allclose(out.flux[1:], 4.0, rtol=1e-12)


def test_a_gap_and_thin_coverage_that_would_each_pass_are_together_too_little():
    coverage = np.full((1, 1, WAVE.size), 0.985)
    whole = integrate(flat(4.0, shape=(1, 1)), coverage=coverage)
    assert whole.flux.item() == pytest.approx(4.0, rel=1e-12)
    gappy = flat(4.0, shape=(1, 1))
    gap = (WAVE > 7895) & (WAVE < 7905)
    gappy[0, 0, gap] = np.nan
    lost = layer_weights(BAND, WAVE)[gap].sum() / 800.0
    assert 0.01 < lost < 0.02
    assert np.isfinite(integrate(gappy).flux).all()
    both = integrate(gappy, coverage=np.where(np.isnan(gappy), 0.0, 0.985))
    assert both.coverage.item() == pytest.approx(0.985 * (1 - lost), rel=1e-12)
    assert np.isnan(both.flux).all()


def test_missing_variance_is_a_gap_too():
    variance = flat(1.0)
    variance[0, 0] = np.nan
    out = integrate(flat(4.0), variance)
    assert np.isnan(out.flux[0, 0])
    assert out.coverage[0, 0] == 0
    assert np.isfinite(out.flux[0, 1:]).all()


def test_layers_that_miss_part_of_the_aperture_are_left_out_not_summed_short():
    coverage = flat(1.0)
    flux = flat(4.0)
    short = slice(np.searchsorted(WAVE, 7900.0), np.searchsorted(WAVE, 7900.0) + 8)
    coverage[0, 0, short], flux[0, 0, short] = 0.5, 2.0  # half of the aperture, half of the light
    out = integrate(flux, coverage=coverage)
    assert out.flux[0, 0] == pytest.approx(4.0, rel=1e-12)
    lost = 8 * 1.25 * 1.0 / 800  # of the band's weight, its peak over 10 Angstrom; half of it here
    assert out.coverage[0, 0] == pytest.approx(1 - lost / 2, abs=1e-4)


def test_a_star_that_is_short_everywhere_has_no_flux():
    out = integrate(flat(4.0), coverage=flat(0.9))
    assert np.isnan(out.flux).all()
    np.testing.assert_allclose(out.coverage, 0.9, rtol=1e-12)


@pytest.mark.parametrize(
    ("keep", "named"), [(WAVE <= 8100, "6999-8101"), (WAVE >= 7500, "7499-8999")]
)
def test_passband_outside_the_spectra_names_both_ranges(keep, named):
    with pytest.raises(BandNotCovered, match=rf"triangle, 7200-8800 A, .* {named} A"):
        integrate(flat(1.0)[..., keep], wave_aa=WAVE[keep])


def test_zero_variance_has_no_snr_and_raises_no_warning():
    out = integrate(flat(4.0), flat(0.0))
    assert np.isnan(out.snr).all()


def test_published_sum_takes_nan_as_zero_and_the_band_at_the_layers():
    wave_aa = np.array([7000.0, 7550.0, 7900.0, 8350.0])
    flux = np.array([[[5.0, 2.0, np.nan, 4.0]]])
    variance = np.array([[[9.0, 1.0, 1.0, np.nan]]])
    out = published_band_sum(flux, variance, wave_aa, BAND)
    # The band at the layers: 0, 0.5, 1, 0.5.
    assert out.flux.item() == pytest.approx(3.0, rel=1e-14)
    assert out.snr.item() == pytest.approx(3.0 / np.sqrt(0.25 + 1.0), rel=1e-14)


def test_published_and_own_fluxes_of_complete_fine_spectra_are_proportional():
    rng = np.random.default_rng(1)
    flux = rng.uniform(1, 2, (3, 2, WAVE.size))
    own = integrate(flux).flux
    published = published_band_sum(flux, np.ones_like(flux), WAVE, BAND).flux
    # Interpolation and integral over 1.25 Angstrom differ in the layers with a knot only.
    np.testing.assert_allclose(own / own[0, 0], published / published[0, 0], rtol=1e-5)


def test_flags_tell_an_edge_from_a_gap():
    coverage = np.ones((4, 1, WAVE.size))
    flux = flat(4.0, shape=(4, 1))
    coverage[1] = 0.99  # off the footprint in every layer, by little
    coverage[2, 0, 700:1000] = 0.0  # a gap in wavelength
    coverage[3] = 0.5  # both
    out = integrate(flux, coverage=coverage)
    assert flux_flags(coverage, out)[:, 0].tolist() == ["", "edge", "gap", "edge gap"]


@given(level=st.floats(1e-6, 1e6), slope=st.floats(-0.1, 0.1))
def test_fluxes_scale_and_add(level, slope):
    first, second = flat(level, shape=(1, 1)), slope * (WAVE - 8000).reshape(1, 1, -1)
    both = integrate(first + second).flux.item()
    apart = integrate(first).flux.item() + integrate(second).flux.item()
    assert both == pytest.approx(apart, rel=1e-9, abs=1e-9)


def test_i_bessel_is_the_published_table():
    band = load_band("I_Bessel")
    assert (band.wave_aa[0], band.wave_aa[-1], len(band.wave_aa)) == (7000.0, 9200.0, 23)
    assert np.interp([7000, 7500, 7950, 9100, 9200], band.wave_aa, band.weight).tolist() == (
        [0.0, 0.910, 0.9975, 0.030, 0.0]
    )
    assert "PASP 102, 1181" in band.reference


@pytest.mark.parametrize("name", ["I_Bessel", "R_Bessel"])
def test_every_band_lies_inside_the_range_of_every_mode(name):
    band = load_band(name)
    assert band.wave_aa[0] >= 4750
    assert band.wave_aa[-1] <= 9350
    assert (np.diff(band.wave_aa) > 0).all()
    assert (band.weight >= 0).all()
    assert (band.weight.max(), band.weight[0], band.weight[-1]) == (1.0, 0.0, 0.0)


def test_an_unknown_band_is_refused_with_those_that_are_known():
    with pytest.raises(ConfigError, match=r"'Z_Bessel' is unknown; known are: I_Bessel, R_Bessel"):
        load_band("Z_Bessel")

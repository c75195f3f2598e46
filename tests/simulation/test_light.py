"""Stars, sky and air: shapes and spectra before any detector."""

import numpy as np
import pytest
from astropy.time import Time
from scipy.integrate import dblquad

from pipeline.simulation import atmosphere, ephemeris, psf, sky


def moffat(profile, x, y):
    alpha = profile.alpha_px
    norm = (profile.beta - 1) / (np.pi * alpha**2)
    return norm * (1 + (x**2 + y**2) / alpha**2) ** -profile.beta


@pytest.mark.parametrize(("fwhm_px", "beta"), [(2.2, 2.0), (4.5, 1.9), (7.0, 2.6)])
def test_sum_over_spaxels_is_the_integral_of_the_profile(fwhm_px, beta):
    profile = psf.Profile(fwhm_px, beta)
    x, y, reach = 0.3, -0.45, 12
    pixels = np.arange(-reach, reach + 1)
    image = psf.moffat_image(profile, x, y, pixels, pixels)
    low, high = -reach - 0.5, reach + 0.5
    integral, error = dblquad(
        lambda v, u: moffat(profile, u - x, v - y), low, high, low, high, epsabs=1e-9, epsrel=1e-9
    )
    assert error < 1e-7
    assert image.sum() == pytest.approx(integral, abs=1e-6)  # worst at FWHM 2.2 px


def test_one_spaxel_holds_the_mean_of_the_profile_over_it():
    profile = psf.Profile(2.2, 2.0)
    pixels = np.arange(-9, 10)
    image = psf.moffat_image(profile, 0.2, 0.1, pixels, pixels)
    fine = (np.arange(400) + 0.5) / 400 - 0.5  # midpoint rule: error 1 / (24 x 400^2)
    for column, row in ((0, 0), (1, 0), (3, -2), (9, 9)):
        u, v = np.meshgrid(column + fine - 0.2, row + fine - 0.1)
        mean = moffat(profile, u, v).mean()
        assert image[row + 9, column + 9] == pytest.approx(mean, rel=1e-5)


def test_no_light_is_lost_or_gained():
    profile = psf.Profile(3.0, 2.6)
    pixels = np.arange(-400, 401)
    image = psf.moffat_image(profile, 0.37, -0.21, pixels, pixels)
    inscribed, circumscribed = profile.light_beyond(400.0), profile.light_beyond(400.5 * 2**0.5 + 1)
    quadrature = 1e-6
    assert 1 - inscribed - quadrature < image.sum() < 1 - circumscribed + quadrature
    assert inscribed < 2e-7


def test_light_of_a_star_does_not_depend_on_where_in_a_spaxel_it_falls():
    profile = psf.Profile(2.5, 2.0)
    pixels = np.arange(-60, 61)
    sums = [
        psf.moffat_image(profile, x, y, pixels, pixels).sum()
        for x, y in ((0, 0), (0.5, 0.5), (0.25, -0.1))
    ]
    assert np.ptp(sums) < 1e-5  # what a shift of half a spaxel moves over the rim of the box


def test_spikes_are_four_and_hold_their_light():
    pixels = np.arange(-3000, 3001)
    image = psf.spikes_image(0.3, 0.2, 45.0, np.arange(-40, 41), np.arange(-40, 41))
    diagonal, row = image[40 + 25, 40 + 25], image[40, 40 + 35]
    assert diagonal > 1e3 * row
    rows = [psf.spikes_image(0.3, 0.2, 0.0, pixels, np.array([r])).sum() for r in range(-8, 9)]
    # 12 px half-light length: a bar of +-3000 px holds 1 - 2 x 12 / (pi 3000) of its light, the
    # crossed bar's share within 8.5 px is (2 / pi) arctan(8.5 / 12) = 0.392.
    crossed = 2 / np.pi * np.arctan(8.5 / 12)
    assert sum(rows) == pytest.approx(0.5 * (1 - 24 / (3000 * np.pi)) + 0.5 * crossed, abs=5e-3)


def test_bins_hold_the_mean_of_the_spectrum():
    line = 3.0 + 2.0 * (sky.FINE_WAVE_AA - 7000.0)
    wave_aa = np.array([4750.0, 7000.1, 9350.0])
    for step_aa in (1.25, 25.0, 50.0):
        binned = sky.mean_in_bins(line, wave_aa, step_aa)
        assert binned == pytest.approx(3.0 + 2.0 * (wave_aa - 7000.0), rel=1e-9)


def test_coarse_bins_are_the_means_of_fine_ones():
    spectrum = sky.star_spectrum(3218, 22)
    fine_aa = 7000.0 + 1.25 * (np.arange(400) + 0.5)
    fine = sky.mean_in_bins(spectrum, fine_aa, 1.25).reshape(10, 40).mean(axis=1)
    coarse = sky.mean_in_bins(spectrum, 7025.0 + 50.0 * np.arange(10), 50.0)
    assert coarse == pytest.approx(fine, rel=1e-12)


def test_standard_has_the_brightness_of_a_white_dwarf_of_magnitude_11_9():
    spectrum = sky.standard_spectrum()
    at_5500 = np.interp(5500.0, sky.FINE_WAVE_AA, spectrum) * 1e-20
    assert -2.5 * np.log10(at_5500 / 3.63e-9) == pytest.approx(11.86, abs=0.05)
    assert spectrum[100] > 3 * spectrum[-100]  # blue


def test_stars_differ_and_show_the_calcium_triplet():
    spectra = [sky.star_spectrum(3218, star) for star in range(1, 26)]
    assert len({spectrum[0] for spectrum in spectra}) == 25
    for spectrum in spectra:
        continuum = np.interp(8600.0, sky.FINE_WAVE_AA, spectrum)
        line = np.interp(8542.09, sky.FINE_WAVE_AA, spectrum)
        assert 0.3 < line / continuum < 0.9
        assert np.interp(8000.0, sky.FINE_WAVE_AA, spectrum) == pytest.approx(1.0)


def test_night_sky_has_the_brightness_of_paranal():
    # Patat 2003 (A&A 400, 1183): I = 19.7 mag/arcsec2; 1.13e-9 erg/s/cm2/A at I = 0; 0.04 arcsec2.
    emission = sky.sky_emission()
    in_band = (sky.FINE_WAVE_AA > 7200) & (sky.FINE_WAVE_AA < 9000)
    mean = (emission.continuum + emission.lines)[in_band].mean() * 1e-20 / 0.04
    assert -2.5 * np.log10(mean / 1.13e-9) == pytest.approx(19.7, abs=0.3)


def test_air_absorbs_in_the_telluric_bands_and_more_of_it_absorbs_more():
    wave_aa = np.array([7600.0, 7800.0])
    low, high = (atmosphere.telluric_transmission(wave_aa, airmass) for airmass in (1.0, 2.0))
    assert low[0] < 0.4
    assert low[1] > 0.999
    assert high[0] < low[0]


def test_haze_of_zero_leaves_the_light_alone():
    wave_aa = np.array([4750.0, 9350.0])
    assert (atmosphere.haze_transmission(wave_aa, 0.0, 1.5) == 1).all()
    assert atmosphere.haze_transmission(np.array([5500.0]), 0.1, 2.0) == pytest.approx(10**-0.08)


def test_refraction_is_zero_at_7000_and_one_at_4750():
    assert atmosphere.refraction_shape(np.array([7000.0, 4750.0])) == pytest.approx([0.0, 1.0])
    assert -0.5 < atmosphere.refraction_shape(np.array([9350.0]))[0] < 0


def test_sidereal_time_agrees_with_astropy():
    mjd = 58553.1
    time = Time(mjd, format="mjd", scale="ut1")
    expected = time.sidereal_time("mean", longitude=ephemeris.LONGITUDE_DEG, model="IAU1982")
    assert ephemeris.sidereal_time_deg(np.array(mjd)) == pytest.approx(expected.deg, abs=1e-3)


def test_field_culminates_at_the_airmass_of_its_declination():
    mjd = 58553 + np.arange(0, 1, 1e-4)
    above = ephemeris.direction(mjd, 130.3854, -32.9428)
    zenith_deg = abs(-32.9428 - ephemeris.LATITUDE_DEG)
    assert np.nanmin(above.airmass) == pytest.approx(1 / np.cos(np.radians(zenith_deg)), abs=1e-4)
    assert np.isnan(above.airmass).any()


def test_sun_stands_highest_at_the_solstice():
    mjd = Time("2019-12-22T00:00:00").mjd + np.arange(0, 1, 1e-3)
    highest = 90 - abs(ephemeris.LATITUDE_DEG + 23.44)
    assert ephemeris.sun_altitude_deg(mjd).max() == pytest.approx(highest, abs=0.05)

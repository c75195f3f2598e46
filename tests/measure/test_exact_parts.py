"""Parts of the measurement at values that can be written down."""

import numpy as np
import pytest

from pipeline.config.passbands import Band
from pipeline.errors import BandNotCovered
from pipeline.measure import moments
from pipeline.measure.catalogue import _flags, _nearest
from pipeline.measure.channel_share import FieldPlace, LightShare, find_field, light_share
from pipeline.measure.contamination import Moffat, _about, core_light, light_in_aperture
from pipeline.measure.detection import CLIP_SIGMA
from pipeline.measure.headline_pairs import choose_pairs
from pipeline.measure.methods.psf import _on_image
from pipeline.measure.noise import (
    _factor,
    _golden,
    _means,
    _narrow_bands,
    _without_pattern,
    blank_positions,
)
from pipeline.measure.photometry import (
    covers,
    dark_cores,
    flux_flags,
    integrate_band,
    layer_edges,
    layer_weights,
    not_covered,
    published_band_sum,
)
from pipeline.measure.psf_field import FieldPsf, WidthSurface, fit_surface
from pipeline.measure.sky_annulus import _clean_annulus
from pipeline.measure.standard import mask_stars, saturated_cores
from pipeline.muse.geometry import WIDE_FIELD
from tests.tasks.made import catalogue


def shares(*entries):
    """Light of stars on (channel, slice), counted from 1."""
    slices = np.zeros((len(entries), 24, 48))
    for star, places in enumerate(entries):
        for channel, slice_, share in places:
            slices[star, channel - 1, slice_ - 1] = share
    return LightShare(slices)


def test_the_main_slice_is_that_of_the_main_channel():
    light = shares([(7, 5, 0.3), (7, 6, 0.25), (8, 1, 0.4)], [(1, 48, 1.0)], [], [(24, 2, 0.1)])
    assert light.main_channel.tolist() == [7, 1, 0, 24]
    assert light.main_slice.tolist() == [5, 48, 0, 2]
    np.testing.assert_allclose(light.channels[0, 6:8], [0.55, 0.4])


def test_a_turned_field_has_its_slices_across_the_image():
    place = FieldPlace((10.0, 20.0), 90.0)
    along, across = place.offsets(np.array([[10.0, 23.0], [14.0, 20.0]]))
    np.testing.assert_allclose(along, [3.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(across, [0.0, -4.0], atol=1e-12)


def test_more_light_of_a_sharp_star_is_on_its_own_channel():
    row = WIDE_FIELD.row_height_px
    channel = WIDE_FIELD.rows_per_stack * row
    at = np.array([[0.0, 0.3 * channel / 4]])
    own = [
        light_share(at, FieldPlace((0.0, 0.0), 0.0), Moffat(fwhm, 2.5), 4.5).channels.max()
        for fwhm in (1.0, 4.0)
    ]
    assert own[0] > own[1]
    total = light_share(at, FieldPlace((0.0, 0.0), 0.0), Moffat(4.0, 2.5), 4.5).channels.sum()
    assert total == pytest.approx(1.0)


def test_a_footprint_that_the_image_cuts_is_placed_by_its_other_edge():
    image = np.full((330, 340), np.nan)
    width, height = round(WIDE_FIELD.width_px), round(WIDE_FIELD.height_px)
    image[10 : 10 + height, 5 : 5 + width] = 1.0
    x, y = find_field(image, 0.0).centre_xy
    assert x == pytest.approx(5 + (width - 1) / 2, abs=1)
    assert y == pytest.approx(10 + (height - 1) / 2, abs=1)
    cut = image[:, :200]
    assert find_field(cut, 0.0).centre_xy[0] == pytest.approx(x, abs=1)
    nothing = find_field(np.full((11, 21), np.nan), 30.0)
    assert (nothing.centre_xy, nothing.angle_deg) == ((10.0, 5.0), 30.0)


def test_the_light_within_a_radius_has_the_closed_form_of_the_profile():
    psf = Moffat(4.0, 2.5)
    expected = 1 - (1 + (4.5 / psf.alpha_px()) ** 2) ** (1 - 2.5)
    assert light_in_aperture(np.array([0.0]), 4.5, psf)[0] == pytest.approx(expected, abs=1e-4)
    wide = 1 - (1 + (4.5 / psf.alpha_px(1.25)) ** 2) ** (1 - 2.5)
    assert light_in_aperture(np.array([0.0]), 4.5, psf, 1.25)[0] == pytest.approx(wide, abs=1e-4)
    far = light_in_aperture(np.array([40.0]), 1.0, psf)[0]
    density = 1.5 / (np.pi * psf.alpha_px() ** 2) * (1 + (40 / psf.alpha_px()) ** 2) ** -2.5
    assert far == pytest.approx(np.pi * density, rel=1e-2)


def test_light_about_a_place_is_all_of_it_and_nothing_else():
    image = np.arange(20.0 * 30).reshape(20, 30)
    image[7, 9] = np.nan
    y, x = np.mgrid[:20, :30]
    for x0, y0 in ((9.3, 7.6), (0.2, 0.4), (29.0, 19.0), (1.0, 18.7)):
        apart = np.hypot(x - x0, y - y0)
        inside = (apart <= 3.5) & np.isfinite(image)
        distance, value = _about(image, x0, y0, 3.5)
        assert sorted(value) == sorted(image[inside])
        np.testing.assert_allclose(np.sort(distance), np.sort(apart[inside]))
        found = core_light(image, np.array([[x0, y0]]), 3.5)
        assert found[0] == pytest.approx(np.nansum(image[apart <= 3.5]))


def test_sums_about_places_off_the_image_are_of_what_is_on_it():
    image = np.ones((9, 9))
    assert core_light(image, np.array([[-1.0, 4.0]]), 2.0)[0] == 4  # (0, 3..5) and (1, 4)


def test_flags_say_why_at_their_limits():
    from pipeline.config.settings import Settings

    settings = Settings()
    how = settings.statistics
    reach = max(settings.extraction.radii_px) + how.edge_margin_px
    flags, reasons = _flags(
        np.array([reach, reach - 0.1, 99, 99, 1]),
        np.array([how.max_contamination, 0, how.max_contamination * 1.01, 0, 1]),
        np.array([how.standard_distance_px, 99, 99, how.standard_distance_px - 1, 0]),
        settings,
    )
    assert flags == ["", "edge", "blended", "near_standard", "edge blended near_standard"]
    assert reasons[0] == ""
    assert reasons[1] == (
        f"{reach - 0.1:.1f} px from the edge of the footprint, less than {reach:g} px"
    )
    assert [text.count(";") for text in reasons] == [0, 0, 0, 0, 2]


def test_the_nearest_masked_star_counts_and_none_is_infinitely_far():
    xy = np.array([[0.0, 0.0], [10.0, 0.0]])
    np.testing.assert_allclose(_nearest(xy, np.array([[3.0, 4.0], [10.0, 1.0]])), [5.0, 1.0])
    assert np.isinf(_nearest(xy, np.empty((0, 2)))).all()


def test_two_lost_cores_are_two_masks():
    y, x = np.mgrid[:60, :80]
    image = np.random.default_rng(1).normal(0, 1, (60, 80))
    for x0, y0, peak in ((20, 30, 3e3), (60, 30, 3e4)):
        image += peak * np.exp(-((x - x0) ** 2 + (y - y0) ** 2) / (2 * 2.0**2))
        image[np.hypot(x - x0, y - y0) < 1.6] = np.nan
    found = mask_stars(image, which="saturated", threshold_sigma=5.0, fwhm_px=4.7)
    centres = np.vstack([[found.x, found.y], found.further_xy])
    np.testing.assert_allclose(np.sort(centres, axis=0), [[20, 30], [60, 30]], atol=0.5)
    assert found.mask[30, 20]
    assert found.mask[30, 60]


def test_a_position_is_on_the_image_or_at_most_three_pixels_off():
    xy = np.array([[-3, 0], [-3.1, 0], [0, -3.1], [32, 12], [32.1, 12], [32, 12.1], [np.nan, 0]])
    assert _on_image(xy, (10, 30)).tolist() == [True, False, False, True, False, False, False]


def test_golden_numbers_fill_the_unit_interval_evenly():
    numbers = _golden(5, 0.25)
    step = (5**0.5 - 1) / 2
    np.testing.assert_allclose(numbers, [(0.25 + k * step) % 1 for k in range(5)])


def test_blank_apertures_keep_clear_of_stars_edges_and_of_each_other():
    image = np.ones((200, 200))
    image[:, :40] = np.nan
    stars = np.array([[100.0, 100.0]])
    avoid = np.zeros(image.shape, bool)
    avoid[150:, 150:] = True
    found = blank_positions(image, stars, radius_px=5.0, fwhm_px=4.0, avoid=avoid, n_max=1000)
    assert found[:, 0].min() > 40 + 5
    assert np.hypot(*(found - stars).T).min() > 5 + 2.5 * 4
    assert not ((found > 150 - 6).all(axis=1)).any()
    apart = np.hypot(*(found[:, None] - found).transpose(2, 0, 1)) + np.diag(
        np.full(len(found), 99)
    )
    assert apart.min() > 2 * 5
    few = blank_positions(image, stars, radius_px=5.0, fwhm_px=4.0, avoid=avoid, n_max=7)
    assert len(few) == 7
    np.testing.assert_array_equal(few[[0, -1]], found[[0, -1]])
    assert len(found) > 100


def test_narrow_bands_are_thirty_angstrom_wide_where_there_is_weight():
    wave_aa = 5000 + 10.0 * np.arange(20)
    weight = np.zeros(20)
    weight[4:15] = 1.0
    bands = _narrow_bands(wave_aa, weight)
    assert [(one.start, one.stop) for one in bands] == [(4, 7), (7, 10), (10, 13)]
    assert _narrow_bands(wave_aa, np.eye(20)[3]) == []
    assert len(_narrow_bands(wave_aa, np.eye(20)[3] + np.eye(20)[4])) == 0
    assert len(_narrow_bands(5000 + 50.0 * np.arange(20), weight)) == 11


def test_means_are_weighted_and_missing_where_a_layer_is():
    flux = np.array([[1.0, 4.0], [1.0, np.nan]])
    mean, variance = _means(
        flux, np.array([[2.0, 3.0]] * 2), np.isfinite(flux), np.array([1.0, 3.0])
    )
    np.testing.assert_allclose(mean, [13 / 4, np.nan])
    np.testing.assert_allclose(variance, [(2 + 27) / 16, np.nan])


def test_a_pattern_that_noise_does_not_reach_is_taken_out_and_its_share_given_back():
    rng = np.random.default_rng(5)
    noise = rng.normal(0, 1, (40, 30))
    np.testing.assert_array_equal(_without_pattern(noise), noise)
    pattern = 30 * np.outer(rng.normal(0, 1, 40), rng.normal(0, 1, 30))
    rest = _without_pattern(noise + pattern)
    # of 1200 values: 1 / sqrt(2 * 1200) = 2 %, five of that
    assert rest.std() == pytest.approx(1.0, abs=0.1)
    left, size, right = np.linalg.svd(noise + pattern, full_matrices=False)
    expected = (noise + pattern - size[0] * np.outer(left[:, 0], right[0])) / np.sqrt(
        39 / 40 * 29 / 30
    )
    np.testing.assert_allclose(rest, expected)


@pytest.mark.parametrize("scale", [1.0, 1.7])
def test_the_factor_of_noise_is_its_ratio_to_stat(scale):
    rng = np.random.default_rng(7)
    flux = rng.normal(0, 2.0 * scale, (60, 240)) + rng.normal(0, 50, (60, 1))
    variance, good = np.full(flux.shape, 4.0), np.ones(flux.shape, bool)
    factor, err = _factor(flux, variance, good, np.ones(240), 5000 + 10.0 * np.arange(240))
    n = 60 * 40
    assert err == pytest.approx(factor / np.sqrt(2 * 0.37 * n))
    assert factor == pytest.approx(scale, abs=5 * err)
    few = _factor(flux[:2], variance[:2], good[:2], np.ones(240), 5000 + 10.0 * np.arange(240))
    assert np.isnan(few).all()


def box(low, high):
    """A passband that is 1 between two wavelengths and 0 at both."""
    knots = np.array([low, low + 1e-9, high - 1e-9, high])
    return Band("box", knots, np.array([0.0, 1.0, 1.0, 0.0]), "", "")


BAND = box(105.0, 135.0)
WAVE = np.array([100.0, 110.0, 120.0, 130.0, 140.0])


def test_edges_of_layers_are_half_way_between_their_centres():
    np.testing.assert_allclose(layer_edges(WAVE), [95, 105, 115, 125, 135, 145])
    np.testing.assert_allclose(layer_edges(np.array([100.0, 110.0, 130.0])), [95, 105, 120, 140])
    assert layer_edges(np.array([100.0])).tolist() == [100.0, 100.0]


def test_a_passband_is_inside_up_to_the_edges_of_the_outer_layers():
    assert covers(WAVE, box(95, 145)) is True
    assert covers(WAVE, box(94.9, 145)) is False
    assert covers(WAVE, box(95, 145.1)) is False
    np.testing.assert_allclose(layer_weights(BAND, WAVE), [0, 10, 10, 10, 0], atol=1e-8)
    np.testing.assert_allclose(layer_weights(box(100, 107), WAVE), [5, 2, 0, 0, 0], atol=1e-8)
    with pytest.raises(BandNotCovered, match="95-145 A"):
        layer_weights(box(90, 100), WAVE)


def spectra(*rows, coverage=None):
    flux = np.array(rows, float)[:, None]
    return flux, np.full(flux.shape, 4.0), (
        np.ones(flux.shape) if coverage is None else np.array(coverage, float)[:, None]
    )  # fmt: skip


def test_a_mean_in_a_passband_is_over_the_layers_that_are_there():
    flux, variance, coverage = spectra(
        [9, 1, 2, 3, 9], [9, np.nan, 2, 4, 9], [9, 1, np.nan, np.nan, 9]
    )
    found = integrate_band(flux, variance, coverage, WAVE, BAND, min_coverage=0.6)
    np.testing.assert_allclose(found.flux[:, 0], [2.0, 3.0, np.nan])
    np.testing.assert_allclose(found.sigma[:, 0], [2 / np.sqrt(3), 2 / np.sqrt(2), np.nan])
    np.testing.assert_allclose(found.coverage[:, 0], [1.0, 2 / 3, 1 / 3])
    assert found.snr[0, 0] == pytest.approx(2.0 / (2 / np.sqrt(3)))
    assert np.isnan(found.snr[2, 0])


def test_a_layer_counts_whose_aperture_is_covered_far_enough():
    part = [[1, 0.8, 1, 1, 1], [1, 0.79, 1, 1, 1]]
    flux, variance, coverage = spectra([0, 4, 1, 1, 0], [0, 4, 1, 1, 0], coverage=part)
    found = integrate_band(flux, variance, coverage, WAVE, BAND, min_coverage=0.8)
    assert found.flux[0, 0] == pytest.approx(2.0)
    assert np.isnan(found.flux[1, 0])  # two of three layers are less than 0.8 of the weight
    nothing = not_covered(2, 3)
    assert nothing.flux.shape == nothing.sigma.shape == nothing.coverage.shape == (2, 3)
    assert np.isnan(nothing.flux).all()
    assert (nothing.coverage == 0).all()


def test_the_sum_of_the_study_takes_missing_samples_for_zero():
    flux, variance, _ = spectra([9, 1, 2, 3, 9], [9, np.nan, 2, 3, 9])
    variance[0, 0, 2] = np.nan
    found = published_band_sum(flux, variance, WAVE, BAND)
    np.testing.assert_allclose(found.flux[:, 0], [6.0, 5.0])
    np.testing.assert_allclose(found.snr[:, 0], [6 / np.sqrt(8), 5 / np.sqrt(12)])
    dark = published_band_sum(flux, np.zeros_like(variance), WAVE, BAND)
    assert np.isnan(dark.snr).all()


def test_flags_of_a_flux_are_edge_gap_and_core():
    coverage = np.ones((4, 1, 5))
    coverage[1], coverage[2, 0, :4] = 0.9, 0.5
    flux, variance, full = spectra(*([[9, 1, 2, 3, 9]] * 4))
    flux[3] = np.nan
    found = integrate_band(flux, variance, full, WAVE, BAND, min_coverage=0.9)
    flags = flux_flags(coverage, found, np.array([True, False, False, True]))
    assert flags[:, 0].tolist() == ["core", "edge", "", "gap core"]
    assert flux_flags(coverage, found)[:, 0].tolist() == ["", "edge", "", "gap"]


@pytest.mark.parametrize(
    ("core", "ring", "dark"),
    [
        (0.0, 30.0, True),
        (4.9, 30.0, True),
        (5.1, 30.0, False),
        (0.0, 18.0, False),
        (100, 30, False),
    ],
)
def test_a_core_is_dark_if_it_is_far_below_the_sky_amid_bright_pixels(core, ring, dark):
    """Background 10, noise 1: dark is below 5, bright a mean above 20 within 4 pixels."""
    y, x = np.mgrid[:21, :25]
    apart = np.hypot(x - 12, y - 9)
    image = np.full((21, 25), 10.0)
    image[apart <= 4] = ring
    image[apart <= 1.5] = core
    xy = np.array([[12.0, 9.0], [np.nan, 3.0], [-5.0, 3.0], [3.0, 17.0], [24.6, 9.0]])
    assert dark_cores(image, xy, 10.0, 1.0).tolist() == [dark, False, False, False, False]


def gaussian(x0, y0, *, fwhm_px=4.0, shape=(31, 33)):
    y, x = np.mgrid[: shape[0], : shape[1]]
    sigma = fwhm_px / 2.3548200450309493
    return 100 * np.exp(-((x - x0) ** 2 + (y - y0) ** 2) / (2 * sigma**2))


def test_moments_of_a_gaussian_are_its_place_and_width():
    found = moments.windowed_moments(gaussian(15.3, 16.2), np.array([[15.0, 16.0]]), fwhm_px=4.0)
    np.testing.assert_allclose(found.xy, [[15.3, 16.2]], atol=2e-4)
    assert found.fwhm_px[0] == pytest.approx(4.0, rel=1e-3)
    wide = moments.windowed_moments(
        gaussian(15, 16, fwhm_px=5.0), np.array([[15.0, 16.0]]), fwhm_px=4.0
    )
    assert wide.fwhm_px[0] == pytest.approx(5.0, rel=1e-2)


def test_a_centroid_that_is_drawn_away_or_sees_no_light_stays_where_it_was():
    start = np.array([[13.0, 16.0], [15.0, 16.0]])
    found = moments.windowed_moments(gaussian(15, 16), start, fwhm_px=4.0)
    np.testing.assert_allclose(found.xy, start, atol=1e-3)
    assert np.isnan(found.fwhm_px).tolist() == [True, False]
    dark = moments.windowed_moments(-gaussian(15, 16), start, fwhm_px=4.0)
    np.testing.assert_array_equal(dark.xy, start)
    assert np.isnan(dark.fwhm_px).all()


def test_pixels_off_the_image_are_missing():
    image = np.arange(12.0).reshape(3, 4)
    pixels, dx, dy = moments._stamps(image, np.array([[3.2, 0.0]]), half=1)
    np.testing.assert_array_equal(
        pixels.reshape(3, 3), [[np.nan] * 3, [2, 3, np.nan], [6, 7, np.nan]]
    )
    np.testing.assert_allclose(dx[0, :3], [-1.2, -0.2, 0.8])
    np.testing.assert_allclose(dy[0, ::3], [-1.0, 0.0, 1.0])


def test_a_surface_of_widths_is_quadratic_and_held_at_its_rim():
    surface = WidthSurface(np.array([0.0, 0.0]), np.array([100.0, 50.0]), np.arange(1.0, 7.0))
    terms = surface.terms(np.array([[75.0, 0.0], [200.0, 25.0]]))
    np.testing.assert_allclose(terms, [[1, 0.5, -1, 0.25, -0.5, 1], [1, 1, 0, 1, 0, 0]])
    np.testing.assert_allclose(surface.at(np.array([[75.0, 0.0]])), [1 + 1 - 3 + 1 - 2.5 + 6])
    point = WidthSurface.flat(np.array([[5.0, 5.0], [5.5, 5.0]]))
    np.testing.assert_allclose(point.terms(np.array([[5.5, 5.0]]))[0, :3], [1, 0.25, 0])


def test_a_fitted_surface_follows_the_widths_and_not_one_blend():
    rng = np.random.default_rng(3)
    xy = rng.uniform(0, 300, (60, 2))
    scaled = (xy - xy.min(axis=0)) / np.ptp(xy, axis=0) * 2 - 1
    truth = 0.02 * scaled[:, 0] - 0.015 * scaled[:, 1] ** 2
    widths = truth.copy()
    widths[7] += 0.5
    found = fit_surface(xy, widths, np.full(60, 1e8)).at(xy)
    np.testing.assert_allclose(found - found.mean(), truth - truth.mean(), atol=4e-3)
    assert found.mean() == pytest.approx(0.0, abs=1e-3)
    flat = fit_surface(xy, widths, np.full(60, 1e-6)).at(xy)
    assert np.abs(flat).max() < 1e-3


def test_positions_and_widths_of_a_psf_are_those_of_its_knot():
    width = WidthSurface(np.zeros(2), np.full(2, 10.0), np.array([np.log(1.1), 0, 0, 0, 0, 0]))
    psf = FieldPsf(
        np.array([5000.0, 6000.0]), np.array([2.0, 1.5]), np.array([[1.0], [0.5]]),
        np.array([[0.0, 0.0], [0.3, -0.2]]), width, np.array([[0.1, 0.2]]),
    )  # fmt: skip
    places, sigma, share = psf.at(1, np.array([[4.0, 5.0]]))
    np.testing.assert_allclose(places, [[4.4, 5.0]])
    np.testing.assert_allclose(sigma, [1.65])
    assert share.tolist() == [0.5]
    more = psf.extended(3, np.array([2]))
    np.testing.assert_allclose(more.offset_px, [[0, 0], [0, 0], [0.1, 0.2]])


def stars(channels, flags=None, flux=None):
    n = len(channels)
    made = catalogue(tuple(range(1, n + 1)), flags=flags, flux=flux or list(range(n, 0, -1)))
    made.channel[:] = channels
    return made


def test_headline_pairs_are_the_brightest_unflagged_stars_on_different_channels():
    assert choose_pairs(stars([1, 1, 2, 3, 0, 0, 5, 5, 5])) == ((1, 3), (2, 4), (5, 6))
    assert choose_pairs(stars([1, 2, 3, 4]), n_pairs=1) == ((1, 2),)
    assert choose_pairs(stars([1, 2, 3, 4], flags=("edge", "", "", ""))) == ((2, 3),)
    assert choose_pairs(stars([1, 2, 3, 4]), left_out={2}) == ((1, 3),)
    assert choose_pairs(stars([1, 1])) == ()
    assert choose_pairs(stars([2, 1, 1], flux=[5.0, 5.0, 5.0])) == ((1, 2),)
    assert choose_pairs(stars([1] * 2 + [2] * 10))[:2] == ((1, 3), (2, 4))


def test_background_and_noise_are_clipped_at_three_sigma_as_the_study_does():
    assert CLIP_SIGMA == 3.0  # a convention of the study's, which its figures depend on


def crater(core):
    """A bright star of width 2 whose core holds one value; sky 0, noise 1."""
    y, x = np.mgrid[:60, :60]
    apart = np.hypot(x - 30, y - 30)
    image = np.random.default_rng(2).normal(0, 1, (60, 60)) + 3e3 * np.exp(-(apart**2) / 8)
    image[apart < 1.6] = core
    return image


@pytest.mark.parametrize(("core", "lost"), [(np.nan, True), (-40.0, True), (2.0, False)])
def test_a_core_is_lost_if_it_has_no_data_or_less_than_the_sky(core, lost):
    found = saturated_cores(crater(core), fwhm_px=4.7)
    assert len(found) == lost
    np.testing.assert_allclose(found, np.full((int(lost), 2), 30.0), atol=0.1)


def test_an_annulus_is_of_the_spaxels_between_its_radii_and_away_from_others():
    y, x = np.mgrid[:30, :40]
    others = np.array([[12.0, 15.0], [12.0, 15.0], [30.0, 15.0]])
    found = _clean_annulus(20.0, 15.0, 5.0, 8.0, others, (30, 40))
    apart = np.hypot(x - 20, y - 15)
    expected = (apart >= 5) & (apart <= 8)
    for other in others:
        expected &= np.hypot(x - other[0], y - other[1]) > 5
    assert sorted(found) == np.flatnonzero(expected).tolist()
    corner = _clean_annulus(0.0, 0.0, 5.0, 8.0, np.empty((0, 2)), (30, 40))
    at = np.hypot(x, y)
    assert sorted(corner) == np.flatnonzero((at >= 5) & (at <= 8)).tolist()
    assert len(_clean_annulus(-8.1, 5.0, 5.0, 8.0, others, (30, 40))) == 0
    assert len(_clean_annulus(np.nan, 5.0, 5.0, 8.0, others, (30, 40))) == 0

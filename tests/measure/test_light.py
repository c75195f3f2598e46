"""Where the light of stars lies, at values that can be written down."""

import numpy as np
import pytest

from pipeline.measure.catalogue import _flags, _nearest
from pipeline.measure.channel_share import FieldPlace, LightShare, find_field, light_share
from pipeline.measure.contamination import Moffat, core_light, light_in_aperture, pixels_about
from pipeline.measure.headline_pairs import choose_pairs
from pipeline.measure.methods.psf import _on_image
from pipeline.measure.standard import mask_stars
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
        distance, value = pixels_about(image, x0, y0, 3.5)
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

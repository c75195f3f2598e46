"""The detection image, the stars in it, their distance to the edge."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.errors import CubeEmpty, CubeUnreadable, NoStarsDetected
from pipeline.measure.detection import detection_image, edge_distance, find_stars
from pipeline.measure.moments import windowed_moments
from pipeline.measure.standard import MaskedStandard, find_masked_standard
from tests.measure.fields import STUDY, FieldRecipe, clean_image, noisy

SEARCH = {"threshold_sigma": 6.0, "fwhm_px": 5.0}


def no_standard(shape):
    return MaskedStandard(-99.0, -99.0, 0.0, np.zeros(shape, bool))


def stars_of(recipe, rng=None, **search):
    rng = np.random.default_rng(1) if rng is None else rng
    image = noisy(clean_image(recipe), recipe.sky, rng)
    return find_stars(image, standard=no_standard(image.shape), **(SEARCH | search))


class CountingCube:
    """A cube that notes which layers are read."""

    def __init__(self, values):
        self.values, self.shape, self.read = values, values.shape, set()

    def __getitem__(self, key):
        self.read |= set(range(*key.indices(len(self.values))))
        return self.values[key]


def test_image_is_the_median_of_three_bands_about_the_central_layer():
    wave_aa = 4750 + 1.25 * np.arange(3681)
    layer = np.arange(3681.0).reshape(-1, 1, 1)
    cube = CountingCube(layer**2)  # not linear: the median of the bands is that of the middle one
    image = detection_image(cube, wave_aa, band_width_aa=50.0, n_bands=3)
    # 3 bands of 40 layers, 1780 to 1899: centred on layer 1840 to half a layer
    assert cube.read == set(range(1780, 1900))
    assert image.item() == pytest.approx((layer[1820:1860] ** 2).mean(), rel=1e-12)


@pytest.mark.parametrize(
    ("step", "first", "last"), [(25.0, 89, 94), (50.0, 45, 47), (80.0, 27, 29)]
)
def test_coarse_bins_give_bands_of_whole_layers_at_least_one(step, first, last):
    wave_aa = np.arange(4750.0, 9351.0, step)
    cube = CountingCube(np.ones((len(wave_aa), 2, 2)))
    detection_image(cube, wave_aa, band_width_aa=50.0, n_bands=3)
    assert cube.read == set(range(first, last + 1))
    middle = (wave_aa[0] + wave_aa[-1]) / 2
    assert abs((wave_aa[first] + wave_aa[last]) / 2 - middle) <= step / 2


def test_a_spike_in_one_band_does_not_show():
    cube = np.ones((120, 3, 3))
    cube[5, 1, 1] = 1e6
    image = detection_image(cube, 6000 + 1.25 * np.arange(120), band_width_aa=50, n_bands=3)
    np.testing.assert_array_equal(image, 1.0)


def test_missing_values_are_left_out_of_mean_and_median():
    cube = np.ones((6, 1, 3))
    cube[:, 0, 1] = [np.nan, 3, 5, 5, 7, 7]  # bands 3, 5, 7
    cube[:, 0, 2] = np.nan
    image = detection_image(cube, 6000 + 25.0 * np.arange(6), band_width_aa=50, n_bands=3)
    np.testing.assert_array_equal(image, [[1, 5, np.nan]])


def test_a_notch_at_the_centre_leaves_the_other_bands():
    cube = np.full((6, 1, 1), 4.0)
    cube[2:4] = np.nan
    image = detection_image(cube, 6000 + 25.0 * np.arange(6), band_width_aa=50, n_bands=3)
    assert image.item() == 4.0


def test_big_endian_layers_give_the_same_image():
    cube = np.random.default_rng(1).normal(size=(30, 5, 5)).astype("f4")
    wave_aa = 6000 + 10.0 * np.arange(30)
    images = [
        detection_image(cube.astype(kind), wave_aa, band_width_aa=50, n_bands=3)
        for kind in ("<f4", ">f4")
    ]
    np.testing.assert_array_equal(*images)


def test_a_cube_without_finite_values_is_empty():
    with pytest.raises(CubeEmpty, match="no finite value between 6000 and 6125 A"):
        detection_image(
            np.full((6, 2, 2), np.nan), 6000 + 25.0 * np.arange(6), band_width_aa=50, n_bands=3
        )


def test_a_cube_with_too_few_layers_is_refused_with_the_remedy():
    with pytest.raises(CubeUnreadable, match=r"need 6 layers of 25 A, the cube has 4.*lower"):
        detection_image(np.ones((4, 2, 2)), 6000 + 25.0 * np.arange(4), band_width_aa=50, n_bands=3)


@pytest.mark.parametrize("fwhm_px", [2.5, 4.0, 5.0, 7.0])
@pytest.mark.parametrize("moffat_beta", [0.0, 2.8])
def test_daofind_places_isolated_stars_to_a_fortieth_of_a_pixel(fwhm_px, moffat_beta):
    # On a grid of subpixel positions, next to no noise: the bias that the docstring states.
    steps = np.arange(-0.5, 0.5, 0.25)
    xy = np.array([(40 + 60 * i + a, 40 + 60 * j + b) for i, a in enumerate(steps)
                   for j, b in enumerate(steps)])  # fmt: skip
    recipe = FieldRecipe((280, 280), xy, np.full(16, 1e6), fwhm_px, moffat_beta)
    image = clean_image(recipe) + np.random.default_rng(1).normal(0, 1.0, (280, 280))
    found = find_stars(image, standard=no_standard(image.shape), **SEARCH)
    nearest = np.hypot(found.x - xy[:, :1], found.y - xy[:, 1:]).argmin(axis=1)
    miss = found.xy[nearest] - xy
    assert np.abs(miss).max() < 0.026
    assert np.sqrt((miss**2).mean()) < 0.014


@pytest.mark.parametrize(("moffat_beta", "tolerance"), [(0.0, 0.01), (2.8, 0.1)])
@pytest.mark.parametrize("fwhm_px", [3.0, 4.0, 6.0])
def test_measured_fwhm_is_that_of_the_stars(fwhm_px, moffat_beta, tolerance):
    # Gaussian by construction; a Moffat profile's core is Gaussian to some per cent only.
    xy = np.array([(30.2, 30.4), (90.7, 30.1), (30.5, 90.8), (90.1, 90.3)])
    recipe = FieldRecipe((120, 120), xy, np.full(4, 1e6), fwhm_px, moffat_beta, sky=1.0)
    assert stars_of(recipe).fwhm_px == pytest.approx(fwhm_px, rel=tolerance)


def test_centroid_scatter_of_noisy_stars_is_that_of_their_photons():
    # A star of N photons and Gaussian sigma s is located to s / sqrt(N) by the best estimator
    # (King 1983 for negligible sky); DAOFIND weighs the core, allow a factor 2, and add its bias
    # of 0.014 px. The scatter of 100 stars is known to 7 %.
    steps = np.arange(20.0, 400.0, 40)
    rng = np.random.default_rng(7)
    xy = np.array([(x, y) for x in steps for y in steps]) + rng.uniform(-0.5, 0.5, (100, 2))
    for n_photons in (1e4, 1e6):
        found = stars_of(FieldRecipe((400, 400), xy, np.full(100, n_photons), 4.0, sky=5.0), rng)
        assert len(found.x) == 100
        distance = np.hypot(found.x[:, None] - xy[:, 0], found.y[:, None] - xy[:, 1]).min(axis=1)
        limit = np.hypot(2 * (4.0 / 2.3548) / np.sqrt(n_photons), 0.014)
        assert np.sqrt((distance**2).mean() / 2) < limit * 1.15


def test_stars_come_in_the_order_of_y_and_carry_their_flux():
    xy = np.array([(20.0, 60.0), (60.0, 20.0), (60.0, 60.0), (20.0, 20.0)])
    recipe = FieldRecipe((80, 80), xy, np.array([1e4, 2e4, 4e4, 8e4]), sky=1.0)
    found = stars_of(recipe)
    assert (np.diff(found.y) >= -0.1).all()
    nearest = np.hypot(found.x - xy[:, :1], found.y - xy[:, 1:]).argmin(axis=1)
    # The kernel box of 7 x 7 spaxels holds 92 % of a Gaussian of FWHM 4 px.
    np.testing.assert_allclose(found.flux[nearest], 0.92 * recipe.flux, rtol=0.02)


def test_two_stars_five_pixels_apart_are_two():
    recipe = FieldRecipe((60, 60), np.array([(28.0, 30.0), (33.5, 30.0)]), np.full(2, 1e5), 3.0)
    assert len(stars_of(recipe).x) == 2


def test_an_empty_sky_has_no_stars_and_says_the_threshold():
    image = np.random.default_rng(1).normal(0, 2.0, (100, 100))
    with pytest.raises(NoStarsDetected, match=r"no star above 6 sigma = 1[12]"):
        find_stars(image, standard=no_standard(image.shape), **SEARCH)


def test_a_constant_image_has_no_stars():
    image = np.zeros((50, 50))
    with pytest.raises(NoStarsDetected):
        find_stars(image, standard=no_standard(image.shape), **SEARCH)


def test_gaps_and_rims_make_no_stars():
    rng = np.random.default_rng(5)
    image = rng.normal(100, 2.0, (150, 150))  # far from zero: a filled gap would show
    image[:8] = image[:, -5:] = np.nan
    image[rng.random(image.shape) < 0.01] = np.nan
    image[70:75, 60:90] = np.nan
    with pytest.raises(NoStarsDetected):
        find_stars(image, standard=no_standard(image.shape), **SEARCH)


def test_a_star_beside_a_dead_spaxel_is_still_found():
    recipe = FieldRecipe((60, 60), np.array([(30.0, 30.0)]), np.array([1e5]))
    image = clean_image(recipe) + np.random.default_rng(1).normal(0, 3, (60, 60))
    image[31, 31] = np.nan
    found = find_stars(image, standard=no_standard(image.shape), **SEARCH)
    assert np.hypot(found.x[0] - 30, found.y[0] - 30) < 1


def test_a_star_cut_by_the_edge_is_left_out_because_its_centroid_is_wrong():
    xy = np.array([(1.0, 30.0), (5.0, 60.0), (40.0, 40.0)])
    found = stars_of(FieldRecipe((80, 80), xy, np.full(3, 1e5)))
    np.testing.assert_allclose(found.xy, [(40, 40), (5, 60)], atol=0.1)


def test_edge_distance_is_that_to_the_nearest_spaxel_without_data():
    image = np.ones((20, 30))
    image[:, :3] = np.nan
    xy = [
        (10.0, 10.0),
        (4.0, 10.0),
        (25.0, 10.0),
        (15.0, 1.25),
        (2.0, 10.0),
        (-4.0, 3.0),
        (50.0, 9.0),
    ]
    np.testing.assert_allclose(edge_distance(image, xy), [8, 2, 5, 2.25, 0, 0, 0], rtol=1e-15)


def test_edge_distance_sees_a_hole():
    image = np.ones((21, 21))
    image[10, 10] = np.nan
    np.testing.assert_allclose(edge_distance(image, [(7.0, 6.0), (10.0, 10.0)]), [5, 0])


def test_moments_of_nothing_are_the_position_that_was_given():
    moments = windowed_moments(np.zeros((20, 20)), np.array([(5.0, 6.0)]), fwhm_px=4.0)
    np.testing.assert_array_equal(moments.xy, [(5.0, 6.0)])
    assert np.isnan(moments.fwhm_px).all()


def test_moments_at_an_edge_do_not_depend_on_which_edge_it_is():
    image = np.zeros((40, 40))
    image[:3, 18:22] = [[1.0, 2.0, 2.0, 1.0], [2.0, 4.0, 4.0, 2.0], [1.0, 2.0, 2.0, 1.0]]
    start = np.array([(19.5, 1.0)])
    low = windowed_moments(image, start, fwhm_px=4.0)
    for turns, place in ((2, [(19.5, 38.0)]), (1, [(1.0, 19.5)]), (3, [(38.0, 19.5)])):
        turned = windowed_moments(np.rot90(image, turns), np.array(place), fwhm_px=4.0)
        np.testing.assert_allclose(turned.fwhm_px, low.fwhm_px, rtol=1e-12)
        np.testing.assert_allclose(
            np.hypot(*(turned.xy - place).T), np.hypot(*(low.xy - start).T), atol=1e-12
        )


def test_windowed_centroid_is_the_centre_of_an_isolated_star():
    for fwhm_px in (2.5, 4.0, 7.0):
        recipe = FieldRecipe((60, 60), np.array([(30.37, 28.81)]), np.array([1e5]), fwhm_px, 2.8)
        xy = windowed_moments(clean_image(recipe), np.array([(30.0, 29.0)]), fwhm_px=5.0).xy
        np.testing.assert_allclose(xy, recipe.xy, atol=1e-3)


def test_the_study_field_is_found_without_false_stars():
    # Five noise patterns; all 25 stars, at most one of the blended pair 14/15 missing, no other.
    for seed in range(5):
        image = noisy(clean_image(STUDY), STUDY.sky, np.random.default_rng(seed))
        standard = find_masked_standard(image, **SEARCH)
        found = find_stars(image, standard=standard, **SEARCH)
        distance = np.hypot(found.x[:, None] - STUDY.xy[:, 0], found.y[:, None] - STUDY.xy[:, 1])
        assert (distance.min(axis=1) < 2.0).all()
        assert (np.delete(distance.min(axis=0), 13) < 0.5).all()
        assert found.fwhm_px == pytest.approx(STUDY.fwhm_px, rel=0.1)


def test_detection_does_not_depend_on_the_level_of_the_sky():
    image = noisy(clean_image(replace(STUDY, border_px=0)), STUDY.sky, np.random.default_rng(1))
    positions = []
    for level in (0.0, 1000.0):
        standard = find_masked_standard(image + level, **SEARCH)
        positions.append(find_stars(image + level, standard=standard, **SEARCH).xy)
    np.testing.assert_allclose(*positions, atol=1e-6)

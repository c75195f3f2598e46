"""The parts of masks and of contamination, each at values that can be written down."""

import numpy as np
import pytest

from pipeline.errors import CubeEmpty
from pipeline.measure import contamination as light
from pipeline.measure import standard
from pipeline.measure.contamination import Moffat, contamination, contamination_in_image
from pipeline.measure.standard import MaskedStandard, mask_about, mask_stars, saturated_cores
from tests.measure.fields import FieldRecipe, clean_image

FWHM = 5.0


@pytest.fixture
def known_noise(monkeypatch):
    """A background of 10 with a standard deviation of 2, whatever the image shows."""
    monkeypatch.setattr(standard, "sigma_clipped_stats", lambda *_, **__: (0.0, 10.0, 2.0))


def ring(*, value=200.0, core=np.nan, size=3, at=(20, 30), shape=(50, 60)):
    """Sky of 10 with a square core that is lost, and bright spaxels about it."""
    image = np.full(shape, 10.0)
    row, column = at
    image[row - 1 : row + size + 1, column - 1 : column + size + 1] = value
    image[row : row + size, column : column + size] = core
    return image


@pytest.mark.usefixtures("known_noise")
def test_a_core_is_lost_amid_spaxels_of_more_than_fifty_sigma():
    np.testing.assert_allclose(saturated_cores(ring(value=110.1), fwhm_px=FWHM), [(31.0, 21.0)])
    assert saturated_cores(ring(value=110.0), fwhm_px=FWHM).shape == (0, 2)


@pytest.mark.usefixtures("known_noise")
def test_a_core_may_hold_less_than_the_sky_by_five_sigma():
    np.testing.assert_allclose(saturated_cores(ring(core=-0.1), fwhm_px=FWHM), [(31.0, 21.0)])
    assert saturated_cores(ring(core=0.0), fwhm_px=FWHM).shape == (0, 2)


@pytest.mark.usefixtures("known_noise")
def test_a_hole_of_two_widths_is_a_core_and_a_larger_one_is_none():
    for at in ((10, 20), (20, 10)):
        assert len(saturated_cores(ring(size=10, at=at), fwhm_px=FWHM)) == 1
        assert len(saturated_cores(ring(size=11, at=at), fwhm_px=FWHM)) == 0
    wide = ring(size=3)
    wide[20:23, 30:41] = np.nan
    assert len(saturated_cores(wide, fwhm_px=FWHM)) == 0


@pytest.mark.usefixtures("known_noise")
@pytest.mark.parametrize("at", [(0, 30), (20, 0), (47, 30), (20, 57)])
def test_a_hole_on_the_rim_is_no_core(at):
    row, column = at
    image = np.full((50, 60), 200.0)
    image[row : row + 3, column : column + 3] = np.nan
    assert len(saturated_cores(image, fwhm_px=FWHM)) == 0
    shifted = np.full((50, 60), 200.0)
    row, column = np.clip(row, 1, 46), np.clip(column, 1, 56)
    shifted[row : row + 3, column : column + 3] = np.nan
    np.testing.assert_allclose(saturated_cores(shifted, fwhm_px=FWHM), [(column + 1, row + 1)])


@pytest.mark.usefixtures("known_noise")
def test_the_centre_of_a_core_is_the_mean_of_its_spaxels_and_corners_hang_together():
    image = np.full((50, 60), 200.0)
    image[20, 30] = image[21, 31] = image[21, 32] = np.nan
    np.testing.assert_allclose(saturated_cores(image, fwhm_px=FWHM), [(31.0, 62 / 3)])


def test_without_data_or_noise_no_core_is_lost():
    assert saturated_cores(np.full((9, 9), np.nan), fwhm_px=FWHM).shape == (0, 2)
    assert saturated_cores(ring(value=10.0), fwhm_px=FWHM).shape == (0, 2)  # nothing but 10


def masked(x, y, radius, shape=(9, 9)):
    mask = np.zeros(shape, bool)
    mask[int(y), int(x)] = True
    return MaskedStandard(x, y, radius, mask)


def test_of_several_masks_the_widest_is_the_star_and_their_union_is_the_mask(monkeypatch):
    found = {(1.0, 2.0): 4.0, (3.0, 4.0): 7.0, (5.0, 1.0): 4.0, (0.0, 2.0): 4.0}
    monkeypatch.setattr(standard, "saturated_cores", lambda *_, **__: np.array(list(found)))
    monkeypatch.setattr(standard, "mask_about", lambda _, x, y, **__: masked(x, y, found[x, y]))
    one = mask_stars(np.zeros((9, 9)), "saturated", threshold_sigma=5.0, fwhm_px=FWHM)
    assert (one.x, one.y, one.radius_px) == (3.0, 4.0, 7.0)
    assert one.further_xy.tolist() == [[5.0, 1.0], [0.0, 2.0], [1.0, 2.0]]
    assert one.xy.tolist() == [[3.0, 4.0], *one.further_xy.tolist()]
    assert sorted(zip(*np.nonzero(one.mask.T), strict=True)) == sorted(found)


def test_where_no_star_is_masked_there_is_no_place_and_no_mask():
    nothing = mask_stars(np.zeros((4, 5)), "none", threshold_sigma=5.0, fwhm_px=FWHM)
    assert np.isnan([nothing.x, nothing.y]).all()
    assert (nothing.radius_px, nothing.mask.shape, nothing.mask.any()) == (0.0, (4, 5), False)
    assert nothing.xy.shape == (0, 2)
    assert MaskedStandard(1.0, np.nan, 2.0, nothing.mask).xy.shape == (0, 2)
    for which in ("none", "saturated", "brightest"):
        with pytest.raises(CubeEmpty):
            mask_stars(np.full((4, 5), np.nan), which, threshold_sigma=5.0, fwhm_px=FWHM)


def test_distances_are_those_of_the_centres_of_spaxels():
    found = standard._distance((3, 4), 1.5, 2.0)
    assert found.shape == (3, 4)
    assert found[2].tolist() == [1.5, 0.5, 0.5, 1.5]
    assert found[0, 0] == 2.5


def test_an_image_is_turned_about_a_point_and_stands_for_itself_beyond_its_rim():
    image = np.arange(20.0).reshape(4, 5)
    np.testing.assert_allclose(
        standard._mirrored(image, 1.0, 2.0),
        [
            [0, 1, 2, 3, 4],
            [image[3, 2], image[3, 1], image[3, 0], 8, 9],
            [image[2, 2], image[2, 1], image[2, 0], 13, 14],
            [image[1, 2], image[1, 1], image[1, 0], 18, 19],
        ],
    )
    np.testing.assert_allclose(standard._mirrored(image, 2.0, 1.5)[:, 0], image[::-1][:, 4])


def rings(values, smooth=None, *, scatter=None):
    """A row of rings of forty spaxels each, with a level and a scatter (MAD) of their own."""
    n = len(values)
    scatter = np.zeros(n) if scatter is None else np.asarray(scatter, float)
    signs = np.resize([-1.0, 1.0], 40)
    convolved = np.array(
        [v + s * signs / 1.482602218505602 for v, s in zip(values, scatter, strict=True)]
    )
    distance = np.repeat(np.arange(n) + 0.5, 40).reshape(n, 40)
    known = np.ones(distance.shape, bool) if smooth is None else smooth
    return convolved, known, distance


def wing(values, *, smooth=None, scatter=None, threshold=10.0, sigma=6.0):
    return standard._wing_radius(*rings(values, smooth, scatter=scatter), threshold, sigma)


def test_wings_end_before_the_first_two_quiet_rings():
    assert wing([99, 50, 20, 9, 9, 9, 9]) == 3.0
    assert wing([99, 9, 20, 9, 20, 9, 9]) == 5.0
    assert wing([99, 9, 9, 20, 20, 20, 20]) == 1.0  # the innermost ring is the star itself
    assert wing([99, 50, 50, 50, 50, 50, 9]) == 6.0
    assert wing([99, 10.0, 10.0, 9.9, 9.9]) == 3.0


def test_a_ring_is_quiet_where_the_threshold_is_four_and_a_half_sigma_above_it():
    # level + 4.5 sigma < 10
    assert wing([99, 1, 1, 1, 1], scatter=[0, 2.01, 1.99, 1.99, 0]) == 2.0
    # a threshold of 3 sigma asks for 2.5 of them
    assert wing([99, 1, 1, 1, 1], scatter=[0, 3.61, 3.59, 3.59, 0], sigma=3.0) == 2.0


def test_a_ring_of_fewer_than_ten_spaxels_tells_nothing():
    smooth = np.ones((6, 40), bool)
    smooth[2, 10:] = False
    assert wing([99, 9, 9, 9, 9, 9], smooth=smooth) == 1.0
    smooth[2, 9] = False
    assert wing([99, 9, 9, 9, 9, 9], smooth=smooth) == 3.0


def test_structure_hangs_together_over_two_widths_and_is_grown_by_half_a_one():
    structure = np.zeros((9, 60), bool)
    structure[4, [18, 28, 40]] = True
    circle = np.zeros((9, 60), bool)
    circle[4, :8] = True
    found = standard._connected(structure, circle, 5.0)
    # 11, 10 and 12 spaxels apart: each grows by 5 to find the next
    assert np.flatnonzero(found[4]).tolist() == [*range(10), 16, 17, 18, 19, 20, 26, 27, 28, 29, 30]
    assert found[:, 5].tolist() == [False, False, True, True, True, True, True, False, False]


def test_an_image_without_noise_has_a_mask_of_one_width():
    found = mask_about(np.ones((20, 30)), 12.0, 8.0, threshold_sigma=6.0, fwhm_px=5.0)
    row, column = np.indices((20, 30))
    assert (found.mask == (np.hypot(column - 12, row - 8) <= 5)).all()
    assert (found.x, found.y, found.radius_px) == (12.0, 8.0, 5.0)


def test_a_moffat_s_core_radius_follows_from_its_width_at_half_its_peak():
    psf = Moffat(4.0, 2.5)
    assert (1 + (2.0 / psf.alpha_px()) ** 2) ** -2.5 == pytest.approx(0.5)
    assert psf.alpha_px(1.25) == pytest.approx(1.25 * psf.alpha_px())


def test_contamination_is_that_of_each_neighbour_by_the_formulae():
    psf, radius = Moffat(4.0, 2.5), 4.5
    xy, flux = np.array([(0.0, 0.0), (7.0, 0.0), (0.0, 9.0)]), np.array([4.0, 1.0, 2.0])
    found = contamination(xy, flux, psf, radius)
    for star in range(3):
        apart = [np.hypot(*(xy[k] - xy[star])) for k in range(3) if k != star]
        ratio = [flux[k] / flux[star] for k in range(3) if k != star]

        def lights(spread=1.0, shift=0.0, apart=apart, ratio=ratio):
            own = 1 - (1 + (radius / psf.alpha_px(spread)) ** 2) ** (1 - 2.5)
            return np.array([
                q * float(light.light_in_aperture(np.array(d + shift), radius, psf, spread)) / own
                for q, d in zip(ratio, apart, strict=True)
            ])  # fmt: skip

        share = lights().sum()
        wide, narrow = (np.log(1 + lights(s).sum()) for s in (1.25, 0.8))
        moved = (lights(shift=0.1) - lights(shift=-0.1)) / 2
        assert found.share[star] == pytest.approx(share)
        assert found.by_width[star] == pytest.approx(abs(wide - narrow) / 2)
        assert found.by_distance[star] == pytest.approx(np.sqrt((moved**2).sum()) / (1 + share))


def test_a_neighbour_without_light_does_nothing_and_a_dark_star_alone_is_clean():
    psf = Moffat(4.0, 2.5)
    xy = np.array([(0.0, 0.0), (7.0, 0.0)])
    found = contamination(xy, np.array([1.0, -5.0]), psf, 4.5)
    assert found.total[0] == 0.0
    assert np.isinf(found.total[1])
    alone = contamination(xy[:1], np.array([np.nan]), psf, 4.5)
    assert alone.total[0] == 0.0
    beside = contamination(
        xy[:1], np.array([1.0]), psf, 4.5, others_xy=xy[1:], others_flux=np.array([np.nan])
    )
    assert beside.total[0] == 0.0


def stars_at(*xy, fwhm=4.0, beta=3.0, flux=1e4, shape=(80, 120)):
    return clean_image(FieldRecipe(shape, np.array(xy, float), np.full(len(xy), flux), fwhm, beta))


def test_the_profile_of_one_star_is_found_exactly():
    found = light.measure_moffat(stars_at((40.3, 40.6)), np.array([(40.3, 40.6)]), 4.5)
    # the image is the profile at the centres of spaxels; the median about the peak is a scale
    assert found.fwhm_px == pytest.approx(4.0, rel=1e-3)
    assert found.beta == pytest.approx(3.0, rel=1e-2)


def test_only_stars_without_a_neighbour_within_three_and_three_quarter_widths_tell_the_profile():
    first = Moffat(4.0, 2.5)
    for apart, alone in ((14.9, False), (15.1, True)):  # 1.5 x 2.5 x 4
        xy = np.array([(40.0, 40.0), (40.0 + apart, 40.0)])
        found = light.measure_moffat(stars_at(*xy, fwhm=5.0), xy, 4.0)
        assert (found != first) is alone


def test_the_twelve_brightest_stars_tell_the_profile():
    grid = np.array([(20.0 + 30 * k, 20.0 + 30 * j) for k in range(5) for j in range(3)])
    image = stars_at(*grid[:12], fwhm=4.0, flux=1e5, shape=(110, 170))
    image += stars_at(*grid[12:], fwhm=9.0, flux=1e4, shape=(110, 170))
    assert light.measure_moffat(image, grid, 4.5).fwhm_px == pytest.approx(4.0, rel=0.02)


def test_a_place_without_light_tells_no_profile():
    xy = np.array([(40.0, 40.0), (100.0, 40.0)])
    image = stars_at(xy[0]) - stars_at(xy[1], fwhm=8.0)
    found = light.measure_moffat(image, xy, 4.5)
    assert found.fwhm_px == pytest.approx(4.0, rel=0.01)
    holed = stars_at(xy[0])
    row, column = np.indices(holed.shape)
    holed[np.hypot(column - 40, row - 40) <= 1] = np.nan
    assert light.measure_moffat(holed, xy[:1], 4.5) == Moffat(4.5, 2.5)


def test_the_index_stays_within_its_range():
    row, column = np.indices((80, 80))
    square = (column - 40.0) ** 2 + (row - 40.0) ** 2
    gaussian = 1e4 * np.exp(-square / (2 * 1.8**2))
    assert light.measure_moffat(gaussian, np.array([(40.0, 40.0)]), 4.2).beta == pytest.approx(6.0)
    flat = 1e4 * (1 + square / 4.0) ** -1.05
    assert light.measure_moffat(flat, np.array([(40.0, 40.0)]), 4.2).beta == pytest.approx(
        1.5, abs=0.3
    )


def test_contamination_in_an_image_is_that_of_its_own_profile_and_light():
    xy, bright = np.array([(30.0, 40.0), (70.0, 40.0), (76.0, 46.0)]), np.array([(100.0, 40.0)])
    image = stars_at(*xy, *bright)
    found = contamination_in_image(image, xy, bright, fwhm_px=4.4, radius_px=4.5)
    psf = light.measure_moffat(image, xy, 4.4)
    expected = contamination(
        xy, light.core_light(image, xy, psf.fwhm_px), psf, 4.5,
        others_xy=bright, others_flux=light.core_light(image, bright, psf.fwhm_px),
    )  # fmt: skip
    np.testing.assert_allclose(found.total, expected.total)
    unknown = contamination_in_image(image, xy, bright, fwhm_px=np.nan, radius_px=4.5)
    again = contamination_in_image(image, xy, bright, fwhm_px=4.5, radius_px=4.5)
    np.testing.assert_allclose(unknown.total, again.total)

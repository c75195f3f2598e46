"""Parts of extraction, photometry and detection at values that can be written down."""

import numpy as np
import pytest

from pipeline.config.passbands import Band
from pipeline.errors import CubeEmpty, CubeUnreadable
from pipeline.measure import channel_share, moments, photometry
from pipeline.measure.channel_share import FieldPlace, LightShare, find_field, light_share
from pipeline.measure.contamination import Moffat
from pipeline.measure.detection import detection_image, edge_distance
from pipeline.measure.methods import psf as psf_method
from pipeline.measure.photometry import dark_cores, flux_flags, integrate_band, layer_weights
from pipeline.measure.psf_system import build_windows
from pipeline.measure.spectra import CubeArrays
from pipeline.muse.geometry import WIDE_FIELD


def test_nodes_hold_equal_shares_of_the_light_in_the_aperture():
    psf = Moffat(4.0, 2.5)
    nodes, share = channel_share._light_nodes(psf, 4.5)
    radius = np.hypot(*nodes.T)
    assert radius.max() < 4.5
    assert share.sum() == pytest.approx(1.0)
    assert np.ptp(share) == 0.0

    def within(r):
        return 1 - (1 + (r / psf.alpha_px()) ** 2) ** (1 - psf.beta)

    rings = np.sort(np.unique(radius.round(9)))
    n = len(rings)
    np.testing.assert_allclose(within(rings) / within(4.5), (np.arange(n) + 0.5) / n, atol=1e-6)
    np.testing.assert_allclose(nodes.mean(axis=0), 0.0, atol=1e-9)
    for ring in rings[:3]:
        angles = np.sort(np.arctan2(*nodes[np.isclose(radius, ring)].T))
        np.testing.assert_allclose(np.diff(angles), 2 * np.pi / len(angles))


def test_light_on_the_first_and_the_last_channel_and_slice_has_its_place():
    width, height = WIDE_FIELD.width_px, WIDE_FIELD.height_px
    corners = np.array([(-1.0, -1.0), (1.0, -1.0), (-1.0, 1.0), (1.0, 1.0)])
    xy = corners * (width / 2 - 3, height / 2 - 3)
    found = light_share(xy, FieldPlace((0.0, 0.0), 0.0), Moffat(1.0, 4.0), 1.0)
    assert found.slices.shape == (4, 24, 48)
    np.testing.assert_allclose(found.channels.sum(axis=1), 1.0)
    assert set(found.main_channel.tolist()) == {1, 24}
    assert {min(found.main_slice), max(found.main_slice)} <= set(range(1, 49))
    inside = LightShare(np.zeros((1, 24, 48)))
    assert (inside.main_channel[0], inside.main_slice[0]) == (0, 0)


@pytest.mark.parametrize("cut", ["left", "right", "bottom", "top"])
def test_a_side_that_the_image_cuts_off_is_half_a_field_from_the_other(cut):
    width, height = round(WIDE_FIELD.width_px), round(WIDE_FIELD.height_px)
    image = np.full((height + 60, width + 60), np.nan)
    image[30 : 30 + height, 30 : 30 + width] = 1.0
    at = {
        "left": np.s_[:, 50:], "right": np.s_[:, : width + 10], "bottom": np.s_[50:],
        "top": np.s_[: height + 10]
    }[cut]  # fmt: skip
    x, y = find_field(image[at], 0.0).centre_xy
    aside = (50 if cut == "left" else 0), (50 if cut == "bottom" else 0)
    assert x + aside[0] == pytest.approx(30 + (width - 1) / 2, abs=0.6)
    assert y + aside[1] == pytest.approx(30 + (height - 1) / 2, abs=0.6)


def test_a_turned_field_that_is_shifted_is_found_where_it_is():
    for angle in (0.0, 90.0, 180.0, 30.0):
        rows = np.indices((460, 470)).astype(float)
        where = FieldPlace((240.0, 215.0), angle)
        along, across = where.offsets(np.stack([rows[1], rows[0]], axis=-1))
        inside = (np.abs(along) < WIDE_FIELD.width_px / 2) & (
            np.abs(across) < WIDE_FIELD.height_px / 2
        )
        found = find_field(np.where(inside, 1.0, np.nan), angle)
        np.testing.assert_allclose(found.centre_xy, (240.0, 215.0), atol=0.6)
        assert (found.angle_deg, found.layout) == (angle, WIDE_FIELD)


WAVE = np.array([100.0, 110.0, 120.0, 130.0])


def test_edges_of_layers_are_half_way_and_one_layer_has_no_width():
    np.testing.assert_allclose(
        photometry.layer_edges(np.array([100.0, 110.0, 130.0])), [95, 105, 120, 140]
    )
    assert photometry.layer_edges(np.array([100.0, 110.0])).tolist() == [95.0, 105.0, 115.0]
    assert photometry.layer_edges(np.array([100.0])).tolist() == [100.0, 100.0]


def test_a_band_is_covered_up_to_the_outer_edges_of_the_layers():
    for low, high, covered in (
        (95, 135, True),
        (94.9, 135, False),
        (95, 135.1, False),
        (100, 110, True),
    ):
        band = Band("b", np.array([low, high]), np.ones(2), "test")
        assert photometry.covers(WAVE, band) is covered


def test_weights_are_integrals_of_the_band_over_each_layer():
    ramp = Band("ramp", np.array([95.0, 135.0]), np.array([0.0, 4.0]), "test")
    np.testing.assert_allclose(layer_weights(ramp, WAVE), [5, 15, 25, 35])
    narrow = Band("n", np.array([108.0, 112.0, 116.0]), np.array([0.0, 2.0, 0.0]), "test")
    np.testing.assert_allclose(layer_weights(narrow, WAVE), [0, 7.75, 0.25, 0])
    assert layer_weights(narrow, WAVE).sum() == pytest.approx(8.0)


BOX = Band(
    "ramps", np.array([95.0, 95.001, 134.999, 135.0]), np.array([0.0, 1.0, 1.0, 0.0]), "test"
)


def band_flux(flux, coverage=None, variance=1.0, min_coverage=0.75):
    flux = np.asarray(flux, float).reshape(1, 1, -1)
    coverage = np.ones(4) if coverage is None else np.asarray(coverage, float)
    return integrate_band(
        flux, np.full(flux.shape, variance), coverage.reshape(1, 1, -1), WAVE, BOX,
        min_coverage=min_coverage,
    )  # fmt: skip


def test_three_of_four_layers_are_enough_for_three_quarters_and_less_is_missing():
    found = band_flux([4.0, np.nan, 4.0, 4.0], min_coverage=0.749)
    assert found.flux.item() == pytest.approx(4.0)
    assert found.sigma.item() == pytest.approx(np.sqrt(3) / 3, rel=1e-4)
    assert found.coverage.item() == pytest.approx(0.75, abs=1e-4)
    assert np.isnan(band_flux([4.0, np.nan, 4.0, 4.0], min_coverage=0.751).flux).all()


def test_layers_of_too_little_coverage_are_left_out_and_count_for_what_they_cover():
    found = band_flux([4.0, 9.0, 4.0, 4.0], coverage=[1.0, 0.74, 1.0, 1.0], min_coverage=0.749)
    assert found.flux.item() == pytest.approx(4.0)
    assert found.coverage.item() == pytest.approx(0.935, abs=1e-4)
    kept = band_flux([4.0, 8.0, 4.0, 4.0], coverage=[1.0, 0.75, 1.0, 1.0])
    assert kept.flux.item() == pytest.approx(5.0, rel=1e-4)  # exactly enough counts


def test_a_star_whose_layers_are_thin_throughout_has_no_flux_though_each_would_do():
    assert np.isfinite(band_flux([4.0] * 4, coverage=[0.75] * 4, min_coverage=0.7499).flux).all()
    assert np.isnan(band_flux([4.0] * 4, coverage=[0.74] * 4).flux).all()


def test_nothing_is_covered_outside_of_an_exposure():
    found = photometry.not_covered(2, 3)
    assert found.flux.shape == found.sigma.shape == found.coverage.shape == (2, 3)
    assert np.isnan([found.flux, found.sigma]).all()
    assert not found.coverage.any()


def star_image(core=100.0, ring=100.0, sky=10.0):
    image = np.full((21, 25), sky)
    row, column = np.indices(image.shape)
    distance = np.hypot(column - 12, row - 10)
    image[distance <= photometry.RING_PX] = ring
    image[distance <= photometry.CORE_PX] = core
    return image


def dark(image, xy=((12.0, 10.0),), background=10.0, noise=2.0):
    return dark_cores(image, np.array(xy), background, noise).tolist()


def test_a_core_is_dark_if_it_is_zero_or_far_below_the_sky_amid_light():
    assert dark(star_image()) == [False]
    assert dark(star_image(core=0.0)) == [True]
    below = 10.0 - photometry.DARK_SIGMA * 2.0
    assert dark(star_image(core=below)) == [below == 0]
    assert dark(star_image(core=below - 0.1)) == [True]
    bright = 10.0 + photometry.BRIGHT_SIGMA * 2.0
    assert dark(star_image(core=0.0, ring=bright)) == [False]
    assert dark(star_image(core=0.0, ring=bright + 0.1)) == [True]


def test_one_dark_spaxel_near_the_position_is_enough_and_one_in_the_ring_is_not():
    image = star_image()
    image[10, 12 + int(photometry.CORE_PX)] = 0.0
    assert dark(image) == [True]
    image = star_image()
    image[10, 12 + int(photometry.CORE_PX) + 1] = 0.0
    assert dark(image) == [False]


def test_a_star_off_the_image_or_of_unknown_place_has_no_dark_core():
    image = star_image(core=0.0)
    xy = [(12.0, 10.0), (np.nan, 10.0), (-1.0, 10.0), (25.0, 10.0), (12.0, 21.0), (12.0, -1.0)]
    assert dark(image, xy) == [True] + [False] * 5
    corner = np.full((9, 9), 100.0)
    corner[0, 0] = 0.0
    assert dark(corner, [(0.0, 0.0)]) == [True]
    corner[0, 0], corner[8, 8] = 100.0, 0.0
    assert dark(corner, [(8.0, 8.0)]) == [True]
    nothing = np.full((9, 9), np.nan)
    nothing[4, 4] = 0.0
    assert dark(nothing, [(4.0, 4.0)]) == [False]


def test_flags_are_joined_in_a_fixed_order():
    coverage = np.ones((2, 1, 4))
    coverage[1] = 0.5
    fluxes = band_flux([4.0] * 4)
    both = photometry.BandFlux(np.array([[4.0], [np.nan]]), np.ones((2, 1)), np.ones((2, 1)))
    assert flux_flags(coverage, both, np.array([True, True])).ravel().tolist() == [
        "core",
        "edge gap core",
    ]
    assert flux_flags(coverage, both).ravel().tolist() == ["", "edge gap"]
    assert np.isfinite(fluxes.snr).all()


def test_a_centroid_may_move_by_so_many_widths_and_no_more():
    y, x = np.mgrid[:41, :41]
    image = 100 * np.exp(-((x - 20.0) ** 2 + (y - 20.0) ** 2) / (2 * (4.0 / 2.3548) ** 2))
    limit = moments.MAX_SHIFT_FWHM * 4.0
    near = moments.windowed_moments(image, np.array([[20 + limit - 0.1, 20.0]]), fwhm_px=4.0)
    far = moments.windowed_moments(image, np.array([[20 + limit + 0.1, 20.0]]), fwhm_px=4.0)
    np.testing.assert_allclose(near.xy, [[20, 20]], atol=0.01)
    assert far.xy.tolist() == [[20 + limit + 0.1, 20.0]]
    assert np.isnan(far.fwhm_px[0])


def test_sums_under_a_window_are_the_moments_by_hand():
    values, dx, dy = np.array([[1.0, 2.0]]), np.array([[0.5, -1.0]]), np.array([[0.0, 2.0]])
    total, first, second = moments._window_sums(values, dx, dy, 1.5)
    w = np.exp(-np.array([0.25, 5.0]) / (2 * 1.5**2)) * [1.0, 2.0]
    assert total[0] == pytest.approx(w.sum())
    np.testing.assert_allclose(first[0], [0.5 * w[0] - w[1], 2 * w[1]])
    assert second[0] == pytest.approx(0.25 * w[0] + 5 * w[1])


def test_a_width_is_unknown_where_the_moment_is_that_of_the_window_or_more():
    flat = moments.windowed_moments(np.ones((41, 41)), np.array([[20.0, 20.0]]), fwhm_px=4.0)
    assert np.isnan(flat.fwhm_px[0]) or flat.fwhm_px[0] > 40
    hollow = np.ones((41, 41))
    hollow[18:23, 18:23] = 0.0
    assert np.isnan(
        moments.windowed_moments(hollow, np.array([[20.0, 20.0]]), fwhm_px=4.0).fwhm_px[0]
    )


def test_bands_of_the_detection_image_lie_side_by_side_about_the_middle():
    wave = 5000.0 + 10 * np.arange(20)
    cube = np.arange(20.0)[:, None, None] * np.ones((1, 2, 2))
    # three bands of 30 A: layers 5 to 13, means 6, 9 and 12
    image = detection_image(cube, wave, band_width_aa=30.0, n_bands=3)
    np.testing.assert_allclose(image, 9.0)
    cube[5:8, 0, 0] = np.nan
    cube[9, 0, 1] = np.nan
    found = detection_image(cube, wave, band_width_aa=30.0, n_bands=3)
    assert found[0].tolist() == [10.5, 9.0]  # median of 9 and 12; mean of 8 and 10
    assert np.isfinite(found).all()
    cube[:, 1, 1] = np.nan
    assert np.isnan(detection_image(cube, wave, band_width_aa=30.0, n_bands=3)[1, 1])


def test_what_quality_and_fill_say_is_missing_has_no_part_in_the_detection_image():
    wave = 5000.0 + 10 * np.arange(3)
    cube, dq = np.ones((3, 2, 2)), np.zeros((3, 2, 2), int)
    cube[1, 0, 0], dq[2, 0, 1] = 7.0, 4
    cube[2, 0, 1] = 99.0
    found = detection_image(cube, wave, band_width_aa=30.0, n_bands=1, dq=dq, fill=7.0)
    np.testing.assert_allclose(found, 1.0)


def test_a_cube_of_too_few_layers_or_without_data_is_refused():
    wave = 5000.0 + 10 * np.arange(9)
    assert detection_image(np.ones((9, 2, 2)), wave, band_width_aa=30.0, n_bands=3).shape == (2, 2)
    with pytest.raises(
        CubeUnreadable, match=r"3 bands of 30 A need 9 layers of 10 A, the cube has 8"
    ):
        detection_image(np.ones((8, 2, 2)), wave[:8], band_width_aa=30.0, n_bands=3)
    with pytest.raises(CubeEmpty, match="no finite value between 5000 and 5080 A"):
        detection_image(np.full((9, 2, 2), np.nan), wave, band_width_aa=30.0, n_bands=3)
    one = detection_image(np.ones((1, 2, 2)), wave[:1], band_width_aa=30.0, n_bands=1)
    np.testing.assert_allclose(one, 1.0)


def test_the_edge_is_the_nearest_spaxel_without_data_or_off_the_image():
    image = np.ones((11, 21))
    xy = np.array([(10.0, 5.0), (0.0, 5.0), (19.5, 5.0), (-1.0, 5.0), (21.0, 3.0), (4.0, 30.0)])
    np.testing.assert_allclose(edge_distance(image, xy), [6.0, 1.0, 1.5, 0.0, 0.0, 0.0])
    image[5, 13] = np.nan
    np.testing.assert_allclose(edge_distance(image, xy[:1]), [3.0])
    assert edge_distance(image, np.array([(13.2, 5.1)]))[0] == 0.0


def test_windows_hold_the_spaxels_about_a_star_and_pairs_those_that_are_near():
    xy = np.array([(10.25, 10.0), (17.25, 10.0), (28.4, 10.0), (1.0, 29.6)])
    windows = build_windows(xy, 3.0, 4.0, (30, 32))
    assert windows.centre.tolist() == [[10, 10], [17, 10], [28, 10], [1, 30]]
    assert list(zip(windows.window.tolist(), windows.other.tolist(), strict=True)) == []
    windows = build_windows(xy, 3.0, 4.01, (30, 32))
    assert list(zip(windows.window.tolist(), windows.other.tolist(), strict=True)) == [
        (0, 1),
        (1, 0),
    ]
    assert windows.valid[0].all()
    place = windows.index[0][(windows.offsets.x == 2) & (windows.offsets.y == -1)]
    assert place.tolist() == [9 * 32 + 12]
    column, row = 1 + windows.offsets.x, 30 + windows.offsets.y
    inside = (column >= 0) & (column < 32) & (row >= 0) & (row < 30)
    assert (windows.valid[3] == inside).all()
    few = windows.of(np.array([1, 2]))
    assert len(few.window) == 0
    both = windows.of(np.array([0, 1, 3]))
    assert list(zip(both.window.tolist(), both.other.tolist(), strict=True)) == [(0, 1), (1, 0)]


def test_knots_are_means_of_a_quarter_of_the_layers_spread_evenly():
    n = 96
    data = np.arange(n, dtype=float)[:, None, None] * np.ones((1, 3, 3))
    data[:16, 1, 1] = np.nan
    stat = np.full(data.shape, 4.0)
    cube = CubeArrays(data, stat, 5000.0 + np.arange(n))
    place = np.array([[0, 4]])
    images, seen = psf_method._knot_images(cube, np.arange(9), place)
    # six knots of four layers about 8, 24, 40, 56, 72 and 88
    np.testing.assert_allclose(images.wave_aa, 5000 + np.arange(6) * 16 + 7.5)
    np.testing.assert_allclose(images.data[:, 0, 0], np.arange(6) * 16 + 7.5)
    np.testing.assert_allclose(images.noise[:, 0, 0], 2 / np.sqrt(4))
    assert images.data[0, 0, 1] == 0.0
    assert np.isinf(images.noise[0, 0, 1])
    assert seen[:, 0].tolist() == [[True, False]] + [[True, True]] * 5
    data[30:50] = np.nan
    less, _ = psf_method._knot_images(CubeArrays(data, stat, cube.wave_aa), np.arange(9), place)
    assert len(less.wave_aa) == 5
    dark_cube = CubeArrays(np.full(data.shape, np.nan), stat, cube.wave_aa)
    nothing, seen = psf_method._knot_images(dark_cube, np.arange(9), place)
    assert len(nothing.wave_aa) == 6
    assert not seen.any()


def test_few_layers_have_few_knots_and_many_no_more_than_32_layers_each():
    for n, knots, size in ((1, 1, 1), (3, 1, 1), (4, 2, 1), (12, 6, 1), (1200, 6, 32)):
        cube = CubeArrays(np.ones((n, 2, 2)), np.ones((n, 2, 2)), 5000.0 + np.arange(n))
        images, _ = psf_method._knot_images(cube, np.arange(4), np.array([[0]]))
        assert len(images.wave_aa) == knots
        np.testing.assert_allclose(images.noise, 1 / np.sqrt(size))


def test_knots_weigh_linearly_between_and_alone_beyond():
    found = psf_method._interpolation(
        np.array([10.0, 20.0]), np.array([5.0, 10.0, 12.5, 20.0, 30.0])
    )
    np.testing.assert_allclose(found, [[1, 0], [1, 0], [0.75, 0.25], [0, 1], [0, 1]])

"""Method psf: the model's closed forms, then noise-free fields, blends, gaps, edges, and noise.

The stars of these tests are two Gaussians and a halo, or a Moffat profile: neither is what is
fitted (concentric Gaussians of fixed ratios that scale together).
"""

import numpy as np
import pytest
from scipy.special import erf

from pipeline.measure.contamination import Moffat, contamination
from pipeline.measure.extraction import extract_spectra
from pipeline.measure.noise import blank_positions
from pipeline.measure.psf_field import WidthSurface, fit_surface
from pipeline.measure.psf_model import (
    RELATIVE_SIGMA,
    Offsets,
    component_images,
    light_within,
    star_images,
)
from pipeline.measure.psf_system import build_system, build_windows, solve_fluxes

WAVE = np.array([7200.0, 7800.0, 8400.0, 9000.0])
RADII = (2.5, 4.5)
SHAPE = (170, 170)


def gaussian(x, y, sigma, columns, rows):
    """A unit Gaussian integrated over spaxels."""
    along = [
        np.diff(erf((np.append(at - 0.5, at[-1] + 0.5) - middle) / np.sqrt(2) / sigma)) / 2
        for at, middle in ((columns, x), (rows, y))
    ]
    return np.outer(along[1], along[0])


def two_gaussians_and_a_halo(fwhm_px, x, y, columns, rows):
    sigma = fwhm_px / 2.3548
    return (
        0.62 * gaussian(x, y, 0.87 * sigma, columns, rows)
        + 0.30 * gaussian(x, y, 1.6 * sigma, columns, rows)
        + 0.08 * gaussian(x, y, 4.0 * sigma, columns, rows)
    )


def moffat(fwhm_px, x, y, columns, rows):
    """Index 2.5, by sampling each spaxel at 5 x 5 places."""
    steps = (np.arange(5) - 2) / 5
    fine_x, fine_y = (np.add.outer(at, steps).ravel() for at in (columns, rows))
    alpha = fwhm_px / (2 * np.sqrt(2 ** (1 / 2.5) - 1))
    square = (fine_x - x) ** 2 + (fine_y[:, None] - y) ** 2
    density = 1.5 / (np.pi * alpha**2) * (1 + square / alpha**2) ** -2.5
    return density.reshape(len(rows), 5, len(columns), 5).mean(axis=(1, 3))


SHAPES = {"two Gaussians and a halo": two_gaussians_and_a_halo, "Moffat": moffat}


def make_cube(shape, xy, flux, fwhm_px, *, slope=(0.0, 0.0), wave_aa=WAVE, sky=0.0):
    """Noise-free layers; the FWHM grows by slope[0] from left to right, slope[1] upwards."""
    data = np.full((len(wave_aa), *SHAPE), float(sky))
    half = 45
    for layer, wave in enumerate(wave_aa):
        for (x, y), light in zip(xy, flux, strict=True):
            local = 1 + slope[0] * (x / SHAPE[1] - 0.5) + slope[1] * (y / SHAPE[0] - 0.5)
            columns = np.arange(max(0, int(x) - half), min(SHAPE[1], int(x) + half))
            rows = np.arange(max(0, int(y) - half), min(SHAPE[0], int(y) + half))
            width = fwhm_px * local * (wave / 8000) ** -0.2
            where = np.ix_([layer], rows, columns)
            data[where] += light * SHAPES[shape](width, x, y, columns, rows)
    return data


def stat_of(data):
    return 1.0 + 0.05 * data


def extract(data, xy, method="psf", wave_aa=WAVE, stat=None, **options):
    stat = stat_of(data) if stat is None else stat
    return extract_spectra((data, stat, wave_aa), xy, RADII, method=method, **options)


def isolated_field(seed, n=12):
    rng = np.random.default_rng(seed)
    places = []
    while len(places) < n:
        new = rng.uniform(14, 156, 2)
        if all(np.hypot(*(new - old)) > 30 for old in places):
            places.append(new)
    return np.array(places), 10 ** rng.uniform(3.5, 4.2, n)


def test_components_hold_all_their_light_and_lie_where_they_are_put():
    offsets = Offsets.within(40.0)
    shift = np.array([[0.3, -0.4]])
    images = component_images(offsets, shift, np.array([1.7]))[0]
    np.testing.assert_allclose(images.sum(axis=1), 1.0, atol=1e-5)
    np.testing.assert_allclose(images @ offsets.x, shift[0, 0], atol=1e-3)
    np.testing.assert_allclose(images @ offsets.y, shift[0, 1], atol=1e-3)
    # second moment: that of the Gaussian and 1/12 of the spaxel
    np.testing.assert_allclose(
        images @ (offsets.x - 0.3) ** 2, (1.7 * RELATIVE_SIGMA) ** 2 + 1 / 12, rtol=1e-2
    )


def test_light_within_a_circle_is_the_sum_of_a_fine_image():
    shares = np.array([0.1, 0.2, 0.3, 0.2, 0.1, 0.1])
    x, y = np.meshgrid(np.arange(-60, 60, 0.1), np.arange(-60, 60, 0.1))
    image = sum(
        share * np.exp(-(x**2 + y**2) / (2 * s**2)) / (2 * np.pi * s**2)
        for share, s in zip(shares, 1.7 * RELATIVE_SIGMA, strict=True)
    )
    expected = image[np.hypot(x, y) <= 4.5].sum() * 0.01
    assert light_within(np.array([4.5]), 1.7, shares)[0] == pytest.approx(expected, rel=1e-3)


def test_the_linear_fit_returns_fluxes_of_blended_stars_on_sloping_backgrounds_exactly():
    xy = np.array([(20.2, 20.4), (25.9, 21.0), (28.1, 27.7), (60.3, 55.1)])
    flux, sigma = np.array([100.0, 30.0, 55.0, 7.0]), np.array([1.7, 1.72, 1.69, 1.75])
    shares = np.array([0.1, 0.2, 0.3, 0.2, 0.1, 0.1])
    windows = build_windows(xy, 9.0, 9.0, (80, 80))
    data = np.zeros((4, len(windows.offsets.x), 1))
    for i in range(4):
        for j in range(4):
            shift = (xy[j] - windows.centre[i])[None]
            data[i, :, 0] += (
                flux[j] * star_images(windows.offsets, shift, sigma[j : j + 1], shares)[0]
            )
        data[i, :, 0] += 3.0 * i + 0.2 * windows.offsets.x - 0.1 * windows.offsets.y
    data[~windows.valid] = 0
    far = windows.window[windows.other == 3]  # star 3 shines into no other window
    assert len(far) == 0
    system = build_system(windows, xy, sigma, shares)
    np.testing.assert_allclose(solve_fluxes(system, windows, data)[:, 0], flux, rtol=1e-5)


def test_a_quadratic_surface_of_widths_is_found_and_one_blend_does_not_bend_it():
    rng = np.random.default_rng(4)
    xy = rng.uniform(0, 300, (25, 2))
    x, y = (xy / 150 - 1).T
    truth = 0.02 * x - 0.01 * y + 0.01 * x * y
    blend = truth.copy()
    blend[7] += 0.3
    for values in (truth, blend):
        surface = fit_surface(xy, values, np.full(25, 1e6))
        offset = surface.at(xy) - truth
        assert np.delete(offset - np.median(offset), 7).std() < 2e-3


def test_few_faint_stars_leave_the_width_constant():
    xy = np.random.default_rng(5).uniform(0, 300, (4, 2))
    surface = fit_surface(xy, np.array([0.1, -0.1, 0.1, -0.1]), np.full(4, 1.0))
    assert np.abs(surface.at(xy)).max() < 2e-3
    assert isinstance(surface, WidthSurface)


@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_ratios_of_isolated_stars_do_not_move_with_seeing_or_with_a_psf_that_varies(shape):
    # Five exposures, seeing of 3 to 7 px (0.6 to 1.4 arcsec), other slopes of the FWHM of 3 % over
    # the field in each, positions wrong by 0.015 px each and 0.015 px together, no noise.
    xy, flux = isolated_field(31)
    told = contamination(xy, flux, Moffat(4.5, 2.5), 4.5).total
    clean = told < 1e-3
    assert clean.sum() >= 8
    rng = np.random.default_rng(32)
    aside = rng.normal(0, 0.015, xy.shape)
    logs = {"psf": [], "exact": []}
    for fwhm in (3.0, 4.0, 5.0, 6.0, 7.0):
        angle = rng.uniform(0, 2 * np.pi)
        moved = xy + rng.uniform(-2, 2, 2)
        data = make_cube(
            shape, moved, flux, fwhm, slope=(0.03 * np.cos(angle), 0.03 * np.sin(angle)),
            wave_aa=WAVE[1:3],
        )  # fmt: skip
        found = moved + aside + rng.normal(0, 0.015, 2)
        for method, values in logs.items():
            out = extract(data, found, method, WAVE[1:3])
            values.append(np.log(out.flux[clean, 1].mean(axis=1)))
    scatter = {}
    for method, values in logs.items():
        offset = np.array(values) - np.mean(values, axis=0)
        offset -= np.median(offset, axis=1, keepdims=True)
        scatter[method] = offset.std(axis=0)
    assert np.median(scatter["psf"]) < 0.001
    assert np.quantile(scatter["psf"], 0.9) < 0.002
    assert np.median(scatter["exact"]) > 0.0025  # what an aperture alone does


def test_apertures_and_psf_agree_on_the_scale_of_a_flux():
    xy, flux = isolated_field(33)
    data = make_cube("two Gaussians and a halo", xy, flux, 4.0)
    ratio = extract(data, xy).flux[:, 1] / extract(data, xy, "exact").flux[:, 1]
    # The extent of the halo, and with it the level of the sky, is a matter of convention.
    assert np.median(ratio) == pytest.approx(1.0, abs=0.05)
    assert (ratio / np.median(ratio, axis=0)).std() < 0.005


def test_neighbours_that_are_fitted_along_do_not_contaminate():
    xy, flux = isolated_field(34, n=10)
    # companions of half the light at 7 to 8 px: some 3 % of the aperture's light
    companions = xy[:4] + np.array([(7, 1), (-2, 7.5), (5, -5.5), (-7.5, 0)])
    everything = np.vstack([xy, companions])
    light = np.append(flux, 0.5 * flux[:4])
    for fwhm in (3.5, 5.0):
        alone = make_cube("Moffat", xy, flux, fwhm, wave_aa=WAVE[:1])
        crowded = make_cube("Moffat", everything, light, fwhm, wave_aa=WAVE[:1])
        change = {}
        for method in ("psf", "exact"):
            one = extract(alone, xy, method, WAVE[:1]).flux[:4, 1]
            other = extract(crowded, xy, method, WAVE[:1], neighbours_xy=companions).flux[:4, 1]
            change[method] = np.abs(np.log(other / one)).max()
        assert change["psf"] < 0.01
        assert change["exact"] > 5 * change["psf"]


def test_a_local_plane_of_background_does_not_matter():
    xy, flux = isolated_field(35)
    data = make_cube("Moffat", xy, flux, 4.0)
    row, column = np.indices(SHAPE)
    plane = 5.0 + 0.05 * column - 0.03 * row
    plain, lifted = extract(data, xy), extract(data + plane, xy, stat=stat_of(data))
    np.testing.assert_allclose(lifted.flux, plain.flux, rtol=1e-6)


def test_gaps_are_left_out_and_show_in_the_coverage():
    xy, flux = isolated_field(36)
    data = make_cube("Moffat", xy, flux, 4.0)
    whole = extract(data, xy)
    holed = data.copy()
    column, row = np.rint(xy[3]).astype(int)
    holed[2, row + 1, column - 1] = np.nan
    holed[1, row, column + 6] = np.nan  # in the window, not in the apertures
    out = extract(holed, xy, stat=stat_of(data))
    rest = np.delete(np.arange(len(xy)), 3)
    np.testing.assert_allclose(out.flux[rest], whole.flux[rest], rtol=2e-3)
    np.testing.assert_allclose(out.flux[3], whole.flux[3], rtol=2e-3)
    assert out.coverage[3, 1, 2] < 0.98
    assert out.coverage[3, 1, 1] == pytest.approx(1.0)


def test_a_gap_in_a_star_beside_another_leaves_the_other_s_light_out():
    xy, flux = isolated_field(38)
    companion = xy[3] + np.array([6.0, 1.0])
    everything, light = np.vstack([xy, [companion]]), np.append(flux, 2 * flux[3])
    data = make_cube("Moffat", everything, light, 4.0)
    whole = extract(data, xy, neighbours_xy=companion[np.newaxis])
    holed = data.copy()
    column, row = np.rint(xy[3]).astype(int)
    holed[2, row - 1, column - 1] = np.nan  # away from the companion
    out = extract(holed, xy, stat=stat_of(data), neighbours_xy=companion[np.newaxis])
    assert out.coverage[3, 1, 2] < 0.98
    np.testing.assert_allclose(out.flux[3, 1], whole.flux[3, 1], rtol=0.01)


def test_a_layer_without_data_and_a_star_off_the_image_have_no_flux():
    xy, flux = isolated_field(37)
    data = make_cube("Moffat", xy, flux, 4.0)
    data[1] = np.nan
    out = extract(data, np.vstack([xy, [(-30.0, 5.0), (np.nan, 5.0)]]), stat=stat_of(data))
    assert np.isnan(out.flux[:, :, 1]).all()
    assert (out.coverage[:, :, 1] == 0).all()
    assert np.isfinite(out.flux[: len(xy), :, [0, 2, 3]]).all()
    assert np.isnan(out.flux[len(xy) :]).all()


def test_an_edge_takes_coverage_and_not_flux():
    xy, flux = isolated_field(38)
    xy[0] = (2.0, 80.0)
    data = make_cube("Moffat", xy, flux, 4.0)
    out = extract(data, xy)
    inner = make_cube("Moffat", xy + np.array([20.0, 0.0]), flux, 4.0)
    reference = extract(inner, xy + np.array([20.0, 0.0]))
    assert (out.coverage[0, 1] < 0.97).all()
    np.testing.assert_allclose(out.flux[0, 1], reference.flux[0, 1], rtol=0.02)


def test_the_variance_is_that_of_repeated_noise():
    xy, flux = isolated_field(39, n=6)
    clean = make_cube("Moffat", xy, flux, 4.0, wave_aa=WAVE[:1])[0]
    n = 400  # the variance of 400 draws is known to sqrt(2 / 400) = 7 %: allow 4 of those
    stat = np.repeat(stat_of(clean)[None], n, axis=0)
    noise = np.random.default_rng(40).normal(size=stat.shape) * np.sqrt(stat)
    out = extract(clean + noise, xy, wave_aa=np.linspace(7000, 7001, n), stat=stat)
    np.testing.assert_allclose(
        out.flux.var(axis=2), out.variance.mean(axis=2), rtol=4 * np.sqrt(2 / n)
    )
    exact = extract(clean + noise, xy, "exact", np.linspace(7000, 7001, n), stat)
    assert (out.variance < exact.variance * 1.5).all()  # the price of a local background


def test_blank_places_have_no_flux_beyond_noise():
    xy, flux = isolated_field(41, n=8)
    rng = np.random.default_rng(42)
    data = make_cube("Moffat", xy, flux, 4.0)
    blank = blank_positions(np.zeros(SHAPE), xy, radius_px=5.5, fwhm_px=5.0)
    assert len(blank) >= 30
    stat = stat_of(data)
    noisy = data + rng.normal(size=data.shape) * np.sqrt(stat)
    out = extract(noisy, np.vstack([xy, blank]), stat=stat)
    pull = out.flux[len(xy) :, 1] / np.sqrt(out.variance[len(xy) :, 1])
    # blank windows overlap by a third: some twenty independent ones in four layers
    assert abs(pull.mean()) < 4 / np.sqrt(80)
    assert pull.std() == pytest.approx(1, abs=4 / np.sqrt(160))

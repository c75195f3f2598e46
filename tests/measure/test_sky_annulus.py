"""The local sky: exact levels first, then stars and holes in the annulus, noise, faint stars."""

import numpy as np
import pytest

from pipeline.errors import ConfigError
from pipeline.measure.extraction import extract_spectra
from tests.measure.fields import FieldRecipe, clean_image

WAVE = 7000.0 + 1.25 * np.arange(70)
RADII = (2.5, 4.5)
ANNULUS = (10.0, 16.0)
XY = np.array([(30.3, 30.8)])


def cube_of(image, n_wave=70):
    data = np.repeat(np.asarray(image, float)[None], n_wave, axis=0)
    return data, np.ones_like(data)


def extract(data, stat, xy=XY, **options):
    return extract_spectra((data, stat, WAVE[: len(data)]), xy, RADII, **options)


@pytest.mark.parametrize("method", ["center", "exact"])
def test_a_constant_under_a_star_is_removed_to_rounding(method):
    row, column = np.indices((61, 61))
    inside = np.hypot(column - XY[0, 0], row - XY[0, 1]) < 6  # a star that ends before the annulus
    data, stat = cube_of(np.where(inside, 40.0, 0.0))
    plain = extract(data, stat, method=method)
    out = extract(data + 7.0, stat, method=method, sky_annulus_px=ANNULUS)
    np.testing.assert_allclose(out.flux, plain.flux, rtol=1e-12)


def test_a_slope_across_the_star_is_removed_as_far_as_the_annulus_is_symmetric():
    row, column = np.indices((61, 61))
    # The centroid of the annulus's spaxels is within 0.1 px of the star: 0.1 px of slope 0.5.
    data, stat = cube_of(3.0 + 0.5 * (column - XY[0, 0]) - 0.2 * (row - XY[0, 1]))
    out = extract(data, stat, sky_annulus_px=ANNULUS)
    area = np.pi * np.array(RADII) ** 2
    assert (np.abs(out.flux[0]) < 0.1 * 0.7 * area[:, None]).all()


def test_the_error_of_the_level_enters_the_variance():
    data, stat = cube_of(np.zeros((61, 61)))
    plain = extract(data, stat)
    out = extract(data, stat, sky_annulus_px=ANNULUS)
    row, column = np.indices((61, 61))
    distance = np.hypot(column - XY[0, 0], row - XY[0, 1])
    n = ((distance >= ANNULUS[0]) & (distance <= ANNULUS[1])).sum()
    area = np.pi * np.array(RADII)[:, None] ** 2
    np.testing.assert_allclose(out.variance[0], plain.variance[0] + area**2 / n, rtol=1e-9)


def test_the_variance_is_that_of_repeated_noise():
    rng = np.random.default_rng(12)
    n_layers = (
        2000  # the variance of 2000 draws is known to sqrt(2 / 2000) = 3.2 %: allow 4 of those
    )
    data = rng.normal(0, 1, (n_layers, 61, 61))
    out = extract_spectra(
        (data, np.ones_like(data), np.arange(n_layers)), XY, RADII, sky_annulus_px=ANNULUS
    )
    measured = out.flux[0].var(axis=1)
    np.testing.assert_allclose(measured, out.variance[0].mean(axis=1), rtol=4 * 0.032)


def test_known_stars_in_the_annulus_are_left_out():
    recipe = FieldRecipe((61, 61), np.array([(42.0, 30.0)]), np.array([1e5]), 2.0)
    data, stat = cube_of(clean_image(recipe) + 2.0)
    out = extract(data, stat, sky_annulus_px=ANNULUS, neighbours_xy=recipe.xy)
    area = np.pi * np.array(RADII) ** 2
    np.testing.assert_allclose(out.flux[0], 0.0, atol=1e-6 * area[1])


def test_a_star_that_nobody_knows_is_clipped():
    recipe = FieldRecipe((61, 61), np.array([(43.0, 30.0)]), np.array([300.0]), 3.0)
    rng = np.random.default_rng(3)
    data = clean_image(recipe) + rng.normal(0, 1, (70, 61, 61))
    kept = extract(data, np.ones_like(data), sky_annulus_px=ANNULUS)
    # Its 300 counts over 490 spaxels would be 0.6 each, 39 in the aperture of 64; noise of the
    # mean over 70 layers is 64 / sqrt(490 * 70) = 0.35, its faintest wings stay below the clip.
    assert abs(kept.flux[0, 1].mean()) < 4 * np.hypot(0.35, np.sqrt(64 / 70)) + 3.0


def test_holes_in_the_annulus_do_not_move_the_level():
    data, stat = cube_of(np.full((61, 61), 5.0))
    data[:, 45, 20:40] = np.nan
    stat[3, 18:22, 28:33] = np.inf
    out = extract(data, stat, sky_annulus_px=ANNULUS)
    np.testing.assert_allclose(out.flux[0], 0.0, atol=1e-9)
    np.testing.assert_allclose(out.coverage[0], 1.0, atol=1e-9)


def test_a_star_without_a_sky_has_no_flux():
    data, stat = cube_of(np.full((61, 61), 5.0))
    data[:, :, 38:] = data[:, :, :23] = np.nan
    data[:, 38:] = data[:, :23] = np.nan
    out = extract(data, stat, sky_annulus_px=ANNULUS)
    assert np.isnan(out.flux).all()


def test_an_annulus_without_width_is_refused():
    data, stat = cube_of(np.zeros((61, 61)))
    with pytest.raises(ConfigError, match=r"\[16, 10\]: inner and larger outer radius"):
        extract(data, stat, sky_annulus_px=(16, 10))


def test_ratios_to_a_faint_star_stop_following_what_sky_subtraction_leaves():
    # Twenty exposures, each with another residual sky (1 sigma: 2 % of a sky of 20 counts, other
    # over the upper half of the field), a bright and a faint star, no noise.
    rng = np.random.default_rng(99)
    xy = np.array([(30.3, 30.8), (30.1, 90.4)])
    star = clean_image(FieldRecipe((120, 61), xy, np.array([1e5, 1e3]), 4.0))
    logs = {None: [], ANNULUS: []}
    for residual in rng.normal(0, 0.4, (20, 2)):
        image = star + np.where(np.arange(120)[:, None] < 60, *residual)
        for annulus, values in logs.items():
            flux = extract(*cube_of(image, 2), xy=xy, sky_annulus_px=annulus).flux[:, 1, 0]
            values.append(np.log(flux[1] / flux[0]))
    plain, local = (np.std(values) for values in logs.values())
    # 64 spaxels x 0.4 counts / 950 counts in the aperture = 2.7 %
    assert 0.018 < plain < 0.036
    assert local < 1e-4

"""The bright standard is found and masked by itself: wings, spikes, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.errors import CubeEmpty
from pipeline.measure.detection import find_stars, without_knots
from pipeline.measure.standard import find_masked_standard, mask_stars, saturated_cores
from tests.measure.fields import STANDARD_XY, STUDY, clean_image, noisy

SEARCH = {"threshold_sigma": 6.0, "fwhm_px": 5.0}
SEEINGS = [(2.5, 3.5), (3.0, 2.8), (4.0, 2.2), (5.5, 2.8), (4.0, 0.0)]  # FWHM, Moffat index


def exposure(recipe, seed=1):
    return noisy(clean_image(recipe), recipe.sky, np.random.default_rng(seed))


@pytest.mark.parametrize(("fwhm_px", "moffat_beta"), SEEINGS)
def test_it_is_found_where_it_is(fwhm_px, moffat_beta):
    standard = find_masked_standard(
        exposure(replace(STUDY, fwhm_px=fwhm_px, moffat_beta=moffat_beta)), **SEARCH
    )
    # 4e7 photons: the photon limit is 1e-3 px; neighbours pull by as much again
    assert np.hypot(standard.x - STANDARD_XY[0], standard.y - STANDARD_XY[1]) < 0.01


def false_stars(fwhm_px, moffat_beta, *, small_mask_px=0.0):
    """How many detections five images of the standard and one bright star show beyond that one."""
    alone = replace(
        STUDY, xy=STUDY.xy[3:4], flux=STUDY.flux[3:4], fwhm_px=fwhm_px, moffat_beta=moffat_beta
    )
    count = 0
    for seed in range(5):
        image = exposure(alone, seed)
        standard = find_masked_standard(image, **SEARCH)
        if small_mask_px:
            row, column = np.indices(image.shape)
            near = np.hypot(column - standard.x, row - standard.y) < small_mask_px
            standard = replace(standard, mask=near)
        count += len(find_stars(image, standard=standard, **SEARCH).x) - 1
    return count


@pytest.mark.slow
def test_nothing_of_it_is_taken_for_a_star_where_a_small_mask_shows_false_ones():
    # The rule allows 0.3 false stars an image at the very worst (SAFE_SIGMA over the whole of it).
    counts = [false_stars(*seeing) for seeing in SEEINGS[1:4]]
    assert sum(counts) <= 1
    assert sum(false_stars(*seeing, small_mask_px=8.0) for seeing in SEEINGS[1:4]) >= 3


@pytest.mark.parametrize(("fwhm_px", "moffat_beta"), SEEINGS)
def test_the_mask_leaves_the_field_to_the_stars(fwhm_px, moffat_beta):
    recipe = replace(STUDY, fwhm_px=fwhm_px, moffat_beta=moffat_beta)
    standard = find_masked_standard(exposure(recipe), **SEARCH)
    assert 10 <= standard.radius_px <= 30
    assert standard.mask.mean() < 0.06
    masked = [standard.mask[round(y), round(x)] for x, y in recipe.xy]
    assert not any(masked)


def test_the_mask_follows_the_spikes_when_they_turn():
    reach = {}
    for angle in (0.0, 45.0):
        recipe = replace(STUDY, xy=STUDY.xy[3:4], flux=STUDY.flux[3:4], spike_angle_deg=angle)
        standard = find_masked_standard(exposure(recipe), **SEARCH)
        at = np.deg2rad(angle)
        x = round(standard.x + 40 * np.cos(at))
        y = round(standard.y + 40 * np.sin(at))
        reach[angle] = (x, y)
        assert standard.mask[y, x]
        other = reach[0.0]
        if angle:
            assert not standard.mask[other[1], other[0]]


def test_a_fainter_standard_has_a_smaller_mask():
    sizes = [
        find_masked_standard(exposure(replace(STUDY, standard_flux=flux)), **SEARCH).mask.sum()
        for flux in (1e8, 2e7)
    ]
    assert sizes[1] < sizes[0]


def test_a_standard_at_the_edge_is_masked_on_the_image():
    recipe = replace(STUDY, xy=STUDY.xy[3:4], flux=STUDY.flux[3:4], standard_xy=(308.0, 150.0))
    image = exposure(recipe)
    standard = find_masked_standard(image, **SEARCH)
    assert np.hypot(standard.x - 308, standard.y - 150) < 0.2
    assert len(find_stars(image, standard=standard, **SEARCH).x) == 1


def test_a_hot_pixel_is_not_the_standard():
    image = exposure(STUDY)
    image[20, 30] = 3 * np.nanmax(image)
    standard = find_masked_standard(image, **SEARCH)
    assert np.hypot(standard.x - STANDARD_XY[0], standard.y - STANDARD_XY[1]) < 0.01


def test_an_image_without_data_is_empty():
    with pytest.raises(CubeEmpty):
        find_masked_standard(np.full((20, 20), np.nan), **SEARCH)


def test_a_noise_free_constant_image_does_not_fail():
    standard = find_masked_standard(np.ones((30, 30)), **SEARCH)
    assert np.isfinite([standard.x, standard.y, standard.radius_px]).all()


def with_lost_cores(value, *, radius_px=1.6):
    """The study's field in which the standard's core is saturated, and the pixels that are lost."""
    image = exposure(STUDY)
    row, column = np.indices(image.shape)
    lost = np.hypot(column - STANDARD_XY[0], row - STANDARD_XY[1]) < radius_px
    image[lost] = value
    return image


def test_a_field_without_a_standard_is_searched_whole():
    image = exposure(STUDY)
    for which in ("saturated", "none"):
        masked = mask_stars(image, which, **SEARCH)
        assert not masked.mask.any()
        assert masked.xy.shape == (0, 2)
        found = without_knots(image, find_stars(image, standard=masked, **SEARCH), **SEARCH)
        brightest = found.xy[np.argmax(found.flux)]
        assert np.hypot(*(brightest - STANDARD_XY)) < 1
    assert mask_stars(image, "brightest", **SEARCH).mask.any()


@pytest.mark.parametrize("value", [np.nan, -1e5])
def test_a_star_whose_core_is_lost_is_masked_where_it_is(value):
    image = with_lost_cores(value)
    masked = mask_stars(image, "saturated", **SEARCH)
    assert np.hypot(masked.x - STANDARD_XY[0], masked.y - STANDARD_XY[1]) < 1
    assert masked.mask[round(STANDARD_XY[1]), round(STANDARD_XY[0])]
    found = find_stars(image, standard=masked, **SEARCH)
    assert np.hypot(*(found.xy - STANDARD_XY).T).min() > masked.radius_px
    assert not mask_stars(image, "none", **SEARCH).mask.any()


def test_holes_that_are_no_cores_mask_nothing():
    image = exposure(STUDY)
    image[100:103, 40:43] = np.nan  # amid sky
    image[:5, :] = np.nan  # the rim
    image[140:165, 175:200] = np.nan  # larger than a core, about the standard
    assert len(saturated_cores(image, fwhm_px=5.0)) == 0


def test_two_saturated_stars_are_both_masked_and_both_are_known():
    image = with_lost_cores(np.nan)
    row, column = np.indices(image.shape)
    image += 2e4 * np.exp(-((column - 60.0) ** 2 + (row - 240.0) ** 2) / 8)
    image[np.hypot(column - 60, row - 240) < 1.6] = np.nan
    masked = mask_stars(image, "saturated", **SEARCH)
    assert len(masked.xy) == 2
    for x, y in (STANDARD_XY, (60.0, 240.0)):
        assert np.hypot(*(masked.xy - (x, y)).T).min() < 1
        assert masked.mask[round(y), round(x)]


def test_knots_in_the_halo_of_a_bright_star_are_no_stars_but_bright_neighbours_are():
    alone = replace(STUDY, xy=STUDY.xy[3:4], flux=STUDY.flux[3:4], fwhm_px=5.5)
    image = exposure(alone)
    x, y = STANDARD_XY
    peak = image[round(y), round(x)]
    row, column = np.indices(image.shape)
    for dx, share in ((11, 0.004), (-11, 0.05)):
        image += share * peak * np.exp(-((column - x - dx) ** 2 + (row - y) ** 2) / (2 * 2.1**2))
    nothing = mask_stars(image, "none", **SEARCH)
    kept = without_knots(image, find_stars(image, standard=nothing, **SEARCH), **SEARCH)
    offset = kept.xy - STANDARD_XY
    assert np.hypot(*(offset - (-11, 0)).T).min() < 1.5
    assert np.hypot(*(offset - (11, 0)).T).min() > 3

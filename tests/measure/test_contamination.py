"""Contamination: light in circles against a closed form and pixel sums, then changes, then images."""

import numpy as np
import pytest

from pipeline.measure.apertures import aperture_weights
from pipeline.measure.contamination import (
    POSITION_ERROR_PX,
    WIDTH_SPREAD,
    Moffat,
    contamination,
    contamination_in_image,
    core_light,
    light_in_aperture,
    measure_moffat,
)
from pipeline.measure.extraction import extract_spectra
from tests.measure.fields import FieldRecipe, clean_image

RADIUS = 4.5


@pytest.mark.parametrize("beta", [1.9, 2.6, 4.0])
@pytest.mark.parametrize("fwhm_px", [3.0, 4.25, 7.0])
def test_a_stars_own_light_in_its_aperture_is_the_closed_form(fwhm_px, beta):
    psf = Moffat(fwhm_px, beta)
    own = 1 - (1 + (RADIUS / psf.alpha_px()) ** 2) ** (1 - beta)
    assert light_in_aperture(np.array(0.0), RADIUS, psf) == pytest.approx(own, rel=1e-4)


def test_light_of_a_neighbour_is_that_of_an_image_summed_finely():
    psf, step = Moffat(4.0, 2.5), 0.05
    x, y = np.meshgrid(np.arange(-6, 6, step), np.arange(-6, 6, step))
    inside = np.hypot(x, y) <= RADIUS
    for distance in (3.0, 6.0, 12.0, 25.0):
        square = (x - distance) ** 2 + y**2
        density = 1.5 / (np.pi * psf.alpha_px() ** 2) * (1 + square / psf.alpha_px() ** 2) ** -2.5
        expected = density[inside].sum() * step**2
        found = light_in_aperture(np.array(distance), RADIUS, psf)
        assert found == pytest.approx(expected, rel=5e-3)  # of the finite grid


def test_a_star_alone_has_none():
    out = contamination(np.array([(5.0, 5.0)]), np.array([3.0]), Moffat(4, 2.5), RADIUS)
    assert (out.share.item(), out.by_width.item(), out.by_distance.item()) == (0, 0, 0)


def test_the_change_with_width_is_that_of_apertures_on_images():
    # A neighbour of 10 %, two widths: what an aperture sees, by summing pixels of rendered images.
    xy, flux = np.array([(40.0, 40.0), (50.0, 40.0)]), np.array([1.0, 0.1])
    logs = []
    for spread in (1 / WIDTH_SPREAD, WIDTH_SPREAD):
        sums = []
        for stars in (slice(0, 2), slice(0, 1)):
            recipe = FieldRecipe((81, 81), xy[stars], 1e4 * flux[stars], 4.25 * spread, 2.5)
            image = clean_image(recipe)
            weights = aperture_weights(xy[:1], np.array([RADIUS]), image.shape, "exact")
            sums.append(weights.weights[0, 0] @ image.ravel()[weights.spaxels[0]])
        logs.append(np.log(sums[0] / sums[1]))
    out = contamination(xy, flux, Moffat(4.25, 2.5), RADIUS)
    assert out.by_width[0] == pytest.approx((logs[1] - logs[0]) / 2, rel=0.02)  # sampled at centres


def test_the_change_with_distance_is_a_derivative():
    flux, psf = np.array([1.0, 0.1]), Moffat(4.25, 2.5)

    def log_share(distance):
        out = contamination(np.array([(0.0, 0.0), (distance, 0.0)]), flux, psf, RADIUS)
        return np.log1p(out.share[0])

    out = contamination(np.array([(0.0, 0.0), (8.0, 0.0)]), flux, psf, RADIUS)
    slope = (log_share(8.01) - log_share(7.99)) / 0.02
    assert out.by_distance[0] == pytest.approx(abs(slope) * POSITION_ERROR_PX, rel=1e-3)
    assert out.total[0] == pytest.approx(np.hypot(out.by_width[0], out.by_distance[0]))


def test_it_falls_with_distance_and_grows_with_the_neighbours_light():
    psf = Moffat(4.25, 2.5)
    shares = [
        contamination(np.array([(0.0, 0.0), (d, 0.0)]), np.array([1.0, f]), psf, RADIUS).total[0]
        for d, f in ((8.0, 0.1), (12.0, 0.1), (20.0, 0.1), (20.0, 10.0))
    ]
    assert shares[0] > shares[1] > shares[2]
    assert shares[3] == pytest.approx(100 * shares[2], rel=0.01)


def test_a_bright_star_that_is_not_asked_about_contaminates_the_others():
    xy, psf = np.array([(0.0, 0.0)]), Moffat(4.0, 2.0)
    alone = contamination(xy, np.array([1.0]), psf, RADIUS)
    beside = contamination(
        xy, np.array([1.0]), psf, RADIUS,
        others_xy=np.array([(60.0, 0.0)]), others_flux=np.array([1e4]),
    )  # fmt: skip
    assert alone.total[0] == 0
    assert beside.total[0] > 0.05  # wings of index 2 reach far


@pytest.mark.parametrize("flux", [0.0, -3.0])
def test_a_source_without_light_is_all_contamination(flux):
    out = contamination(
        np.array([(0.0, 0.0), (9.0, 0.0)]), np.array([flux, 1.0]), Moffat(4, 2.5), RADIUS
    )
    assert out.total[0] == np.inf
    assert out.total[1] == 0


@pytest.mark.parametrize("beta", [2.0, 2.8])
def test_the_profile_of_an_image_is_found_beside_blends_and_gaps(beta):
    rng = np.random.default_rng(2)
    xy = np.array([(20.0 + 35 * i, 20.0 + 35 * j) for i in range(5) for j in range(5)])
    xy = np.vstack([xy + rng.uniform(-3, 3, xy.shape), xy[:3] + 5.0])
    recipe = FieldRecipe((180, 180), xy, np.full(len(xy), 1e5), 4.2, beta)
    image = clean_image(recipe) + rng.normal(0, 2, (180, 180))
    image[60:62] = np.nan
    psf = measure_moffat(image, xy, 5.0)
    # Wings of other stars add a level to the profile; the index is known the worse for it.
    assert psf.fwhm_px == pytest.approx(4.2, rel=0.03)
    assert psf.beta == pytest.approx(beta, rel=0.1)


def test_without_a_star_alone_the_first_estimate_stands():
    xy = np.array([(30.0, 30.0), (34.0, 30.0)])
    psf = measure_moffat(np.ones((60, 60)), xy, 4.4)
    assert (psf.fwhm_px, psf.beta) == (4.4, 2.5)


def test_core_light_of_a_constant_counts_the_spaxels_that_are_there():
    image = np.ones((20, 20))
    image[10, 10] = np.nan
    out = core_light(image, np.array([(10.0, 10.0), (0.0, 10.0), (-9.0, 3.0)]), 2.0)
    assert out.tolist() == [12.0, 9.0, 0.0]


def test_the_stars_that_move_with_the_seeing_are_the_ones_that_are_reported():
    # Noise-free exposures of a crowded field in seeing of 3 to 5.5 px: scatter of ln F about that of
    # the isolated stars, against the number that one image gave.
    rng = np.random.default_rng(77)
    xy = rng.uniform(15, 185, (40, 2))
    flux = 10 ** rng.uniform(3, 5, 40)
    logs = []
    for fwhm in (3.0, 3.6, 4.2, 4.8, 5.5):
        image = clean_image(FieldRecipe((200, 200), xy, flux, fwhm, 2.5))[None]
        logs.append(
            np.log(extract_spectra((image, image, np.ones(1)), xy, (RADIUS,)).flux[:, 0, 0])
        )
    image = clean_image(FieldRecipe((200, 200), xy, flux, 4.2, 2.5))
    told = contamination_in_image(image, xy, np.empty((0, 2)), fwhm_px=4.0, radius_px=RADIUS).total
    logs = np.array(logs)
    logs -= np.median(logs[:, told < 0.002], axis=1, keepdims=True)
    seen = logs.std(axis=0)
    assert (told < 0.002).sum() >= 5
    assert (told > 0.02).sum() >= 8
    assert seen[told < 0.002].max() < 0.01
    assert np.median(seen[told > 0.02]) > 0.01
    assert np.corrcoef(np.log(told), np.log(seen + 1e-4))[0, 1] > 0.8

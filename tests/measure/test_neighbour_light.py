"""Light of neighbours in each exposure: sources and PSFs where no star is alone, then what is left."""

import numpy as np
import pytest

from pipeline.measure import make_reference
from pipeline.measure.contamination import Moffat, contamination
from pipeline.measure.crowding import Light, psf_of
from pipeline.measure.extraction import extract_spectra
from pipeline.measure.neighbour_light import (
    fitted_sources,
    neighbour_light,
    psf_among_neighbours,
)
from pipeline.measure.source_fit import fit_sources
from pipeline.statistics.neighbours import subtracted
from tests.measure.crowded import (
    BETA,
    NOISE,
    RADIUS,
    SEEING,
    SETTINGS,
    crowded_field,
    detection_of,
    drawn,
)


def test_the_share_is_that_of_contamination_and_the_star_itself_is_whole():
    xy, flux = crowded_field(n_stars=40)
    psfs = [Moffat(fwhm, BETA) for fwhm in SEEING]
    found = neighbour_light(xy, Light(xy, flux), psfs, (2.5, RADIUS))
    expected = [contamination(xy, flux, psf, RADIUS).share for psf in psfs]
    # a spline through nodes of light over distance is right to 1e-4 of the light of a neighbour,
    # of which the brightest has a hundred times that of the star
    assert found.share[:, :, 1] == pytest.approx(np.array(expected), rel=1e-3, abs=1e-2)
    assert np.median(np.abs(found.share[:, :, 1] / expected - 1)) < 1e-3
    assert found.own == pytest.approx(np.ones_like(found.own), abs=1e-4)
    of_pairs = np.zeros_like(found.share)
    for pair, star in enumerate(found.pairs.star):
        of_pairs[:, star] += found.pairs.share[:, pair]
    assert (of_pairs <= found.share * (1 + 1e-9)).all()
    assert of_pairs == pytest.approx(found.share, abs=0.005 * len(xy))


def test_an_aperture_beside_its_star_holds_less_of_it_the_sharper_the_worse():
    place = np.array([(50.0, 50.0)])
    found = neighbour_light(
        place,
        Light(place + np.array([2.7, 0.0]), np.ones(1)),
        [Moffat(3.0, BETA), Moffat(6.0, BETA)],
        (3.0,),
    )
    assert found.own[0, 0, 0] < 0.75
    assert found.own[0, 0, 0] < found.own[1, 0, 0] < 1.0
    assert (found.share == 0).all()


def test_a_star_without_light_is_not_known_and_nothing_is_taken_off():
    xy = np.array([(50.0, 50.0), (55.0, 50.0)])
    found = neighbour_light(xy, Light(xy, np.array([0.0, 1.0])), [Moffat(4.0, BETA)] * 3, (RADIUS,))
    assert (found.share[:, 0] == 0).all()
    assert (found.err[:, 0] == 1).all()
    assert (found.err[:, 1] == 0).all()


def test_places_of_a_close_pair_are_found_though_one_was_between_them():
    true = np.array([(62.3, 58.6), (59.4, 62.7), (90.0, 60.0)])
    flux = np.array([3.5e4, 1.1e4, 2e4])
    image = drawn(true, flux, 3.6, np.random.default_rng(4))
    first = Light(
        np.array([(62.0, 59.0), (59.2, 63.2), (90.1, 59.9), (60.0, 60.0)]), np.full(4, 1e4)
    )
    found = fit_sources(image, first, Moffat(3.6, BETA), noise=NOISE)
    # the profile is taken at the middle of spaxels: FWHM and flux are off by 2 to 3 %
    assert found.xy[:3] == pytest.approx(true, abs=0.15)
    assert found.flux[:3] == pytest.approx(flux, rel=0.06)
    assert found.flux[3] < 0.05 * flux[0]


def test_two_sources_at_one_place_share_the_light_of_one():
    true = np.array([(60.03, 60.02), (62.09, 54.07), (56.2, 64.3)])
    flux = np.array([2.9e4, 3e3, 4.5e3])
    image = drawn(true, flux, 3.1, np.random.default_rng(8))
    first = np.vstack([true[0], (61.78, 54.49), true[2] + 0.9, (62.32, 52.88), (62.1, 54.3)])
    found = fit_sources(image, Light(first, np.full(5, 2e3)), Moffat(3.1, BETA), noise=NOISE)
    assert found.flux[[0, 2]] == pytest.approx(flux[[0, 2]], rel=0.06)
    assert found.flux[[1, 3, 4]].sum() == pytest.approx(flux[1], rel=0.15)
    assert (found.flux >= 0).all()


@pytest.mark.parametrize("fwhm_px", [3.2, 6.0])
def test_the_psf_is_found_where_no_star_is_alone(fwhm_px):
    xy, flux = crowded_field(n_stars=200)
    image = drawn(xy, flux, fwhm_px, np.random.default_rng(6))
    found = psf_among_neighbours(image, xy, Moffat(1.15 * fwhm_px, 2.2), noise=NOISE)
    # a spaxel widens the profile: by its own variance of 1/12, at FWHM 3.2 some 2 %
    assert found.fwhm_px == pytest.approx(fwhm_px, rel=0.03)
    assert found.beta == pytest.approx(BETA, abs=0.25)


def test_too_few_stars_leave_the_first_estimate():
    start = Moffat(4.0, 2.5)
    image = drawn(np.array([(50.0, 50.0)]), np.array([1e5]), 3.0, np.random.default_rng(7))
    assert psf_among_neighbours(image, np.empty((0, 2)), start, noise=NOISE) == start
    assert psf_among_neighbours(image, np.array([(50.0, 50.0)]), start, noise=NOISE) == start


def test_constant_stars_scatter_several_times_less_once_neighbours_are_taken_off():
    xy, flux = crowded_field()
    rng = np.random.default_rng(3)
    images = [drawn(xy, flux, fwhm, rng) for fwhm in SEEING]
    detections = [detection_of(image) for image in images]
    catalogue = make_reference("sharpest", detections[0], None, SETTINGS)
    sources = fitted_sources(catalogue, detections[0], SETTINGS)
    psfs = [
        psf_among_neighbours(image, sources.xy, psf_of(one), noise=NOISE)
        for image, one in zip(images, detections, strict=True)
    ]
    light = neighbour_light(catalogue.xy, sources, psfs, (RADIUS,))
    cubes = [(image[np.newaxis], np.ones_like(image)[np.newaxis], np.ones(1)) for image in images]
    sums = np.array([extract_spectra(one, catalogue.xy, (RADIUS,)).flux[:, 0, 0] for one in cubes])
    errors = np.full_like(sums, NOISE * np.sqrt(np.pi) * RADIUS)
    alone, alone_err = subtracted(
        sums / light.own[..., 0], errors, light.share[..., 0], light.err[..., 0]
    )

    def scatter(values):
        logs = np.log(values)
        logs = logs - logs.mean(axis=0)
        return (logs - np.median(logs, axis=1, keepdims=True)).std(axis=0, ddof=1)

    real = (alone > 0).all(axis=0)  # a detection between two stars has little light of its own
    assert real.mean() > 0.97
    before, after, alone_err = scatter(sums[:, real]), scatter(alone[:, real]), alone_err[:, real]
    much = before > 0.03
    assert much.sum() > 20
    assert np.median(before[much] / after[much]) > 5
    expected = np.sqrt(((alone_err / alone[:, real]) ** 2).mean(axis=0))
    # errors are those of fainter stars in a narrower band, and scaled to a third at least
    assert 0.25 < np.median(after[much] / expected[much]) < 1.2

"""Contamination over a campaign: light that no detection shows, then all exposures, then flags."""

import numpy as np
import pytest

from pipeline.measure import make_reference
from pipeline.measure.contamination import (
    Moffat,
    contamination,
    contamination_over,
    light_by_distance,
    light_in_aperture,
)
from pipeline.measure.crowding import MIN_PSFS, find_light, in_seeing_of_exposures, psf_of
from pipeline.measure.extraction import extract_spectra
from tests.measure.crowded import BETA, RADIUS, SEEING, SETTINGS, crowded_field, detection_of, drawn


def test_the_second_star_of_a_pair_that_is_known_as_one_is_found_with_its_light():
    xy, flux = np.array([(60.0, 60.0), (64.0, 60.0), (150.0, 90.0)]), np.array([3e4, 1e4, 2e4])
    image = drawn(xy, flux, 3.2)
    found = find_light(image, xy[[0, 2]], Moffat(3.2, BETA), noise=2.0, threshold_sigma=6.0)
    assert found.xy[:2].tolist() == xy[[0, 2]].tolist()
    assert found.xy[2] == pytest.approx(xy[1], abs=1.0)
    # the profile is taken at the middle of spaxels, and where it is steepest that is 20 % of the fainter
    assert found.flux[:3] == pytest.approx(flux[[0, 2, 1]], rel=0.25)
    assert found.flux[3:].sum() < 0.02 * flux.sum()


def test_noise_alone_adds_no_source():
    rng = np.random.default_rng(1)
    xy = np.array([(60.0, 60.0), (150.0, 90.0)])
    image = drawn(xy, np.array([3e4, 2e4]), 3.2, rng)
    image[:40] = np.nan
    found = find_light(image, xy, Moffat(3.2, BETA), noise=2.0, threshold_sigma=6.0)
    assert len(found.xy) == 2


@pytest.mark.parametrize("fwhm_px", [2.5, 4.2, 7.0])
def test_light_from_the_table_is_that_of_the_integral(fwhm_px):
    distance, psf = np.random.default_rng(4).uniform(0, 300, (12, 20)), Moffat(fwhm_px, BETA)
    distance[:6] /= 20
    whole = light_in_aperture(distance, RADIUS, psf)
    assert light_by_distance(distance, RADIUS, psf) == pytest.approx(whole, abs=1e-3)


def test_over_exposures_it_is_the_scatter_of_what_single_ones_have():
    xy, flux = crowded_field(n_stars=40)
    psfs = [Moffat(fwhm, BETA) for fwhm in SEEING]
    out = contamination_over(xy, flux, psfs, RADIUS)
    shares = np.array([contamination(xy, flux, psf, RADIUS).share for psf in psfs])
    moves = np.array([contamination(xy, flux, psf, RADIUS).by_distance for psf in psfs])
    # 0.05 px of a table against the integral at each distance
    assert out.share == pytest.approx(shares.mean(axis=0), rel=2e-3, abs=1e-5)
    assert out.by_width == pytest.approx(np.log1p(shares).std(axis=0, ddof=1), rel=5e-3, abs=1e-5)
    assert out.by_distance == pytest.approx(np.sqrt((moves**2).mean(axis=0)), rel=2e-2, abs=1e-5)


@pytest.mark.slow
def test_the_change_is_that_of_apertures_though_the_reference_is_the_sharpest_exposure():
    # Catalogued stars only are what DAOFIND finds in the sharpest image; all stars are in every one.
    xy, flux = crowded_field()
    rng = np.random.default_rng(3)
    images = [drawn(xy, flux, fwhm, rng) for fwhm in SEEING]
    detections = [detection_of(image) for image in images]
    once = make_reference("sharpest", detections[0], None, SETTINGS)
    psfs = [psf_of(one) for one in detections]
    found = in_seeing_of_exposures(once, detections[0], psfs, SETTINGS)
    assert len(found.xy) < 0.9 * len(xy)  # some pairs are one detection

    logs = []
    for image in images:
        cube = (image[np.newaxis], np.ones_like(image)[np.newaxis], np.ones(1))
        logs.append(np.log(extract_spectra(cube, found.xy, (RADIUS,)).flux[:, 0, 0]))
    alone = np.flatnonzero(found.contamination < 0.004)
    assert len(alone) >= 5
    logs = np.array(logs)
    logs -= np.median(logs[:, alone], axis=1, keepdims=True)
    seen = logs.std(axis=0, ddof=1)
    much = seen > 0.03  # more than noise makes of any of these stars
    assert much.sum() > 20
    ratio = found.contamination[much] / seen[much]
    # a factor of 2 either way is what the search for variables forgives
    assert np.quantile(ratio, 0.05) > 0.5
    assert np.quantile(ratio, 0.95) < 2.0
    assert abs(np.log(np.median(ratio))) < 0.25
    assert np.median(once.contamination[much] / seen[much]) < 0.5  # one image does not tell
    assert all("blended" in found.flags[row] for row in np.flatnonzero(seen > 0.06))


def test_a_flag_comes_and_goes_with_its_reason_and_others_stay():
    xy = np.array([(40.0, 40.0), (49.0, 40.0), (150.0, 12.0), (158.0, 12.0)])
    image = drawn(xy, np.array([1e5, 1e4, 1e5, 1e4]), 3.2, np.random.default_rng(2))
    image[:6] = np.nan
    detection = detection_of(image)
    catalogue = make_reference("one", detection, None, SETTINGS)
    steady = in_seeing_of_exposures(catalogue, detection, [Moffat(3.2, BETA)] * 4, SETTINGS)
    varied = in_seeing_of_exposures(
        catalogue, detection, [Moffat(fwhm, BETA) for fwhm in (3.0, 5.0, 7.0)], SETTINGS
    )
    row = int(np.argmin(np.hypot(*(catalogue.xy - xy[3]).T)))
    assert varied.flags[row] == "edge blended"
    assert varied.reasons[row].count("; ") == 1
    assert "neighbours can change ln F" in varied.reasons[row]
    again = in_seeing_of_exposures(varied, detection, [Moffat(3.2, BETA)] * 4, SETTINGS)
    assert (again.flags, again.reasons) == (steady.flags, steady.reasons)
    assert again.contamination[row] < varied.contamination[row]


def test_too_few_exposures_leave_the_catalogue_as_it_is():
    xy = np.array([(40.0, 40.0), (49.0, 40.0)])
    detection = detection_of(drawn(xy, np.array([1e5, 1e4]), 3.2, np.random.default_rng(2)))
    catalogue = make_reference("one", detection, None, SETTINGS)
    psfs = [Moffat(fwhm, BETA) for fwhm in (3.0, 7.0)][: MIN_PSFS - 1]
    assert in_seeing_of_exposures(catalogue, detection, psfs, SETTINGS) is catalogue

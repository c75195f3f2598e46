"""One exposure from file to band fluxes, and each way in which it can fail."""

from dataclasses import replace

import numpy as np
import pytest
from photutils.aperture import CircularAperture

from pipeline.config.passbands import load_band
from pipeline.config.settings import PhotometrySettings, Settings
from pipeline.errors import (
    CubeEmpty,
    CubeUnreadable,
    ExposureError,
    NoStarsDetected,
    NoStarsMatched,
    WrongPixelScale,
)
from pipeline.measure import (
    check_cube,
    detect,
    make_reference,
    measure,
)
from pipeline.measure.extraction import extract_spectra
from pipeline.measure.matching import match_exposure
from pipeline.measure.photometry import published_band_sum
from pipeline.muse.cube import open_cube
from tests.measure.fields import (
    STUDY,
    TRUE_XY,
    FieldRecipe,
    clean_image,
    moved,
    noisy,
    study_cube,
    write_exposure,
)

SETTINGS = Settings()
WAVE = np.arange(6900.0, 9351.0, 50.0)
AFFINE = np.array([[0.9991, 0.0027, -0.40], [0.0054, 0.9982, 4.48]])  # the real pair of the record
STEADY = np.delete(np.arange(25), [13, 14])  # all but the blended pair 14, 15


@pytest.fixture(scope="module")
def exposures(tmp_path_factory):
    """The study's field, and the same shifted, turned, sheared and in worse seeing."""
    folder = tmp_path_factory.mktemp("cubes")
    first = study_cube(folder / "first.fits", STUDY, seed=1, wave_aa=WAVE)
    worse = moved(replace(STUDY, fwhm_px=4.6), AFFINE)
    return first, study_cube(folder / "second.fits", worse, seed=2, wave_aa=WAVE)


@pytest.fixture(scope="module")
def detections(exposures):
    return tuple(detect(cube, SETTINGS) for cube in exposures)


@pytest.fixture(scope="module")
def reference(detections):
    return make_reference("FIRST", detections[0], None, SETTINGS)


@pytest.fixture(scope="module")
def second(exposures, detections, reference):
    return measure(exposures[1], detections[1], reference, SETTINGS)


def test_the_reference_shows_the_stars_of_the_field(reference):
    assert len(reference.star_id) == 25
    error = np.hypot(*(reference.xy - TRUE_XY).T)[STEADY]
    # Noise-limited to 0.02 px but for the faintest; star 13 and 1 feel a neighbour 10 px away.
    assert np.median(error) < 0.03
    assert error.max() < 0.2
    flags = dict(zip(reference.star_id.tolist(), reference.flags, strict=True))
    assert flags[25] == "edge"
    # By more than 2 %: the pair 14 and 15, stars 1 and 13 beside brighter ones, and star 7, 21 px
    # from a star with 120 times its light.
    assert {star for star, flag in flags.items() if flag == "blended"} == {1, 7, 13, 14, 15}
    assert sum(bool(flag) for flag in flags.values()) == 6


def test_positions_in_another_exposure_are_within_a_tenth_of_a_pixel(second):
    expected = TRUE_XY @ AFFINE[:, :2].T + AFFINE[:, 2]
    # 23 stars, median error 0.03 px in each exposure: the map errs by 0.03 sqrt(2 * 3/23) px
    # = 0.015 px on average; its worst corner, and stars' own errors, stay below 0.1 px.
    error = np.hypot(*(second.match.xy - expected).T)[STEADY]
    assert np.median(error) < 0.05
    corners = np.array([(0.0, 0.0), (314.0, 0.0), (0.0, 303.0), (314.0, 303.0)])
    for corner in corners:
        off = second.match.affine[:, :2] @ corner + second.match.affine[:, 2]
        assert np.hypot(*(off - (AFFINE[:, :2] @ corner + AFFINE[:, 2]))) < 0.1
    assert second.match.n_matched >= 23


def test_spectra_and_fluxes_come_for_every_star_and_aperture(second):
    assert second.spectra.flux.shape == (25, 5, len(WAVE))
    (band,) = second.photometry
    assert band.band == "I_Bessel"
    assert band.fluxes.flux.shape == (25, 5)
    whole = band.flags == ""
    assert whole.mean() > 0.95
    assert np.isfinite(band.fluxes.flux[whole]).all()
    # every layer shows the same image: the mean over the band is the sum over the aperture
    image = clean_image(moved(replace(STUDY, fwhm_px=4.6), AFFINE))
    x, y = second.match.xy[3]
    share = CircularAperture((x, y), 4.5).to_mask(method="exact").to_image(STUDY.shape)
    sigma = band.fluxes.sigma[3, 3]
    assert band.fluxes.flux[3, 3] == pytest.approx(np.nansum(image * share), abs=4 * sigma)
    assert set(band.noise_source.tolist()) <= {"STAT", "blank sky"}
    np.testing.assert_allclose(band.noise.factor, 1.0, atol=4 * 0.035)  # STAT is the true variance


def test_the_reference_exposure_matches_itself_exactly(exposures, detections, reference):
    again = measure(exposures[0], detections[0], reference, SETTINGS)
    np.testing.assert_allclose(again.match.affine, [[1, 0, 0], [0, 1, 0]], atol=1e-9)
    assert again.match.n_matched == 25


def test_measuring_twice_gives_the_same_bits(exposures, detections, reference, second):
    again = measure(exposures[1], detections[1], reference, SETTINGS)
    np.testing.assert_array_equal(again.spectra.flux, second.spectra.flux)
    np.testing.assert_array_equal(detect(exposures[1], SETTINGS).image, detections[1].image)


def test_every_band_of_the_settings_is_integrated(detections, reference, tmp_path):
    wave_aa = np.arange(5400.0, 9351.0, 50.0)
    cube = study_cube(tmp_path / "wide.fits", STUDY, seed=3, wave_aa=wave_aa)
    settings = replace(SETTINGS, photometry=PhotometrySettings(bands=("I_Bessel", "V_Bessel")))
    bands = measure(cube, detections[0], reference, settings).photometry
    assert [band.band for band in bands] == ["I_Bessel", "V_Bessel"]
    # every layer shows the same image: the bands differ by noise only
    ratio = bands[0].fluxes.flux / bands[1].fluxes.flux
    noise = np.hypot(1 / bands[0].fluxes.snr, 1 / bands[1].fluxes.snr)
    assert (np.abs(ratio - 1) < 4.5 * noise)[np.isfinite(ratio)].all()


def test_the_method_is_an_option_and_center_is_measured_beside_it(
    exposures, detections, reference, second
):
    settings = replace(SETTINGS, extraction=replace(SETTINGS.extraction, method="center"))
    center = measure(exposures[1], detections[1], reference, settings)
    assert (second.spectra.method, center.spectra.method) == ("exact", "center")
    ratio = second.photometry[0].fluxes.flux / center.photometry[0].fluxes.flux
    assert np.nanmax(np.abs(ratio[:, 3] - 1)) < 0.05  # the same apertures, another rim
    assert (center.spectra.flux != second.spectra.flux).any()
    for measurement in (center, second):  # the study's convention is the same whatever ours is
        spectra = center.spectra
        expected = published_band_sum(
            spectra.flux, spectra.variance, spectra.wave_aa, load_band("I_Bessel")
        )
        np.testing.assert_array_equal(measurement.photometry[0].published.flux, expected.flux)
        np.testing.assert_array_equal(measurement.photometry[0].published.snr, expected.snr)


def test_a_local_sky_is_an_option(exposures, detections, reference, second):
    settings = replace(
        SETTINGS, extraction=replace(SETTINGS.extraction, sky_annulus_px=(10.0, 16.0))
    )
    local = measure(exposures[1], detections[1], reference, settings)
    # The stars' own wings are in the annulus: a little less flux for all of them.
    assert np.nanmedian(local.photometry[0].fluxes.flux / second.photometry[0].fluxes.flux) < 1
    assert (local.spectra.variance[:, 3] > second.spectra.variance[:, 3]).all()


def test_a_factor_on_stat_overrides_the_measured_noise(exposures, detections, reference, second):
    settings = replace(SETTINGS, photometry=replace(SETTINGS.photometry, stat_factor=1.6))
    (band,) = measure(exposures[1], detections[1], reference, settings).photometry
    assert band.noise_source.tolist() == ["stat_factor"] * 5
    ratio = band.fluxes.sigma / second.photometry[0].fluxes.sigma
    measured = np.maximum(second.photometry[0].noise.factor, 1)
    np.testing.assert_allclose(ratio[np.isfinite(ratio).all(axis=1)] * measured, 1.6, rtol=1e-12)


def test_exact_masks_feel_the_position_of_a_star_within_its_spaxel_ten_times_less():
    # What "center" costs: the same star at random places of the grid, without noise.
    rng = np.random.default_rng(1)
    scatter = {}
    for mask in ("center", "exact"):
        fluxes = []
        for x, y in 20 + rng.uniform(-0.5, 0.5, (40, 2)):
            recipe = FieldRecipe((41, 41), np.array([(x, y)]), np.array([1.0]), 4.0, 2.8)
            image = clean_image(recipe)[None]
            out = extract_spectra((image, image, WAVE[:1]), [(x, y)], (2.5, 4.5), method=mask)
            fluxes.append(out.flux[0, :, 0])
        scatter[mask] = np.std(fluxes, axis=0) / np.mean(fluxes, axis=0)
    assert (scatter["exact"] * 10 < scatter["center"]).all()
    assert 0.003 < scatter["center"][1] < 0.02  # about 1 % at the study's aperture of 4.5 px


def test_an_all_nan_cube_is_empty(tmp_path):
    nothing = np.full((40, 40), np.nan)
    path = write_exposure(tmp_path / "c.fits", [(nothing, nothing)] * len(WAVE), WAVE)
    with pytest.raises(CubeEmpty, match="no finite value"):
        detect(open_cube(path), SETTINGS)


def test_another_pixel_scale_is_refused_with_both_numbers(tmp_path):
    image = np.ones((20, 20))
    path = write_exposure(
        tmp_path / "nfm.fits", [(image, image)] * len(WAVE), WAVE, pixel_scale_arcsec=0.025
    )
    with pytest.raises(WrongPixelScale, match=r"nfm.fits: spaxels of 0.025 arcsec.* = 0.2"):
        detect(open_cube(path), SETTINGS)


def test_a_slightly_other_pixel_scale_is_accepted(exposures):
    check_cube(replace(exposures[0], pixel_scale_arcsec=0.2003), SETTINGS.field)


def test_a_field_with_the_standard_alone_has_no_stars(tmp_path):
    recipe = FieldRecipe((100, 100), standard_xy=(50.0, 50.0), standard_flux=1e6)
    cube = study_cube(tmp_path / "c.fits", recipe, seed=1, wave_aa=WAVE)
    with pytest.raises(NoStarsDetected, match=r"beside the masked star at \(50.0, 50.0\)"):
        detect(cube, SETTINGS)


def test_one_star_beside_the_standard_is_no_match(tmp_path, reference):
    recipe = FieldRecipe((100, 100), np.array([(20.0, 20.0)]), np.array([2e4]), 4.0,
                         standard_xy=(60.0, 60.0), standard_flux=1e6)  # fmt: skip
    cube = study_cube(tmp_path / "c.fits", recipe, seed=1, wave_aa=WAVE)
    detection = detect(cube, SETTINGS)
    assert len(detection.sources.x) == 1
    with pytest.raises(NoStarsMatched, match="1 target star"):
        measure(cube, detection, reference, SETTINGS)


def test_another_field_is_no_match(tmp_path, reference):
    rng = np.random.default_rng(5)
    recipe = replace(STUDY, xy=rng.uniform(15, 290, (20, 2)), flux=np.full(20, 1e5))
    cube = study_cube(tmp_path / "c.fits", recipe, seed=1, wave_aa=WAVE)
    with pytest.raises(NoStarsMatched):
        measure(cube, detect(cube, SETTINGS), reference, SETTINGS)


ONLY_V = replace(
    SETTINGS,
    photometry=PhotometrySettings(bands=("V_Bessel",)),
    statistics=replace(SETTINGS.statistics, band="V_Bessel"),
)


def test_a_band_that_a_cube_does_not_reach_is_missing_and_harms_no_other(
    tmp_path, detections, reference
):
    wave_aa = np.arange(4700.0, 8001.0, 100.0)
    cube = study_cube(tmp_path / "c.fits", STUDY, seed=1, wave_aa=wave_aa)
    in_both = replace(SETTINGS, photometry=PhotometrySettings(bands=("I_Bessel", "V_Bessel")))
    beyond, covered = measure(cube, detections[0], reference, in_both).photometry
    assert (beyond.band, covered.band) == ("I_Bessel", "V_Bessel")
    for missing in (beyond.fluxes.flux, beyond.fluxes.sigma, beyond.published.flux):
        assert np.isnan(missing).all()
    assert (beyond.fluxes.coverage == 0).all()
    assert set(beyond.flags.ravel()) == {"gap"}
    (alone,) = measure(cube, detections[0], reference, ONLY_V).photometry
    np.testing.assert_array_equal(covered.fluxes.flux, alone.fluxes.flux)
    np.testing.assert_array_equal(covered.flags, alone.flags)
    assert np.isfinite(covered.fluxes.flux).mean() > 0.9


BRIGHTEST = int(np.argmax(STUDY.flux))


def test_a_core_that_is_dark_where_it_must_be_brightest_is_flagged(tmp_path, reference):
    clean = clean_image(STUDY)
    x, y = np.rint(STUDY.xy[BRIGHTEST]).astype(int)
    for value in (0.0, -1e5):
        spoiled = clean.copy()
        spoiled[y, x] = value
        rng = np.random.default_rng(3)
        layers = [(noisy(spoiled, STUDY.sky, rng), np.full(clean.shape, 100.0)) for _ in WAVE]
        for data, _ in layers:
            data[y, x] = value
        path = write_exposure(tmp_path / "c.fits", layers, WAVE)
        cube = open_cube(path, stat="variance")
        flags = measure(cube, detect(cube, SETTINGS), reference, SETTINGS).photometry[0].flags
        dark = np.char.find(flags.astype(str), "core") >= 0
        assert dark.any(axis=1).sum() == 1
        assert dark.all(axis=1).sum() == 1
        star = int(np.flatnonzero(dark[:, 0])[0])
        assert np.hypot(*(reference.xy[star] - STUDY.xy[BRIGHTEST])) < 2


def test_a_notch_through_the_band_makes_gaps_not_fluxes(tmp_path, detections, reference):
    clean = clean_image(STUDY)
    layers = []
    for wave in WAVE:
        dark = 8000 < wave < 8200
        layers.append((np.full_like(clean, np.nan) if dark else clean, np.ones_like(clean)))
    cube = open_cube(write_exposure(tmp_path / "c.fits", layers, WAVE))
    measurement = measure(cube, detections[0], reference, SETTINGS)
    (band,) = measurement.photometry
    assert np.isnan(band.fluxes.flux).all()
    assert ((band.fluxes.coverage > 0.7) & (band.fluxes.coverage < 0.95)).mean() > 0.9
    assert set(band.flags.ravel()) <= {"gap", "edge gap"}


@pytest.mark.parametrize("share", [0.3, 0.99])
def test_a_truncated_cube_is_refused_before_it_is_read(tmp_path, exposures, share):
    whole = exposures[0].path.read_bytes()
    (tmp_path / "cut.fits").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(CubeUnreadable, match=r"cut\.fits"):
        detect(open_cube(tmp_path / "cut.fits"), SETTINGS)


def test_every_failure_of_an_exposure_is_of_the_kind_that_becomes_a_row():
    for failure in (CubeEmpty, CubeUnreadable, NoStarsDetected, NoStarsMatched, WrongPixelScale):
        assert issubclass(failure, ExposureError)


def test_stars_that_draw_each_other_do_not_define_the_affine(
    exposures, detections, reference, monkeypatch
):
    given = {}

    def spy(*arguments, **options):
        given.update(options)
        return match_exposure(*arguments, **options)

    monkeypatch.setattr("pipeline.measure.sky_matching.match_exposure", spy)
    measure(exposures[1], detections[1], reference, SETTINGS)
    apart = np.hypot(*(reference.xy[:, np.newaxis] - reference.xy).T)
    np.fill_diagonal(apart, np.inf)
    near = apart.min(axis=0) <= 1.2 * SETTINGS.detection.fwhm_px
    assert near.any()
    np.testing.assert_array_equal(given["use_in_fit"], ~near)

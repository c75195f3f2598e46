"""Rendered exposures: noise, footprint, headers, and the same bytes every time."""

import pickle

import numpy as np
import pytest
from astropy.io import fits
from scipy.spatial import cKDTree

from pipeline.config.settings import Field
from pipeline.muse.cube import cube_of_layers, open_cube
from pipeline.muse.exposure import check_pointing, identify
from pipeline.simulation import PlannedExposure, RenderedLayers, instrument, psf
from pipeline.simulation.atmosphere import refraction_shape
from pipeline.simulation.rendering import STAT_SCATTER
from tests.factories import FEW, REFERENCE, small_campaign, study_plan, write_cubes


@pytest.fixture(scope="module")
def campaign():
    return small_campaign()


def stacked(layers):
    pairs = list(layers)
    return np.array([data for data, _ in pairs]), np.array([stat for _, stat in pairs])


@pytest.fixture(scope="module")
def reference(campaign):
    """DATA, STAT, expected signal and variance of the reference exposure."""
    index = FEW.index(REFERENCE)
    return *stacked(campaign.layers(index)), *stacked(campaign.expected_layers(index))


def test_scatter_of_data_equals_the_square_root_of_stat(reference):
    data, stat, signal, variance = reference
    for layer in (5, 40, 85):
        z = ((data - signal) / np.sqrt(stat))[layer]
        z = z[np.isfinite(z) & (np.abs(z) < 5)]  # cosmic rays lie beyond
        # 4 sigma of a standard deviation from n values; the scatter s of STAT adds 3/8 s^2.
        tolerance = 4 / np.sqrt(2 * z.size) + 3 / 8 * STAT_SCATTER**2
        assert z.std() == pytest.approx(1.0, abs=tolerance)
        assert abs(z.mean()) < 4 / np.sqrt(z.size)
        ratio = (stat / variance)[layer]
        ratio = ratio[np.isfinite(ratio)]
        assert ratio.mean() == pytest.approx(1.0, abs=4 * STAT_SCATTER / np.sqrt(ratio.size))


def test_noise_of_neighbouring_spaxels_and_layers_is_independent(reference):
    data, _, signal, variance = reference
    z = ((data - signal) / np.sqrt(variance))[40:42, 20:280, 20:280]
    z = np.clip(z, -5, 5)
    for one, other in ((z[0, :, 1:], z[0, :, :-1]), (z[0, 1:], z[0, :-1]), (z[0], z[1])):
        assert abs((one * other).mean()) < 4 / np.sqrt(one.size)


def test_cosmic_rays_are_rare_and_positive(reference):
    data, _, signal, variance = reference
    z = (data - signal) / np.sqrt(variance)
    hit = np.abs(np.nan_to_num(z)) > 6
    # 0.1 per 1.25 A: 4 in each of 89 lit layers, 90 % of them on the field.
    assert 150 < hit.sum() < 400
    assert (z[hit] > 0).all()


def test_data_and_stat_are_missing_together(reference):
    data, stat, *_ = reference
    assert (np.isnan(data) == np.isnan(stat)).all()
    assert (stat[np.isfinite(stat)] > 0).all()


def test_sodium_notch_is_missing_and_nothing_else_is(campaign, reference):
    data, *_ = reference
    index = FEW.index(REFERENCE)
    wave_aa = instrument.wave_grid("WFM-AO-N", campaign.settings.wave_step_aa)
    dark = np.isnan(data).all(axis=(1, 2))
    assert (dark == ((wave_aa >= 5805) & (wave_aa <= 5966))).all()
    footprint = np.isfinite(campaign.scene(index).transmission)
    assert (np.isfinite(data[~dark]) == footprint).all()


def test_only_star_25_is_nearer_than_8_px_to_the_edge(campaign):
    index = FEW.index(REFERENCE)
    missing = np.pad(np.isnan(campaign.scene(index).transmission), 1, constant_values=True)
    rows, columns = np.nonzero(missing)
    distance, _ = cKDTree(np.column_stack([columns, rows]) - 1.0).query(campaign.star_xy(index))
    near = [star.star_id for star, d in zip(campaign.stars, distance, strict=True) if d <= 8.0]
    assert near == [25]
    assert 5.5 < distance[24] < 8.0  # its largest aperture is complete, as in the study
    assert np.sort(distance)[1] > 9.0


def test_footprint_stays_in_the_grid_while_the_stars_move():
    campaign = small_campaign(study_plan())
    shifts = np.array([exposure.field_shift_px for exposure in campaign.exposures])
    assert np.abs(shifts).max() < 1.5
    moves = np.array([campaign.star_xy(i).mean(axis=0) for i in range(65)])
    moves -= campaign.star_xy(study_plan().index(REFERENCE)).mean(axis=0)
    # 0.6 arcsec = 3 px rms per axis, cut at 2.5 sigma (rms 2.9); the shear adds a little.
    assert moves.std(axis=0) == pytest.approx([2.95, 2.95], abs=4 * 3 / np.sqrt(2 * 65))


@pytest.mark.slow
def test_written_cube_is_opened_and_identified(tmp_path):
    campaign = small_campaign([REFERENCE, PlannedExposure("2019-12-26", "WFM-AO-E")])
    paths = write_cubes(tmp_path, campaign)
    for path, exposure in zip(paths, campaign.exposures, strict=True):
        cube = open_cube(path)
        assert cube.pixel_scale_arcsec == pytest.approx(0.2)
        assert cube.unit == "10**(-20)*erg/s/cm**2/Angstrom"
        assert (cube.wave_aa == instrument.wave_grid(exposure.mode, 50.0)).all()
        assert cube.data.shape[1:] == (304, 315)
        found = identify(cube.header, path.name)
        check_pointing(cube.header, Field())
        assert found.simulated
        assert found.exposure_id == found.dp_id == exposure.exposure_id
        assert (found.night, found.mode) == (exposure.night, exposure.mode)
        assert found.mjd_mid == pytest.approx(exposure.mjd_mid, abs=1e-9)
        assert found.airmass == pytest.approx(exposure.mean_airmass)
        assert found.seeing_arcsec == pytest.approx(sum(exposure.dimm_arcsec) / 2)
        for extension in range(3):
            header = fits.getheader(path, extension)
            assert header["SIMULATED"] is True
            assert "not an observation" in header.comments["SIMULATED"]


def test_same_seed_gives_the_same_bytes_in_any_company():
    alone = small_campaign([FEW[2]])
    among = small_campaign(FEW[::-1])
    index = FEW[::-1].index(FEW[2])
    assert alone.exposures[0] == among.exposures[index]
    scaled = pickle.loads(pickle.dumps(among))  # as a worker receives it
    for one, other in zip(among.layers(index), scaled.layers(index), strict=True):
        assert one[0].tobytes() == other[0].tobytes()
        assert one[1].tobytes() == other[1].tobytes()
    headers = [campaign.headers(i)[0] for campaign, i in ((alone, 0), (among, index))]
    assert headers[0].tostring() == headers[1].tostring()


def test_spaxels_that_are_rendered_alone_are_those_of_the_whole_layers(campaign, reference):
    data, stat, *_ = reference
    index = FEW.index(REFERENCE)
    spaxels = np.sort(np.random.default_rng(5).choice(data[0].size, 3000, replace=False))
    rendering = campaign.rendering(index)
    some = [RenderedLayers(rendering, part) for part in (0, 1)]
    for whole, layers in zip((data, stat), some, strict=True):
        assert (layers.shape, len(layers)) == (whole.shape, len(whole))
        for block in (slice(0, 64), slice(64, len(whole))):
            alone = layers.at(block, spaxels)
            wanted = whole[block].reshape(len(alone), -1)[:, spaxels]
            np.testing.assert_array_equal(alone, wanted)  # to the last bit
        np.testing.assert_array_equal(layers[7], whole[7])
        np.testing.assert_array_equal(layers[-3:], whole[-3:])


def test_samples_that_are_handed_out_are_the_reader_s_own(campaign):
    layers = RenderedLayers(campaign.rendering(0), 0)
    spaxels = np.arange(50_000, 50_010)
    once = layers.at(slice(0, 3), spaxels)
    once[...] = 0
    assert (layers.at(slice(0, 3), spaxels) != 0).all()


def test_a_rendered_cube_is_the_written_one(tmp_path):
    campaign = small_campaign([REFERENCE])
    (path,) = write_cubes(tmp_path, campaign)
    written = open_cube(path)
    rendering = campaign.rendering(0)
    parts = [RenderedLayers(rendering, part) for part in (0, 1)]
    rendered = cube_of_layers(path, campaign.headers(0), *parts)
    for name in ("wave_aa", "pixel_scale_arcsec", "unit", "rotation_deg", "notes", "fill", "dq"):
        assert np.array_equal(getattr(rendered, name), getattr(written, name)), name
    assert rendered.celestial.tostring() == written.celestial.tostring()
    assert rendered.header.tostring() == written.header.tostring()
    for layer in (0, 40):
        np.testing.assert_array_equal(rendered.data[layer], written.data[layer])
        np.testing.assert_array_equal(rendered.stat[layer], written.stat[layer])


def test_other_seed_gives_another_exposure():
    one, other = (small_campaign([FEW[2]], seed=seed) for seed in (1, 2))
    assert one.exposures[0].affine != other.exposures[0].affine
    assert one.exposures[0].night == other.exposures[0].night


def test_campaign_is_small_enough_to_send_to_a_worker():
    assert len(pickle.dumps(small_campaign(study_plan()))) < 100_000


def test_every_exposure_has_an_identity_of_its_own():
    twice = [*study_plan(), REFERENCE, REFERENCE]
    campaign = small_campaign(twice)
    ids = [exposure.exposure_id for exposure in campaign.exposures]
    assert len(set(ids)) == len(twice)
    for exposure, plan in zip(campaign.exposures, twice, strict=True):
        header = identify(campaign.headers(campaign.exposures.index(exposure))[0], "")
        assert (header.night, header.mode) == (plan.night, plan.mode)


def test_modes_of_a_night_follow_within_the_hour():
    campaign = small_campaign(study_plan())
    nights = {}
    for exposure in campaign.exposures:
        nights.setdefault(exposure.night, []).append(exposure.mjd_start)
    assert max(np.ptp(starts) for starts in nights.values()) < 1 / 24
    assert all(exposure.mean_airmass < 1.9 for exposure in campaign.exposures)


def test_expected_layers_interpolate_the_images_of_the_stars(campaign):
    scene = campaign.scene(0)
    exposure, source = campaign.exposures[0], scene.sources[21]
    layer = 33
    image = np.einsum("k,kyx->yx", scene.node_weights[layer], source.images)
    rows = np.arange(source.images.shape[1]) + source.row
    columns = np.arange(source.images.shape[2]) + source.column
    x, y = _light(campaign, 0, 21, scene.wave_aa[layer])
    spikes = psf.spikes_image(*_light(campaign, 0, 21, 7000.0), _angle(exposure), columns, rows)
    exact = psf.star_image(exposure.profile(scene.wave_aa[layer]), (x, y), spikes, columns, rows)
    assert np.abs(image - exact).max() < 1e-6 * exact.max()


def _angle(exposure):
    return exposure.parallactic_deg + 45.0


def _light(campaign, index, star, wave_aa):
    exposure = campaign.exposures[index]
    angle = np.radians(exposure.parallactic_deg)
    shift = exposure.refraction_px * refraction_shape(np.array([wave_aa]))[0]
    return tuple(campaign.star_xy(index)[star] + shift * np.array([np.sin(angle), np.cos(angle)]))

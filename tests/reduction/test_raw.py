"""Raw frames: light is conserved, places agree with the geometry, headers with the sky."""

import numpy as np
import pytest
from astropy.io import fits

from pipeline.config.passbands import load_band
from pipeline.config.settings import Settings
from pipeline.muse.association import parse_tree
from pipeline.muse.exposure import identify
from pipeline.muse.geometry import slice_address
from pipeline.muse.times import night_of
from pipeline.reduction.association import RequestedStandard, standard_calibrations
from pipeline.reduction.plan import Choices, Input, plan_reduction
from pipeline.simulation.raw import exposure, spectra, static
from pipeline.simulation.raw.campaign import drifted_response, exposure_scene, to_grid
from pipeline.simulation.raw.demo import Injection, demo_campaign, demo_stars
from pipeline.simulation.raw.detector import BORDER, PORTS, chip_header, read_out
from pipeline.simulation.raw.frames import FrameCounts, schedule
from pipeline.simulation.raw.headers import Pointing, primary_header
from pipeline.simulation.raw.optics import NX, NY, make_channel, slice_positions
from pipeline.simulation.raw.scene import field_position
from pipeline.simulation.raw.tree import association_xml
from pipeline.simulation.response import ChannelResponse

RADII = np.linspace(0.0, 12.0, 25)


@pytest.mark.parametrize("beta", [2.0 + 1e-6, 2.6, 2.8, 4.0])
def test_gaussians_add_up_to_the_moffat_profile(beta):
    fwhm = 4.0
    alpha = fwhm / (2 * np.sqrt(2 ** (1 / beta) - 1))
    truth = (beta - 1) / (np.pi * alpha**2) * (1 + (RADII / alpha) ** 2) ** -beta
    mixture = sum(
        weight * np.exp(-0.5 * (RADII / (s * fwhm)) ** 2) / (2 * np.pi * (s * fwhm) ** 2)
        for weight, s in exposure.moffat_as_gaussians(beta)
    )
    np.testing.assert_allclose(mixture, truth, rtol=0, atol=2e-3 * truth[0])


def test_the_weights_of_the_gaussians_hold_all_light():
    weights = [weight for weight, _ in exposure.moffat_as_gaussians(2.8)]
    assert sum(weights) == pytest.approx(1.0, abs=1e-4)  # what lighter Gaussians would add


def test_a_line_keeps_its_flux_however_it_is_binned():
    integral = spectra.cumulative(spectra.line_density(((7000.0, 100.0),)))
    for step in (3, 25, 26):
        assert np.diff(integral[::step]).sum() == pytest.approx(100.0, rel=1e-6)


@pytest.mark.parametrize("channel", [1, 12, 24])
def test_slices_lie_where_the_instruments_layout_says(channel):
    sky, x, y = slice_positions(channel)
    address = slice_address(x, y)
    np.testing.assert_array_equal(address.channel, channel)
    np.testing.assert_array_equal(address.slice, sky)


def test_slices_neither_overlap_nor_leave_the_chip():
    channel = make_channel(7)
    for y in (1.0, 2056.0, float(NY)):
        centres = np.array([float(channel.centre(s, np.array(y))) for s in range(48)])
        widths = np.array([float(channel.full_width(s, np.array(y))) for s in range(48)])
        assert np.all(np.diff(centres) > (widths[1:] + widths[:-1]) / 2)
        assert centres[0] - widths[0] / 2 > 1
        assert centres[-1] + widths[-1] / 2 < NX


@pytest.mark.slow
def test_a_read_out_has_the_gain_noise_and_level_that_its_header_says():
    rng = np.random.default_rng(1)
    raw = read_out(np.full((NY, NX), 400.0, np.float32), rng)
    header = chip_header(5)
    port = PORTS[0]
    data = raw[BORDER : BORDER + NY // 2, BORDER : BORDER + NX // 2].astype(float)
    gain = header["ESO DET OUT1 GAIN"]
    n = data.size
    assert (data.mean() - port.bias_adu) * gain == pytest.approx(400.0, abs=5 * 20 / np.sqrt(n))
    # photon, read-out and rounding noise; the variance of n values is good to sqrt(2 / n)
    expected = 400.0 + port.read_noise**2 + gain**2 / 12
    assert data.var() * gain**2 == pytest.approx(expected, rel=5 * np.sqrt(2 / n))
    overscan = raw[:BORDER, BORDER : BORDER + NX // 2].astype(float)
    assert overscan.mean() == pytest.approx(port.bias_adu, abs=0.1)


@pytest.mark.parametrize("angle", [0.0, 40.0, -90.0])
def test_turning_the_field_keeps_distances(angle):
    x, y = field_position(np.array([3.0, -1.0]), np.array([2.0, 5.0]), angle)
    np.testing.assert_allclose(np.hypot(x, y), np.hypot([3.0, -1.0], [2.0, 5.0]))


def test_east_is_left_and_north_is_up_without_rotation():
    x, y = field_position(np.array(1.0), np.array(2.0), 0.0)
    assert (float(x), float(y)) == (-1.0, 2.0)


def test_a_field_of_positive_angle_sees_the_north_to_its_right():
    x, y = field_position(np.array(0.0), np.array(1.0), 90.0)
    np.testing.assert_allclose((float(x), float(y)), (1.0, 0.0), atol=1e-12)


def test_blue_light_is_lifted_towards_the_zenith():
    wave = np.array([4800.0, 7000.0, 9200.0])
    shift = exposure.refraction_arcsec(
        wave, 1.3, temperature_c=11.75, humidity_percent=12.5, pressure_hpa=746.9
    )
    assert shift[0] > shift[1] == 0.0 > shift[2]
    assert shift[0] == pytest.approx(0.47, abs=0.02)  # Filippenko (1982), table I, scaled


def test_the_airmass_in_the_header_is_that_of_its_coordinates():
    pointing = Pointing(130.0, -32.9, 30.0)
    header = primary_header("STD", 58552.1, 30.0, "WFM-AO-N", pointing=pointing, target="LTT3218")
    assert header["ESO TEL AIRM START"] < header["ESO TEL AIRM END"]
    assert header["LST"] / 240 - header["RA"] == pytest.approx(30.0 - 15 / 240, abs=1e-9)
    exposure_of_header = identify(header, "x")
    assert exposure_of_header.simulated
    assert exposure_of_header.mode == "WFM-AO-N"


@pytest.mark.parametrize("mode", ["WFM-NOAO-N", "WFM-NOAO-E", "WFM-AO-N", "WFM-AO-E"])
def test_the_notch_is_dark_in_the_ao_modes_only(mode):
    transmission = spectra.filter_transmission(mode, np.array([5890.0, 6200.0]))
    assert bool(transmission[0] < 0.05) == ("-AO-" in mode)
    assert transmission[0] > 0.02  # a flat lamp must leave something to divide by
    assert transmission[1] == pytest.approx(1)
    response = static.response_table(mode).data["response"]
    assert np.isfinite(response).all()


def test_the_line_catalogue_is_sorted_and_on_the_scale_of_counts():
    table = static.line_catalog("WFM-NOAO-N").data
    assert np.all(np.diff(table["lambda"]) > 0)
    assert 1e3 < np.median(table["flux"]) < 1e5


def test_a_simulated_tree_can_be_planned():
    frames = schedule(58552.1, FrameCounts())
    statics = {
        tag: f"M.MUSE.{tag}"
        for tag in (
            "GEOMETRY_TABLE",
            "LINE_CATALOG",
            "EXTINCT_TABLE",
            "STD_FLUX_TABLE",
            "FILTER_LIST",
        )
    }
    tree = parse_tree(association_xml(frames, "WFM-AO-E", statics).encode())
    group = standard_calibrations(tree, RequestedStandard(frames.std.dp_id)).group
    plan = plan_reduction(group, Choices(response=Input("STD_RESPONSE", "response")))
    assert sum(call.recipe == "muse_bias" for call in plan.calls) == 2 * 24
    assert plan.calls[-1].recipe == "muse_scipost"


def test_calibrations_lie_around_their_exposure():
    frames = schedule(58552.1, FrameCounts())
    assert night_of(frames.skyflat[0].mjd) == night_of(frames.std.mjd)
    assert len({frame.dp_id for frame in frames.all()}) == len(frames.all())


@pytest.fixture(scope="module")
def campaign():
    settings, band = Settings(), load_band("I_Bessel")
    return demo_campaign(settings.field, settings.simulation, (band.wave_aa, band.weight))


def test_the_scene_holds_the_campaigns_stars_where_its_cubes_have_them(campaign):
    scene, _ = exposure_scene(campaign, 0)
    grid = to_grid(scene.x_field_px, scene.y_field_px)[:-1]
    np.testing.assert_allclose(grid, campaign.star_xy(0), atol=1e-9)


def test_without_drift_only_the_injected_channel_changes(campaign):
    base = drifted_response(campaign, campaign.exposures[1])
    np.testing.assert_array_equal(base, 1.0)
    changed = Injection().response(base, 1)
    assert set(np.unique(changed)) == {1.0, 1.03}
    assert changed.shape == (24, 48)


def test_the_drift_is_that_of_the_simulated_cubes(campaign):
    from dataclasses import replace

    drifting = replace(campaign, settings=replace(campaign.settings, drift_std=0.025))
    scene, _ = exposure_scene(drifting, 0)
    settings = drifting.settings
    response = ChannelResponse.from_settings(settings)
    mjd = drifting.exposures[0].mjd_mid
    np.testing.assert_allclose(
        scene.response, response.channels(mjd)[:, None] * response.slices(mjd)
    )


def test_the_demonstrations_stars_are_each_on_their_channel():
    stars = demo_stars()
    assert [star.star_id for star in stars] == list(range(1, 11))


def test_headers_are_valid_fits():
    header = primary_header("BIAS", 58552.1, 0.0, "WFM-NOAO-N", pointing=Pointing(1.0, 2.0, 3.0))
    fits.PrimaryHDU(header=header).verify("exception")

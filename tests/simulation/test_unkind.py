"""What can be switched on: gradients of the PSF, residuals, a variable star, angles, dithers, presets."""

import numpy as np
import pytest

from pipeline.config.settings import SimulationSettings
from pipeline.errors import ConfigError
from pipeline.simulation.instrument import FIELD_CENTRE_XY
from pipeline.simulation.presets import PRESETS, resolve_preset
from pipeline.simulation.stars import VARIABILITY_PERIOD_DAYS, variability
from tests.simulation.test_truth import FEW, REFERENCE, small_campaign


def test_a_psf_gradient_is_linear_over_the_field_and_none_by_default():
    exposure = small_campaign(psf_gradient=0.05).exposures[1]
    centre, right, left = (
        exposure.profile(8000.0, (FIELD_CENTRE_XY[0] + dx, FIELD_CENTRE_XY[1]))
        for dx in (0.0, 100.0, -100.0)
    )
    assert right.fwhm_px + left.fwhm_px == pytest.approx(2 * centre.fwhm_px, rel=1e-12)
    expected = 1 + 100 * exposure.fwhm_gradient[0]
    assert right.fwhm_px / centre.fwhm_px == pytest.approx(expected, rel=1e-12)
    assert right.fwhm_px != centre.fwhm_px
    plain = small_campaign().exposures[1]
    assert plain.profile(8000.0, (252.3, 20.0)) == plain.profile(8000.0)


def test_each_channel_keeps_its_own_share_of_the_sky():
    scene = small_campaign(drift_std=0.0, slice_edge_std=0.0, residual_std=0.01).scene(1)
    extra = scene.sky_residual - scene.uniform_residual
    inside = np.isfinite(scene.transmission)
    shares = np.unique(np.round(extra[inside], 12))
    assert len(shares) == 24
    assert shares.std() == pytest.approx(0.01, rel=4 / np.sqrt(2 * 24))


def test_one_star_varies_and_the_truth_says_by_how_much():
    days = 58500 + VARIABILITY_PERIOD_DAYS * np.arange(64) / 64
    settings = SimulationSettings(variable_star=4, variable_std=0.2)
    factors = np.array([variability([2, 4, 6], mjd, settings) for mjd in days])
    assert (factors[:, [0, 2]] == 1).all()
    assert np.log(factors[:, 1]).std() == pytest.approx(0.2, rel=1e-9)
    campaign = small_campaign(variable_star=4, variable_std=0.2)
    table = campaign.truth(with_fluxes=False)["truth_stars"]
    assert table["variability"][table["star_id"] == 4] == 0.2
    assert (table["variability"][table["star_id"] != 4] == 0).all()
    with pytest.raises(ValueError, match="no such star"):
        small_campaign(variable_star=999)


def test_a_dither_moves_stars_and_coordinates_alike():
    plain, dithered = small_campaign(), small_campaign(dither_arcsec=4.0)
    moved = dithered.star_xy(1) - plain.star_xy(1)
    shift = np.array(dithered.exposures[1].dither_px)
    assert moved == pytest.approx(np.broadcast_to(shift, moved.shape), abs=1e-9)
    assert (np.abs(shift) <= 20).all()
    one, other = (campaign.headers(1)[1] for campaign in (plain, dithered))
    assert [other["CRPIX1"] - one["CRPIX1"], other["CRPIX2"] - one["CRPIX2"]] == pytest.approx(
        shift.tolist()
    )
    reference = FEW.index(REFERENCE)
    assert dithered.exposures[reference].dither_px == (0.0, 0.0)


def test_at_ninety_degrees_channels_run_along_the_other_axis():
    campaign = small_campaign(
        drift_std=0.05, slice_edge_std=0.0, position_angles_deg=(90.0,), sky_share=0.0
    )
    index = next(k for k, one in enumerate(campaign.exposures) if not one.is_reference)
    assert campaign.headers(index)[0]["ESO INS DROT POSANG"] == 90.0
    transmission = campaign.scene(index).transmission[140:160, 140:160]
    along_x, along_y = (np.nanmean(np.abs(np.diff(transmission, axis=axis))) for axis in (1, 0))
    assert along_x > 10 * along_y  # slices stand upright now: the response changes along x


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_replaces_what_it_decides(name):
    found = resolve_preset(SimulationSettings(preset=name))
    for key, value in PRESETS[name].items():
        assert getattr(found, key) == value
    assert found.preset == ""


def test_a_preset_beside_values_of_its_own_is_refused():
    with pytest.raises(ConfigError, match="sets night_std, too"):
        SimulationSettings(preset="quiet", night_std=0.02)

"""The simulated MUSE: grids, notches, field of view, channels that drift."""

import numpy as np
import pytest

from pipeline.simulation import instrument
from pipeline.simulation.instrument import FieldOfView
from pipeline.simulation.response import (
    DRIFT_PERIOD_DAYS,
    FIRST_ROW_SHARE,
    INNER_SLICE_STD,
    ChannelResponse,
)

YEAR = 58484.0 + DRIFT_PERIOD_DAYS * np.arange(512) / 512


@pytest.mark.parametrize(
    ("mode", "first_aa", "n_full"),
    [
        ("WFM-NOAO-N", 4750.0, 3681),
        ("WFM-AO-N", 4750.0, 3681),
        ("WFM-NOAO-E", 4600.0, 3801),
        ("WFM-AO-E", 4600.0, 3801),
    ],
)
def test_modes_have_their_wavelength_ranges(mode, first_aa, n_full):
    full = instrument.wave_grid(mode, 1.25)
    assert (full[0], full[-1], len(full)) == (first_aa, 9350.0, n_full)
    assert instrument.wave_grid(mode, 25.0)[-1] == 9350.0


def test_only_modes_with_adaptive_optics_have_a_sodium_notch():
    wave_aa = instrument.wave_grid("WFM-NOAO-E", 1.25)
    for mode, low, high in (("WFM-AO-N", 5805.0, 5966.0), ("WFM-AO-E", 5755.0, 6008.0)):
        lit = instrument.has_light(mode, wave_aa)
        assert wave_aa[~lit][[0, -1]] == pytest.approx([low, high], abs=1.25)
        assert not lit[(wave_aa > low) & (wave_aa < high)].any()
    assert instrument.has_light("WFM-NOAO-N", wave_aa).all()
    assert instrument.has_light("WFM-NOAO-E", wave_aa).all()


def test_electrons_are_photons_times_efficiency():
    # 1e-20 erg/s/cm2/A at 6900 A: 1e-20 x 6900 / 1.98645e-8 photons, 4.86e5 cm2, 35 per cent.
    electrons = instrument.electrons_per_unit(np.array([6900.0]), 1.25, 100.0)
    assert electrons == pytest.approx(1e-20 * 6900 / 1.98645e-8 * 4.86e5 * 100 * 1.25 * 0.35)


def test_instrument_without_drift_has_responses_of_exactly_one():
    drift = ChannelResponse(seed=1)
    for mjd in (58500.0, 58853.7):
        assert (drift.channels(mjd) == 1).all()
        assert (drift.slices(mjd) == 1).all()


def test_rms_of_a_channel_over_a_year_is_the_setting():
    drift = ChannelResponse(seed=7, slow_std=0.025, timescale_days=60.0)
    responses = np.array([drift.channels(mjd) for mjd in YEAR])
    assert responses.mean(axis=0) == pytest.approx(np.ones(24), abs=1e-12)
    assert responses.std(axis=0) == pytest.approx(np.full(24, 0.025), rel=1e-9)


def test_terms_of_nights_and_exposures_have_their_scatter_and_nothing_else():
    nights = 58500.3 + np.arange(400)
    model = ChannelResponse(seed=7, night_std=0.02)
    one = np.array([model.channels(mjd) for mjd in nights])
    other = np.array([model.channels(mjd + 0.1) for mjd in nights])
    assert (one == other).all()  # the same night
    # 400 x 24 independent deviates: the standard deviation is right to 1 / sqrt(2 x 9600).
    assert one.std() == pytest.approx(0.02, rel=4 / np.sqrt(2 * one.size))
    model = ChannelResponse(seed=7, exposure_std=0.01)
    one = np.array([model.channels(mjd) for mjd in nights])
    other = np.array([model.channels(mjd + 0.1) for mjd in nights])
    assert one.std() == pytest.approx(0.01, rel=4 / np.sqrt(2 * one.size))
    assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 4 / np.sqrt(one.size)


def test_a_night_ends_at_noon():
    model = ChannelResponse(seed=7, night_std=0.02)
    assert (model.channels(58500.51) == model.channels(58501.49)).all()
    assert (model.channels(58500.49) != model.channels(58500.51)).all()


def test_edges_of_stacks_move_from_night_to_night_and_rows_between_them_hardly():
    model = ChannelResponse(seed=7, slice_edge_std=0.01)
    slices = np.array([model.slices(58500.3 + night) for night in range(300)])
    rows = slices.reshape(300, 24, 4, 12)
    # Common to all channels but for a tenth of the variance: 300 nights count, not 300 x 24.
    tolerance = 4 / np.sqrt(2 * 300)
    assert rows[..., -1].std() == pytest.approx(0.01, rel=tolerance)
    assert rows[..., 0].std() == pytest.approx(0.01 * FIRST_ROW_SHARE, rel=tolerance)
    assert rows[..., 1:-1].std() == pytest.approx(INNER_SLICE_STD, rel=0.01)
    assert np.ptp(rows[..., -1], axis=2).max() == 0  # the four stacks move together


def test_channels_drift_independently():
    drift = ChannelResponse(seed=7, slow_std=0.025, timescale_days=60.0)
    correlation = np.corrcoef(np.array([drift.channels(mjd) for mjd in YEAR]).T)
    pairs = correlation[np.triu_indices(24, 1)]
    omega = 2 * np.pi * np.arange(1, 61) / DRIFT_PERIOD_DAYS
    power = 1 / (1 + (omega * 60.0) ** 2)
    # Two series of 60 random waves: their correlation scatters as sqrt(sum p^2 / 2) with p the
    # share of power in each mode; 276 pairs average.
    spread = np.sqrt(((power / power.sum()) ** 2).sum() / 2)
    assert abs(pairs.mean()) < 4 * spread / np.sqrt(len(pairs))
    assert pairs.std() == pytest.approx(spread, rel=0.25)


def test_longer_timescale_drifts_more_slowly():
    changes = [
        np.diff([ChannelResponse(7, 0.025, days).channels(mjd) for mjd in YEAR], axis=0).std()
        for days in (10.0, 60.0, 300.0)
    ]
    assert changes[0] > 1.5 * changes[1] > 1.5 * changes[2]


def test_drift_depends_on_the_date_alone():
    one, other = ChannelResponse(7, 0.025, 60.0), ChannelResponse(7, 0.025, 60.0)
    other.channels(58600.0)
    assert (one.channels(58500.0) == other.channels(58500.0)).all()
    assert (one.channels(58500.0) != ChannelResponse(8, 0.025, 60.0).channels(58500.0)).all()


def test_field_of_view_holds_24_channels_of_48_slices():
    address = FieldOfView(instrument.FIELD_CENTRE_XY, instrument.FIELD_ANGLE_DEG).address()
    inside = address.channel > 0
    assert 0.97 < inside.mean() < 0.99  # 313 x 305.5 spaxels, tilted, on a grid of 315 x 304
    seen = set(zip(address.channel[inside].tolist(), address.slice[inside].tolist(), strict=True))
    # the grid cuts off four rows of the lowest channel, a fifth where it is tilted downwards
    assert {channel for channel, _ in seen} == set(range(1, 25))
    assert 24 * 48 - 5 * 4 <= len(seen) <= 24 * 48 - 3 * 4


def test_response_map_gives_every_spaxel_its_channel_and_slice():
    address = FieldOfView(instrument.FIELD_CENTRE_XY, instrument.FIELD_ANGLE_DEG).address()
    channels, slices = np.arange(1.0, 25.0), np.ones((24, 48))
    slices[3, 16] = 10.0
    response = instrument.response_map(address, channels, slices)
    inside = address.channel > 0
    assert (np.isnan(response) == ~inside).all()
    odd = (address.channel == 4) & (address.slice == 17)
    assert odd.any()
    assert (response[odd] == 40.0).all()
    assert (response[inside & ~odd] == address.channel[inside & ~odd]).all()


def test_study_names_the_channels_of_stars_4_and_6():
    address = FieldOfView(instrument.FIELD_CENTRE_XY, instrument.FIELD_ANGLE_DEG).address()
    assert address.channel[44, 53] == 4  # star 4 at (53.4, 44.3)
    assert address.channel[58, 82] == 5  # star 6 at (82.0, 58.0)


def test_variance_grows_only_at_the_rim():
    inside = np.zeros(instrument.GRID_SHAPE, bool)
    inside[10:290, 10:300] = True
    factor = instrument.edge_noise_factor(inside)
    assert factor[10, 150] == pytest.approx(2.0)
    assert factor[150, 150] == pytest.approx(1.0, abs=1e-12)

"""The simulated MUSE: grids, notches, field of view, channels that drift."""

import numpy as np
import pytest

from pipeline.simulation import instrument
from pipeline.simulation.instrument import Drift, FieldOfView

YEAR = 58484.0 + instrument.DRIFT_PERIOD_DAYS * np.arange(512) / 512


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
    drift = Drift(seed=1, std=0.0, timescale_days=60.0)
    for mjd in (58500.0, 58853.7):
        assert (drift.channels(mjd) == 1).all()
        assert (drift.slices(mjd) == 1).all()


def test_rms_of_a_channel_over_a_year_is_the_setting():
    drift = Drift(seed=7, std=0.025, timescale_days=60.0)
    responses = np.array([drift.channels(mjd) for mjd in YEAR])
    assert responses.mean(axis=0) == pytest.approx(np.ones(24), abs=1e-12)
    assert responses.std(axis=0) == pytest.approx(np.full(24, 0.025), rel=1e-9)


def test_slices_drift_a_fraction_of_their_channel():
    drift = Drift(seed=7, std=0.025, timescale_days=60.0)
    slices = np.array([drift.slices(mjd) for mjd in YEAR[::8]])
    expected = 0.025 * instrument.SLICE_DRIFT_SHARE
    assert slices.shape == (64, 24, 48)
    # Sampled 64 times a year, the 60 modes alias: each rms is right to a few per cent.
    assert slices.std(axis=0).mean() == pytest.approx(expected, rel=0.03)


def test_channels_drift_independently():
    drift = Drift(seed=7, std=0.025, timescale_days=60.0)
    correlation = np.corrcoef(np.array([drift.channels(mjd) for mjd in YEAR]).T)
    pairs = correlation[np.triu_indices(24, 1)]
    omega = 2 * np.pi * np.arange(1, 61) / instrument.DRIFT_PERIOD_DAYS
    power = 1 / (1 + (omega * 60.0) ** 2)
    # Two series of 60 random waves: their correlation scatters as sqrt(sum p^2 / 2) with p the
    # share of power in each mode; 276 pairs average.
    spread = np.sqrt(((power / power.sum()) ** 2).sum() / 2)
    assert abs(pairs.mean()) < 4 * spread / np.sqrt(len(pairs))
    assert pairs.std() == pytest.approx(spread, rel=0.25)


def test_longer_timescale_drifts_more_slowly():
    changes = [
        np.diff([Drift(7, 0.025, days).channels(mjd) for mjd in YEAR], axis=0).std()
        for days in (10.0, 60.0, 300.0)
    ]
    assert changes[0] > 1.5 * changes[1] > 1.5 * changes[2]


def test_drift_depends_on_the_date_alone():
    one, other = Drift(7, 0.025, 60.0), Drift(7, 0.025, 60.0)
    other.channels(58600.0)
    assert (one.channels(58500.0) == other.channels(58500.0)).all()
    assert (one.channels(58500.0) != Drift(8, 0.025, 60.0).channels(58500.0)).all()


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

"""What enters the stability model, at the limits of what is enough."""

import numpy as np
import pytest

from pipeline.statistics.fluxes import Fluxes
from pipeline.statistics.log_fluxes import (
    TooFewFluxes,
    _filled,
    _overlap,
    _usable,
    _with_company,
    channel_shares,
    log_fluxes,
)
from tests.statistics.factory import nights_of


def fluxes(flux, *, err=0.01, channel=None, nights=None, modes=None, share=None, **more):
    flux = np.asarray(flux, float)
    n, m = flux.shape
    errors = np.full((n, m), err) * np.abs(flux) if np.ndim(err) == 0 else np.asarray(err, float)
    extra = {} if share is None else {"channel_share": np.asarray(share, float)}
    return Fluxes(
        flux=flux, flux_err=errors, nights=nights_of(n) if nights is None else np.asarray(nights),
        channel=np.arange(1, m + 1) if channel is None else np.asarray(channel), snr=np.full(m, 99.0),
        xy=np.zeros((m, 2)), modes=np.full(n, "A") if modes is None else np.asarray(modes),
        **extra, **more,
    )  # fmt: skip


def test_a_point_much_noisier_than_the_others_of_its_star_is_a_gap_unless_it_is_known_to_a_per_cent():
    flux = np.full((5, 3), 100.0)
    err = np.tile([2.0, 0.2, 0.2], (5, 1))
    err[0] = [3.99, 0.99, 1.01]  # variances of 4 median ones, and of an error of 1 %
    used, variance = _usable(fluxes(flux, err=err))
    assert used[0].tolist() == [True, True, False]
    assert used[1:].all()
    np.testing.assert_allclose(variance, (err / 100) ** 2)
    err[0, 0] = 4.01
    assert not _usable(fluxes(flux, err=err))[0][0, 0]


def test_a_flux_that_is_not_positive_or_has_no_error_is_a_gap():
    flux = np.full((5, 4), 100.0)
    flux[0, 0], flux[0, 1], flux[0, 2] = 0.0, -1.0, np.nan
    err = np.ones((5, 4))
    err[1] = [0.0, np.nan, np.inf, 1.0]
    used, _ = _usable(fluxes(flux, err=err))
    assert used[0].tolist() == [False, False, False, True]
    assert used[1].tolist() == [False, False, False, True]
    assert used[2:].all()


def test_without_any_error_the_noise_is_left_to_the_jitter():
    used, variance = _usable(fluxes(np.full((5, 2), 100.0), err=0.0))
    assert used.all()
    assert (variance == variance[0, 0]).all()
    assert 0 < variance[0, 0] < 1e-10


def test_a_star_that_is_nowhere_known_does_not_spoil_the_others():
    flux = np.full((5, 3), 100.0)
    flux[:, 1] = np.nan
    used, _ = _usable(fluxes(flux, err=0.01))
    assert used.all(axis=0).tolist() == [True, False, True]


def test_a_star_is_seen_in_half_of_the_exposures_and_an_exposure_shows_half_of_the_stars():
    flux = np.full((8, 6), 100.0)
    flux[:4, 0], flux[:5, 1] = np.nan, np.nan
    found = log_fluxes(fluxes(flux))
    assert found.stars.tolist() == [0, 2, 3, 4, 5]
    flux = np.full((8, 6), 100.0)
    flux[0, :3], flux[1, :4] = np.nan, np.nan
    assert log_fluxes(fluxes(flux)).exposures.tolist() == [0, 2, 3, 4, 5, 6, 7]


def test_five_exposures_of_two_stars_on_two_channels_in_two_nights_are_enough():
    flux = np.full((5, 2), 100.0)
    found = log_fluxes(fluxes(flux))
    assert (found.value.shape, found.channels.tolist()) == ((5, 2), [1, 2])
    with pytest.raises(TooFewFluxes, match=r"4 exposures of 2 stars .* 5 exposures of 2 stars"):
        log_fluxes(fluxes(flux[:4]))
    with pytest.raises(TooFewFluxes, match=r"5 exposures of 1 stars|0 exposures of 1 stars"):
        log_fluxes(fluxes(flux[:, :1]))
    with pytest.raises(TooFewFluxes, match="all stars lie on one channel"):
        log_fluxes(fluxes(flux, channel=[3, 3]))
    two = ["a", "a", "a", "a", "b"]
    assert len(log_fluxes(fluxes(flux, nights=nights_of(2)[[0, 0, 0, 0, 1]])).nights) == len(two)
    with pytest.raises(TooFewFluxes, match="all exposures are of one night"):
        log_fluxes(fluxes(flux, nights=nights_of(1)[[0] * 5]))


def test_exposures_that_are_dropped_or_alone_in_their_mode_do_not_enter():
    flux = np.full((8, 3), 100.0)
    modes = ["A", "A", "B", "A", "C", "C", "A", "A"]
    made = fluxes(flux, modes=modes)
    assert log_fluxes(made).exposures.tolist() == [0, 1, 3, 4, 5, 6, 7]
    drop = np.arange(8) == 1
    assert log_fluxes(made, drop_exposures=drop).exposures.tolist() == [0, 3, 4, 5, 6, 7]
    assert _with_company(np.array([0, 2, 4, 5]), np.array(modes)).tolist() == [4, 5]


def test_a_star_without_a_channel_is_left_out_unless_no_star_has_one():
    flux = np.full((6, 4), 100.0)
    assert log_fluxes(fluxes(flux, channel=[5, 0, 7, 7])).star_ids.tolist() == [1, 3, 4]
    lone = log_fluxes(fluxes(flux, channel=[0, 0, 0, 0]))
    np.testing.assert_array_equal(lone.share, np.eye(4))
    assert lone.home.tolist() == [0, 1, 2, 3]
    assert log_fluxes(fluxes(flux, channel=[5, 2, 7, 7])).channels.tolist() == [2, 5, 7]


def test_gaps_hold_their_star_and_exposure_and_the_typical_noise_of_the_star():
    star, exposure = np.array([1.0, 2.0, 4.0]), np.array([0.1, -0.2, 0.3, 0.0, 0.05, 0.2])
    flux = np.exp(star + exposure[:, None])
    flux[2, 1] = np.nan
    found = log_fluxes(fluxes(flux))
    np.testing.assert_allclose(found.value, star + exposure[:, None])
    assert np.argwhere(found.gap).tolist() == [[2, 1]]
    np.testing.assert_allclose(found.variance, 1e-4)
    np.testing.assert_allclose(found.star_variance, 1e-4)
    assert (found.load == 1).all()
    whole = np.ones((2, 2))
    assert _filled(whole, np.zeros((2, 2), bool)) is whole


def test_shares_of_exposures_overlap_by_what_they_have_in_common():
    share = np.array([[[1.0, 0.0], [0.0, 1.0]], [[0.5, 0.5], [0.0, 1.0]]])
    mean, gram, coherence = _overlap(share)
    np.testing.assert_allclose(mean, [[0.75, 0.25], [0.0, 1.0]])
    first, second = np.eye(2), np.array([[0.5, 0.5], [0.5, 1.0]])
    np.testing.assert_allclose(gram, (first + second) / 2)
    np.testing.assert_allclose(coherence, [[1, 1.5 / np.sqrt(2 * 1.5)], [1.5 / np.sqrt(3), 1]])
    fixed = np.array([[1.0, 0.0], [0.5, 0.5]])
    mean, gram, coherence = _overlap(fixed)
    np.testing.assert_allclose(gram, [[1, 0.5], [0.5, 0.5]])
    assert coherence.tolist() == [[1.0]]


def test_a_star_of_unknown_channel_has_a_channel_of_its_own():
    found = channel_shares(fluxes(np.ones((3, 4)), channel=[2, 0, 1, 0]))
    expected = [[0, 1, 0, 0], [0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 1]]
    assert found.shape == (3, 4, 4)
    for one in found:
        assert one.tolist() == expected
    told = np.array([[[0.5, 0.5], [np.nan, np.nan]], [[0.4, 0.6], [0.0, 0.0]]])
    found = channel_shares(fluxes(np.ones((2, 2)), share=told))
    np.testing.assert_allclose(found[0], [[0.5, 0.5, 0], [0, 0, 1]])
    np.testing.assert_allclose(found[1], [[0.4, 0.6, 0], [0, 0, 1]])


def test_the_order_of_exposures_and_stars_is_their_own():
    flux = np.exp(np.arange(18.0).reshape(6, 3) / 10)
    nights = nights_of(6)
    first = log_fluxes(fluxes(flux, nights=nights, star_ids=np.array([4, 9, 7])))
    backwards = fluxes(
        flux[::-1, ::-1], nights=nights[::-1], channel=[3, 2, 1], star_ids=np.array([7, 9, 4])
    )
    second = log_fluxes(backwards)
    assert first.star_ids.tolist() == second.star_ids.tolist() == [4, 7, 9]
    np.testing.assert_array_equal(first.value, second.value)
    assert (np.diff(second.mjd) > 0).all()

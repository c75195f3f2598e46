"""Checks against a simulation's truth: they pass when they should and fail when they should."""

from dataclasses import replace

import numpy as np
import pytest
from astropy import units as u
from astropy.table import QTable, vstack

from pipeline.schema import TABLES
from pipeline.statistics.checks import Check, recovery_table
from pipeline.statistics.fluxes import Fluxes
from pipeline.statistics.recovery import (
    affine_checks,
    drift_checks,
    flux_checks,
    no_drift_checks,
)
from pipeline.statistics.trends import regress
from pipeline.statistics.truth import recovery_of
from tests.statistics.factory import campaign, with_flux

N_EXPOSURES, N_STARS = 65, 20


def _campaign(
    drift: float, snr: float = 2000.0, seed: int = 1
) -> tuple[Fluxes, np.ndarray, np.ndarray]:
    """Measured fluxes, what the apertures held, and the responses that were put in."""
    rng = np.random.default_rng(seed)
    response = 1 + drift * rng.normal(size=(N_EXPOSURES, N_STARS))
    true = np.linspace(1e4, 2e4, N_STARS) * response
    err = true / snr
    fluxes = campaign(N_EXPOSURES, N_STARS, snr=snr)
    fluxes = replace(fluxes, flux_err=err)
    return with_flux(fluxes, true + err * rng.normal(size=true.shape)), true, response


def _by_name(checks: list[Check]) -> dict[str, Check]:
    return {check.quantity: check for check in checks}


def test_a_check_passes_within_its_tolerance_and_nan_never_does() -> None:
    assert Check("x", 1.04, 1.0, 0.05, "", "").passed
    assert not Check("x", 1.06, 1.0, 0.05, "", "").passed
    assert not Check("x", np.nan, 1.0, 0.05, "", "").passed
    table = recovery_table([Check("x", 1.0, 1.0, 0.1, "pix", "why")])
    assert table.colnames == [column.name for column in TABLES["recovery"]]
    assert table["passed"].tolist() == [True]


def test_the_difference_of_affines_is_largest_at_a_star_of_the_hull() -> None:
    """A scale error of 1e-3 about the origin moves the star at (60, 80) by 0.1 px."""
    star_xy = np.array([[0.0, 0.0], [60.0, 80.0], [30.0, 10.0]])
    true = np.array([[[1.0, 0, 0], [0, 1, 0]]] * 3)
    measured = true.copy()
    measured[1] = [[1.001, 0, 0], [0, 1.001, 0]]
    measured[2, 0, 2] = 0.05
    checks = _by_name(affine_checks(measured, true, star_xy))
    assert checks["affine, worst exposure"].measured == pytest.approx(0.1)
    assert checks["affine, median exposure"].measured == pytest.approx(0.05)


def test_an_exposure_without_affine_does_not_count() -> None:
    true = np.array([[[1.0, 0, 0], [0, 1, 0]]] * 2)
    measured = true.copy()
    measured[1] = np.nan
    checks = affine_checks(measured, true, np.array([[1.0, 2.0]]))
    assert [check.measured for check in checks] == [0, 0]
    nothing = affine_checks(measured[1:], true[1:], np.array([[1.0, 2.0]]))
    assert not any(check.passed for check in nothing)


def test_calibrated_fluxes_pass_every_check() -> None:
    fluxes, true, _ = _campaign(drift=0.03, snr=100)
    checks = _by_name(flux_checks(fluxes, true, true / 100))
    assert all(check.passed for check in checks.values()), checks
    assert checks["band flux, rms pull"].measured == pytest.approx(
        1 / np.hypot(1, 0.5), rel=4 / np.sqrt(2 * true.size)
    )  # flux_err is 1 %, the aperture's share 0.5 %


def test_a_bias_of_two_percent_is_found() -> None:
    fluxes, true, _ = _campaign(drift=0.03, snr=100)
    checks = _by_name(flux_checks(fluxes, true / 1.02, true / 100))
    assert checks["band flux, bias"].measured == pytest.approx(0.02, abs=0.002)
    assert not checks["band flux, bias"].passed
    assert not checks["band flux, mean pull"].passed


def test_errors_that_are_half_of_what_they_should_be_are_found() -> None:
    fluxes, true, _ = _campaign(drift=0.0, snr=50)
    checks = _by_name(flux_checks(replace(fluxes, flux_err=fluxes.flux_err / 2), true, true / 50))
    assert not checks["band flux, rms pull"].passed
    assert not checks["SNR, measured over true"].passed


def test_injected_drifts_are_recovered_in_pair_ratios() -> None:
    fluxes, true, response = _campaign(drift=0.03)
    checks = _by_name(drift_checks(fluxes, true, response))
    assert all(check.passed for check in checks.values()), checks
    assert checks["pair ratios, slope on channel drifts"].expected == pytest.approx(1)
    assert checks["pair ratios, correlation with channel drifts"].measured > 0.99


def test_drifts_that_are_measured_at_half_their_size_are_found() -> None:
    fluxes, true, response = _campaign(drift=0.03)
    halved = with_flux(fluxes, fluxes.flux / np.sqrt(response))
    checks = _by_name(drift_checks(halved, true, response))
    assert not checks["pair ratios, slope on what the apertures held"].passed
    assert not checks["pair ratios, slope on channel drifts"].passed


def test_flagged_fluxes_and_stars_do_not_enter() -> None:
    fluxes, true, response = _campaign(drift=0.03)
    flux = fluxes.flux.copy()
    flux[4, 3] *= 5
    flux[:, 7] *= np.linspace(1, 4, N_EXPOSURES)
    flags = np.where((np.arange(N_EXPOSURES)[:, None] == 4) & (np.arange(N_STARS) == 3), "gap", "")
    spoilt = replace(with_flux(fluxes, flux), flux_flags=flags)
    assert all(check.passed for check in drift_checks(spoilt, true, response, (8,)))
    assert not all(check.passed for check in drift_checks(spoilt, true, response))


def test_a_campaign_without_drift_shows_none_and_one_with_drift_does() -> None:
    steady, _, _ = _campaign(drift=0.0)
    slow = np.linspace(-0.1, 0.1, N_EXPOSURES)[:, np.newaxis] * np.linspace(-1, 1, N_STARS)
    drifting = with_flux(steady, steady.flux * (1 + slow))
    assert all(check.passed for check in no_drift_checks(steady))
    vignetted = steady.flux.copy()
    vignetted[7, 2] *= 0.3
    assert all(check.passed for check in no_drift_checks(with_flux(steady, vignetted)))
    assert not any(check.passed for check in no_drift_checks(drifting))


def test_the_slope_error_covers_when_pairs_share_their_exposures() -> None:
    """Errors common to all pairs of an exposure: 300 campaigns, 68 % within 1 error, 4 sigma
    11 %. An error that took pairs as independent would be five times too small."""
    rng = np.random.default_rng(6)
    inside = []
    for _ in range(300):
        true = rng.normal(size=(60, 1)) * np.ones((1, 25))
        measured = true + 0.5 * rng.normal(size=(60, 1))
        found = regress(measured, true)
        inside.append(abs(found.slope - 1) < found.slope_err)
    assert np.mean(inside) == pytest.approx(0.6827, abs=4 * np.sqrt(0.68 * 0.32 / 300))


def test_nothing_to_compare_fails_and_does_not_crash() -> None:
    fluxes, true, response = _campaign(drift=0.0)
    nothing = replace(fluxes, exposure_flags=np.full(N_EXPOSURES, "failed"))
    checks = [
        *flux_checks(nothing, true, true / 100),
        *drift_checks(nothing, true, response),
        *drift_checks(fluxes, true, response, tuple(range(1, N_STARS + 1))),
        *no_drift_checks(nothing),
    ]
    assert not any(check.passed for check in checks)


def _tables(fluxes: Fluxes, true: np.ndarray, response: np.ndarray) -> dict[str, QTable]:
    """Tables of a simulated campaign, truth in another order and with another radius."""
    ids, stars = fluxes.exposure_ids, fluxes.star_ids
    affine = {"a": 1.0, "b": 0.0, "c": 0.0, "d": 0.0, "e": 1.0, "f": 0.0}
    shift = np.arange(N_EXPOSURES) / 100
    measured = QTable(
        {"exposure_id": ids, **{k: np.full(N_EXPOSURES, v) for k, v in affine.items()}}
    )
    measured["c"] = (shift + 0.05) * u.pix
    truth = measured.copy()
    truth["c"] = shift * u.pix
    truth_fluxes = QTable(
        {
            "exposure_id": np.repeat(ids, N_STARS),
            "star_id": np.tile(stars, N_EXPOSURES),
            "band": np.full(true.size, "I_Bessel"),
            "radius_px": np.full(true.size, 4.5) * u.pix,
            "flux": true.ravel(),
            "flux_err": true.ravel() / 2000,
            "response": response.ravel(),
        }
    )
    other = truth_fluxes.copy()
    other["radius_px"] = 2.5 * u.pix
    other["flux"] = -1.0
    order = np.random.default_rng(1).permutation(true.size)
    return {
        "exposures": measured,
        "catalogue": QTable({"star_id": stars, "flags": ["edge"] + [""] * (N_STARS - 1)}),
        "truth_exposures": truth[::-1],
        "truth_fluxes": vstack([other, truth_fluxes[order]]),
    }


def test_tables_of_a_simulated_campaign_are_compared_by_exposure_and_star_not_by_row() -> None:
    fluxes, true, response = _campaign(drift=0.03)
    spoilt = fluxes.flux.copy()
    spoilt[:, 0] *= 3  # the flagged star
    table = recovery_of(with_flux(fluxes, spoilt), _tables(fluxes, true, response))
    failed = table["quantity"][~table["passed"]].tolist()
    assert failed == ["band flux, rms pull"]  # these apertures have no error of position
    assert table["measured"][0] == pytest.approx(0.05)
    assert len(table) == 10


def test_without_drift_in_the_truth_it_is_the_absence_that_is_checked() -> None:
    fluxes, true, response = _campaign(drift=0.0)
    response[5, 3] = 0.6  # vignetted: an event, not a drift
    table = recovery_of(fluxes, _tables(fluxes, true, response))
    assert [name for name in table["quantity"] if str(name).startswith("no drift")]
    assert not [name for name in table["quantity"] if str(name).startswith("pair ratios")]

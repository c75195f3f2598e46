"""Exposures reduced twice, and a change that was put in: what the fluxes say of both."""

from dataclasses import replace

import numpy as np
import pytest
from astropy.table import QTable

from pipeline.statistics import Fluxes
from pipeline.statistics.injection import injection_checks, injection_note
from pipeline.statistics.twins import compare_reductions, compared_note, twins

MJD = np.array([58553.1, 58553.1 + 0.4 / 86400, 58555.1])


def exposures(origin, mjd=MJD, mode="WFM-NOAO-N"):
    n = len(origin)
    return QTable(
        {
            "exposure_id": [f"E{k}" for k in range(n)],
            "mode": [mode] * n,
            "mjd_mid": mjd[:n],
            "origin": origin,
        },
    )


def fluxes(flux, err=0.01, channel=(12, 12, 13, 13)):
    flux = np.asarray(flux, float)
    return Fluxes.from_arrays(flux, err * np.abs(flux), mjd=MJD[: len(flux)], channel=channel)


def test_two_reductions_of_one_exposure_differ_by_a_scale_and_by_what_is_left():
    first = np.array([100.0, 200.0, 300.0, 400.0])
    left = np.array([0.0, 0.0, 0.01, -0.02])
    table = compare_reductions(
        fluxes([1.1 * first * np.exp(left), first]), exposures(["raw", "product"])
    )
    (row,) = table
    assert row["offset"] == pytest.approx(np.log(1.1))
    assert row["std"] == pytest.approx(np.sqrt(5e-4 / 3))
    assert row["expected_std"] == pytest.approx(0.01 * np.sqrt(2))
    assert row["worst_difference"] == pytest.approx(-0.02)
    assert (row["n_stars"], row["worst_star"]) == (4, 4)
    assert compared_note(table).startswith("Reduced here and by the observatory: 1 exposures; ")
    assert "differ by 1.3 %" in compared_note(table)


def test_a_flux_that_one_of_them_lacks_is_left_out():
    flux = np.array([[1.0, 2.0, np.nan, 4.0], [1.0, 2.0, 3.0, -4.0]])
    (row,) = compare_reductions(fluxes(flux), exposures(["raw", "product"]))
    assert (row["n_stars"], row["std"]) == (2, 0)


def test_with_one_star_nothing_is_said():
    flux = np.array([[1.0, np.nan, np.nan, np.nan], [1.0, 2.0, 3.0, 4.0]])
    assert len(compare_reductions(fluxes(flux), exposures(["raw", "product"]))) == 0


@pytest.mark.parametrize("origin", [["raw", "raw"], ["product", "product"], ["cube", "product"]])
def test_only_raw_frames_and_a_product_are_twins(origin):
    assert not twins(exposures(origin))


def test_other_times_and_modes_are_no_twins():
    assert twins(exposures(["raw", "cube", "product"])) == []
    apart = exposures(["raw", "product"])
    assert twins(apart) == [(0, 1)]
    apart["mode"] = ["WFM-NOAO-N", "WFM-AO-N"]
    assert twins(apart) == []


def truth(change, channel=13, n_channels=24):
    response = np.ones((2, n_channels))
    response[1, channel - 1] += change
    return QTable(
        {
            "exposure_id": np.repeat(["E0", "E1"], n_channels),
            "channel": np.tile(np.arange(1, n_channels + 1), 2),
            "response": response.ravel(),
        },
    )


def named(flux, **options):

    return replace(fluxes(flux, **options), exposure_ids=np.array(["E0", "E1"]))


def test_a_change_of_one_channel_is_found_exactly_without_noise():
    first = np.array([100.0, 200.0, 300.0, 400.0])
    second = 0.8 * first * [1, 1, 1.03, 1.03]  # and a thin cloud
    (check,) = injection_checks(named([first, second]), truth(0.03))
    assert (check.measured, check.expected) == (pytest.approx(3.0), pytest.approx(3.0))
    # 0.01 sqrt 2 a star, two stars a side: 0.01 sqrt 2, of a ratio of 1.03; four times that
    assert check.tolerance == pytest.approx(4 * 1.03 * np.sqrt(2))
    assert check.passed
    assert "channel 13 against the others, 2019-03-10 to 2019-03-10" in check.quantity
    assert "+3.00 %; the measurement says +3.00 ± 1.46 %: found" in injection_note(check)


def test_a_change_that_is_not_there_is_not_found():
    first = np.array([100.0, 200.0, 300.0, 400.0])
    (check,) = injection_checks(named([first, first], err=0.001), truth(0.03))
    assert (check.measured, check.passed) == (pytest.approx(0.0), False)
    assert injection_note(check).endswith("not found.")


def test_noise_moves_the_change_by_its_stated_error():
    rng = np.random.default_rng(5)
    first, pulls = np.full(4, 100.0), []
    for _ in range(400):
        flux = np.stack([first, first * [1, 1, 1.03, 1.03]]) * rng.normal(1, 0.001, (2, 4))
        (check,) = injection_checks(named(flux, err=0.001), truth(0.03))
        pulls.append((check.measured - check.expected) / (check.tolerance / 4))
    # the rms of 400 pulls scatters by 1 / sqrt 800 = 3.5 %
    assert np.std(pulls) == pytest.approx(1, abs=4 * 0.035)
    assert abs(np.mean(pulls)) < 4 / np.sqrt(400)


def test_without_a_change_or_with_one_exposure_there_is_nothing_to_find():
    flux = np.full((2, 4), 100.0)
    assert injection_checks(named(flux), truth(0.0)) == []
    assert injection_checks(named(flux), truth(0.03, channel=5)) == []  # no star is on it
    flagged = named(flux)
    flagged.exposure_flags[:] = ["", "failed"]
    assert injection_checks(flagged, truth(0.03)) == []

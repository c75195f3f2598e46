"""Residuals of stars and exposures: what both share cancels, what one of them did remains."""

import numpy as np
import pytest

from pipeline.statistics.residuals import log_residuals

STARS = np.array([1.0, 5.0, 30.0, 200.0, 7.0])
CLOUDS = np.array([1.0, 0.4, 0.9, 1.0, 0.7, 1.0, 0.99])


def test_clouds_and_brightness_cancel_exactly():
    assert log_residuals(CLOUDS[:, None] * STARS) == pytest.approx(np.zeros((7, 5)), abs=1e-12)


def test_one_star_in_one_exposure_stands_out_by_what_it_did_and_moves_no_other():
    flux = CLOUDS[:, None] * STARS
    flux[3, 1] *= np.exp(0.1)
    found = log_residuals(flux)
    expected = np.zeros_like(found)
    expected[3, 1] = 0.1
    assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("missing", [np.nan, 0.0, -3.0])
def test_a_missing_flux_stays_missing_and_moves_nothing(missing):
    flux = CLOUDS[:, None] * STARS
    flux[2, 2] = missing
    flux[5] = missing  # a whole exposure
    found = log_residuals(flux)
    gone = np.zeros(found.shape, bool)
    gone[2, 2] = gone[5] = True
    assert np.isnan(found[gone]).all()
    assert found[~gone] == pytest.approx(0.0, abs=1e-12)

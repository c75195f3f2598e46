"""Stars with close neighbours are searched for variation with errors that hold what neighbours do."""

import numpy as np
import pytest
from astropy.table import QTable
from scipy.stats import chi2

from pipeline.statistics.blended import LEVEL, with_blended_stars
from pipeline.statistics.detection_limits import p_constant
from pipeline.statistics.fluxes import Fluxes
from pipeline.statistics.light_curves import LightCurve, PrincipalAxes
from pipeline.statistics.variability import variability

N_EXPOSURES, N_STARS = 12, 30
PHOTON = 0.01
CHANGE = 0.04  # error of ln F of the last four: what is not known of the light of their neighbours
QUIET, VARIABLE, UNCOVERED, TWO_FLAGS = 26, 27, 28, 29  # columns


def curve(scores, variance):
    n = len(scores)
    axes = PrincipalAxes(np.full(n, variance), np.asarray(scores, float), np.eye(n))
    empty = np.zeros(n)
    return LightCurve(np.arange(n), empty, empty, empty, np.array([0]), np.ones(n, int), (axes,))


def test_the_probability_is_that_of_chi_squared_with_both_variances():
    scores = np.array([0.1, -0.2, 0.05])
    found = p_constant(curve(scores, 0.003), 0.08)
    assert found == pytest.approx(chi2.sf((scores**2).sum() / (0.003 + 0.08**2), 3), rel=1e-12)
    assert p_constant(curve(scores, 0.003), 0.0) == p_constant(curve(scores, 0.003))


def field(seed):
    """Fluxes of constant stars but one, and their catalogue: the last four have neighbours."""
    rng = np.random.default_rng(seed)
    logs = PHOTON * rng.standard_normal((N_EXPOSURES, N_STARS))
    logs[:, QUIET] += CHANGE * rng.standard_normal(N_EXPOSURES)
    logs[:, VARIABLE] += 0.2 * rng.standard_normal(N_EXPOSURES)
    flux = 1000 * np.exp(logs)
    flux[3:, UNCOVERED] = np.nan
    error = np.where(np.arange(N_STARS) >= 26, np.hypot(PHOTON, CHANGE), PHOTON)
    fluxes = Fluxes.from_arrays(
        flux, 1000 * error * np.ones(flux.shape), mjd=58000 + 5.0 * np.arange(N_EXPOSURES)
    )
    flags = np.full(N_STARS, "", object)
    flags[26:] = "blended"
    flags[TWO_FLAGS] = "edge blended"
    return fluxes, QTable({"star_id": fluxes.star_ids, "flags": flags.astype(str)})


def tables(seed):
    fluxes, catalogue = field(seed)
    flags = np.where(np.asarray(catalogue["flags"]) != "", "flagged star", "")
    clean = Fluxes(
        **{
            name: getattr(fluxes, name)
            for name in ("flux", "flux_err", "nights", "mjd", "star_ids", "channel_share")
        },
        flux_flags=np.broadcast_to(flags, fluxes.flux.shape),
    )
    before = variability(clean)
    return before, with_blended_stars(before, fluxes, catalogue)


def test_a_variable_star_with_neighbours_is_found_and_a_constant_one_is_not():
    before, found = tables(1)
    assert found["flag"][VARIABLE] == "variable"
    assert found["probability"][VARIABLE] < LEVEL
    assert found["std"][VARIABLE] == pytest.approx(0.2, rel=0.6)  # 11 degrees of freedom
    assert found["flag"][QUIET] == ""
    assert found["expected_std"][QUIET] > CHANGE
    for column in (UNCOVERED, TWO_FLAGS):
        assert np.isnan(found["probability"][column])
        assert found["flag"][column] == ""
    for name in before.colnames:  # the others are as they were
        np.testing.assert_array_equal(found[name][:26], before[name][:26])
    assert found["flag"].info.description == before["flag"].info.description


@pytest.mark.slow
def test_neighbours_that_do_what_they_can_are_seldom_called_variation():
    # p of a constant star whose neighbours do just what its errors say is uniform, or larger
    # where the instrument's variances were taken too high. Of 20 draws one is expected below 0.05,
    # four or more in 2 of 100 cases
    p = [float(tables(seed)[1]["probability"][QUIET]) for seed in range(100, 120)]
    assert min(p) > LEVEL
    assert np.mean(np.array(p) < 0.05) < 0.2


def test_without_blended_stars_the_table_is_as_it_was():
    fluxes, catalogue = field(2)
    catalogue["flags"] = np.where(np.asarray(catalogue["flags"]) == "blended", "edge", "")
    before = variability(fluxes)
    assert with_blended_stars(before, fluxes, catalogue) is before

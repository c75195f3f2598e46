"""What seeing, airmass and places in the field do to ratios: exact cases, then drawn campaigns."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.statistics import Fluxes, fit_stability
from pipeline.statistics.campaigns import CONFIGURATIONS, SCENARIOS, draw_campaign
from pipeline.statistics.conditions import (
    SIGNIFICANT_P,
    _component,
    conditions_table,
    significant,
    without_conditions,
)

FIRST_SEED = 3_700_000


def campaign(seed: int, *, star_std: float = 0.0, tilt_std: float = 0.0):
    """A campaign with night terms, a covariate, places, and effects of a known size."""
    drawn = draw_campaign(SCENARIOS["night"], CONFIGURATIONS["65x25"], FIRST_SEED + seed)
    rng = np.random.default_rng([FIRST_SEED, seed])
    seeing = 0.8 + 0.2 * rng.standard_normal(65)
    xy = rng.uniform(0, 300, (25, 2))
    own = star_std * rng.standard_normal(25)
    tilt = tilt_std * rng.standard_normal(65)
    x = (seeing - seeing.mean()) / seeing.std()
    place = (xy[:, 0] - xy[:, 0].mean()) / xy[:, 0].std()
    factor = np.exp(np.outer(x, own) + np.outer(tilt, place))
    fluxes = Fluxes.from_arrays(
        drawn.fluxes.flux * factor,
        drawn.fluxes.flux_err * factor,
        mjd=drawn.fluxes.mjd,
        channel=drawn.fluxes.channel,
    )
    return fluxes, seeing, xy, own


def test_a_variance_component_by_hand() -> None:
    # five values of variance 1 and load 1: s^2 = mean square - 1
    value = np.array([2.0, -2.0, 2.0, -2.0, 2.0])
    s2, low, high, p = _component(value, np.ones(5), np.eye(5))
    assert s2 == pytest.approx(3.0, rel=0.05)  # the grid's step
    # ln L falls by 1.92 where 2.5 (ln v + 4 / v) - 2.5 (ln 4 + 1) = 1.92, v = 1 + s^2
    assert low == pytest.approx(0.43, rel=0.06)
    assert high == pytest.approx(18.0, rel=0.06)
    assert p == pytest.approx(0.0012, rel=0.1)  # chi squared of 20 for 5


def test_values_no_larger_than_their_errors_have_no_component() -> None:
    s2, low, _, p = _component(np.full(6, 0.5), np.ones(6), np.eye(6))
    assert s2 == 0
    assert low == 0
    assert p > 0.9


def test_an_effect_of_seeing_is_found_and_taken_out_before_the_floor_is_fitted() -> None:
    fluxes, seeing, xy, own = campaign(1, star_std=0.012)
    found = without_conditions(fluxes, {"seeing": seeing}, xy)
    by_name = {one.condition: one for one in found.effects}
    assert found.removed == ("seeing",)
    # 25 stars tell a standard deviation to 14 %; the mean star's own effect is not in ratios
    true = np.sqrt(2) * own.std(ddof=1)
    assert by_name["seeing"].std == pytest.approx(true, rel=0.15)
    assert by_name["seeing"].low95 < true < by_name["seeing"].high95
    floor = SCENARIOS["night"].floor
    assert fit_stability(found.fluxes).floor == pytest.approx(floor, rel=0.12)  # 4 % is one sigma
    assert fit_stability(fluxes).floor > fit_stability(found.fluxes).floor * 1.05


def test_a_tilt_of_the_field_is_found_and_taken_out() -> None:
    fluxes, seeing, xy, _ = campaign(2, tilt_std=0.01)
    found = without_conditions(fluxes, {"seeing": seeing}, xy)
    assert "position x" in found.removed
    tilt = next(one for one in found.effects if one.condition == "position x")
    assert tilt.std == pytest.approx(np.sqrt(2) * 0.01, rel=0.3)  # three sigma of 65 numbers


def test_without_effects_nothing_is_taken_out_and_fluxes_are_the_same() -> None:
    fluxes, seeing, xy, _ = campaign(3)
    found = without_conditions(fluxes, {"seeing": seeing}, xy)
    assert found.removed == ()
    np.testing.assert_array_equal(found.fluxes.flux, fluxes.flux)
    table = conditions_table(found.effects)
    assert table["condition"].tolist() == ["seeing", "position x", "position y"]
    assert (np.asarray(table["p_adjusted"]) >= np.asarray(table["p"])).all()


@pytest.mark.slow
def test_false_alarms_are_as_many_as_the_level_says() -> None:
    p = []
    for seed in range(10, 22):
        fluxes, seeing, xy, _ = campaign(seed)
        p += [one.p for one in without_conditions(fluxes, {"seeing": seeing}, xy).effects]
    # 36 tests: more than 6 below 5 % has a probability of 0.2 %
    assert np.count_nonzero(np.array(p) < 0.05) <= 6


def test_what_is_not_known_or_never_changes_is_no_condition() -> None:
    fluxes, seeing, _, _ = campaign(4)
    unknown = np.where(np.arange(65) < 9, seeing, np.nan)  # ten are needed
    effects = without_conditions(
        fluxes, {"seeing": unknown, "airmass": np.ones(65)}, np.full((25, 2), np.nan)
    ).effects
    assert effects == ()


def test_unknown_values_count_as_the_mean_and_are_not_in_n() -> None:
    fluxes, seeing, _, _ = campaign(5, star_std=0.012)
    some = np.where(np.arange(65) % 5 == 0, np.nan, seeing)
    (effect,) = without_conditions(fluxes, {"seeing": some}).effects
    assert effect.n == 52
    assert effect.p < SIGNIFICANT_P
    assert np.abs(effect.pattern[::5]).max() == 0


def test_significance_is_family_wise() -> None:
    fluxes, seeing, xy, _ = campaign(6)
    effects = without_conditions(fluxes, {"seeing": seeing}, xy).effects
    near = tuple(replace(one, p=0.005) for one in effects)  # 0.015 after Holm over three
    assert significant(near) == ()
    assert significant(near[:1]) == ("seeing",)

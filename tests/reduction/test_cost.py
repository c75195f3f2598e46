"""Memory and time of calls: measured figures, and what follows from them."""

import math

import pytest

from pipeline.reduction import cost
from pipeline.reduction.plan import Call, Input
from pipeline.reduction.recipes import RECIPES

NARROW = (("lambdamax", "9350"), ("lambdamin", "6900"))
# Peak resident memory [MB] and CPU time [s] of single calls of muse 2.8.7 on simulated frames of full
# size, one thread (benchmarks/reduction): recipe, raw frames, channels, parameters
MEASURED = [
    ("muse_bias", 3, 1, (), 865, 10.6),
    ("muse_bias", 7, 1, (), 1636, 22.5),
    ("muse_bias", 11, 1, (), 2408, 30.1),
    ("muse_flat", 3, 1, (), 865, 16.5),
    ("muse_flat", 7, 1, (), 1636, 30.6),
    ("muse_flat", 11, 1, (), 2408, 47.9),
    ("muse_wavecal", 3, 1, (), 801, 8.9),
    ("muse_wavecal", 9, 1, (), 1187, 43.8),
    ("muse_wavecal", 15, 1, (), 1572, 64.1),
    ("muse_scibasic", 1, 1, (), 1349, 10.3),
    ("muse_standard", 1, 1, (), 742, 17.5),
    ("muse_standard", 2, 2, (), 1454, 46.4),
    ("muse_standard", 24, 24, (), 16_896, 474),
    ("muse_scipost", 1, 1, (), 1062, 38.7),
    ("muse_scipost", 2, 2, (), 2095, 87.5),
    ("muse_scipost", 2, 2, NARROW, 1084, 42.7),
    ("muse_scipost", 24, 24, (), 24_400, 995),
    ("muse_scipost", 24, 24, NARROW, 12_940, 501),
    ("muse_scipost_combine_pixtables", 2, 2, (), 1164, 4.8),
    ("muse_scipost_combine_pixtables", 24, 24, (), 10_406, 76),
    ("muse_scipost_make_cube", 1, 2, (), 1370, 30.2),
    ("muse_scipost_make_cube", 1, 2, (("lambdamax", "7500"), ("lambdamin", "7000")), 1020, 4),
    ("muse_scipost_make_cube", 1, 24, (), 15_618, 345),
    ("muse_twilight", 3, 24, (), 11_671, 604),
]


def _call(recipe, n_frames, n_channels, parameters=()):
    tag = RECIPES[recipe].raw[0]
    inputs = tuple(Input(tag, f"{number}") for number in range(n_frames))
    channel = 0 if n_channels > 1 else 1
    return Call(recipe, channel, (*inputs, Input("OTHER", "x")), parameters, n_channels)


@pytest.mark.parametrize("figures", MEASURED, ids=lambda f: f"{f[0]}-{f[1]}-{f[2]}")
def test_memory_is_predicted_within_a_quarter(figures):
    *call, measured_mb, _ = figures
    assert cost.memory_mb(_call(*call)) == pytest.approx(measured_mb, rel=0.25)


@pytest.mark.parametrize("figures", MEASURED, ids=lambda f: f"{f[0]}-{f[1]}-{f[2]}")
def test_a_time_limit_leaves_six_times_what_was_measured(figures):
    """And stays below an hour where a channel is done in a minute: an endless loop is found."""
    *call, _, cpu_s = figures
    recipe, n_frames, n_channels, parameters = call
    simple = (*parameters, ("skymethod", "simple"))
    limit = cost.time_limit_s(_call(recipe, n_frames, n_channels, simple))
    assert limit >= 6 * cpu_s
    assert cpu_s > 100 or limit < 3600


def test_a_modelled_sky_has_the_time_that_it_takes():
    """15 000 to 18 000 CPU s for a real exposure, with autocalibration; our limit was 14 400 s."""
    for parameters in ((), (("autocalib", "deepfield"), ("skymethod", "simple"))):
        assert cost.time_limit_s(_call("muse_scipost", 24, 24, parameters)) > 4 * 18_000


def test_a_slower_machine_has_more_time_and_a_faster_one_no_less():
    call = _call("muse_flat", 11, 1)
    limits = [cost.time_limit_s(call, slowness) for slowness in (0.5, 1.0, 3.0)]
    assert limits[0] == limits[1]
    assert limits[2] == pytest.approx(3 * limits[1])


def test_the_speed_of_the_machine_is_measured_once():
    first = cost.slowness()
    assert cost.slowness() == first
    assert 0.05 < first < 50


def test_every_recipe_has_a_model():
    assert set(cost.MEMORY_MB) == set(cost.CPU_S) == set(RECIPES)


def test_a_range_outside_of_the_cube_takes_nothing_but_what_is_loaded():
    outside = (("lambdamax", "4000"), ("lambdamin", "3000"))
    assert cost.memory_mb(_call("muse_scipost", 24, 24, outside)) < 100
    assert math.isclose(
        cost.memory_mb(_call("muse_scipost", 24, 24, (("lambdamin", "3000"),))), 24_510
    )

"""Paired comparisons of scatter: apertures, methods, modes and seasons."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.statistics import Fluxes
from pipeline.statistics.campaigns import CONFIGURATIONS, SCENARIOS, draw_campaign
from pipeline.statistics.comparisons import (
    Choice,
    exposure_choices,
    offsets_table,
    scatter_change,
    scatter_table,
)

FIRST_SEED = 3_800_000
ALL = np.ones(65, bool)


def campaign(seed: int = 0, scenario: str = "slow60") -> Fluxes:
    drawn = draw_campaign(SCENARIOS[scenario], CONFIGURATIONS["65x25"], FIRST_SEED + seed).fluxes
    modes = np.where(np.arange(65) % 2 == 0, "WFM-AO-N", "WFM-NOAO-N")
    return Fluxes.from_arrays(
        drawn.flux, drawn.flux_err, mjd=drawn.mjd, channel=drawn.channel, modes=modes
    )


def noisier(fluxes: Fluxes, factor: float) -> Fluxes:
    """The same with deviations about each star's and exposure's mean that are larger by a factor."""
    log = np.log(fluxes.flux)
    common = log.mean(axis=1, keepdims=True)
    about = log - common
    about = about - about.mean(axis=0)
    return replace(fluxes, flux=np.exp(log + (factor - 1) * about))


def test_deviations_a_fifth_larger_scatter_a_fifth_more() -> None:
    fluxes = campaign()
    one_mode = replace(fluxes, modes=np.full(65, "WFM-AO-N"))
    found = scatter_change(
        Choice("wide", noisier(one_mode, 1.2), ALL), Choice("narrow", one_mode, ALL)
    )
    assert found.ratio == pytest.approx(1.2, rel=0.02)  # the mean is over the bright stars only
    assert found.low95 <= found.ratio <= found.high95
    assert found.p < 1e-6
    assert (found.n_first, found.n_second) == (65, 65)


def test_ao_and_no_ao_do_not_differ_where_they_do_not() -> None:
    p = []
    for seed in range(1, 25):
        ((ao, no_ao), *_) = exposure_choices(campaign(seed))
        assert (ao.name, no_ao.name) == ("AO", "no AO")
        p.append(scatter_change(ao, no_ao).p)
    # 24 tests at 5 %: more than 5 has a probability of 0.2 %
    assert np.count_nonzero(np.array(p) < 0.05) <= 5


def test_few_stars_or_exposures_give_no_number() -> None:
    fluxes = campaign()
    few = np.arange(65) < 7
    found = scatter_change(Choice("a", fluxes, few), Choice("b", fluxes, ~few))
    assert np.isnan([found.ratio, found.low95, found.high95, found.p]).all()
    assert found.n_first == 7
    faint = replace(fluxes, flux_err=fluxes.flux / 10)
    assert np.isnan(scatter_change(Choice("a", faint, ALL), Choice("b", faint, ALL)).ratio)


def test_the_same_fluxes_twice_give_no_number() -> None:
    fluxes = campaign()
    assert np.isnan(scatter_change(Choice("a", fluxes, ALL), Choice("b", fluxes, ALL)).p)


def test_stars_on_one_channel_count_as_one() -> None:
    fluxes = campaign()
    one = replace(fluxes, channel=np.repeat([1, 2, 3], [9, 8, 8]))  # four channels are needed
    wide = noisier(one, 1.2)
    assert np.isnan(scatter_change(Choice("a", wide, ALL), Choice("b", one, ALL)).ratio)


def test_seasons_and_modes_are_compared_where_there_are_two() -> None:
    fluxes = campaign()
    names = [(first.name, second.name) for first, second in exposure_choices(fluxes)]
    assert names[0] == ("AO", "no AO")
    assert all(" to " in first for first, _ in names[1:])
    same = replace(fluxes, modes=np.full(65, "WFM-AO-N"))
    assert ("AO", "no AO") not in [(a.name, b.name) for a, b in exposure_choices(same)]


def test_the_table_is_family_wise_over_its_rows() -> None:
    fluxes = campaign()
    table = scatter_table(
        [
            (Choice("wide", noisier(fluxes, 1.2), ALL), Choice("narrow", fluxes, ALL)),
            *exposure_choices(fluxes),
        ]
    )
    p, adjusted = (np.asarray(table[name]) for name in ("p", "p_adjusted"))
    tested = np.isfinite(p)
    assert (adjusted[tested] >= p[tested]).all()
    assert adjusted[0] == pytest.approx(p[0] * tested.sum())  # the smallest of them


def test_an_offset_of_two_per_cent_with_ao_is_found() -> None:
    fluxes = campaign(scenario="none")
    ao = np.array(["-AO-" in mode for mode in fluxes.modes.tolist()])
    snr = np.median(fluxes.flux / fluxes.flux_err, axis=0)
    first, second = np.argsort(-snr)[:2]
    shifted = fluxes.flux.copy()
    shifted[ao, first] *= np.exp(0.02)
    pair = (int(fluxes.star_ids[first]), int(fluxes.star_ids[second]))
    table = offsets_table(replace(fluxes, flux=shifted), [pair])
    (row,) = table
    assert (row["first"], row["second"]) == ("AO", "no AO")
    assert row["difference"] == pytest.approx(0.02, abs=3 * row["err"])
    assert row["p_adjusted"] < 0.01

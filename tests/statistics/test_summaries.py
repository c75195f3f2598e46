"""All statistics of a campaign in one call, and its headline numbers."""

from dataclasses import replace

import numpy as np
import pytest
from astropy.table import QTable

from pipeline.published import read_record
from pipeline.schema import TABLES, make_table
from pipeline.statistics.fluxes import Fluxes
from pipeline.statistics.summaries import campaign_statistics, record_statistics
from tests.statistics.factory import campaign, with_flux

PAIRS = ((2, 22), (4, 6), (15, 2), (22, 4))


def tables_of(fluxes: Fluxes, flagged: dict[int, str], status: list[str]) -> dict[str, QTable]:
    n, n_stars = fluxes.flux.shape
    columns: dict[str, dict[str, np.ndarray]] = {}
    for name, rows in (("exposures", n), ("catalogue", n_stars)):
        fill = {"str": "", "bool": False, "i8": 0, "f8": np.nan}
        columns[name] = {c.name: np.full(rows, fill[c.dtype]) for c in TABLES[name]}
    columns["exposures"] |= {
        "exposure_id": fluxes.exposure_ids,
        "night": fluxes.nights,
        "mode": fluxes.modes,
        "status": np.array(status),
    }
    columns["catalogue"] |= {
        "star_id": fluxes.star_ids,
        "flags": np.array([flagged.get(star, "") for star in fluxes.star_ids.tolist()]),
    }
    return {name: make_table(name, values) for name, values in columns.items()}


@pytest.mark.slow
def test_the_record_has_its_headline_numbers_with_their_definitions() -> None:
    record = read_record()
    found = record_statistics(record.tables, PAIRS, record.reference_exposure)
    assert set(found.tables) == {
        *("exposures", "reanalysis", "differences"),
        *("record_pairs", "record_findings"),
        *("chain_fluxes", "prediction"),
        *("stability", "variability", "structure_function"),  # no channel is known of its stars
    }
    numbers = {number.key: number for number in found.numbers}
    assert len(numbers) == len(found.numbers)
    assert numbers["std_published.22-4"].value == pytest.approx(0.0266, abs=5e-5)
    assert numbers["std_published.22-4"].uncertainty < 0.005
    assert numbers["n_exposures.ok"].value == 65
    assert numbers["n_nights"].value == 39
    assert numbers["n_stars.flagged"].value == 3
    assert numbers["trend.4-6"].value == pytest.approx(-0.356, abs=0.001)
    assert "per exposure ρ = -0.38" in numbers["trend.4-6"].note
    assert "p = " not in numbers["trend.4-6"].note  # that takes nights as independent
    for number in found.numbers:
        assert number.formula, number.key
        assert number.source, number.key
        assert number.note, number.key
    assert not any(key.startswith("excess") for key in numbers)  # the record has no photon noise


def test_a_measured_campaign_has_all_tables_and_counts() -> None:
    fluxes = campaign(scatter=0.03, snr=2000)
    status = ["ok"] * 63 + ["excluded", "failed"]
    flags = np.array(["" if item == "ok" else item for item in status])
    fluxes = replace(fluxes, exposure_flags=flags)
    tables = tables_of(fluxes, {25: "edge", 14: "blended"}, status)
    found = campaign_statistics(fluxes, tables, PAIRS)
    assert set(found.tables) == {
        *("exposures", "pairs", "timelines", "reanalysis"),
        *("stability", "prediction", "correction", "variability", "channel_responses"),
        *("channel_tests", "step_power", "structure_function", "conditions"),
    }
    assert len(found.tables["pairs"]) == 300
    numbers = {number.key: number for number in found.numbers}
    counts = {key: int(n.value) for key, n in numbers.items() if key.startswith("n_")}
    assert counts == {
        "n_exposures.ok": 63,
        "n_exposures.excluded": 1,
        "n_exposures.failed": 1,
        "n_nights": 63,
        "n_stars": 25,
        "n_stars.flagged": 2,
    }
    expected = 0.03 * np.sqrt(2)
    assert numbers["excess_std.2-22"].value == pytest.approx(
        expected, abs=4 * numbers["excess_std.2-22"].uncertainty
    )
    assert numbers["excess_std.bright"].value == pytest.approx(expected, rel=0.1)
    assert "253 pairs" in numbers["excess_std.bright"].note  # 23 unflagged stars
    assert "23 stars on" in numbers["stability_floor"].note


def test_headline_and_pairs_table_agree_on_the_robust_scatter() -> None:
    fluxes = campaign(scatter=0.03)
    found = campaign_statistics(fluxes, tables_of(fluxes, {}, ["ok"] * 65), PAIRS)
    table = found.tables["pairs"]
    row = table[(table["star_1"] == 15) & (table["star_2"] == 2)][0]
    numbers = {number.key: number for number in found.numbers}
    assert numbers["std_robust.15-2"].value == pytest.approx(row["std_robust"], rel=1e-9)
    assert numbers["std_published.15-2"].value == pytest.approx(row["std_published"], rel=1e-9)


@pytest.mark.slow
def test_flagged_points_do_not_enter_the_subsets() -> None:
    fluxes = campaign(scatter=0.03)
    flux = fluxes.flux.copy()
    flux[3, 1] *= 1.2  # star 2
    flags = np.full(flux.shape, "", dtype="<U4")
    flags[3, 1] = "edge"
    fluxes = replace(with_flux(fluxes, flux), flux_flags=flags)
    found = campaign_statistics(fluxes, tables_of(fluxes, {}, ["ok"] * 65), PAIRS)
    table = found.tables["reanalysis"]
    row = table[(table["star_1"] == 2) & (table["subset"] == "all")][0]
    assert row["n"] == 64


def test_pairs_with_unknown_stars_are_left_out_of_the_headlines() -> None:
    fluxes = campaign(n_stars=5, scatter=0.03)
    found = campaign_statistics(fluxes, tables_of(fluxes, {}, ["ok"] * 65), ((2, 4), (2, 22)))
    keys = {number.key for number in found.numbers}
    assert "std_published.2-4" in keys
    assert "std_published.2-22" not in keys


@pytest.mark.parametrize("n", [0, 1, 2])
def test_hardly_any_exposure_gives_missing_numbers_and_no_crash(n: int) -> None:
    fluxes = campaign(n_exposures=n, n_stars=5)
    found = campaign_statistics(fluxes, tables_of(fluxes, {}, ["ok"] * n), ((1, 2),))
    numbers = {number.key: number for number in found.numbers}
    assert numbers["n_exposures.ok"].value == n
    assert "stability_floor" not in numbers


def test_a_campaign_of_other_stars_has_no_headline_pairs_but_all_else() -> None:
    fluxes = campaign(n_exposures=8, n_stars=5, scatter=0.03)
    found = campaign_statistics(fluxes, tables_of(fluxes, {}, ["ok"] * 8), ((77, 78),))
    assert len(found.tables["reanalysis"]) == 0
    assert found.tables["reanalysis"].colnames == [c.name for c in TABLES["reanalysis"]]
    assert len(found.tables["pairs"]) == 10
    assert "excess_std.bright" in {number.key for number in found.numbers}


def test_a_campaign_of_one_star_gives_emptytables_of() -> None:
    fluxes = campaign(n_exposures=3, n_stars=1)
    found = campaign_statistics(fluxes, tables_of(fluxes, {1: "edge"}, ["ok"] * 3), PAIRS)
    assert len(found.tables["pairs"]) == 0
    assert "stability" not in found.tables


@pytest.mark.slow
def test_one_outlying_exposure_does_not_decide_the_headline_excess() -> None:
    fluxes = campaign(scatter=0.03, snr=2000)
    flux = fluxes.flux.copy()
    flux[11, 21] *= 4  # star 22 in one exposure
    spoilt = with_flux(fluxes, flux)
    found = campaign_statistics(spoilt, tables_of(spoilt, {}, ["ok"] * 65), PAIRS)
    numbers = {number.key: number for number in found.numbers}
    assert numbers["excess_std.2-22"].value == pytest.approx(0.03 * np.sqrt(2), rel=0.4)
    table = found.tables["pairs"]
    row = table[(table["star_1"] == 2) & (table["star_2"] == 22)][0]
    assert row["n"] == 64  # the bad exposure is in no statistic of ours
    assert row["excess_std"] == pytest.approx(0.03 * np.sqrt(2), rel=0.4)
    probability = found.tables["exposures"]["bad_probability"]
    assert np.flatnonzero(np.asarray(probability) > 0.5).tolist() == [11]


def test_exposures_that_are_too_noisy_for_the_floor_are_named() -> None:
    fluxes = campaign(scatter=0.03, snr=60)
    err = fluxes.flux_err.copy()
    err[7] *= 4  # of all stars
    fluxes = replace(fluxes, flux_err=err)
    found = campaign_statistics(fluxes, tables_of(fluxes, {}, ["ok"] * 65), PAIRS)
    (note,) = found.notes
    assert note.startswith(
        "The fit of the floor leaves out 1 exposure in which half of the stars have"
    )
    assert f"{fluxes.nights[7]} {fluxes.modes[7]}" in note
    assert found.tables["stability"]["n"][0] == 64


def test_without_noisy_exposures_there_is_no_note() -> None:
    fluxes = campaign(scatter=0.03, snr=60)
    assert campaign_statistics(fluxes, tables_of(fluxes, {}, ["ok"] * 65), PAIRS).notes == ()

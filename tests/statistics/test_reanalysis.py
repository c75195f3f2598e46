"""The record of 2021 analysed again: the study's numbers, and where its text differs.

Numbers here were computed once, independently, with plain numpy and scipy from the digitised
points; the tolerance is that of reading the figure unless said otherwise.
"""

import numpy as np
import pytest
from astropy.table import QTable
from scipy.stats import spearmanr

from pipeline.published import Record, read_record
from pipeline.schema import TABLES
from pipeline.statistics.consistency import (
    affine_between,
    derived_scatter,
    fluxes_in,
    log_fluxes,
    name_candidates,
    points_of,
)
from pipeline.statistics.differences import floor_of_record
from pipeline.statistics.floor import fit_floor
from pipeline.statistics.reanalysis import reanalyse, series_of_record
from pipeline.statistics.subsets import Series, outliers

PAIRS = ((2, 22), (4, 6), (15, 2), (22, 4))


@pytest.fixture(scope="module")
def record() -> Record:
    return read_record()


@pytest.fixture(scope="module")
def series(record: Record) -> Series:
    return series_of_record(record.tables)


@pytest.fixture(scope="module")
def found(record: Record) -> dict[str, QTable]:
    floor = floor_of_record(record.tables["snr_scatter"], record.tables["catalogue"])
    subsets, rows = reanalyse(record.tables, floor, record.reference_exposure, n_bootstrap=200)
    return {"reanalysis": subsets.table, "differences": rows}


def _row(table: QTable, pair: tuple[int, int], subset: str) -> QTable.Row:
    chosen = (table["star_1"] == pair[0]) & (table["star_2"] == pair[1])
    return table[chosen & (table["subset"] == subset)][0]


def _difference(found: dict[str, QTable], key: str) -> QTable.Row:
    table = found["differences"]
    return table[table["key"] == key][0]


@pytest.mark.parametrize(
    ("pair", "std", "without"),
    [
        ((2, 22), 0.0483, 0.0505),
        ((4, 6), 0.0366, 0.0387),
        ((15, 2), 0.0353, 0.0387),
        ((22, 4), 0.0266, 0.0296),
    ],
)
def test_the_standard_deviations_of_the_study_are_reproduced(
    found: dict[str, QTable], pair: tuple[int, int], std: float, without: float
) -> None:
    row = _row(found["reanalysis"], pair, "all")
    assert row["n"] == 65
    assert row["n_nights"] == 39
    assert row["std_published"] == pytest.approx(std, abs=5e-5 + 1e-6)
    assert 4e-5 < row["reading_err"] < 6e-5
    clean = _row(found["reanalysis"], pair, "without outliers")
    assert clean["n"] == 64
    assert clean["std"] * np.sqrt(63 / 64) == pytest.approx(without, abs=5e-5 + 1e-6)


def test_the_study_written_out_plainly_gives_the_same(
    record: Record, found: dict[str, QTable]
) -> None:
    table = record.tables["timelines"]
    for pair in PAIRS:
        chosen = (table["star_1"] == pair[0]) & (table["star_2"] == pair[1])
        ratios = 1 + np.asarray(table["deviation"])[chosen]
        final = np.sort((ratios - np.mean(ratios)) / np.mean(ratios))
        row = _row(found["reanalysis"], pair, "all")
        assert row["std_published"] == pytest.approx(np.std(final[1:-1]), rel=1e-12)


def test_spearman_of_4_6_per_point_and_per_night(record: Record, found: dict[str, QTable]) -> None:
    row = _row(found["reanalysis"], (4, 6), "all")
    assert row["spearman_rho"] == pytest.approx(-0.379, abs=5e-4)
    assert row["spearman_p"] == pytest.approx(0.0019, abs=5e-5)
    assert row["spearman_rho_nights"] == pytest.approx(-0.36, abs=0.01)
    assert row["spearman_p_nights"] == pytest.approx(0.026, abs=0.001)
    table = record.tables["timelines"]
    chosen = (table["star_1"] == 4) & (table["star_2"] == 6)
    days = np.asarray(table["night"][chosen], dtype="datetime64[D]").astype(int)
    expected = spearmanr(days, np.asarray(table["deviation"])[chosen])
    assert row["spearman_rho"] == pytest.approx(expected.statistic, rel=1e-9)
    assert row["spearman_p"] == pytest.approx(expected.pvalue, rel=1e-9)


def test_modes_and_seasons_divide_the_points_without_outliers(found: dict[str, QTable]) -> None:
    table = found["reanalysis"][found["reanalysis"]["star_1"] == 4]
    names = [str(name) for name in table["subset"]]
    modes = sum(row["n"] for row in table if str(row["subset"]).startswith("mode"))
    seasons = sum(row["n"] for row in table if str(row["subset"]).startswith("season"))
    assert modes == seasons == 64
    assert sum(name.startswith("mode") for name in names) == 4
    assert sum(name.startswith("season") for name in names) == 4
    assert "season 2019-04-05 to 2019-05-20" in names


def test_only_one_exposure_is_an_outlier(series: Series) -> None:
    assert series.exposure_ids[outliers(series.deviation)].tolist() == [
        "LTT3218.2019-04-27.WFM-NOAO-N"
    ]


def test_the_outlier_displaces_22_4_by_minus_eight_percent(found: dict[str, QTable]) -> None:
    assert _row(found["reanalysis"], (22, 4), "without outliers")["mean_shift"] == pytest.approx(
        -0.0825, abs=2e-4
    )
    assert _difference(found, "normalisation.22-4")["value_data"] == pytest.approx(
        -0.0825, abs=2e-4
    )
    assert _difference(found, "normalisation.15-2")["agrees"]


def test_the_text_attaches_all_four_values_to_the_wrong_pairs(found: dict[str, QTable]) -> None:
    rows = [_difference(found, f"std.{a}-{b}") for a, b in PAIRS]
    assert not any(row["agrees"] for row in rows)
    in_order_of_panels = [round(float(row["value_data"]), 2) for row in rows]
    assert in_order_of_panels == [0.05, 0.04, 0.04, 0.03]  # as the text lists them
    by_text = {str(row["key"]): float(row["value_published"]) for row in rows}
    assert by_text == {"std.2-22": 0.04, "std.4-6": 0.05, "std.15-2": 0.03, "std.22-4": 0.04}


def test_the_trend_of_the_text_differs_and_its_numbers_come_from_all_points(
    found: dict[str, QTable],
) -> None:
    row = _difference(found, "spearman.4-6")
    assert not row["agrees"]
    assert row["value_published"] == 0.125
    assert "64 to 67 points" in row["data"]


def test_the_outlier_shows_one_flux_for_stars_that_differ_by_a_factor_of_twenty(
    record: Record, series: Series
) -> None:
    """Levels are read to a few per cent; equal within 15 % is what empty apertures would show."""
    levels = {6: 27.3, 22: 2.046, 15: 1.206}
    far = int(np.flatnonzero(outliers(series.deviation))[0])
    reference = series.exposure_ids.tolist().index(record.reference_exposure)
    flux = fluxes_in(series, far, reference, levels, 15)
    assert max(flux.values()) / min(flux.values()) < 1.15
    other = fluxes_in(series, 0, reference, levels, 15)
    assert other[6] == pytest.approx(27.3 / 1.206, rel=0.2)


def test_both_figures_of_the_study_agree_on_the_scatter_of_ten_pairs(
    record: Record, series: Series
) -> None:
    """Six of them are products of timelines. The scatter figure is read to 0.0005; 3 sigma."""
    found = derived_scatter(series, record.tables["snr_scatter"])
    assert len(found.pairs) == 10
    np.testing.assert_allclose(found.derived, found.read, atol=3 * 0.0005)


def test_a_chain_of_pairs_ties_all_of_its_stars_together(series: Series) -> None:
    log_flux = log_fluxes(series)
    assert sorted(log_flux) == [2, 4, 6, 15, 22]
    for column, (one, two) in enumerate(series.pairs):
        np.testing.assert_allclose(
            log_flux[one] - log_flux[two], np.log1p(series.deviation[:, column]), atol=1e-12
        )


def test_every_point_of_the_scatter_figure_can_be_one_pair(record: Record) -> None:
    one, two = name_candidates(record.tables["snr_scatter"], seed=1)
    pairs = set(zip(one.tolist(), two.tolist(), strict=True))
    assert pairs == {(i, j) for i in range(1, 25) for j in range(i + 1, 25)}


def test_the_transformation_of_the_record_moves_by_an_arcsecond(record: Record) -> None:
    table = record.tables["coordtrafo"]
    found = affine_between(points_of(table, "reference"), points_of(table, "detected"))
    assert found.shift_px * 0.2 == pytest.approx(0.98, abs=0.02)
    np.testing.assert_allclose(found.matrix[:, :2], np.eye(2), atol=0.01)
    assert found.rms_px == pytest.approx(0.559, abs=0.001)


def test_every_difference_has_words_a_number_and_a_verdict(found: dict[str, QTable]) -> None:
    table = found["differences"]
    assert table.colnames == [column.name for column in TABLES["differences"]]
    assert len(set(table["key"].tolist())) == len(table) == 17
    for row in table:
        assert all(str(row[name]).strip() for name in ("subject", "published", "data", "matters"))
        assert np.isfinite(row["value_data"])
        assert "nan" not in str(row["data"])


def test_the_same_record_gives_the_same_bytes(record: Record, found: dict[str, QTable]) -> None:
    floor = floor_of_record(record.tables["snr_scatter"], record.tables["catalogue"])
    subsets, rows = reanalyse(record.tables, floor, record.reference_exposure, n_bootstrap=200)
    again = {"reanalysis": subsets.table, "differences": rows}
    for name, table in found.items():
        assert [list(row) for row in again[name].as_array().tolist()].__repr__() == [
            list(row) for row in table.as_array().tolist()
        ].__repr__()


def test_which_candidate_a_point_is_moves_the_floor_by_less_than_its_error(record: Record) -> None:
    scatter = record.tables["snr_scatter"]
    snr, std = np.asarray(scatter["snr_gmean"]), np.asarray(scatter["std"])
    floors, errors = [], []
    for seed in range(5):
        one, two = name_candidates(scatter, seed)
        good = ~(np.isin(one, (14, 15)) | np.isin(two, (14, 15)))
        found = fit_floor(snr[good], std[good], one[good], two[good], n_bootstrap=60)
        floors.append(found.floor)
        errors.append(found.floor_err)
    assert np.ptp(floors) < np.median(errors)
    assert np.mean(floors) == pytest.approx(0.074, abs=0.004)

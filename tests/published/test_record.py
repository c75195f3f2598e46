"""The record of 2021: complete, consistent, and refused when damaged."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from astropy.table import QTable

from pipeline.muse.modes import WIDE_MODES
from pipeline.published import Record, RecordDamaged, exposure_id, read_record
from pipeline.published.files import DATA
from pipeline.schema import columns_of, radius_of


@pytest.fixture(scope="module")
def record() -> Record:
    return read_record()


def _damaged(tmp_path: Path, name: str, old: str, new: str) -> Path:
    folder = tmp_path / "data"
    shutil.copytree(DATA, folder)
    text = (folder / name).read_text(encoding="utf-8")
    assert text.count(old) >= 1, "the damage would not do anything"
    (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", sorted(read_record().tables))
def test_every_table_has_the_columns_units_and_descriptions_of_the_schema(
    record: Record, name: str
) -> None:
    table = record.tables[name]
    expected = columns_of(name, table.colnames)
    assert table.colnames == list(expected)
    for key, column in expected.items():
        assert str(table[key].unit or "") == column.unit
        words = {**table.meta, "radius": table.meta.get("radius", radius_of(key))}
        assert table[key].info.description == column.description.format(**words)


@pytest.mark.parametrize("name", sorted(read_record().tables))
def test_every_table_survives_ecsv_and_fits(record: Record, name: str, tmp_path: Path) -> None:
    for suffix in ("ecsv", "fits"):
        path = tmp_path / f"{name}.{suffix}"
        record.tables[name].write(path)
        assert len(QTable.read(path)) == len(record.tables[name])


def test_the_record_holds_65_exposures_in_39_nights_and_four_modes(record: Record) -> None:
    exposures = record.tables["exposures"]
    assert len(exposures) == 65
    assert len(set(exposures["night"].tolist())) == 39
    assert set(exposures["mode"].tolist()) == set(WIDE_MODES)
    assert len(set(exposures["exposure_id"].tolist())) == 65
    assert record.reference_exposure == "LTT3218.2019-03-10.WFM-AO-N"
    assert record.reference_exposure in exposures["exposure_id"].tolist()
    assert not exposures["simulated"].any()


def test_what_the_record_does_not_tell_is_missing_and_not_zero(record: Record) -> None:
    exposures = record.tables["exposures"]
    assert np.isnan(exposures["mjd_mid"].value).all()
    assert np.ma.count_masked(exposures["n_detected"]) == 63
    assert np.isnan(record.tables["timelines"]["deviation_err"]).all()
    assert np.isnan(record.tables["catalogue"]["flux"]).all()
    assert (record.tables["catalogue"]["channel"] > 0).sum() == 2  # stars 4 and 6, from the text


def test_detections_are_known_for_the_reference_and_the_exposure_of_the_offset_figure(
    record: Record,
) -> None:
    exposures = record.tables["exposures"]
    counts = {
        str(row["exposure_id"]): (int(row["n_detected"]), int(row["n_matched"]))
        for row in exposures[~exposures["n_detected"].mask]
    }
    assert counts == {
        exposure_id("2019-03-10", "WFM-AO-N"): (25, 25),
        exposure_id("2019-05-08", "WFM-AO-N"): (29, 25),
    }
    airmass = exposures["airmass"][exposures["exposure_id"] == record.reference_exposure]
    assert airmass[0] == 1.0145


def test_each_exposure_has_one_point_in_each_of_the_four_timelines(record: Record) -> None:
    timelines = record.tables["timelines"]
    assert len(timelines) == 260
    for pair in ((2, 22), (4, 6), (15, 2), (22, 4)):
        chosen = (timelines["star_1"] == pair[0]) & (timelines["star_2"] == pair[1])
        ids = timelines["exposure_id"][chosen].tolist()
        assert ids == record.tables["exposures"]["exposure_id"].tolist()


def test_only_the_outlier_of_27_april_is_implied_and_flagged(record: Record) -> None:
    timelines = record.tables["timelines"]
    flagged = timelines[np.asarray(timelines["flag"]) != ""]
    assert len(flagged) == 3
    assert set(flagged["exposure_id"].tolist()) == {exposure_id("2019-04-27", "WFM-NOAO-N")}
    assert max(flagged["deviation"]) == pytest.approx(5.279)


def test_the_points_of_a_panel_sum_to_zero_within_their_reading_errors(record: Record) -> None:
    """The study divides by the mean of all 65 ratios.

    Rounding to whole pixels: 0.00042 per point, sqrt(65) of it in the sum, 4 sigma. Where a value
    is implied this holds by construction; the panel 15/2 has none, so it is a test of the reading.
    """
    timelines = record.tables["timelines"]
    for pair in ((2, 22), (4, 6), (15, 2), (22, 4)):
        chosen = (timelines["star_1"] == pair[0]) & (timelines["star_2"] == pair[1])
        assert abs(np.sum(timelines["deviation"][chosen])) < 4 * 0.00042 * np.sqrt(65)


def test_the_star_registry_keeps_its_name_and_columns() -> None:
    registry = QTable.read(DATA / "reference_positions.ecsv")
    assert {"id", "x", "y", "err"} <= set(registry.colnames)
    assert registry["id"].tolist() == list(range(1, 26))


def test_the_snr_table_and_the_scatter_figure_agree_on_the_snr_of_known_pairs(
    record: Record,
) -> None:
    """A marker sits on a whole pixel: half a pixel is 0.45 % of the SNR."""
    snr = dict(
        zip(record.tables["snr"]["star_id"].tolist(), record.tables["snr"]["r4.5"], strict=True)
    )
    points = record.tables["snr_scatter"]
    known = points[np.asarray(points["star_1"]) > 0]
    assert len(known) > 90
    for row in known:
        expected = np.sqrt(snr[int(row["star_1"])] * snr[int(row["star_2"])])
        assert row["snr_gmean"] == pytest.approx(expected, rel=0.006)


def test_the_edge_star_and_close_neighbours_are_flagged(record: Record) -> None:
    catalogue = record.tables["catalogue"]
    flags = dict(zip(catalogue["star_id"].tolist(), catalogue["flags"].tolist(), strict=True))
    assert {star: flag for star, flag in flags.items() if flag} == {
        14: "blended",
        15: "blended",
        25: "edge",
    }


def test_the_availability_table_masks_what_was_not_observed(record: Record) -> None:
    table = record.tables["availability"]
    assert len(table) == 46
    assert np.ma.is_masked(table["wfm_noao_e"][0])
    assert table["wfm_noao_n"][0] == "SCI"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    shutil.copytree(DATA, tmp_path / "data")
    (tmp_path / "data" / "snr.ecsv").unlink()
    with pytest.raises(RecordDamaged, match=r"snr\.ecsv: cannot be read"):
        read_record(tmp_path / "data")


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("snr.ecsv", "# %ECSV", "# %NOPE", "not a valid ECSV"),
        ("timelines.ecsv", "2019-01-09 WFM-NOAO-N 2 22", "2019-01-08 WFM-NOAO-N 2 22", "differ"),
        ("timelines.ecsv", "\n2019-01-09 WFM-NOAO-N 4 6", "\n2019-01-09 WFM-NOAO-N 4 7", "pairs"),
        ("timelines.ecsv", "-0.08029 0.00042", "nan 0.00042", "value must be finite"),
        ("timelines.ecsv", "-0.08029", "-0.98029", "at least"),
        ("reference_positions.ecsv", "\n2 143.07 30.1", "\n2 143.07 10.1", "y must increase"),
        ("reference_positions.ecsv", "\n25 ", "\n26 ", "ids must be 1 to 25"),
        ("snr.ecsv", "\n25 670.5341237825304", "\n25 nan", "finite"),
        ("snr_scatter.ecsv", " 3-21 3-21 ", " 3-21 3-22 ", "not a candidate"),
        ("coordtrafo.ecsv", "detected 0 2.98", "detected 1 2.98", "ids must be 1 to 25"),
        ("spectrum_levels.ecsv", "\n25 1.5 ", "\n25 3.5 ", "must rise"),
        ("availability_2018.ecsv", "2018-01-04 SCI", "2018-01-04 MAYBE", "SCI, NOSCI or empty"),
        ("availability_2018.ecsv", "2018-01-04", "2018-01-03", "dates must increase"),
        ("claims.ecsv", "\nstd.4-6 0.05", "\nstd.22-4 0.05", "keys must be unique"),
        ("claims.ecsv", "{name: value,", "{name: number,", "not a valid ECSV|no column"),
    ],
)
def test_a_damaged_file_is_refused_with_its_name_and_the_reason(
    tmp_path: Path, name: str, old: str, new: str, message: str
) -> None:
    folder = _damaged(tmp_path, name, old, new)
    with pytest.raises(RecordDamaged, match=message) as caught:
        read_record(folder)
    assert name in str(caught.value)


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    shutil.copytree(DATA, tmp_path / "data")
    path = tmp_path / "data" / "timelines.ecsv"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:-10]), encoding="utf-8")
    with pytest.raises(RecordDamaged, match="250 rows, 260 expected"):
        read_record(tmp_path / "data")

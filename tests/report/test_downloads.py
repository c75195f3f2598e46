"""What can be downloaded, read back as a reader would."""

import dataclasses
import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits, votable
from astropy.table import QTable

from pipeline.config.paths import ROOT
from pipeline.report.downloads.ecsv_files import ecsv_files
from pipeline.report.downloads.files import LARGE_CELLS, write_tables
from pipeline.report.downloads.report_file import REPORT_SCHEMA
from pipeline.report.downloads.spectra_file import (
    SIGMA_BITS,
    STEP_SIGMA,
    keep_bits,
    spectra_file,
    to_steps,
)
from pipeline.report.downloads.table_formats import LARGE_DIGITS, ecsv, table_hdu
from pipeline.report.rows import readable
from pipeline.schema.results import ReportedValue, Results
from tests.report import factory


def read(file: Path) -> QTable:
    """The table as a reader gets it: one call and no word on its format."""
    return QTable.read(file)


def values(column: object) -> np.ndarray:
    """A column's values; what is masked as "", 0 or NaN."""
    bare: Any = getattr(column, "value", column)
    kind = np.asarray(bare).dtype.kind
    empty = {"U": "", "S": b"", "f": np.nan}.get(kind, 0)
    return np.asarray(bare.filled(empty) if hasattr(bare, "filled") else bare)


def equal(one: object, two: object) -> bool:
    a, b = values(one), values(two)
    if a.dtype.kind == "f":
        return np.allclose(a, b, rtol=0.6 * 10.0 ** (1 - LARGE_DIGITS), atol=0, equal_nan=True)
    if b.dtype.kind == "S":
        b = np.char.decode(b, "ascii")
    return np.array_equal(a.astype(str), b.astype(str))


@pytest.mark.parametrize("which", [0, 1])
def test_every_table_comes_back_from_every_format(
    docs: Path, campaigns: list[Results], which: int
) -> None:
    results = readable(campaigns[which])
    for name, table in results.tables.items():
        files = sorted((docs / "data" / results.name).glob(f"{name}.*"))
        suffixes = {file.name.removeprefix(f"{name}.") for file in files}
        small = len(table) * len(table.colnames) < LARGE_CELLS
        assert suffixes == ({"ecsv", "fits.gz", "vot.gz"} if small else {"ecsv", "fits.gz"}), name
        for file in files:
            back = read(file)
            assert back.colnames == table.colnames
            for key in table.colnames:
                assert equal(table[key], back[key]), (file.name, key)
                unit = getattr(table[key], "unit", None)
                if unit is not None:
                    assert back[key].unit == unit


def test_ecsv_and_votable_keep_description_and_ucd(docs: Path) -> None:
    for name in ("catalogue.ecsv", "catalogue.vot.gz"):
        table = read(docs / "data" / "demo-simulated" / name)
        assert table["x"].info.description.startswith("position in the reference exposure")
        assert table["x"].info.meta["ucd"] == "pos.cartesian.x;instr.det"


@pytest.mark.slow
def test_every_table_opens_by_its_name_alone_in_a_fresh_process(docs: Path) -> None:
    files = [
        str(file)
        for file in sorted((docs / "data").rglob("*"))
        if file.name.endswith((".ecsv", ".fits.gz", ".vot.gz"))
    ]
    assert len(files) > 50
    code = "import sys; from astropy.table import Table; [Table.read(f) for f in sys.argv[1:]]"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-W", "error", "-c", code, *files], check=True, env=environment)


def test_a_large_table_is_text_in_files_by_year_and_a_large_year_in_parts() -> None:
    results = factory.campaign()
    nights = np.array(["2018-12-31", "2019-01-01", "2019-06-01", "2019-06-02"])
    exposures = factory.fill("exposures", 4, exposure_id=list("abcd"), night=nights)
    results = dataclasses.replace(results, tables={"exposures": exposures})
    table = factory.fill("detections", 4, exposure_id=list("abcd"), star_id=[1, 2, 3, 4])
    assert [name for name, _ in ecsv_files(table, results)] == [".ecsv"]
    years = ecsv_files(table, results, largest=len(ecsv(table[:3])))
    assert [name for name, _ in years] == ["-2018.ecsv", "-2019.ecsv"]
    parts = ecsv_files(table, results, largest=len(ecsv(table[:2])))
    assert [name for name, _ in parts] == [
        "-2018.ecsv",
        *(f"-2019-part{number}.ecsv" for number in (1, 2, 3)),
    ]
    for files in (years, parts):
        back = [QTable.read(content.decode(), format="ascii.ecsv") for _, content in files]
        assert [star for one in back for star in one["star_id"].tolist()] == [1, 2, 3, 4]


def test_fits_keeps_unit_description_and_ucd(docs: Path) -> None:
    with fits.open(docs / "data" / "demo-simulated" / "catalogue.fits.gz") as hdus:
        header = hdus[1].header
        number = hdus[1].columns.names.index("x") + 1
    assert header[f"TUNIT{number}"] == "pix"
    assert "0-based" in header[f"TCOMM{number}"]
    assert header[f"TUCD{number}"] == "pos.cartesian.x;instr.det"


def test_every_simulated_file_says_so_and_no_observed_one_does(docs: Path) -> None:
    for name, simulated in (("demo-simulated", True), ("record-published", False)):
        for file in sorted((docs / "data" / name).iterdir()):
            if file.name.endswith(".vot.gz"):
                infos = {one.name: one.value for one in votable.parse(file).resources[0].infos}
                said = infos["simulated"] == "True", infos.get("note", "")
            elif ".ecsv" in file.name:
                meta = read(file).meta
                said = meta["simulated"], str(meta.get("note", ""))
            elif file.name.endswith(".json.gz"):
                record = json.loads(gzip.decompress(file.read_bytes()))
                said = record["simulated"], str(record.get("note", ""))
            else:
                with fits.open(file) as hdus:
                    header = hdus[0 if file.name == "spectra.fits" else 1].header
                    said = header["SIMULATED"], str(header.get("NOTE", ""))
            assert said[0] is simulated or said[0] == simulated
            assert ("SIMULATED" in said[1]) == simulated, file.name


def test_every_file_names_its_version_and_inputs(docs: Path) -> None:
    meta = QTable.read(docs / "data" / "demo-simulated" / "exposures.ecsv").meta
    assert (meta["version"], meta["inputs_digest"]) == ("v2026.11", "ab" * 32)


def test_report_json_holds_every_number_with_its_definition(
    docs: Path, campaigns: list[Results]
) -> None:
    document = json.loads((docs / "data" / "report.json").read_text(encoding="utf-8"))
    assert document["schema"] == REPORT_SCHEMA
    assert [one["simulated"] for one in document["campaigns"]] == [False, True]
    for results, one in zip(campaigns, document["campaigns"], strict=True):
        assert [number["key"] for number in one["numbers"]] == [n.key for n in results.numbers]
        for number in one["numbers"]:
            assert set(number) == {field.name for field in fields(ReportedValue)}
            assert number["provenance"] == results.inputs_digest
            assert number["convention"] in ("ours", "published")
            assert number["value"] is None or isinstance(number["value"], float)


def test_spectra_come_back_within_a_quarter_of_their_error(docs: Path) -> None:
    results = factory.campaign()
    with fits.open(docs / "data" / "demo-simulated" / "spectra.fits") as hdus:
        for mode, spectra in results.spectra.items():
            flux, sigma = hdus[f"FLUX {mode}"].data, hdus[f"SIGMA {mode}"].data
            true = np.sqrt(spectra.variance)
            median = np.nanmedian(true, axis=-1, keepdims=True)
            assert np.array_equal(np.isnan(flux), np.isnan(spectra.flux))
            assert np.nanmax(np.abs(flux - spectra.flux) / median) <= STEP_SIGMA / 2 + 1e-6
            assert np.nanmax(np.abs(sigma / true - 1)) <= 2.0 ** -(SIGMA_BITS + 1)
            assert np.allclose(hdus[f"WAVE {mode}"].data["wave_aa"], spectra.wave_aa)
            assert tuple(hdus[f"STAR {mode}"].data["star_id"]) == spectra.star_ids
            assert tuple(hdus[f"EXPOSURE {mode}"].data["exposure_id"]) == spectra.exposure_ids
            header = hdus[f"FLUX {mode}"].header
            first = header["CRVAL1"], header["CDELT1"], header["CTYPE1"]
            assert first == (spectra.wave_aa[0], 25.0, "AWAV")


def test_rounding_a_mantissa_is_to_nearest_even() -> None:
    x = np.array([1.0, 1 + 2**-5, 1 + 3 * 2**-5, -1.03, np.nan, np.inf, 0.0], np.float32)
    rounded = keep_bits(x, 4)
    assert rounded[:3].tolist() == [1.0, 1.0, 1.125]  # ties to even
    assert rounded[3] == -1.0
    assert np.isnan(rounded[4])
    assert np.isinf(rounded[5])
    assert rounded[6] == 0.0


def test_flux_steps_are_powers_of_two_below_the_error() -> None:
    flux = np.array([[100.3, 7.77, np.nan]])
    sigma = np.array([[0.9, 1.1, np.nan]])
    assert to_steps(flux, sigma).tolist()[0][:2] == [100.25, 7.75]  # median 0.9: step 1/4
    assert np.allclose(to_steps(flux, sigma * np.nan), flux, equal_nan=True)


def test_too_many_spectra_leave_out_what_the_header_names(monkeypatch: pytest.MonkeyPatch) -> None:
    results = factory.campaign()
    samples = sum(one.flux.size for one in results.spectra.values())
    monkeypatch.setattr("pipeline.report.downloads.spectra_file.BUDGET_BYTES", samples)
    one_aperture = spectra_file(results, {})
    assert one_aperture.left_out == "all apertures but r = 4.5 px"
    monkeypatch.setattr("pipeline.report.downloads.spectra_file.BUDGET_BYTES", samples // 10)
    one_exposure = spectra_file(results, {})
    assert one_exposure.left_out.startswith("all exposures but the reference")
    for content, shape in ((one_aperture.content, (3, 10, 1)), (one_exposure.content, (1, 10, 5))):
        with fits.open(io.BytesIO(content)) as hdus:
            assert hdus["FLUX WFM-AO-N"].shape[:3] == shape


def test_hostile_text_is_kept_in_data_files_as_text(hostile_docs: Path) -> None:
    folder = hostile_docs / "data" / "demo-simulated"
    table = QTable.read(folder / "exposures.ecsv")
    assert table["exposure_id"][0] == factory.HOSTILE_ID
    assert table["reason"][-1] == factory.HOSTILE.replace("\n", " ")
    with fits.open(folder / "exposures.fits.gz") as hdus:
        assert hdus[1].data["exposure_id"][0] == factory.HOSTILE_ID
        hdus[1].verify("exception")


def test_a_column_of_foreign_letters_becomes_ascii_in_fits() -> None:
    table = QTable({"name": ["Å star", "plain"], "v": [1.0, 2.0] * u.AA})
    hdu = table_hdu(table, "t")
    assert hdu.data["name"].tolist() == ["\\xc5 star", "plain"]


def test_checksums_are_of_the_files(docs: Path, tmp_path: Path) -> None:
    written = write_tables(tmp_path, readable(factory.campaign()), factory.build_info())
    for files in written.values():
        for file in files:
            content = (tmp_path / file.path).read_bytes()
            assert hashlib.sha256(content).hexdigest() == file.sha256
            assert len(content) == file.n_bytes
    assert (docs / "CITATION.cff").is_file()

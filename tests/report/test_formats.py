"""What the standards say of the files: VOTable, FITS and UCDs, checked by astropy's validators."""

import gzip
import io
import subprocess
from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits, votable
from astropy.io.votable.ucd import check_ucd
from astropy.table import MaskedColumn, QTable

from pipeline.report.downloads.table_formats import votable_file
from pipeline.schema import TABLES


@pytest.mark.parametrize("name", sorted(TABLES))
def test_every_column_of_the_schema_has_a_ucd_of_the_ivoas_list(name: str) -> None:
    for column in TABLES[name]:
        assert column.ucd, column.name
        assert check_ucd(column.ucd, check_controlled_vocabulary=True), (column.name, column.ucd)


@pytest.mark.parametrize("which", ["docs", "hostile_docs"])
def test_every_votable_is_valid(which: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(which)
    files = sorted((folder / "data").rglob("*.vot.gz"))
    assert files
    for file in files:
        said = io.StringIO()
        assert votable.validate(str(file), output=said), (file.name, said.getvalue())


@pytest.mark.parametrize("which", ["docs", "hostile_docs"])
def test_every_fits_file_is_valid(which: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(which)
    files = sorted((folder / "data").rglob("*.fits*"))
    assert files
    for file in files:
        with fits.open(file) as hdus:
            hdus.verify("exception")


def read_back(table: QTable) -> QTable:
    content = votable_file(table)
    assert b"<TABLEDATA" not in content  # whose writer corrupts memory: see votable_file
    said = io.StringIO()
    assert votable.validate(io.BytesIO(content), output=said), said.getvalue()
    return QTable.read(io.BytesIO(content), format="votable")


def test_a_votable_keeps_letters_numbers_units_and_what_is_missing() -> None:
    words = ["</TD><script>alert(1)</script>", 'Å \u2212 "q" -- ]]>', "con\x01trol"]
    table = QTable(
        {
            "word": words,
            "x": np.array([1.5, np.nan, -np.inf]) * u.pix,
            "n": MaskedColumn([1, 2, 3], mask=[False, True, False]),
            "is": [True, False, True],
            "short": np.array([0.1, 0.2, np.nan], np.float32),
        },
        meta={"title": '</INFO> "&" \x02 \n--', "table": "t"},
    )
    back = read_back(table)
    assert back["word"].tolist() == [words[0], words[1], "con trol"]
    assert back["x"].unit == u.pix
    assert np.array_equal(back["x"].value, table["x"].value, equal_nan=True)
    assert back["n"].mask.tolist() == [False, True, False]
    assert back["n"].filled(0).tolist() == [1, 0, 3]
    assert back["is"].tolist() == [True, False, True]
    assert np.array_equal(back["short"], table["short"], equal_nan=True)


def test_a_table_without_rows_is_a_valid_votable() -> None:
    back = read_back(QTable({"name": np.array([], "U5"), "x": [] * u.d}))
    assert len(back) == 0
    assert back.colnames == ["name", "x"]


def test_a_column_of_ascii_takes_a_byte_a_letter() -> None:
    text = votable_file(QTable({"a": ["plain"], "b": ["Å"]})).decode()
    assert 'datatype="char" name="a"' in " ".join(sorted_attributes(text, "a"))
    assert 'datatype="unicodeChar"' in " ".join(sorted_attributes(text, "b"))


def sorted_attributes(text: str, name: str) -> list[str]:
    (line,) = (line for line in text.splitlines() if "<FIELD" in line and f'name="{name}"' in line)
    return sorted(
        word.strip("<>/") for word in line.split() if "datatype" in word or "name=" in word
    )


def test_gzipped_files_hold_no_time_of_writing(docs: Path) -> None:
    for file in sorted((docs / "data").rglob("*.gz")):
        assert file.read_bytes()[4:8] == bytes(4), file.name
        assert gzip.decompress(file.read_bytes())


def test_the_sums_are_those_of_every_file_under_data(docs: Path) -> None:
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"],
        cwd=docs / "data",
        capture_output=True,
        text=True,
        check=True,
    )
    listed = {line.rpartition(":")[0] for line in done.stdout.splitlines()}
    there = {
        file.relative_to(docs / "data").as_posix()
        for file in (docs / "data").rglob("*")
        if file.is_file()
    }
    assert listed == there - {"SHA256SUMS"}

"""``python -m kdmatch``: formats, columns, output, exit status."""

import os
import subprocess
import sys

import numpy as np
import pytest
from astropy.table import QTable, Table

from kdmatch.__main__ import main
from kdmatch.synthetic import affine_of, simulate_pair
from tests.kdmatch.common import DATA, PACKAGE, unrelated

TRUTH = affine_of(rotation_deg=5, offset_px=(10, -3))
PAIR = simulate_pair(20, TRUTH, missing=0.2, spurious=0.2, noise_px=0.05, seed=11)


def save(path, stars, names=("x", "y"), **extra):
    table = Table(dict(zip(names, stars.T, strict=True)))
    for name, values in extra.items():
        table[name] = values
    form = (
        "fits" if ".fits" in path.name else "ascii.ecsv" if path.suffix == ".ecsv" else "ascii.csv"
    )
    table.write(path, format=form)
    return str(path)


@pytest.fixture
def files(tmp_path):
    return save(tmp_path / "r.ecsv", PAIR.reference), save(tmp_path / "t.fits", PAIR.target)


def test_ecsv_and_fits_match_and_the_coefficients_are_printed(files, capsys):
    assert main(list(files)) == 0
    text = capsys.readouterr().out
    printed = [float(line.split()[2]) for line in text.splitlines() if line[1:4] == " = "]
    np.testing.assert_allclose(np.reshape(printed, (2, 3)), PAIR.oracle(), atol=1e-7)
    assert "pairs            16 of 20 reference and 20 target stars" in text
    rotation = next(line for line in text.splitlines() if line.startswith("rotation"))
    assert float(rotation.split()[1]) == pytest.approx(5.0, abs=0.05)
    assert "chance below     1e-" in text


def test_plain_columns_without_a_header_match(tmp_path, capsys):
    np.savetxt(tmp_path / "r.txt", PAIR.reference)
    np.savetxt(tmp_path / "t-d.dat", PAIR.target)  # "-d" in a path is no option
    assert main([str(tmp_path / "r.txt"), str(tmp_path / "t-d.dat")]) == 0
    assert "16 of 20" in capsys.readouterr().out


@pytest.mark.parametrize("suffix", [".ecsv", ".fits", ".csv"])
def test_the_matched_table_holds_rows_positions_and_distances(files, tmp_path, suffix):
    output = tmp_path / f"pairs{suffix}"
    assert main([*files, "--output", str(output)]) == 0
    table = QTable.read(output) if suffix != ".csv" else Table.read(output)
    np.testing.assert_array_equal(table["reference_row"], PAIR.pairs[:, 0])
    np.testing.assert_array_equal(table["target_row"], PAIR.pairs[:, 1])
    value = {
        name: np.asarray(getattr(table[name], "value", table[name])) for name in table.colnames
    }
    np.testing.assert_allclose(value["x_target"], PAIR.target[PAIR.pairs[:, 1], 0])
    off = np.hypot(
        value["x_target"] - value["x_predicted"], value["y_target"] - value["y_predicted"]
    )
    np.testing.assert_allclose(value["distance"], off, atol=1e-9)
    assert not list(tmp_path.glob(".kdmatch-*"))


def test_an_existing_output_is_kept_unless_overwriting_is_asked_for(files, tmp_path, capsys):
    output = tmp_path / "pairs.ecsv"
    output.write_text("mine")
    assert main([*files, "--output", str(output)]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert output.read_text() == "mine"
    assert main([*files, "--output", str(output), "--overwrite"]) == 0
    assert len(Table.read(output)) == 16


def test_columns_can_be_named_for_each_file(tmp_path, capsys):
    first = save(tmp_path / "r.ecsv", PAIR.reference, names=("ra_px", "dec_px"))
    second = save(tmp_path / "t.csv", PAIR.target, names=("u", "v"))
    assert main([first, second]) == 2
    assert "--reference-columns" in capsys.readouterr().err
    named = ["--reference-columns", "ra_px", "dec_px", "--target-columns", "u", "v"]
    assert main([first, second, *named]) == 0


def test_the_columns_of_usual_programs_are_known(tmp_path):
    first = save(tmp_path / "r.fits", PAIR.reference, names=("X_IMAGE", "Y_IMAGE"))
    second = save(tmp_path / "t.ecsv", PAIR.target, names=("xcentroid", "ycentroid"))
    assert main([first, second]) == 0


def test_unrelated_catalogues_exit_with_one_and_say_why(tmp_path, capsys):
    first, second = unrelated(25, 3)
    status = main([save(tmp_path / "r.ecsv", first), save(tmp_path / "t.ecsv", second)])
    assert status == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "may be chance" in captured.err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file"),
        ("x,y\n1,2\n3,oops\n", "not numeric"),
        ("x,y\n1,2\n3,\n", "no value in row 1"),
        ("x,y\n1,2\n3,nan\n", "is nan"),
        ("flux\n1\n2\n", "found flux"),
    ],
)
def test_bad_input_exits_with_two_and_names_the_file(tmp_path, files, capsys, content, message):
    path = tmp_path / "bad.csv"
    if content is not None:
        path.write_text(content)
    assert main([files[0], str(path)]) == 2
    assert message in capsys.readouterr().err


def test_a_truncated_fits_file_is_bad_input(tmp_path, files, capsys):
    path = tmp_path / "cut.fits"
    path.write_bytes(b"SIMPLE  =                    T" + b" " * 50)
    assert main([files[0], str(path)]) == 2
    assert "cut.fits: not a table" in capsys.readouterr().err


@pytest.mark.parametrize("output", ["pairs.xyz", "no/such/folder/pairs.ecsv"])
def test_an_impossible_output_is_bad_input(files, tmp_path, output):
    assert main([*files, "--output", str(tmp_path / output)]) == 2


def test_a_mirrored_catalogue_needs_the_option(tmp_path, capsys):
    first = save(tmp_path / "r.ecsv", PAIR.reference)
    second = save(tmp_path / "t.ecsv", PAIR.target * [1, -1])
    assert main([first, second]) == 1
    assert main([first, second, "--allow-reflection"]) == 0
    assert "after reflection" in capsys.readouterr().out


@pytest.mark.slow
def test_the_module_runs_as_a_command_and_help_has_an_example(tmp_path):
    def command(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "kdmatch", *arguments],
            capture_output=True,
            text=True,
            check=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(PACKAGE.parent)},
        ).stdout

    shown = command("--help")
    assert "example:" in shown
    assert "exit status:" in shown
    real = command(str(DATA / "ltt3218_reference.ecsv"), str(DATA / "ltt3218_target.ecsv"))
    assert "25 of 25 reference and 29 target" in real

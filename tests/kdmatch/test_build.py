"""Building the library: up to date, atomic, and clear errors where it is not possible."""

import os
import shutil
import subprocess
import sys

import pytest

from kdmatch import build
from tests.kdmatch.common import PACKAGE

CALL = (
    "import numpy, kdmatch; s = numpy.random.default_rng(0).uniform(0, 300, (9, 2));"
    "print(len(kdmatch.match(s, s).pairs))"
)


@pytest.fixture
def copied_package(tmp_path):
    """The package without its library, as in a fresh checkout."""
    shutil.copytree(
        PACKAGE, tmp_path / "kdmatch", ignore=shutil.ignore_patterns("*.so", "__pycache__")
    )
    return tmp_path


def python(code, folder, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_import_works_without_the_library_and_the_first_call_says_how_to_build_it(
    copied_package,
):
    assert python("import kdmatch; print(kdmatch.__version__)", copied_package).returncode == 0
    done = python(CALL, copied_package)
    assert "python -m kdmatch.build" in done.stderr
    assert "apt-get install gcc libc6-dev" in done.stderr


@pytest.mark.slow
def test_a_fresh_copy_builds_and_runs(copied_package):
    made = python("from kdmatch.build import main; raise SystemExit(main([]))", copied_package)
    assert made.returncode == 0, made.stderr
    assert python(CALL, copied_package).stdout == "9\n"
    names = {path.name for path in (copied_package / "kdmatch").iterdir()}
    assert "_kdmatch.so" in names
    assert not [name for name in names if name.startswith(".kdmatch-")]


@pytest.mark.slow
def test_building_needs_no_third_party_package(copied_package, tmp_path):
    code = (
        f"import sys; sys.path.insert(0, {str(copied_package)!r});"
        "import kdmatch.build as b; print(b.build_library('out'))"
    )
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            f"import sys; sys.path.insert(0, {str(copied_package)!r}); {code}",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "_kdmatch.so").is_file()


def test_without_a_compiler_the_error_names_the_debian_packages(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    with pytest.raises(build.BuildError, match="apt-get install gcc libc6-dev"):
        build.build_library(tmp_path / "target")
    assert build.main(["--target", str(tmp_path / "target")]) == 1
    assert "apt-get install gcc libc6-dev" in capsys.readouterr().err
    assert not (tmp_path / "target").exists()


def test_a_wrong_CC_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("CC", "no-such-compiler -m64")
    with pytest.raises(build.BuildError, match="no-such-compiler"):
        build.build_library(tmp_path)


@pytest.mark.slow
def test_a_library_up_to_date_is_left_alone(tmp_path):
    first = build.build_library(tmp_path)
    inode = first.stat().st_ino
    assert build.build_library(tmp_path).stat().st_ino == inode


@pytest.mark.slow
def test_a_changed_source_replaces_the_library_in_one_step(copied_package):
    make = "from kdmatch.build import build_library; print(build_library().stat().st_ino)"
    first = python(make, copied_package).stdout
    source = copied_package / "kdmatch" / "chance.c"
    source.write_text(source.read_text() + "\n/* changed */\n")
    assert python(make, copied_package).stdout != first


@pytest.mark.slow
def test_a_failed_build_keeps_the_old_library_and_shows_the_messages(copied_package):
    make = "from kdmatch.build import build_library; build_library()"
    python(make, copied_package)
    library = copied_package / "kdmatch" / "_kdmatch.so"
    before = library.read_bytes()
    (copied_package / "kdmatch" / "chance.c").write_text("int unused(void) { int x; return 0; }\n")
    done = python(make, copied_package)
    assert "BuildError" in done.stderr
    assert "-Werror" in done.stderr  # warnings are errors
    assert library.read_bytes() == before


@pytest.mark.slow
def test_a_library_of_another_version_is_refused(copied_package):
    python("from kdmatch.build import build_library; build_library()", copied_package)
    binding = copied_package / "kdmatch" / "_binding.py"
    binding.write_text(binding.read_text().replace("ABI = 2", "ABI = 99"))
    done = python(CALL, copied_package)
    assert "LibraryMissing" in done.stderr
    assert "this module (99," in done.stderr


def test_a_file_that_is_no_library_is_refused(copied_package):
    (copied_package / "kdmatch" / "_kdmatch.so").write_bytes(b"not a library")
    done = python(CALL, copied_package)
    assert "cannot load" in done.stderr
    assert "python -m kdmatch.build" in done.stderr


def test_the_library_exports_its_public_calls_only():
    listed = subprocess.run(
        ["nm", "-D", "--defined-only", str(build.build_library())],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    names = {line.split()[-1] for line in listed.splitlines()}
    assert {name for name in names if not name.startswith("_")} == {
        "kdmatch_match",
        "kdmatch_abi",
        "kdmatch_sizeof_options",
        "kdmatch_sizeof_result",
        "kdmatch_build_key",
    }


def test_the_library_has_no_writable_globals():
    """Threads can only disturb each other through writable data: there is none of ours."""
    listed = subprocess.run(
        ["nm", str(build.build_library())], capture_output=True, text=True, check=True
    ).stdout
    kinds = {"b", "B", "d", "D", "C"}
    system = {"_", "completed.0", "dso_handle"}
    ours = [
        name
        for *_, kind, name in (line.split() for line in listed.splitlines())
        if kind in kinds and not name.startswith(tuple(system))
    ]
    assert ours == []

"""Any path works: blanks, quotes, substitutions, newlines, other alphabets, great length."""

import os
import shutil
import subprocess
import sys

import pytest

from pipeline.config.paths import ROOT
from tests.reliability.cubes import tables_of, write_config

pytestmark = pytest.mark.slow

NAMES = {
    "blank": "my work",
    "quotes": 'it\'s "mine"',
    "substitution": "$(touch PWNED) `touch PWNED` ${HOME} %n {x}",
    "newline": "one\ntwo",
    "unicode": "Größe–星–é",
    "separators": "a;b&c|d>e<f*?[g]#~!\\",
    "dash": "-rf",
    "long": "/".join(["x" * 120] * 5),
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_two_workers_measure_whatever_the_folders_are_called(tmp_path, cubes, name):
    config = write_config(tmp_path)
    moved = tmp_path / "cubes of" / name
    moved.parent.mkdir(parents=True, exist_ok=True)
    moved.parent.joinpath(*moved.relative_to(moved.parent).parts[:-1]).mkdir(
        exist_ok=True, parents=True
    )
    cubes.rename(moved)
    work = tmp_path / "work" / name
    cwd = tmp_path / "here"
    cwd.mkdir()
    done = subprocess.run(
        [
            sys.executable, str(ROOT / "build_report.py"), "--source", "cubes", "--cubes", str(moved),
            "--config", str(config), "--work", str(work), "--jobs", "2", "--until", "statistics",
        ],
        cwd=cwd, capture_output=True, text=True, check=False, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "4 exposures, 4 ok" in done.stderr
    assert sum(one.endswith("measurement.fits") for one in tables_of(work)) == 4
    assert list(cwd.iterdir()) == []
    assert not list(tmp_path.rglob("PWNED"))
    assert not (ROOT / "PWNED").exists()


COPIED = ("pipeline", "kdmatch", "templates", "site_src")
FILES = ("build_report.py", "report.toml", "mkdocs.yml", "CITATION.cff", "CHANGELOG.md")


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_checkout_and_a_site_may_be_called_whatever_too(tmp_path, cubes):
    """One build, of all names together: each part of the chain sees each of them."""
    checkout = tmp_path / "".join(NAMES[name] for name in ("blank", "quotes", "unicode"))
    checkout /= NAMES["substitution"]
    checkout.mkdir(parents=True)
    for name in (*COPIED, *FILES):
        source = ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, checkout / name, ignore=ignored)
        elif source.exists():
            shutil.copy(source, checkout / name)
    site = tmp_path / NAMES["newline"] / NAMES["separators"] / NAMES["long"] / NAMES["dash"]
    site.parent.mkdir(parents=True)
    cwd = tmp_path / "here"
    cwd.mkdir()
    done = subprocess.run(
        [
            sys.executable, str(checkout / "build_report.py"), "--source", "cubes", "--cubes", str(cubes),
            "--config", str(write_config(tmp_path)), "--work", str(tmp_path / "work"),
            "--site", str(site), "--jobs", "2",
        ],
        cwd=cwd, env={**os.environ, "PYTHONPATH": str(checkout)}, capture_output=True, text=True,
        check=False, timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (site / "index.html").is_file()
    assert list(cwd.iterdir()) == []
    assert not list(tmp_path.rglob("PWNED"))

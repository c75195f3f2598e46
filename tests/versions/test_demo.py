"""`make publish-demo`: two versions from nothing, without a reader at the keyboard."""

import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest

from tests.versions.sites import show, tree

pytestmark = pytest.mark.slow


def demo(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipeline", "versions", "demo", "--no-serve"]
    command += ["--folder", str(folder), "--port", "8765"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_demo_publishes_two_versions_and_the_second_says_what_changed(tmp_path: Path) -> None:
    done = demo(tmp_path / "demo")
    assert done.returncode == 0, done.stderr
    assert "http://127.0.0.1:8765/v2026.10/" in done.stderr
    repository = tmp_path / "demo" / "repository"
    tops = {path.partition("/")[0] for path in tree(repository) if "/" in path}
    assert tops == {"v2026.10", "v2026.11", "latest", "stable"}
    summary = unescape(show(repository, "v2026.11/index.html"))
    assert "What changed since v2026.10" in summary
    assert "statistics.edge_margin_px from 0.0 to 2.5" in summary
    assert "This is the first version" in show(repository, "v2026.10/index.html")
    assert (tmp_path / "demo" / "published" / "v2026.10" / "index.html").is_file()


def test_the_demo_empties_no_folder_that_holds_something_else(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    done = demo(tmp_path)
    assert done.returncode == 2
    assert "holds something else (thesis.tex)" in done.stderr
    assert (tmp_path / "thesis.tex").read_text() == "precious"

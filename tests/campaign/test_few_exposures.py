"""One exposure, or two, make a whole site: what cannot be computed is said, not a crash."""

import subprocess
import sys

import pytest

from pipeline.config.paths import ROOT

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("number", [1, 2])
def test_a_site_of_few_exposures_is_complete(tmp_path, cube_folder, number):
    for path in sorted(cube_folder.iterdir())[number:]:
        path.unlink()
    done = subprocess.run(
        [
            sys.executable, str(ROOT / "build_report.py"), "--source", "cubes", "--cubes", str(cube_folder),
            "--work", str(tmp_path / "work"), "--site", str(tmp_path / "site"), "--jobs", "1",
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"{number} exposures, {number} ok" in done.stderr
    page = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert "too few exposures or stars to fit a floor" in page

"""Hostile text from where a stranger can write it, through the whole chain, to Chromium.

Names of files, FITS keywords, the field of the configuration and the reason of an exclusion are text
of others: ``build_report.py`` measures such a folder, and the pages show the text and run nothing.
"""

from pathlib import Path
from typing import Any

import pytest

import build_report
from pipeline.config.paths import ROOT
from pipeline.config.settings import Settings, SimulationSettings
from pipeline.muse.cube import write_cube
from pipeline.sources import simulation_plan
from pipeline.tasks.measure import build_simulation
from tests.muse.cubes import primary_header, small_cube

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FIELD = '<img src=x onerror=alert(1)>"</title>'
FILE_NAME = "<img src=x onerror=alert(2)>.fits"
IDENTITY = "../../<script>alert(3)<%2fscript>"
MODE = "<svg onload=alert(4)>{{ 7*7 }}"
REASON = "[x](javascript:alert(5)) </td><script>alert(6)</script>"
PAGES = ("index", "data", "stars", "exposures", "pairs", "explore", "downloads", "about", "method")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of a folder that a stranger filled."""
    folder = tmp_path_factory.mktemp("chain")
    cubes = folder / "cubes"
    cubes.mkdir()
    plan = simulation_plan()
    settings = Settings(simulation=SimulationSettings(wave_step_aa=50.0))
    simulated = build_simulation(plan, settings)
    for n, index in enumerate((plan.reference_index, 0, 22)):
        headers = simulated.headers(index)
        headers[0]["OBJECT"] = FIELD
        if n == 1:
            headers[0]["ARCFILE"] = IDENTITY + ".fits"
        write_cube(cubes / f"cube-{n}.fits", headers, simulated.layers(index))
    (cubes / FILE_NAME).write_text("<html><script>alert(7)</script>")
    header = primary_header(**{"ESO INS MODE": MODE, "ARCFILE": None})
    small_cube(cubes / "mode.fits", primary=header)
    config = folder / "hostile.toml"
    text = (ROOT / "report.toml").read_text(encoding="utf-8")
    text = text.replace('name = "LTT 3218"', f"name = '{FIELD}'")
    text = text.replace("exclude = []", f"exclude = [['2019-01-09 WFM-NOAO-N', '{REASON}']]")
    registry = ROOT / "pipeline" / "published" / "data" / "reference_positions.ecsv"
    text = text.replace("pipeline/published/data/reference_positions.ecsv", str(registry))
    config.write_text(text, encoding="utf-8")
    command = ["--config", str(config), "--source", "cubes", "--cubes", str(cubes), "--jobs", "1"]
    command += ["--work", str(folder / "work"), "--site", str(folder / "site")]
    assert build_report.main(command) == 0
    assert sorted(path.name for path in folder.iterdir()) == [
        "cubes", "hostile.toml", "site", "work",
    ]  # fmt: skip
    return folder / "site"


@pytest.mark.parametrize("name", PAGES)
def test_nothing_runs(watched: Any, hostile: Path, serve: Any, name: str) -> None:
    address = str(serve(hostile))
    one = watched(allowed=address)
    one.open(f"{address}{name}.html")
    one.page.wait_for_timeout(200)
    one.clean()
    assert (
        one.page.locator(
            "article script:not([src]), article svg[onload], article a[href^='javascript']"
        ).count()
        == 0
    )
    assert one.page.locator("img[src='x']").count() == 0


@pytest.mark.parametrize(
    ("name", "texts"),
    [("index", (FIELD,)), ("exposures", (FILE_NAME, IDENTITY, "{{ 7*7 }}", REASON))],
)
def test_the_text_is_shown_as_it_is(
    watched: Any, hostile: Path, serve: Any, name: str, texts: tuple[str, ...]
) -> None:
    address = str(serve(hostile))
    one = watched(allowed=address)
    one.open(f"{address}{name}.html")
    shown = " ".join(one.page.locator("main").inner_text().split())
    for text in texts:
        assert text in shown

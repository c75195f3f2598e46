"""The page for fluxes of one's own: its program runs as it stands."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.statistics import fit_stability
from pipeline.statistics.campaigns import CONFIGURATIONS, SCENARIOS, draw_campaign
from pipeline.statistics.long_campaigns import MOST_FITTED

PAGE = Path(__file__).parents[2] / "site_src" / "statistics.md"


def programs() -> list[str]:
    """The programs of the page: of one's own fluxes, and of a long campaign."""
    found = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(found) == 2
    return found


def test_the_program_of_the_page_runs_on_twenty_lines() -> None:
    program, _ = programs()
    assert len([line for line in program.splitlines() if line.strip()]) <= 20
    fluxes = draw_campaign(SCENARIOS["night"], CONFIGURATIONS["40x18"], seed=5_000_000).fluxes
    share = np.eye(12)[fluxes.channel - 1]
    names: dict[str, Any] = {
        "flux": fluxes.flux,
        "flux_err": fluxes.flux_err,
        "mjd": fluxes.mjd,
        "channel": fluxes.channel,
        "my_mjd": fluxes.mjd[:3],
        "my_flux": fluxes.flux[:3],
        "my_err": fluxes.flux_err[:3],
        "my_share": share,
    }
    exec(program, names)
    assert np.isfinite(names["mine"]).all()
    assert len(names["pairs"]) == 18 * 17 // 2


def test_the_lines_for_a_long_campaign_run() -> None:
    long = replace(CONFIGURATIONS["40x18"], n_exposures=320)
    fluxes = draw_campaign(SCENARIOS["night"], long, seed=5_000_000).fluxes
    names: dict[str, Any] = {"fluxes": fluxes, "fit_stability": fit_stability}
    exec(programs()[1], names)
    assert len(names["rows"]) == MOST_FITTED
    assert len(names["bad"]) == 320
    assert names["stability"].floor > 0

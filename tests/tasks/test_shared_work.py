"""What all exposures share is done in the parent: a child's imports and caches end with it."""

import os
import subprocess
import sys

import numpy as np
import pytest
from astropy.table import QTable

from pipeline.schema import make_table
from pipeline.tasks.reference import read_reference

CHILD = """
import sys
from pathlib import Path
from pipeline.config.settings import Settings, SimulationSettings
from pipeline.sources import simulation_plan
from pipeline.simulation import draw_exposures, primary_header
from pipeline.tasks import measure
from pipeline.tasks.inputs import simulated_entries
from pipeline.tasks.schedule import plan_jobs

settings, plan = Settings(simulation=SimulationSettings(wave_step_aa=50.0)), simulation_plan()
drawn = draw_exposures(plan.planned, settings.field, settings.simulation, plan.reference_index)
entry = simulated_entries([primary_header(one, settings.field) for one in drawn])[12]
(job,) = plan_jobs([entry], settings, Path(sys.argv[1]), plan)
measure._share_with_children(job)
before = set(sys.modules)
measure._advance(job)
print("new:", *sorted(set(sys.modules) - before))
"""


@pytest.mark.slow
def test_a_child_imports_nothing_for_its_one_exposure(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )
    assert done.stdout.split() == ["new:"]


def catalogue(n_stars):
    numbers = dict.fromkeys(
        ("x", "y", "flux", "edge_distance_px", "contamination", "ra_deg", "dec_deg"),
        np.arange(float(n_stars)),
    )
    whole = dict.fromkeys(("star_id", "channel", "slice"), np.arange(n_stars))
    table = make_table("catalogue", {**numbers, **whole, "flags": [""] * n_stars},
                       reference_exposure="A", reasons=[""] * n_stars)  # fmt: skip
    assert isinstance(table, QTable)
    return table


def test_a_reference_that_was_chosen_again_is_read_again(tmp_path):
    path = tmp_path / "catalogue.ecsv"
    for n_stars in (3, 5):
        catalogue(n_stars).write(path, format="ascii.ecsv", overwrite=True)
        assert len(read_reference(path).x) == n_stars
        assert read_reference(path) is read_reference(path)

"""lightkurve reads the table of light curves, in an environment of its own: it brings thirty packages."""

import json
import os
import subprocess

import numpy as np
import pytest

from pipeline.report.downloads.table_formats import ecsv
from pipeline.statistics.fluxes import Fluxes
from pipeline.statistics.targets import Target, target_tables
from tests.machine import lacks

PYTHON = "LIGHTKURVE_PYTHON"  # an interpreter that can import lightkurve
N = 24
PROGRAM = """
import json, sys, warnings
warnings.simplefilter("ignore")
from lightkurve import LightCurve
table = LightCurve.read(
    sys.argv[1], format="ascii.ecsv", time_column="mjd_mid", time_format="mjd"
)
one = table[table["band"] == "I"]
print(json.dumps({
    "time": one.time.mjd.tolist(), "scale": one.time.scale, "flux": one.flux.value.tolist(),
    "flux_err": one.flux_err.value.tolist(),
    "period": float(one.to_periodogram(minimum_period=4, maximum_period=20).period_at_max_power.value),
}))
"""


@pytest.mark.nightly
def test_lightkurve_reads_a_light_curve_and_finds_its_period(tmp_path):
    python = os.environ.get(PYTHON)
    if python is None:
        lacks(f"{PYTHON} names no interpreter with lightkurve: make .venv/.lightkurve")
    period, mjd = 9.0, 58000.3 + 3.0 * np.arange(N)
    rng = np.random.default_rng(2)
    logs = 0.01 * rng.standard_normal((N, 8))
    logs[:, 0] += 0.3 * np.sin(2 * np.pi * mjd / period)
    fluxes = Fluxes.from_arrays(1e3 * np.exp(logs), np.full(logs.shape, 10.0), mjd=mjd)
    table = target_tables({"I": fluxes, "line": fluxes}, [Target(1, "mine")])["light_curves"]
    path = tmp_path / "light_curves.ecsv"
    path.write_bytes(ecsv(table))
    done = subprocess.run(
        [python, "-c", PROGRAM, path], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    rows = table[np.asarray(table["band"], str) == "I"]
    np.testing.assert_allclose(found["time"], rows["mjd_mid"].value, rtol=0, atol=1e-9)
    np.testing.assert_allclose(found["flux"], np.asarray(rows["flux"], float), rtol=1e-12)
    np.testing.assert_allclose(found["flux_err"], np.asarray(rows["flux_err"], float), rtol=1e-12)
    assert found["scale"] == "utc"
    assert found["period"] == pytest.approx(period, abs=0.3)  # 1 / 72 days in frequency is 1.1

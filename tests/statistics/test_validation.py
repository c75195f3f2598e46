"""The runner of the validation: seeds in order, none left out, resumed where it stopped."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.validation import cells as cells_module
from benchmarks.validation.__main__ import cells, main
from benchmarks.validation.bound import floor_bound
from benchmarks.validation.cells import Cell, run
from benchmarks.validation.summary import summarise
from pipeline.statistics.campaigns import (
    CONFIGURATIONS,
    SCENARIOS,
    Configuration,
    Scenario,
    draw_campaign,
)


def _rows(n: int, **row: float) -> dict[int, dict[str, float]]:
    names = ("bound", "response_rms", "response_true_rms", "response_slope", "response_covered")
    base = dict.fromkeys(names, 1.0) | {"n_bad": 0.0, "cpu_s": 0.1}
    return dict.fromkeys(range(n), base | row)


def test_a_run_that_stopped_goes_on_and_gives_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed: list[int] = []

    def measure(scenario: Scenario, configuration: Configuration, seed: int) -> dict[str, float]:
        assert (scenario, configuration) == (SCENARIOS["night"], CONFIGURATIONS["40x18"])
        computed.append(seed)
        return {"square": float(seed**2)}

    monkeypatch.setitem(cells_module.MEASURES, "floor", measure)
    cell = Cell("floor", "night", "40x18")
    run(cell, 3, tmp_path, jobs=1)
    path = tmp_path / f"{cell.name}.jsonl"
    path.write_text(path.read_text() + '{"seed": 3, "squ')  # killed while writing
    rows = run(cell, 5, tmp_path, jobs=1)
    assert computed == [0, 1, 2, 3, 4]
    assert [rows[seed]["square"] for seed in range(5)] == [0, 1, 4, 9, 16]
    assert run(cell, 5, tmp_path, jobs=1) == rows


def test_coverage_bias_and_their_errors_by_hand() -> None:
    true = SCENARIOS["night"].floor
    good = {"floor": true, "low68": 0.0, "high68": 1.0, "low95": 0.0, "high95": 1.0}
    missed = good | {"floor": 1.1 * true, "high68": 0.5 * true}
    rows = _rows(3, **good) | {3: _rows(1, **missed)[0]}
    figures = summarise("floor", SCENARIOS["night"], rows)
    assert figures["n"] == 4
    assert figures["covered_68"] == 0.75
    assert figures["covered_68_se"] == pytest.approx(np.sqrt(0.75 * 0.25 / 4))
    assert figures["covered_95"] == 1.0
    assert figures["bias"] == pytest.approx(0.025)


def test_without_a_floor_alarms_are_counted() -> None:
    quiet = {"floor": 1e-4, "low68": 0.0, "high68": 2e-4, "low95": 0.0, "high95": 3e-4}
    loud = quiet | {"floor": 1e-3, "low68": 9e-4, "high68": 1.1e-3, "low95": 8e-4}
    rows = _rows(3, **quiet) | {3: _rows(1, **loud)[0]}
    assert summarise("floor", SCENARIOS["none"], rows)["above_2_sigma"] == 0.25


def test_the_command_writes_figures_and_the_stamp_of_the_code(tmp_path: Path) -> None:
    output = tmp_path / "validation.json"
    options = ["--measure", "floor", "--scenario", "none", "--configuration", "40x18"]
    main([*options, "--campaigns", "1", "--output", str(output)])
    result = json.loads(output.read_text())
    assert len(result["stamp"]) == 64
    assert result["cells"]["floor-none-40x18"]["n"] == 1


def test_by_default_every_scenario_has_every_size() -> None:
    names = {cell.name for cell in cells(["floor"], None, None)}
    for scenario in ("none", "white", "night", "slow20", "slow60", "slow150", "mixed"):
        for size in ("40x18", "65x25", "65x40", "150x60"):
            assert f"floor-{scenario}-{size}" in names


def test_the_bound_is_that_of_a_sample_variance_where_the_model_is_one() -> None:
    """White, one star on each channel, no photons, one exposure a night: night, exposure and jitter are
    one, and the relative error of a standard deviation from n numbers is 1 / sqrt(2 n)."""
    size = Configuration(40, 12, 12, exposures_per_night=1.0, snr_low=1e5, snr_high=1.1e5)
    campaign = draw_campaign(Scenario(exposure=0.02), size, seed=1)
    expected = campaign.scenario.floor / np.sqrt(2 * 39 * 11)
    # drift of 60 days is told apart from white noise, at a small price
    found = floor_bound(campaign.fluxes, campaign.scenario)
    assert expected * (1 - 1e-6) < found < expected * 1.05

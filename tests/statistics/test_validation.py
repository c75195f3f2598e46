"""The runner of the validation: seeds in order, none left out, resumed where it stopped."""

import re
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.validation import cells as cells_module
from benchmarks.validation.__main__ import main
from benchmarks.validation.bound import floor_bound
from benchmarks.validation.cells import Cell, confirmed, run, same_row
from benchmarks.validation.plan import cells_of_round
from benchmarks.validation.stamp import source_stamp
from benchmarks.validation.summary import summarise
from pipeline.config.paths import ROOT
from pipeline.statistics.campaigns import (
    CONFIGURATIONS,
    SCENARIOS,
    Configuration,
    Scenario,
    draw_campaign,
)
from pipeline.statistics.campaigns.results import FIRST, ValidationResults, lines_of, read_results


def _rows(n: int, **row: float) -> dict[int, dict[str, float]]:
    names = ("bound", "response_rms", "response_true_rms", "response_slope", "response_covered")
    base = dict.fromkeys(names, 1.0) | {"n_bad": 0.0, "cpu_s": 0.1, "additive": 0.0}
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


def test_a_check_ends_with_status_1_where_a_line_fails_and_says_which(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def measure(scenario: Scenario, configuration: Configuration, seed: int) -> dict[str, float]:
        del scenario, configuration
        return {"false_alarm": 0.0, "found": float(seed < n_found), "smallest_middle": 0.01}

    monkeypatch.setitem(cells_module.MEASURES, "steps", measure)
    for n_found, status in ((39, 0), (20, 1)):
        folder = str(tmp_path / str(n_found))
        options = ["--measure", "steps", "--rounds", "3", "--rows", folder, "--check"]
        try:
            main([*options, "--output", str(tmp_path / "figures.ecsv")])
            ended = 0
        except SystemExit as error:
            ended = int(error.code or 0)
        assert ended == status
    assert "a step of 1 % is found, jitter: 0.513" in capsys.readouterr().out


def test_the_nightly_run_gives_the_validation_options_that_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = (ROOT / ".ci" / "nightly").read_text()
    given = re.search(r'VALIDATION_ARGS="(.*)"', script)
    assert given
    monkeypatch.chdir(tmp_path)
    main(shlex.split(given[1].replace("${NIGHTLY_ROUNDS:-8}", "0")))
    assert (tmp_path / "work" / "nightly.ecsv").exists()


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


def test_the_command_keeps_figures_with_the_stamp_of_the_code(tmp_path: Path) -> None:
    output, rows = tmp_path / "validation.ecsv", tmp_path / "rows"
    options = ["--measure", "correction", "--scenario", "none", "--rounds", "1"]
    main([*options, "--rows", str(rows), "--output", str(output)])
    results = read_results(output)
    assert results.stamp == source_stamp()
    assert results.cells["correction", "none", "65x25"]["n"] == 13


def test_rows_are_kept_over_an_edit_that_changes_no_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figure, clock = 1.0, iter(range(100))
    monkeypatch.setitem(
        cells_module.MEASURES, "floor", lambda *_: {"x": figure, "cpu_s": next(clock)}
    )
    cell = Cell("floor", "night", "40x18")
    assert confirmed(cell, tmp_path)  # nothing is kept yet
    run(cell, 2, tmp_path, jobs=1)
    assert confirmed(cell, tmp_path)
    figure = 1.1
    assert not confirmed(cell, tmp_path)


def test_rows_with_the_same_gaps_are_the_same() -> None:
    assert same_row({"x": np.nan, "cpu_s": 1.0}, {"x": np.nan, "cpu_s": 2.0})
    assert not same_row({"x": 1.0}, {"y": 1.0})


def test_every_scenario_has_every_size() -> None:
    names = {cell.name for cell, _ in cells_of_round()}
    for scenario in ("none", "white", "night", "slow20", "slow60", "slow150", "mixed"):
        for size in ("40x18", "65x25", "65x40", "150x60"):
            assert f"floor-{scenario}-{size}" in names


def test_the_kept_figures_are_those_of_this_code() -> None:
    """Fails after an edit of the statistics. The remedy is `make validation`: it takes over figures
    whose first campaign comes out the same, and computes the others anew."""
    assert read_results().stamp == source_stamp(), "run `make validation` and commit its figures"


@pytest.mark.parametrize(
    ("measure", "scenario", "configuration"),
    [("floor", "mixed", "40x18"), ("floor", "none", "40x18"), ("trends", "slow150", "40x18")],
)
def test_the_first_campaign_comes_out_as_it_was_kept(
    measure: str, scenario: str, configuration: str
) -> None:
    kept = read_results().cells[measure, scenario, configuration]
    first = {name[len(FIRST) :]: kept[name] for name in kept if name.startswith(FIRST)}
    row = cells_module.MEASURES[measure](SCENARIOS[scenario], CONFIGURATIONS[configuration], 0)
    rounded = {name: float(f"{value:.6g}") for name, value in row.items()}
    assert set(first) == set(rounded) - {"cpu_s"}
    for name, value in first.items():
        assert rounded[name] == pytest.approx(value, rel=1e-4, abs=1e-9, nan_ok=True), name


def test_no_kept_number_is_outside_of_its_limits_by_more_than_its_error() -> None:
    lines = list(lines_of(read_results()))
    assert len({line.number for line in lines}) >= 15
    assert [f"{line.number}: {line.scenario}" for line in lines if line.verdict == "fails"] == []


def test_a_line_is_the_mean_over_configurations_however_many_campaigns_each_has() -> None:
    cells = {
        ("steps", "jitter", "a"): {"n": 30.0, "found": 1.0, "found_se": 0.0},
        ("steps", "jitter", "b"): {"n": 10.0, "found": 0.8, "found_se": 0.1},
    }
    (line,) = lines_of(ValidationResults("", cells))
    assert line.value == pytest.approx(0.9)
    assert line.err == pytest.approx(0.05)
    assert (line.n, line.verdict) == (40, "within its error")
    assert replace(line, value=0.96).verdict == "holds"
    assert replace(line, value=0.79).verdict == "fails"
    assert replace(line, n=29).verdict == "too few to say"


def test_the_bound_is_that_of_a_sample_variance_where_the_model_is_one() -> None:
    """White, one star on each channel, no photons, one exposure a night: night, exposure and jitter are
    one, and the relative error of a standard deviation from n numbers is 1 / sqrt(2 n)."""
    size = Configuration(40, 12, 12, exposures_per_night=1.0, snr_low=1e5, snr_high=1.1e5)
    campaign = draw_campaign(Scenario(exposure=0.02), size, seed=1)
    expected = campaign.scenario.floor / np.sqrt(2 * 39 * 11)
    # drift of 60 days is told apart from white noise, at a small price
    found = floor_bound(campaign.fluxes, campaign.scenario)
    assert expected * (1 - 1e-6) < found < expected * 1.05
